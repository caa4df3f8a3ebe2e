//! The hall: the only room that knows all others. It carries events from the doors to the conversations and their
//! effects back to the doors. It awaits nothing and asks no clock.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use super::{
    availability::{Presence, Situation},
    report,
    rings::Rings,
};
use crate::{
    bot,
    cloud::{self, Availability, LinkPhase},
    conversation::{
        Arrival, Book, CallError, ConversationId, Effect, Effects, Event, ExitKind, Settings,
        Timestamp,
        effect::{Call, DropReason, Fact},
        event::{BotEvent, Departure, Details, Message, Reach},
        settings::Role,
    },
    ops::{
        metrics::{ConversationOutcome, Direction, Metrics, Peer, RingResult},
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

    /// Something came from the cloud.
    pub fn on_cloud(&mut self, arrived: cloud::Arrived, now: Instant, wall: Timestamp) {
        self.arrived = arrived.at;
        match arrived.event {
            cloud::Event::Link(state) => self.on_cloud_link(state, wall),
            cloud::Event::Up { agent } => {
                info!(agent, "logged in and subscribed");
                self.link = Link::Listing { told: BTreeSet::new() };
                self.wanted = None;
                self.tell_bot(bot::Command::Agent(agent));
            }
            cloud::Event::Conversation { id, details, joined } => {
                self.on_conversation(id, details, joined, now);
            }
            cloud::Event::Listed => self.on_listed(now),
            cloud::Event::Down => {
                self.link = Link::Down;
                self.wanted = None;
                self.rings.link_down();
                self.tell_all(|| Event::LinkDown, now);
            }
            cloud::Event::Ring(ring) => {
                debug!(conversation = %ring.conversation, ring = %ring.id, "ring");
                for end in self.rings.offered(ring, now) {
                    self.ring_ended(end);
                }
            }
            cloud::Event::RingGone(ring) => {
                if let Some(end) = self.rings.gone(&ring) {
                    self.ring_ended(end);
                }
            }
            cloud::Event::RingAccepted { ring, result } => {
                if let Err(error) = &result {
                    warn!(ring = %ring, error = %error, "the ring could not be accepted");
                }
                if let Some(end) = self.rings.acknowledged(&ring, result.as_ref().copied(), now) {
                    self.ring_ended(end);
                }
            }
            cloud::Event::Gone { id, how, csat: _ } => self.on_gone(&id, how, now),
            cloud::Event::Message { conversation, message } => {
                self.on_message(&conversation, message, now);
            }
            cloud::Event::Called { conversation, id, outcome } => {
                self.step(&conversation, Event::Called { id, outcome }, now);
            }
            cloud::Event::AgentState(state, word) => {
                debug!(state = word, "the agent's state as the cloud tells it");
                self.news |= self.board.agent(state, &word, wall);
            }
            cloud::Event::LoggedIn(result) => self.metrics.login(result),
            cloud::Event::Unusable { kind, detail } => {
                warn!(kind, detail, "the cloud sent something that cannot be used");
                self.metrics.protocol_error(Peer::Cloud, kind);
            }
            cloud::Event::Stopped => info!("logged out"),
        }
        self.settle(now, wall);
    }

    /// Something came from the bot.
    pub fn on_bot(&mut self, event: bot::Event, now: Instant, wall: Timestamp) {
        match event {
            bot::Event::Conversation { id, at, event } => {
                self.arrived = at;
                if self.book.get(&id).is_some() {
                    self.step(&id, Event::Bot(event), now);
                } else {
                    self.bot_spoke_of_nothing(&id, &event);
                }
            }
            bot::Event::Link(state) => self.on_bot_link(state, now, wall),
            bot::Event::Unusable { kind, detail } => {
                warn!(kind, detail, "the bot sent something that cannot be used");
                self.metrics.protocol_error(Peer::Bot, kind);
            }
            bot::Event::Attempt(result) => self.metrics.bot_request(result),
            bot::Event::Stopped => debug!("the bot's door is closed"),
        }
        self.settle(now, wall);
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

    fn on_cloud_link(&mut self, state: cloud::LinkState, wall: Timestamp) {
        match (state.phase, &state.error) {
            (LinkPhase::Waiting { reason }, Some(error)) => {
                warn!(reason, error, detail = state.detail, "not connected to the cloud");
                self.metrics.reconnect(Peer::Cloud, reason);
            }
            (LinkPhase::Waiting { reason }, None) => {
                info!(reason, detail = state.detail, "not connected to the cloud");
                self.metrics.reconnect(Peer::Cloud, reason);
            }
            (
                LinkPhase::Domains
                | LinkPhase::LoggingIn
                | LinkPhase::Connecting
                | LinkPhase::Subscribing
                | LinkPhase::Up
                | LinkPhase::Stopped,
                _,
            ) => debug!(phase = ?state.phase, detail = state.detail, "cloud"),
        }
        self.news |= self.board.cloud(state, wall);
    }

    fn on_bot_link(&mut self, state: bot::LinkState, now: Instant, wall: Timestamp) {
        match state.connected {
            Some(false) => {
                if let Some(error) = &state.error {
                    warn!(error, detail = state.detail, "the bot cannot be reached");
                }
                if self.reach == Reach::Up {
                    // A link that is opened for the first time has lost nothing.
                    if state.error.is_some() {
                        self.metrics.reconnect(Peer::Bot, "lost");
                    }
                    self.gone_at = Some(now + self.settings.conversation.resend_after);
                    self.set_reach(Reach::Down, now);
                }
            }
            Some(true) | None => {
                self.gone_at = None;
                if self.reach != Reach::Up {
                    info!(detail = state.detail, "the bot is back");
                    self.set_reach(Reach::Up, now);
                }
            }
        }
        self.news |= self.board.bot(state, wall);
    }

    fn set_reach(&mut self, reach: Reach, now: Instant) {
        self.reach = reach;
        self.tell_all(|| Event::Reach(reach), now);
    }

    fn on_conversation(
        &mut self,
        id: ConversationId,
        details: Details,
        joined: bool,
        now: Instant,
    ) {
        if !joined {
            let conversation = id.clone();
            self.tell_cloud(cloud::Command::Call { conversation, id: None, call: Call::Join });
            return;
        }
        let by_ring = self.rings.assigned(&id);
        if by_ring {
            self.ring_ended(RingResult::Accepted);
            self.board.totals().accepted += 1;
        }
        let listing = match &mut self.link {
            Link::Listing { told } => told.insert(id.clone()),
            Link::Down | Link::Rebuilding | Link::Up => false,
        };
        if self.book.get(&id).is_some() {
            let event = if listing { Event::LinkUp(details) } else { Event::Details(details) };
            return self.step(&id, event, now);
        }
        let still_listing = matches!(self.link, Link::Listing { .. });
        let arrival = if by_ring || !still_listing { Arrival::Assigned } else { Arrival::Found };
        info!(conversation = %id, skill = details.skill.as_ref().map(tracing::field::display),
            arrival = ?arrival, "conversation");
        self.tell_bot(bot::Command::Opened(id.clone()));
        let settings = Arc::clone(&self.settings.conversation);
        let effects = self.book.begin(&id, details, arrival, settings, self.reach, now);
        self.carry_out(&id, effects, now);
        if self.stopping != Stopping::No {
            self.step(&id, Event::Drain, now);
        }
    }

    /// All open conversations are told: those that were not, have left meanwhile.
    fn on_listed(&mut self, now: Instant) {
        let Link::Listing { told } = std::mem::replace(&mut self.link, Link::Rebuilding) else {
            return;
        };
        for id in self.book.ids() {
            if !told.contains(&id) {
                self.on_gone(&id, Departure::Moved, now);
            }
        }
        info!(conversations = self.book.len(), "rebuilding the open conversations");
    }

    fn on_gone(&mut self, id: &ConversationId, how: Departure, now: Instant) {
        if self.book.get(id).is_none() {
            return;
        }
        info!(conversation = %id, how = ?how, "the conversation is over for this agent");
        let outcome = match how {
            Departure::Closed => {
                self.board.totals().resolved += 1;
                ConversationOutcome::Resolved
            }
            Departure::Moved => match self.book.get(id).and_then(|c| c.exit()) {
                Some(ExitKind::Transfer) => ConversationOutcome::Transferred,
                Some(ExitKind::Return) => ConversationOutcome::Returned,
                Some(ExitKind::Close) | None => ConversationOutcome::Moved,
            },
        };
        self.metrics.conversation(outcome);
        self.step(id, Event::Left(how), now);
    }

    fn on_message(&mut self, id: &ConversationId, message: Message, now: Instant) {
        if self.settings.log_content {
            debug!(conversation = %id, sequence = message.sequence, content = ?message.content,
                "message");
        }
        // Events of conversations that this agent is not in may arrive too: they are not ours to use.
        if self.book.get(id).is_some() {
            self.step(id, Event::Message(message), now);
        }
    }

    fn bot_spoke_of_nothing(&self, id: &ConversationId, event: &BotEvent) {
        let spoke = match event {
            BotEvent::Answered(_) | BotEvent::Says(_) => true,
            BotEvent::HandedOver { .. }
            | BotEvent::Undelivered { .. }
            | BotEvent::Seen { .. }
            | BotEvent::Silent { .. }
            | BotEvent::Fault { .. } => false,
        };
        if spoke {
            warn!(conversation = %id, "the bot speaks in a conversation that it has no more");
            self.metrics.fact(&Fact::AnswerDropped(DropReason::NotAssigned));
        }
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

    fn tell_all(&mut self, event: impl Fn() -> Event, now: Instant) {
        for id in self.book.ids() {
            self.step(&id, event(), now);
        }
    }

    fn step(&mut self, id: &ConversationId, event: Event, now: Instant) {
        let effects = self.book.step(id, event, now);
        self.carry_out(id, effects, now);
    }

    fn carry_out(&mut self, id: &ConversationId, effects: Effects, now: Instant) {
        for effect in effects {
            match effect {
                Effect::Call { id: call, call: what } => {
                    self.note_relay(&what, now);
                    let command = cloud::Command::Call {
                        conversation: id.clone(),
                        id: Some(call),
                        call: what,
                    };
                    if !self.tell_cloud(command) {
                        let outcome = Err(CallError::NotSent);
                        self.backlog.push_back((id.clone(), Event::Called { id: call, outcome }));
                    }
                }
                Effect::Tell(call) => {
                    let conversation = id.clone();
                    self.tell_cloud(cloud::Command::Call { conversation, id: None, call });
                }
                Effect::Ask(question) => {
                    let (event, attempt) = (question.event.clone(), question.attempt);
                    self.metrics.relay(Direction::ToBot, now.duration_since(self.arrived));
                    if !self.tell_bot(bot::Command::Ask(Box::new(question))) {
                        let back = BotEvent::Undelivered { event, attempt };
                        self.backlog.push_back((id.clone(), Event::Bot(back)));
                    }
                }
                Effect::Withdraw(event) => {
                    self.tell_bot(bot::Command::Withdraw(event));
                }
                Effect::Notify(notice) => {
                    self.tell_bot(bot::Command::Notify(Box::new(notice)));
                }
                Effect::Report(fact) => {
                    self.metrics.fact(&fact);
                    self.board.totals().fact(&fact);
                    report::log(id, &fact);
                }
                Effect::Forget => {}
            }
        }
    }

    /// The way from the bot's reply to the publish leaving, as far as it is ours.
    fn note_relay(&self, call: &Call, now: Instant) {
        if let Call::Publish { mark: Some(mark), .. } = call
            && mark.index == 0
        {
            self.metrics.relay(Direction::ToCloud, now.duration_since(self.arrived));
        }
    }

    /// False if the door is closed or full.
    fn tell_cloud(&self, command: cloud::Command) -> bool {
        let sent = self.cloud.try_send(command);
        if sent.is_err() {
            self.metrics.protocol_error(Peer::Cloud, "queue_full");
        }
        sent.is_ok()
    }

    /// False if the door is closed or full.
    fn tell_bot(&self, command: bot::Command) -> bool {
        let sent = self.bot.try_send(command);
        if sent.is_err() {
            self.metrics.protocol_error(Peer::Bot, "queue_full");
        }
        sent.is_ok()
    }
}
