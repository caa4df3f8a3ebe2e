//! Pure: what the bot has been asked. One event is under way at a time; events that the bot has seen, or that
//! all attempts were used up for, stay open for their answer without holding up the next one.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    effect::Question,
    event::{EventId, EventKey, EventKind},
    words::{Sequence, Timestamp},
};

/// One event that the bot has been asked and has not answered.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) question: Question,
    /// The sequences that its answer settles.
    pub(super) covers: Vec<Sequence>,
    pub(super) state: State,
    /// When the batch was ready: `fallbackEscalationTime` counts from here.
    pub(super) ready_at: Instant,
    /// How often it was put to the bot again because the bot was silent.
    pub(super) resends: u32,
    /// It has been put to the bot.
    pub(super) put: bool,
    /// The bot is certainly wrong about it.
    pub(super) faulty: bool,
    /// The fallback has fired, and there was nowhere to go.
    pub(super) fallback_fired: bool,
    /// The bot has spoken unasked since: the consumer is not waiting in silence.
    pub(super) spoken: bool,
}

/// Where an asked event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// On its way to the bot.
    Asking,
    /// The bot has it and is silent so far.
    HandedOver { resend_at: Instant },
    /// The bot has not got it, or lost it with its connection: the same attempt goes out at this time.
    Undelivered { retry_at: Instant },
    /// The attempt ended without an answer.
    Silent { resend_at: Instant },
    /// The bot has it and will answer in its own time.
    Seen,
    /// All attempts are used up.
    Exhausted,
}

impl Turn {
    pub(super) fn new(question: Question, covers: Vec<Sequence>, ready_at: Instant) -> Self {
        Self {
            question,
            covers,
            state: State::Asking,
            ready_at,
            resends: 0,
            put: false,
            faulty: false,
            fallback_fired: false,
            spoken: false,
        }
    }

    /// Whether the next event has to wait for this one.
    pub(super) fn is_under_way(&self) -> bool {
        match self.state {
            State::Asking
            | State::HandedOver { .. }
            | State::Undelivered { .. }
            | State::Silent { .. } => true,
            State::Seen | State::Exhausted => false,
        }
    }

    /// Whether the bot has got it, as far as is known.
    pub(super) fn is_in_hand(&self) -> bool {
        match self.state {
            State::HandedOver { .. } | State::Silent { .. } | State::Seen => true,
            State::Exhausted => self.put,
            State::Asking | State::Undelivered { .. } => false,
        }
    }

    /// When something has to be done about the bot's silence.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::HandedOver { resend_at } | State::Silent { resend_at } => Some(resend_at),
            State::Undelivered { retry_at } => Some(retry_at),
            State::Asking | State::Seen | State::Exhausted => None,
        }
    }

    /// Whether a consumer waits for this answer: a step-up is only told, nobody waits.
    pub(super) fn is_awaited(&self) -> bool {
        self.question.event.key.kind != EventKind::StepUp
    }

    /// When the newest consumer message of the event was said, if it is one.
    pub(super) fn said(&self) -> Option<Timestamp> {
        self.is_consumers().then_some(self.question.time)
    }

    /// How many consumer messages it holds.
    pub(super) fn messages(&self) -> usize {
        if self.is_consumers() { self.question.parts.len().max(1) } else { 0 }
    }

    fn is_consumers(&self) -> bool {
        self.question.event.key.kind == EventKind::Consumer
    }
}

/// All that the bot has been asked, oldest first, and what became of the last ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    open: VecDeque<Turn>,
    /// Events that are over, newest last: how they ended tells what a late answer is.
    over: VecDeque<(EventKey, Over)>,
}

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The bot answered.
    Answered,
    /// It was given up.
    GivenUp,
}

impl Turns {
    pub(super) fn add(&mut self, turn: Turn) {
        self.open.push_back(turn);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The event that holds up the next one.
    pub(super) fn under_way(&self) -> Option<&Turn> {
        self.open.iter().find(|turn| turn.is_under_way())
    }

    /// Whether an event is in the bot's hands now, so that its answer may come any moment.
    pub(super) fn is_at_the_bot(&self) -> bool {
        self.open.iter().any(|turn| match turn.state {
            State::Asking | State::HandedOver { .. } => true,
            State::Undelivered { .. } | State::Silent { .. } | State::Seen | State::Exhausted => {
                false
            }
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Turn> {
        self.open.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Turn> {
        self.open.iter_mut()
    }

    pub(super) fn get_mut(&mut self, event: &EventId) -> Option<&mut Turn> {
        self.open.iter_mut().find(|turn| turn.question.event == *event)
    }

    /// The bot spoke unasked: it counts as an answer to the oldest event that it has. Tells when that was said, and
    /// what is settled by it: an attempt that still runs may yet bring the proper answer, a bot that took the event
    /// to answer it in its own way has done so.
    pub(super) fn spoken_to(&mut self) -> (Option<Timestamp>, Vec<Sequence>) {
        let awaited = |turn: &&mut Turn| turn.is_awaited() && !turn.spoken;
        let Some(oldest) = self.open.iter_mut().filter(awaited).find(|turn| turn.is_in_hand())
        else {
            return (None, Vec::new());
        };
        let settled = match oldest.state {
            State::Seen | State::Exhausted => oldest.covers.clone(),
            State::Asking
            | State::HandedOver { .. }
            | State::Undelivered { .. }
            | State::Silent { .. } => Vec::new(),
        };
        oldest.spoken = true;
        oldest.state = State::Seen;
        (oldest.said(), settled)
    }

    /// Gives up the oldest event that holds nothing up, should too many be open.
    pub(super) fn shed(&mut self) -> Option<Turn> {
        if self.open.len() <= MAX_OPEN {
            return None;
        }
        let index = self.open.iter().position(|turn| !turn.is_under_way())?;
        let turn = self.open.remove(index)?;
        self.note(turn.question.event.key, Over::GivenUp);
        Some(turn)
    }

    /// Takes the event for its answer. Older events stay open for theirs, but nobody waits in silence any more.
    pub(super) fn answer(&mut self, event: &EventId) -> Result<Turn, Option<Over>> {
        let index = self.open.iter().position(|turn| turn.question.event == *event);
        let Some((index, turn)) = index.and_then(|index| Some((index, self.open.remove(index)?)))
        else {
            return Err(self.how_ended(event.key));
        };
        for older in self.open.iter_mut().take(index) {
            older.spoken = true;
        }
        self.note(turn.question.event.key, Over::Answered);
        Ok(turn)
    }

    /// Gives one event up.
    pub(super) fn give_up(&mut self, event: &EventId) -> Option<Turn> {
        let index = self.open.iter().position(|turn| turn.question.event == *event)?;
        let turn = self.open.remove(index)?;
        self.note(event.key, Over::GivenUp);
        Some(turn)
    }

    /// Gives all events up.
    pub(super) fn clear(&mut self) -> Vec<Turn> {
        let all: Vec<Turn> = self.open.drain(..).collect();
        for turn in &all {
            self.note(turn.question.event.key, Over::GivenUp);
        }
        all
    }

    /// What was withdrawn is owed after all: what had not reached the bot yet, is put to it again.
    pub(super) fn put_again(&mut self, now: Instant) {
        for turn in self.open.iter_mut().filter(|turn| turn.state == State::Asking) {
            turn.state = State::Undelivered { retry_at: now };
        }
    }

    /// People were wanted and nobody can come: no event that is open asks for them again, and none holds up the next.
    /// An attempt that runs goes on, and so does what waits for a bot that is not `gone`; what the bot is wrong about
    /// is given up.
    pub(super) fn escalated_in_vain(&mut self, gone: bool) {
        let faulty = self.open.iter().filter(|turn| turn.faulty);
        for event in faulty.map(|turn| turn.question.event.clone()).collect::<Vec<_>>() {
            self.give_up(&event);
        }
        for turn in &mut self.open {
            turn.fallback_fired = true;
            match turn.state {
                State::HandedOver { .. } | State::Silent { .. } => turn.state = State::Exhausted,
                State::Undelivered { .. } if gone => turn.state = State::Exhausted,
                State::Asking | State::Undelivered { .. } | State::Seen | State::Exhausted => {}
            }
        }
    }

    /// The bot is gone: what waits for it, and asks for people no more, does not hold up what still may.
    pub(super) fn let_next_pass(&mut self) {
        for turn in self.open.iter_mut().filter(|turn| turn.fallback_fired) {
            if let State::Undelivered { .. } = turn.state {
                turn.state = State::Exhausted;
            }
        }
    }

    /// Since when the oldest awaited event waits for the bot, for `fallbackEscalationTime`.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.open
            .iter()
            .filter(|turn| turn.is_awaited() && !turn.fallback_fired && !turn.spoken)
            .map(|turn| turn.ready_at)
            .min()
    }

    /// When the first silence is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.open.iter().filter_map(Turn::due).min()
    }

    /// When the fallback fires.
    pub(super) fn fallback_at(&self, after: Option<Duration>) -> Option<Instant> {
        Some(self.waiting_since()? + after?)
    }

    /// How an event that is not open ended, as far back as is remembered.
    pub(super) fn how_ended(&self, key: EventKey) -> Option<Over> {
        self.over.iter().rev().find(|(other, _)| *other == key).map(|(_, over)| *over)
    }

    fn note(&mut self, key: EventKey, over: Over) {
        if self.over.len() == REMEMBERED {
            self.over.pop_front();
        }
        self.over.push_back((key, over));
    }
}

/// How many events may wait for an answer that is long in coming: a bot that says `seen` to everything and answers
/// in its own ways would fill the memory.
const MAX_OPEN: usize = 64;

/// How many ended events a conversation remembers; a later answer to an older one is counted as unknown.
const REMEMBERED: usize = 16;
