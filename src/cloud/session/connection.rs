//! Pure: what a session keeps up. Each cloud has its own: messaging a WebSocket, chat an agent session.

use std::{fmt::Debug, time::Instant};

use super::{Account, Output};
use crate::{
    cloud::{Availability, Settings},
    conversation::{Call, CallId, ConversationId, RingId, Timestamp},
};

/// One connection, from its opening to its loss. Nothing of it is inherited by the next one but its memory.
///
/// It begins with the agent AWAY, and tells [`crate::cloud::Event::Up`] before anything else.
pub(crate) trait Connection: Debug + Sized {
    /// What it brings.
    type Received: Debug;
    /// What it sends.
    type Sent: Debug + PartialEq;
    /// What is remembered when it is lost.
    type Memory: Debug + Default;

    /// What is being done while it opens, for people.
    const OPENING: &'static str;
    /// What is being done until it is up, for people.
    const JOINING: &'static str;

    /// It has just been opened.
    fn open(opening: Opening<'_, Self::Memory>, out: &mut Vec<Output<Self::Sent>>) -> Self;
    /// When it was opened.
    fn opened(&self) -> Instant;
    /// Whether there is something to close.
    fn is_open(&self) -> bool;
    /// Whether `Up` has been said.
    fn is_up(&self) -> bool;
    /// What is worth knowing about it when it is up, for people; empty if nothing is.
    fn remark(&self) -> String;
    /// Something arrived.
    fn arrived(
        &mut self,
        received: Self::Received,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output<Self::Sent>>,
    ) -> Result<(), Loss>;
    /// Time has passed.
    fn elapsed(
        &mut self,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output<Self::Sent>>,
    ) -> Result<(), Loss>;
    /// When time matters next, and what for.
    fn wake(&self) -> (Instant, &'static str);
    /// Reading was paused on this side for a while; the silence was not the server's.
    fn resumed(&mut self, now: Instant);
    /// Sets the agent's state.
    fn be(&mut self, state: Availability, now: Instant, out: &mut Vec<Output<Self::Sent>>);
    /// Takes a ring.
    fn accept(&mut self, ring: RingId, now: Instant, out: &mut Vec<Output<Self::Sent>>);
    /// Makes a call.
    fn call(
        &mut self,
        conversation: ConversationId,
        id: Option<CallId>,
        call: Call,
        now: Instant,
        out: &mut Vec<Output<Self::Sent>>,
    );
    /// It is gone: calls that had left may have happened, calls that had not did not.
    fn lost(self, now: Instant, memory: &mut Self::Memory, out: &mut Vec<Output<Self::Sent>>);
    /// Whether the process logs out when it stops, after this connection was the last.
    fn logs_out(memory: &Self::Memory) -> bool;
}

/// What a connection needs to know when it begins.
#[derive(Debug)]
pub(crate) struct Opening<'a, M> {
    /// Who this is.
    pub(crate) account: &'a Account,
    /// The knobs.
    pub(crate) settings: &'a Settings,
    /// What earlier connections left.
    pub(crate) memory: &'a mut M,
    /// For what many clients should not do at once.
    pub(crate) rng: &'a mut fastrand::Rng,
    /// The moment.
    pub(crate) now: Instant,
    /// The same by the wall clock.
    pub(crate) wall: Timestamp,
}

/// Why a connection cannot go on, by what is to be done about it. Details are for people, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It does not work any more: another one with the same token, after a pause.
    Broken {
        /// A short fixed word for the metric.
        reason: &'static str,
        /// What happened.
        detail: String,
    },
    /// The other side ended it: the same, but if it happens at once again the token may be what is wrong.
    Closed {
        /// Without a word; a revoked token often shows in no other way.
        unexplained: bool,
        /// What happened.
        detail: String,
    },
    /// The other side has ended it although the token is good, as it does for a second program of the same user: another
    /// one with the same token, after a pause.
    Replaced {
        /// What happened.
        detail: String,
    },
    /// It does not tell what it has to: another one with the same token, at once.
    Deaf {
        /// What was noticed.
        detail: String,
    },
    /// The token is not good any more: log in again.
    Expired {
        /// Whether it looks as if another log-in of the same user had ended this session.
        evicted: bool,
        /// What happened.
        detail: String,
    },
    /// Too much was asked: another one with the same token, after a good while.
    Throttled {
        /// What happened.
        detail: String,
    },
    /// It is refused, and asking again changes nothing until somebody does something about it.
    Refused {
        /// What happened, and what to do.
        detail: String,
    },
}
