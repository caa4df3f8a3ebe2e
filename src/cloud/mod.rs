//! The door to the cloud: what both clouds, messaging and chat, tell the hall and take from it.

pub(crate) mod chat;
pub mod domains;
#[cfg(test)]
mod fake;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod identity;
mod lenient;
mod link;
pub mod login;
pub(crate) mod messaging;
mod probe;
mod readable;
mod report;
pub(crate) mod session;

use std::time::Duration;

pub use probe::{Step, probe};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::{
    conversation::{
        Call, CallError, CallId, ConversationId, DialogId, RingId, Sequence, SkillId, Timestamp,
        event::{Departure, Details, Message, Outcome},
        settings::Kind,
    },
    net::Net,
    ops::clock::Clock,
    secret::Secret,
};

/// Opens the door to the cloud that has this kind of conversations. What is behind it ends after [`Command::Stop`], or
/// when the door is dropped.
///
/// `seed` makes the jitter of all waits repeatable. With `log_content`, what goes over the wire is logged at TRACE under
/// the target `wire::cloud`: it holds what people say, and never the bearer.
pub fn open(
    kind: Kind,
    settings: Settings,
    net: Net,
    clock: Clock,
    seed: u64,
    log_content: bool,
    tracker: &TaskTracker,
) -> Door {
    let start = match kind {
        Kind::Messaging => link::start::<messaging::Line>,
        Kind::Chat => link::start::<chat::Requests>,
    };
    start(settings, net, clock, seed, log_content, tracker)
}

/// How to reach the cloud and as whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[connector] account_id`
    pub account: String,
    /// `[credentials] username`
    pub username: String,
    /// `[credentials]`, one of three ways.
    pub credentials: Credentials,
    /// `[cloud] domain_api`, without a trailing slash.
    pub domain_api: String,
    /// `[cloud] request_timeout`
    pub request_timeout: Duration,
    /// `[cloud] keepalive_interval`
    pub keepalive_interval: Duration,
    /// `[cloud] session_refresh_interval`
    pub refresh_interval: Duration,
    /// True: manager; subscribes to all open conversations of the account and takes no rings.
    pub manager: bool,
    /// `[chat]`; messaging has no use for it.
    pub chat: ChatSettings,
}

/// What only a chat can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatSettings {
    /// `[chat] line_format`: lines go out as HTML, escaped and wrapped; else as plain text.
    pub html: bool,
    /// `[chat] multi_chat_poll_threshold`: with more open chats than this, one request asks for several of them.
    /// `usize::MAX` for 0: each chat is always asked alone.
    pub several_above: usize,
}

impl Default for ChatSettings {
    /// The documented defaults of the configuration file.
    fn default() -> Self {
        Self { html: true, several_above: 10 }
    }
}

/// The three ways to log in. Secrets are read afresh from their source at each log-in.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// API key, four parts.
    ApiKey {
        /// `app_key`
        app_key: Secret,
        /// `secret`
        secret: Secret,
        /// `access_token`
        access_token: Secret,
        /// `access_token_secret`
        access_token_secret: Secret,
    },
    /// OAuth 2.0 client credentials: same log-in call, placeholders for the access token.
    OAuth2 {
        /// `client_id`
        client_id: Secret,
        /// `client_secret`
        client_secret: Secret,
    },
    /// Password.
    Password(Secret),
}

/// What the hall wants of the cloud. Sent with `try_send`; the core bounds how many there can be.
#[derive(Clone, Debug)]
pub enum Command {
    /// Be in this state; answered by [`Event::AvailabilitySet`]. Each connection begins AWAY, so after every
    /// [`Event::Up`] this is to be said again.
    Availability(Availability),
    /// Take a ring.
    AcceptRing(RingId),
    /// A call of a conversation; answered by [`Event::Called`] if `id` is given.
    Call {
        /// The conversation.
        conversation: ConversationId,
        /// Names the call; none: nobody waits for the outcome.
        id: Option<CallId>,
        /// The call.
        call: Call,
    },
    /// Open another socket with the same token, because this one does not tell all that it should.
    Reconnect,
    /// Use these settings from the next log-in on, and try at once if waiting (SIGHUP).
    Reload(Box<Settings>),
    /// Log out and end; answered by [`Event::Stopped`].
    Stop,
}

/// The state of an agent as routing sees it (Messaging Agent API, agent state).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Availability {
    /// Takes rings.
    Online,
    /// Takes only transfers.
    Occupied,
    /// Takes nothing.
    Away,
}

/// Something that the cloud told, with the moment of its arrival.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// When the frame or response arrived, monotonic.
    pub at: std::time::Instant,
    /// What.
    pub event: Event,
}

/// What the cloud tells the hall.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Where the connection stands; for status, metrics and logs.
    Link(LinkState),
    /// Logged in, socket open, subscriptions acknowledged. The open conversations follow, then `Listed`.
    Up {
        /// The agent's numeric user id.
        agent: String,
    },
    /// All conversations that were open at `Up` have been told.
    Listed {
        /// False: the cloud told no list, not even an empty one, for the length of a request. That nothing was told
        /// then says nothing about conversations that are known from before.
        heard: bool,
    },
    /// The connection was lost. Calls under way are answered with `NoAnswer`, later ones with `NotSent`.
    Down,
    /// A ring waits, or still waits (told again at each change).
    Ring(Ring),
    /// A ring is not waiting any more: taken, withdrawn, expired.
    RingGone(RingId),
    /// A ring's acceptance was acknowledged (which is not assignment), or failed.
    RingAccepted {
        /// The ring.
        ring: RingId,
        /// The outcome: the conversation that it leads to, where the acknowledgement tells.
        result: Result<Option<ConversationId>, CallError>,
    },
    /// This agent is in the conversation (as active assigned agent, or manager), as of now.
    Conversation {
        /// Which.
        id: ConversationId,
        /// Its state.
        details: Details,
        /// False for a manager that is not in the conversation yet and has to join it.
        joined: bool,
    },
    /// This agent is not in the conversation any more.
    Gone {
        /// Which.
        id: ConversationId,
        /// How.
        how: Departure,
        /// CSAT that the consumer gave, if the platform told it.
        csat: Option<u8>,
    },
    /// A message, receipt or click in a dialog.
    Message {
        /// The conversation, as far as the event tells; else the dialog's id.
        conversation: ConversationId,
        /// The message.
        message: Message,
    },
    /// The cloud says that this is the newest sequence of a dialog, and no message with it has arrived so far.
    Newest {
        /// The conversation.
        conversation: ConversationId,
        /// Its dialog.
        dialog: DialogId,
        /// The sequence.
        sequence: Sequence,
    },
    /// Something that the cloud should have told by itself was found by looking. What it was, is told as always.
    Missed(Missed),
    /// The outcome of a call.
    Called {
        /// The conversation.
        conversation: ConversationId,
        /// The call.
        id: CallId,
        /// The outcome.
        outcome: Result<Outcome, CallError>,
    },
    /// The agent's state as the cloud tells it; none for a word that is not known.
    AgentState(Option<Availability>, String),
    /// The cloud has put the agent into another state than it was asked for, and is being asked for it again.
    Displaced {
        /// What the agent is to be.
        wanted: Availability,
        /// What it was found to be, in the cloud's word.
        found: String,
        /// How often in the last five minutes, this time counted.
        lately: usize,
    },
    /// The answer to [`Command::Availability`].
    AvailabilitySet {
        /// The state that was asked for.
        state: Availability,
        /// The outcome. After a failure nobody knows the state that the agent is in.
        result: Result<(), CallError>,
    },
    /// A log-in was tried.
    LoggedIn(LoginResult),
    /// A question left that only looks for news, by a short, fixed word: a cloud that tells nothing by itself is asked
    /// again and again.
    Polled(&'static str),
    /// Something that could not be used; counted by kind, logged once.
    Unusable {
        /// A short, fixed word for the metric.
        kind: &'static str,
        /// What and why, without secrets.
        detail: String,
    },
    /// Logged out; no event follows.
    Stopped,
}

/// What the cloud can fail to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Missed {
    /// A message. Conversations notice it by themselves and report it as a fact.
    Message,
    /// This agent is in a conversation.
    Conversation,
    /// A ring waits.
    Ring,
    /// This agent is not in a conversation any more.
    Gone,
}

/// A ring as offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The ring.
    pub id: RingId,
    /// The conversation that it offers; none where that is told only when it is taken.
    pub conversation: Option<ConversationId>,
    /// By which skill.
    pub skill: Option<SkillId>,
    /// When it expires, on this process' monotonic clock, corrected by the skew to the server's.
    pub expires: Option<std::time::Instant>,
}

/// Where the connection to the cloud stands, in the words of the platform's status page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// What.
    pub phase: LinkPhase,
    /// For people: what is being done, or what failed and what to do about it.
    pub detail: String,
    /// The last error, for people; kept until the next one.
    pub error: Option<String>,
}

/// The steps on the way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPhase {
    /// Asking the domain service.
    Domains,
    /// Logging in.
    LoggingIn,
    /// Opening the socket.
    Connecting,
    /// Subscribing.
    Subscribing,
    /// Working.
    Up,
    /// Waiting before the next try. `reason` is a short fixed word for the metric.
    Waiting {
        /// Why, as a short fixed word: `network`, `closed`, `expired`, `evicted`, `refused`, `throttled`, `dead`,
        /// `deaf`.
        reason: &'static str,
    },
    /// Logged out.
    Stopped,
}

/// How a log-in went, for the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoginResult {
    /// Logged in.
    Ok,
    /// 400, 401, 403: wrong account, user or credentials.
    Refused,
    /// 429.
    Throttled,
    /// 451.
    Blocked,
    /// 5xx, time-out, no connection, unusable answer.
    Failed,
    /// A secret could not be read.
    Secret,
}

/// The hall's end of the door.
#[derive(Debug)]
pub struct Door {
    /// Commands to the cloud; bounded.
    pub commands: mpsc::Sender<Command>,
    /// Events from the cloud; bounded, so that a busy hall slows the socket down.
    pub events: mpsc::Receiver<Arrived>,
}

/// Where server time stands against this process' clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skew {
    /// Server time minus wall time, in milliseconds.
    pub millis: i64,
}

impl Skew {
    /// The server's time when the wall clock shows `wall`.
    #[must_use]
    pub fn server(self, wall: Timestamp) -> Timestamp {
        Timestamp(wall.0.saturating_add(self.millis))
    }
}
