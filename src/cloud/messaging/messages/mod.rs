//! Pure: what is said in a dialog, live or read from its history, as the conversation wants it.
//!
//! Live distribution and history have the same shape (Messaging Agent API, messages), so there is one reader.

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::identity::Identity;
use crate::cloud::readable::readable;
use crate::{
    cloud::lenient,
    conversation::{
        ConversationId, DialogId, Json, Mark, Sequence, Timestamp,
        event::{Audience, Content, File, Message, ReceiptStatus, Speaker},
    },
};

/// What came of one event of a dialog.
#[derive(Debug, PartialEq)]
pub(super) enum Reading {
    /// Something that belongs to the dialog's count.
    Message {
        /// The conversation as far as told, else the dialog's id: they are the same for main dialogs.
        conversation: ConversationId,
        /// What.
        message: Message,
    },
    /// A typing state: it has no sequence, is not stored, and nobody here asks for it.
    Passing,
    /// What cannot be used, and why.
    Unusable(&'static str),
}

/// Reads one event. `now` stands in for a missing server time.
pub(super) fn read(raw: &RawValue, me: &Identity, now: Timestamp) -> Reading {
    let Ok(event) = serde_json::from_str::<WireEvent<'_>>(raw.get()) else {
        return Reading::Unusable("an event is not an object");
    };
    let body = event.event.unwrap_or_default();
    if body.r#type.as_deref() == Some("ChatStateEvent") {
        return Reading::Passing;
    }
    let Some(dialog) = event.dialog_id.or_else(|| event.conversation_id.clone()) else {
        return Reading::Unusable("an event names no dialog");
    };
    let Some(sequence) = event.sequence else {
        return Reading::Unusable("an event has no sequence");
    };
    let origin = Origin {
        ids: [event.originator_p_id, event.originator_id, event.originator_metadata.id],
        role: event.originator_metadata.role,
    };
    let from = origin.speaker(me);
    let mine = from == Speaker::Me;
    Reading::Message {
        conversation: event.conversation_id.unwrap_or_else(|| dialog.clone()).into(),
        message: Message {
            dialog: DialogId::from(dialog),
            sequence,
            time: event.server_timestamp.map_or(now, Timestamp),
            from,
            audience: audience(event.message_audience.as_deref(), from),
            content: body.content(),
            metadata: event.metadata.filter(|_| !mine).and_then(array),
            // What a consumer's program attaches proves nothing.
            mark: event.metadata.filter(|_| mine || from == Speaker::Agent).and_then(mark),
        },
    }
}

/// Who an event comes from, in the up to three ids that it carries, and the role if it is told.
struct Origin {
    ids: [Option<String>; 3],
    role: Option<String>,
}

impl Origin {
    fn speaker(&self, me: &Identity) -> Speaker {
        let mut ids = self.ids.iter().flatten();
        if ids.clone().any(|id| me.is_me(id)) {
            return Speaker::Me;
        }
        match self.role.as_deref() {
            Some("CONSUMER") => Speaker::Consumer,
            Some("ASSIGNED_AGENT" | "AGENT" | "MANAGER" | "READER") => Speaker::Agent,
            Some(_) => Speaker::System,
            None if ids.clone().all(String::is_empty) => Speaker::System,
            None if ids.any(|id| me.is_agent(id)) => Speaker::Agent,
            None => Speaker::Consumer,
        }
    }
}

/// A word that is not known counts as private, so that what is meant for agents never reaches a bot;
/// consumers cannot speak in private.
fn audience(word: Option<&str>, from: Speaker) -> Audience {
    match word {
        None | Some("ALL") => Audience::All,
        Some(_) if from == Speaker::Consumer => Audience::All,
        Some(_) => Audience::Agents,
    }
}

/// Metadata as an array, none if there is nothing in it.
fn array(metadata: &RawValue) -> Option<Json> {
    let elements = lenient::elements(metadata);
    if elements.is_empty() {
        None
    } else if metadata.get().starts_with('[') {
        Some(Json::from_raw(metadata))
    } else {
        Some(Json::from_value(&elements))
    }
}

fn mark(metadata: &RawValue) -> Option<Mark> {
    let entries: Vec<BotResponse> = lenient::many_of(metadata);
    entries.into_iter().filter(|entry| entry.r#type.as_deref() == Some("BotResponse")).find_map(
        |entry| Mark::parse(&entry.bot_interaction_id?, entry.consumer_utterance_sequence_numbers),
    )
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireEvent<'a> {
    #[serde(deserialize_with = "lenient::integer")]
    sequence: Option<Sequence>,
    #[serde(deserialize_with = "lenient::text")]
    dialog_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    conversation_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    originator_id: Option<String>,
    #[serde(deserialize_with = "lenient::text", rename = "originatorPId")]
    originator_p_id: Option<String>,
    #[serde(deserialize_with = "or_default")]
    originator_metadata: Originator,
    #[serde(deserialize_with = "lenient::integer")]
    server_timestamp: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    message_audience: Option<String>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "lenient::maybe")]
    event: Option<Body<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Originator {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    role: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Body<'a> {
    #[serde(deserialize_with = "lenient::text")]
    r#type: Option<String>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(deserialize_with = "lenient::integers")]
    sequence_list: Vec<Sequence>,
}

impl Body<'_> {
    fn content(self) -> Content {
        match self.r#type.as_deref() {
            Some("ContentEvent") => self.said().unwrap_or(Content::Unknown),
            // A schema of the platform calls the card `message`, all working code `content`.
            Some("RichContentEvent") => {
                self.content.or(self.message).map_or(Content::Unknown, |content| {
                    let content = Json::from_raw(content);
                    let text = readable(&content.to_value());
                    Content::Rich { content, text }
                })
            }
            Some("AcceptStatusEvent") => Content::Receipt {
                status: match self.status.as_deref() {
                    Some("READ") => ReceiptStatus::Read,
                    Some("ACTION") => ReceiptStatus::Action,
                    Some(_) | None => ReceiptStatus::Other,
                },
                sequences: self.sequence_list,
            },
            Some(_) | None => Content::Unknown,
        }
    }

    /// Texts are strings, files are objects; forms and whatever else is an object are not known here.
    fn said(&self) -> Option<Content> {
        let message = self.message?;
        if let Some(text) = lenient::text_of(message) {
            return Some(Content::Text(text));
        }
        let file: WireFile = serde_json::from_str(message.get()).ok()?;
        Some(Content::File(File {
            caption: file.caption.filter(|caption| !caption.is_empty()),
            file_type: file.file_type.unwrap_or_default(),
            relative_path: file.relative_path?,
        }))
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireFile {
    #[serde(deserialize_with = "lenient::text")]
    caption: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    file_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    relative_path: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct BotResponse {
    #[serde(deserialize_with = "lenient::text")]
    r#type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    bot_interaction_id: Option<String>,
    #[serde(deserialize_with = "lenient::integers")]
    consumer_utterance_sequence_numbers: Vec<Sequence>,
}

fn or_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(lenient::maybe(from)?.unwrap_or_default())
}
