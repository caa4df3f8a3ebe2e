//! The hall: the only room that knows all others. It carries events from the doors to the conversations and their
//! effects back to the doors. It awaits nothing and asks no clock.

mod carry;
mod from_bot;
mod from_cloud;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{
    availability::{Asked, Presence, Situation},
    hearing::Hearing,
    ratings::Ratings,
    report::Complaint,
    rings::Rings,
};
use crate::{
    bot,
    cloud::{self, Availability},
    conversation::{
        Book, Call, CallError, ConversationId, Event, Settings, Timestamp, event::Reach,
        settings::Role,
    },
    ops::{
        metrics::{Metrics, RingResult},
        status::{Board, Conversations, Phase, Standing, Status},
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
    asked: Asked,
    /// What the board says of it.
    standing: Standing,
    /// Conversations that a manager has asked to join, and when to ask again.
    joins: BTreeMap<ConversationId, Instant>,
    reach: Reach,
    /// When a bot that cannot be reached counts as gone.
    gone_at: Option<Instant>,
    stopping: Stopping,
    /// Conversations that were sent back to the queue because the process stops.
    returned: BTreeSet<ConversationId>,
    /// What was last complained of: the way to the cloud, and the way to the bot.
    complaints: (Complaint, Complaint),
    hearing: Hearing,
    ratings: Ratings,
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
    Draining {
        /// Then even conversations with something under way go back to the queue, if they are to go back at all.
        return_all_at: Instant,
    },
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
            asked: Asked::default(),
            standing: Standing::Undecided,
            joins: BTreeMap::new(),
            reach: Reach::Up,
            gone_at: None,
            stopping: Stopping::No,
            returned: BTreeSet::new(),
            complaints: <(Complaint, Complaint)>::default(),
            hearing: Hearing::default(),
            ratings: Ratings::default(),
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
        self.join_again(now);
        self.settle(now, wall);
    }

    /// When to call [`Hall::on_time`] next.
    #[must_use]
    pub fn wake(&self) -> Option<Instant> {
        let returns = match self.stopping {
            Stopping::Draining { return_all_at } => {
                Some(return_all_at).filter(|at| self.settings.return_on_stop && *at > self.arrived)
            }
            Stopping::No | Stopping::Done => None,
        };
        [
            self.book.wake(),
            self.rings.wake(self.room()),
            self.gone_at,
            self.asked.wake(),
            self.joins.values().min().copied(),
            returns,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Begins to stop: no new rings, what is under way is finished. Conversations that are to be returned to the queue
    /// are returned when nothing is under way in them, and at `return_all_at` whatever is.
    pub fn drain(&mut self, return_all_at: Instant, now: Instant, wall: Timestamp) {
        if self.stopping == Stopping::No {
            self.arrived = now;
            self.stopping = Stopping::Draining { return_all_at };
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
        if self.asked.state() == Some(Availability::Online) {
            self.settings.limit.saturating_sub(self.book.len())
        } else {
            0
        }
    }

    /// After each input: rings that are due, the state to be in, the end.
    fn settle(&mut self, now: Instant, wall: Timestamp) {
        self.work_off_backlog(now);
        if self.link == Link::Rebuilding && self.book.iter().all(|(_, c)| c.is_rebuilt()) {
            self.link = Link::Up;
        }
        self.decide_presence(now, wall);
        let due = self.rings.advance(now, self.room());
        for end in due.ended {
            self.ring_ended(end);
        }
        for ring in due.accept {
            info!(ring = %ring, "accepting the ring");
            self.tell_cloud(cloud::Command::AcceptRing(ring));
        }
        self.go_on_stopping(now);
        self.work_off_backlog(now);
    }

    fn work_off_backlog(&mut self, now: Instant) {
        while let Some((id, event)) = self.backlog.pop_front() {
            self.step(&id, event, now);
        }
    }

    fn decide_presence(&mut self, now: Instant, wall: Timestamp) {
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
        let state = decision.state;
        self.news |= self.board.wanted(state, decision.why, wall);
        if self.asked.is_due(state, now) {
            info!(state = state.as_str(), why = decision.why, "asking for the agent's state");
            if !self.tell_cloud(cloud::Command::Availability(state)) {
                self.asked.answered(state, false, now);
            }
        }
        // What is acknowledged while conversations are being rebuilt is not the last word.
        if self.link == Link::Up && self.asked.is_acknowledged() {
            self.stand(Standing::Acknowledged, wall);
        }
    }

    /// The cloud has answered a request for the agent's state.
    fn on_availability_set(
        &mut self,
        state: Availability,
        result: Result<(), CallError>,
        now: Instant,
        wall: Timestamp,
    ) {
        if !self.asked.answered(state, result.is_ok(), now) {
            return;
        }
        match result {
            // Said anew to the board each time: what was told before it is out of date.
            Ok(()) => self.standing = Standing::Undecided,
            // The log-out that follows ends the agent's state anyway.
            Err(_) if self.stopping != Stopping::No => {}
            Err(error) => {
                warn!(
                    state = state.as_str(),
                    error = %error,
                    "the agent's state could not be set, it is tried again"
                );
                self.stand(Standing::Failed(error.to_string()), wall);
            }
        }
    }

    fn stand(&mut self, standing: Standing, wall: Timestamp) {
        if self.standing != standing {
            self.standing = standing.clone();
            self.news |= self.board.standing(standing, wall);
        }
    }

    /// Joining is the only way in for a manager, so it is asked for until it is done.
    fn join(&mut self, id: ConversationId, now: Instant) {
        self.joins.insert(id.clone(), now + JOIN_AGAIN);
        self.tell_cloud(cloud::Command::Call { conversation: id, id: None, call: Call::Join });
    }

    fn join_again(&mut self, now: Instant) {
        let due: Vec<ConversationId> =
            self.joins.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
        for id in due {
            self.join(id, now);
        }
    }

    fn go_on_stopping(&mut self, now: Instant) {
        let Stopping::Draining { return_all_at } = self.stopping else {
            return;
        };
        if self.settings.return_on_stop {
            self.return_conversations(return_all_at <= now, now);
        }
        if !self.is_busy() {
            self.stopping = Stopping::Done;
        }
    }

    /// Sends conversations back to the queue, once each; those with something under way only if `all` are to go.
    fn return_conversations(&mut self, all: bool, now: Instant) {
        let ready: Vec<ConversationId> = self
            .book
            .iter()
            .filter(|(id, talk)| !self.returned.contains(*id) && (all || !talk.is_busy()))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ready {
            self.returned.insert(id.clone());
            self.step(&id, Event::Return, now);
        }
    }

    fn is_busy(&self) -> bool {
        self.book.iter().any(|(_, conversation)| conversation.is_busy())
    }
}

/// When a manager that is still not in a conversation asks again.
const JOIN_AGAIN: Duration = Duration::from_secs(30);
