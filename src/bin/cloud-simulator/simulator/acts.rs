//! Pure: what supervisors and operators do, and what all who act need. Consumers and human agents have files of their own.

use super::agent::Availability;
use super::conversation::{Audience, Role};
use super::world::{Part, Start, World};
use serde::Deserialize;
use serde_json::json;

/// What is closed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Scope {
    /// The whole conversation; no survey.
    Conversation,
    /// The open dialog; after MAIN a survey may follow.
    Dialog,
}

/// The result of an act: a sequence if it made an event, or why it cannot be done.
pub(crate) type Done = Result<Option<u64>, String>;

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
        let agent = agent.map(|name| self.agent(name).map(|found| found.id.clone())).transpose()?;
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

/// What all who act need.
impl World {
    /// The dialog that is spoken in now.
    pub(super) fn open_dialog(&self, conversation: &str) -> Result<String, String> {
        let found = self.conversation(conversation)?.speaking();
        found
            .map(|dialog| dialog.id.clone())
            .ok_or_else(|| format!("conversation {conversation} is closed"))
    }

    /// Content of others for which `who` has not sent `status`.
    pub(super) fn unseen(&self, conversation: &str, who: &str, status: &str) -> Vec<u64> {
        let Some(dialog) = self.conversations.get(conversation).and_then(|one| one.speaking())
        else {
            return Vec::new();
        };
        let consumer = dialog.active(who).is_some_and(|one| one.role == Role::Consumer);
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
