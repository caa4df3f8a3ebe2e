//! IO: one WebSocket that never makes its reader wait for its writer.

use std::{
    future::poll_fn,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use hyper::{HeaderMap, Uri};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::connection::Received;
use crate::{
    cloud::report,
    net::{Net, NetError, NetStream, WebSocketLimits},
};

/// An open WebSocket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: WebSocketStream<NetStream>,
    unsent: bool,
    failed: Option<String>,
}

impl Socket {
    /// Opens a WebSocket.
    pub(super) async fn open(net: &Net, uri: &Uri, timeout: Duration) -> Result<Self, NetError> {
        let stream = net.websocket(uri, HeaderMap::new(), LIMITS, timeout).await?;
        Ok(Self { stream, unsent: false, failed: None })
    }

    /// Takes a text frame for sending; it leaves while [`Socket::next`] is awaited.
    pub(super) fn send(&mut self, text: String) {
        // Bounded by the buffer's limit: a server that reads nothing fails the socket, not the memory.
        if let Err(error) = self.stream.start_send_unpin(Message::text(text)) {
            self.failed.get_or_insert_with(|| report::chain(&error));
        }
        self.unsent = true;
    }

    /// Waits for the next frame, sending meanwhile what is to be sent. Without `read` it only sends.
    ///
    /// May be dropped at any time without losing anything.
    pub(super) async fn next(&mut self, read: bool) -> Received {
        poll_fn(|cx| self.poll(read, cx)).await
    }

    /// Says good-bye, within a moment.
    pub(super) async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let _ = tokio::time::timeout(GOOD_BYE, self.stream.close(Some(frame))).await;
    }

    fn poll(&mut self, read: bool, cx: &mut Context<'_>) -> Poll<Received> {
        if let Some(detail) = self.failed.take() {
            return Poll::Ready(Received::Closed { code: None, detail });
        }
        if self.unsent {
            match self.stream.poll_flush_unpin(cx) {
                Poll::Ready(Ok(())) => self.unsent = false,
                Poll::Ready(Err(error)) => return Poll::Ready(broken(&error)),
                Poll::Pending => {}
            }
        }
        if !read {
            return Poll::Pending;
        }
        self.stream.poll_next_unpin(cx).map(|frame| match frame {
            Some(Ok(Message::Text(text))) => Received::Text(text.as_str().to_owned()),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = match frame {
                    Some(frame) => (frame.code.into(), frame.reason.as_str().to_owned()),
                    None => (NO_CODE, String::new()),
                };
                Received::Closed { code: Some(code), detail: report::shortened(reason, 120) }
            }
            Some(Ok(
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
            )) => Received::Other,
            Some(Err(error)) => broken(&error),
            None => Received::Closed { code: None, detail: "it ended".to_owned() },
        })
    }
}

fn broken(error: &Error) -> Received {
    Received::Closed { code: None, detail: report::chain(error) }
}

/// A list of 1 000 conversations is a few megabytes.
const LIMITS: WebSocketLimits = WebSocketLimits { max_message: 16 << 20, max_unsent: 4 << 20 };
/// What RFC 6455 calls a close frame without code.
const NO_CODE: u16 = 1005;
const GOOD_BYE: Duration = Duration::from_secs(1);
