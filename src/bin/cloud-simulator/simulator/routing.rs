//! Pure: routing: who is offered which conversation, and the life of a ring.

use super::clock::Millis;
use super::conversation::{Participant, Role};
use super::faults::Fault;
use super::wire;
use super::world::{Part, World};
use serde_json::{Value, json};

/// How many ended rings are remembered.
const PAST: usize = 5_000;

/// An offer of one conversation to one agent.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    pub(crate) id: String,
    pub(crate) task: String,
    pub(crate) conversation: String,
    /// Old agent id.
    pub(crate) agent: String,
    pub(crate) skill: String,
    pub(crate) state: RingState,
    pub(crate) created: Millis,
    pub(crate) expires: Millis,
}

/// The states of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RingState {
    /// Waits for the agent's answer.
    Waiting,
    /// Taken.
    Accepted,
    /// Declined.
    Rejected,
    /// Not answered in time.
    Expired,
    /// Withdrawn.
    Cancelled,
    /// Taken without asking.
    AutoAccept,
}

impl RingState {
    /// The wire's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Accepted => "ACCEPTED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
            Self::AutoAccept => "AUTO_ACCEPT",
        }
    }
}

impl World {
    /// Offers waiting conversations to free agents; true if anything rang.
    pub(super) fn route(&mut self) -> bool {
        let waiting: Vec<(String, String, String)> = self
            .queue()
            .into_iter()
            .filter(|one| one.suggested().is_none() && one.ring_not_before <= self.now)
            .map(|one| (one.id.clone(), one.account.clone(), one.skill.clone()))
            .collect();
        let mut rang = false;
        for (conversation, account, skill) in waiting {
            if !self.waiting_rings(|ring| ring.conversation == conversation).is_empty() {
                continue;
            }
            if let Some(agent) = self.free_agent(&account, &skill) {
                self.ring(&conversation, &agent);
                rang = true;
            }
        }
        rang
    }

    /// Rings `agent` for a conversation.
    pub(super) fn ring(&mut self, conversation: &str, agent: &str) {
        let Some(found) = self.conversations.get(conversation) else {
            return;
        };
        let mut created = self.now;
        let id = loop {
            let id = format!("{conversation}_{}_{created}", found.account);
            if !self.rings.contains_key(&id) && !self.past_rings.iter().any(|past| past.id == id) {
                break id;
            }
            created += 1;
        };
        let auto = self.options.auto_accept && found.suggested().is_none();
        let ring = Ring {
            id: id.clone(),
            task: self.ids.uuid(),
            conversation: conversation.to_owned(),
            agent: agent.to_owned(),
            skill: found.skill.clone(),
            state: RingState::Waiting,
            created: self.now,
            expires: created + self.options.ring_life,
        };
        self.offers += 1;
        if let Some(agent) = self.agents.get_mut(agent) {
            agent.last_offer = self.offers;
        }
        if !auto {
            self.tell_ring(&ring, "UPSERT");
        }
        self.rings.insert(id.clone(), ring);
        if auto {
            self.assign(conversation, agent);
            self.end_ring(&id, RingState::AutoAccept);
        }
    }

    /// An agent answers a ring.
    pub(super) fn answer_ring(
        &mut self,
        agent: &str,
        ring: &str,
        accepts: bool,
    ) -> Result<(), String> {
        let mut past = self.past_rings.iter().rev();
        if let Some(past) = past.find(|one| one.id == ring && one.agent == agent) {
            return Err(format!("Ring is {}", past.state.word()));
        }
        let found = self.rings.get(ring).filter(|one| one.agent == agent);
        let conversation =
            found.ok_or_else(|| "Ring does not exist".to_owned())?.conversation.clone();
        let login = self.agents[agent].login_name.clone();
        if !accepts {
            self.end_ring(ring, RingState::Rejected);
            return Ok(());
        }
        let nowhere = |fault: &Fault| matches!(fault, Fault::AcceptLeadsNowhere {}).then_some(());
        let cancelled = |fault: &Fault| matches!(fault, Fault::CancelAfterAccept {}).then_some(());
        if self.faults.take(&login, nowhere).is_some() {
            self.rings.remove(ring);
            self.leave_alone(&conversation);
        } else if self.faults.take(&login, cancelled).is_some() {
            self.end_ring(ring, RingState::Cancelled);
        } else {
            self.end_ring(ring, RingState::Accepted);
            self.assign(&conversation, agent);
        }
        Ok(())
    }

    /// Makes `agent` the active assigned agent and withdraws every other offer.
    pub(super) fn assign(&mut self, conversation: &str, agent: &str) {
        let Some(found) = self.conversations.get_mut(conversation) else {
            return;
        };
        found.queued_since = None;
        let participants = &mut found.main_mut().participants;
        participants.retain(|one| one.role != Role::AssignedAgent && one.id != agent);
        participants.push(Participant::active(agent, Role::AssignedAgent));
        let others =
            self.waiting_rings(|ring| ring.conversation == conversation && ring.agent != agent);
        for ring in others {
            self.end_ring(&ring, RingState::Cancelled);
        }
        self.touch(conversation);
    }

    /// Ends a ring: an UPSERT with its last state, then a DELETE.
    pub(super) fn end_ring(&mut self, id: &str, state: RingState) {
        let Some(mut ring) = self.rings.remove(id) else {
            return;
        };
        ring.state = state;
        self.tell_ring(&ring, "UPSERT");
        self.tell_ring(&ring, "DELETE");
        let (agent, conversation) = (ring.agent.clone(), ring.conversation.clone());
        if self.past_rings.len() == PAST {
            self.past_rings.pop_front();
        }
        self.past_rings.push_back(ring);
        match state {
            RingState::Rejected | RingState::Expired | RingState::Cancelled => {
                self.withdraw_offer(&conversation, &agent);
                self.leave_alone(&conversation);
            }
            RingState::Accepted | RingState::AutoAccept | RingState::Waiting => {}
        }
    }

    /// The ids of the waiting rings that `which` picks.
    pub(super) fn waiting_rings(&self, which: impl Fn(&Ring) -> bool) -> Vec<String> {
        self.rings.values().filter(|ring| which(ring)).map(|ring| ring.id.clone()).collect()
    }

    /// The changes that a new routing subscription of `agent` starts with.
    pub(super) fn ring_snapshot(&self, agent: &str) -> Vec<Value> {
        let waiting = self.rings.values().filter(|ring| ring.agent == agent);
        waiting.filter_map(|ring| self.ring_change(ring, "UPSERT")).collect()
    }

    fn tell_ring(&mut self, ring: &Ring, kind: &str) {
        self.parts.insert(Part::Rings);
        let Some(change) = self.ring_change(ring, kind) else {
            return;
        };
        let (agent, conversation) = (ring.agent.clone(), ring.conversation.clone());
        for (socket, subscription) in self.subscriptions(&agent, |one| one.is_routing()) {
            let body = json!({ "subscriptionId": subscription, "changes": [change] });
            self.note(socket, ".ams.routing.RoutingTaskNotification", &conversation, body);
        }
    }

    fn ring_change(&self, ring: &Ring, kind: &str) -> Option<Value> {
        let conversation = self.conversations.get(&ring.conversation)?;
        Some(wire::ring_change(ring, kind, conversation, self.options.ring_life))
    }

    /// Drops the offer of a transfer to an agent; the conversation stays in the skill's queue.
    fn withdraw_offer(&mut self, conversation: &str, agent: &str) {
        let Some(found) = self.conversations.get_mut(conversation) else {
            return;
        };
        let participants = &mut found.main_mut().participants;
        let before = participants.len();
        participants.retain(|one| !(one.suggested && one.id == agent));
        if participants.len() != before {
            self.touch(conversation);
        }
    }

    fn leave_alone(&mut self, conversation: &str) {
        let until = self.now + self.options.ring_again_after;
        if let Some(found) = self.conversations.get_mut(conversation) {
            found.ring_not_before = until;
        }
    }

    /// The ONLINE agent of the skill with a free slot and the least to do; agents take turns.
    fn free_agent(&self, account: &str, skill: &str) -> Option<String> {
        let load = |id: &str| {
            self.assigned_to(id).count() + self.waiting_rings(|ring| ring.agent == id).len()
        };
        self.agents
            .values()
            .filter(|agent| agent.account == account && agent.session.is_some())
            .filter(|agent| agent.availability.takes_new())
            .filter(|agent| skill == "-1" || agent.skills.contains(skill))
            .map(|agent| (load(&agent.id), agent))
            .filter(|(load, agent)| *load < agent.capacity)
            .min_by_key(|(load, agent)| (*load, agent.last_offer))
            .map(|(_, agent)| agent.id.clone())
    }
}
