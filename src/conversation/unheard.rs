//! Pure: messages that should have arrived and never did. The history has them.
//!
//! Two things tell of them: a sequence that is skipped, and what the cloud says to be the newest message of the dialog.
//! Both get a moment to be put right by themselves, since notifications overtake each other; then the history is read.

use std::time::{Duration, Instant};

use super::{
    Conversation, Phase,
    effect::{Effect, Effects, Fact},
    event::{Message, Speaker},
    history,
    words::{DialogId, Sequence},
};

/// The newest sequence that the cloud has told of beside the messages themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    sequence: Sequence,
    /// How often the history has been read for it.
    looks: u8,
}

impl Default for Told {
    fn default() -> Self {
        Self { sequence: -1, looks: 0 }
    }
}

impl Told {
    fn hear(&mut self, sequence: Sequence) {
        if sequence > self.sequence {
            *self = Self { sequence, looks: 0 };
        }
    }

    /// Whether it is worth looking for, where `newest` is the newest that has arrived.
    fn is_missing(self, newest: Sequence) -> bool {
        self.sequence > newest && self.looks < LOOKS
    }
}

impl Conversation {
    /// The cloud told of a message that has not arrived.
    pub(super) fn on_newest(&mut self, dialog: &DialogId, sequence: Sequence, now: Instant) {
        if *dialog == self.about.dialog && self.handled.is_plausible(sequence) {
            self.told.hear(sequence);
            self.expect_told(now);
        }
    }

    /// Gives what was told of a moment to arrive. While the history is read, the reading may bring it.
    pub(super) fn expect_told(&mut self, now: Instant) {
        let may_wait = match self.phase {
            Phase::Serving | Phase::Offline { .. } | Phase::Leaving(_) => true,
            Phase::Reading(_) | Phase::Left => false,
        };
        if may_wait && self.lacks_told() {
            self.gap_until.get_or_insert(now + GAP_PATIENCE);
        }
    }

    /// A message has been noted: is another one still missing?
    pub(super) fn watch_gap(&mut self, now: Instant) {
        if self.handled.has_gap() || self.lacks_told() {
            self.gap_until.get_or_insert(now + GAP_PATIENCE);
        } else {
            self.gap_until = None;
        }
    }

    /// Reads the history if some message has been missing for too long.
    pub(super) fn mind_gap(&mut self, now: Instant, fx: &mut Effects) {
        // What came before in this step may have led out of the conversation: nothing is read over that.
        if !self.is_serving() || self.gap_until.is_none_or(|at| at > now) {
            return;
        }
        self.gap_until = None;
        let sought = self.handled.newest().max(self.told.sequence);
        self.told.looks = self.told.looks.saturating_add(1);
        self.read_history(None, 0, fx);
        if let Phase::Reading(reading) = &mut self.phase {
            reading.sought = Some(sought);
        }
    }

    /// Counts what only the history had. `live` arrived while it was read, and what was said meanwhile (above `sought`)
    /// had no time to arrive.
    pub(super) fn report_missed(
        &self,
        read: &[Message],
        live: &[Message],
        sought: Option<Sequence>,
        fx: &mut Effects,
    ) {
        let Some(sought) = sought else {
            return;
        };
        let arrived = |sequence| {
            self.handled.knows(sequence) || live.iter().any(|message| message.sequence == sequence)
        };
        // An own message that was acknowledged is known, whether or not its echo comes.
        let matters = |message: &&Message| match message.from {
            Speaker::Consumer => true,
            Speaker::Me => message.sequence > self.acknowledged,
            Speaker::Agent | Speaker::System => false,
        };
        let missed = read
            .iter()
            .filter(|message| message.dialog == self.about.dialog && message.sequence <= sought)
            .filter(|message| history::is_content(message))
            .filter(matters)
            .filter(|message| !arrived(message.sequence))
            .count();
        if missed > 0 {
            fx.push(Effect::Report(Fact::Missed(missed)));
        }
    }

    /// What waits in the history because there is no room for it, is not missing.
    fn lacks_told(&self) -> bool {
        !self.flooded && self.told.is_missing(self.handled.newest())
    }
}

/// How long a message that another one has overtaken may take, before the history is asked for it.
const GAP_PATIENCE: Duration = Duration::from_secs(2);

/// A history may lag behind what is told of it. What it never shows is not looked for for ever.
const LOOKS: u8 = 3;
