//! Pure: the calls of the Chat Agent API: which one a method and a path mean.

use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The calls, and the four of the log-in that faults can name too.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub(crate) enum CallName {
    /// The domain service.
    Domains,
    /// Log-in.
    Login,
    /// Refresh of the log-in.
    Refresh,
    /// Log-out.
    Logout,
    /// `POST agentSession`
    StartSession,
    /// `GET {AS}`
    Session,
    /// `DELETE {AS}`
    EndSession,
    /// `GET {AS}/chatSessions`
    ChatSessions,
    /// `GET {AS}/availability`
    Availability,
    /// `PUT {AS}/availability`
    SetAvailability,
    /// `GET {AS}/info`
    Info,
    /// `GET {AS}/availableAgents`
    Agents,
    /// `GET {AS}/chat/availableSlots`
    Slots,
    /// `GET {AS}/incomingRequests`
    Ring,
    /// `POST {AS}/incomingRequests`
    Accept,
    /// `GET {AS}/chat`
    Chats,
    /// `GET {CHAT}`
    Chat,
    /// `GET {CHAT}/events`
    Events,
    /// `POST {CHAT}/events` with a line
    Line,
    /// `POST {CHAT}/events` with the state `ended`
    End,
    /// `GET {CHAT}/info`
    ChatInfo,
    /// `GET {CHAT}/info/visitorName`
    VisitorName,
    /// `GET {CHAT}/info/visitorTyping`
    VisitorTyping,
    /// `GET {CHAT}/info/agentTyping`
    AgentTyping,
    /// `PUT {CHAT}/info/agentTyping`
    SetTyping,
    /// `GET {CHAT}/transfer`
    Targets,
    /// `POST {CHAT}/transfer`
    Transfer,
    /// `GET {CHAT}/survey`
    Survey,
    /// `PUT {CHAT}/survey`
    SetSurvey,
    /// `GET {AS}/participantExtendedInfo/{id}`
    Participant,
    /// `GET {AS}/visits/visit/{id}`
    Visit,
    /// `GET {AS}/visits/visit/{id}/customVariables`
    Variables,
}

impl CallName {
    /// The control API's word.
    pub(crate) fn word(self) -> String {
        let word = serde_json::to_value(self).unwrap_or(Value::Null);
        word.as_str().unwrap_or_default().to_owned()
    }
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: CallName,
    /// Agent session id; empty for `StartSession`.
    pub(super) session: String,
    pub(super) chat: Option<String>,
    /// The participant or the visit.
    pub(super) item: String,
}

/// How a request is meant, after `X-HTTP-Method-Override`.
#[derive(Clone, Copy)]
enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

/// Reads what follows `agentSession` in a path; why and with which status it is none of the calls.
pub(super) fn target(
    method: &Method,
    overrides: &str,
    rest: &[&str],
    body: &Value,
) -> Result<Target, (u16, String)> {
    let verb = match (method.as_str(), overrides.to_ascii_uppercase().as_str()) {
        ("GET", _) => Verb::Get,
        ("PUT", _) | ("POST", "PUT") => Verb::Put,
        ("DELETE", _) | ("POST", "DELETE") => Verb::Delete,
        ("POST", _) => Verb::Post,
        _ => return Err((405, format!("{method} is not possible"))),
    };
    let last = rest.last().map(|last| last.strip_suffix(".json").unwrap_or(last));
    let mut rest = rest.to_vec();
    if let (Some(place), Some(last)) = (rest.last_mut(), last) {
        *place = last;
    }
    let (session, rest) = match rest.as_slice() {
        [] => ("", [].as_slice()),
        [session, rest @ ..] => (*session, rest),
    };
    let name = if session.is_empty() { root(verb) } else { below(verb, rest, body) };
    let chat = match rest {
        ["chat", "availableSlots"] => None,
        ["chat", chat, ..] => Some((*chat).to_owned()),
        _ => None,
    };
    let item = match rest {
        ["participantExtendedInfo", item] | ["visits", "visit", item, ..] => (*item).to_owned(),
        _ => String::new(),
    };
    Ok(Target { name: name?, session: session.to_owned(), chat, item })
}

fn root(verb: Verb) -> Result<CallName, (u16, String)> {
    match verb {
        Verb::Post => Ok(CallName::StartSession),
        Verb::Get | Verb::Put | Verb::Delete => Err((405, "only POST".into())),
    }
}

fn below(verb: Verb, rest: &[&str], body: &Value) -> Result<CallName, (u16, String)> {
    use CallName as N;
    let (get, post, put, delete) = match rest {
        [] => (Some(N::Session), None, None, Some(N::EndSession)),
        ["chatSessions"] => (Some(N::ChatSessions), None, None, None),
        ["availability"] => (Some(N::Availability), None, Some(N::SetAvailability), None),
        ["info"] => (Some(N::Info), None, None, None),
        ["availableAgents"] => (Some(N::Agents), None, None, None),
        ["incomingRequests"] => (Some(N::Ring), Some(N::Accept), None, None),
        ["chat"] => (Some(N::Chats), None, None, None),
        ["chat", "availableSlots"] => (Some(N::Slots), None, None, None),
        ["chat", _] => (Some(N::Chat), None, None, None),
        ["chat", _, "events"] => (Some(N::Events), Some(line_or_end(body)), None, None),
        ["chat", _, "info"] => (Some(N::ChatInfo), None, None, None),
        ["chat", _, "info", "visitorName"] => (Some(N::VisitorName), None, None, None),
        ["chat", _, "info", "visitorTyping"] => (Some(N::VisitorTyping), None, None, None),
        ["chat", _, "info", "agentTyping"] => {
            (Some(N::AgentTyping), None, Some(N::SetTyping), None)
        }
        ["chat", _, "transfer"] => (Some(N::Targets), Some(N::Transfer), None, None),
        ["chat", _, "survey"] => (Some(N::Survey), None, Some(N::SetSurvey), None),
        ["participantExtendedInfo", _] => (Some(N::Participant), None, None, None),
        ["visits", "visit", _] => (Some(N::Visit), None, None, None),
        ["visits", "visit", _, "customVariables"] => (Some(N::Variables), None, None, None),
        _ => return Err((404, format!("there is nothing at {}", rest.join("/")))),
    };
    let found = match verb {
        Verb::Get => get,
        Verb::Post => post,
        Verb::Put => put,
        Verb::Delete => delete,
    };
    found.ok_or_else(|| match (verb, put) {
        (Verb::Post, Some(_)) => (400, "X-HTTP-Method-Override: PUT is missing".to_owned()),
        _ => (405, "this is not possible here".to_owned()),
    })
}

fn line_or_end(body: &Value) -> CallName {
    if member(&body["event"], "type") == Some("state") { CallName::End } else { CallName::Line }
}

/// A text member of an event or a link, with or without the `@`.
pub(super) fn member<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(format!("@{name}")).or_else(|| of.get(name)).and_then(Value::as_str)
}
