//! Pure: the project's own event and reply, written strictly and read leniently.

mod read;

use serde::Deserialize;

use crate::{
    bot::{
        self, ContentSettings,
        content::{self, Problem},
        protocol::{
            Connector, Consumer, Conversation, ErrorFrame, Event, EventType, File, FrameOut,
            Message, Origin, Part, Postback, Reply as ReplyWords, ReplyFrame, SayFrame, SeenFrame,
            Tagged, VERSION,
        },
    },
    conversation::{
        ConversationId, Json,
        effect::{About, Notice, Question},
        event::{Action, EventId, EventKind, Intent},
        settings::Kind,
    },
};
use read::Reader;

// --- writing ---

/// The event that puts `question` to the bot.
pub(in crate::bot) fn question(question: &Question, connector: &bot::Connector) -> String {
    write(&question_event(question, connector))
}

/// The event that tells the bot of `notice`.
pub(in crate::bot) fn notice(notice: &Notice, connector: &bot::Connector) -> String {
    write(&notice_event(notice, connector))
}

/// The frame around [`question`].
pub(in crate::bot) fn question_frame(question: &Question, connector: &bot::Connector) -> String {
    let event = Box::new(question_event(question, connector));
    write(&FrameOut::Event { event })
}

/// The frame around [`notice`].
pub(in crate::bot) fn notice_frame(notice: &Notice, connector: &bot::Connector) -> String {
    let event = Box::new(notice_event(notice, connector));
    write(&FrameOut::Event { event })
}

/// The first frame of a connection.
pub(in crate::bot) fn hello_frame(connector: &bot::Connector) -> String {
    write(&FrameOut::Hello { version: VERSION, connector: connector_words(connector) })
}

/// Tells the bot what could not be used.
pub(in crate::bot) fn error_frame(id: Option<&str>, message: &str) -> String {
    write(&FrameOut::Error { id, message })
}

fn question_event<'a>(question: &'a Question, connector: &'a bot::Connector) -> Event<'a> {
    let message = Message {
        origin: origin_of(question.event.key.kind),
        text: &question.text,
        parts: (question.parts.iter())
            .map(|part| Part { sequence: part.sequence, text: &part.text, time: part.time })
            .collect(),
        postback: question.postback.as_ref().map(|click| Postback {
            payload: &click.payload,
            text: &click.text,
            metadata: &click.metadata,
        }),
        file: question.file.as_ref().map(|file| File {
            caption: file.caption.as_deref(),
            file_type: &file.file_type,
            relative_path: &file.relative_path,
        }),
        structured: question.rich.as_ref(),
    };
    Event {
        version: VERSION,
        id: question.event.to_string(),
        attempt: question.attempt,
        kind: EventType::Message,
        time: question.time,
        connector: connector_words(connector),
        conversation: conversation(&question.about, &question.event, connector),
        message: Some(message),
    }
}

fn notice_event<'a>(notice: &'a Notice, connector: &'a bot::Connector) -> Event<'a> {
    Event {
        version: VERSION,
        id: notice.event.to_string(),
        attempt: 1,
        kind: notice_type(notice.event.key.kind),
        time: notice.time,
        connector: connector_words(connector),
        conversation: conversation(&notice.about, &notice.event, connector),
        message: None,
    }
}

fn origin_of(kind: EventKind) -> Origin {
    match kind {
        EventKind::Consumer => Origin::Consumer,
        EventKind::Greeting => Origin::Greeting,
        EventKind::StepUp => Origin::StepUp,
        EventKind::EscalationFailed(_) => Origin::EscalationFailed,
        // The last three are never asked about: they are told by notices, or only name what was said.
        EventKind::Agent | EventKind::Say(_) | EventKind::Ended | EventKind::Transferred => {
            Origin::Agent
        }
    }
}

fn notice_type(kind: EventKind) -> EventType {
    match kind {
        EventKind::Transferred => EventType::ConversationTransferred,
        // Only the two kinds are ever told; whatever else, the conversation is over for the bot.
        EventKind::Ended
        | EventKind::Consumer
        | EventKind::Agent
        | EventKind::Greeting
        | EventKind::StepUp
        | EventKind::Say(_)
        | EventKind::EscalationFailed(_) => EventType::ConversationEnded,
    }
}

fn connector_words(connector: &bot::Connector) -> Connector<'_> {
    Connector {
        name: &connector.name,
        account_id: &connector.account_id,
        agent_id: connector.agent_id.as_deref(),
        environment: &connector.environment,
    }
}

fn conversation<'a>(
    about: &'a About,
    event: &'a EventId,
    connector: &bot::Connector,
) -> Conversation<'a> {
    Conversation {
        id: about.conversation.as_str(),
        dialog_id: event.dialog.as_str(),
        kind: match connector.conversation_type {
            Kind::Messaging => "messaging",
            Kind::Chat => "chat",
        },
        skill_id: about.skill.as_ref().map(|skill| skill.as_str()),
        consumer_id: about.consumer.as_str(),
        started_at: about.started,
        consumer: about.profile.as_ref().map(|profile| Consumer {
            first_name: profile.first_name.as_deref(),
            last_name: profile.last_name.as_deref(),
            authenticated: profile.authenticated,
        }),
    }
}

fn write(value: &impl serde::Serialize) -> String {
    Json::from_value(value).as_str().to_owned()
}

// --- reading ---

/// A bot's reply, as far as it can be used.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::bot) struct Reply {
    /// The event that it answers, in the bot's words.
    pub(in crate::bot) in_reply_to: Option<String>,
    /// What can be carried out.
    pub(in crate::bot) actions: Vec<Action>,
    /// What the bot understood.
    pub(in crate::bot) intents: Vec<Intent>,
    /// How many actions could not be used at all.
    pub(in crate::bot) skipped: usize,
    /// What the bot's developer should know.
    pub(in crate::bot) problems: Vec<Problem>,
}

/// What a bot may send over a WebSocket.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::bot) enum Frame {
    /// The bot has the event.
    Seen(String),
    /// The bot answers.
    Reply(Reply),
    /// The bot speaks unasked.
    Say(ConversationId, Reply),
    /// The bot could not use something.
    Error {
        /// The event that it is about.
        id: Option<String>,
        /// The bot's words.
        message: String,
    },
}

/// Why something from the bot cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub(in crate::bot) struct Malformed {
    /// For the bot's developer.
    pub(in crate::bot) what: String,
}

/// Reads the response to `event`.
///
/// A response that names another event is no answer: the words may be meant for another consumer.
pub(in crate::bot) fn response(
    body: &[u8],
    event: &EventId,
    content: &ContentSettings,
) -> Result<Reply, Malformed> {
    let reply = reply(body, content)?;
    match &reply.in_reply_to {
        Some(other) if *other != event.to_string() => Err(malformed(format!(
            "inReplyTo is {:?}, but the request asked about \"{event}\"",
            content::cut(other, 100)
        ))),
        Some(_) | None => Ok(reply),
    }
}

/// Reads a reply, wherever it comes from.
pub(in crate::bot) fn reply(body: &[u8], content: &ContentSettings) -> Result<Reply, Malformed> {
    let words: ReplyWords<'_> = object(body)?;
    let mut reader = Reader::new(content);
    reader.actions(words.actions)?;
    reader.context(words.context);
    Ok(Reply { in_reply_to: words.in_reply_to.map(|id| id.0), ..reader.reply })
}

/// Reads `{"actions": [...]}`, what a bot says unasked.
pub(in crate::bot) fn said(body: &[u8], content: &ContentSettings) -> Result<Reply, Malformed> {
    let words: SayFrame<'_> = object(body)?;
    said_words(&words, content)
}

/// Reads a WebSocket frame.
pub(in crate::bot) fn frame(text: &str, content: &ContentSettings) -> Result<Frame, Malformed> {
    let body = text.as_bytes();
    let tagged: Tagged = object(body)?;
    match &*tagged.kind {
        "seen" => object(body).map(|SeenFrame { id }| Frame::Seen(id.0)),
        "reply" => {
            let ReplyFrame { reply: words } = object(body)?;
            let reply = reply(words.get().as_bytes(), content)?;
            if reply.in_reply_to.is_none() {
                return Err(malformed("reply.inReplyTo is missing; put the event's id there"));
            }
            Ok(Frame::Reply(reply))
        }
        "say" => {
            let words: SayFrame<'_> = object(body)?;
            match &words.conversation_id {
                Some(id) => {
                    let reply = said_words(&words, content)?;
                    Ok(Frame::Say(ConversationId::from(&*id.0), reply))
                }
                None => Err(malformed("conversationId is missing")),
            }
        }
        "error" => {
            let words: ErrorFrame = object(body)?;
            Ok(Frame::Error {
                id: words.id.map(|id| id.0),
                message: words.message.unwrap_or_default(),
            })
        }
        other => Err(malformed(format!(
            "unknown frame type {:?}; known: seen, reply, say, error",
            content::cut(other, 40)
        ))),
    }
}

fn said_words(words: &SayFrame<'_>, content: &ContentSettings) -> Result<Reply, Malformed> {
    let mut reader = Reader::new(content);
    reader.actions(words.actions)?;
    Ok(reader.reply)
}

fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Malformed> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(malformed("the body is empty; a JSON object is needed"));
    }
    serde_json::from_slice(body).map_err(|error| {
        // It repeats what it did not expect, however long that is; where it stands comes last.
        let what = content::cut(&error.to_string(), WORDS_MAX);
        let place = format!("line {} column {}", error.line(), error.column());
        let place = if what.contains(&place) { String::new() } else { format!(" at {place}") };
        malformed(format!("not usable as JSON: {what}{place}"))
    })
}

/// The most characters of an error's own words.
const WORDS_MAX: usize = 200;

fn malformed(what: impl Into<String>) -> Malformed {
    Malformed { what: what.into() }
}

#[cfg(test)]
mod tests;
