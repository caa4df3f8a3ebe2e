//! Pure: what a conversation wants of the cloud, as requests; and what came back, as outcomes.

#[cfg(test)]
mod tests;

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
