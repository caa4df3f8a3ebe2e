//! Pure: what may be published into a dialog.

use super::change::Refusal;
use super::content;
use super::conversation::Dialog;
use super::wire::{one_or_many, whole_number};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Largest encoded metadata, in bytes.
const ENCODED_LIMIT: usize = 5 * 1024;

/// Checks an event against the rules of its type.
pub(super) fn check(event: &Value, dialog: &Dialog, check_cards: bool) -> Result<(), Refusal> {
    let cards = |result: Result<(), String>| {
        if check_cards { result.map_err(|text| refuse(&text)) } else { Ok(()) }
    };
    match event["type"].as_str().unwrap_or_default() {
        "ContentEvent" => content_event(event)?,
        "RichContentEvent" => {
            if !event["content"].is_object() {
                return Err(refuse("content of a RichContentEvent is required"));
            }
            cards(content::check_card(&event["content"]))?;
        }
        "AcceptStatusEvent" => return receipt(event, dialog),
        "ChatStateEvent" => return chat_state(event),
        other => return Err(refuse(&format!("event type \"{other}\" does not exist"))),
    }
    match event.get("quickReplies") {
        Some(replies) if !replies.is_null() => cards(content::check_quick_replies(replies)),
        _ => Ok(()),
    }
}

/// Reads envelope metadata: an array of typed objects, within the documented limits.
pub(super) fn metadata(value: &Value) -> Result<Vec<Value>, Refusal> {
    let items = one_or_many(value);
    for item in &items {
        let kind =
            item["type"].as_str().ok_or_else(|| refuse("each metadata item needs a type"))?;
        let short = |key: &str| item[key].as_str().is_none_or(|text| text.chars().count() <= 64);
        let fits = match kind {
            "ExternalId" => item["id"].is_string() && short("id"),
            "ActionReason" => short("reason") && short("reasonId"),
            "BotResponse" => {
                short("externalConversationId") && short("botInteractionId") && bot_response(item)
            }
            _ => true,
        };
        if !fits {
            return Err(refuse(&format!("metadata of type {kind} is beyond its limits")));
        }
    }
    Ok(items)
}

/// Reads encoded metadata; whether there is any.
pub(super) fn encoded_metadata(value: &Value) -> Result<bool, Refusal> {
    if value.is_null() {
        return Ok(false);
    }
    let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
    let bytes = bytes.ok_or_else(|| refuse("encodedMetadata must be base64"))?;
    if bytes.len() > ENCODED_LIMIT {
        return Err(refuse("encodedMetadata is larger than 5 kB"));
    }
    Ok(true)
}

fn content_event(event: &Value) -> Result<(), Refusal> {
    match event["contentType"].as_str().unwrap_or_default() {
        "text/plain" => {
            let said = event["message"].as_str().is_some_and(|text| !text.is_empty());
            said.then_some(()).ok_or_else(|| refuse("message must be a text that is not empty"))
        }
        "hosted/file" => {
            let file = &event["message"];
            let whole = file["relativePath"].is_string() && file["fileType"].is_string();
            whole
                .then_some(())
                .ok_or_else(|| refuse("message of a file needs relativePath and fileType"))
        }
        "forms/secure-invitation" | "forms/secure-submission" => Ok(()),
        other => Err(refuse(&format!("contentType \"{other}\" does not exist"))),
    }
}

fn receipt(event: &Value, dialog: &Dialog) -> Result<(), Refusal> {
    let status = event["status"].as_str().unwrap_or_default();
    if !["ACCEPT", "READ", "ACCESS", "NACK", "ACTION", "ENRICH"].contains(&status) {
        return Err(refuse(&format!("status \"{status}\" does not exist")));
    }
    let listed = one_or_many(&event["sequenceList"]);
    if listed.is_empty() {
        return Err(refuse("sequenceList is required"));
    }
    let known =
        |one: &Value| whole_number(one).is_some_and(|sequence| sequence < dialog.next_sequence());
    match listed.iter().find(|one| !known(one)) {
        Some(unknown) => Err(refuse(&format!("there is no sequence {unknown}"))),
        None => Ok(()),
    }
}

fn chat_state(event: &Value) -> Result<(), Refusal> {
    let state = event["chatState"].as_str().unwrap_or_default();
    let known = ["ACTIVE", "INACTIVE", "GONE", "COMPOSING", "PAUSE", "BACKGROUND"].contains(&state);
    known.then_some(()).ok_or_else(|| refuse(&format!("chatState \"{state}\" does not exist")))
}

fn bot_response(item: &Value) -> bool {
    let few = |key: &str| item[key].as_array().is_none_or(|items| items.len() <= 16);
    let bot = item.get("bot").is_none_or(|bot| bot.is_object());
    let intents = item["intents"].as_array().into_iter().flatten().all(|intent| {
        let id = intent["id"].as_str().is_some_and(|id| id.chars().count() <= 64);
        let score = intent["confidenceScore"].as_f64();
        id && (intent["confidenceScore"].is_null()
            || score.is_some_and(|score| (0.0..=1.0).contains(&score)))
    });
    let numbers = one_or_many(&item["consumerUtteranceSequenceNumbers"]).iter().all(Value::is_u64);
    bot && intents
        && numbers
        && few("intents")
        && few("businessCases")
        && few("consumerUtteranceSequenceNumbers")
}

fn refuse(text: &str) -> Refusal {
    (400, text.to_owned())
}
