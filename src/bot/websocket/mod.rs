//! A bot behind a WebSocket: one connection that is kept, frames both ways.
//!
//! The link is driven by polling one method; it owns no task and no channel. What belongs to one connection lives in
//! that connection's state, so that the next one cannot inherit it. It keeps nothing to send again: what was not
//! written comes back as [`Happening::Unwritten`], what was written is the core's business.

mod connection;

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_util::{Sink, Stream};
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL},
};
use tokio::time::Sleep;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        error::{ProtocolError, SubProtocolError},
        protocol::frame::coding::CloseCode,
    },
};

use super::{
    BotError, LinkState, Settings,
    dialect::native,
    protocol::{BODY_MAX, SUBPROTOCOL},
    webhook::bearer,
};
use crate::{
    conversation::{ConversationId, event::EventId},
    net::{Net, NetError, NetStream, WebSocketLimits},
    ops::{
        backoff::{Backoff, Curve, retry_after},
        clock::Clock,
        logs::chain,
    },
};
use connection::{Connection, Lost};

/// The way to one bot.
pub(super) struct Link {
    net: Net,
    clock: Clock,
    settings: Settings,
    backoff: Backoff,
    state: State,
    /// What has happened and was not yet told.
    happened: VecDeque<Happening>,
}

/// What happened on the way to the bot.
#[derive(Debug, PartialEq)]
pub(super) enum Happening {
    /// The connection's state changed.
    Link(LinkState),
    /// A question's frame is written.
    Written(Delivery),
    /// A question could not be written; it comes back.
    Unwritten(Delivery),
    /// The bot sent a text frame.
    Frame {
        /// The text.
        text: Utf8Bytes,
        /// When it arrived.
        at: Instant,
    },
    /// Something that is not used: a word for the metric, and what it was.
    Noise(&'static str, String),
    /// Closed for good, after [`Link::close`].
    Closed,
}

/// Which question a frame puts to the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) conversation: ConversationId,
    pub(super) event: EventId,
    pub(super) attempt: u32,
}

enum State {
    /// Until the next try.
    Waiting(Pin<Box<Sleep>>),
    /// Dialling and shaking hands.
    Opening(Pin<Box<dyn Future<Output = Result<Opened, OpenError>> + Send>>),
    /// Frames go both ways.
    Open(Box<Connection>),
    /// Our close frame is on its way; whatever the bot still says is heard.
    Closing {
        socket: Box<Socket>,
        deadline: Pin<Box<Sleep>>,
        /// Dial again, with other settings.
        again: bool,
    },
    /// Nothing any more.
    Closed,
}

type Socket = WebSocketStream<NetStream>;

/// A connection that was opened.
pub(super) struct Opened {
    pub(super) socket: Socket,
    /// The bot's server did not name our subprotocol.
    pub(super) unnamed: bool,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("the upgrade request could not be made")]
    Settings(#[source] BotError),
}

impl Link {
    /// A link that dials at its first poll.
    pub(super) fn new(net: Net, clock: Clock, rng: fastrand::Rng, settings: Settings) -> Self {
        let mut link = Self {
            net,
            clock,
            settings,
            backoff: Backoff::new(Curve::BOT, rng),
            state: State::Closed,
            happened: VecDeque::new(),
        };
        link.happen(Happening::Link(LinkState {
            connected: Some(false),
            detail: "connecting".to_owned(),
            error: None,
        }));
        link.open();
        link
    }

    /// Puts a question to the bot, or gives it back at once if there is no connection.
    pub(super) fn ask(&mut self, frame: String, delivery: Delivery) {
        match &mut self.state {
            State::Open(connection) if connection.queue.len() < QUEUE_MAX => {
                connection.push(frame, Some(delivery));
            }
            State::Open(_)
            | State::Waiting(_)
            | State::Opening(_)
            | State::Closing { .. }
            | State::Closed => self.happen(Happening::Unwritten(delivery)),
        }
    }

    /// Tells the bot something that it may miss: without a connection it is dropped.
    pub(super) fn tell(&mut self, frame: String) {
        if let State::Open(connection) = &mut self.state
            && connection.queue.len() < QUEUE_MAX
        {
            connection.push(frame, None);
        }
    }

    /// Tells the bot what of a frame of its could not be used.
    pub(super) fn complain(&mut self, id: Option<&str>, what: &str) {
        self.tell(native::error_frame(id, what));
    }

    /// Bears with a frame that is of no use; a bot that sends them on and on is hung up on. False if it was.
    pub(super) fn bear(&mut self) -> bool {
        let now = self.clock.now();
        let State::Open(connection) = &mut self.state else {
            return true;
        };
        let borne = connection.patience.take(now).is_ok();
        if !borne {
            let reason = "too many frames that cannot be used";
            self.lose(Some((CloseCode::Policy, reason)), reason.to_owned(), None);
        }
        borne
    }

    /// Takes a question back that is not yet written.
    pub(super) fn withdraw(&mut self, event: &EventId) {
        if let State::Open(connection) = &mut self.state {
            connection.queue.retain(|outgoing| {
                (outgoing.delivery.as_ref()).is_none_or(|delivery| delivery.event != *event)
            });
        }
    }

    /// Uses other settings for what follows; closes the connection and opens another if `again`.
    pub(super) fn reload(&mut self, settings: Settings, again: bool) {
        self.settings = settings;
        if !again {
            return;
        }
        match &self.state {
            State::Open(_) => self.hang_up(true),
            State::Waiting(_) | State::Opening(_) => self.open(),
            // Closing leads to a new connection or, for good, to none.
            State::Closing { .. } | State::Closed => {}
        }
    }

    /// The agent's id became known; the bot is told with the next connection and in every event.
    pub(super) fn agent(&mut self, id: &str) {
        self.settings.connector.agent_id = Some(id.to_owned());
    }

    /// Closes for good; ends with [`Happening::Closed`].
    pub(super) fn close(&mut self) {
        match &mut self.state {
            State::Open(_) => self.hang_up(false),
            State::Closing { again, .. } => *again = false,
            State::Waiting(_) | State::Opening(_) => {
                self.state = State::Closed;
                self.happen(Happening::Closed);
            }
            State::Closed => {}
        }
    }

    /// What happens next. Cancel-safe.
    pub(super) async fn next(&mut self) -> Happening {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Happening> {
        loop {
            if let Some(happening) = self.happened.pop_front() {
                return Poll::Ready(happening);
            }
            match &mut self.state {
                State::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(context));
                    self.open();
                }
                State::Opening(opening) => {
                    let opened = ready!(opening.as_mut().poll(context));
                    self.opened(opened);
                }
                State::Open(connection) => {
                    match connection.poll(&self.clock, &mut self.happened, context) {
                        Poll::Ready(Lost { code, why }) => self.lose(code, why, None),
                        Poll::Pending if self.happened.is_empty() => return Poll::Pending,
                        Poll::Pending => {}
                    }
                }
                State::Closing { socket, deadline, again } => {
                    let again = *again;
                    let heard = Pin::new(&mut **socket).poll_next(context);
                    match heard {
                        Poll::Ready(Some(Ok(Message::Text(text)))) => {
                            let at = self.clock.now();
                            self.happen(Happening::Frame { text, at });
                        }
                        Poll::Ready(Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                            self.closed(again)
                        }
                        Poll::Ready(Some(Ok(_))) => {}
                        Poll::Pending => {
                            // Pushes our close frame on; an error shows when reading.
                            let _ = Pin::new(&mut **socket).poll_flush(context);
                            ready!(deadline.as_mut().poll(context));
                            self.closed(again);
                        }
                    }
                }
                State::Closed => return Poll::Pending,
            }
        }
    }

    fn open(&mut self) {
        let (net, settings) = (self.net.clone(), self.settings.clone());
        self.state = State::Opening(Box::pin(open(net, settings)));
    }

    fn opened(&mut self, opened: Result<Opened, OpenError>) {
        let Opened { socket, unnamed } = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let least = match &error {
                    OpenError::Net(NetError::UpgradeRefused {
                        retry_after: Some(wish), ..
                    }) => retry_after(wish, self.clock.wall()).map(|wait| wait.min(WISH_MAX)),
                    OpenError::Net(_) | OpenError::Settings(_) => None,
                };
                return self.lose(None, chain(&error).to_string(), least);
            }
        };
        if unnamed {
            let what = format!(
                "the bot's server does not name the subprotocol {SUBPROTOCOL}; used all the same"
            );
            self.happen(Happening::Noise("subprotocol", what));
        }
        let mut connection = Connection::new(socket, self.clock.now());
        connection.push(native::hello_frame(&self.settings.connector), None);
        self.state = State::Open(Box::new(connection));
        self.happen(Happening::Link(LinkState {
            connected: Some(true),
            detail: "connected".to_owned(),
            error: None,
        }));
    }

    /// The connection is lost, or could not be had: tell, give back what was not written, and wait.
    fn lose(
        &mut self,
        code: Option<(CloseCode, &'static str)>,
        why: String,
        least: Option<Duration>,
    ) {
        let now = self.clock.now();
        let mut unwritten = Vec::new();
        if let State::Open(connection) = &mut self.state {
            if now.saturating_duration_since(connection.opened_at) >= STABLE {
                self.backoff.reset();
            }
            unwritten = connection.take_unwritten();
            if let Some(code) = code {
                connection.try_to_say_goodbye(code);
            }
        }
        let wait = self.backoff.next_wait_at_least(least);
        self.state = State::Waiting(Box::pin(tokio::time::sleep(wait)));
        self.happen(Happening::Link(LinkState {
            connected: Some(false),
            detail: format!("next try in {:.1} s", wait.as_secs_f64()),
            error: Some(why),
        }));
        self.happened.extend(unwritten.into_iter().map(Happening::Unwritten));
    }

    /// Begins the close handshake.
    fn hang_up(&mut self, again: bool) {
        let closed = std::mem::replace(&mut self.state, State::Closed);
        let State::Open(mut connection) = closed else {
            self.state = closed;
            return;
        };
        let unwritten = connection.take_unwritten();
        connection.try_to_say_goodbye((CloseCode::Away, "goodbye"));
        self.state = State::Closing {
            socket: Box::new(connection.socket),
            deadline: Box::pin(tokio::time::sleep(CLOSE_TIMEOUT)),
            again,
        };
        self.happen(Happening::Link(LinkState {
            connected: Some(false),
            detail: if again { "connecting with new settings" } else { "closing" }.to_owned(),
            error: None,
        }));
        self.happened.extend(unwritten.into_iter().map(Happening::Unwritten));
    }

    fn closed(&mut self, again: bool) {
        if again {
            self.backoff.reset();
            self.open();
        } else {
            self.state = State::Closed;
            self.happen(Happening::Closed);
        }
    }

    fn happen(&mut self, happening: Happening) {
        self.happened.push_back(happening);
    }
}

/// Opens the connection. A server that does not name our subprotocol is tried once more without it: the library
/// refuses it, but many simple servers work all the same.
pub(super) async fn open(net: Net, settings: Settings) -> Result<Opened, OpenError> {
    let mut headers = HeaderMap::new();
    if let Some(token) = &settings.token {
        headers.insert(AUTHORIZATION, bearer(token).map_err(OpenError::Settings)?);
    }
    let mut named = headers.clone();
    named.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let limits = WebSocketLimits { max_message: BODY_MAX, ..WebSocketLimits::default() };
    let timeout = settings.request_timeout;
    let (socket, unnamed) = match net.websocket(&settings.url, named, limits, timeout).await {
        Ok(socket) => (socket, false),
        Err(error) if is_unnamed(&error) => {
            (net.websocket(&settings.url, headers, limits, timeout).await?, true)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Opened { socket, unnamed })
}

fn is_unnamed(error: &NetError) -> bool {
    let NetError::Handshake { source, .. } = error else {
        return false;
    };
    matches!(
        source.downcast_ref(),
        Some(tungstenite::Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(
            SubProtocolError::NoSubProtocol
        )))
    )
}

/// After a connection this old the next failure is a new one.
const STABLE: Duration = Duration::from_secs(60);
/// How long our close frame may take to be answered; a stop is not to wait for more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest `Retry-After` that is honoured: a bot that is back should not be left alone for a day.
const WISH_MAX: Duration = Duration::from_secs(300);
/// Frames that wait for a bot that reads slowly.
const QUEUE_MAX: usize = 4096;

#[cfg(test)]
mod tests;
