//! An agent's WebSocket: frames in, frames out, silence, close.

use super::outbox::{Next, Outgoing};
use super::{Simulator, World};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// How long a client may take to accept a frame, or to answer a close.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest frame taken from a client, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

type Stream = WebSocketStream<TokioIo<Upgraded>>;

/// Serves the socket `id`, which is registered in the world already, until it ends.
pub(super) async fn run(simulator: Simulator, upgrade: OnUpgrade, id: u64) {
    let why = match tokio::time::timeout(PATIENCE, upgrade).await {
        Ok(Ok(upgraded)) => {
            let config = WebSocketConfig::default()
                .max_message_size(Some(LARGEST))
                .max_frame_size(Some(LARGEST));
            let stream = WebSocketStream::from_raw_socket(
                TokioIo::new(upgraded),
                Role::Server,
                Some(config),
            )
            .await;
            Box::pin(talk(&simulator, stream, id)).await
        }
        Ok(Err(error)) => format!("upgrade failed: {error}"),
        Err(_) => "upgrade timed out".into(),
    };
    simulator.act(|world| world.drop_socket(id, &why));
}

/// Exchanges frames; says why it ended.
async fn talk(simulator: &Simulator, mut stream: Stream, id: u64) -> String {
    let clock = simulator.clock();
    let Some((wake, idle_timeout)) = simulator.read(|world| start(world, id)) else {
        return "forgotten".into();
    };
    let mut heard = clock.now();
    let mut reads_at = heard;
    loop {
        let dead = simulator.read(|world| world.is_dead(id));
        let mut due = None;
        // A dead socket keeps what it has to say, like a cut cable.
        while !dead && due.is_none() {
            match simulator.act(|world| world.next_out(id)) {
                Next::Send(Outgoing::Text(text)) => {
                    let sent =
                        tokio::time::timeout(PATIENCE, stream.send(Message::text(text))).await;
                    match sent {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return describe(&error),
                        Err(_) => return "the client does not read".into(),
                    }
                }
                Next::Send(Outgoing::Close(1006, reason)) => return format!("1006 {reason}"),
                Next::Send(Outgoing::Close(code, reason)) => {
                    let closed = close(&mut stream, code, &reason);
                    // The answer to a close may never come.
                    let _ = tokio::time::timeout(PATIENCE, closed).await;
                    return format!("{code} {reason}");
                }
                Next::WaitUntil(time) => due = Some(time),
                Next::Idle => due = Some(u64::MAX),
                Next::Gone => return "forgotten".into(),
            }
        }
        let mut due = due.unwrap_or(u64::MAX).min(heard + idle_timeout);
        let reads = clock.now() >= reads_at;
        if !reads {
            due = due.min(reads_at);
        }
        tokio::select! {
            message = stream.next(), if !dead && reads => {
                heard = clock.now();
                reads_at = heard + simulator.read(|world| world.reading_pause(id));
                match message {
                    Some(Ok(Message::Text(text))) => simulator.act(|world| world.receive(id, &text)),
                    Some(Ok(Message::Close(frame))) => {
                        // Reading on sends the answer to the close.
                        let _ = tokio::time::timeout(PATIENCE, stream.next()).await;
                        let code = frame.map_or(1005, |frame| u16::from(frame.code));
                        return format!("{code} by the client");
                    }
                    Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Err(error)) => return describe(&error),
                    None => return "1006 by the client".into(),
                }
            }
            () = wake.notified() => {}
            () = clock.sleep_until(due) => {
                if clock.now() >= heard + idle_timeout {
                    if dead {
                        return "1006 silent".into();
                    }
                    let _ = tokio::time::timeout(PATIENCE, close(&mut stream, 1001, "idle")).await;
                    return "1001 idle".into();
                }
            }
            () = simulator.inner.stop.cancelled() => return "1006 the simulator stops".into(),
        }
    }
}

fn start(world: &World, id: u64) -> Option<(Arc<Notify>, u64)> {
    let socket = world.sockets.get(&id)?;
    Some((Arc::clone(&socket.wake), world.options.idle_timeout))
}

/// Sends a close frame and waits for the client's.
async fn close(stream: &mut Stream, code: u16, reason: &str) -> Result<(), Error> {
    stream.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).await?;
    while let Some(message) = stream.next().await {
        message?;
    }
    Ok(())
}

fn describe(error: &Error) -> String {
    format!("1006 {error}")
}
