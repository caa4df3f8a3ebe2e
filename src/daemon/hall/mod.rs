//! The hall: the only room that knows all others. It carries events from the doors to the conversations and their
//! effects back to the doors. It awaits nothing and asks no clock.

mod carry;
mod from_bot;
mod from_cloud;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{
    availability::{Presence, Situation},
    rings::Rings,
};
use crate::{
    bot,
    cloud::{self, Availability},
    conversation::{
        Book, ConversationId, Event, Settings, Timestamp, event::Reach, settings::Role,
    },
    ops::{
        metrics::{Metrics, RingResult},
        status::{Board, Conversations, Phase, Status},
    },
};

/// The settings that are the hall's own.
#[derive(Clone, Debug)]
pub struct HallSettings {
    /// How conversations behave.
    pub conversation: Arc<Settings>,
    /// `[connector] max_conversations`
    pub limit: usize,
    /// `ringAcceptWait`
    pub ring_wait: Duration,
    /// `[shutdown] on_stop = "return"`
    pub return_on_stop: bool,
    /// `[log] message_content`
    pub log_content: bool,
}

/// The hall's state.
#[derive(Debug)]
pub struct Hall {
    settings: HallSettings,
    book: Book,
    rings: Rings,
    presence: Presence,
    board: Board,
    metrics: Arc<Metrics>,
    cloud: mpsc::Sender<cloud::Command>,
    bot: mpsc::Sender<bot::Command>,

    link: Link,
    /// What the agent was last asked to be.
    wanted: Option<Availability>,
    reach: Reach,
    /// When a bot that cannot be reached counts as gone.
    gone_at: Option<Instant>,
    stopping: Stopping,
    /// Events that follow from what could not be handed out.
    backlog: VecDeque<(ConversationId, Event)>,
    /// When the input that is being handled arrived.
    arrived: Instant,
    /// A status word changed and nobody has been told yet.
    news: bool,
}

/// Where the connection to the cloud stands, as far as conversations are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Link {
    Down,
    /// The open conversations are being told.
    Listing {
        told: BTreeSet<ConversationId>,
    },
    /// They are told, and are being read.
    Rebuilding,
    Up,
}

/// How far the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    No,
    /// What is under way is finished.
    Draining,
    /// Conversations go back to the queue.
    Returning,
    /// Nothing holds the process any more.
    Done,
}
impl Hall {
    /// An empty hall between two doors.
    #[must_use]
    pub fn new(
        settings: HallSettings,
        board: Board,
        metrics: Arc<Metrics>,
        cloud: mpsc::Sender<cloud::Command>,
        bot: mpsc::Sender<bot::Command>,
        now: Instant,
    ) -> Self {
        let rings = Rings::new(settings.ring_wait);
        Self {
            settings,
            book: Book::default(),
            rings,
            presence: Presence::default(),
            board,
            metrics,
            cloud,
            bot,
            link: Link::Down,
            wanted: None,
            reach: Reach::Up,
            gone_at: None,
            stopping: Stopping::No,
            backlog: VecDeque::new(),
            arrived: now,
            news: true,
        }
    }

    /// Time has passed: wakes what wants to be woken.
    pub fn on_time(&mut self, now: Instant, wall: Timestamp) {
        // What is late by the timer's own coarseness is not the connector's share.
        self.arrived = now;
        if self.gone_at.is_some_and(|at| at <= now) {
            self.gone_at = None;
            warn!("the bot cannot be reached for longer than retryMessageInterval");
            self.set_reach(Reach::Gone, now);
        }
        // Bounded: each conversation is woken at most once for this moment, or its wake has moved.
        for _ in 0..=self.book.len() {
            let Some(id) = self.book.due(now) else { break };
            self.step(&id, Event::Elapsed, now);
        }
        self.settle(now, wall);
    }

    /// When to call [`Hall::on_time`] next.
    #[must_use]
    pub fn wake(&self) -> Option<Instant> {
        [self.book.wake(), self.rings.wake(self.room()), self.gone_at].into_iter().flatten().min()
    }

    /// Begins to stop: no new rings, what is under way is finished.
    pub fn drain(&mut self, now: Instant, wall: Timestamp) {
        if self.stopping == Stopping::No {
            self.stopping = Stopping::Draining;
            self.news |= self.board.phase(Phase::Draining, wall);
            self.tell_all(|| Event::Drain, now);
            self.settle(now, wall);
        }
    }

    /// Whether nothing holds the process any more after [`Hall::drain`].
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.stopping == Stopping::Done
    }

    /// Takes over new settings.
    pub fn reload(
        &mut self,
        settings: HallSettings,
        fingerprint: String,
        now: Instant,
        wall: Timestamp,
    ) {
        let conversation = Arc::clone(&settings.conversation);
        self.rings.set_wait(settings.ring_wait);
        self.settings = settings;
        self.board.custom_fingerprint(fingerprint);
        self.tell_all(|| Event::Settings(Arc::clone(&conversation)), now);
        self.settle(now, wall);
    }

    /// The status as of now.
    #[must_use]
    pub fn status(&mut self) -> &Status {
        let waiting_for_bot = self.book.iter().filter(|(_, c)| c.waits_for_bot()).count();
        self.board.conversations(Conversations {
            open: self.book.len(),
            limit: self.settings.limit,
            waiting_for_bot,
        });
        let status = self.board.status();
        self.metrics.status(status);
        status
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The connections and words have been concluded once, either way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.board.status().settled()
    }

    /// Whether a status word has changed since this was asked last.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Tells the board that the process has stopped.
    pub fn stopped(&mut self, wall: Timestamp) {
        self.board.phase(Phase::Stopped, wall);
    }

    fn ring_ended(&self, end: RingResult) {
        self.metrics.ring(end);
    }

    /// Rings that may still be taken.
    fn room(&self) -> usize {
        if self.wanted == Some(Availability::Online) {
            self.settings.limit.saturating_sub(self.book.len())
        } else {
            0
        }
    }

    /// After each input: rings that are due, the state to be in, the end.
    fn settle(&mut self, now: Instant, wall: Timestamp) {
        while let Some((id, event)) = self.backlog.pop_front() {
            self.step(&id, event, now);
        }
        if self.link == Link::Rebuilding && self.book.iter().all(|(_, c)| c.is_rebuilt()) {
            self.link = Link::Up;
        }
        self.decide_presence(wall);
        let due = self.rings.advance(now, self.room());
        for end in due.ended {
            self.ring_ended(end);
        }
        for ring in due.accept {
            info!(ring = %ring, "accepting the ring");
            self.tell_cloud(cloud::Command::AcceptRing(ring));
        }
        self.go_on_stopping(now);
    }

    fn decide_presence(&mut self, wall: Timestamp) {
        if matches!(self.link, Link::Down | Link::Listing { .. }) {
            return;
        }
        let settings = &self.settings;
        let decision = self.presence.decide(Situation {
            manager: matches!(settings.conversation.role, Role::Manager(_)),
            draining: self.stopping != Stopping::No,
            rebuilt: self.link == Link::Up,
            nobody_to_answer: self.reach == Reach::Gone
                && settings.conversation.fallback_skill.is_none(),
            open: self.book.len(),
            limit: settings.limit,
        });
        if self.wanted != Some(decision.state) {
            info!(state = ?decision.state, why = decision.why, "asking for the agent's state");
            self.wanted = Some(decision.state);
            self.news |= self.board.wanted(decision.state, wall);
            self.tell_cloud(cloud::Command::Availability(decision.state));
        }
    }

    fn go_on_stopping(&mut self, now: Instant) {
        if self.stopping == Stopping::Draining && !self.is_busy() {
            if self.settings.return_on_stop {
                self.stopping = Stopping::Returning;
                self.tell_all(|| Event::Return, now);
            } else {
                self.stopping = Stopping::Done;
            }
        }
        if self.stopping == Stopping::Returning && !self.is_busy() {
            self.stopping = Stopping::Done;
        }
    }

    fn is_busy(&self) -> bool {
        self.book.iter().any(|(_, conversation)| conversation.is_busy())
    }
}
