//! Pure: what human agents do; an agent is named by log-in name.

use super::acts::{Done, Scope};
use super::conversation::Audience;
use super::routing::RingState;
use super::world::World;
use serde_json::{Value, json};

/// Human agents. The agent is named by log-in name.
impl World {
    /// Takes a conversation from the queue.
    pub(crate) fn agent_takes(&mut self, agent: &str, conversation: &str) -> Done {
        let agent = self.agent(agent)?.id.clone();
        let found = self.conversation(conversation)?;
        if !found.open {
            return Err(format!("conversation {conversation} is closed"));
        }
        if let Some(other) = found.assigned() {
            return Err(format!("conversation {conversation} is assigned to {other}"));
        }
        let own =
            self.waiting_rings(|ring| ring.conversation == conversation && ring.agent == agent);
        for ring in own {
            self.end_ring(&ring, RingState::Accepted);
        }
        self.assign(conversation, &agent);
        Ok(None)
    }

    /// Says a text.
    pub(crate) fn agent_says(&mut self, agent: &str, conversation: &str, text: &str) -> Done {
        let event = json!({ "type": "ContentEvent", "message": text, "contentType": "text/plain" });
        self.agent_publishes(agent, conversation, &event, &Value::Null, Audience::All)
    }

    /// Writes a note that only agents and managers see.
    pub(crate) fn agent_notes(&mut self, agent: &str, conversation: &str, text: &str) -> Done {
        let event = json!({ "type": "ContentEvent", "message": text, "contentType": "text/plain" });
        self.agent_publishes(agent, conversation, &event, &Value::Null, Audience::AgentsAndManagers)
    }

    /// Publishes any event, checked like everybody's.
    pub(crate) fn agent_publishes(
        &mut self,
        agent: &str,
        conversation: &str,
        event: &Value,
        metadata: &Value,
        audience: Audience,
    ) -> Done {
        let agent = self.agent(agent)?.id.clone();
        let dialog = self.open_dialog(conversation)?;
        let body =
            json!({ "dialogId": dialog, "event": event, "messageAudience": audience.word() });
        self.publish(&agent, &body, metadata, &Value::Null).map(Some).map_err(|(_, text)| text)
    }

    /// Sends a chat state.
    pub(crate) fn agent_types(&mut self, agent: &str, conversation: &str, state: &str) -> Done {
        let event = json!({ "type": "ChatStateEvent", "chatState": state });
        self.agent_publishes(agent, conversation, &event, &Value::Null, Audience::All).map(|_| None)
    }

    /// Reads everything.
    pub(crate) fn agent_reads(&mut self, agent: &str, conversation: &str) -> Done {
        self.conversation(conversation)?;
        let sequences = self.unseen(conversation, &self.agent(agent)?.id, "READ");
        if sequences.is_empty() {
            return Ok(None);
        }
        let event =
            json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": sequences });
        self.agent_publishes(agent, conversation, &event, &Value::Null, Audience::All)
    }

    /// Hands the conversation back to its skill's queue.
    pub(crate) fn agent_returns(&mut self, agent: &str, conversation: &str) -> Done {
        self.agent_updates(
            agent,
            conversation,
            &[Self::removal(&self.agent(agent)?.id)],
            &Value::Null,
        )
    }

    /// Transfers to a skill, or offers the conversation to an agent within one.
    pub(crate) fn agent_transfers(
        &mut self,
        agent: &str,
        conversation: &str,
        skill: Option<&str>,
        to_agent: Option<&str>,
        reason: Option<&str>,
    ) -> Done {
        let mut changes = vec![Self::removal(&self.agent(agent)?.id)];
        if let Some(target) = to_agent {
            let target = &self.agent(target)?.id;
            changes.push(json!({
                "field": "ParticipantsChange", "type": "SUGGEST", "role": "ASSIGNED_AGENT", "userId": target,
            }));
        }
        let skill = skill.unwrap_or(&self.conversation(conversation)?.skill);
        changes.push(json!({ "field": "Skill", "type": "UPDATE", "skill": skill }));
        let metadata = reason
            .map_or(Value::Null, |reason| json!([{ "type": "ActionReason", "reason": reason }]));
        self.agent_updates(agent, conversation, &changes, &metadata)
    }

    /// Closes the conversation, or only its MAIN dialog.
    pub(crate) fn agent_closes(&mut self, agent: &str, conversation: &str, scope: Scope) -> Done {
        let change = match scope {
            Scope::Conversation => {
                json!({ "field": "ConversationStateField", "conversationState": "CLOSE" })
            }
            Scope::Dialog => json!({
                "field": "DialogChange", "type": "UPDATE",
                "dialog": { "dialogId": self.open_dialog(conversation)?, "state": "CLOSE", "closedBy": "AGENT" },
            }),
        };
        self.agent_updates(agent, conversation, &[change], &Value::Null)
    }

    /// Joins as MANAGER or READER, which takes a manager's permission.
    pub(crate) fn agent_joins(&mut self, agent: &str, conversation: &str, role: &str) -> Done {
        let id = self.agent(agent)?.id.clone();
        let change =
            json!({ "field": "ParticipantsChange", "type": "ADD", "role": role, "userId": id });
        self.agent_updates(agent, conversation, &[change], &Value::Null)
    }

    /// Leaves the role in which the agent is in the conversation.
    pub(crate) fn agent_leaves(&mut self, agent: &str, conversation: &str) -> Done {
        let id = self.agent(agent)?.id.clone();
        let found = self.conversation(conversation)?.main().active(&id);
        let role = found
            .ok_or_else(|| format!("{agent} is not in conversation {conversation}"))?
            .role
            .word();
        let change =
            json!({ "field": "ParticipantsChange", "type": "REMOVE", "role": role, "userId": id });
        self.agent_updates(agent, conversation, &[change], &Value::Null)
    }

    fn agent_updates(
        &mut self,
        agent: &str,
        conversation: &str,
        changes: &[Value],
        metadata: &Value,
    ) -> Done {
        let agent = self.agent(agent)?.id.clone();
        let metadata: Vec<Value> = metadata.as_array().cloned().unwrap_or_default();
        let body = json!({ "conversationId": conversation, "conversationField": changes });
        self.update(&agent, &body, &metadata).map(|_| None).map_err(|(_, text)| text)
    }

    fn removal(agent: &str) -> Value {
        json!({ "field": "ParticipantsChange", "type": "REMOVE", "role": "ASSIGNED_AGENT", "userId": agent })
    }
}
