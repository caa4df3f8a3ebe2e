//! Pure: conversations, their dialogs and what was said in them.

use super::clock::Millis;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A conversation: a container of dialogs, in the queue of a skill.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) consumer: Consumer,
    /// Ids that the consumer had before stepping up.
    pub(crate) former_consumers: Vec<String>,
    /// Skill id, `"-1"` for none.
    pub(crate) skill: String,
    pub(crate) open: bool,
    pub(crate) close_reason: Option<&'static str>,
    /// What the consumer gave, 1 to 5; 0 for nothing.
    pub(crate) csat: u8,
    pub(crate) started: Millis,
    pub(crate) ended: Option<Millis>,
    pub(crate) updated: Millis,
    pub(crate) first_conversation: bool,
    pub(crate) ttr_type: String,
    pub(crate) ttr_seconds: u64,
    pub(crate) note: String,
    pub(crate) context: Value,
    /// The MAIN dialog first.
    pub(crate) dialogs: Vec<Dialog>,
    pub(crate) transfers: Vec<Transfer>,
    /// Since when the conversation waits in the queue; `None` while an agent is assigned.
    pub(crate) queued_since: Option<Millis>,
    /// Routing leaves the conversation alone until then.
    pub(crate) ring_not_before: Millis,
    /// The last chat state of each side.
    pub(crate) typing: BTreeMap<String, String>,
}

/// The consumer of one conversation.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) id: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) authenticated: bool,
    pub(crate) present: bool,
}

/// A message stream inside a conversation.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    pub(crate) id: String,
    pub(crate) kind: DialogKind,
    pub(crate) open: bool,
    pub(crate) participants: Vec<Participant>,
    pub(crate) created: Millis,
    pub(crate) ended: Option<Millis>,
    pub(crate) updated: Millis,
    pub(crate) closed_by: Option<String>,
    pub(crate) closed_cause: Option<String>,
    /// Which survey bot must serve the dialog.
    pub(crate) app_install_id: Option<String>,
    /// Content and receipts, in order of their sequences, which start at 0.
    pub(crate) events: Vec<Arc<Event>>,
    /// Sequence to whoever sent a receipt for it, and which.
    pub(crate) receipts: BTreeMap<u64, BTreeMap<String, BTreeSet<String>>>,
    /// Who has said how much: for counting what is unread without looking at all events.
    pub(crate) said: BTreeMap<String, Said>,
    /// How many content events of others somebody has read.
    pub(crate) read: BTreeMap<String, usize>,
}

/// How many content events somebody has said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    pub(crate) to_all: usize,
    pub(crate) to_agents: usize,
}

/// What a dialog is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialogKind {
    /// The conversation proper.
    Main,
    /// The survey after it.
    PostSurvey,
}

/// Someone in a dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Participant {
    /// Consumer id or old agent id.
    pub(crate) id: String,
    pub(crate) role: Role,
    /// Offered but not yet accepted (assigned agents only).
    pub(crate) suggested: bool,
}

/// Roles of participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The consumer.
    Consumer,
    /// The agent whose conversation it is.
    AssignedAgent,
    /// A supervisor or bot that joined and may talk.
    Manager,
    /// A silent observer.
    Reader,
    /// A survey bot in its dialog.
    Agent,
}

/// Something that happened in a dialog and has a sequence, or a chat state, which has none.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) sequence: Option<u64>,
    pub(crate) conversation: String,
    pub(crate) dialog: String,
    pub(crate) originator: String,
    pub(crate) originator_pid: String,
    pub(crate) role: Role,
    pub(crate) time: Millis,
    pub(crate) audience: Audience,
    /// The event as it was published.
    pub(crate) event: Value,
    pub(crate) metadata: Vec<Value>,
}

/// Who may see an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everybody.
    All,
    /// A private note.
    AgentsAndManagers,
}

/// A change of skill or an offer to an agent.
#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    pub(crate) time: Millis,
    pub(crate) by: String,
    pub(crate) from_skill: String,
    pub(crate) to_skill: String,
    pub(crate) to_agent: Option<String>,
    pub(crate) metadata: Vec<Value>,
}

impl Conversation {
    /// The MAIN dialog.
    pub(crate) fn main(&self) -> &Dialog {
        &self.dialogs[0]
    }

    /// The MAIN dialog, to change it.
    pub(super) fn main_mut(&mut self) -> &mut Dialog {
        &mut self.dialogs[0]
    }

    /// The dialog with this id.
    pub(crate) fn dialog(&self, id: &str) -> Option<&Dialog> {
        self.dialogs.iter().find(|dialog| dialog.id == id)
    }

    /// The dialog in which the consumer speaks now: MAIN, or the survey after it.
    pub(crate) fn speaking(&self) -> Option<&Dialog> {
        self.dialogs.iter().find(|dialog| dialog.open)
    }

    /// Whether any dialog is open (`stage`).
    pub(crate) fn stage_open(&self) -> bool {
        self.dialogs.iter().any(|dialog| dialog.open)
    }

    /// Old id of the active assigned agent.
    pub(crate) fn assigned(&self) -> Option<&str> {
        self.main().participants.iter().find_map(|one| {
            (one.role == Role::AssignedAgent && !one.suggested).then_some(one.id.as_str())
        })
    }

    /// Old id of the agent to whom the conversation is offered.
    pub(crate) fn suggested(&self) -> Option<&str> {
        self.main().participants.iter().find_map(|one| one.suggested.then_some(one.id.as_str()))
    }

    /// Whether `agent` takes part in any dialog, offers included.
    pub(crate) fn has(&self, agent: &str) -> bool {
        self.dialogs.iter().any(|dialog| dialog.participants.iter().any(|one| one.id == agent))
    }

    /// Every text of consumer and agents in the MAIN dialog, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.main().events.iter().filter_map(|event| event.text().map(str::to_owned)).collect()
    }

    /// How many content events nobody of this id has read.
    pub(crate) fn unread(&self, id: &str) -> usize {
        let dialog = self.main();
        let others = dialog.said.iter().filter(|(who, _)| *who != id).map(|(_, said)| said);
        let is_consumer = id == self.consumer.id;
        let said: usize =
            others.map(|said| said.to_all + if is_consumer { 0 } else { said.to_agents }).sum();
        said.saturating_sub(dialog.read.get(id).copied().unwrap_or_default())
    }
}

impl Dialog {
    /// The active participant with this id.
    pub(crate) fn active(&self, id: &str) -> Option<&Participant> {
        self.participants.iter().find(|one| one.id == id && !one.suggested)
    }

    /// The sequence that the next event gets.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.events.len() as u64
    }

    /// The event with this sequence.
    pub(crate) fn event(&self, sequence: u64) -> Option<&Arc<Event>> {
        self.events.get(usize::try_from(sequence).ok()?)
    }
}

impl DialogKind {
    /// The wire's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Main => "MAIN",
            Self::PostSurvey => "POST_SURVEY",
        }
    }
}

impl Participant {
    /// An active participant.
    pub(crate) fn active(id: impl Into<String>, role: Role) -> Self {
        Self { id: id.into(), role, suggested: false }
    }

    /// The wire's word for the state.
    pub(crate) fn state(&self) -> &'static str {
        if self.suggested { "SUGGESTED" } else { "ACTIVE" }
    }
}

impl Role {
    /// Reads the wire's word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "CONSUMER" => Some(Self::Consumer),
            "ASSIGNED_AGENT" => Some(Self::AssignedAgent),
            "MANAGER" => Some(Self::Manager),
            "READER" => Some(Self::Reader),
            "AGENT" => Some(Self::Agent),
            _ => None,
        }
    }

    /// The wire's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Consumer => "CONSUMER",
            Self::AssignedAgent => "ASSIGNED_AGENT",
            Self::Manager => "MANAGER",
            Self::Reader => "READER",
            Self::Agent => "AGENT",
        }
    }
}

impl Audience {
    /// The wire's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::AgentsAndManagers => "AGENTS_AND_MANAGERS",
        }
    }
}

impl Event {
    /// The event's `type`.
    pub(crate) fn kind(&self) -> &str {
        self.event["type"].as_str().unwrap_or_default()
    }

    /// A text, a file or structured content.
    pub(crate) fn is_content(&self) -> bool {
        matches!(self.kind(), "ContentEvent" | "RichContentEvent")
    }

    /// The text of a text message.
    pub(crate) fn text(&self) -> Option<&str> {
        self.event.get("message").and_then(Value::as_str)
    }
}
