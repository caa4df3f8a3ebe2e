//! The door to the bot: whatever the transport and dialect, the hall hands over questions and hears events.

pub mod content;

use std::{net::SocketAddr, time::Duration};

use tokio::sync::mpsc;

use crate::{
    conversation::{
        ConversationId,
        effect::{Notice, Question},
        event::{BotEvent, EventId},
    },
    secret::Secret,
};

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
    /// `retryMessageInterval`: after this long without a connection the bot counts as gone; also the
    /// least time between probes of a webhook bot that is gone.
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
}

/// What the hall wants of the bot. Sent with `try_send`; the core bounds how many there can be.
#[derive(Clone, Debug)]
pub enum Command {
    /// Put this to the bot.
    Ask(Box<Question>),
    /// This event was given up; do not send it if it still waits.
    Withdraw(EventId),
    /// News that want no answer.
    Notify(Box<Notice>),
    /// The agent's id became known.
    Agent(String),
    /// Use these settings from now on (SIGHUP).
    Reload(Box<Settings>),
    /// Finish what is under way and close.
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
