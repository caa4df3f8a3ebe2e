//! Pure: what has to be in before a connection is up, and before all its conversations have been told.

use std::{
    collections::BTreeSet,
    mem,
    time::{Duration, Instant},
};

use super::{purpose::Subscription, session::Output};
use crate::cloud::Event;

/// How far a connection has come.
#[derive(Debug)]
pub(super) struct Arrival {
    stage: Stage,
    list: List,
}

#[derive(Debug)]
enum Stage {
    /// Not up: what is told meanwhile is held back, since `Up` comes first. That cannot be much, for a
    /// subscription that is not answered in time ends the connection.
    Subscribing { missing: BTreeSet<Subscription>, held: Vec<Event> },
    /// Up; `Listed` has not been said.
    Listing { grace: Instant },
    /// All said.
    Listed,
}

/// Whether the first list of conversations is in.
///
/// It may be cut into several notifications, so a question is put behind the first one: when that is answered, the
/// rest has been sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum List {
    Unseen,
    Begun,
    Seen,
}

impl Arrival {
    /// These subscriptions have to be answered.
    pub(super) fn new(missing: BTreeSet<Subscription>) -> Self {
        Self { stage: Stage::Subscribing { missing, held: Vec::new() }, list: List::Unseen }
    }

    /// Whether `Up` has been said.
    pub(super) fn is_up(&self) -> bool {
        match self.stage {
            Stage::Subscribing { .. } => false,
            Stage::Listing { .. } | Stage::Listed => true,
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
        self.stage = Stage::Listing { grace: now + GRACE };
        out.push(Output::Tell(Event::Up { agent: agent.to_owned() }));
        out.extend(held.into_iter().map(Output::Tell));
        self.look(now, out);
    }

    /// A notification of conversations came. True for the first one: then a question is to be put behind it.
    pub(super) fn list_begins(&mut self) -> bool {
        let first = self.list == List::Unseen;
        if first {
            self.list = List::Begun;
        }
        first
    }

    /// The question behind the first list was answered, or never will be.
    pub(super) fn list_is_in(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.list = List::Seen;
        self.look(now, out);
    }

    /// Says `Listed` if it is time.
    pub(super) fn look(&mut self, now: Instant, out: &mut Vec<Output>) {
        let Stage::Listing { grace } = self.stage else {
            return;
        };
        let complete = match self.list {
            List::Seen => true,
            List::Begun => false,
            // That an empty list is told at all is not documented.
            List::Unseen => grace <= now,
        };
        if complete {
            self.stage = Stage::Listed;
            out.push(Output::Tell(Event::Listed));
        }
    }

    /// When to look again.
    pub(super) fn wake(&self) -> Option<Instant> {
        match (&self.stage, self.list) {
            (Stage::Listing { grace }, List::Unseen) => Some(*grace),
            (Stage::Listing { .. } | Stage::Subscribing { .. } | Stage::Listed, _) => None,
        }
    }
}

/// How long to wait for a list of conversations that may never come because it is empty.
const GRACE: Duration = Duration::from_secs(2);
