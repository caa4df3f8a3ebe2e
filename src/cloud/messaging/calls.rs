//! Pure: what a conversation wants of the cloud, as requests; and what came back, as outcomes.

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    identity::Identity,
    wire::{Method, Request, Response},
};
use crate::{
    cloud::lenient,
    conversation::{
        Call, CallError, ConversationId, DialogId, Json, Mark, Sequence,
        effect::{Body, TransferReason},
        event::{Audience, Intent, Outcome, Profile},
    },
};

/// The request that carries out `call` in `conversation`.
#[must_use]
pub(super) fn request(call: &Call, conversation: &ConversationId, me: &Identity) -> Request {
    match call {
        Call::Publish { dialog, body, audience, mark, intents } => {
            publish(dialog, body, *audience, mark.as_ref(), intents, me)
        }
        Call::Receipt { dialog, sequences } => event(
            dialog,
            &json!({"type": "AcceptStatusEvent", "status": "READ", "sequenceList": sequences}),
        ),
        Call::Typing { dialog, composing } => {
            let state = if *composing { "COMPOSING" } else { "ACTIVE" };
            event(dialog, &json!({"type": "ChatStateEvent", "chatState": state}))
        }
        Call::History { dialog, after } => history(dialog, *after),
        // The bare id is the form of the platform's own client.
        Call::Profile(consumer) => Request::new(Method::GetUserProfile, consumer),
        Call::Transfer { skill, agent, reason, words } => {
            // The assigned agent has to go in the same request, or the skill's queue does not get the conversation.
            let mut changes = vec![leave(me)];
            if let Some(agent) = agent {
                let colleague = me.colleague(agent.as_str());
                changes.push(participant("SUGGEST", "ASSIGNED_AGENT", &colleague));
            }
            if let Some(skill) = skill {
                changes.push(json!({"field": "Skill", "type": "UPDATE", "skill": skill}));
            }
            let mut request = update(conversation, &changes);
            request.metadata = vec![action_reason(*reason, words.as_deref())];
            request
        }
        Call::Return => update(conversation, &[leave(me)]),
        Call::Close { dialog, survey } => {
            let change = if *survey {
                json!({"field": "DialogChange", "type": "UPDATE",
                    "dialog": {"dialogId": dialog, "state": "CLOSE", "closedBy": "AGENT"}})
            } else {
                json!({"field": "ConversationStateField", "conversationState": "CLOSE"})
            };
            update(conversation, &[change])
        }
        Call::Join => update(conversation, &[participant("ADD", "MANAGER", &me.old_id)]),
        Call::Ttr { ttr_type, seconds } => update(
            conversation,
            &[json!({"field": "TTRField", "ttrType": ttr_type, "value": seconds})],
        ),
    }
}

/// Reads a dialog's history.
///
/// Whether the server takes `newerThanSequence` as exclusive is not documented, and 0 means everything; so one
/// more than needed is asked for, and the reader leaves duplicates out.
#[must_use]
pub(super) fn history(dialog: &DialogId, after: Option<Sequence>) -> Request {
    let after = after.map_or(0, |after| after.saturating_sub(1).max(0));
    Request::new(Method::QueryMessages, &json!({"dialogId": dialog, "newerThanSequence": after}))
}

/// Sorts a refused or failed answer by what can be done about it.
#[must_use]
pub(super) fn failure(call: &'static str, response: &Response<'_>) -> CallError {
    let code = response.code.unwrap_or_default();
    let message = response.words();
    if code >= 500 {
        CallError::Failed { call, code, message }
    } else {
        CallError::Refused { call, code, message }
    }
}

/// What a published message's answer tells. The answer to a typing state names a sequence that is none.
#[must_use]
pub(super) fn published(body: Option<&RawValue>) -> Outcome {
    #[derive(serde::Deserialize)]
    struct Published {
        #[serde(default, deserialize_with = "lenient::integer")]
        sequence: Option<Sequence>,
    }
    body.and_then(|body| serde_json::from_str::<Published>(body.get()).ok())
        .and_then(|published| published.sequence)
        .map_or(Outcome::Done, Outcome::Published)
}

/// What the platform knows of a consumer; what cannot be read is not known.
#[must_use]
pub(super) fn profile(body: Option<&RawValue>) -> Profile {
    let value: Value = body
        .and_then(|body| lenient::elements(body).into_iter().next())
        .and_then(|profile| serde_json::from_str(profile.get()).ok())
        .unwrap_or_default();
    let stated = |source: &str| -> Vec<&Value> {
        match value.get(source).and_then(|source| source.get("lp_sdes")) {
            Some(Value::Array(entries)) => entries.iter().collect(),
            Some(entry @ Value::Object(_)) => vec![entry],
            Some(_) | None => Vec::new(),
        }
    };
    let (claims, authenticated) = (stated("claims"), stated("authenticatedData"));
    let name = |plain: &str, in_entry: &str| {
        let entries = claims.iter().chain(&authenticated);
        std::iter::once(value.get(plain))
            .chain(entries.map(|entry| entry.get("personal")?.get(in_entry)))
            .flatten()
            .filter_map(Value::as_str)
            .map(str::trim)
            .find(|name| !name.is_empty())
            .map(str::to_owned)
    };
    Profile {
        first_name: name("firstName", "firstname"),
        last_name: name("lastName", "lastname"),
        authenticated: !claims.is_empty() || !authenticated.is_empty(),
    }
}

fn publish(
    dialog: &DialogId,
    body: &Body,
    audience: Audience,
    mark: Option<&Mark>,
    intents: &[Intent],
    me: &Identity,
) -> Request {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Event<'a> {
        r#type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        content_type: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<&'a Json>,
        #[serde(skip_serializing_if = "Option::is_none")]
        quick_replies: Option<&'a Json>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Out<'a> {
        dialog_id: &'a DialogId,
        event: Event<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message_audience: Option<&'static str>,
    }
    let (event, metadata) = match body {
        Body::Text { text, quick_replies } => (
            Event {
                r#type: "ContentEvent",
                content_type: Some("text/plain"),
                message: Some(text),
                content: None,
                quick_replies: quick_replies.as_ref(),
            },
            None,
        ),
        Body::Rich { content, metadata, quick_replies } => (
            Event {
                r#type: "RichContentEvent",
                content_type: None,
                message: None,
                content: Some(content),
                quick_replies: quick_replies.as_ref(),
            },
            metadata.as_ref(),
        ),
    };
    let mut request = Request::new(
        Method::Publish,
        &Out {
            dialog_id: dialog,
            event,
            message_audience: match audience {
                Audience::All => None,
                Audience::Agents => Some("AGENTS_AND_MANAGERS"),
            },
        },
    );
    if let Some(metadata) = metadata
        && let Ok(raw) = serde_json::from_str::<&RawValue>(metadata.as_str())
    {
        request.metadata = lenient::elements(raw).into_iter().map(Json::from_raw).collect();
    }
    if mark.is_some() || !intents.is_empty() {
        request.metadata.push(bot_response(mark, intents, me));
    }
    request
}

/// The platform's own metadata for what a bot says; it carries the journal mark.
fn bot_response(mark: Option<&Mark>, intents: &[Intent], me: &Identity) -> Json {
    let mut entry = json!({
        "type": "BotResponse",
        "bot": {"botId": short(&me.login_name), "botProviderType": "3P_EXTERNAL_CONNECTOR"},
    });
    if let Some(mark) = mark {
        let newest = mark.covers.len().saturating_sub(Mark::MAX_COVERS);
        entry["botInteractionId"] = short(&mark.interaction_id()).into();
        entry["consumerUtteranceSequenceNumbers"] = json!(mark.covers[newest..]);
    }
    if !intents.is_empty() {
        entry["intents"] = intents
            .iter()
            .take(MOST_INTENTS)
            .map(|intent| {
                let mut entry = json!({
                    "id": short(&intent.id),
                    // The platform demands a number; a bot that names none is taken at its word.
                    "confidenceScore": intent.confidence.filter(|c| c.is_finite()).unwrap_or(1.0).clamp(0.0, 1.0),
                });
                if let Some(name) = &intent.name {
                    entry["name"] = short(name).into();
                }
                entry
            })
            .collect();
    }
    Json::from_value(&entry)
}

fn action_reason(reason: TransferReason, words: Option<&str>) -> Json {
    let mut entry = json!({
        "type": "ActionReason",
        "reason": match reason {
            TransferReason::Bot => "escalated_by_bot",
            TransferReason::User => "escalated_by_user",
            TransferReason::Error => "escalated_by_error",
            TransferReason::Configuration => "escalated_by_configuration",
        },
    });
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        entry["reasonId"] = short(words).into();
    }
    Json::from_value(&entry)
}

fn event(dialog: &DialogId, event: &Value) -> Request {
    Request::new(Method::Publish, &json!({"dialogId": dialog, "event": event}))
}

fn update(conversation: &ConversationId, changes: &[Value]) -> Request {
    Request::new(
        Method::UpdateConversation,
        &json!({"conversationId": conversation, "conversationField": changes}),
    )
}

fn leave(me: &Identity) -> Value {
    participant("REMOVE", "ASSIGNED_AGENT", &me.old_id)
}

fn participant(change: &str, role: &str, user: &str) -> Value {
    json!({"field": "ParticipantsChange", "type": change, "role": role, "userId": user})
}

/// The platform's limit for ids in metadata.
fn short(text: &str) -> &str {
    text.char_indices().nth(64).map_or(text, |(end, _)| &text[..end])
}

/// The platform's limit for the intents of one message.
const MOST_INTENTS: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::conversation::event::{EventKey, EventKind};

    const CONVERSATION: &str = "9b1f6a34-7c1e-4a54-8a53-6a2f4b1f0d77";

    #[test]
    fn calls_are_written_as_the_golden_requests() {
        let golden = golden();
        let dialog = DialogId::from(CONVERSATION);
        let say = |text: &str, audience, quick_replies| Call::Publish {
            dialog: dialog.clone(),
            body: Body::Text { text: text.into(), quick_replies },
            audience,
            mark: None,
            intents: vec![],
        };
        let update_without_metadata = |mut value: Value| {
            value.as_object_mut().unwrap().remove("metadata");
            value
        };
        for (id, call) in [
            ("pe-1", say("Happy to help.", Audience::All, None)),
            ("pe-2", say("Consumer seems upset.", Audience::Agents, None)),
            (
                "pe-4",
                say(
                    "Shall I book it?",
                    Audience::All,
                    Some(Json::from_value(&golden["pe-4"]["body"]["event"]["quickReplies"])),
                ),
            ),
            (
                "pe-3",
                Call::Publish {
                    dialog: dialog.clone(),
                    body: Body::Rich {
                        content: Json::from_value(&golden["pe-3"]["body"]["event"]["content"]),
                        metadata: Some(Json::from_value(&golden["pe-3"]["metadata"])),
                        quick_replies: None,
                    },
                    audience: Audience::All,
                    mark: None,
                    intents: vec![],
                },
            ),
            ("pe-5", Call::Typing { dialog: dialog.clone(), composing: true }),
            ("pe-6", Call::Receipt { dialog: dialog.clone(), sequences: vec![4] }),
            ("qm-1", Call::History { dialog: dialog.clone(), after: None }),
            (
                "gup-1",
                Call::Profile(
                    "c3a5b7d9e1f2041526374859607182930a1b2c3d4e5f60718293a4b5c6d7e8f9".into(),
                ),
            ),
            ("ucf-2", Call::Return),
            ("ucf-4", Call::Join),
            ("ucf-5", Call::Close { dialog: dialog.clone(), survey: false }),
            ("ucf-7", Call::Ttr { ttr_type: "URGENT".into(), seconds: 1200 }),
        ] {
            assert_eq!(written(&call, id), golden[id], "{id}");
        }
        let transfer = |agent: Option<&str>| Call::Transfer {
            skill: Some("1122334455".into()),
            agent: agent.map(Into::into),
            reason: TransferReason::Bot,
            words: Some("3".into()),
        };
        for (id, call) in [("ucf-1", transfer(None)), ("ucf-3", transfer(Some("5500112233")))] {
            let written = written(&call, id);
            assert_eq!(
                written["metadata"],
                json!([{"type": "ActionReason", "reason": "escalated_by_bot", "reasonId": "3"}])
            );
            assert_eq!(
                update_without_metadata(written),
                update_without_metadata(golden[id].clone()),
                "{id}"
            );
        }
        let close = written(&Call::Close { dialog, survey: true }, "ucf-6");
        let mut expected = golden["ucf-6"].clone();
        expected["body"]["conversationField"][0]["dialog"]
            .as_object_mut()
            .unwrap()
            .remove("closedCause");
        assert_eq!(close, expected);
    }

    #[test]
    fn a_published_answer_carries_its_mark_and_intents_within_the_platforms_limits() {
        let intent = |n: usize| Intent {
            id: format!("intent-{n}-{}", "ü".repeat(80)),
            name: Some("n".repeat(80)),
            confidence: (n > 0).then_some(1.5),
        };
        let call = Call::Publish {
            dialog: "d".into(),
            body: Body::Text { text: "Hi".into(), quick_replies: None },
            audience: Audience::All,
            mark: Some(Mark {
                event: EventKey { sequence: 20, kind: EventKind::Greeting },
                index: 0,
                count: 2,
                covers: (1..=20).collect(),
            }),
            intents: (0..20).map(intent).collect(),
        };
        let written = written(&call, "1");
        let entry = &written["metadata"][0];
        assert_eq!(entry["type"], "BotResponse");
        assert_eq!(
            entry["bot"],
            json!({"botId": "bot-greeter", "botProviderType": "3P_EXTERNAL_CONNECTOR"})
        );
        assert_eq!(entry["botInteractionId"], "cd1:20:greeting:0/2");
        assert_eq!(entry["consumerUtteranceSequenceNumbers"], json!((5..=20).collect::<Vec<_>>()));
        let intents = entry["intents"].as_array().unwrap();
        assert_eq!(intents.len(), 16);
        for intent in intents {
            assert_eq!(intent["id"].as_str().unwrap().chars().count(), 64);
            assert_eq!(intent["name"].as_str().unwrap().len(), 64);
            assert_eq!(intent["confidenceScore"], 1.0);
        }
    }

    #[test]
    fn structured_content_keeps_its_bytes_and_its_metadata_before_the_mark() {
        let content = r#"{"type":"vertical", "elements":[ 1.0 ]}"#;
        let raw: &RawValue = serde_json::from_str(content).unwrap();
        let call = Call::Publish {
            dialog: "d".into(),
            body: Body::Rich {
                content: Json::from_raw(raw),
                metadata: Some(Json::from_value(&json!({"type": "ExternalId", "id": "card"}))),
                quick_replies: None,
            },
            audience: Audience::All,
            mark: Some(Mark {
                event: EventKey { sequence: 1, kind: EventKind::Consumer },
                index: 0,
                count: 1,
                covers: vec![],
            }),
            intents: vec![],
        };
        let frame = request(&call, &"c".into(), &me()).encode("1");
        assert!(frame.contains(content), "{frame}");
        let written: Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(written["metadata"][0]["type"], "ExternalId");
        assert_eq!(written["metadata"][1]["type"], "BotResponse");
    }

    #[test]
    fn history_asks_for_one_more_than_needed_and_never_for_less_than_nothing() {
        for (after, asked) in [(None, 0), (Some(0), 0), (Some(1), 0), (Some(7), 6)] {
            let request = history(&"d".into(), after);
            assert_eq!(request.body.to_value()["newerThanSequence"], asked);
        }
    }

    #[test]
    fn the_golden_profile_is_read_and_an_empty_one_too() {
        let read = |json: &str| profile(serde_json::from_str(json).unwrap());
        assert_eq!(
            read(include_str!("../../../tests/data/messaging/profile.json")),
            Profile {
                first_name: Some("Ada".into()),
                last_name: Some("Example".into()),
                authenticated: true,
            }
        );
        assert_eq!(
            read(
                r#"{"authenticatedData":{"lp_sdes":{"type":"personal","personal":{"firstname":"Ada"}}}}"#
            ),
            Profile { first_name: Some("Ada".into()), last_name: None, authenticated: true }
        );
        for empty in ["{}", "[]", "null", r#""x""#, r#"{"claims":{"lp_sdes":[]},"firstName":""}"#] {
            assert_eq!(read(empty), Profile::default(), "{empty}");
        }
    }

    #[test]
    fn what_was_published_is_told_by_its_sequence() {
        let read = |json: &str| published(serde_json::from_str(json).unwrap());
        assert_eq!(read(r#"{"sequence":17}"#), Outcome::Published(17));
        assert_eq!(read(r#"{"sequence":"17"}"#), Outcome::Published(17));
        assert_eq!(read(r#""OK""#), Outcome::Done);
    }

    fn written(call: &Call, id: &str) -> Value {
        let frame = request(call, &CONVERSATION.into(), &me()).encode(id);
        serde_json::from_str(&frame).unwrap()
    }

    fn golden() -> BTreeMap<String, Value> {
        include_str!("../../../tests/data/messaging/requests.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .map(|frame: Value| (frame["id"].as_str().unwrap().to_owned(), frame))
            .collect()
    }

    fn me() -> Identity {
        Identity::new("12345678", "4102938475", None, "bot-greeter")
    }
}
