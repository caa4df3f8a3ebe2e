//! Pure: everything that comes from a bot, as fuzzers hand it in.

use hyper::header::{AUTHORIZATION, HeaderMap};
use secrecy::SecretString;
use serde_json::Value;

use super::{
    ContentSettings, Dialect, callback,
    content::{self, Problem},
    dialect::native::{self, Frame, Malformed, Reply},
    protocol::ACTIONS_MAX,
    webhook::{
        Outcome,
        outcome::{Reading, judge},
    },
};
use crate::{
    conversation::{
        Json, Timestamp,
        event::{Action, EventId},
        postback,
    },
    net,
    secret::Secret,
};

/// An HTTP message of a bot: the answer of a webhook, and the same body and headers brought to the callback, with
/// the header `path` as the path of the request.
pub(crate) fn replies(data: &[u8]) {
    let Some(response) = net::fuzzing::response(data) else { return };
    to_the_callback(response.headers(), response.body());
    for content in settings() {
        let event = &EventId::parse("a:1").unwrap_or_else(|| unreachable!("it is an id"));
        let reading = Reading { dialect: Dialect::Native, event, content: &content };
        let (outcome, _) = judge(Ok(response.clone()), Some(reading), Timestamp(0));
        match &outcome {
            Outcome::Answered(reply) => check_reply(reply),
            Outcome::Fault(why) => assert!(why.len() < 2_000, "{why}"),
            Outcome::Seen { .. } | Outcome::Silent { .. } => {}
        }
        assert!(!outcome.word().is_empty());
        let _ = judge(Ok(response.clone()), None, Timestamp(0));
    }
}

/// A text frame of a bot's WebSocket.
pub(crate) fn frame(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for content in settings() {
        match native::frame(&text, &content) {
            Ok(Frame::Reply(reply)) => {
                assert!(reply.in_reply_to.is_some(), "an answer to nothing");
                check_reply(&reply);
            }
            Ok(Frame::Say(_, reply)) => check_reply(&reply),
            Ok(Frame::Error { id, message }) => {
                let frame = native::error_frame(id.as_deref(), &message);
                assert!(serde_json::from_str::<Value>(&frame).is_ok(), "{frame}");
            }
            Ok(Frame::Seen(_)) => {}
            Err(Malformed { what }) => assert!(what.len() < 2_000, "{what}"),
        }
    }
}

/// Structured content, quick replies or a click's metadata.
pub(crate) fn content(data: &[u8]) {
    let Ok(mut value) = serde_json::from_slice::<Value>(data) else { return };
    let before = content::check(&value);
    assert!(before.len() <= 100, "{} problems", before.len());
    for Problem { path, what } in &before {
        assert!(path.len() + what.len() < 8_192 + data.len(), "{path}: {what}");
    }
    let text = content::text_of(&value);
    if content::add_tooltips(&mut value) {
        // What was right stays right, and reads the same.
        assert!(!before.is_empty() || content::check(&value).is_empty(), "{value}");
        assert_eq!(content::text_of(&value), text, "{value}");
        assert!(!content::add_tooltips(&mut value), "a second time there is nothing to add");
    }
    if let Some(payload) = postback::payload(&Json::from_value(&value)) {
        back_and_forth(&payload);
    }
    if let Value::String(payload) = &value {
        back_and_forth(payload);
    }
}

/// A payload that a click can carry comes back as it was.
fn back_and_forth(payload: &str) {
    if let Some(metadata) = postback::metadata(payload) {
        assert_eq!(postback::payload(&Json::from_value(&metadata)).as_deref(), Some(payload));
    }
}

fn to_the_callback(headers: &HeaderMap, body: &[u8]) {
    let token = Secret::Literal(SecretString::from("sesame"));
    if callback::is_authorized(headers.get(AUTHORIZATION), &token) {
        let header = headers.get(AUTHORIZATION).map(|header| header.as_bytes());
        assert!(header.is_some_and(|header| header.ends_with(b" sesame")));
    }
    if let Some(path) = headers.get("path").and_then(|path| path.to_str().ok()) {
        let _ = callback::recipient(path);
    }
    for content in settings() {
        for reply in [native::reply(body, &content), native::said(body, &content)] {
            match reply {
                Ok(reply) => check_reply(&reply),
                Err(Malformed { what }) => assert!(what.len() < 2_000, "{what}"),
            }
        }
    }
}

fn check_reply(reply: &Reply) {
    for action in &reply.actions {
        match action {
            Action::Text { text, quick_replies, .. } => {
                assert!(!text.is_empty());
                check_json(quick_replies.as_ref());
            }
            Action::Structured { content, metadata, quick_replies, .. } => {
                assert!(content.to_value().is_object(), "{content:?}");
                check_json(metadata.as_ref());
                check_json(quick_replies.as_ref());
            }
            Action::Pause { length, .. } => assert!(length.as_secs() <= 3_600, "{length:?}"),
            Action::ChangeTtr { seconds, .. } => assert!(*seconds > 0),
            Action::Transfer { .. } | Action::Close { .. } => {}
        }
    }
    // One action becomes several pieces where a card is full; a reply is at most a megabyte.
    assert!(reply.actions.len() <= ACTIONS_MAX * 1_000, "{}", reply.actions.len());
    for intent in &reply.intents {
        assert!(intent.confidence.is_none_or(f64::is_finite), "{intent:?}");
    }
}

fn check_json(json: Option<&Json>) {
    assert!(json.is_none_or(|json| !json.to_value().is_null()), "{json:?}");
}

fn settings() -> [ContentSettings; 2] {
    let other =
        ContentSettings { horizontal_tiles: true, tooltips: true, ..ContentSettings::default() };
    [ContentSettings::default(), other]
}
