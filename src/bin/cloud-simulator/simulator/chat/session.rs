//! Pure: agent sessions: how an agent comes to chat, is found, and goes.

use super::{Millis, Part, World};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The ids of agent sessions count up from here.
const FIRST: u64 = 1_027_882_276;

/// What `POST agentSession` makes.
#[derive(Clone, Debug)]
pub(crate) struct AgentSession {
    pub(crate) id: String,
    /// Old agent id.
    pub(crate) agent: String,
    pub(crate) availability: ChatAvailability,
    pub(crate) reason: Option<String>,
    pub(crate) started: Millis,
    pub(crate) last_request: Millis,
    /// When routing last offered something, so that agents take turns.
    pub(super) last_offer: u64,
    /// Resource to when it was last answered.
    pub(super) polls: BTreeMap<String, Millis>,
    /// When a request ended last without a clear answer, and what was read at once since then.
    pub(super) unclear: Option<(Millis, BTreeSet<String>)>,
    /// Resource to a second and how many requests came in it.
    pub(super) pace: BTreeMap<String, (Millis, u32)>,
    /// The refresh of this time is the last one whose lateness was looked at.
    pub(super) refresh_told: Option<Millis>,
}

/// The states of an agent in chat.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) enum ChatAvailability {
    /// New chats are offered.
    Online,
    /// Only chats transferred to this agent are.
    Occupied,
    /// None is.
    Away,
}

impl ChatAvailability {
    /// Reads the wire's word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "Online" => Some(Self::Online),
            "Occupied" => Some(Self::Occupied),
            "Away" => Some(Self::Away),
            _ => None,
        }
    }

    /// The wire's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Online => "Online",
            Self::Occupied => "Occupied",
            Self::Away => "Away",
        }
    }

    /// The digit of the agents list; 1 is for those who are not there.
    pub(super) fn digit(self) -> &'static str {
        match self {
            Self::Online => "2",
            Self::Occupied => "3",
            Self::Away => "4",
        }
    }
}

impl AgentSession {
    /// Forgets what was measured.
    pub(super) fn start_afresh(&mut self, now: Millis) {
        self.polls.clear();
        self.pace.clear();
        self.last_request = now;
    }
}

impl World {
    /// Starts an agent session, which takes over the chats of the agent's former one; its id.
    pub(super) fn start_agent_session(&mut self, agent: &str) -> String {
        self.chats.last_session += 1;
        let id = (FIRST + self.chats.last_session).to_string();
        let session = AgentSession {
            id: id.clone(),
            agent: agent.to_owned(),
            availability: ChatAvailability::Away,
            reason: None,
            started: self.now,
            last_request: self.now,
            last_offer: 0,
            polls: BTreeMap::new(),
            unclear: None,
            pace: BTreeMap::new(),
            refresh_told: None,
        };
        for former in self.agent_sessions_of(agent) {
            self.chats.sessions.remove(&former);
            for chat in self.chats.all.values_mut() {
                if chat.is_with(&former)
                    && let Some(owner) = &mut chat.owner
                {
                    owner.session = Some(id.clone());
                }
                if chat.ring.as_ref().is_some_and(|ring| ring.session == former) {
                    chat.ring = None;
                }
                if let Some((reader, _)) = &mut chat.reader
                    && *reader == former
                {
                    reader.clone_from(&id);
                }
            }
        }
        self.chats.sessions.insert(id.clone(), session);
        self.parts.insert(Part::Agents);
        id
    }

    /// Ends an agent session: its chats go to others, or end.
    pub(super) fn end_agent_session(&mut self, id: &str) {
        if self.chats.sessions.remove(id).is_none() {
            return;
        }
        self.parts.insert(Part::Agents);
        let open: Vec<String> = self.open_chats().map(|chat| chat.id.clone()).collect();
        for chat in open {
            if self.chats.all[&chat].is_with(id) {
                self.lose_chat(&chat);
            } else if let Some(found) = self.chats.all.get_mut(&chat)
                && found.ring.as_ref().is_some_and(|ring| ring.session == id)
            {
                found.ring = None;
                found.only_to = None;
                self.touch_chat(&chat);
            }
        }
    }

    /// Ends all agent sessions of an agent, as a log-out does.
    pub(in super::super) fn end_agent_sessions(&mut self, agent: &str) {
        for id in self.agent_sessions_of(agent) {
            self.end_agent_session(&id);
        }
    }

    /// The ids of an agent's sessions.
    pub(super) fn agent_sessions_of(&self, agent: &str) -> Vec<String> {
        let all = self.chats.sessions.values().filter(|session| session.agent == agent);
        all.map(|session| session.id.clone()).collect()
    }

    /// Sets an agent session's state.
    pub(super) fn set_chat_availability(
        &mut self,
        session: &str,
        availability: ChatAvailability,
        reason: Option<String>,
    ) {
        if let Some(found) = self.chats.sessions.get_mut(session) {
            found.availability = availability;
            found.reason = reason;
            self.parts.insert(Part::Agents);
        }
    }

    /// The chat state of an agent; `None`: not there.
    pub(crate) fn chat_availability(&self, agent: &str) -> Option<ChatAvailability> {
        let found = self.agents.get(agent)?;
        let session = self.chats.sessions.values().find(|session| session.agent == agent);
        let by_hand = || {
            let usual = self.options.chat.humans_online.then_some(ChatAvailability::Online);
            found.human.then(|| self.chats.by_hand.get(agent).copied().or(usual)).flatten()
        };
        session.map(|session| session.availability).or_else(by_hand)
    }

    /// Whether the agent is Online for this skill.
    pub(super) fn serves_chats_of(&self, agent: &str, account: &str, skill: &str) -> bool {
        self.agents
            .get(agent)
            .is_some_and(|one| one.account == account && one.skills.contains(skill))
            && self.chat_availability(agent) == Some(ChatAvailability::Online)
    }

    /// How many agents are Online for this skill, this one left out.
    pub(super) fn others_online(&self, account: &str, skill: &str, but: Option<&str>) -> usize {
        let others = self.agents.keys().filter(|agent| Some(agent.as_str()) != but);
        others.filter(|agent| self.serves_chats_of(agent, account, skill)).count()
    }
}
