//! Pure: everything that a conversation can be told.

use std::{sync::Arc, time::Duration};

use super::{
    effect::CallId,
    mark::Mark,
    settings::Settings,
    words::{AgentId, ConsumerId, DialogId, Json, Sequence, SkillId, Timestamp},
};

/// One thing that happened to a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The cloud told the conversation's state, newest first-hand knowledge. The first one begins the
    /// conversation (after a ring, or found at start); later ones tell changes of skill and consumer.
    Details(Details),
    /// The connection was lost: calls under way have an unknown fate, new ones cannot be made.
    LinkDown,
    /// The connection is back and the conversation still is this agent's: time to read what was missed.
    LinkUp(Details),
    /// A message or receipt arrived live.
    Message(Message),
    /// The cloud says that this is the newest sequence of the dialog, and no message with it has arrived so far.
    Newest {
        /// The dialog.
        dialog: DialogId,
        /// The sequence.
        sequence: Sequence,
    },
    /// How a call that an effect asked for ended.
    Called {
        /// The call, as its effect named it.
        id: CallId,
        /// What it brought.
        outcome: Result<Outcome, CallError>,
    },
    /// Something from the bot about this conversation.
    Bot(BotEvent),
    /// Whether the bot can be reached at all; `since` how long it cannot is the hall's business.
    Reach(Reach),
    /// The agent is not in the conversation any more.
    Left(Departure),
    /// The time that `Conversation::wake` named has come.
    Elapsed,
    /// The settings were read again.
    Settings(Arc<Settings>),
    /// The process stops: start nothing new, finish what is under way.
    Drain,
    /// The process stops with `on_stop = "return"`: leave, back to the skill's queue.
    Return,
}

/// The state of a conversation as the cloud tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The open main dialog.
    pub dialog: DialogId,
    /// The skill that the conversation is in; none if the cloud says `-1`.
    pub skill: Option<SkillId>,
    /// The consumer as known now; a change is a step-up.
    pub consumer: ConsumerId,
    /// When the conversation began, server time.
    pub started: Timestamp,
}

/// One entry of a dialog's history, live or read.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The dialog it belongs to.
    pub dialog: DialogId,
    /// Its place in the dialog.
    pub sequence: Sequence,
    /// When the server took it.
    pub time: Timestamp,
    /// Who said it.
    pub from: Speaker,
    /// Whether the consumer sees it.
    pub audience: Audience,
    /// What was said.
    pub content: Content,
    /// The platform's metadata of a click, as it came; none if empty.
    pub metadata: Option<Json>,
    /// The journal mark, where one of our own messages, or of a sister's, carries it.
    pub mark: Option<Mark>,
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The consumer, under any id they had in this conversation.
    Consumer,
    /// This bot agent.
    Me,
    /// Another agent or a manager, human or bot.
    Agent,
    /// The platform itself: controllers, automatic messages.
    System,
}

/// Who may see a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// Everybody in the conversation.
    #[default]
    All,
    /// Agents and managers only: a private message.
    Agents,
}

/// What a message holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// A file that somebody shared.
    File(File),
    /// Structured content; `text` is what can be read of it.
    Rich {
        /// The content as it came.
        content: Json,
        /// The texts in it, joined by spaces; empty if there is none.
        text: String,
    },
    /// A receipt for messages of the others.
    Receipt {
        /// What the receipt says.
        status: ReceiptStatus,
        /// The messages that it is for.
        sequences: Vec<Sequence>,
    },
    /// A kind that nobody here knows: counted, otherwise passed over.
    Unknown,
}

/// What a receipt says about messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptStatus {
    /// They were read.
    Read,
    /// A button or quick reply of theirs was pressed.
    Action,
    /// Delivered, accessed, refused, or something newer.
    Other,
}

/// A file shared in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What the sender wrote below it.
    pub caption: Option<String>,
    /// Its type as the platform names it, e.g. `JPEG`.
    pub file_type: String,
    /// Where the platform's storage has it.
    pub relative_path: String,
}

/// What a successful call brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done, nothing to tell.
    Done,
    /// A message was published under this sequence.
    Published(Sequence),
    /// The dialog's history, ordered by sequence.
    History(History),
    /// The consumer's profile.
    Profile(Profile),
}

/// What was read of a dialog.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Others were left out to keep within the bound: older ones, or newer ones where the reading went on from
    /// what was known.
    pub truncated: bool,
}

/// What the platform knows of a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Whether the consumer has logged in with the brand.
    pub authenticated: bool,
}

/// Why a call failed, sorted by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It never left: there is no connection. Nothing happened.
    #[error("not connected")]
    NotSent,
    /// It left and nothing came back, by time-out or lost connection: it may have happened.
    #[error("no answer to {call}")]
    NoAnswer {
        /// The kind of call.
        call: &'static str,
    },
    /// The cloud said no (4xx other than 429): repeating it changes nothing.
    #[error("the cloud refused {call} with {code}: {message}")]
    Refused {
        /// The kind of call.
        call: &'static str,
        /// The status code.
        code: u16,
        /// The cloud's words, shortened.
        message: String,
    },
    /// The cloud failed (5xx): it may have happened.
    #[error("the cloud failed at {call} with {code}: {message}")]
    Failed {
        /// The kind of call.
        call: &'static str,
        /// The status code.
        code: u16,
        /// The cloud's words, shortened.
        message: String,
    },
}

/// What the bot, or the way to it, tells about one conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum BotEvent {
    /// The question is in the bot's hands; it answers on its own time (WebSocket: the frame is written).
    HandedOver {
        /// The event's id.
        event: EventId,
        /// Which attempt it was.
        attempt: u32,
    },
    /// The question could not be handed over: there is no connection. It comes back, nothing is lost.
    Undelivered {
        /// The event's id.
        event: EventId,
        /// Which attempt it would have been.
        attempt: u32,
    },
    /// The bot has the event: no resend. `expects_answer` is false when it said that there will be none.
    Seen {
        /// The event's id.
        event: EventId,
        /// Whether an answer may still come.
        expects_answer: bool,
    },
    /// The attempt ended without an answer and may be repeated (webhook: time-out, 5xx, 429 ...).
    Silent {
        /// The event's id.
        event: EventId,
        /// Which attempt it was.
        attempt: u32,
        /// The least wait that the bot asked for.
        retry_after: Option<Duration>,
    },
    /// The bot is certainly wrong (4xx, malformed answer): asking again changes nothing.
    Fault {
        /// The event's id.
        event: EventId,
        /// What was wrong, for people.
        why: String,
    },
    /// The bot answered.
    Answered(Answer),
    /// The bot speaks unasked.
    Says(Vec<Action>),
}

/// Whether the bot can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Connected, or nothing to the contrary is known.
    Up,
    /// Not connected, for a short time so far.
    Down,
    /// Not connected for longer than one retry interval: do not wait for it.
    Gone,
}

/// The identity of what the bot is asked: the same at every attempt, after a reconnect and a restart.
///
/// Its text is `{dialog}:{key}`; see [`EventKey`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The dialog that the event belongs to.
    pub dialog: DialogId,
    /// Which event of the dialog.
    pub key: EventKey,
}

/// Which event of a dialog: the highest sequence that it covers, and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// The highest sequence that the event covers; for what is not a message, the newest one known.
    pub sequence: Sequence,
    /// What kind of event it is.
    pub kind: EventKind,
}

/// The kinds of event, as the suffix of an event's id tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// Consumer messages: no suffix.
    Consumer,
    /// `:agent`: the last utterance of a conversation taken over.
    Agent,
    /// `:greeting`
    Greeting,
    /// `:stepUp`
    StepUp,
    /// `:escalationFailed` and the number of the failure, from 1.
    EscalationFailed(u32),
    /// `:say` and a count: what is published without an event to answer. It never is an event of its own.
    Say(u32),
    /// `:ended`
    Ended,
    /// `:transferred`
    Transferred,
}

/// The bot's answer to one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The event that is answered.
    pub event: EventId,
    /// What to do, in order. Empty: the bot has nothing to say.
    pub actions: Vec<Action>,
    /// What the bot understood; goes to the platform's analytics.
    pub intents: Vec<Intent>,
}

/// One thing that the bot wants done, already in the cloud's terms: abstract buttons and tiles have become
/// structured content before they get here.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Say a text.
    Text {
        /// The text.
        text: String,
        /// Who sees it.
        audience: Audience,
        /// Quick replies below it, as the platform writes them.
        quick_replies: Option<Json>,
    },
    /// Wait, by default with the typing indicator on.
    Pause {
        /// How long.
        length: Duration,
        /// Whether the consumer sees that something is being typed.
        typing: bool,
    },
    /// Show structured content.
    Structured {
        /// The content.
        content: Json,
        /// Envelope metadata of the content (an array).
        metadata: Option<Json>,
        /// Quick replies below it.
        quick_replies: Option<Json>,
        /// Its texts, to be said if the platform refuses the content.
        text: String,
    },
    /// Hand the conversation to a skill or an agent.
    Transfer {
        /// Where to.
        target: Target,
        /// The bot's words for it.
        reason: Option<String>,
        /// The consumer asked for it: `escalated_by_user`.
        by_user: bool,
    },
    /// Close.
    Close {
        /// True: close the dialog, a survey may follow. False: close the conversation.
        survey: bool,
    },
    /// Change the target time to respond.
    ChangeTtr {
        /// `URGENT`, `NORMAL`, `PRIORITIZED` or `CUSTOM`.
        ttr_type: String,
        /// Seconds.
        seconds: u32,
    },
}

/// Where the bot wants the conversation to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The skill, by id or name; none: the connector's fallback skill.
    pub skill: Option<SkillRef>,
    /// An agent within it.
    pub agent: Option<AgentId>,
}

/// A skill as a bot names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkillRef {
    /// By the platform's id, unchecked.
    Id(String),
    /// By a name of the `[skills]` table.
    Name(String),
}

/// One intent that the bot recognised.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// The bot's id of it.
    pub id: String,
    /// Its name for people.
    pub name: Option<String>,
    /// 0 to 1.
    pub confidence: Option<f64>,
}

/// How the agent came out of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// The conversation or its main dialog was closed.
    Closed,
    /// The conversation lives on without this agent.
    Moved,
}
