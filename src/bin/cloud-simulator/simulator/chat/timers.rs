//! Pure: what happens to chats by time alone.

use super::model::ChatEnd;
use super::session::ChatAvailability;
use super::strictness::{REFRESH, SILENCE};
use super::{Chat, ChatState, Millis, Part, World};

impl World {
    /// Lets the time-outs of `now` happen: rings, silent agents, idle agent sessions.
    pub(in super::super) fn advance_chats(&mut self) {
        let (now, choice) = (self.now, self.options.chat.clone());
        let due = |chat: &&Chat| ring_ends(chat, choice.ring_life).is_some_and(|at| at <= now);
        let missed: Vec<String> =
            self.open_chats().filter(due).map(|chat| chat.id.clone()).collect();
        for chat in missed {
            self.miss_ring(&chat);
        }
        let due = |chat: &&Chat| alone(chat, choice.chat_timeout).is_some_and(|at| at <= now);
        let silent: Vec<String> =
            self.open_chats().filter(due).map(|chat| chat.id.clone()).collect();
        for chat in silent {
            self.end_chat(&chat, ChatEnd::Timeout);
        }
        let sessions = self.chats.sessions.values();
        let idle: Vec<String> = sessions
            .filter(|session| session.last_request + choice.session_idle <= now)
            .map(|session| session.id.clone())
            .collect();
        for session in idle {
            self.end_agent_session(&session);
        }
        self.look_for_silence();
        self.look_for_missing_refreshes();
    }

    /// When `advance_chats` must be called next.
    pub(in super::super) fn next_chat_deadline(&self) -> Option<Millis> {
        let choice = &self.options.chat;
        let rings = self.open_chats().filter_map(|chat| ring_ends(chat, choice.ring_life));
        let timeouts = self.open_chats().filter_map(|chat| alone(chat, choice.chat_timeout));
        let silences = self.open_chats().filter_map(|chat| {
            let told = chat.silence_told == Some(chat.last_request);
            alone(chat, SILENCE).filter(|_| !told)
        });
        let idle = self.chats.sessions.values().map(|one| one.last_request + choice.session_idle);
        let refreshes = self.chats.sessions.values().filter_map(|session| {
            let refreshed = self.refreshed(&session.agent)?;
            (session.refresh_told != Some(refreshed)).then_some(refreshed + REFRESH)
        });
        rings.chain(timeouts).chain(silences).chain(idle).chain(refreshes).min()
    }

    /// An agent has let a ring lapse: taken for idle, and the chat rings elsewhere.
    fn miss_ring(&mut self, chat: &str) {
        let Some(found) = self.chats.all.get_mut(chat) else {
            return;
        };
        let Some(ring) = found.ring.take() else { return };
        found.only_to = None;
        self.force_away(&ring.session);
        self.touch_chat(chat);
    }

    /// Sets an agent Away, as the service does with one that it takes for idle.
    pub(super) fn force_away(&mut self, session: &str) {
        if let Some(found) = self.chats.sessions.get_mut(session) {
            self.chats.forced_away += u64::from(found.availability != ChatAvailability::Away);
            found.availability = ChatAvailability::Away;
            self.parts.insert(Part::Agents);
        }
    }
}

fn ring_ends(chat: &Chat, ring_life: Millis) -> Option<Millis> {
    chat.ring.as_ref().map(|ring| ring.since + ring_life)
}

/// When a chat has been `limit` without a request of its agent's client.
pub(super) fn alone(chat: &Chat, limit: Millis) -> Option<Millis> {
    let by_client = chat.owner.as_ref().is_some_and(|owner| owner.session.is_some());
    (chat.state == ChatState::Chatting && by_client).then_some(chat.last_request + limit)
}
