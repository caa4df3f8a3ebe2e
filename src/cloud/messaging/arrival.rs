//! Pure: what has to be in before a connection is up, and before all its conversations have been told.

use std::{
    collections::BTreeSet,
    mem,
    time::{Duration, Instant},
};

use super::{Output, purpose::Subscription};
use crate::cloud::Event;

/// How far a connection has come.
#[derive(Debug)]
pub(super) struct Arrival {
    stage: Stage,
    list: List,
    /// Whether any notification of conversations came.
    heard: bool,
    /// How long to wait for the first one.
    patience: Duration,
}

#[derive(Debug)]
enum Stage {
    /// Not up: what is told meanwhile is held back, since `Up` comes first. That cannot be much, for a
    /// subscription that is not answered in time ends the connection.
    Subscribing { missing: BTreeSet<Subscription>, held: Vec<Event> },
    /// Up; `Listed` has not been said.
    Listing { patient_until: Instant },
    /// All said.
    Listed,
}

/// Whether the first list of conversations is in.
///
/// It may be cut into several notifications, so a question is put behind the first one: when that is answered, the
/// rest has been sent. The same question is put when no list came for long: that an empty one is told at all is not
/// documented.
#[derive(Clone, Copy, Debug, PartialEq)]
enum List {
    Unseen,
    /// The question is on its way.
    Asked,
    Seen,
}

impl Arrival {
    /// These subscriptions have to be answered; a first list of conversations is waited for as long as `patience`.
    pub(super) fn new(missing: BTreeSet<Subscription>, patience: Duration) -> Self {
        let stage = Stage::Subscribing { missing, held: Vec::new() };
        Self { stage, list: List::Unseen, heard: false, patience }
    }

    /// Whether `Up` has been said.
    pub(super) fn is_up(&self) -> bool {
        match self.stage {
            Stage::Subscribing { .. } => false,
            Stage::Listing { .. } | Stage::Listed => true,
        }
    }

    /// Whether `Listed` has been said.
    pub(super) fn is_listed(&self) -> bool {
        match self.stage {
            Stage::Subscribing { .. } | Stage::Listing { .. } => false,
            Stage::Listed => true,
        }
    }

    /// Tells the hall, as soon as it may be told.
    pub(super) fn tell(&mut self, event: Event, out: &mut Vec<Output>) {
        match &mut self.stage {
            Stage::Subscribing { held, .. } => held.push(event),
            Stage::Listing { .. } | Stage::Listed => out.push(Output::Tell(event)),
        }
    }

    /// A subscription is in place, or can be done without. `agent` is the agent's numeric id.
    pub(super) fn subscribed(
        &mut self,
        subscription: Subscription,
        agent: &str,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let Stage::Subscribing { missing, held } = &mut self.stage else {
            return;
        };
        missing.remove(&subscription);
        if !missing.is_empty() {
            return;
        }
        let held = mem::take(held);
        self.stage = Stage::Listing { patient_until: now + self.patience };
        out.push(Output::Tell(Event::Up { agent: agent.to_owned() }));
        out.extend(held.into_iter().map(Output::Tell));
        self.conclude(out);
    }

    /// A notification of conversations came. True for the first one: then a question is to be put behind it.
    pub(super) fn list_begins(&mut self) -> bool {
        self.heard = true;
        self.ask()
    }

    /// Whether no list came for too long. True once: then the question is to be put.
    pub(super) fn gives_up_hearing(&mut self, now: Instant) -> bool {
        match self.stage {
            Stage::Listing { patient_until } => patient_until <= now && self.ask(),
            Stage::Subscribing { .. } | Stage::Listed => false,
        }
    }

    /// The question behind the first list was answered, or never will be.
    pub(super) fn list_is_in(&mut self, out: &mut Vec<Output>) {
        self.list = List::Seen;
        self.conclude(out);
    }

    fn ask(&mut self) -> bool {
        let first = self.list == List::Unseen;
        if first {
            self.list = List::Asked;
        }
        first
    }

    /// Says `Listed` if it is time.
    fn conclude(&mut self, out: &mut Vec<Output>) {
        let listing = matches!(self.stage, Stage::Listing { .. });
        if listing && self.list == List::Seen {
            self.stage = Stage::Listed;
            out.push(Output::Tell(Event::Listed { heard: self.heard }));
        }
    }

    /// When to look again.
    pub(super) fn wake(&self) -> Option<Instant> {
        match (&self.stage, self.list) {
            (Stage::Listing { patient_until }, List::Unseen) => Some(*patient_until),
            (Stage::Listing { .. } | Stage::Subscribing { .. } | Stage::Listed, _) => None,
        }
    }
}
