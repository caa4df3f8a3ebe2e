//! Pure: bends what is sent into the odd shapes that the service has been seen to send.

use super::agent::Agent;
use super::faults::Shape;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Bends the body of a notification (or of a history, for the shapes that concern events).
pub(super) fn bend(
    body: &mut Value,
    shape: Shape,
    role: Option<&str>,
    agents: &BTreeMap<String, Agent>,
) {
    match shape {
        Shape::NoLastContentEvent => {
            each_result(body, |result| remove(result, "lastContentEventNotification"))
        }
        Shape::NoRoleInPids => {
            let role = role.unwrap_or("ASSIGNED_AGENT");
            each_details(body, |details| remove(&mut details["participantsPId"], role));
        }
        Shape::NoParticipantsDetails => {
            each_dialog(body, |dialog| remove(dialog, "participantsDetails"))
        }
        Shape::CobrowseDialog => each_details(body, |details| {
            let dialog = json!({
                "dialogId": "cobrowse-dialog-00000000", "dialogType": "OTHER", "channelType": "COBROWSE",
                "state": "OPEN", "participantsDetails": [],
                "creationTs": details["startTs"], "metaDataLastUpdateTs": details["startTs"],
            });
            if let Some(dialogs) = details["dialogs"].as_array_mut() {
                dialogs.insert(0, dialog);
            }
        }),
        Shape::BareArrays => bare_arrays(body),
        Shape::UnknownEnums => unknown_enums(body),
        Shape::UnknownFields => unknown_fields(body),
        Shape::NoMetadata => each_event(body, |event| remove(event, "metadata")),
        Shape::NoConversationId => each_event(body, |event| remove(event, "conversationId")),
        Shape::NoRingDetailsIds => each_result(body, |result| {
            if result.get("ringsDetails").is_some() {
                ["conversationId", "consumerId", "skillId"]
                    .iter()
                    .for_each(|key| remove(result, key));
            }
        }),
        Shape::PidsInDetails => each_dialog(body, |dialog| {
            for entry in dialog["participantsDetails"].as_array_mut().into_iter().flatten() {
                let agent = entry["id"].as_str().and_then(|id| agents.get(id));
                if let Some(agent) = agent {
                    entry["id"] = json!(agent.pid);
                }
            }
        }),
    }
}

/// Takes the metadata from what agents said, in a notification or a history.
pub(super) fn strip_metadata(body: &mut Value) {
    each_event(body, |event| {
        if event["originatorMetadata"]["role"] != "CONSUMER" {
            remove(event, "metadata");
        }
    });
}

fn each_result(body: &mut Value, mut change: impl FnMut(&mut Value)) {
    let changes = body.get_mut("changes").and_then(Value::as_array_mut);
    changes.into_iter().flatten().filter_map(|one| one.get_mut("result")).for_each(&mut change);
}

fn each_details(body: &mut Value, mut change: impl FnMut(&mut Value)) {
    each_result(body, |result| {
        if let Some(details) = result.get_mut("conversationDetails") {
            change(details);
        }
    });
}

fn each_dialog(body: &mut Value, mut change: impl FnMut(&mut Value)) {
    each_details(body, |details| {
        details["dialogs"].as_array_mut().into_iter().flatten().for_each(&mut change);
    });
}

fn each_event(body: &mut Value, mut change: impl FnMut(&mut Value)) {
    if let Some(history) = body.as_array_mut() {
        history.iter_mut().for_each(&mut change);
    } else if body.get("event").is_some() {
        change(body);
    }
}

/// One-element arrays become their element, except inside cards, whose schema is closed.
fn bare_arrays(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(bare_arrays);
            if let [only] = items.as_mut_slice() {
                *value = only.take();
            }
        }
        Value::Object(members) => {
            let inner = members
                .iter_mut()
                .filter(|(key, _)| key.as_str() != "content" && key.as_str() != "quickReplies");
            inner.for_each(|(_, member)| bare_arrays(member));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unknown_enums(body: &mut Value) {
    each_details(body, |details| {
        details["ttr"]["ttrType"] = json!("SOMEDAY");
        details["context"]["type"] = json!("HologramContext");
        details["participants"]["ORACLE"] = json!(["oracle-1"]);
        details["participantsPId"]["ORACLE"] = json!(["oracle-1"]);
        for dialog in details["dialogs"].as_array_mut().into_iter().flatten() {
            if let Some(entries) = dialog["participantsDetails"].as_array_mut() {
                entries.push(json!({ "id": "oracle-1", "role": "ORACLE", "state": "DREAMING" }));
            }
        }
    });
    let mut stray = Vec::new();
    if let Some(changes) = body.get("changes").and_then(Value::as_array)
        && let Some(first) = changes.first()
    {
        let mut change = first.clone();
        change["type"] = json!("RESHUFFLE");
        stray.push(change);
    }
    if let Some(changes) = body.get_mut("changes").and_then(Value::as_array_mut) {
        changes.extend(stray);
    }
    each_event(body, |event| event["originatorMetadata"]["mood"] = json!("SUNNY"));
}

fn unknown_fields(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(unknown_fields),
        Value::Object(members) => {
            let skipped = [
                "content",
                "quickReplies",
                "participants",
                "participantsPId",
                "numberOfunreadMessages",
            ];
            let inner = members.iter_mut().filter(|(key, _)| !skipped.contains(&key.as_str()));
            inner.for_each(|(_, member)| unknown_fields(member));
            members.insert("fieldOfTheFuture".into(), json!({ "depth": [1, "two", null] }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn remove(value: &mut Value, key: &str) {
    if let Some(members) = value.as_object_mut() {
        members.remove(key);
    }
}
