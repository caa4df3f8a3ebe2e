use std::time::Duration;

use boon::{Compiler, Schemas};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    bot::testing::{connector, event, full_question, notice, question as asked},
    conversation::{
        AgentId,
        event::{Audience, SkillRef, Target},
    },
};

/// Found by fuzzing: what serde says of a wrong type repeats the text, however long, and it goes to log, status and bot.
#[test]
fn what_is_said_of_something_malformed_does_not_repeat_all_of_it() {
    let settings = ContentSettings::default();
    let long = json!("x".repeat(100_000)).to_string();
    let Malformed { what } = frame(&long, &settings).unwrap_err();
    assert!(what.contains("invalid type: string \"xxx") && what.len() < 1_000, "{what}");
    let body = format!(r#"{{"actions":[{long},{{"type":"pause","milliseconds":{long}}}]}}"#);
    let reply = reply(body.as_bytes(), &settings).unwrap();
    assert_eq!((reply.skipped, reply.problems.len()), (2, 2));
    assert!(reply.problems.iter().all(|problem| problem.what.len() < 1_000));
}

// --- events ---

#[test]
fn an_event_is_written_as_the_contract_shows_it() {
    let mut full = full_question();
    full.attempt = 2;
    assert_eq!(
        parsed(&question(&full, &connector())),
        json!({
            "version": 1,
            "id": "c:12",
            "attempt": 2,
            "type": "message",
            "time": "2023-11-14T22:13:20.000Z",
            "connector": {"name": "support-bot-1", "accountId": "12345678", "agentId": "4102938475", "environment": "production"},
            "conversation": {
                "id": "c", "dialogId": "c", "type": "messaging", "skillId": "1122334455", "consumerId": "c3a5",
                "startedAt": "2023-11-14T22:11:40.000Z",
                "consumer": {"firstName": "Ada", "authenticated": true}
            },
            "message": {
                "origin": "consumer",
                "text": "hi how are you",
                "parts": [{"sequence": 12, "text": "hi how are you", "time": "2023-11-14T22:13:20.000Z"}],
                "postback": {"payload": "book-yes", "text": "Yes", "metadata": [{"type": "ExternalId", "id": "book-yes"}]},
                "file": {"caption": "invoice", "fileType": "JPEG", "relativePath": "/v1/invoice.jpeg"},
                "structured": {"type": "text", "text": "x"}
            }
        })
    );
}

#[test]
fn what_is_not_there_is_left_out() {
    let mut connector = connector();
    connector.agent_id = None;
    let event = parsed(&question(&asked("c", 1, "hi"), &connector));
    assert!(event["connector"].get("agentId").is_none());
    for key in ["postback", "file", "structured"] {
        assert!(event["message"].get(key).is_none(), "{key}");
    }
    let ended = parsed(&notice_of("c:13:ended"));
    assert_eq!(ended["type"], "conversationEnded");
    assert_eq!(parsed(&notice_of("c:13:transferred"))["type"], "conversationTransferred");
    assert!(ended.get("message").is_none());
}

#[test]
fn the_suffix_of_an_events_id_tells_its_origin() {
    for (id, origin) in [
        ("c:1", "consumer"),
        ("c:1:agent", "agent"),
        ("c:1:greeting", "greeting"),
        ("c:1:stepUp", "stepUp"),
        ("c:1:escalationFailed2", "escalationFailed"),
    ] {
        let mut question = asked("c", 1, "hi");
        question.event = EventId::parse(id).unwrap();
        let event = parsed(&super::question(&question, &connector()));
        assert_eq!((&event["id"], &event["message"]["origin"]), (&json!(id), &json!(origin)));
    }
}

#[test]
fn in_chat_a_reply_has_no_quick_replies_and_no_time_to_respond() {
    let settings = ContentSettings { chat: true, ..ContentSettings::default() };
    let body = json!({ "actions": [
        { "type": "ttr", "ttrType": "URGENT", "seconds": 60 },
        { "type": "text", "text": "Which?", "quickReplies": [{ "title": "Yes", "payload": "y" }] },
        { "type": "text", "text": "plain" },
    ]});
    let reply = reply(body.to_string().as_bytes(), &settings).unwrap();
    let [Action::Structured { content, text: plain, .. }, last] = &*reply.actions else {
        panic!("{:?}", reply.actions);
    };
    assert_eq!(content.to_value()["elements"][1]["click"]["metadata"][0]["id"], "y");
    assert_eq!(plain, "Which?\n1. Yes");
    assert_eq!(*last, text("plain", Audience::All));
    let told: Vec<_> = reply.problems.iter().map(|problem| &*problem.path).collect();
    assert_eq!(told, ["actions[0]"]);
    assert_eq!(reply.skipped, 0, "a reply of nothing else is an answer, not a fault");
}

#[test]
fn clicks_metadata_passes_untouched() {
    let text = question(&full_question(), &connector());
    assert!(text.contains(r#""metadata":[ {"type":"ExternalId","id":"book-yes"} ]"#), "{text}");
    let frame = question_frame(&full_question(), &connector());
    assert!(frame.starts_with(r#"{"type":"event","event":{"version":1"#), "{frame}");
}

#[test]
fn every_event_that_we_write_keeps_the_published_schema() {
    let schema = Schema::event();
    let mut chat = connector();
    chat.conversation_type = Kind::Chat;
    chat.agent_id = None;
    for text in [
        question(&full_question(), &connector()),
        question(&asked("c", 1, ""), &chat),
        notice_of("c:13:ended"),
        notice_of("c:13:transferred"),
    ] {
        schema.assert_takes(&parsed(&text));
    }
    let frame = parsed(&question_frame(&full_question(), &connector()));
    schema.assert_takes(&frame["event"]);
    let mut wrong = parsed(&question(&full_question(), &connector()));
    wrong["message"]["extra"] = json!(1);
    assert!(!schema.takes(&wrong), "the schema is strict");
}

// --- replies ---

#[test]
fn the_contracts_example_is_read_action_by_action() {
    let body = json!({
        "inReplyTo": "c:12",
        "actions": [
            {"type": "text", "text": "Hello!"},
            {"type": "pause", "milliseconds": 800, "typing": true},
            {"type": "structured", "content": {"type": "vertical", "elements": []}, "metadata": [], "quickReplies": {}},
            {"type": "text", "text": "only for agents", "audience": "agents"},
            {"type": "buttons", "text": "Which one?", "buttons": [{"title": "10 % off", "payload": "coupon-10"}]},
            {"type": "tiles", "tiles": [{"title": "Headphones", "subtitle": "Fall sale", "imageUrl": "https://a.example/h.png", "buttons": []}]},
            {"type": "transfer", "skillId": "4129463410", "agentId": null, "reason": "consumer asked for a human"},
            {"type": "close", "survey": true}
        ],
        "context": {"intents": [{"id": "greeting", "name": "Greeting", "confidenceScore": 0.97}]}
    });
    Schema::reply().assert_takes(&body);
    let reply = read(&body);
    assert_eq!(reply.problems, vec![]);
    assert_eq!((reply.skipped, reply.in_reply_to.as_deref()), (0, Some("c:12")));
    let intent = Intent {
        id: "greeting".to_owned(),
        name: Some("Greeting".to_owned()),
        confidence: Some(0.97),
    };
    assert_eq!(reply.intents, vec![intent]);
    let [hello, pause, card, private, buttons, tiles, transfer, close] =
        <[Action; 8]>::try_from(reply.actions).unwrap();
    assert_eq!(hello, text("Hello!", Audience::All));
    assert_eq!(pause, Action::Pause { length: Duration::from_millis(800), typing: true });
    assert_eq!(
        card,
        Action::Structured {
            content: Json::from_value(&json!({"type": "vertical", "elements": []})),
            metadata: None,
            quick_replies: None,
            text: String::new(),
        }
    );
    assert_eq!(private, text("only for agents", Audience::Agents));
    assert!(
        matches!(&buttons, Action::Structured { text, .. } if text == "Which one?\n- 10 % off")
    );
    assert!(matches!(&tiles, Action::Structured { text, .. } if text == "Headphones\nFall sale"));
    let target = Target { skill: Some(SkillRef::Id("4129463410".to_owned())), agent: None };
    assert_eq!(
        transfer,
        Action::Transfer {
            target,
            reason: Some("consumer asked for a human".to_owned()),
            by_user: false
        }
    );
    assert_eq!(close, Action::Close { survey: true });
}

#[test]
fn structured_content_passes_byte_for_byte() {
    let body = br#"{"actions":[{"type":"structured","content":{ "b":1.0, "type":"text","text":"x" },"metadata":[ {"type":"ExternalId","id":"i"} ],"quickReplies":{"replies":[ ], "type":"quickReplies"}}]}"#;
    let reply = reply(body, &ContentSettings::default()).unwrap();
    let Action::Structured { content, metadata, quick_replies, .. } = &reply.actions[0] else {
        panic!();
    };
    assert_eq!(content.as_str(), r#"{ "b":1.0, "type":"text","text":"x" }"#);
    assert_eq!(metadata.as_ref().unwrap().as_str(), r#"[ {"type":"ExternalId","id":"i"} ]"#);
    assert_eq!(
        quick_replies.as_ref().unwrap().as_str(),
        r#"{"replies":[ ], "type":"quickReplies"}"#
    );
    let paths: Vec<_> = reply.problems.iter().map(|problem| &*problem.path).collect();
    assert_eq!(
        paths,
        ["actions[0].content.b", "actions[0].quickReplies.replies", "actions[0].quickReplies"]
    );
    assert_eq!(reply.skipped, 0, "it is sent all the same");
}

#[test]
fn with_accessibility_missing_tooltips_are_added_to_the_bots_own_content() {
    let settings = ContentSettings { tooltips: true, ..ContentSettings::default() };
    let body =
        json!({"actions": [{"type": "structured", "content": {"type": "text", "text": "x"}}]});
    let reply = reply(body.to_string().as_bytes(), &settings).unwrap();
    let Action::Structured { content, .. } = &reply.actions[0] else {
        panic!();
    };
    assert_eq!(content.to_value()["tooltip"], "x");
}

#[test]
fn what_is_wrong_with_one_action_does_not_touch_the_others() {
    for wrong in [
        json!({"type": "dance"}),
        json!({"text": "no type"}),
        json!("text"),
        json!(null),
        json!({"type": "text"}),
        json!({"type": "text", "text": ""}),
        json!({"type": "text", "text": 5}),
        json!({"type": "text", "text": "x", "audience": "nobody"}),
        json!({"type": "pause"}),
        json!({"type": "pause", "milliseconds": -1}),
        json!({"type": "pause", "milliseconds": "soon"}),
        json!({"type": "structured"}),
        json!({"type": "structured", "content": "card"}),
        json!({"type": "buttons"}),
        json!({"type": "buttons", "buttons": "x"}),
        json!({"type": "buttons", "buttons": []}),
        json!({"type": "tiles", "tiles": []}),
        json!({"type": "tiles", "tiles": [{}]}),
        json!({"type": "close", "survey": "perhaps"}),
        json!({"type": "ttr", "ttrType": "SOON", "seconds": 5}),
        json!({"type": "ttr", "ttrType": "URGENT", "seconds": 0}),
    ] {
        let reply = read(&json!({"actions": [wrong.clone(), {"type": "close"}]}));
        assert_eq!(reply.actions, vec![Action::Close { survey: true }], "{wrong}");
        assert_eq!(reply.skipped, 1, "{wrong}");
        let last = reply.problems.last().unwrap();
        assert!(
            last.path == "actions[0]" && last.what.ends_with("; the action is skipped"),
            "{last}"
        );
    }
}

#[test]
fn ids_may_be_numbers_and_numbers_may_be_texts() {
    let reply = read(&json!({
        "inReplyTo": "c:1",
        "actions": [
            {"type": "transfer", "skillId": 4_129_463_410_u64, "agentId": 7},
            {"type": "pause", "milliseconds": "250"},
            {"type": "ttr", "ttrType": "urgent", "seconds": "60"}
        ],
        "context": {"intents": [{"id": 5, "confidenceScore": "0.5"}]}
    }));
    let target = Target {
        skill: Some(SkillRef::Id("4129463410".to_owned())),
        agent: Some(AgentId::from("7")),
    };
    assert_eq!(
        reply.actions,
        vec![
            Action::Transfer { target, reason: None, by_user: false },
            Action::Pause { length: Duration::from_millis(250), typing: true },
            Action::ChangeTtr { ttr_type: "URGENT".to_owned(), seconds: 60 },
        ]
    );
    assert_eq!((&*reply.intents[0].id, reply.intents[0].confidence), ("5", Some(0.5)));
    assert_eq!(reply.problems, vec![]);
}

#[test]
fn a_transfer_is_the_users_wish_if_the_bot_says_so() {
    let by_user = |action: Value| {
        let reply = read(&json!({"actions": [action]}));
        assert!(matches!(&reply.actions[..], [Action::Transfer { .. }]));
        matches!(&reply.actions[0], Action::Transfer { by_user: true, .. })
    };
    assert!(by_user(json!({"type": "transfer", "requestedBy": "consumer"})));
    assert!(by_user(json!({"type": "transfer", "reason": "escalated_by_user"})));
    assert!(!by_user(json!({"type": "transfer", "requestedBy": "bot", "reason": "consumer"})));
}

#[test]
fn a_pause_is_at_most_ten_minutes() {
    let reply = read(&json!({"actions": [{"type": "pause", "milliseconds": 600_001}]}));
    let length = Duration::from_secs(600);
    assert_eq!(reply.actions, vec![Action::Pause { length, typing: true }]);
    assert_eq!((reply.problems.len(), reply.skipped), (1, 0));
}

#[test]
fn simple_quick_replies_are_built_and_broken_ones_left_out() {
    let reply = read(&json!({"actions": [
        {"type": "text", "text": "a", "quickReplies": [{"title": "Yes", "payload": "y"}, {"payload": "no title"}]},
        {"type": "text", "text": "b", "quickReplies": 5}
    ]}));
    let quick = |i: usize| {
        let Action::Text { quick_replies, .. } = &reply.actions[i] else {
            panic!("{:?}", reply.actions[i]);
        };
        quick_replies.as_ref().map(Json::to_value)
    };
    assert_eq!(quick(0).unwrap()["replies"][0]["title"], "Yes");
    assert_eq!(quick(0).unwrap()["replies"].as_array().unwrap().len(), 1);
    assert_eq!(quick(1), None);
    let paths: Vec<_> = reply.problems.iter().map(|problem| &*problem.path).collect();
    assert_eq!(paths, ["actions[0].quickReplies[1]", "actions[1].quickReplies"]);
}

#[test]
fn many_tiles_become_several_actions_and_quick_replies_go_below_the_last() {
    let settings = ContentSettings { horizontal_tiles: true, ..ContentSettings::default() };
    let tiles = vec![json!({"title": "t"}); 12];
    let body = json!({"actions": [{"type": "tiles", "tiles": tiles, "quickReplies": [{"title": "More"}]}]});
    let reply = reply(body.to_string().as_bytes(), &settings).unwrap();
    let quick: Vec<bool> = (reply.actions.iter())
        .map(|action| matches!(action, Action::Structured { quick_replies: Some(_), .. }))
        .collect();
    assert_eq!(quick, [false, true]);
}

#[test]
fn a_text_that_no_card_can_hold_is_said_before_the_card() {
    let long = "x".repeat(5001);
    let reply =
        read(&json!({"actions": [{"type": "buttons", "text": long, "buttons": [{"title": "a"}]}]}));
    assert_eq!(reply.actions[0], text(&long, Audience::All));
    assert!(matches!(&reply.actions[1], Action::Structured { text, .. } if text == "- a"));
    assert_eq!(reply.problems, vec![]);
}

#[test]
fn a_reply_without_actions_is_an_answer() {
    assert_eq!(read(&json!({"actions": []})), Reply::default());
    assert_eq!(read(&json!({"actions": null})).problems.len(), 1);
    assert_eq!(read(&json!({})).problems.len(), 1);
    assert_eq!(read(&json!({"actions": {"type": "close"}})).actions.len(), 1);
}

#[test]
fn what_is_no_reply_is_malformed() {
    let deep = "[".repeat(1000);
    for body in [
        "",
        " ",
        "hi",
        "[]",
        "5",
        "{",
        r#"{"actions":"x"}"#,
        r#"{"inReplyTo":{}}"#,
        &*deep,
        "\u{feff}{}",
    ] {
        assert!(reply(body.as_bytes(), &ContentSettings::default()).is_err(), "{body}");
    }
    assert!(reply(&[0xff, 0xfe], &ContentSettings::default()).is_err());
}

#[test]
fn only_a_hundred_actions_are_read() {
    let reply = read(&json!({"actions": vec![json!({"type": "close"}); 103]}));
    assert_eq!((reply.actions.len(), reply.skipped), (100, 3));
    assert_eq!(reply.problems[0].what, "3 beyond the first 100 are ignored");
}

#[test]
fn a_broken_context_does_not_spoil_the_answer() {
    for context in [json!(5), json!({"intents": 5}), json!({"intents": [{"name": "no id"}, 7]})] {
        let reply = read(&json!({"actions": [{"type": "close"}], "context": context}));
        assert_eq!((reply.actions.len(), reply.intents.len(), reply.skipped), (1, 0, 0));
        assert!(reply.problems[0].path.starts_with("context"), "{:?}", reply.problems);
    }
}

// --- frames ---

#[test]
fn frames_are_told_apart_by_their_type() {
    let read = |value: Value| frame(&value.to_string(), &ContentSettings::default());
    assert_eq!(
        read(json!({"type": "seen", "id": "c:1", "more": 1})),
        Ok(Frame::Seen("c:1".to_owned()))
    );
    let said = Reply { actions: vec![Action::Close { survey: true }], ..Reply::default() };
    assert_eq!(
        read(json!({"type": "say", "conversationId": "c", "actions": [{"type": "close"}]})),
        Ok(Frame::Say(ConversationId::from("c"), said))
    );
    assert_eq!(
        read(json!({"type": "error", "message": "m"})),
        Ok(Frame::Error { id: None, message: "m".to_owned() })
    );
    for wrong in [
        json!({"type": "seen"}),
        json!({"type": "reply"}),
        json!({"type": "reply", "reply": []}),
        json!({"type": "reply", "reply": {"actions": []}}),
        json!({"type": "say", "actions": []}),
        json!({"type": "hello"}),
        json!({"id": "c:1"}),
    ] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_response_that_names_another_event_is_none() {
    let read = |id: &str| {
        let body = json!({"inReplyTo": id, "actions": []}).to_string();
        response(body.as_bytes(), &event("c", 1), &ContentSettings::default())
    };
    assert!(read("c:1").is_ok());
    assert!(read("d:1").is_err());
}

proptest! {
    #[test]
    fn any_json_is_read_without_a_panic(text in json_text()) {
        for tooltips in [false, true] {
            let settings = ContentSettings { tooltips, ..ContentSettings::default() };
            let _ = reply(text.as_bytes(), &settings);
            let _ = reply(format!(r#"{{"actions":[{text},{{"type":"close"}}]}}"#).as_bytes(), &settings);
            let _ = frame(&text, &settings);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = reply(&bytes, &ContentSettings::default());
    }
}

/// JSON that is made of the words of the protocol, put together at random.
fn json_text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "type",
        "text",
        "pause",
        "structured",
        "buttons",
        "tiles",
        "transfer",
        "close",
        "ttr",
        "content",
        "elements",
        "title",
        "payload",
        "quickReplies",
        "replies",
        "actions",
        "inReplyTo",
        "reply",
        "seen",
        "say",
        "click",
        "metadata",
        "vertical",
        "carousel",
        "list",
        "url",
        "imageUrl",
        "skillId",
        "audience",
        "agents",
        "milliseconds",
        "context",
        "intents",
        "id",
    ]);
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        word.clone().prop_map(|word| json!(word)),
        ".{0,20}".prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|pairs| pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
    .prop_map(|value: Value| value.to_string())
}

// --- helpers ---

fn read(body: &Value) -> Reply {
    reply(body.to_string().as_bytes(), &ContentSettings::default()).unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn notice_of(id: &str) -> String {
    super::notice(&notice(id), &connector())
}

fn text(text: &str, audience: Audience) -> Action {
    Action::Text { text: text.to_owned(), audience, quick_replies: None }
}

/// A schema that bot developers are given.
struct Schema {
    schemas: Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    fn event() -> Self {
        Self::compile(include_str!("../../../../docs/bot-event.schema.json"))
    }

    fn reply() -> Self {
        Self::compile(include_str!("../../../../docs/bot-reply.schema.json"))
    }

    fn compile(text: &str) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        let schema = parsed(text);
        let id = schema["$id"].as_str().unwrap().to_owned();
        compiler.add_resource(&id, schema).unwrap();
        let index = compiler.compile(&id, &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn takes(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.index).is_ok()
    }

    fn assert_takes(&self, value: &Value) {
        if let Err(error) = self.schemas.validate(value, self.index) {
            panic!("{error:#}\n{value:#}");
        }
    }
}

#[test]
fn every_example_of_the_guide_keeps_the_schemas_and_is_read_without_a_problem() {
    let guide = include_str!("../../../../docs/bots.md");
    let examples: Vec<Value> = (guide.split("```json\n").skip(1))
        .map(|rest| parsed(rest.split("```").next().unwrap()))
        .collect();
    assert!(examples.len() > 10);
    for example in examples {
        if example.get("version").is_some() {
            Schema::event().assert_takes(&example);
            continue;
        }
        let body = match example.get("actions") {
            Some(_) => example,
            None => json!({"actions": [example]}),
        };
        Schema::reply().assert_takes(&body);
        assert_eq!(read(&body).problems, vec![], "{body}");
    }
}

#[test]
fn the_reply_schema_takes_what_we_take_and_points_at_what_we_skip() {
    let schema = Schema::reply();
    for good in [
        json!({"type": "text", "text": "a", "quickReplies": [{"title": "Yes", "payload": "y"}], "newKey": 1}),
        json!({"type": "pause", "milliseconds": "250"}),
        json!({"type": "buttons", "buttons": [{"title": "Site", "url": "https://a.example"}]}),
        json!({"type": "transfer"}),
        json!({"type": "transfer", "skillId": 5, "requestedBy": "consumer"}),
        json!({"type": "ttr", "ttrType": "URGENT", "seconds": 60}),
        json!({"type": "structured", "content": {}, "metadata": {"type": "ExternalId", "id": "x"}}),
    ] {
        let body = json!({"actions": [good]});
        schema.assert_takes(&body);
        assert_eq!(read(&body).skipped, 0, "{body}");
    }
    for bad in [
        json!({"type": "dance"}),
        json!({"type": "text"}),
        json!({"type": "text", "text": ""}),
        json!({"type": "text", "text": "a", "audience": "nobody"}),
        json!({"type": "pause", "milliseconds": -1}),
        json!({"type": "structured", "content": "x"}),
        json!({"type": "tiles", "tiles": []}),
        json!({"type": "ttr", "ttrType": "URGENT"}),
    ] {
        let body = json!({"actions": [bad]});
        assert!(!schema.takes(&body), "{body}");
        assert_eq!(read(&body).skipped, 1, "{body}");
    }
}
