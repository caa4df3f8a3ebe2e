//! Pure: what a conversation says, as events of a chat.

use serde_json::{Value, json};

use super::{
    talk::{Kind, Post},
    text,
};
use crate::{
    cloud::readable::readable,
    conversation::{CallId, effect::Body, event::Audience},
};

/// What is said, as one event.
///
/// `html`: in the form that chat windows are built for (Chat Agent API, send lines); else as plain text.
pub(super) fn line(
    call: Option<CallId>,
    body: &Body,
    audience: Audience,
    html: bool,
    right_to_left: bool,
) -> Post {
    let (event, plain) = match (audience, body) {
        (Audience::Agents, body) => {
            let mut event = plain_line(&words(body));
            event["subType"] = Value::from("ONLY_TO_REP");
            (event, None)
        }
        (Audience::All, Body::Text { text: said, .. }) if html => {
            let event = json!({ "@type": "line", "textType": "html",
                "text": text::to_html(said, right_to_left) });
            (event, Some(plain_line(said)))
        }
        (Audience::All, Body::Text { text: said, .. }) => (plain_line(said), None),
        // The text is not shown, but has to be there. What is refused is said in words by the conversation.
        (Audience::All, Body::Rich { content, .. }) => {
            let event = json!({ "@type": "line", "textType": "rich-content",
                "text": words(body), "json": content });
            (event, None)
        }
    };
    let written = |event: Value| json!({ "event": event }).to_string();
    let plain = plain.map(written);
    Post { call, kind: Kind::Line, body: written(event), plain, failures: 0 }
}

/// The end of the chat.
pub(super) fn end(call: Option<CallId>) -> Post {
    let body = json!({"event": {"@type": "state", "state": "ended"}}).to_string();
    Post { call, kind: Kind::End, body, plain: None, failures: 0 }
}

fn plain_line(text: &str) -> Value {
    json!({ "@type": "line", "textType": "plain", "text": text })
}

fn words(body: &Body) -> String {
    match body {
        Body::Text { text, .. } => text.clone(),
        Body::Rich { content, .. } => {
            let words = readable(&content.to_value());
            if words.is_empty() { "…".to_owned() } else { words }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Json;

    #[test]
    fn a_text_is_said_in_html_and_in_plain_text_if_that_is_refused() {
        let post = line(None, &said("a < b"), Audience::All, true, false);
        let event: Value = serde_json::from_str(&post.body).unwrap();
        assert_eq!(event["event"]["textType"], "html");
        assert!(event["event"]["text"].as_str().unwrap().contains("a &lt; b"));
        let plain: Value = serde_json::from_str(&post.plain.unwrap()).unwrap();
        assert_eq!(
            plain,
            json!({"event": {"@type": "line", "textType": "plain", "text": "a < b"}})
        );
        assert_eq!(line(None, &said("a"), Audience::All, false, false).plain, None);
    }

    #[test]
    fn a_private_line_is_for_agents_and_is_never_html() {
        let post = line(None, &said("intent: <refund>"), Audience::Agents, true, false);
        let event: Value = serde_json::from_str(&post.body).unwrap();
        assert_eq!(
            event["event"],
            json!({"@type": "line", "textType": "plain", "subType": "ONLY_TO_REP",
                "text": "intent: <refund>"})
        );
    }

    #[test]
    fn a_card_goes_with_its_words() {
        let card = json!({"type": "vertical", "elements": [{"type": "text", "text": "Choose"}]});
        let body =
            Body::Rich { content: Json::from_value(&card), metadata: None, quick_replies: None };
        let event: Value =
            serde_json::from_str(&line(None, &body, Audience::All, true, false).body).unwrap();
        assert_eq!(
            event["event"],
            json!({"@type": "line", "textType": "rich-content", "text": "Choose", "json": card})
        );
    }

    fn said(text: &str) -> Body {
        Body::Text { text: text.to_owned(), quick_replies: None }
    }
}
