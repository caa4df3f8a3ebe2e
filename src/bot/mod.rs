//! The door to the bot: whatever the transport and dialect, the hall hands over questions and hears events.

mod callback;
pub mod content;
mod dialect;
#[cfg(test)]
mod examples;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod probe;
pub mod protocol;
mod register;
mod room;
#[cfg(test)]
mod testing;
mod webhook;
mod websocket;

pub use probe::probe;

use std::{net::SocketAddr, time::Duration};

use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::task::TaskTracker;

use crate::{
    conversation::{
        ConversationId,
        effect::{Notice, Question},
        event::{BotEvent, EventId},
        settings::Kind,
    },
    net::Net,
    ops::clock::Clock,
    secret::{Secret, SecretError},
};

pub use webhook::NotASigningSecret;

/// How to reach the bot and how to speak with it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[bot] transport` and, for a webhook, `dialect`.
    pub transport: Transport,
    /// `[bot] url`
    pub url: hyper::Uri,
    /// `[bot] token`: sent as `Authorization: Bearer`.
    pub token: Option<Secret>,
    /// `[bot] signing_secret`: Standard Webhooks.
    pub signing_secret: Option<Secret>,
    /// `[bot] request_timeout`: one webhook attempt; also the time to open a WebSocket.
    pub request_timeout: Duration,
    /// `[bot] max_in_flight`: webhook requests at once.
    pub max_in_flight: usize,
    /// `[bot] callback_listen` and `callback_token`.
    pub callback: Option<Callback>,
    /// How abstract buttons and tiles become structured content.
    pub content: ContentSettings,
    /// Who we are, as the bot is told.
    pub connector: Connector,
    /// `retryMessageInterval`: after this long without a connection the bot counts as gone; a webhook bot that
    /// is gone is probed every third of it.
    pub gone_after: Duration,
}

/// How the bot is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One connection, frames both ways.
    WebSocket,
    /// One request for each event.
    Webhook(Dialect),
}

/// What a webhook bot understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The project's own event and reply.
    Native,
}

/// Where answers that come later are taken.
#[derive(Clone, Debug)]
pub struct Callback {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// The bearer that callers must present.
    pub token: Secret,
}

/// The settings that shape content which the connector builds itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentSettings {
    /// `tileDisplay`: false vertical, true horizontal (a carousel).
    pub horizontal_tiles: bool,
    /// `enableButtonTextOnPostback`: a click shows the button's title instead of its payload.
    pub button_text_on_postback: bool,
    /// `accessibility`: elements carry a tooltip.
    pub tooltips: bool,
    /// `conversation_type`: what chat has not got is put in other words, or left out.
    pub chat: bool,
}

/// The `connector` object of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// `[connector] name`
    pub name: String,
    /// `[connector] account_id`
    pub account_id: String,
    /// The agent's numeric user id, once logged in.
    pub agent_id: Option<String>,
    /// `[connector] environment`
    pub environment: String,
    /// `[connector] conversation_type`: told as the conversation's `type`.
    pub conversation_type: Kind,
}

/// What the hall wants of the bot. Sent with `try_send`; the core bounds how many there can be.
#[derive(Clone, Debug)]
pub enum Command {
    /// Put this to the bot.
    Ask(Box<Question>),
    /// This event was given up; do not send it if it still waits.
    Withdraw(EventId),
    /// News that want no answer. The bot can speak in the conversation no more.
    Notify(Box<Notice>),
    /// The conversation is this agent's, so the bot may speak in it unasked. A question says the same.
    Opened(ConversationId),
    /// The agent's id became known.
    Agent(String),
    /// Use these settings from now on (SIGHUP).
    Reload(Box<Settings>),
    /// Give up the questions under way, let the last news out, and close; all within about a second.
    Stop,
}

/// What the bot, or the way to it, tells the hall.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// For one conversation. The arrival time of the bot's frame or response is `at`.
    Conversation {
        /// Which.
        id: ConversationId,
        /// When it arrived, monotonic.
        at: std::time::Instant,
        /// What.
        event: BotEvent,
    },
    /// Where the connection stands.
    Link(LinkState),
    /// Something that could not be used; counted by kind, logged.
    Unusable {
        /// A short, fixed word for the metric.
        kind: &'static str,
        /// What and why, without secrets.
        detail: String,
    },
    /// A webhook attempt ended, for the metric: `answered`, `seen`, `retry`, `fault`, `timeout`, `error`.
    Attempt(&'static str),
    /// Closed; no event follows.
    Stopped,
}

/// Where the connection to the bot stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// None: nothing is known yet (a webhook that has not been called).
    pub connected: Option<bool>,
    /// For people.
    pub detail: String,
    /// The last error, for people.
    pub error: Option<String>,
}

/// The hall's end of the door.
#[derive(Debug)]
pub struct Door {
    /// Commands to the bot; bounded.
    pub commands: mpsc::Sender<Command>,
    /// Events from the bot; bounded.
    pub events: mpsc::Receiver<Event>,
}

/// Why the bot cannot be spoken to at all: the settings are wrong.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// The callback's address cannot be used.
    #[error(
        "cannot listen on {address} for the bot's callbacks ([bot] callback_listen); is it in use, or not this machine's?"
    )]
    Listen {
        /// `[bot] callback_listen`
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The bot's token cannot be read.
    #[error("cannot read the bot's token ([bot] token)")]
    Token(#[source] SecretError),
    /// The bot's token cannot stand in a header.
    #[error("the bot's token ([bot] token) holds characters that a header cannot carry")]
    TokenCharacters,
    /// The callback's token cannot be read.
    #[error("cannot read the callback's token ([bot] callback_token)")]
    CallbackToken(#[source] SecretError),
    /// The signing secret cannot be read.
    #[error("cannot read the signing secret ([bot] signing_secret)")]
    SigningSecret(#[source] SecretError),
    /// The signing secret is none.
    #[error("cannot sign webhooks ([bot] signing_secret)")]
    SigningKey(#[source] NotASigningSecret),
    /// The request cannot be made from the settings.
    #[error("cannot make a request to the bot; check [bot] url")]
    Request(#[source] hyper::http::Error),
}

/// Reads the secrets once, binds the callback's address, and starts the room's task on `tracker`.
///
/// `seed` feeds the jitter between reconnects. The task ends after [`Command::Stop`] with [`Event::Stopped`], or
/// silently when the door is dropped; should it end in any other way, the events' channel closes without it.
///
/// # Errors
/// A secret that cannot be read, an address that cannot be listened on. A bot that does not answer is no error.
pub async fn start(
    settings: Settings,
    net: Net,
    clock: Clock,
    seed: u64,
    tracker: &TaskTracker,
) -> Result<Door, BotError> {
    if let Some(token) = &settings.token {
        webhook::bearer(token)?;
    }
    if let Some(secret) = &settings.signing_secret {
        webhook::signing_key(secret)?;
    }
    let listener = match &settings.callback {
        Some(callback) => {
            callback.token.read().map_err(BotError::CallbackToken)?;
            Some(listen(callback).await?)
        }
        None => None,
    };
    Ok(open(settings, net, clock, seed, tracker, listener))
}

/// Starts the room's task.
fn open(
    settings: Settings,
    net: Net,
    clock: Clock,
    seed: u64,
    tracker: &TaskTracker,
    listener: Option<TcpListener>,
) -> Door {
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let (outbox, events) = mpsc::channel(EVENTS);
    let room = room::Room::new(settings, net, clock, seed, listener, outbox);
    tracker.spawn(room.run(inbox));
    Door { commands, events }
}

async fn listen(callback: &Callback) -> Result<TcpListener, BotError> {
    let address = callback.listen;
    TcpListener::bind(address).await.map_err(|source| BotError::Listen { address, source })
}

/// Commands that may wait: the core has a few for each of at most some thousand conversations.
const COMMANDS: usize = 16_384;
/// Events that may wait; then the bot waits too.
const EVENTS: usize = 1024;
