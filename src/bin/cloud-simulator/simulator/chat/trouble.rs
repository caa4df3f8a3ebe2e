//! Pure: what can go wrong with a call of the Chat Agent API or of the log-in, and what it does to an answer.

use super::super::faults::Fault;
use super::super::session::Reply;
use super::calls::CallName;
use super::{Dialect, Millis, World};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What happens to a call. "Handled" means that it is carried out as usual, whatever the client is told.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Trouble {
    /// Not handled; this status.
    Status(u16),
    /// Handled; this status.
    StatusAfter(u16),
    /// Not handled; 429 with `Retry-After` of so many seconds.
    TooMany(u32),
    /// Handled at once; the answer comes so many milliseconds later.
    Slow(Millis),
    /// Handled only after so many milliseconds.
    Late(Millis),
    /// Not handled; the connection closes without an answer.
    DropBefore,
    /// Handled; the connection closes without an answer.
    DropAfter,
    /// Not handled; no answer comes.
    Silence,
    /// Handled; no answer comes.
    SilenceAfter,
    /// Not handled; 200 with an error inside.
    ErrorIn200,
    /// Handled; the answer has no body.
    EmptyBody,
    /// Handled; the body is HTML.
    HtmlBody,
    /// Handled; the body is so many bytes longer.
    Huge(usize),
    /// Handled; in the other dialect.
    OtherDialect,
    /// The bearer becomes void before the call is handled.
    ExpireBearer,
    /// The agent's session in chat ends before the call is handled.
    KillSession,
    /// Handled; the agent is set Away.
    ForceAway,
    /// Handled; events come twice, and up to three earlier ones once more.
    RepeatedEvents,
    /// Handled; events come in reverse order.
    ReversedEvents,
    /// Handled; events of unknown types, and without members that all have, come between the others.
    UnknownEvents,
}

impl Trouble {
    /// Changes which events an answer has; `all` are those of the chat, from the first on.
    pub(super) fn bend(self, answer: &mut Value, all: &Value) {
        let Some(events) = answer.get_mut("event").and_then(Value::as_array_mut) else {
            return;
        };
        if self == Self::RepeatedEvents {
            let number = |event: &Value| event["@id"].as_str()?.parse::<usize>().ok();
            let first = events.first().and_then(number).unwrap_or(usize::MAX);
            let earlier = all.as_array().into_iter().flatten();
            let earlier = earlier.filter(|event| {
                number(event).is_some_and(|id| id < first && first.saturating_sub(id) <= 3)
            });
            *events = earlier.chain(events.iter()).chain(events.iter()).cloned().collect();
        } else if self == Self::ReversedEvents {
            events.reverse();
        } else if self == Self::UnknownEvents {
            events
                .insert(0, json!({ "@type": "resource", "resource": { "uri": 1 }, "@id": "soon" }));
            events.push(json!({ "@type": "a2a-transfer" }));
        }
    }

    /// Whether the client cannot know from the answer what became of its call.
    pub(super) fn is_unclear(self) -> bool {
        match self {
            Self::Slow(_)
            | Self::Late(_)
            | Self::OtherDialect
            | Self::ForceAway
            | Self::RepeatedEvents
            | Self::ReversedEvents
            | Self::UnknownEvents
            | Self::Huge(_) => false,
            Self::Status(_)
            | Self::StatusAfter(_)
            | Self::TooMany(_)
            | Self::DropBefore
            | Self::DropAfter
            | Self::Silence
            | Self::SilenceAfter
            | Self::ErrorIn200
            | Self::EmptyBody
            | Self::HtmlBody
            | Self::ExpireBearer
            | Self::KillSession => true,
        }
    }

    /// The dialect of the answer.
    pub(super) fn dialect(self, usual: Dialect) -> Dialect {
        if self == Self::OtherDialect { usual.other() } else { usual }
    }
}

impl World {
    /// The trouble in force for a call, if there is any; counts it.
    pub(super) fn trouble(&mut self, agent: &str, name: CallName, path: &str) -> Option<Trouble> {
        self.faults.take_passing(agent, |fault| {
            let Fault::Chat { call, path: pattern, what } = fault else {
                return None;
            };
            let meant = call.is_none_or(|call| call == name)
                && pattern.as_ref().is_none_or(|pattern| matches(pattern, path));
            // A rule for all calls means those of agent sessions.
            let log_in = matches!(
                name,
                CallName::Domains | CallName::Login | CallName::Refresh | CallName::Logout
            );
            (meant && (call.is_some() || pattern.is_some() || !log_in)).then_some(*what)
        })
    }
}

/// A 200 that carries an error, in the form that is usual for the call.
pub(super) fn error_in_200(name: CallName) -> Reply {
    let error = json!({ "time": "Nov 14, 2023 10:13:20 PM", "message": "simulated failure", "internalCode": 99 });
    let body = if matches!(name, CallName::Transfer | CallName::Targets) {
        json!({ "transfer": { "errormsg": "simulated failure" } })
    } else if matches!(name, CallName::Chat | CallName::Events | CallName::Chats) {
        json!({ "chat": { "error": error } })
    } else {
        json!({ "error": error })
    };
    Reply { status: 200, body, cookie: None }
}

/// Whether a path fits a pattern, in which `*` stands for anything.
fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        let path = "/api/account/1/agentSession/2/chat/H1-aK2/events";
        assert!(matches("*/chat/*/events", path));
        assert!(matches("*", path) && matches("*H1-aK2*", path) && matches(path, path));
        assert!(!matches("*/chat/*/info", path) && !matches("/chat/*", path) && !matches("", path));
    }
}
