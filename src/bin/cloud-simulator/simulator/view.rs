//! Pure: the state as the control API and the page show it.

use super::agent::Agent;
use super::conversation::{Conversation, Dialog, Event};
use super::faults::Rule;
use super::routing::Ring;
use super::world::{Received, World};
use serde_json::{Map, Value, json};

impl World {
    /// The whole state.
    pub(super) fn view(&self, revision: u64) -> Value {
        let accounts: Vec<Value> = self
            .options
            .accounts
            .iter()
            .map(|account| {
                let skills: Vec<Value> = account
                    .skills
                    .iter()
                    .map(|one| json!({ "id": one.id, "name": one.name, "human": one.human, "survey": one.survey.is_some() }))
                    .collect();
                json!({ "id": account.id, "skills": skills })
            })
            .collect();
        let conversations: Vec<Value> =
            self.order.iter().map(|id| self.view_conversation(&self.conversations[id])).collect();
        json!({
            "now": self.now,
            "revision": revision,
            "accounts": accounts,
            "agents": self.view_agents(),
            "conversations": conversations,
            "chats": self.view_chats(),
            "queue": self.view_queue(None),
            "rings": self.view_rings(),
            "sockets": self.view_sockets(),
            "faults": self.view_faults(),
            "bot": self.bot,
        })
    }

    pub(super) fn view_agents(&self) -> Value {
        self.agents.values().map(|agent| self.view_agent(agent)).collect()
    }

    pub(super) fn view_agent(&self, agent: &Agent) -> Value {
        json!({
            "id": agent.id,
            "account": agent.account,
            "userId": agent.user_id,
            "pid": agent.pid,
            "loginName": agent.login_name,
            "name": agent.name,
            "human": agent.human,
            "skills": agent.skills,
            "capacity": agent.capacity,
            "manager": agent.manager,
            "availability": agent.availability.word(),
            "loggedIn": agent.session.is_some(),
            "logins": agent.logins,
            "sockets": self.sockets.values().filter(|socket| socket.agent == agent.id).count(),
            "assigned": self.assigned_to(&agent.id).count(),
            "chat": self.view_agent_in_chat(&agent.id),
        })
    }

    pub(super) fn view_conversation(&self, one: &Conversation) -> Value {
        let participants: Vec<Value> = one
            .main()
            .participants
            .iter()
            .map(|who| json!({ "id": who.id, "name": self.name_of(one, &who.id), "role": who.role.word(), "state": who.state() }))
            .collect();
        let unread: Map<String, Value> = one
            .main()
            .participants
            .iter()
            .map(|who| (who.id.clone(), json!(one.unread(&who.id))))
            .collect();
        let transfers: Vec<Value> = one
            .transfers
            .iter()
            .map(|step| {
                json!({
                    "time": step.time, "by": step.by, "fromSkill": step.from_skill, "toSkill": step.to_skill,
                    "toAgent": step.to_agent, "metadata": step.metadata,
                })
            })
            .collect();
        let word = |open: bool| if open { "OPEN" } else { "CLOSE" };
        json!({
            "id": one.id,
            "account": one.account,
            "skill": one.skill,
            "skillName": self.skill(&one.account, &one.skill).map(|skill| &skill.name),
            "state": word(one.open),
            "stage": word(one.stage_open()),
            "closeReason": one.close_reason,
            "started": one.started,
            "ended": one.ended,
            "updated": one.updated,
            "consumer": {
                "id": one.consumer.id,
                "firstName": one.consumer.first_name,
                "lastName": one.consumer.last_name,
                "authenticated": one.consumer.authenticated,
                "present": one.consumer.present,
            },
            "participants": participants,
            "assigned": one.assigned().and_then(|id| self.login_of(id)),
            "ttr": { "ttrType": one.ttr_type, "value": one.ttr_seconds },
            "note": one.note,
            "typing": one.typing,
            "unread": unread,
            "dialogs": one.dialogs.iter().map(|dialog| self.view_dialog(one, dialog)).collect::<Vec<_>>(),
            "transfers": transfers,
        })
    }

    pub(super) fn view_queue(&self, skill: Option<&str>) -> Value {
        let wanted =
            self.queue().into_iter().filter(|one| skill.is_none_or(|skill| one.skill == skill));
        wanted
            .map(|one| {
                json!({
                    "conversation": one.id,
                    "account": one.account,
                    "skill": one.skill,
                    "since": one.queued_since,
                    "suggested": one.suggested().and_then(|id| self.login_of(id)),
                })
            })
            .collect()
    }

    pub(super) fn view_rings(&self) -> Value {
        let view = |ring: &Ring| {
            json!({
                "id": ring.id, "conversation": ring.conversation, "agent": self.login_of(&ring.agent),
                "skill": ring.skill, "state": ring.state.word(), "created": ring.created, "expires": ring.expires,
            })
        };
        self.rings.values().map(view).collect()
    }

    pub(super) fn view_sockets(&self) -> Value {
        self.sockets
            .values()
            .map(|one| {
                json!({
                    "id": one.id, "agent": one.login_name, "opened": one.opened, "version": one.version,
                    "subscriptions": one.subscriptions.len(), "received": one.received, "sent": one.sent,
                })
            })
            .collect()
    }

    pub(super) fn view_faults(&self) -> Value {
        self.faults
            .all()
            .map(|(id, rule)| json!({ "id": id, "fault": view_rule(rule), "left": rule.left }))
            .collect()
    }

    pub(super) fn view_request(request: &Received) -> Value {
        json!({
            "time": request.time, "socket": request.socket, "agent": request.agent, "id": request.id,
            "type": request.kind, "body": request.body, "metadata": request.metadata, "answered": request.answered,
        })
    }

    pub(super) fn view_counts(&self) -> Value {
        let counts = &self.counts;
        json!({
            "logins": counts.logins,
            "refusedLogins": counts.refused_logins,
            "logouts": counts.logouts,
            "refreshes": counts.refreshes,
            "refusedRefreshes": counts.refused_refreshes,
            "upgrades": counts.upgrades,
            "refusedUpgrades": counts.refused_upgrades,
            "domainLookups": counts.domain_lookups,
            "sockets": self.sockets.len(),
            "ignoredFrames": counts.ignored_frames,
            "requests": counts.requests,
        })
    }

    fn view_dialog(&self, conversation: &Conversation, dialog: &Dialog) -> Value {
        let events: Vec<Value> = dialog
            .events
            .iter()
            .map(|event| self.view_event(conversation, dialog, event))
            .collect();
        json!({
            "id": dialog.id,
            "type": dialog.kind.word(),
            "channel": "MESSAGING",
            "state": if dialog.open { "OPEN" } else { "CLOSE" },
            "closedBy": dialog.closed_by,
            "closedCause": dialog.closed_cause,
            "events": events,
        })
    }

    fn view_event(&self, conversation: &Conversation, dialog: &Dialog, event: &Event) -> Value {
        let receipts = event.sequence.and_then(|sequence| dialog.receipts.get(&sequence));
        json!({
            "sequence": event.sequence,
            "time": event.time,
            "from": event.originator,
            "name": self.name_of(conversation, &event.originator),
            "role": event.role.word(),
            "audience": event.audience.word(),
            "event": event.event,
            "metadata": event.metadata,
            "receipts": receipts.map_or_else(|| json!({}), |by| json!(by)),
        })
    }

    fn name_of(&self, conversation: &Conversation, id: &str) -> String {
        match self.agents.get(id) {
            Some(agent) => agent.name.clone(),
            None => {
                format!("{} {}", conversation.consumer.first_name, conversation.consumer.last_name)
            }
        }
    }

    fn login_of(&self, id: &str) -> Option<&str> {
        self.agents.get(id).map(|agent| agent.login_name.as_str())
    }
}

fn view_rule(rule: &Rule) -> Value {
    let mut view = serde_json::to_value(&rule.fault).unwrap_or(Value::Null);
    if let (Some(members), Some(agent)) = (view.as_object_mut(), &rule.agent) {
        members.insert("agent".into(), json!(agent));
    }
    view
}
