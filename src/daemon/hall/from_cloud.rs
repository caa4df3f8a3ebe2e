//! What comes through the door to the cloud.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use tracing::{debug, info, warn};

use super::{Hall, Link, Stopping};
use crate::{
    bot,
    cloud::{self, LinkPhase},
    conversation::{
        Arrival, ConversationId, Event, ExitKind, Timestamp,
        effect::Call,
        event::{Departure, Details, Message},
    },
    ops::metrics::{ConversationOutcome, Peer, RingResult},
};

impl Hall {
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

    pub(super) fn on_cloud_link(&mut self, state: cloud::LinkState, wall: Timestamp) {
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

    pub(super) fn on_conversation(
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
    pub(super) fn on_listed(&mut self, now: Instant) {
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

    pub(super) fn on_gone(&mut self, id: &ConversationId, how: Departure, now: Instant) {
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

    pub(super) fn on_message(&mut self, id: &ConversationId, message: Message, now: Instant) {
        if self.settings.log_content {
            debug!(conversation = %id, sequence = message.sequence, content = ?message.content,
                "message");
        }
        // Events of conversations that this agent is not in may arrive too: they are not ours to use.
        if self.book.get(id).is_some() {
            self.step(id, Event::Message(message), now);
        }
    }
}
