//! Events of dialogs, in all the shapes that they have been seen in.

use proptest::prelude::*;

use super::*;
use crate::conversation::event::{EventKey, EventKind};

#[test]
fn the_golden_message_is_a_consumers_text() {
    let Reading::Message { conversation, message } =
        reading(include_str!("../../../../tests/data/messaging/message.json"))
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
    for metadata in
        [r#"[{"type":"ExternalId","id":"book-yes"}]"#, r#"{"type":"ExternalId","id":"book-yes"}"#]
    {
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
        reading(r#"{"dialogId":"d","event":{"type":"ChatStateEvent","chatState":"COMPOSING"}}"#),
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
