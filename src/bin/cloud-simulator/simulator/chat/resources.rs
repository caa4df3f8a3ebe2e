//! Pure: what can be read about agents, consumers, visits and surveys.

use super::World;
use super::answers::{Answer, query};
use super::wire::{self, Base};
use serde_json::{Value, json};

impl World {
    /// The agent of an agent session.
    pub(super) fn agent_info(&self, base: Base<'_>) -> Answer {
        let session = self.chats.sessions.get(base.session);
        let session = session.ok_or_else(|| (404, "there is no such agent session".to_owned()))?;
        let agent = &self.agents[&session.agent];
        let skills: Vec<Value> = agent
            .skills
            .iter()
            .filter_map(|id| self.skill(&agent.account, id))
            .map(|skill| json!({ "id": skill.id, "name": skill.name }))
            .collect();
        let mut info = json!({
            "link": wire::one_link(&base.session("/info"), "self"),
            "agentName": agent.name,
            "displayName": agent.name,
            "loginName": agent.login_name,
            "id": agent.user_id,
            "maxChats": agent.capacity.to_string(),
            "availability": { "chat": session.availability.word(), "voice": "Offline" },
            "skillsInfo": { "skillInfo": skills },
        });
        if let (Some(members), Some(reason)) = (info.as_object_mut(), &session.reason) {
            members.insert("chatReasonId".into(), json!(reason));
        }
        Ok((200, json!({ "info": info })))
    }

    /// All agents of the account, or those that are asked for.
    pub(super) fn agents_list(&self, base: Base<'_>, asked: &str) -> Value {
        let (skill, state) = (query(asked, "skill"), query(asked, "chatState"));
        let agents: Vec<Value> = self
            .agents
            .values()
            .filter(|agent| agent.account == base.account && agent.enabled)
            .filter(|agent| {
                let has = |name: &str| {
                    let mut skills =
                        agent.skills.iter().filter_map(|id| self.skill(base.account, id));
                    skills.any(|one| one.name == name)
                };
                skill.as_deref().is_none_or(has)
            })
            .filter(|agent| {
                let found = self.chat_availability(&agent.id).map_or("Offline", |one| one.word());
                state.as_deref().is_none_or(|state| state == found)
            })
            .map(|agent| {
                let digit = self.chat_availability(&agent.id).map_or("1", |one| one.digit());
                let chats = self.chats_of(&agent.id).count();
                let skills: Vec<&String> = agent.skills.iter().collect();
                let mut one = json!({
                    "@id": agent.user_id, "@chatState": digit, "@voiceState": "1",
                    "@maxChats": agent.capacity.to_string(),
                    "userName": agent.login_name, "nickname": agent.name,
                    "email": format!("{}@example.com", agent.login_name),
                    "privilegeGroup": "agents", "skills": { "skill": skills },
                });
                // Left out when it is nought.
                if let (Some(members), true) = (one.as_object_mut(), chats > 0) {
                    members.insert("chats".into(), json!(chats.to_string()));
                }
                one
            })
            .collect();
        let next = base.session(&format!("/availableAgents?timeStamp={}", self.now));
        json!({ "availableAgents": { "agents": { "agent": agents }, "link": wire::one_link(&next, "next") } })
    }

    /// A consumer who has signed in.
    pub(super) fn participant(&self, id: &str) -> Answer {
        let mut all = self.chats.all.values();
        let known = all.find(|chat| chat.visitor.participant.as_deref() == Some(id));
        let chat = known.ok_or_else(|| (404, format!("there is no participant {id}")))?;
        let info = json!({
            "isUserAuthenticated": true, "participantId": id, "customerId": format!("C-{id}"),
            "userName": chat.visitor.name, "customerType": "vip",
        });
        let person =
            json!({ "name": chat.visitor.name, "contacts": [{ "email": "ada@example.com" }] });
        Ok((
            200,
            json!({ "authenticatedParticipantInfo": info, "authenticatedPersonalInfo": person }),
        ))
    }
}

/// What an agent session links to.
pub(super) fn session_resource(base: Base<'_>) -> Value {
    let parts = ["availability", "info", "incomingRequests", "availableAgents", "chatSessions"];
    let links: Vec<Value> =
        parts.iter().map(|part| wire::link(&base.session(&format!("/{part}")), part)).collect();
    json!({ "agentSessionId": { "link": links } })
}

/// What a visit links to.
pub(super) fn visit(base: Base<'_>, id: &str) -> Value {
    let at = |below: &str| base.session(&format!("/visits/visit/{id}{below}"));
    json!({ "visitId": { "link": [
        wire::link(&at("/info"), "info"), wire::link(&at("/customVariables"), "custom-variables"),
    ] } })
}

/// What is known of a visit.
pub(super) fn variables(base: Base<'_>, id: &str) -> Value {
    let link =
        wire::one_link(&base.session(&format!("/visits/visit/{id}/customVariables")), "self");
    json!({ "customVariables": { "link": link, "customVariable": [{
        "@source": "PreChat", "@scope": "session", "name": "topic", "displayName": "Topic",
        "value": "refund", "time": "2023-11-14T17:13:20.000-05:00",
    }] } })
}

/// The agent's survey.
pub(super) fn survey() -> Value {
    json!({ "survey": { "id": "40216", "title": "", "header": "How was it?", "questions": { "question": [{
        "id": "12786273", "order": "0", "logicId": "4", "mandatory": "true",
        "validationType": "alpha_numeric", "type": "Dropdown Box", "label": "Topic?",
        "entry": [{ "value": "A", "checked": "false" }, { "value": "B", "checked": "false" }],
    }] } } })
}
