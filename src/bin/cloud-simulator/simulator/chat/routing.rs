//! Pure: who is offered which chat, and how a chat comes to an agent and goes from one.

use super::model::{ChatEnd, ChatRing, ChatState, Line, Owner};
use super::session::ChatAvailability;
use super::{AgentSession, Chat, World};

impl World {
    /// Offers waiting chats to agents who are free.
    pub(in super::super) fn route_chats(&mut self) {
        let waiting: Vec<String> = self
            .open_chats()
            .filter(|chat| chat.state == ChatState::Waiting && chat.ring.is_none())
            .map(|chat| chat.id.clone())
            .collect();
        for id in waiting {
            let Some(session) = self.free_session(&self.chats.all[&id]) else {
                continue;
            };
            self.chats.offers += 1;
            let (now, offer) = (self.now, self.chats.offers);
            if let Some(found) = self.chats.sessions.get_mut(&session) {
                found.last_offer = offer;
            }
            if let Some(chat) = self.chats.all.get_mut(&id) {
                chat.ring = Some(ChatRing { session, since: now });
            }
            self.touch_chat(&id);
        }
    }

    /// The chats that ring at a session, the one that has rung longest first.
    pub(super) fn ringing_at(&self, session: &str) -> Vec<String> {
        let here = |chat: &&Chat| chat.ring.as_ref().is_some_and(|ring| ring.session == session);
        let mut ringing: Vec<&Chat> = self.open_chats().filter(here).collect();
        ringing.sort_by_key(|chat| chat.ring.as_ref().map(|ring| ring.since));
        ringing.into_iter().map(|chat| chat.id.clone()).collect()
    }

    /// A session accepts the chat that has rung longest; its id.
    pub(super) fn accept_chat(&mut self, session: &str) -> Option<String> {
        let id = self.ringing_at(session).into_iter().next()?;
        let agent = self.chats.sessions.get(session)?.agent.clone();
        self.give_chat(&id, Owner { agent, session: Some(session.to_owned()) });
        Some(id)
    }

    /// Gives a chat to an agent.
    pub(super) fn give_chat(&mut self, id: &str, owner: Owner) {
        let now = self.now;
        let name = self.agents.get(&owner.agent).map_or("", |agent| agent.name.as_str());
        let text = self.options.chat.texts.accepted.replace("{agent}", name);
        let Some(chat) = self.chats.all.get_mut(id) else {
            return;
        };
        chat.ring = None;
        chat.only_to = None;
        chat.not_to = None;
        chat.owner = Some(owner);
        chat.last_request = now;
        chat.enter(now, ChatState::Chatting);
        chat.say(now, Line::system(3, &text));
        self.touch_chat(id);
    }

    /// Takes a chat from an agent who is gone: it waits for another one, or ends.
    pub(super) fn lose_chat(&mut self, id: &str) {
        let Some(chat) = self.chats.all.get(id) else {
            return;
        };
        let agent = chat.owner.as_ref().map(|owner| owner.agent.clone());
        if self.others_online(&chat.account, &chat.skill, agent.as_deref()) == 0 {
            self.end_chat(id, ChatEnd::SessionLost);
            return;
        }
        let (now, text) = (self.now, self.options.chat.texts.requeued.clone());
        if let Some(chat) = self.chats.all.get_mut(id) {
            chat.owner = None;
            chat.agent_typing = false;
            chat.say(now, Line::system(23, &text));
            chat.enter(now, ChatState::Waiting);
        }
        self.touch_chat(id);
    }

    /// Ends a chat, with the line of the service that tells why; the id of the event `ended`.
    pub(super) fn end_chat(&mut self, id: &str, end: ChatEnd) -> Option<u64> {
        let (now, texts) = (self.now, &self.options.chat.texts);
        let told = match end {
            ChatEnd::Agent => Some(Line::system(5, &texts.ended)),
            ChatEnd::Timeout | ChatEnd::SessionLost | ChatEnd::VisitorGone => {
                Some(Line::system(6, &texts.disconnected))
            }
            ChatEnd::Visitor | ChatEnd::Reset => None,
        };
        let chat = self.chats.all.get_mut(id)?;
        if let Some(line) = told {
            chat.say(now, line);
        }
        let event = chat.enter(now, ChatState::Ended);
        chat.ring = None;
        chat.ended = Some(now);
        chat.end = Some(end);
        chat.agent_typing = false;
        chat.visitor_typing = false;
        self.chats.open.retain(|open| open != id);
        self.touch_chat(id);
        event
    }

    /// The session that may be offered this chat and has the least to do; sessions take turns.
    fn free_session(&self, chat: &Chat) -> Option<String> {
        let load = |session: &AgentSession| {
            self.chats_of(&session.agent).count() + self.ringing_at(&session.id).len()
        };
        self.chats
            .sessions
            .values()
            .filter(|session| self.may_ring(session, chat))
            .map(|session| (load(session), session))
            .filter(|(load, session)| *load < self.agents[&session.agent].capacity)
            .min_by_key(|(load, session)| (*load, session.last_offer))
            .map(|(_, session)| session.id.clone())
    }

    fn may_ring(&self, session: &AgentSession, chat: &Chat) -> bool {
        let Some(agent) = self.agents.get(&session.agent) else {
            return false;
        };
        if agent.account != chat.account {
            return false;
        }
        match &chat.only_to {
            Some(only) => match session.availability {
                ChatAvailability::Online | ChatAvailability::Occupied => *only == agent.id,
                ChatAvailability::Away => false,
            },
            None => {
                session.availability == ChatAvailability::Online
                    && agent.skills.contains(&chat.skill)
                    && chat.not_to.as_ref() != Some(&agent.id)
            }
        }
    }
}
