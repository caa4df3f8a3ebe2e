//! Pure: the named timers of a conversation. A deadline is a piece of state, not a handle: nothing is armed,
//! nothing has to be cancelled.

use std::time::Instant;

/// Why a conversation wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// When the window of `messageDelay` closes.
    Gather,
    /// When the bot is greeted because nobody has said anything.
    Greeting,
    /// When the event is put to the bot again, or found stuck.
    Resend,
    /// When the oldest unanswered batch has waited for `fallbackEscalationTime`.
    Fallback,
    /// When a pause within an answer is over.
    Pause,
    /// When a message that the cloud failed at is tried again.
    Publish,
    /// When a failed transfer is tried again.
    Transfer,
    /// When the history is asked for again.
    Read,
}

/// Finds the earliest of several deadlines.
#[derive(Debug, Default)]
pub(super) struct Earliest(Option<(Instant, Timer)>);

impl Earliest {
    pub(super) fn at(&mut self, when: Option<Instant>, timer: Timer) {
        if let Some(when) = when
            && self.0.is_none_or(|(soonest, _)| when < soonest)
        {
            self.0 = Some((when, timer));
        }
    }

    pub(super) fn get(self) -> Option<(Instant, Timer)> {
        self.0
    }
}
