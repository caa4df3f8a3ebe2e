//! Pure: the middle room. It decides what happens in a conversation and never does it.
//!
//! A [`Conversation`] is a value. [`Conversation::begin`] makes one, [`Conversation::step`] tells it what happened,
//! [`Conversation::wake`] says when it wants to hear of time again. A driver
//!
//! 1. carries out all effects of a step, in order, before the next step;
//! 2. tells the outcome of every [`Effect::Call`], once, whatever happens to the connection;
//! 3. steps with [`Event::Elapsed`] at the time that `wake` names, and asks `wake` again after each step;
//! 4. never lets `now` run backwards;
//! 5. drops the conversation after [`Effect::Forget`].
//!
//! A conversation's life: the history is **read**, then it is **served**: messages gather into batches, a batch is
//! put to the bot, the answer is published. When the connection is lost it is **offline**, and reads again what it
//! missed. It ends by **leaving**: a transfer, a close, or a return to the queue. The history is the only journal:
//! what is read tells what has been answered (see [`Mark`]).
//!
//! Where to read what:
//!
//! | file | question |
//! | --- | --- |
//! | `event`, `effect`, `settings`, `words`, `mark` | what can it be told, what can it want, what are the knobs? |
//! | `intake`, `history`, `receipts` | what does a message of the dialog mean, and has it been handled? |
//! | `unmarked` | what if own messages carry no mark? |
//! | `unheard` | which messages never arrived by themselves? |
//! | `takeover` | what does the bot hear of a conversation that was not watched from its beginning? |
//! | `gather` | which messages go to the bot as one event? |
//! | `step_up` | who is the consumer now? |
//! | `ask`, `turn` | has the bot got the event, is it silent, has it answered? |
//! | `deliver`, `publish` | which piece of the answer is out, which one is next? |
//! | `escalate` | when do people take over? |
//! | `leave` | how does the agent get out, and what if that fails? |
//! | `timer`, `book` | who wants to be woken when, among all conversations? |

mod ask;
pub mod book;
mod deliver;
pub mod effect;
mod escalate;
pub mod event;
mod gather;
mod history;
mod intake;
mod leave;
pub mod mark;
pub mod postback;
mod publish;
mod receipts;
pub mod settings;
mod step_up;
mod takeover;
mod timer;
mod turn;
mod unheard;
mod unmarked;
pub mod words;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

pub use book::Book;
pub use effect::{Call, CallId, Effect, Effects};
pub use event::{CallError, Event};
pub use mark::Mark;
pub use settings::Settings;
pub use timer::Timer;
pub use words::{
    AgentId, ConsumerId, ConversationId, DialogId, Json, RingId, Sequence, SkillId, Timestamp,
};

use effect::{About, Body, Disposition, DropReason, Fact, Notice};
use event::{
    Answer, Audience, Departure, Details, EventId, EventKey, EventKind, Message, Outcome, Reach,
};
use gather::Gather;
use history::{Handled, Journal, Marks};
pub use leave::ExitKind;
use leave::Leaving;
use publish::Publication;
use receipts::Receipts;
use settings::{Kind, Role};
use timer::Earliest;
use turn::Turns;
use unheard::Told;
use unmarked::Leftovers;

/// One conversation that the bot agent is in.
#[derive(Clone, Debug)]
pub struct Conversation {
    settings: Arc<Settings>,
    about: Arc<About>,
    phase: Phase,
    reach: Reach,
    draining: bool,

    /// What has been taken from the dialog already.
    handled: Handled,
    /// More came than can wait here: from there on the dialog is read again when there is room.
    flooded: bool,
    /// How far the dialog was known when it was last read for that.
    flood_read: Option<Sequence>,
    /// What the cloud has said to be the newest message.
    told: Told,
    /// A message is missing; until then it may still arrive by itself.
    gap_until: Option<Instant>,
    journal: Journal,
    marks: Marks,
    /// Own messages without a mark that the first reading found.
    leftovers: Leftovers,
    receipts: Receipts,
    /// Ids that the consumer has had: none of them is a step-up again.
    known_consumers: Vec<ConsumerId>,
    /// The next step-up's key is no lower: two in a row, with nothing said between them, are two events.
    next_step_up: Sequence,

    gather: Gather,
    turns: Turns,
    /// What is being said now.
    publication: Option<Box<Publication>>,
    /// The newest own message that the cloud has acknowledged; its echo may still be on its way. -1: none.
    acknowledged: Sequence,
    /// Own messages of which the cloud has not said where they stand, and which were not heard yet, oldest first.
    unplaced: VecDeque<(Body, Audience)>,
    /// Answers that came meanwhile.
    answers: VecDeque<(Answer, Vec<Sequence>)>,
    /// How often something was said without an event to answer.
    says: u32,
    /// The typing indicator is shown.
    typing: bool,
    greeting_at: Option<Instant>,

    /// When the last consumer message was said that the bot has answered (`maxConsumerMessageDelay`).
    anchor: Option<Timestamp>,
    /// The newest consumer message and when it was said.
    last_said: Option<(Sequence, Timestamp)>,
    /// Transfers that failed since the last consumer message.
    failed_transfers: u32,
    /// Until then, another silence of the bot is step two of the stuck fields.
    stuck_until: Option<Instant>,

    last_call: u64,
    /// The profile is being read for the first time. (A step-up's call is known to its barrier.)
    profile_call: Option<CallId>,
}

/// How the conversation came to this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It has just been assigned: routing gave it to this agent while the process watched.
    Assigned,
    /// It was this agent's already when the process came up.
    Found,
}

/// Where the conversation stands. What belongs to one phase only, lives in it.
///
/// What passes is boxed: most conversations are being served, and wait.
#[derive(Clone, Debug)]
enum Phase {
    Reading(Box<Reading>),
    Serving,
    Offline {
        /// How to begin once the history can be read; none if it has been read before.
        begin: Option<Arrival>,
    },
    Leaving(Box<Leaving>),
    /// Nothing happens any more.
    Left,
}

/// The history is being read.
#[derive(Clone, Debug)]
struct Reading {
    /// How to begin; none for a second look at a conversation that is known.
    begin: Option<Arrival>,
    state: ReadState,
    failures: u32,
    /// What arrived meanwhile.
    live: Vec<Message>,
    /// More arrived than was kept.
    overflowed: bool,
    /// Up to here messages are looked for that should have arrived and have not; none if there is another reason.
    sought: Option<Sequence>,
}

impl Reading {
    /// How many consumer messages have arrived meanwhile.
    fn unheard(&self) -> usize {
        let from_consumer = |m: &&Message| m.from == event::Speaker::Consumer;
        self.live.iter().filter(from_consumer).filter(|m| history::is_content(m)).count()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadState {
    Called(CallId),
    Retry(Instant),
}

impl Conversation {
    /// A conversation begins: this agent is in it. The effects read its history and the consumer's profile.
    #[must_use]
    pub fn begin(
        id: ConversationId,
        details: Details,
        arrival: Arrival,
        settings: Arc<Settings>,
        reach: Reach,
        now: Instant,
    ) -> (Self, Effects) {
        let about = About {
            conversation: id,
            dialog: details.dialog,
            skill: details.skill,
            consumer: details.consumer.clone(),
            started: details.started,
            profile: None,
        };
        let mut conversation = Self {
            settings,
            about: Arc::new(about),
            phase: Phase::Left,
            reach,
            draining: false,
            handled: Handled::default(),
            flooded: false,
            flood_read: None,
            told: Told::default(),
            gap_until: None,
            journal: Journal::default(),
            marks: Marks::default(),
            leftovers: Leftovers::default(),
            receipts: Receipts::default(),
            known_consumers: vec![details.consumer],
            next_step_up: 0,
            gather: Gather::default(),
            turns: Turns::default(),
            publication: None,
            acknowledged: -1,
            unplaced: VecDeque::new(),
            answers: VecDeque::new(),
            says: 0,
            typing: false,
            greeting_at: None,
            anchor: None,
            last_said: None,
            failed_transfers: 0,
            stuck_until: None,
            last_call: 0,
            profile_call: None,
        };
        let mut fx = Effects::new();
        // First the profile, so that its answer is there when the history is.
        conversation.profile_call = Some(conversation.read_profile(&mut fx));
        conversation.read_history(Some(arrival), 0, &mut fx);
        conversation.advance(now, &mut fx);
        (conversation, fx)
    }

    /// Tells the conversation that `event` happened at `now`; it answers with what is to be done.
    #[must_use]
    pub fn step(mut self, event: Event, now: Instant) -> (Self, Effects) {
        let mut fx = Effects::new();
        match event {
            Event::Details(details) => self.on_details(details, now, &mut fx),
            Event::LinkDown => self.on_link_down(),
            Event::LinkUp(details) => self.on_link_up(details, now, &mut fx),
            Event::Message(message) => self.on_message(message, now, &mut fx),
            Event::Newest { dialog, sequence } => self.on_newest(&dialog, sequence, now),
            Event::Called { id, outcome } => self.on_called(id, outcome, now, &mut fx),
            Event::Bot(event) => self.on_bot(event, now, &mut fx),
            Event::Reach(reach) => self.on_reach(reach, now, &mut fx),
            Event::Left(how) => self.on_left(how, &mut fx),
            Event::Elapsed => {}
            Event::Settings(settings) => self.settings = settings,
            Event::Drain => self.draining = true,
            Event::Return => self.on_return(&mut fx),
        }
        self.advance(now, &mut fx);
        (self, fx)
    }

    /// When to say [`Event::Elapsed`] next, and why. None: nothing happens by time alone.
    #[must_use]
    pub fn wake(&self) -> Option<(Instant, Timer)> {
        let mut earliest = Earliest::default();
        match &self.phase {
            Phase::Reading(reading) => {
                match reading.state {
                    ReadState::Retry(at) => earliest.at(Some(at), Timer::Read),
                    ReadState::Called(_) => {}
                }
                earliest.at(self.fallback_at(), Timer::Fallback);
            }
            Phase::Leaving(leaving) => earliest.at(leaving.due(), Timer::Transfer),
            Phase::Serving => {
                if self.can_ask() {
                    earliest.at(self.gather.ready_at(self.settings.gather), Timer::Gather);
                }
                earliest.at(self.gap_until, Timer::Read);
                earliest.at(self.greeting_at, Timer::Greeting);
                earliest.at(self.turns.due(), Timer::Resend);
                earliest.at(self.fallback_at(), Timer::Fallback);
                if let Some(publication) = &self.publication {
                    let timer = match publication.state {
                        publish::State::Pausing { .. } => Timer::Pause,
                        publish::State::Waiting { .. }
                        | publish::State::Ready
                        | publish::State::Sent { .. }
                        | publish::State::Unsure { .. } => Timer::Publish,
                    };
                    earliest.at(publication.due(), timer);
                }
            }
            Phase::Offline { .. } | Phase::Left => {}
        }
        earliest.get()
    }

    /// What the bot is told about this conversation.
    #[must_use]
    pub fn about(&self) -> &Arc<About> {
        &self.about
    }

    /// Whether something is under way that a drain waits for.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match &self.phase {
            Phase::Reading(_) | Phase::Serving => {
                self.publication.is_some() || !self.answers.is_empty() || self.turns.is_at_the_bot()
            }
            Phase::Leaving(leaving) => leaving.is_under_way(),
            Phase::Offline { .. } | Phase::Left => false,
        }
    }

    /// Whether the history has been read and the conversation is served.
    #[must_use]
    pub fn is_rebuilt(&self) -> bool {
        match &self.phase {
            Phase::Reading(reading) => reading.failures > 0,
            Phase::Offline { .. } => false,
            Phase::Serving | Phase::Leaving(_) | Phase::Left => true,
        }
    }

    /// The way out that the conversation is on, if it is leaving.
    #[must_use]
    pub fn exit(&self) -> Option<ExitKind> {
        match &self.phase {
            Phase::Leaving(leaving) => Some(leaving.kind()),
            Phase::Reading(_) | Phase::Serving | Phase::Offline { .. } | Phase::Left => None,
        }
    }

    /// Whether the bot owes this conversation an answer.
    #[must_use]
    pub fn waits_for_bot(&self) -> bool {
        self.turns.waiting_since().is_some()
    }

    /// Does whatever has become possible or due.
    fn advance(&mut self, now: Instant, fx: &mut Effects) {
        match &self.phase {
            Phase::Reading(reading) => {
                if let ReadState::Retry(at) = reading.state
                    && at <= now
                {
                    let (begin, failures) = (reading.begin, reading.failures);
                    self.read_history(begin, failures, fx);
                }
                // A history that cannot be read again does not keep the consumer from people.
                self.mind_fallback(now, fx);
            }
            Phase::Leaving(_) => {
                self.advance_leaving(now, fx);
                if self.is_serving() {
                    // The way out was shut.
                    self.advance(now, fx);
                }
            }
            Phase::Serving => {
                self.send_receipts(fx);
                self.greet_when_due(now);
                // First what may end it all, so that nothing is asked in vain.
                self.mind_fallback(now, fx);
                self.mind_silence(now, fx);
                self.deliver(now, fx);
                self.ask_when_ready(now, fx);
                self.mind_gap(now, fx);
                self.mind_flood(now, fx);
            }
            Phase::Offline { .. } | Phase::Left => {}
        }
    }

    fn on_left(&mut self, how: Departure, fx: &mut Effects) {
        let (escalated, given_up) = match &self.phase {
            Phase::Leaving(leaving) => {
                fx.extend(leaving.confirmed(how).map(Effect::Report));
                (leaving.is_escalation(), leaving.given_up())
            }
            // Not looked at yet, and nobody will any more.
            Phase::Reading(reading) => (false, reading.unheard()),
            Phase::Serving | Phase::Offline { .. } => (false, 0),
            Phase::Left => return,
        };
        self.publication = None;
        let unsaid = self.answers.drain(..);
        fx.extend(unsaid.map(|_| Effect::Report(Fact::AnswerDropped(DropReason::NotAssigned))));
        let unanswered = self.gather.clear() + given_up + self.withdraw_all(fx);
        self.phase = Phase::Left;
        if unanswered > 0 {
            let disposition =
                if escalated { Disposition::Escalated } else { Disposition::LeftBehind };
            fx.push(Effect::Report(Fact::Consumer(unanswered, disposition)));
        }
        let kind = match how {
            Departure::Closed => EventKind::Ended,
            Departure::Moved => EventKind::Transferred,
        };
        let key = EventKey { sequence: self.handled.newest().max(0), kind };
        fx.push(Effect::Notify(Notice {
            event: self.event_id(key),
            about: Arc::clone(&self.about),
            time: self.last_said.map_or(self.about.started, |(_, time)| time),
        }));
        fx.push(Effect::Forget);
    }

    fn on_called(
        &mut self,
        id: CallId,
        outcome: Result<Outcome, CallError>,
        now: Instant,
        fx: &mut Effects,
    ) {
        if self.profile_call == Some(id) {
            return self.on_profile(outcome);
        }
        if self.gather.awaits(id) {
            return self.on_step_up_profile(id, outcome);
        }
        match &self.phase {
            Phase::Reading(reading) if reading.state == ReadState::Called(id) => {
                self.on_history(outcome, now, fx);
            }
            Phase::Leaving(leaving) if leaving.call() == Some(id) => {
                self.on_left_called(outcome, now, fx);
            }
            // Also on the way out: should the way be shut, the answer goes on.
            Phase::Reading(_) | Phase::Serving | Phase::Offline { .. } | Phase::Leaving(_) => {
                self.on_publish_called(id, outcome, now, fx);
            }
            Phase::Left => {}
        }
    }

    fn call(&mut self, call: Call, fx: &mut Effects) -> CallId {
        self.last_call += 1;
        let id = CallId(self.last_call);
        fx.push(Effect::Call { id, call });
        id
    }

    fn event_id(&self, key: EventKey) -> EventId {
        EventId { dialog: self.about.dialog.clone(), key }
    }

    fn is_manager(&self) -> bool {
        matches!(self.settings.role, Role::Manager(_))
    }

    fn is_chat(&self) -> bool {
        self.settings.kind == Kind::Chat
    }
}

/// The greeting goes out when nobody has said anything for this long after joining (Conversation Builder, custom
/// configuration fields: fixed, not configurable).
const GREETING_AFTER: Duration = Duration::from_secs(3);
