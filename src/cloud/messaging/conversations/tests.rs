//! Changes of conversations, in all the shapes that they have been seen in.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const OLD: &str = "12345678.4102938475";
const PUBLIC: &str = "0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2";

#[test]
fn the_golden_conversation_is_mine() {
    let body: Value =
        serde_json::from_str(include_str!("../../../../tests/data/messaging/conversation.json"))
            .unwrap();
    let mut conversations = Conversations::default();
    let change = told(&mut conversations, &body["changes"][0]);
    let id = "9b1f6a34-7c1e-4a54-8a53-6a2f4b1f0d77";
    assert_eq!(
        change,
        Change {
            event: Some(Event::Conversation {
                id: id.into(),
                details: Details {
                    dialog: id.into(),
                    skill: Some("1122334455".into()),
                    consumer: "c3a5b7d9e1f2041526374859607182930a1b2c3d4e5f60718293a4b5c6d7e8f9"
                        .into(),
                    started: Timestamp(1_700_000_000_000),
                },
                joined: true,
            }),
            newest: Some((id.into(), 0)),
            about: Some((id.into(), true)),
        }
    );
}

#[test]
fn either_id_makes_a_conversation_mine() {
    for participants in [
        json!({"participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["cons-1"]}}),
        json!({"participantsPId": {"ASSIGNED_AGENT": [PUBLIC], "CONSUMER": "cons-1"}}),
        json!({"participantsPId": {"ASSIGNED_AGENT": PUBLIC}, "participants": {"CONSUMER": "cons-1"}}),
        json!({"dialogs": [{"dialogType": "MAIN", "participantsDetails": [
            {"id": PUBLIC, "role": "ASSIGNED_AGENT", "state": "ACTIVE"},
            {"id": "cons-1", "role": "CONSUMER"}]}]}),
    ] {
        let mut details = json!({"state": "OPEN"});
        details.as_object_mut().unwrap().extend(participants.as_object().unwrap().clone());
        assert!(is_mine(&upsert(&details)), "{details}");
    }
}

#[test]
fn a_transfer_that_is_only_suggested_is_not_mine_under_either_id() {
    for id in [OLD, PUBLIC] {
        let details = json!({
            "participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["cons-1"]},
            "dialogs": [{"dialogType": "MAIN", "state": "OPEN", "participantsDetails":
                [{"id": id, "role": "ASSIGNED_AGENT", "state": "SUGGESTED"}]}],
        });
        assert!(!is_mine(&upsert(&details)));
    }
}

#[test]
fn a_suggestion_in_another_dialog_or_of_another_agent_changes_nothing() {
    let details = json!({
        "participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["cons-1"]},
        "dialogs": [
            {"dialogType": "MAIN", "channelType": "COBROWSE", "participantsDetails":
                [{"id": OLD, "role": "ASSIGNED_AGENT", "state": "SUGGESTED"}]},
            {"dialogType": "MAIN", "dialogId": "d", "participantsDetails":
                [{"id": "12345678.9", "role": "ASSIGNED_AGENT", "state": "SUGGESTED"}]},
        ],
    });
    let Change { event: Some(Event::Conversation { details, .. }), .. } = upsert(&details) else {
        panic!("mine");
    };
    assert_eq!(details.dialog.as_str(), "d");
}

#[test]
fn closed_and_moved_are_told_apart() {
    for (details, how) in [
        (json!({"state": "OPEN"}), Departure::Moved),
        (json!({}), Departure::Moved),
        (json!({"state": "CLOSE"}), Departure::Closed),
        (json!({"state": "OPEN", "closeReason": "TIMEOUT"}), Departure::Closed),
        (
            json!({"state": "OPEN", "dialogs": [{"dialogType": "MAIN", "state": "CLOSE"}]}),
            Departure::Closed,
        ),
    ] {
        let mut conversations = Conversations::default();
        let change = told(
            &mut conversations,
            &json!({"type": "DELETE", "result": {"convId": "c", "conversationDetails": details}}),
        );
        assert_eq!(
            change.event,
            Some(Event::Gone { id: "c".into(), how, csat: None }),
            "{details}"
        );
    }
}

#[test]
fn an_upsert_without_me_means_gone_only_if_i_was_there() {
    let mut conversations = Conversations::default();
    let mine = change_with(&mine(1));
    let elsewhere = change_with(
        &json!({"participants": {"ASSIGNED_AGENT": ["12345678.9"], "CONSUMER": ["cons-1"]}, "metaDataLastUpdateTs": 2}),
    );
    assert_eq!(told(&mut conversations, &elsewhere).event, None);
    let mut conversations = Conversations::default();
    told(&mut conversations, &mine);
    assert!(matches!(
        told(&mut conversations, &elsewhere).event,
        Some(Event::Gone { how: Departure::Moved, .. })
    ));
    assert_eq!(told(&mut conversations, &elsewhere).event, None);
}

#[test]
fn an_overtaken_notification_is_passed_over_even_after_the_end() {
    let mut conversations = Conversations::default();
    assert!(is_mine(&told(&mut conversations, &change_with(&mine(10)))));
    assert_eq!(told(&mut conversations, &change_with(&mine(9))).event, None);
    assert!(is_mine(&told(&mut conversations, &change_with(&mine(10)))));
    told(
        &mut conversations,
        &json!({"type": "DELETE", "result": {"convId": "c", "conversationDetails": {"metaDataLastUpdateTs": 12}}}),
    );
    assert_eq!(told(&mut conversations, &change_with(&mine(11))).event, None);
    assert!(is_mine(&told(&mut conversations, &change_with(&mine(13)))));
}

#[test]
fn without_metadata_time_the_update_time_decides() {
    let mut conversations = Conversations::default();
    let at = |time: i64| {
        json!({"type": "UPSERT", "result": {"convId": "c", "lastUpdateTime": time, "conversationDetails":
            {"participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["x"]}}}})
    };
    assert!(is_mine(&told(&mut conversations, &at(10))));
    assert_eq!(told(&mut conversations, &at(9)).event, None);
}

#[test]
fn the_rating_is_told_at_the_end() {
    for details in [json!({"csatRate": 4}), json!({"csatRate": 0, "csat": {"csatRate": "4"}})] {
        let mut conversations = Conversations::default();
        let change = told(
            &mut conversations,
            &json!({"type": "DELETE", "result": {"convId": "c", "conversationDetails": details}}),
        );
        assert!(matches!(change.event, Some(Event::Gone { csat: Some(4), .. })), "{change:?}");
    }
}

#[test]
fn a_manager_hears_of_every_conversation_and_whether_it_has_joined() {
    let mut conversations = Conversations::default();
    for (participants, expected) in [
        (json!({"CONSUMER": ["cons-1"]}), false),
        (json!({"CONSUMER": ["cons-1"], "MANAGER": [OLD]}), true),
    ] {
        let raw = raw(&change_with(&json!({"participants": participants})));
        let change = conversations.change(&raw, &me(), true);
        assert!(
            matches!(change.event, Some(Event::Conversation { joined, .. }) if joined == expected),
            "{change:?}"
        );
    }
    let raw = raw(&change_with(&json!({"state": "CLOSE"})));
    assert!(matches!(
        conversations.change(&raw, &me(), true).event,
        Some(Event::Gone { how: Departure::Closed, .. })
    ));
}

#[test]
fn no_skill_has_three_spellings_and_numbers_are_skills_too() {
    for (skill, expected) in [
        (json!("-1"), None),
        (json!(-1), None),
        (json!(""), None),
        (json!(null), None),
        (json!(1122), Some(SkillId::from("1122"))),
    ] {
        let mut details = mine(1);
        details["skillId"] = skill;
        let Change { event: Some(Event::Conversation { details, .. }), .. } = upsert(&details)
        else {
            panic!("mine");
        };
        assert_eq!(details.skill, expected);
    }
}

#[test]
fn what_was_left_long_ago_is_forgotten() {
    let mut conversations = Conversations::default();
    for n in 0..2 * REMEMBERED {
        told(&mut conversations, &json!({"type": "DELETE", "result": {"convId": format!("c{n}")}}));
    }
    assert!(conversations.known.len() <= REMEMBERED);
    assert!(conversations.left.len() <= REMEMBERED);
}

#[test]
fn what_cannot_be_used_is_told() {
    for change in [
        json!("x"),
        json!({}),
        json!({"type": "UPSERT", "result": {"convId": "c", "conversationDetails":
            {"participants": {"ASSIGNED_AGENT": [OLD]}}}}),
    ] {
        assert!(matches!(
            told(&mut Conversations::default(), &change).event,
            Some(Event::Unusable { .. })
        ));
    }
}

proptest! {
    #[test]
    fn mangled_conversations_never_panic(path in 0_usize..40, value in "[a-zA-Z0-9\\[\\]{}:,\"]{0,12}") {
        let text = include_str!("../../../../tests/data/messaging/conversation.json");
        let cut = text.match_indices(':').nth(path).map_or(0, |(at, _)| at);
        let mangled = format!("{}:{value}{}", &text[..cut], &text[cut + 1..]);
        if let Ok(raw) = serde_json::from_str::<&RawValue>(&mangled) {
            let _ = Conversations::default().change(raw, &me(), false);
        }
    }
}

fn mine(version: i64) -> Value {
    json!({
        "participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["cons-1"]},
        "metaDataLastUpdateTs": version,
    })
}

fn change_with(details: &Value) -> Value {
    json!({"type": "UPSERT", "result": {"convId": "c", "conversationDetails": details}})
}

fn upsert(details: &Value) -> Change {
    told(&mut Conversations::default(), &change_with(details))
}

fn is_mine(change: &Change) -> bool {
    matches!(change.event, Some(Event::Conversation { joined: true, .. }))
}

fn told(conversations: &mut Conversations, change: &Value) -> Change {
    conversations.change(&raw(change), &me(), false)
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

fn me() -> Identity {
    Identity::new("12345678", "4102938475", Some(PUBLIC.into()), "bot-greeter")
}

#[test]
fn conversations_without_a_consumer_are_forgotten_in_time() {
    let mut conversations = Conversations::default();
    for n in 0..3_000 {
        let change = json!({"type": "UPSERT", "result": {"convId": format!("c{n}"),
            "conversationDetails": {"state": "OPEN", "participants": {"ASSIGNED_AGENT": [OLD]}}}});
        told(&mut conversations, &change);
    }
    assert!(conversations.known.len() <= REMEMBERED, "{}", conversations.known.len());
}
