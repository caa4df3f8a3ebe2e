//! Pure: what people do in the simulated world: consumers, human agents, supervisors.

use super::agent::Availability;
use super::content;
use super::conversation::{Audience, Role};
use super::routing::RingState;
use super::world::{Part, Start, Utterance, World};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is closed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Scope {
    /// The whole conversation; no survey.
    Conversation,
    /// The open dialog; after MAIN a survey may follow.
    Dialog,
}

/// A button of a message.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Button {
    /// Its number in order of appearance.
    Number(usize),
    /// Its title.
    Title(String),
}

impl From<&str> for Button {
    fn from(title: &str) -> Self {
        Self::Title(title.into())
    }
}

impl From<usize> for Button {
    fn from(number: usize) -> Self {
        Self::Number(number)
    }
}

/// What a click has done.
#[derive(Clone, Debug)]
pub(crate) struct Clicked {
    /// Sequence of the text that was said, if any.
    pub(crate) said: Option<u64>,
    /// Sequence of the ACTION receipt.
    pub(crate) action: Option<u64>,
    /// The element's actions, for a page that opens links.
    pub(crate) actions: Value,
}

/// The result of an act: a sequence if it made an event, or why it cannot be done.
pub(crate) type Done = Result<Option<u64>, String>;

/// The consumer.
impl World {
    /// Says a text.
    pub(crate) fn consumer_says(
        &mut self,
        conversation: &str,
        text: &str,
        metadata: Vec<Value>,
    ) -> Done {
        let event = json!({ "type": "ContentEvent", "message": text, "contentType": "text/plain" });
        self.consumer_utters(conversation, event, metadata)
    }

    /// Presses a button or quick reply of an earlier message.
    pub(crate) fn consumer_clicks(
        &mut self,
        conversation: &str,
        sequence: u64,
        button: &Button,
    ) -> Result<Clicked, String> {
        let found = self.conversation(conversation)?;
        let dialog = found.speaking().ok_or("the conversation is closed")?;
        let event = dialog
            .event(sequence)
            .ok_or_else(|| format!("there is no sequence {sequence}"))?;
        let elements = content::clickables(&event.event);
        let element = match button {
            Button::Number(number) => elements.get(*number).copied(),
            Button::Title(title) => elements
                .iter()
                .copied()
                .find(|one| one["title"] == json!(title)),
        };
        let element =
            element.ok_or_else(|| format!("message {sequence} has no button {button:?}"))?;
        let metadata: Vec<Value> = element["click"]["metadata"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let actions = element["click"]["actions"].clone();
        let mut texts = actions
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["type"] == "publishText");
        let text = texts
            .find_map(|one| one["text"].as_str())
            .map(str::to_owned);
        let said = match text {
            Some(text) => self.consumer_says(conversation, &text, metadata.clone())?,
            None => None,
        };
        let receipt =
            json!({ "type": "AcceptStatusEvent", "status": "ACTION", "sequenceList": [sequence] });
        let action = self.consumer_utters(conversation, receipt, metadata)?;
        Ok(Clicked {
            said,
            action,
            actions,
        })
    }

    /// Uploads and sends a file.
    pub(crate) fn consumer_sends_file(
        &mut self,
        conversation: &str,
        caption: &str,
        kind: &str,
        bytes: Vec<u8>,
    ) -> Done {
        self.conversation(conversation)?;
        let path = self.files.put(&mut self.ids, kind, bytes);
        let event = json!({
            "type": "ContentEvent",
            "contentType": "hosted/file",
            "message": { "caption": caption, "relativePath": path, "fileType": kind },
        });
        self.consumer_utters(conversation, event, Vec::new())
    }

    /// Sends structured content.
    pub(crate) fn consumer_sends_rich(
        &mut self,
        conversation: &str,
        card: &Value,
        metadata: Vec<Value>,
    ) -> Done {
        let event = json!({ "type": "RichContentEvent", "content": card });
        self.consumer_utters(conversation, event, metadata)
    }

    /// Sends a chat state such as COMPOSING.
    pub(crate) fn consumer_types(&mut self, conversation: &str, state: &str) -> Done {
        self.consumer_utters(
            conversation,
            json!({ "type": "ChatStateEvent", "chatState": state }),
            Vec::new(),
        )
    }

    /// Sends a receipt, READ or another, for these sequences; without them, for everything of the others that has none yet.
    pub(crate) fn consumer_reads(
        &mut self,
        conversation: &str,
        status: &str,
        sequences: Option<Vec<u64>>,
    ) -> Done {
        let found = self.conversation(conversation)?;
        let consumer = found.consumer.id.clone();
        let sequences = sequences.unwrap_or_else(|| self.unseen(conversation, &consumer, status));
        if sequences.is_empty() {
            return Ok(None);
        }
        let event =
            json!({ "type": "AcceptStatusEvent", "status": status, "sequenceList": sequences });
        self.consumer_utters(conversation, event, Vec::new())
    }

    /// Logs in: the consumer's id is replaced in place.
    pub(crate) fn consumer_steps_up(
        &mut self,
        conversation: &str,
        id: Option<String>,
    ) -> Result<String, String> {
        self.conversation(conversation)?;
        let id = id.unwrap_or_else(|| self.ids.hex(32));
        let found = self
            .conversations
            .get_mut(conversation)
            .ok_or("the conversation is gone")?;
        let old = std::mem::replace(&mut found.consumer.id, id.clone());
        found.consumer.authenticated = true;
        let everyone = found
            .dialogs
            .iter_mut()
            .flat_map(|dialog| &mut dialog.participants);
        everyone
            .filter(|one| one.role == Role::Consumer)
            .for_each(|one| one.id.clone_from(&id));
        found.former_consumers.push(old);
        self.touch(conversation);
        Ok(id)
    }

    /// Leaves the window (BACKGROUND) or returns to it (ACTIVE).
    pub(crate) fn consumer_is_present(&mut self, conversation: &str, present: bool) -> Done {
        self.conversation(conversation)?;
        if let Some(found) = self.conversations.get_mut(conversation) {
            found.consumer.present = present;
        }
        self.consumer_types(conversation, if present { "ACTIVE" } else { "BACKGROUND" })
    }

    /// Closes the conversation, or only its open dialog.
    pub(crate) fn consumer_closes(&mut self, conversation: &str, scope: Scope) -> Done {
        let dialog = self.open_dialog(conversation)?;
        match scope {
            Scope::Conversation => self.close_for(conversation, "CONSUMER"),
            Scope::Dialog => self.close_dialog_for_consumer(conversation, &dialog)?,
        }
        Ok(None)
    }

    fn consumer_utters(&mut self, conversation: &str, event: Value, metadata: Vec<Value>) -> Done {
        let dialog = self.open_dialog(conversation)?;
        let originator = self.conversation(conversation)?.consumer.id.clone();
        let said = Utterance {
            originator,
            event,
            metadata,
            audience: Audience::All,
        };
        Ok(self.utter(conversation, &dialog, said))
    }

    fn open_dialog(&self, conversation: &str) -> Result<String, String> {
        let found = self.conversation(conversation)?.speaking();
        found
            .map(|dialog| dialog.id.clone())
            .ok_or_else(|| format!("conversation {conversation} is closed"))
    }

    /// Content of others for which `who` has not sent `status`.
    fn unseen(&self, conversation: &str, who: &str, status: &str) -> Vec<u64> {
        let Some(dialog) = self
            .conversations
            .get(conversation)
            .and_then(|one| one.speaking())
        else {
            return Vec::new();
        };
        let consumer = dialog
            .active(who)
            .is_some_and(|one| one.role == Role::Consumer);
        let done = |sequence: &u64| {
            let mine = dialog.receipts.get(sequence).and_then(|by| by.get(who));
            mine.is_some_and(|statuses| statuses.contains(status))
        };
        dialog
            .events
            .iter()
            .filter(|event| event.is_content() && event.originator != who)
            .filter(|event| event.audience == Audience::All || !consumer)
            .filter_map(|event| event.sequence)
            .filter(|sequence| !done(sequence))
            .collect()
    }
}

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
            return Err(format!(
                "conversation {conversation} is assigned to {other}"
            ));
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
        self.agent_publishes(
            agent,
            conversation,
            &event,
            &Value::Null,
            Audience::AgentsAndManagers,
        )
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
        self.publish(&agent, &body, metadata, &Value::Null)
            .map(Some)
            .map_err(|(_, text)| text)
    }

    /// Sends a chat state.
    pub(crate) fn agent_types(&mut self, agent: &str, conversation: &str, state: &str) -> Done {
        let event = json!({ "type": "ChatStateEvent", "chatState": state });
        self.agent_publishes(agent, conversation, &event, &Value::Null, Audience::All)
            .map(|_| None)
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
        let metadata = reason.map_or(
            Value::Null,
            |reason| json!([{ "type": "ActionReason", "reason": reason }]),
        );
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
        self.update(&agent, &body, &metadata)
            .map(|_| None)
            .map_err(|(_, text)| text)
    }

    fn removal(agent: &str) -> Value {
        json!({ "field": "ParticipantsChange", "type": "REMOVE", "role": "ASSIGNED_AGENT", "userId": agent })
    }
}

/// Supervisors and operators.
impl World {
    /// Starts a conversation; its id.
    pub(crate) fn begin(&mut self, start: Start) -> Result<String, String> {
        self.start(start)
    }

    /// Sets an agent's state from outside.
    pub(crate) fn supervisor_sets(&mut self, agent: &str, availability: Availability) -> Done {
        let id = self.agent(agent)?.id.clone();
        self.set_availability(&id, availability);
        Ok(None)
    }

    /// Assigns an agent without a ring.
    pub(crate) fn supervisor_assigns(&mut self, agent: &str, conversation: &str) -> Done {
        let id = self.agent(agent)?.id.clone();
        if !self.conversation(conversation)?.open {
            return Err(format!("conversation {conversation} is closed"));
        }
        self.assign(conversation, &id);
        Ok(None)
    }

    /// Changes the skill; an assigned agent stays.
    pub(crate) fn supervisor_moves(&mut self, conversation: &str, skill: &str) -> Done {
        self.set_skill(conversation, skill).map(|()| None)
    }

    /// Closes a conversation for `TIMEOUT` or `SYSTEM`.
    pub(crate) fn service_closes(&mut self, conversation: &str, reason: &str) -> Done {
        self.conversation(conversation)?;
        let reason = match reason {
            "TIMEOUT" => "TIMEOUT",
            "SYSTEM" => "SYSTEM",
            other => return Err(format!("reason \"{other}\" is neither TIMEOUT nor SYSTEM")),
        };
        self.close_for(conversation, reason);
        Ok(None)
    }

    /// Voids an agent's session; its sockets close with `code`, or as configured.
    pub(crate) fn evict(&mut self, agent: &str, code: Option<u16>) -> Done {
        let id = self.agent(agent)?.id.clone();
        self.end_session(&id, code.unwrap_or(self.options.eviction_code), "evicted");
        Ok(None)
    }

    /// Changes what an agent may: open conversations, log in at all, block-listed.
    pub(crate) fn limit_agent(
        &mut self,
        agent: &str,
        capacity: Option<usize>,
        enabled: Option<bool>,
        blocked: Option<bool>,
    ) -> Done {
        let found = self.agent_mut(agent)?;
        found.capacity = capacity.unwrap_or(found.capacity);
        found.enabled = enabled.unwrap_or(found.enabled);
        found.blocked = blocked.unwrap_or(found.blocked);
        self.parts.insert(Part::Agents);
        Ok(None)
    }

    /// Opens many conversations at once, assigned to an agent if one is named; their ids.
    pub(crate) fn crowd(
        &mut self,
        count: usize,
        agent: Option<&str>,
        start: &Start,
    ) -> Result<Vec<String>, String> {
        let agent = agent
            .map(|name| self.agent(name).map(|found| found.id.clone()))
            .transpose()?;
        (0..count)
            .map(|_| {
                let id = self.start(start.clone())?;
                if let Some(agent) = &agent {
                    self.assign(&id, agent);
                }
                Ok(id)
            })
            .collect()
    }

    /// Sends one of the notifications that fit nothing to every socket that `which` names; how many.
    pub(crate) fn send_stray(&mut self, agent: Option<&str>, what: &str) -> Result<usize, String> {
        let stray = match what {
            "unknownNotification" => json!({
                "kind": "notification", "type": ".ams.future.WeatherNotification", "body": { "sky": "blue" },
            }),
            "deleteWithoutUpsert" => json!({
                "kind": "notification",
                "type": ".ams.aam.ExConversationChangeNotification",
                "body": {
                    "subscriptionId": "nobody",
                    "changes": [{
                        "type": "DELETE",
                        "result": {
                            "convId": "nobody",
                            "conversationDetails": {
                                "convId": "nobody", "skillId": "-1", "state": "CLOSE", "stage": "CLOSE",
                                "participants": {}, "participantsPId": {}, "dialogs": [],
                                "startTs": self.now, "metaDataLastUpdateTs": self.now,
                            },
                        },
                    }],
                },
            }),
            "unknownDialog" => json!({
                "kind": "notification",
                "type": ".ams.ms.OnlineEventDistribution",
                "body": {
                    "sequence": 0, "dialogId": "nobody", "originatorId": "stranger", "serverTimestamp": self.now,
                    "originatorMetadata": { "id": "stranger", "role": "CONSUMER" },
                    "event": { "type": "ContentEvent", "contentType": "text/plain", "message": "Who is there?" },
                },
            }),
            "ringUpdated" => json!({
                "kind": "notification", "type": ".ams.routing.RingUpdated", "body": { "ringId": "nobody" },
            }),
            other => return Err(format!("there is no stray notification \"{other}\"")),
        };
        Ok(self.send_raw(&stray.to_string(), |socket| {
            agent.is_none_or(|name| socket.login_name == name)
        }))
    }
}
