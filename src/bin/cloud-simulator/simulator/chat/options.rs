//! What the chat side of a world is made of, and which choices the service makes where its documentation leaves one.

use super::Millis;
use serde::{Deserialize, Serialize};

/// The choices of the Chat Agent API.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ChatOptions {
    /// How the answers spell what the documents spell in two ways.
    pub(crate) dialect: Dialect,
    /// How long a ring waits before the agent is set Away, ms.
    pub(crate) ring_life: Millis,
    /// How long a chat lives without a request of its agent, ms (`chatTimeout`).
    pub(crate) chat_timeout: Millis,
    /// How long an agent session lives without any request, ms.
    pub(crate) session_idle: Millis,
    /// How long the agent who has transferred a chat away may still read it, ms.
    pub(crate) readable_after_transfer: Millis,
    /// A second log-in of a user voids the bearer of the first.
    pub(crate) login_voids_bearer: bool,
    /// A second log-in of a user ends its agent session at once, so that no chat is left to resume.
    pub(crate) login_ends_session: bool,
    /// Human agents are Online from the start.
    pub(crate) humans_online: bool,
    /// What an accept is answered with when nothing rings.
    pub(crate) nothing_rings: NothingRings,
    /// The event that `fromEventIds` names in the several-chats call is sent again.
    pub(crate) several_inclusive: bool,
    /// Requests of one agent to one resource within a second before 429; `None`: any number.
    pub(crate) requests_per_second: Option<u32>,
    /// Chats name their agent by another id than the log-in does, as in the documents' examples.
    pub(crate) other_agent_ids: bool,
    /// A second cookie comes with a new agent session.
    pub(crate) session_cookie: bool,
    /// `https` or `http` in links; that of the connection if left out.
    pub(crate) scheme: Option<String>,
    /// The texts of system lines.
    pub(crate) texts: SystemTexts,
}

/// What an accept is answered with when nothing rings: clients have met all three.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum NothingRings {
    /// 404 with an error.
    NotFound,
    /// 200 without a `chatLocation`.
    NoLocation,
    /// 200 with an error inside.
    ErrorIn200,
}

/// The two spellings of the JSON answers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Dialect {
    /// Members such as `@id`; lists of one are sent as the bare element, empty ones left out; numbers as the examples have them.
    Prefixed,
    /// Members such as `id`; lists are always lists; numbers wherever a text is one.
    Plain,
}

impl Dialect {
    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Prefixed => Self::Plain,
            Self::Plain => Self::Prefixed,
        }
    }
}

/// The texts of system lines, which accounts can change.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SystemTexts {
    /// 3; `{agent}` is the agent's name.
    pub(crate) accepted: String,
    /// 4
    pub(crate) routing: String,
    /// 5
    pub(crate) ended: String,
    /// 6
    pub(crate) disconnected: String,
    /// 13; `{agent}` is the name of the agent to come.
    pub(crate) to_agent: String,
    /// 15; `{skill}` is the name of the skill.
    pub(crate) to_skill: String,
    /// 23
    pub(crate) requeued: String,
}

impl Default for ChatOptions {
    fn default() -> Self {
        Self {
            dialect: Dialect::Prefixed,
            ring_life: 20_000,
            chat_timeout: 40_000,
            session_idle: 60_000,
            readable_after_transfer: 10_000,
            login_voids_bearer: true,
            login_ends_session: false,
            humans_online: true,
            nothing_rings: NothingRings::NotFound,
            several_inclusive: true,
            requests_per_second: None,
            other_agent_ids: false,
            session_cookie: false,
            scheme: None,
            texts: SystemTexts::default(),
        }
    }
}

impl Default for SystemTexts {
    fn default() -> Self {
        Self {
            accepted: "{agent} has joined.".into(),
            routing: "Someone will be with you soon.".into(),
            ended: "The chat has ended.".into(),
            disconnected: "The chat was disconnected.".into(),
            to_agent: "You are being transferred to {agent}.".into(),
            to_skill: "You are being transferred to {skill}.".into(),
            requeued: "Please wait until the next agent is free.".into(),
        }
    }
}
