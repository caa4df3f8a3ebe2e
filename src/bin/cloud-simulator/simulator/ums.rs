//! Pure: requests of agents over their WebSocket, checked as strictly as the service is known to be.

use super::agent::Availability;
use super::change::Refusal;
use super::conversation::{Audience, Role};
use super::outbox::{Filter, Subscription};
use super::publish;
use super::speech::Utterance;
use super::wire::{self, Detail, Request, one_or_many, text_or_number, whole_number};
use super::world::{Part, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A good answer: code, type and body.
pub(super) struct Answer(pub(super) u16, pub(super) &'static str, pub(super) Value);

/// The type of answers whose body is a text.
pub(super) const STRING: &str = ".ReqBody$StringResp";

impl World {
    /// Carries a request out, without regard to faults.
    pub(super) fn dispatch(
        &mut self,
        socket: u64,
        agent: &str,
        request: &Request,
    ) -> Result<Answer, Refusal> {
        let body = &request.body;
        match canonical(&request.kind) {
            "GetClock" => Ok(Answer(200, ".GetClock$Response", json!({ "currentTime": self.now }))),
            "routing.SetAgentState" => self.set_agent_state(agent, body),
            "routing.SubscribeAgentsState" => self.subscribe_agent_state(socket, agent, body),
            "routing.SubscribeRoutingTasks" => self.subscribe_rings(socket, agent, body),
            "routing.UpdateRoutingTaskSubscription" | "aam.UpdateExConversationSubscription" => {
                Ok(Answer(200, ".ams.GenericSubscribe$Response", json!({})))
            }
            "routing.UpdateRingState" => self.update_ring(agent, body),
            "aam.SubscribeExConversations" => self.subscribe_conversations(socket, agent, body),
            "aam.UnsubscribeExConversations" => self.unsubscribe(socket, body),
            "cm.UpdateConversationField" => {
                let metadata = publish::metadata(&request.metadata)?;
                let text = self.update(agent, body, &metadata)?;
                Ok(Answer(200, STRING, json!(text)))
            }
            "cm.AgentRequestConversation" => self.agent_requests_conversation(agent, body),
            "ms.PublishEvent" => {
                let sequence =
                    self.publish(agent, body, &request.metadata, &request.encoded_metadata)?;
                Ok(Answer(200, ".ams.ms.PublishEvent$Response", json!({ "sequence": sequence })))
            }
            "ms.QueryMessages" => self.query_messages(agent, body),
            "userprofile.GetUserProfile" => self.user_profile(agent, body),
            "ms.GenerateURLForUploadFile" => self.upload_url(body),
            "ms.GenerateURLForDownloadFile" => self.download_url(body),
            _ => Err(refuse(&format!("Unknown request type {}", request.kind))),
        }
    }

    fn set_agent_state(&mut self, agent: &str, body: &Value) -> Result<Answer, Refusal> {
        own_id(agent, &body["agentUserId"], "agentUserId")?;
        if !one_or_many(&body["channels"]).contains(&json!("MESSAGING")) {
            return Err(refuse("channels must contain MESSAGING"));
        }
        let word = body["availability"].as_str().unwrap_or_default();
        let availability = Availability::parse(word)
            .ok_or_else(|| refuse(&format!("availability \"{word}\" does not exist")))?;
        self.set_availability(agent, availability);
        Ok(Answer(202, STRING, json!("Agent state updated successfully")))
    }

    fn subscribe_agent_state(
        &mut self,
        socket: u64,
        agent: &str,
        body: &Value,
    ) -> Result<Answer, Refusal> {
        own_id(agent, &body["agentId"], "agentId")?;
        self.own_brand(agent, &body["brandId"])?;
        let id = self.subscribe(socket, Subscription::AgentState);
        let change = wire::agent_state_change(&self.agents[agent]);
        let snapshot = json!({ "subscriptionId": id, "changes": [change] });
        self.note(socket, ".ams.routing.AgentStateNotification", "", snapshot);
        Ok(Answer(200, ".ams.GenericSubscribe$Response", json!({ "subscriptionId": id })))
    }

    fn subscribe_rings(
        &mut self,
        socket: u64,
        agent: &str,
        body: &Value,
    ) -> Result<Answer, Refusal> {
        own_id(agent, &body["agentId"], "agentId")?;
        self.own_brand(agent, &body["brandId"])?;
        if body["channelType"] != "MESSAGING" {
            return Err(refuse("channelType must be MESSAGING"));
        }
        let id = self.subscribe(socket, Subscription::Routing);
        let snapshot = json!({ "subscriptionId": id, "changes": self.ring_snapshot(agent) });
        self.note(socket, ".ams.routing.RoutingTaskNotification", "", snapshot);
        Ok(Answer(200, ".ams.GenericSubscribe$Response", json!({ "subscriptionId": id })))
    }

    fn update_ring(&mut self, agent: &str, body: &Value) -> Result<Answer, Refusal> {
        let ring = body["ringId"].as_str().ok_or_else(|| refuse("ringId is required"))?;
        let accepts = match body["ringState"].as_str().unwrap_or_default() {
            "ACCEPTED" => true,
            "REJECTED" => false,
            other => return Err(refuse(&format!("ringState \"{other}\" cannot be set"))),
        };
        self.answer_ring(agent, ring, accepts).map_err(|text| refuse(&text))?;
        Ok(Answer(202, STRING, json!("Ring state updated successfully")))
    }

    fn subscribe_conversations(
        &mut self,
        socket: u64,
        agent: &str,
        body: &Value,
    ) -> Result<Answer, Refusal> {
        let filter = filter(&self.agents[agent].account, body)?;
        let only_me = !filter.agents.is_empty() && filter.agents.iter().all(|one| one == agent);
        if !only_me && !self.agents[agent].manager {
            return Err((403, "Agent not allowed".into()));
        }
        if let Some(brand) = body["brandId"].as_str() {
            self.own_brand(agent, &json!(brand))?;
        }
        let shows = self.sockets.get(&socket).is_some_and(super::outbox::Socket::shows_states);
        let all = self.order.iter().map(|id| &self.conversations[id]);
        let mut matching: Vec<_> = all.filter(|one| filter.matches(one, shows)).collect();
        // The most recent ones, as the newer documentation has it.
        let surplus = matching.len().saturating_sub(self.options.snapshot_limit);
        matching.drain(..surplus);
        let known: BTreeSet<String> = matching.iter().map(|one| one.id.clone()).collect();
        let changes: Vec<Value> = matching
            .iter()
            .map(|one| wire::conversation_change(one, "UPSERT", &self.agents, shows))
            .collect();
        let id = self.subscribe(socket, Subscription::Conversations { filter, known });
        let kind = ".ams.aam.ExConversationChangeNotification";
        if changes.is_empty() {
            self.note(socket, kind, "", json!({ "subscriptionId": id, "changes": [] }));
        }
        for batch in changes.chunks(self.options.snapshot_batch.max(1)) {
            self.note(socket, kind, "", json!({ "subscriptionId": id, "changes": batch }));
        }
        Ok(Answer(
            200,
            ".ams.aam.SubscribeExConversations$Response",
            json!({ "subscriptionId": id }),
        ))
    }

    fn unsubscribe(&mut self, socket: u64, body: &Value) -> Result<Answer, Refusal> {
        let id =
            body["subscriptionId"].as_str().ok_or_else(|| refuse("subscriptionId is required"))?;
        let removed = self.sockets.get_mut(&socket).and_then(|one| one.subscriptions.remove(id));
        removed.ok_or_else(|| refuse("Subscription does not exist"))?;
        self.parts.insert(Part::Sockets);
        Ok(Answer(200, STRING, json!("Unsubscribed successfully")))
    }

    fn agent_requests_conversation(
        &mut self,
        agent: &str,
        body: &Value,
    ) -> Result<Answer, Refusal> {
        let consumer =
            body["consumerId"].as_str().ok_or_else(|| refuse("consumerId is required"))?;
        let known = self.conversations.values().rev().find(|one| one.consumer.id == consumer);
        let known = known.ok_or_else(|| refuse("Consumer does not exist"))?;
        let start = super::world::Start {
            account: Some(known.account.clone()),
            skill: Some(known.skill.clone()),
            consumer: Some(consumer.to_owned()),
            first_name: Some(known.consumer.first_name.clone()),
            last_name: Some(known.consumer.last_name.clone()),
            text: None,
            features: None,
        };
        let id = self.start(start).map_err(|text| refuse(&text))?;
        self.assign(&id, agent);
        Ok(Answer(200, ".ams.cm.RequestConversationResponse", json!({ "conversationId": id })))
    }

    /// Checks and publishes an event of an agent; its sequence, 0 for chat states.
    pub(super) fn publish(
        &mut self,
        agent: &str,
        body: &Value,
        metadata: &Value,
        encoded: &Value,
    ) -> Result<u64, Refusal> {
        let metadata = publish::metadata(metadata)?;
        let encoded = publish::encoded_metadata(encoded)?;
        let (conversation, dialog) = self.dialog_of(body)?;
        if body.get("conversationId").is_some_and(|id| !id.is_null() && *id != conversation) {
            return Err(refuse("dialogId and conversationId do not belong together"));
        }
        let place = self.conversations[&conversation]
            .dialog(&dialog)
            .ok_or_else(|| refuse("Dialog does not exist"))?;
        let me =
            place.active(agent).ok_or_else(|| refuse("Agent does not exist in conversation"))?;
        if !place.open {
            return Err(refuse("Dialog is closed"));
        }
        if me.role == Role::Reader {
            return Err((403, "Agent not allowed".into()));
        }
        let audience = match body["messageAudience"].as_str() {
            None if body["messageAudience"].is_null() => Audience::All,
            Some("ALL") => Audience::All,
            Some("AGENTS_AND_MANAGERS") => Audience::AgentsAndManagers,
            _ => return Err(refuse("messageAudience does not exist")),
        };
        publish::check(&body["event"], place, self.options.check_structured_content)?;
        self.file_exists(&body["event"])?;
        let said = Utterance {
            originator: agent.to_owned(),
            event: body["event"].clone(),
            metadata,
            audience,
        };
        let sequence = if encoded && !self.options.encoded_metadata {
            // The account has not bought the feature: the message vanishes without an error.
            place.next_sequence()
        } else {
            self.utter(&conversation, &dialog, said).unwrap_or(0)
        };
        Ok(sequence)
    }

    fn query_messages(&self, agent: &str, body: &Value) -> Result<Answer, Refusal> {
        let (conversation, dialog) = self.dialog_of(body)?;
        let stored = &self.conversations[&conversation];
        if !stored.has(agent) && !self.agents[agent].manager {
            return Err((403, "Agent not allowed".into()));
        }
        let number = |key: &str| {
            let given = &body[key];
            let number = whole_number(given);
            let fits = number.is_some() || given.is_null();
            fits.then_some(number).ok_or_else(|| refuse(&format!("{key} must be a number")))
        };
        // 0 stands for everything, although the first sequence is 0.
        let newer = number("newerThanSequence")?.filter(|sequence| *sequence > 0);
        let from = number("fromSeq")?;
        let wanted = |sequence: u64| {
            newer.is_none_or(|n| sequence > n) && from.is_none_or(|n| sequence >= n)
        };
        let events =
            stored.dialog(&dialog).map(|place| place.events.as_slice()).unwrap_or_default();
        let found: Vec<Value> = events
            .iter()
            .filter(|event| event.sequence.is_some_and(wanted))
            .map(|event| wire::event(event, Detail::History))
            .collect();
        Ok(Answer(200, ".ams.ms.QueryMessages$Response", json!(found)))
    }

    fn user_profile(&self, agent: &str, body: &Value) -> Result<Answer, Refusal> {
        let kind = ".ams.userprofile.GetUserProfile$Response";
        let wanted = match body {
            Value::String(id) => id.clone(),
            Value::Object(members) if members.is_empty() => {
                return Ok(Answer(200, kind, json!({ "userId": agent })));
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                body["userId"].as_str().ok_or_else(|| refuse("userId is required"))?.to_owned()
            }
        };
        if let Some(found) = self.agents.get(&wanted) {
            return Ok(Answer(200, kind, json!({ "userId": found.id, "firstName": found.name })));
        }
        let found = self
            .order
            .iter()
            .rev()
            .map(|id| &self.conversations[id])
            .find(|one| one.consumer.id == wanted);
        let found = found.ok_or_else(|| (404, "User does not exist".to_owned()))?;
        Ok(Answer(200, kind, wire::profile(found)))
    }

    fn upload_url(&mut self, body: &Value) -> Result<Answer, Refusal> {
        let size = whole_number(&body["fileSize"]).ok_or_else(|| refuse("fileSize is required"))?;
        let kind = body["fileType"].as_str().ok_or_else(|| refuse("fileType is required"))?;
        let answer = self
            .files
            .plan_upload(&mut self.ids, size, kind, self.now)
            .map_err(|text| refuse(&text))?;
        Ok(Answer(200, ".ams.ms.GenerateURL$Response", answer))
    }

    fn download_url(&mut self, body: &Value) -> Result<Answer, Refusal> {
        let path =
            body["relativePath"].as_str().ok_or_else(|| refuse("relativePath is required"))?;
        let answer =
            self.files.plan_download(&mut self.ids, path, self.now).map_err(|text| (500, text))?;
        Ok(Answer(200, ".ams.ms.GenerateURL$Response", answer))
    }

    fn file_exists(&self, event: &Value) -> Result<(), Refusal> {
        let hosted = event["contentType"] == "hosted/file";
        let path = event["message"]["relativePath"].as_str().unwrap_or_default();
        let there = !hosted || self.files.is_stored(path);
        there.then_some(()).ok_or_else(|| refuse("File has not been uploaded"))
    }

    fn dialog_of(&self, body: &Value) -> Result<(String, String), Refusal> {
        let dialog = body["dialogId"].as_str().ok_or_else(|| refuse("dialogId is required"))?;
        let conversation =
            self.dialogs.get(dialog).ok_or_else(|| refuse("Dialog does not exist"))?;
        Ok((conversation.clone(), dialog.to_owned()))
    }

    fn subscribe(&mut self, socket: u64, subscription: Subscription) -> String {
        let id = self.ids.uuid();
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.subscriptions.insert(id.clone(), subscription);
        }
        self.parts.insert(Part::Sockets);
        id
    }

    fn own_brand(&self, agent: &str, brand: &Value) -> Result<(), Refusal> {
        let own = text_or_number(brand).is_some_and(|brand| brand == self.agents[agent].account);
        own.then_some(()).ok_or_else(|| refuse("brandId must be the account"))
    }
}

/// The type without leading dot and `ams.`, with the newer documentation's name replaced by the wire's.
fn canonical(kind: &str) -> &str {
    let bare = kind.strip_prefix('.').unwrap_or(kind);
    match bare.strip_prefix("ams.").unwrap_or(bare) {
        "cqm.SubscribeExConversations" => "aam.SubscribeExConversations",
        "cqm.UnsubscribeExConversations" => "aam.UnsubscribeExConversations",
        "up.GetUserProfile" => "userprofile.GetUserProfile",
        other => other,
    }
}

fn filter(account: &str, body: &Value) -> Result<Filter, Refusal> {
    let words = |key: &str, allowed: &[&str]| {
        let given: Vec<String> = one_or_many(&body[key])
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect();
        match given.iter().find(|one| !allowed.is_empty() && !allowed.contains(&one.as_str())) {
            Some(word) => Err(refuse(&format!("{key} \"{word}\" does not exist"))),
            None => Ok(given),
        }
    };
    Ok(Filter {
        account: account.to_owned(),
        states: words("convState", &["OPEN", "CLOSE", "LOCKED"])?,
        stages: words("stage", &["OPEN", "CLOSE"])?,
        agents: words("agentIds", &[])?,
        consumer: body["consumerId"].as_str().map(str::to_owned),
        updated_from: whole_number(&body["minLastUpdatedTime"]),
        updated_to: whole_number(&body["maxLastUpdatedTime"]),
    })
}

fn own_id(agent: &str, given: &Value, key: &str) -> Result<(), Refusal> {
    let own = given.as_str() == Some(agent);
    own.then_some(()).ok_or_else(|| refuse(&format!("{key} must be the agent's own id")))
}

fn refuse(text: &str) -> Refusal {
    (400, text.to_owned())
}
