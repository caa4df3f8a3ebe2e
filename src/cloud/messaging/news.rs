//! Pure: what a notification tells, and the moment at which it comes.

use std::time::Instant;

use crate::{
    cloud::{Event, Skew},
    conversation::{ConversationId, DialogId, RingId, Timestamp},
};

/// What a notification means.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// For the hall.
    pub(super) events: Vec<Event>,
    /// The subscription that told it, as far as it says.
    pub(super) by: Option<String>,
    /// Which conversations and rings it tells of.
    pub(super) seen: Vec<Seen>,
}

/// One thing that a notification tells of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    /// A conversation.
    Conversation {
        /// Which.
        id: ConversationId,
        /// This agent was not known to be in it.
        appeared: bool,
        /// Its dialog, if this agent is in it and its newest message is not told.
        bare: Option<DialogId>,
    },
    /// A ring that waits.
    Ring {
        /// Which.
        id: RingId,
        /// It was not known to wait.
        appeared: bool,
    },
}

/// The moment at which something arrives, on all clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Monotonic.
    pub(super) now: Instant,
    /// Wall time.
    pub(super) wall: Timestamp,
    /// The server's time against it, once asked.
    pub(super) skew: Option<Skew>,
}

impl Moment {
    /// The server's time, as far as known.
    #[must_use]
    pub(super) fn server(&self) -> Timestamp {
        self.skew.unwrap_or_default().server(self.wall)
    }
}
