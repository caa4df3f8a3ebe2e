//! One open connection: what waits to be written, what was heard when, and when to give it up.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_util::{Sink, Stream};
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::{
    self, Message,
    error::ProtocolError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{Delivery, Happening, Socket};
use crate::ops::{backoff::TokenBucket, clock::Clock, logs::chain};

/// What belongs to one connection.
pub(super) struct Connection {
    pub(super) socket: Socket,
    /// Frames that wait for the socket.
    pub(super) queue: VecDeque<Outgoing>,
    /// Given to the socket, and perhaps not yet written through.
    unflushed: Vec<Delivery>,
    /// Since when the socket takes nothing.
    stuck_since: Option<Instant>,
    pub(super) opened_at: Instant,
    heard_at: Instant,
    ping_at: Instant,
    timer: Pin<Box<Sleep>>,
    /// How many useless frames are borne with.
    pub(super) patience: TokenBucket,
}

/// A frame that waits for the socket.
pub(super) struct Outgoing {
    message: Message,
    pub(super) delivery: Option<Delivery>,
}

/// Why a connection ended, and what to tell the bot if it can still hear.
pub(super) struct Lost {
    pub(super) code: Option<(CloseCode, &'static str)>,
    pub(super) why: String,
}

impl Lost {
    fn silently(why: impl Into<String>) -> Self {
        Self { code: None, why: why.into() }
    }
}

impl Connection {
    pub(super) fn new(socket: Socket, now: Instant) -> Self {
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

    pub(super) fn push(&mut self, frame: String, delivery: Option<Delivery>) {
        let message = Message::text(frame);
        self.queue.push_back(Outgoing { message, delivery });
    }

    /// Ready when the connection is lost; pending with something in `happened` is progress.
    pub(super) fn poll(
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

    pub(super) fn take_unwritten(&mut self) -> Vec<Delivery> {
        let queued = self.queue.drain(..).filter_map(|outgoing| outgoing.delivery);
        self.unflushed.drain(..).chain(queued).collect()
    }

    /// Queues a close frame and tries to write it; nobody waits for it to arrive.
    pub(super) fn try_to_say_goodbye(&mut self, (code, reason): (CloseCode, &'static str)) {
        let frame = CloseFrame { code, reason: reason.into() };
        let mut context = Context::from_waker(std::task::Waker::noop());
        if Pin::new(&mut self.socket).poll_ready(&mut context).is_ready() {
            let _ = Pin::new(&mut self.socket).start_send(Message::Close(Some(frame)));
            let _ = Pin::new(&mut self.socket).poll_flush(&mut context);
        }
    }
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
/// Useless frames at once that are borne with; one more comes to be each `PATIENCE_EVERY`.
const PATIENCE: u32 = 100;
const PATIENCE_EVERY: Duration = Duration::from_secs(1);
