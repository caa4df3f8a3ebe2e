//! Pure: chats, and what happens in them.

use super::Millis;
use serde_json::Value;

/// One chat of a visitor.
#[derive(Clone, Debug)]
pub(crate) struct Chat {
    /// The chat session key, the same for every agent.
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) skill: String,
    pub(crate) state: ChatState,
    /// Event ids are the places in this list.
    pub(crate) events: Vec<ChatEvent>,
    pub(crate) visitor: Visitor,
    /// Who has the chat; stays when the chat ends.
    pub(crate) owner: Option<Owner>,
    /// Whom it rings.
    pub(crate) ring: Option<ChatRing>,
    /// Old id of the agent to whom alone it is offered.
    pub(crate) only_to: Option<String>,
    /// Old id of the agent who has given it away and does not get it back by routing.
    pub(crate) not_to: Option<String>,
    pub(crate) visitor_typing: bool,
    pub(crate) agent_typing: bool,
    pub(crate) started: Millis,
    pub(crate) ended: Option<Millis>,
    pub(crate) end: Option<ChatEnd>,
    /// The last request of the agent who has it, or the last act in it.
    pub(crate) last_request: Millis,
    /// The agent session that may still read, and until when.
    pub(super) reader: Option<(String, Millis)>,
    /// What came as survey answers.
    pub(super) survey: Value,
    /// The silence that began at this time has been reported.
    pub(super) silence_told: Option<Millis>,
}

/// Who has a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Old agent id.
    pub(crate) agent: String,
    /// The agent session; `None` for a human agent, who is acted by hand.
    pub(crate) session: Option<String>,
}

/// An offer of a chat.
#[derive(Clone, Debug)]
pub(crate) struct ChatRing {
    pub(crate) session: String,
    pub(crate) since: Millis,
}

/// Where a chat is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChatState {
    /// For an agent.
    Waiting,
    /// With one.
    Chatting,
    /// It is over.
    Ended,
}

impl ChatState {
    /// The wire's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Chatting => "chatting",
            Self::Ended => "ended",
        }
    }
}

/// Why a chat is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChatEnd {
    /// The agent has ended it.
    Agent,
    /// The visitor has ended it.
    Visitor,
    /// The visitor was gone.
    VisitorGone,
    /// The agent's side was silent for too long.
    Timeout,
    /// The agent's session was lost and nobody else was there.
    SessionLost,
    /// The world was reset.
    Reset,
}

impl ChatEnd {
    /// The control API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Visitor => "visitor",
            Self::VisitorGone => "visitorGone",
            Self::Timeout => "timeout",
            Self::SessionLost => "sessionLost",
            Self::Reset => "reset",
        }
    }
}

/// The visitor of a chat.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) language: String,
    /// Of a consumer who has signed in.
    pub(crate) participant: Option<String>,
}

/// One event of a chat.
#[derive(Clone, Debug)]
pub(crate) struct ChatEvent {
    pub(crate) id: u64,
    pub(crate) time: Millis,
    pub(crate) what: Happening,
}

/// What an event tells.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// The chat's state has changed.
    State(ChatState),
    /// Somebody said something.
    Line(Line),
}

/// Something said.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) source: Source,
    pub(crate) by: String,
    pub(crate) text: String,
    /// `plain`, `html` or `rich-content`.
    pub(crate) text_type: String,
    /// Only agents see it.
    pub(crate) private: bool,
    /// Of system lines.
    pub(crate) system: Option<u32>,
    /// Structured content.
    pub(crate) json: Option<Value>,
}

/// Who has said a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The service.
    System,
    /// An agent.
    Agent,
    /// The visitor.
    Visitor,
}

impl Source {
    /// The wire's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Agent => "agent",
            Self::Visitor => "visitor",
        }
    }
}

impl Line {
    /// A plain line that everybody sees.
    pub(super) fn plain(source: Source, by: &str, text: &str) -> Self {
        Self {
            source,
            by: by.to_owned(),
            text: text.to_owned(),
            text_type: "plain".into(),
            private: false,
            system: None,
            json: None,
        }
    }

    /// A line of the service.
    pub(super) fn system(id: u32, text: &str) -> Self {
        Self { system: Some(id), ..Self::plain(Source::System, "info", text) }
    }

    /// The same for agents only.
    pub(super) fn private(self) -> Self {
        Self { private: true, ..self }
    }

    /// The wire's word for who sees it.
    pub(crate) fn sub_type(&self) -> &'static str {
        if self.private { "ONLY_TO_REP" } else { "REGULAR" }
    }
}

impl ChatEvent {
    /// The line, if it is one.
    pub(crate) fn line(&self) -> Option<&Line> {
        match &self.what {
            Happening::Line(line) => Some(line),
            Happening::State(_) => None,
        }
    }
}

impl Chat {
    /// Everything said, in order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.events.iter().filter_map(ChatEvent::line)
    }

    /// Appends an event; its id.
    pub(super) fn add(&mut self, now: Millis, what: Happening) -> u64 {
        let id = self.events.len() as u64;
        self.events.push(ChatEvent { id, time: now, what });
        id
    }

    /// Appends a line; its id.
    pub(super) fn say(&mut self, now: Millis, line: Line) -> u64 {
        self.add(now, Happening::Line(line))
    }

    /// Goes over to a state, and tells it unless the last one told is the same.
    pub(super) fn enter(&mut self, now: Millis, state: ChatState) -> Option<u64> {
        self.state = state;
        let told = self.events.iter().rev().find_map(|event| match event.what {
            Happening::State(state) => Some(state),
            Happening::Line(_) => None,
        });
        (told != Some(state)).then(|| self.add(now, Happening::State(state)))
    }

    /// Whether this agent session has it.
    pub(super) fn is_with(&self, session: &str) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.session.as_deref() == Some(session))
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.state == ChatState::Ended
    }
}
