//! Calls against the golden requests.

use std::collections::BTreeMap;

use super::*;
use crate::conversation::event::{EventKey, EventKind};

const CONVERSATION: &str = "9b1f6a34-7c1e-4a54-8a53-6a2f4b1f0d77";

#[test]
fn calls_are_written_as_the_golden_requests() {
    let golden = golden();
    let dialog = DialogId::from(CONVERSATION);
    let say = |text: &str, audience, quick_replies| Call::Publish {
        dialog: dialog.clone(),
        body: Body::Text { text: text.into(), quick_replies },
        audience,
        mark: None,
        intents: vec![],
    };
    let update_without_metadata = |mut value: Value| {
        value.as_object_mut().unwrap().remove("metadata");
        value
    };
    for (id, call) in [
        ("pe-1", say("Happy to help.", Audience::All, None)),
        ("pe-2", say("Consumer seems upset.", Audience::Agents, None)),
        (
            "pe-4",
            say(
                "Shall I book it?",
                Audience::All,
                Some(Json::from_value(&golden["pe-4"]["body"]["event"]["quickReplies"])),
            ),
        ),
        (
            "pe-3",
            Call::Publish {
                dialog: dialog.clone(),
                body: Body::Rich {
                    content: Json::from_value(&golden["pe-3"]["body"]["event"]["content"]),
                    metadata: Some(Json::from_value(&golden["pe-3"]["metadata"])),
                    quick_replies: None,
                },
                audience: Audience::All,
                mark: None,
                intents: vec![],
            },
        ),
        ("pe-5", Call::Typing { dialog: dialog.clone(), composing: true }),
        ("pe-6", Call::Receipt { dialog: dialog.clone(), sequences: vec![4] }),
        ("qm-1", Call::History { dialog: dialog.clone(), after: None }),
        (
            "gup-1",
            Call::Profile(
                "c3a5b7d9e1f2041526374859607182930a1b2c3d4e5f60718293a4b5c6d7e8f9".into(),
            ),
        ),
        ("ucf-2", Call::Return),
        ("ucf-4", Call::Join),
        ("ucf-5", Call::Close { dialog: dialog.clone(), survey: false }),
        ("ucf-7", Call::Ttr { ttr_type: "URGENT".into(), seconds: 1200 }),
    ] {
        assert_eq!(written(&call, id), golden[id], "{id}");
    }
    let transfer = |agent: Option<&str>| Call::Transfer {
        skill: Some("1122334455".into()),
        agent: agent.map(Into::into),
        reason: TransferReason::Bot,
        words: Some("3".into()),
    };
    for (id, call) in [("ucf-1", transfer(None)), ("ucf-3", transfer(Some("5500112233")))] {
        let written = written(&call, id);
        assert_eq!(
            written["metadata"],
            json!([{"type": "ActionReason", "reason": "escalated_by_bot", "reasonId": "3"}])
        );
        assert_eq!(
            update_without_metadata(written),
            update_without_metadata(golden[id].clone()),
            "{id}"
        );
    }
    let close = written(&Call::Close { dialog, survey: true }, "ucf-6");
    let mut expected = golden["ucf-6"].clone();
    expected["body"]["conversationField"][0]["dialog"]
        .as_object_mut()
        .unwrap()
        .remove("closedCause");
    assert_eq!(close, expected);
}

#[test]
fn a_published_answer_carries_its_mark_and_intents_within_the_platforms_limits() {
    let intent = |n: usize| Intent {
        id: format!("intent-{n}-{}", "ü".repeat(80)),
        name: Some("n".repeat(80)),
        confidence: (n > 0).then_some(1.5),
    };
    let call = Call::Publish {
        dialog: "d".into(),
        body: Body::Text { text: "Hi".into(), quick_replies: None },
        audience: Audience::All,
        mark: Some(Mark {
            event: EventKey { sequence: 20, kind: EventKind::Greeting },
            index: 0,
            count: 2,
            covers: (1..=20).collect(),
        }),
        intents: (0..20).map(intent).collect(),
    };
    let written = written(&call, "1");
    let entry = &written["metadata"][0];
    assert_eq!(entry["type"], "BotResponse");
    assert_eq!(
        entry["bot"],
        json!({"botId": "bot-greeter", "botProviderType": "3P_EXTERNAL_CONNECTOR"})
    );
    assert_eq!(entry["botInteractionId"], "cd1:20:greeting:0/2");
    assert_eq!(entry["consumerUtteranceSequenceNumbers"], json!((5..=20).collect::<Vec<_>>()));
    let intents = entry["intents"].as_array().unwrap();
    assert_eq!(intents.len(), 16);
    for intent in intents {
        assert_eq!(intent["id"].as_str().unwrap().chars().count(), 64);
        assert_eq!(intent["name"].as_str().unwrap().len(), 64);
        assert_eq!(intent["confidenceScore"], 1.0);
    }
}

#[test]
fn structured_content_keeps_its_bytes_and_its_metadata_before_the_mark() {
    let content = r#"{"type":"vertical", "elements":[ 1.0 ]}"#;
    let raw: &RawValue = serde_json::from_str(content).unwrap();
    let call = Call::Publish {
        dialog: "d".into(),
        body: Body::Rich {
            content: Json::from_raw(raw),
            metadata: Some(Json::from_value(&json!({"type": "ExternalId", "id": "card"}))),
            quick_replies: None,
        },
        audience: Audience::All,
        mark: Some(Mark {
            event: EventKey { sequence: 1, kind: EventKind::Consumer },
            index: 0,
            count: 1,
            covers: vec![],
        }),
        intents: vec![],
    };
    let frame = request(&call, &"c".into(), &me()).encode("1");
    assert!(frame.contains(content), "{frame}");
    let written: Value = serde_json::from_str(&frame).unwrap();
    assert_eq!(written["metadata"][0]["type"], "ExternalId");
    assert_eq!(written["metadata"][1]["type"], "BotResponse");
}

#[test]
fn history_asks_for_one_more_than_needed_and_never_for_less_than_nothing() {
    for (after, asked) in [(None, 0), (Some(0), 0), (Some(1), 0), (Some(7), 6)] {
        let request = history(&"d".into(), after);
        assert_eq!(request.body.to_value()["newerThanSequence"], asked);
    }
}

#[test]
fn the_golden_profile_is_read_and_an_empty_one_too() {
    let read = |json: &str| profile(serde_json::from_str(json).unwrap());
    assert_eq!(
        read(include_str!("../../../../tests/data/messaging/profile.json")),
        Profile {
            first_name: Some("Ada".into()),
            last_name: Some("Example".into()),
            authenticated: true,
        }
    );
    assert_eq!(
        read(
            r#"{"authenticatedData":{"lp_sdes":{"type":"personal","personal":{"firstname":"Ada"}}}}"#
        ),
        Profile { first_name: Some("Ada".into()), last_name: None, authenticated: true }
    );
    for empty in ["{}", "[]", "null", r#""x""#, r#"{"claims":{"lp_sdes":[]},"firstName":""}"#] {
        assert_eq!(read(empty), Profile::default(), "{empty}");
    }
}

#[test]
fn what_was_published_is_told_by_its_sequence() {
    let read = |json: &str| published(serde_json::from_str(json).unwrap());
    assert_eq!(read(r#"{"sequence":17}"#), Outcome::Published(17));
    assert_eq!(read(r#"{"sequence":"17"}"#), Outcome::Published(17));
    assert_eq!(read(r#""OK""#), Outcome::Done);
}

fn written(call: &Call, id: &str) -> Value {
    let frame = request(call, &CONVERSATION.into(), &me()).encode(id);
    serde_json::from_str(&frame).unwrap()
}

fn golden() -> BTreeMap<String, Value> {
    include_str!("../../../../tests/data/messaging/requests.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .map(|frame: Value| (frame["id"].as_str().unwrap().to_owned(), frame))
        .collect()
}

fn me() -> Identity {
    Identity::new("12345678", "4102938475", None, "bot-greeter")
}
