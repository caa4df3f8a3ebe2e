//! Pure: what is said in a dialog, live or read from its history, as the conversation wants it.
//!
//! Live distribution and history have the same shape (Messaging Agent API, messages), so there is one reader.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::identity::Identity;
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
            mark: event.metadata.filter(|_| mine).and_then(mark),
        },
    }
}

/// The texts that can be read of structured content, joined by spaces.
#[must_use]
pub(super) fn readable(content: &serde_json::Value) -> String {
    let mut texts = Vec::new();
    collect(content, &mut texts);
    texts.join(" ")
}

fn collect<'a>(value: &'a serde_json::Value, texts: &mut Vec<&'a str>) {
    use serde_json::Value;
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, texts)),
        Value::Object(members) => {
            let word = |key: &str| members.get(key).and_then(Value::as_str);
            let text = match word("type") {
                Some("text") => word("text"),
                Some("button" | "linkPreview") => word("title"),
                _ => None,
            };
            texts.extend(text.map(str::trim).filter(|text| !text.is_empty()));
            members
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "click" | "style" | "metadata"))
                .for_each(|(_, member)| collect(member, texts));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::conversation::event::{EventKey, EventKind};

    #[test]
    fn the_golden_message_is_a_consumers_text() {
        let Reading::Message { conversation, message } =
            reading(include_str!("../../../tests/data/messaging/message.json"))
        else {
            panic!("a message");
        };
        assert_eq!(conversation.as_str(), "9b1f6a34-7c1e-4a54-8a53-6a2f4b1f0d77");
        assert_eq!(
            message,
            Message {
                dialog: "9b1f6a34-7c1e-4a54-8a53-6a2f4b1f0d77".into(),
                sequence: 4,
                time: Timestamp(1_700_000_020_000),
                from: Speaker::Consumer,
                audience: Audience::All,
                content: Content::Text("I want to change my plan".into()),
                metadata: None,
                mark: None,
            }
        );
    }

    #[test]
    fn a_click_keeps_its_metadata_as_an_array() {
        for metadata in [
            r#"[{"type":"ExternalId","id":"book-yes"}]"#,
            r#"{"type":"ExternalId","id":"book-yes"}"#,
        ] {
            let message = message(&format!(
                r#"{{"sequence":9,"originatorId":"c","originatorMetadata":{{"role":"CONSUMER"}},
                    "event":{{"type":"ContentEvent","message":"Yes"}},"dialogId":"d","metadata":{metadata}}}"#
            ));
            assert_eq!(
                message.metadata.unwrap().as_str(),
                r#"[{"type":"ExternalId","id":"book-yes"}]"#
            );
        }
    }

    #[test]
    fn receipts_name_what_they_are_for() {
        let receipt = |event: &str| {
            message(&format!(
                r#"{{"sequence":"10","dialogId":"d","event":{{"type":"AcceptStatusEvent",{event}}}}}"#
            ))
            .content
        };
        assert_eq!(
            receipt(r#""status":"ACTION","sequenceList":[7]"#),
            Content::Receipt { status: ReceiptStatus::Action, sequences: vec![7] }
        );
        assert_eq!(
            receipt(r#""status":"READ","sequenceList":7"#),
            Content::Receipt { status: ReceiptStatus::Read, sequences: vec![7] }
        );
        assert_eq!(
            receipt(r#""status":"NEWER""#),
            Content::Receipt { status: ReceiptStatus::Other, sequences: vec![] }
        );
    }

    #[test]
    fn own_messages_are_known_by_either_id_and_carry_their_mark() {
        for origin in [
            r#""originatorId":"12345678.4102938475""#,
            r#""originatorPId":"0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2""#,
            r#""originatorMetadata":{"id":"0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2","role":"MANAGER"}"#,
        ] {
            let message = message(&format!(
                r#"{{"sequence":5,{origin},"dialogId":"d","event":{{"type":"ContentEvent","message":"Hi"}},
                    "metadata":{{"type":"BotResponse","botInteractionId":"cd1:4:0/2","consumerUtteranceSequenceNumbers":"4"}}}}"#
            ));
            assert_eq!(message.from, Speaker::Me);
            assert_eq!(message.metadata, None);
            assert_eq!(
                message.mark,
                Some(Mark {
                    event: EventKey { sequence: 4, kind: EventKind::Consumer },
                    index: 0,
                    count: 2,
                    covers: vec![4],
                })
            );
        }
    }

    #[test]
    fn who_speaks_is_told_by_the_role_and_without_it_by_the_id() {
        let from = |origin: &str| {
            message(&format!(
                r#"{{"sequence":1,"dialogId":"d",{origin}"event":{{"type":"ContentEvent","message":"x"}}}}"#
            ))
            .from
        };
        assert_eq!(from(r#""originatorMetadata":{"role":"CONSUMER"},"#), Speaker::Consumer);
        assert_eq!(from(r#""originatorMetadata":{"role":"MANAGER"},"#), Speaker::Agent);
        assert_eq!(from(r#""originatorMetadata":{"role":"CONTROLLER"},"#), Speaker::System);
        assert_eq!(from(r#""originatorId":"12345678.7","#), Speaker::Agent);
        assert_eq!(from(r#""originatorId":"cons-1","#), Speaker::Consumer);
        assert_eq!(from(""), Speaker::System);
    }

    #[test]
    fn what_agents_say_in_private_is_private_even_in_a_new_word() {
        let audience = |word: &str, role: &str| {
            message(&format!(
                r#"{{"sequence":1,"dialogId":"d","messageAudience":{word},"originatorMetadata":{{"role":"{role}"}},
                    "event":{{"type":"ContentEvent","message":"x"}}}}"#
            ))
            .audience
        };
        assert_eq!(audience(r#""AGENTS_AND_MANAGERS""#, "MANAGER"), Audience::Agents);
        assert_eq!(audience(r#""SUPERVISORS""#, "MANAGER"), Audience::Agents);
        assert_eq!(audience(r#""ALL""#, "MANAGER"), Audience::All);
        assert_eq!(audience("null", "MANAGER"), Audience::All);
        assert_eq!(audience(r#""EVERYBODY""#, "CONSUMER"), Audience::All);
    }

    #[test]
    fn files_and_structured_content_are_told_from_text() {
        let content = |event: &str| {
            message(&format!(r#"{{"sequence":1,"dialogId":"d","event":{event}}}"#)).content
        };
        assert_eq!(
            content(
                r#"{"type":"ContentEvent","contentType":"hosted/file","message":{"caption":"invoice","relativePath":"/v1/x.jpeg","fileType":"JPEG"}}"#
            ),
            Content::File(File {
                caption: Some("invoice".into()),
                file_type: "JPEG".into(),
                relative_path: "/v1/x.jpeg".into()
            })
        );
        assert_eq!(
            content(
                r#"{"type":"ContentEvent","contentType":"forms/secure-invitation","message":{"title":"x"}}"#
            ),
            Content::Unknown
        );
        let card = r#"{"type":"vertical","elements":[{"type":"text","text":"Pick a plan"},{"type":"button","title":"Unlimited","click":{"actions":[{"type":"text","text":"no"}]}}]}"#;
        for member in ["content", "message"] {
            let Content::Rich { content, text } =
                content(&format!(r#"{{"type":"RichContentEvent","{member}":{card}}}"#))
            else {
                panic!("rich content");
            };
            assert_eq!(content.as_str(), card);
            assert_eq!(text, "Pick a plan Unlimited");
        }
        assert_eq!(content(r#"{"type":"SomethingNew"}"#), Content::Unknown);
        assert_eq!(content("null"), Content::Unknown);
    }

    #[test]
    fn typing_passes_and_what_has_no_place_is_unusable() {
        assert_eq!(
            reading(
                r#"{"dialogId":"d","event":{"type":"ChatStateEvent","chatState":"COMPOSING"}}"#
            ),
            Reading::Passing
        );
        assert_eq!(
            reading(r#"{"dialogId":"d","event":{"type":"ContentEvent","message":"x"}}"#),
            Reading::Unusable("an event has no sequence")
        );
        assert_eq!(
            reading(r#"{"sequence":1,"event":{"type":"ContentEvent","message":"x"}}"#),
            Reading::Unusable("an event names no dialog")
        );
        assert_eq!(reading(r#""text""#), Reading::Unusable("an event is not an object"));
    }

    proptest! {
        #[test]
        fn arbitrary_members_never_panic(
            sequence in json(), event in json(), metadata in json(), origin in json(),
        ) {
            let _ = reading(&format!(
                r#"{{"sequence":{sequence},"event":{event},"metadata":{metadata},"dialogId":"d",
                    "originatorMetadata":{origin},"originatorId":{origin}}}"#
            ));
            let _ = reading(&event);
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|b| b.to_string()),
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>().prop_map(|n| serde_json::to_string(&n).unwrap()),
            any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let key = prop_oneof![
                Just("type"),
                Just("message"),
                Just("content"),
                Just("elements"),
                Just("id"),
                Just("role"),
                Just("botInteractionId")
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::btree_map(key, inner, 0..4).prop_map(|members| {
                    let members: Vec<_> =
                        members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    fn message(json: &str) -> Message {
        match reading(json) {
            Reading::Message { message, .. } => message,
            other @ (Reading::Passing | Reading::Unusable(_)) => panic!("{other:?} of {json}"),
        }
    }

    fn reading(json: &str) -> Reading {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        read(raw, &me(), Timestamp(1))
    }

    fn me() -> Identity {
        Identity::new(
            "12345678",
            "4102938475",
            Some("0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2".into()),
            "bot-greeter",
        )
    }
}
