//! Pure: the raw v2.1 shapes that the simulator sends, and tolerant reading of what it gets.

use super::agent::Agent;
use super::clock::Millis;
use super::conversation::{Conversation, Dialog, DialogKind, Event, Participant, Role};
use super::routing::{Ring, RingState};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A request as it came in a frame.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The request's id as text; numbers are turned into their digits.
    pub(crate) id: String,
    /// The type as it was written.
    pub(crate) kind: String,
    pub(crate) body: Value,
    pub(crate) metadata: Value,
    pub(crate) encoded_metadata: Value,
}

impl Request {
    /// Reads a frame; `None` is what the service ignores: no JSON object, not a request, no usable id or type.
    pub(crate) fn parse(frame: &str) -> Option<Self> {
        let mut frame: Map<String, Value> = serde_json::from_str(frame).ok()?;
        let id = text_or_number(frame.get("id")?)?;
        if frame.get("kind")?.as_str()? != "req" || id.is_empty() || id.chars().count() > 64 {
            return None;
        }
        let kind = frame.get("type")?.as_str()?.to_owned();
        let mut member = |name: &str| frame.remove(name).unwrap_or(Value::Null);
        Some(Self {
            id,
            kind,
            body: member("body"),
            metadata: member("metadata"),
            encoded_metadata: member("encodedMetadata"),
        })
    }
}

/// The answer to a request.
pub(crate) fn response(request: &str, code: u16, kind: &str, body: &Value) -> Value {
    json!({ "kind": "resp", "reqId": request, "code": code, "body": body, "type": kind })
}

/// A notification.
pub(crate) fn notification(kind: &str, body: &Value) -> Value {
    json!({ "kind": "notification", "type": kind, "body": body })
}

/// One change of an `ExConversationChangeNotification`: the whole conversation.
pub(crate) fn conversation_change(
    conversation: &Conversation,
    kind: &str,
    agents: &BTreeMap<String, Agent>,
    with_states: bool,
) -> Value {
    let pid = |id: &str| agents.get(id).map_or_else(|| id.to_owned(), |agent| agent.pid.clone());
    let listed = participants(conversation);
    let unread: Map<String, Value> =
        listed.iter().map(|one| (one.id.clone(), json!(conversation.unread(&one.id)))).collect();
    let mut details = json!({
        "convId": conversation.id,
        "skillId": conversation.skill,
        "participants": by_role(&listed, str::to_owned),
        "participantsPId": by_role(&listed, pid),
        "dialogs": conversation.dialogs.iter().map(|one| dialog(one, with_states)).collect::<Vec<_>>(),
        "brandId": conversation.account,
        "state": open_word(conversation.open),
        "stage": open_word(conversation.stage_open()),
        "startTs": conversation.started,
        "metaDataLastUpdateTs": conversation.updated,
        "firstConversation": conversation.first_conversation,
        "csatRate": conversation.csat,
        "ttr": { "ttrType": conversation.ttr_type, "value": conversation.ttr_seconds },
        "note": conversation.note,
        "context": conversation.context,
        "conversationHandlerDetails": { "accountId": conversation.account, "skillId": conversation.skill },
    });
    if let Some(reason) = conversation.close_reason {
        details["closeReason"] = json!(reason);
    }
    if let Some(ended) = conversation.ended {
        details["endTs"] = json!(ended);
    }
    let due = conversation.started + conversation.ttr_seconds * 1000;
    let mut result = json!({
        "convId": conversation.id,
        "effectiveTTR": if conversation.open { json!(due) } else { json!(-1) },
        "conversationDetails": details,
        "numberOfunreadMessages": unread,
        "lastUpdateTime": conversation.updated,
    });
    let last =
        conversation.dialogs.iter().flat_map(|one| &one.events).rfind(|event| event.is_content());
    if let Some(last) = last {
        result["lastContentEventNotification"] = event(last, Detail::History);
    }
    json!({ "type": kind, "result": result })
}

/// Which form of an event is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Pushed to a socket.
    Live,
    /// An element of a history.
    History,
}

/// An event as `OnlineEventDistribution` and `QueryMessages` carry it.
pub(crate) fn event(event: &Event, detail: Detail) -> Value {
    let properties = json!({ "type": ".ClientProperties", "ipAddress": "192.0.2.10" });
    let mut body = json!({
        "originatorId": event.originator,
        "originatorPId": event.originator_pid,
        "originatorMetadata": { "id": event.originator_pid, "role": event.role.word() },
        "event": event.event,
        "dialogId": event.dialog,
    });
    if event.role == Role::Consumer {
        body["originatorMetadata"]["clientProperties"] = properties.clone();
        body["originatorClientProperties"] = properties;
    }
    if let Some(sequence) = event.sequence {
        body["sequence"] = json!(sequence);
        body["serverTimestamp"] = json!(event.time);
        body["messageAudience"] = json!(event.audience.word());
    }
    if detail == Detail::Live {
        body["conversationId"] = json!(event.conversation);
    }
    if detail == Detail::Live || !event.metadata.is_empty() {
        body["metadata"] = json!(event.metadata);
    }
    body
}

/// One change of a `RoutingTaskNotification`.
pub(crate) fn ring_change(
    ring: &Ring,
    kind: &str,
    conversation: &Conversation,
    life: Millis,
) -> Value {
    json!({
        "type": kind,
        "result": {
            "routingTaskId": ring.task,
            "taskCompleted": matches!(ring.state, RingState::Accepted | RingState::AutoAccept),
            "conversationId": conversation.id,
            "consumerId": conversation.consumer.id,
            "skillId": ring.skill,
            "brandId": conversation.account,
            "assignedAgentId": conversation.assigned().unwrap_or_default(),
            "ringsDetails": [{
                "ringId": ring.id,
                "ringState": ring.state.word(),
                "ringExpiration": life,
                "ringExpirationTs": ring.expires,
                "weight": conversation.started + conversation.ttr_seconds * 1000,
                "brandId": conversation.account,
                "convId": conversation.id,
                "consumerId": conversation.consumer.id,
                "skillId": ring.skill,
            }],
        },
    })
}

/// One change of an `AgentStateNotification`.
pub(crate) fn agent_state_change(agent: &Agent) -> Value {
    json!({
        "type": "UPSERT",
        "result": {
            "channels": ["MESSAGING"],
            "agentUserId": agent.id,
            "availability": agent.availability.word(),
            "description": "",
        },
    })
}

/// The raw profile of a consumer.
pub(crate) fn profile(conversation: &Conversation) -> Value {
    let consumer = &conversation.consumer;
    let mut body = json!({
        "userId": consumer.id,
        "firstName": consumer.first_name,
        "lastName": consumer.last_name,
        "privateData": {},
    });
    if consumer.authenticated {
        body["claims"] = json!({
            "iss": "https://brand.example.com",
            "lp_sdes": [{ "type": "ctmrinfo", "info": { "customerId": consumer.id, "ctype": "vip" } }],
        });
        body["acr"] = json!("0");
        body["authenticatedData"] = json!({
            "lp_sdes": [{
                "type": "personal",
                "personal": { "firstname": consumer.first_name, "lastname": consumer.last_name },
            }],
        });
    }
    body
}

/// Reads "one or many": an array, a bare element, or `null` for none.
pub(crate) fn one_or_many(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            vec![value.clone()]
        }
    }
}

/// Reads a string, or a whole number as its digits.
pub(crate) fn text_or_number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// Reads a whole number, or a string of digits.
pub(crate) fn whole_number(value: &Value) -> Option<u64> {
    text_or_number(value)?.parse().ok()
}

/// The active participants of the conversation: those of the first open dialog plus, when it is closed, those it had.
fn participants(conversation: &Conversation) -> Vec<&Participant> {
    conversation.main().participants.iter().filter(|one| !one.suggested).collect()
}

fn by_role(participants: &[&Participant], name: impl Fn(&str) -> String) -> Value {
    let mut roles = Map::new();
    for role in [Role::Consumer, Role::AssignedAgent, Role::Manager, Role::Reader] {
        let ids: Vec<String> =
            participants.iter().filter(|one| one.role == role).map(|one| name(&one.id)).collect();
        roles.insert(role.word().to_owned(), json!(ids));
    }
    Value::Object(roles)
}

fn dialog(dialog: &Dialog, with_states: bool) -> Value {
    let details: Vec<Value> = dialog
        .participants
        .iter()
        // Connections older than 2.1 know nothing of offers.
        .filter(|one| with_states || !one.suggested)
        .map(|one| {
            let mut entry = json!({ "id": one.id, "role": one.role.word() });
            if with_states {
                entry["state"] = json!(one.state());
            }
            entry
        })
        .collect();
    let mut body = json!({
        "dialogId": dialog.id,
        "participantsDetails": details,
        "dialogType": dialog.kind.word(),
        "channelType": "MESSAGING",
        "state": open_word(dialog.open),
        "creationTs": dialog.created,
        "metaDataLastUpdateTs": dialog.updated,
    });
    if let Some(ended) = dialog.ended {
        body["endTs"] = json!(ended);
    }
    if let Some(by) = &dialog.closed_by {
        body["closedBy"] = json!(by);
    }
    if let Some(cause) = &dialog.closed_cause {
        body["closedCause"] = json!(cause);
    }
    if let (DialogKind::PostSurvey, Some(app)) = (dialog.kind, &dialog.app_install_id) {
        body["metaData"] = json!({ "appInstallId": app });
    }
    body
}

fn open_word(open: bool) -> &'static str {
    if open { "OPEN" } else { "CLOSE" }
}
