//! What comes through the door to the cloud.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use tracing::{debug, info, warn};

use super::{Hall, Link, Standing, Stopping};
use crate::{
    bot,
    cloud::{self, LinkPhase},
    conversation::{
        Arrival, Conversation, ConversationId, Event, ExitKind, Timestamp,
        event::{Departure, Details, Message},
    },
    ops::metrics::{ConversationOutcome, Peer, RingResult},
};

impl Hall {
    /// Something came from the cloud.
    pub fn on_cloud(&mut self, arrived: cloud::Arrived, now: Instant, wall: Timestamp) {
        self.arrived = arrived.at;
        match arrived.event {
            cloud::Event::Link(state) => self.on_cloud_link(state, now, wall),
            cloud::Event::Up { agent } => {
                info!(agent, "logged in and subscribed");
                self.link = Link::Listing { told: BTreeSet::new() };
                self.begin_anew();
                self.tell_bot(bot::Command::Agent(agent));
            }
            cloud::Event::Conversation { id, details, joined } => {
                self.on_conversation(id, details, joined, now);
            }
            cloud::Event::Listed { heard } => self.on_listed(heard, now),
            cloud::Event::Down => {
                self.link = Link::Down;
                self.begin_anew();
                self.rings.link_down();
                self.tell_all(|| Event::LinkDown, now);
            }
            cloud::Event::Ring(ring) => {
                debug!(conversation = ring.conversation.as_ref().map(tracing::field::display),
                    ring = %ring.id, "ring");
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
                if let Some(end) =
                    self.rings.acknowledged(&ring, result.as_ref().map(Option::as_ref), now)
                {
                    self.ring_ended(end);
                }
            }
            cloud::Event::Gone { id, how, csat } => {
                let here = self.book.get(&id).is_some();
                if let Some(score) = self.ratings.gone(&id, how, here, csat) {
                    self.metrics.csat(score);
                }
                self.on_gone(&id, how, now);
            }
            cloud::Event::Message { conversation, message } => {
                self.on_message(&conversation, message, now);
            }
            cloud::Event::Newest { conversation, dialog, sequence } => {
                if self.book.get(&conversation).is_some() {
                    self.step(&conversation, Event::Newest { dialog, sequence }, now);
                }
            }
            cloud::Event::Missed(kind) => {
                warn!(kind = ?kind, "found by looking: the cloud should have told it by itself");
                self.metrics.missed(kind, 1);
                self.has_missed(now);
            }
            cloud::Event::Called { conversation, id, outcome } => {
                self.step(&conversation, Event::Called { id, outcome }, now);
            }
            cloud::Event::AgentState(state, word) => {
                debug!(state = ?state, word, "the agent's state as the cloud tells it");
                self.news |= self.board.agent(&word, wall);
            }
            cloud::Event::Displaced { wanted, found, lately } => {
                warn!(
                    wanted = wanted.as_str(),
                    found, lately, "the cloud had put the agent into another state; set back"
                );
                self.metrics.agent_state_repaired();
                if lately >= TOO_OFTEN {
                    let error = format!(
                        "the cloud has set the agent {found} {lately} times in five minutes: rings are not taken in \
                         time, or somebody changes its state"
                    );
                    warn!("{error}");
                    self.news |= self.board.cloud_trouble(&error, wall);
                }
            }
            cloud::Event::AvailabilitySet { state, result } => {
                self.on_availability_set(state, result, now, wall);
            }
            cloud::Event::LoggedIn(result) => self.metrics.login(result),
            // Nothing follows from it, and there are many.
            cloud::Event::Polled(call) => return self.metrics.chat_poll(call),
            cloud::Event::Unusable { kind, detail } => {
                warn!(kind, detail, "the cloud sent something that cannot be used");
                self.metrics.protocol_error(Peer::Cloud, kind);
            }
            cloud::Event::Stopped => info!("logged out"),
        }
        self.settle(now, wall);
    }

    /// What belongs to one connection and is not inherited by the next.
    fn begin_anew(&mut self) {
        self.asked.forget();
        // The board forgets it with the connection.
        self.standing = Standing::Undecided;
        self.joins.clear();
    }

    pub(super) fn on_cloud_link(&mut self, state: cloud::LinkState, now: Instant, wall: Timestamp) {
        match (state.phase, &state.error) {
            (LinkPhase::Waiting { reason }, Some(error))
                if self.complaints.0.is_repeated(error, now) =>
            {
                debug!(reason, error, detail = state.detail, "still not connected to the cloud");
                self.metrics.reconnect(Peer::Cloud, reason);
            }
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
            return self.join(id, now);
        }
        self.joins.remove(&id);
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

    /// All open conversations are told: those that were not, have left meanwhile. But if no list was `heard` at all,
    /// nothing is known of them: then they are looked at again as they were known.
    pub(super) fn on_listed(&mut self, heard: bool, now: Instant) {
        let Link::Listing { told } = std::mem::replace(&mut self.link, Link::Rebuilding) else {
            return;
        };
        for id in self.book.ids() {
            if told.contains(&id) {
                continue;
            }
            if heard {
                self.on_gone(&id, Departure::Moved, now);
            } else if let Some(details) = self.book.get(&id).map(last_details) {
                self.step(&id, Event::LinkUp(details), now);
            }
        }
        if !heard && !self.book.is_empty() {
            warn!("the cloud told no list of conversations; those that are known are kept");
        }
        info!(conversations = self.book.len(), "rebuilding the open conversations");
    }

    pub(super) fn on_gone(&mut self, id: &ConversationId, how: Departure, now: Instant) {
        self.joins.remove(id);
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

    /// Something was missed, and has been repaired and counted.
    pub(super) fn has_missed(&mut self, now: Instant) {
        let replaced = self.hearing.missed(now);
        // What is being finished is not to be cut off.
        if replaced && self.stopping == Stopping::No {
            warn!("the cloud does not tell everything on this connection: it is replaced");
            self.tell_cloud(cloud::Command::Reconnect);
        }
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

/// From so many displacements in five minutes on they are no accident.
const TOO_OFTEN: usize = 3;

fn last_details(conversation: &Conversation) -> Details {
    let about = conversation.about();
    Details {
        dialog: about.dialog.clone(),
        skill: about.skill.clone(),
        consumer: about.consumer.clone(),
        started: about.started,
    }
}
