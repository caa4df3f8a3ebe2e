//! A bot behind a WebSocket: one connection that is kept, frames both ways.
//!
//! The link is driven by polling one method; it owns no task and no channel. What belongs to one connection lives in
//! that connection's state, so that the next one cannot inherit it. It keeps nothing to send again: what was not
//! written comes back as [`Happening::Unwritten`], what was written is the core's business.

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
        protocol::{CloseFrame, frame::coding::CloseCode},
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
        backoff::{Backoff, Curve, TokenBucket, retry_after},
        clock::Clock,
        logs::chain,
    },
};

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

/// What belongs to one connection.
struct Connection {
    socket: Socket,
    /// Frames that wait for the socket.
    queue: VecDeque<Outgoing>,
    /// Given to the socket, and perhaps not yet written through.
    unflushed: Vec<Delivery>,
    /// Since when the socket takes nothing.
    stuck_since: Option<Instant>,
    opened_at: Instant,
    heard_at: Instant,
    ping_at: Instant,
    timer: Pin<Box<Sleep>>,
    /// How many useless frames are borne with.
    patience: TokenBucket,
}

struct Outgoing {
    message: Message,
    delivery: Option<Delivery>,
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

/// Why a connection ended, and what to tell the bot if it can still hear.
struct Lost {
    code: Option<(CloseCode, &'static str)>,
    why: String,
}

impl Lost {
    fn silently(why: impl Into<String>) -> Self {
        Self { code: None, why: why.into() }
    }
}

impl Connection {
    fn new(socket: Socket, now: Instant) -> Self {
        Self {
            socket,
            queue: VecDeque::new(),
            unflushed: Vec::new(),
            stuck_since: None,
            opened_at: now,
            heard_at: now,
            ping_at: now + PING_EVERY,
            timer: Box::pin(tokio::time::sleep_until((now + PING_EVERY).into())),
            patience: TokenBucket::new(PATIENCE_EVERY, PATIENCE),
        }
    }

    fn push(&mut self, frame: String, delivery: Option<Delivery>) {
        let message = Message::text(frame);
        self.queue.push_back(Outgoing { message, delivery });
    }

    /// Ready when the connection is lost; pending with something in `happened` is progress.
    fn poll(
        &mut self,
        clock: &Clock,
        happened: &mut VecDeque<Happening>,
        context: &mut Context<'_>,
    ) -> Poll<Lost> {
        // 1. Write what can be written.
        if let Poll::Ready(lost) = self.poll_write(clock, happened, context) {
            return Poll::Ready(lost);
        }
        // 2. Read one frame: what arrived is a sign of life, so this comes before judging the silence.
        if let Poll::Ready(lost) = self.poll_read(clock, happened, context) {
            return Poll::Ready(lost);
        }
        // 3. Silence and pings.
        self.poll_time(clock, context)
    }

    fn poll_write(
        &mut self,
        clock: &Clock,
        happened: &mut VecDeque<Happening>,
        context: &mut Context<'_>,
    ) -> Poll<Lost> {
        let written = match self.poll_send(context) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                return Poll::Ready(Lost::silently(format!("writing failed: {}", chain(&error))));
            }
            Poll::Pending => false,
        };
        if written {
            self.stuck_since = None;
            happened.extend(self.unflushed.drain(..).map(Happening::Written));
        } else {
            self.stuck_since.get_or_insert_with(|| clock.now());
        }
        Poll::Pending
    }

    /// Ready when the queue is empty and everything is written through.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), tungstenite::Error>> {
        while !self.queue.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(context))?;
            if let Some(Outgoing { message, delivery }) = self.queue.pop_front() {
                self.unflushed.extend(delivery);
                Pin::new(&mut self.socket).start_send(message)?;
            }
        }
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_read(
        &mut self,
        clock: &Clock,
        happened: &mut VecDeque<Happening>,
        context: &mut Context<'_>,
    ) -> Poll<Lost> {
        loop {
            let lost = match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(message))) => {
                    self.heard_at = clock.now();
                    match message {
                        Message::Text(text) => {
                            let at = self.heard_at;
                            happened.push_back(Happening::Frame { text, at });
                            // One at a time: whoever handles it may not keep up, and then the socket fills.
                            return Poll::Pending;
                        }
                        Message::Binary(_) => {
                            let what = "a binary frame; frames must be text".to_owned();
                            happened.push_back(Happening::Noise("binary", what));
                            return Poll::Pending;
                        }
                        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                        Message::Close(frame) => {
                            // The answer to it was queued by the library; this pushes it out.
                            let _ = Pin::new(&mut self.socket).poll_flush(context);
                            Lost::silently(close_words(frame))
                        }
                    }
                }
                Poll::Ready(Some(Err(error))) => lost_by(&error),
                Poll::Ready(None) => Lost::silently("the bot ended the connection"),
            };
            return Poll::Ready(lost);
        }
    }

    fn poll_time(&mut self, clock: &Clock, context: &mut Context<'_>) -> Poll<Lost> {
        loop {
            let now = clock.now();
            let dead_at = self.heard_at + SILENCE_MAX;
            let stuck_at = self.stuck_since.map(|since| since + SILENCE_MAX);
            if now >= dead_at {
                let why = format!("nothing heard from the bot for {} s", SILENCE_MAX.as_secs());
                return Poll::Ready(Lost {
                    code: Some((CloseCode::Away, "silent for too long")),
                    why,
                });
            }
            if stuck_at.is_some_and(|at| now >= at) {
                let why = format!("the bot has read nothing for {} s", SILENCE_MAX.as_secs());
                return Poll::Ready(Lost::silently(why));
            }
            if now >= self.ping_at {
                self.ping_at = now + PING_EVERY;
                self.queue.push_front(Outgoing {
                    message: Message::Ping(Vec::new().into()),
                    delivery: None,
                });
                context.waker().wake_by_ref();
            }
            let next = [Some(dead_at), stuck_at, Some(self.ping_at)];
            if let Some(next) = next.into_iter().flatten().min() {
                self.timer.as_mut().reset(next.into());
            }
            ready!(self.timer.as_mut().poll(context));
        }
    }

    fn take_unwritten(&mut self) -> Vec<Delivery> {
        let queued = self.queue.drain(..).filter_map(|outgoing| outgoing.delivery);
        self.unflushed.drain(..).chain(queued).collect()
    }

    /// Queues a close frame and tries to write it; nobody waits for it to arrive.
    fn try_to_say_goodbye(&mut self, (code, reason): (CloseCode, &'static str)) {
        let frame = CloseFrame { code, reason: reason.into() };
        let mut context = Context::from_waker(std::task::Waker::noop());
        if Pin::new(&mut self.socket).poll_ready(&mut context).is_ready() {
            let _ = Pin::new(&mut self.socket).start_send(Message::Close(Some(frame)));
            let _ = Pin::new(&mut self.socket).poll_flush(&mut context);
        }
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

fn lost_by(error: &tungstenite::Error) -> Lost {
    let code = match error {
        tungstenite::Error::Capacity(_) => Some((CloseCode::Size, "longer than 1 MiB")),
        tungstenite::Error::Utf8(_) => Some((CloseCode::Invalid, "not UTF-8")),
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        tungstenite::Error::Protocol(_) => Some((CloseCode::Protocol, "not a WebSocket frame")),
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Io(_)
        | tungstenite::Error::Tls(_)
        | tungstenite::Error::WriteBufferFull(_)
        | tungstenite::Error::AttackAttempt
        | tungstenite::Error::Url(_)
        | tungstenite::Error::Http(_)
        | tungstenite::Error::HttpFormat(_) => None,
    };
    let why = format!("the connection broke: {}", chain(error));
    Lost { code, why }
}

fn close_words(frame: Option<CloseFrame>) -> String {
    match frame {
        Some(CloseFrame { code, reason }) if reason.is_empty() => {
            format!("the bot closed with {code}")
        }
        Some(CloseFrame { code, reason }) => format!("the bot closed with {code}: {reason}"),
        None => "the bot closed".to_owned(),
    }
}

/// Keeps middleboxes awake and finds dead connections.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Three pings without any frame, or frames that nobody takes.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// After a connection this old the next failure is a new one.
const STABLE: Duration = Duration::from_secs(60);
/// How long our close frame may take to be answered.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest `Retry-After` that is honoured: a bot that is back should not be left alone for a day.
const WISH_MAX: Duration = Duration::from_secs(300);
/// Frames that wait for a bot that reads slowly.
const QUEUE_MAX: usize = 4096;
/// Useless frames at once that are borne with; one more comes to be each `PATIENCE_EVERY`.
const PATIENCE: u32 = 100;
const PATIENCE_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
