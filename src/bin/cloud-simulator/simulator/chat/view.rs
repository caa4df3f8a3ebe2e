//! Pure: chats and agent sessions as the control API and the page show them.

use super::model::{ChatEvent, Happening};
use super::wire::typing;
use super::{Chat, ChatCall, World};
use serde_json::{Map, Value, json};

impl World {
    /// All chats, oldest first.
    pub(in super::super) fn view_chats(&self) -> Value {
        self.chats.order.iter().map(|id| self.view_chat(&self.chats.all[id])).collect()
    }

    /// One chat.
    pub(in super::super) fn view_chat(&self, chat: &Chat) -> Value {
        let login = |id: &str| self.agents.get(id).map(|agent| &agent.login_name);
        let agent = chat.owner.as_ref().and_then(|owner| self.agents.get(&owner.agent));
        let ring = chat.ring.as_ref().and_then(|ring| self.chats.sessions.get(&ring.session));
        json!({
            "id": chat.id,
            "account": chat.account,
            "skill": chat.skill,
            "skillName": self.skill(&chat.account, &chat.skill).map(|skill| &skill.name),
            "state": chat.state.word(),
            "started": chat.started,
            "ended": chat.ended,
            "end": chat.end.map(|end| end.word()),
            "visitor": {
                "id": chat.visitor.id,
                "name": chat.visitor.name,
                "language": chat.visitor.language,
                "participantId": chat.visitor.participant,
                "typing": typing(chat.visitor_typing),
            },
            "agent": agent.map(|agent| &agent.login_name),
            "agentName": agent.map(|agent| &agent.name),
            "agentTyping": typing(chat.agent_typing),
            "ringing": ring.and_then(|session| login(&session.agent)),
            "onlyTo": chat.only_to.as_deref().and_then(login),
            "lastRequest": chat.last_request,
            "events": chat.events.iter().map(view_chat_event).collect::<Vec<_>>(),
        })
    }

    /// An agent's part in chat; `null` if it has none.
    pub(in super::super) fn view_agent_in_chat(&self, agent: &str) -> Value {
        let Some(availability) = self.chat_availability(agent) else {
            return Value::Null;
        };
        let session = self.chats.sessions.values().find(|session| session.agent == agent);
        json!({
            "availability": availability.word(),
            "session": session.map(|session| &session.id),
            "chats": self.chats_of(agent).count(),
        })
    }

    /// The rules that were broken, oldest first.
    pub(super) fn view_breaches(&self) -> Value {
        self.chats
            .breaches
            .iter()
            .map(|one| {
                json!({ "time": one.time, "agent": one.agent, "rule": one.rule.word(), "place": one.place })
            })
            .collect()
    }

    /// How often each call came.
    pub(super) fn view_chat_counts(&self) -> Value {
        let calls: Map<String, Value> =
            self.chats.counts.iter().map(|(name, count)| (name.word(), json!(count))).collect();
        json!({
            "calls": calls,
            "forcedAway": self.chats.forced_away,
            "sessions": self.chats.sessions.len(),
            "breaches": self.chats.breaches.len(),
        })
    }
}

/// A remembered request.
pub(super) fn view_chat_call(call: &ChatCall) -> Value {
    json!({
        "time": call.time, "agent": call.agent, "call": call.name, "path": call.path,
        "query": call.query, "body": call.body, "answered": call.answered,
    })
}

fn view_chat_event(event: &ChatEvent) -> Value {
    match &event.what {
        Happening::State(state) => {
            json!({ "id": event.id, "time": event.time, "type": "state", "state": state.word() })
        }
        Happening::Line(line) => json!({
            "id": event.id,
            "time": event.time,
            "type": "line",
            "source": line.source.word(),
            "by": line.by,
            "text": line.text,
            "textType": line.text_type,
            "subType": line.sub_type(),
            "systemMessageId": line.system,
            "json": line.json,
        }),
    }
}
