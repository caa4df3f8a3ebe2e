//! The health endpoint: what orchestrators, Prometheus and people may ask.
//!
//! | path | answer |
//! |---|---|
//! | `/livez`, `/healthz` | 200 while the hall answers, else 503 |
//! | `/readyz` | 200 while Online, else 503 with the reason |
//! | `/status` | the status as JSON |
//! | `/metrics` | text for Prometheus |
//! | `/` | the status as a page for people |
//!
//! The endpoint is read-only and trusts nobody: one request for each connection, which lives a few seconds at most;
//! when there are too many, the newest pushes out the oldest, so that a flood of idle ones cannot lock out a probe.

mod address;
mod answer;
mod client;
mod listen;
mod page;

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use address::{Address, AddressError};
use answer::Room;
pub use client::{FetchError, Fetched, fetch_status};
pub use listen::BindError;
use listen::{Listener, Stream};

use super::{
    clock::Clock,
    connections::{Connections, Trust},
    metrics::Metrics,
    status::Status,
};

/// What the endpoint asks the hall. Asked through a bounded channel.
#[derive(Debug)]
pub enum Ask {
    /// How do you do? A hall that does not answer within two seconds counts as dead.
    Status(oneshot::Sender<Box<Status>>),
}

/// The endpoint, bound but not answering yet.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
}

impl Server {
    /// Takes the address. A stale Unix socket is replaced; one that somebody listens on is not.
    pub async fn bind(address: &Address) -> Result<Self, BindError> {
        let listener = Listener::bind(address).await?;
        Ok(Self { listener })
    }

    /// Where it listens; with the port that the system chose, should that have been 0.
    #[must_use]
    pub fn address(&self) -> Address {
        self.listener.address()
    }

    /// Answers until `stop`, then lets answers under way finish for a moment.
    pub async fn run(
        self,
        asks: mpsc::Sender<Ask>,
        metrics: Arc<Metrics>,
        clock: Clock,
        stop: CancellationToken,
    ) {
        let room = Arc::new(Room::new(asks, metrics, clock));
        let mut connections = Connections::new(MAX_CONNECTIONS);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok(Stream::Tcp(stream)) => connections.add(Trust::default(), serve(stream, room.clone())),
                    Ok(Stream::Unix(stream)) => connections.add(Trust::default(), serve(stream, room.clone())),
                    Err(error) => {
                        // Most likely out of file descriptors: some will be closed soon.
                        warn!(%error, "the health endpoint cannot accept a connection");
                        tokio::time::sleep(BREATH).await;
                    }
                },
            }
        }
        connections.finish(LAST_WORDS).await;
    }
}

/// One connection, one request. Whatever the client does or does not do, it ends.
async fn serve<S>(stream: S, room: Arc<Room>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let room = room.clone();
        async move { Ok::<_, Infallible>(room.answer(request.method(), request.uri().path()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off, or the rules, is not worth a log line.
    let _ = tokio::time::timeout(LIFETIME, connection).await;
}

/// Probes, a scraper and a few browsers; more is an accident or an attack.
const MAX_CONNECTIONS: usize = 64;
/// From the connection to the end of the request's head.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// From the connection to the end of the answer.
const LIFETIME: Duration = Duration::from_secs(15);
/// How long answers under way may take after the stop.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Between attempts to accept while that fails.
const BREATH: Duration = Duration::from_millis(100);
/// The longest head of a request; hyper's minimum.
const MAX_HEAD: usize = 8 * 1024;

#[cfg(test)]
mod tests;
