//! Pure: event and reply as types: the bot contract on paper.
//!
//! What we send is written strictly; what a bot sends is read leniently, in pieces: a reply holds its actions
//! as raw JSON, so that one malformed action does not spoil the others. The same objects travel in a webhook's
//! request and response and in WebSocket frames. For bot developers: `docs/bots.md`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use crate::conversation::{Json, Sequence, Timestamp};

/// The version of the protocol, in events and in `hello`.
pub const VERSION: u8 = 1;

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "connectord.bot.v1";

/// The longest frame or body that is read from a bot, in bytes.
pub const BODY_MAX: usize = 1 << 20;

/// More actions than this in one reply are ignored.
pub const ACTIONS_MAX: usize = 100;

// --- connectord to bot ---

/// Something that happened in a conversation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    /// [`VERSION`]
    pub version: u8,
    /// The same at every attempt.
    pub id: String,
    /// From 1.
    pub attempt: u32,
    /// What kind of event it is.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Server time.
    pub time: Timestamp,
    /// Who asks.
    pub connector: Connector<'a>,
    /// Where.
    pub conversation: Conversation<'a>,
    /// What was said; only of `message` events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message<'a>>,
}

/// The kinds of event on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EventType {
    /// Something was said that wants an answer.
    Message,
    /// The conversation is over; wants no reply.
    ConversationEnded,
    /// The conversation went elsewhere; wants no reply.
    ConversationTransferred,
}

/// Which connector asks.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connector<'a> {
    /// Its name.
    pub name: &'a str,
    /// The account.
    pub account_id: &'a str,
    /// The bot agent, once logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<&'a str>,
    /// `production` or `demo`.
    pub environment: &'a str,
}

/// Which conversation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation<'a> {
    /// Its id.
    pub id: &'a str,
    /// The dialog that the event belongs to.
    pub dialog_id: &'a str,
    /// `messaging` or `chat`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The skill, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill_id: Option<&'a str>,
    /// The consumer.
    pub consumer_id: &'a str,
    /// When it began.
    pub started_at: Timestamp,
    /// The consumer's profile, once it has been read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<Consumer<'a>>,
}

/// What is known of the consumer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Consumer<'a> {
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<&'a str>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<&'a str>,
    /// Whether the consumer has logged in.
    pub authenticated: bool,
}

/// What was said.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    /// Who said it, or what made it up.
    pub origin: Origin,
    /// The texts, joined by one space.
    pub text: &'a str,
    /// The messages that were aggregated.
    pub parts: Vec<Part<'a>>,
    /// The click that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postback: Option<Postback<'a>>,
    /// The file that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<File<'a>>,
    /// Structured content from the consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured: Option<&'a Json>,
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The consumer.
    Consumer,
    /// `defaultGreetingMessage`
    Greeting,
    /// `defaultStepupMessage`
    StepUp,
    /// A transfer that the bot asked for failed.
    EscalationFailed,
    /// The last utterance of a conversation taken over.
    Agent,
}

/// One aggregated message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part<'a> {
    /// Its sequence.
    pub sequence: Sequence,
    /// Its text.
    pub text: &'a str,
    /// When the server took it.
    pub time: Timestamp,
}

/// A click.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Postback<'a> {
    /// The button's payload.
    pub payload: &'a str,
    /// What the consumer's message shows.
    pub text: &'a str,
    /// The metadata as it came.
    pub metadata: &'a Json,
}

/// A file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct File<'a> {
    /// What was written below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<&'a str>,
    /// Its type as the platform names it.
    pub file_type: &'a str,
    /// Where the platform's storage has it.
    pub relative_path: &'a str,
}

/// A WebSocket frame to the bot.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FrameOut<'a> {
    /// The first frame of each connection.
    Hello {
        /// [`VERSION`]
        version: u8,
        /// Who connects.
        connector: Connector<'a>,
    },
    /// An event.
    Event {
        /// The event.
        event: Box<Event<'a>>,
    },
    /// What could not be used, and why.
    Error {
        /// The event or frame that it is about, if it has an id.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        /// For the bot's developer.
        message: &'a str,
    },
}

// --- bot to connectord ---

/// The answer to an event, its parts still unread.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply<'a> {
    /// The event that is answered. A webhook's response may leave it out.
    pub in_reply_to: Option<Id>,
    /// What to do, in order.
    #[serde(borrow)]
    pub actions: Option<&'a RawValue>,
    /// [`Context`]
    #[serde(borrow)]
    pub context: Option<&'a RawValue>,
}

/// What the bot understood.
#[derive(Debug, Deserialize)]
pub struct Context<'a> {
    /// [`Intent`]s.
    #[serde(borrow)]
    pub intents: Option<&'a RawValue>,
}

/// One intent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The bot's id of it.
    pub id: Id,
    /// For people.
    pub name: Option<String>,
    /// 0 to 1.
    pub confidence_score: Option<Number>,
}

/// What every action and every frame has.
#[derive(Debug, Deserialize)]
pub struct Tagged {
    /// Which one it is.
    #[serde(rename = "type")]
    pub kind: String,
}

/// `text`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TextAction<'a> {
    /// The text.
    pub text: String,
    /// Who sees it; all.
    #[serde(default)]
    pub audience: AudienceWord,
    /// The platform's object, or a list of [`ButtonWords`].
    #[serde(borrow)]
    pub quick_replies: Option<&'a RawValue>,
}

/// Who sees a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AudienceWord {
    /// Everybody.
    #[default]
    All,
    /// Agents and managers only.
    Agents,
}

/// `pause`
#[derive(Debug, Deserialize)]
pub struct PauseAction {
    /// How long.
    pub milliseconds: Number,
    /// Whether the typing indicator is shown; true.
    pub typing: Option<bool>,
}

/// `structured`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StructuredAction<'a> {
    /// The platform's structured content.
    #[serde(borrow)]
    pub content: &'a RawValue,
    /// The message's metadata: an array, or one object.
    #[serde(borrow)]
    pub metadata: Option<&'a RawValue>,
    /// The platform's object, or a list of [`ButtonWords`].
    #[serde(borrow)]
    pub quick_replies: Option<&'a RawValue>,
}

/// `buttons`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ButtonsAction<'a> {
    /// What stands above the buttons.
    pub text: Option<String>,
    /// A list of [`ButtonWords`].
    #[serde(borrow)]
    pub buttons: &'a RawValue,
    /// The platform's object, or a list of [`ButtonWords`].
    #[serde(borrow)]
    pub quick_replies: Option<&'a RawValue>,
}

/// A button or simple quick reply.
#[derive(Debug, Deserialize)]
pub struct ButtonWords {
    /// What is written on it.
    pub title: Id,
    /// What comes back; the title if left out.
    pub payload: Option<Id>,
    /// A page to open instead.
    pub url: Option<String>,
}

/// `tiles`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TilesAction<'a> {
    /// A list of [`TileWords`].
    #[serde(borrow)]
    pub tiles: &'a RawValue,
    /// The platform's object, or a list of [`ButtonWords`].
    #[serde(borrow)]
    pub quick_replies: Option<&'a RawValue>,
}

/// A tile.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TileWords<'a> {
    /// Bold, first.
    pub title: Option<String>,
    /// Below the title.
    pub subtitle: Option<String>,
    /// An https address.
    pub image_url: Option<String>,
    /// A list of [`ButtonWords`].
    #[serde(borrow)]
    pub buttons: Option<&'a RawValue>,
}

/// `transfer`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferAction {
    /// The skill by id.
    pub skill_id: Option<Id>,
    /// The skill by its name in `[skills]`.
    pub skill: Option<String>,
    /// An agent within it.
    pub agent_id: Option<Id>,
    /// In words.
    pub reason: Option<String>,
    /// `consumer` if the consumer asked for it.
    pub requested_by: Option<String>,
}

/// `close`
#[derive(Debug, Deserialize)]
pub struct CloseAction {
    /// Whether a survey may follow; true.
    pub survey: Option<bool>,
}

/// `ttr`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TtrAction {
    /// `URGENT`, `NORMAL`, `PRIORITIZED` or `CUSTOM`.
    pub ttr_type: String,
    /// The target time to respond.
    pub seconds: Number,
}

/// A `seen` frame.
#[derive(Debug, Deserialize)]
pub struct SeenFrame {
    /// The event.
    pub id: Id,
}

/// A `reply` frame.
#[derive(Debug, Deserialize)]
pub struct ReplyFrame<'a> {
    /// [`Reply`]
    #[serde(borrow)]
    pub reply: &'a RawValue,
}

/// A `say` frame; without its conversation also the body of the callback's `say`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SayFrame<'a> {
    /// Where.
    pub conversation_id: Option<Id>,
    /// What.
    #[serde(borrow)]
    pub actions: Option<&'a RawValue>,
}

/// An `error` frame.
#[derive(Debug, Deserialize)]
pub struct ErrorFrame {
    /// The event that it is about.
    pub id: Option<Id>,
    /// In words.
    pub message: Option<String>,
}

/// A text that may also come as a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(pub String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Id;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a whole number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                Ok(Id(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A number that may also come as a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                match text.trim().parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(Number(number)),
                    Ok(_) | Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number))
            }
            #[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^53 milliseconds")]
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }
            #[expect(clippy::cast_precision_loss, reason = "nobody waits for 2^53 milliseconds")]
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
