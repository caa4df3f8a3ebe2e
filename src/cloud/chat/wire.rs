//! Pure: requests of the Chat Agent API, and what its answers hold.
//!
//! The JSON is a translation of XML: attributes have an `@` or not, one-element lists come as the bare element, numbers
//! as strings and the other way round (Chat Agent API, all methods). Whatever is unknown is passed over.

use std::time::Duration;

use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::cloud::{lenient, report};

/// One request, without what every request has: host, bearer, `v` and `NC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Comes back with the answer.
    pub(crate) id: u64,
    /// How.
    pub(crate) method: Method,
    /// Path and perhaps a query, from the host's root.
    pub(crate) target: String,
    /// JSON.
    pub(crate) body: Option<String>,
    /// How long it may take.
    pub(crate) timeout: Duration,
}

/// The methods of the API. `PUT` leaves as a POST with an override, since a real one is not promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// Reads.
    Get,
    /// Makes something.
    Post,
    /// Sets something.
    Put,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The request's.
    pub(crate) id: u64,
    /// A response, or why there is none, for people: whether the request was carried out is not known then.
    pub(crate) result: Result<Response, String>,
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// The status.
    pub(crate) status: u16,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<Duration>,
    /// The body.
    pub(crate) body: Bytes,
}

/// Why a request brought nothing, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: Trouble,
    /// None if there was no response.
    pub(super) status: Option<u16>,
    /// For people.
    pub(super) detail: String,
}

/// Failures by what can be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// 401: the bearer is not good any more.
    Expired,
    /// 403.
    Forbidden,
    /// 404, 410: no such thing.
    Missing,
    /// 429.
    TooMany(Option<Duration>),
    /// Other 4xx, or an error in a good answer: asking again changes nothing.
    Refused,
    /// 5xx: it may have happened.
    Failed,
    /// No response: it may have happened.
    Unknown,
}

impl Answer {
    /// The body of a success, or the failure. A good status may carry an error (Chat Agent API, sample client).
    pub(super) fn read(&self) -> Result<Body, Failure> {
        let response = match &self.result {
            Ok(response) => response,
            Err(detail) => {
                let kind = Trouble::Unknown;
                return Err(Failure { kind, status: None, detail: detail.clone() });
            }
        };
        let body = Body::read(&response.body);
        let kind = match response.status {
            200..=299 => match &body.error {
                None => return Ok(body),
                Some(_) => Trouble::Refused,
            },
            401 => Trouble::Expired,
            403 => Trouble::Forbidden,
            404 | 410 => Trouble::Missing,
            429 => Trouble::TooMany(response.retry_after),
            500.. => Trouble::Failed,
            _ => Trouble::Refused,
        };
        let words = match body.error {
            Some(error) if !error.is_empty() => error,
            Some(_) | None => body.words,
        };
        let status = response.status;
        let colon = if words.is_empty() { "" } else { ": " };
        Err(Failure { kind, status: Some(status), detail: format!("{status}{colon}{words}") })
    }
}

/// A body, whatever it holds.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) value: Value,
    /// What an error says, in any of the known shapes.
    error: Option<String>,
    /// What stands there if it is not JSON.
    words: String,
}

impl Body {
    fn read(bytes: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
            let words = report::shortened(String::from_utf8_lossy(bytes), 120);
            return Self { words, ..Self::default() };
        };
        let error = [&value["error"], &value["chat"]["error"], &value["transfer"]["errormsg"]]
            .into_iter()
            .find(|error| !error.is_null())
            .map(|error| {
                let words = error.as_str().or_else(|| error["message"].as_str());
                report::shortened(words.unwrap_or_default(), 200)
            });
        Self { value, error, words: String::new() }
    }

    /// The link below `member`, whichever shape it has: where something was made.
    pub(super) fn location(&self, member: &str) -> Option<String> {
        self.member::<Links>(member).link.into_iter().next()?.href
    }

    /// Whether it is JSON at all.
    pub(super) fn is_json(&self) -> bool {
        !self.value.is_null()
    }

    /// Whether it holds JSON with this member.
    pub(super) fn has(&self, member: &str) -> bool {
        self.value.get(member).is_some()
    }

    /// The member, leniently read; the default if it has another shape.
    pub(super) fn member<T: for<'de> Deserialize<'de> + Default>(&self, member: &str) -> T {
        let text = self.value.get(member).map(Value::to_string).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// An element with links.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Links {
    #[serde(deserialize_with = "lenient::many")]
    pub(super) link: Vec<Link>,
}

/// A link.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Link {
    #[serde(rename = "@href", alias = "href", deserialize_with = "lenient::text")]
    pub(super) href: Option<String>,
    #[serde(rename = "@rel", alias = "rel", deserialize_with = "lenient::text")]
    pub(super) rel: Option<String>,
}

/// How many chats ring (Chat Agent API, incoming requests).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Incoming {
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) ringing_count: Option<i64>,
}

/// The agent's state (Chat Agent API, availability).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct State {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) chat: Option<String>,
}

/// The agent (Chat Agent API, agent information).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct AgentInfo {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) agent_name: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) max_chats: Option<i64>,
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) skills_info: Option<Skills>,
}

/// The skills of an agent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Skills {
    #[serde(rename = "skillInfo", deserialize_with = "lenient::many")]
    pub(super) skill: Vec<Skill>,
}

/// A skill, as an agent has it or as a transfer offers it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Skill {
    #[serde(rename = "id", alias = "@id", deserialize_with = "lenient::text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
}

/// Where a chat can go (Chat Agent API, available skills).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Targets {
    #[serde(deserialize_with = "lenient::many")]
    pub(super) skill: Vec<Skill>,
}

/// The chats that an agent has (Chat Agent API, chat sessions).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ChatSessions {
    #[serde(deserialize_with = "lenient::many")]
    pub(super) chat_session: Vec<ChatSession>,
}

/// One of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ChatSession {
    #[serde(deserialize_with = "lenient::many")]
    pub(super) link: Vec<Link>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) chat_session_key: Option<String>,
}

/// Several chats (Chat Agent API, data for multiple chats).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chats {
    #[serde(deserialize_with = "lenient::many")]
    pub(super) chat: Vec<Chat>,
}

/// A chat: its events and what is known of it. Event reads hold the events alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chat {
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) events: Option<Events>,
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) info: Option<Info>,
}

/// Events of a chat, each of which is read by itself: an odd one does not hide the others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Events {
    pub(super) event: Option<Box<RawValue>>,
}

/// What is known of a chat (Chat Agent API, chat information).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Info {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) state: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) chat_session_key: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) agent_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) agent_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) start_time: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) visitor_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) visitor_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) participant_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) skill_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) language: Option<String>,
}

/// One event (Chat Agent API, chat events).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(rename = "@id", alias = "id", deserialize_with = "lenient::integer")]
    pub(super) id: Option<i64>,
    #[serde(rename = "@type", alias = "type", deserialize_with = "lenient::text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) time: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) state: Option<String>,
    /// Any value: what a visitor types may look like a number.
    pub(super) text: Option<Value>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) text_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) source: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) sub_type: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) system_message_id: Option<i64>,
    pub(super) json: Option<Value>,
}

/// An authenticated consumer (Chat Agent API, participant information).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Personal {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) surname: Option<String>,
}

/// Whether an authenticated consumer really is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Authenticated {
    #[serde(deserialize_with = "lenient::truth")]
    pub(super) is_user_authenticated: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_dialects_are_read() {
        let a = json!({"chat": {"events": {"event": {"@id": "3", "@type": "line", "text": 1}},
            "info": {"state": "chatting", "agentId": 311, "visitorId": 1_215_602_164_887_992_u64}}});
        let b = json!({"chat": {"events": {"event": [{"id": 3, "type": "line", "text": "1"}]},
            "info": {"state": "chatting", "agentId": "311", "visitorId": "1215602164887992"}}});
        for value in [a, b] {
            let chat: Chat = body(200, &value).read().unwrap().member("chat");
            let info = chat.info.unwrap();
            assert_eq!(info.agent_id.as_deref(), Some("311"));
            assert_eq!(info.visitor_id.as_deref(), Some("1215602164887992"));
            let event = chat.events.unwrap().event.unwrap();
            let events: Vec<Event> = lenient::many_of(&event);
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].id, Some(3));
            assert_eq!(events[0].kind.as_deref(), Some("line"));
        }
    }

    #[test]
    fn an_error_is_found_in_every_shape_and_in_a_good_answer() {
        for (status, value, kind) in [
            (401, json!({"error": {"message": "no", "internalCode": 10}}), Trouble::Expired),
            (404, json!({"error": {"message": "no"}}), Trouble::Missing),
            (200, json!({"transfer": {"errormsg": "no"}}), Trouble::Refused),
            (200, json!({"chat": {"error": {"message": "no"}}}), Trouble::Refused),
            (503, json!("no"), Trouble::Failed),
        ] {
            let failure = body(status, &value).read().unwrap_err();
            assert_eq!(failure.kind, kind, "{value}");
            assert!(failure.detail.starts_with(&status.to_string()), "{failure:?}");
        }
    }

    #[test]
    fn a_page_of_a_proxy_is_told_in_its_words() {
        let response = Response {
            status: 502,
            retry_after: None,
            body: Bytes::from_static(b"<html>bad gateway"),
        };
        let failure = Answer { id: 1, result: Ok(response) }.read().unwrap_err();
        assert_eq!(failure.detail, "502: <html>bad gateway");
    }

    fn body(status: u16, value: &Value) -> Answer {
        let body = Bytes::from(value.to_string());
        Answer { id: 1, result: Ok(Response { status, retry_after: None, body }) }
    }
}
