//! From the bot to the consumer.

use serde_json::{Value, json};

use crate::{
    simulator::{AccountOptions, DialogKind, Fault, Mode, Options, Scope},
    support::{HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn actions_are_published_one_after_another_each_after_the_acknowledgement_before() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        // An echo would be an acknowledgement too.
        world.cloud.inject(Fault::Slow { request: Some("PublishEvent".into()), milliseconds: 700 });
        world.cloud.inject(Fault::Notifications {
            mode: Mode::Delay,
            milliseconds: Some(700),
            notification: Some("OnlineEventDistribution".into()),
            conversation: None,
        });
        let pause = json!({ "type": "pause", "milliseconds": 5000, "typing": true });
        world.bot.answers(&event, &[text("one"), text("two"), pause, text("three")]);
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "hello"),
                    ("ASSIGNED_AGENT", "one"),
                    ("ASSIGNED_AGENT", "two"),
                    ("ASSIGNED_AGENT", "three"),
                ],
            )
            .await;
        let times: Vec<u64> = world.said(&talk).iter().map(|event| event.time).collect();
        assert!(times[1] - times[0] >= 700, "{times:?}");
        assert!(times[2] - times[1] >= 5_700, "{times:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn composing_is_shown_from_the_hand_over_until_the_answer_is_published_then_active() {
    story(async {
        let world = World::online("").await;
        world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.settles().await;
        assert_eq!(world.typing(), ["COMPOSING"]);
        world.bot.answers(&event, &[text("one"), text("two")]);
        world.settles().await;
        assert_eq!(world.typing(), ["COMPOSING", "ACTIVE"]);
        let order: Vec<String> = world
            .cloud
            .requests("PublishEvent")
            .iter()
            .filter(|one| one.body["event"]["type"] != "AcceptStatusEvent")
            .map(|one| {
                let event = &one.body["event"];
                let word = event["chatState"].as_str().or_else(|| event["message"].as_str());
                word.unwrap().to_owned()
            })
            .collect();
        assert_eq!(order, ["COMPOSING", "one", "two", "ACTIVE"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_message_carries_bot_response_metadata_with_intents_and_the_journal_mark() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.send(json!({ "type": "reply", "reply": {
            "inReplyTo": event["id"],
            "actions": [text("one"), text("two")],
            "context": { "intents": [{ "id": "greeting", "name": "Greeting", "confidenceScore": 0.97 }] }
        }}));
        world.settles().await;
        let said = world.said(&talk);
        assert_eq!(said.len(), 2);
        for (index, message) in said.iter().enumerate() {
            let found = message.metadata.iter().find(|one| one["type"] == "BotResponse").unwrap();
            assert_eq!(found["bot"]["botProviderType"], "3P_EXTERNAL_CONNECTOR", "{found:#}");
            assert_eq!(found["consumerUtteranceSequenceNumbers"], json!([0]));
            assert_eq!(found["botInteractionId"], format!("cd1:0:{index}/2"));
            assert_eq!(found["intents"][0]["id"], "greeting");
            assert_eq!(found["intents"][0]["confidenceScore"], 0.97);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_long_text_is_split_at_sentence_ends() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("tell me all");
        let event = world.bot.hears("tell me all").await;
        let sentence = "All of this sentence has to arrive in one piece. ";
        let long = sentence.repeat(250);
        world.bot.answers(&event, &[text(&long)]);
        world.settles().await;
        let pieces: Vec<String> =
            world.said(&talk).iter().map(|event| event.text().unwrap().to_owned()).collect();
        assert_eq!(pieces.len(), 3);
        assert!(
            pieces.iter().all(|piece| piece.len() <= 5_000 && piece.trim().ends_with("piece."))
        );
        assert_eq!(pieces.join(" ").split_whitespace().collect::<Vec<_>>().join(" "), long.trim());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn reserved_words_as_a_whole_text_have_their_meaning() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("bye");
        let event = world.bot.hears("bye").await;
        world
            .bot
            .answers(&event, &[text("BLANK_MESSAGE"), text("Bye!"), text("LP_CLOSECONVERSATION")]);
        world.bot.next("conversationEnded").await;
        assert_eq!(
            world.cloud.lines(&talk),
            [("CONSUMER", "bye".to_owned()), ("ASSIGNED_AGENT", "Bye!".to_owned())]
        );
        assert!(!world.cloud.conversation(&talk).unwrap().open);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn reserved_words_are_texts_like_any_other_when_they_are_turned_off_or_not_alone() {
    story(async {
        let world = World::online("[bot]\nreserved_words = false").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(&event, &[text("LP_CLOSEDIALOG")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "LP_CLOSEDIALOG")]).await;
    })
    .await;
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(&event, &[text("say LP_CLOSEDIALOG")]);
        world
            .reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "say LP_CLOSEDIALOG")])
            .await;
        assert!(world.cloud.conversation(&talk).unwrap().open);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn close_closes_the_dialog_with_its_survey_and_without_survey_the_conversation() {
    for (action, survey) in [
        (json!({ "type": "close" }), true),
        (json!({ "type": "close", "survey": true }), true),
        (text("LP_CLOSEDIALOG"), true),
        (json!({ "type": "close", "survey": false }), false),
    ] {
        story(async {
            let mut world = with_survey();
            world.start("").await;
            world.is_online().await;
            let talk = world.consumer_starts("bye");
            let event = world.bot.hears("bye").await;
            world.bot.answers(&event, &[text("Bye!"), action.clone(), text("never said")]);
            world.settles().await;
            let found = world.cloud.conversation(&talk).unwrap();
            assert!(!found.main().open);
            let surveys = found.dialogs.iter().filter(|one| one.kind == DialogKind::PostSurvey);
            assert_eq!(surveys.count(), usize::from(survey), "{action}");
            assert_eq!(world.said(&talk).len(), 1, "nothing after a close");
            assert_eq!(world.status().await.conversations.open, 0);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn structured_content_of_the_bot_passes_untouched() {
    story(async {
        let world = World::online("[connector]\naccessibility = false").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        let content = card("Choose");
        let replies = json!({ "type": "quickReplies", "itemsPerRow": 8, "replies": [{
            "type": "button", "title": "yes", "tooltip": "yes",
            "click": { "actions": [{ "type": "publishText", "text": "yes" }] }
        }]});
        let metadata = json!([{ "type": "ExternalId", "id": "card-1" }]);
        world.bot.answers(&event, &[json!({
            "type": "structured", "content": content, "metadata": metadata, "quickReplies": replies
        })]);
        world.settles().await;
        let said = world.said(&talk);
        assert_eq!(said[0].event["content"], content);
        assert_eq!(said[0].event["quickReplies"], replies);
        assert!(said[0].metadata.contains(&metadata[0]), "{:?}", said[0].metadata);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn structured_content_that_the_platform_refuses_is_said_as_plain_text() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        let mut content = card("Choose");
        content["type"] = "spiral".into();
        world.bot.answers(
            &event,
            &[text("before"), json!({ "type": "structured", "content": content }), text("after")],
        );
        world.settles().await;
        let said: Vec<String> =
            world.said(&talk).iter().map(|one| one.text().unwrap().to_owned()).collect();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[1].contains("Choose") && said[1].contains("Buy"), "{said:?}");
        assert_eq!((&*said[0], &*said[2]), ("before", "after"));
        assert_eq!(world.count("incidents_total", "content_refused"), 1.0);
        // The schema violation is reported with its place, and it was still sent.
        assert_eq!(world.count("protocol_errors_total", "content"), 1.0);
        let errors = world.bot.errors();
        assert!(errors[0].contains("type") && errors[0].contains("spiral"), "{errors:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_text_only_for_agents_is_a_private_note() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        let note = json!({ "type": "text", "text": "VIP", "audience": "agents" });
        world.bot.answers(&event, &[note, text("hi")]);
        world.settles().await;
        let said = world.said(&talk);
        assert_eq!(said[0].audience.word(), "AGENTS_AND_MANAGERS");
        assert_eq!(said[1].audience.word(), "ALL");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn tiles_stand_as_tile_display_says() {
    for (display, kind) in [("vertical", "vertical"), ("horizontal", "carousel")] {
        story(async {
            let world = World::online(&format!("[custom]\ntileDisplay = \"{display}\"")).await;
            let talk = world.consumer_starts("hello");
            let event = world.bot.hears("hello").await;
            let tile = |title: &str| {
                json!({ "title": title, "imageUrl": "https://example.com/a.png",
                "buttons": [{ "title": "Buy", "payload": title }] })
            };
            world
                .bot
                .answers(&event, &[json!({ "type": "tiles", "tiles": [tile("A"), tile("B")] })]);
            world.settles().await;
            let content = &world.said(&talk)[0].event["content"];
            assert_eq!(content["type"], kind, "{content:#}");
            assert_eq!(content["elements"].as_array().unwrap().len(), 2);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn enable_button_text_on_postback_decides_what_the_consumer_says_with_a_press() {
    for (setting, shown) in [(false, "coupon-10"), (true, "10 % off")] {
        story(async {
            let world =
                World::online(&format!("[custom]\nenableButtonTextOnPostback = {setting}")).await;
            let talk = world.consumer_starts("hello");
            let event = world.bot.hears("hello").await;
            world.bot.answers(
                &event,
                &[json!({ "type": "buttons", "text": "Which one?",
                "buttons": [{ "title": "10 % off", "payload": "coupon-10" }] })],
            );
            world.settles().await;
            let card = world.said(&talk)[0].sequence.unwrap();
            world.cloud.consumer(&talk).clicks(card, "10 % off").unwrap();
            let click = world.bot.hears(shown).await;
            assert_eq!(click["message"]["postback"]["payload"], "coupon-10");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_payload_too_long_for_metadata_comes_back_whole() {
    story(async {
        let world = World::online("[custom]\nenableButtonTextOnPostback = true").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        let payload = "x".repeat(200);
        world.bot.answers(
            &event,
            &[json!({ "type": "buttons", "text": "Which one?",
            "buttons": [{ "title": "This", "payload": payload }] })],
        );
        world.settles().await;
        let card = world.said(&talk)[0].sequence.unwrap();
        world.cloud.consumer(&talk).clicks(card, "This").unwrap();
        let click = world.bot.hears("This").await;
        assert_eq!(click["message"]["postback"]["payload"], payload);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn quick_replies_show_their_title_whatever_the_setting() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(
            &event,
            &[json!({ "type": "text", "text": "Sure?",
            "quickReplies": [{ "title": "Yes", "payload": "book-yes" }] })],
        );
        world.settles().await;
        let said = world.said(&talk);
        assert_eq!(said[0].text(), Some("Sure?"));
        world.cloud.consumer(&talk).clicks(said[0].sequence.unwrap(), "Yes").unwrap();
        let click = world.bot.hears("Yes").await;
        assert_eq!(click["message"]["postback"]["payload"], "book-yes");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn accessibility_gives_elements_a_tooltip_and_without_it_there_is_none() {
    for (accessibility, tooltip) in [(true, json!("Buy")), (false, Value::Null)] {
        story(async {
            let world =
                World::online(&format!("[connector]\naccessibility = {accessibility}")).await;
            let talk = world.consumer_starts("hello");
            let event = world.bot.hears("hello").await;
            world.bot.answers(&event, &[
                json!({ "type": "buttons", "text": "Which?", "buttons": [{ "title": "Buy", "payload": "b" }] }),
            ]);
            world.settles().await;
            let content = &world.said(&talk)[0].event["content"];
            assert_eq!(content["elements"][1]["tooltip"], tooltip, "{content:#}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_actions_is_an_answer() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(&event, &[]);
        after(3_600.0).await;
        assert!(world.bot.unheard().is_empty());
        assert!(world.transfers().is_empty());
        assert_eq!(world.cloud.lines(&talk).len(), 1);
        assert_eq!(world.typing().last().unwrap(), "ACTIVE");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_or_malformed_action_is_skipped_and_reported_and_the_others_are_carried_out() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(
            &event,
            &[
                text("one"),
                json!({ "type": "dance" }),
                json!({ "type": "text" }),
                json!(7),
                text("two"),
            ],
        );
        world
            .reads(
                &talk,
                &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one"), ("ASSIGNED_AGENT", "two")],
            )
            .await;
        let errors = world.bot.errors();
        assert!(!errors.is_empty() && errors[0].contains("dance"), "{errors:?}");
    })
    .await;
}

fn card(title: &str) -> Value {
    json!({ "type": "vertical", "elements": [
        { "type": "text", "text": title },
        { "type": "button", "title": "Buy", "click": { "actions": [{ "type": "publishText", "text": "buy" }] } }
    ]})
}

#[tokio::test(start_paused = true)]
async fn what_a_consumer_gives_is_counted_for_a_conversation_that_ends_here() {
    story(async {
        let world = World::online("").await;
        for (words, score, answer) in [
            ("content", 4, text("hello")),
            ("says nothing", 0, text("hello")),
            ("given away", 1, json!({ "type": "transfer", "skillId": HUMAN_SKILL })),
        ] {
            let talk = world.consumer_starts(words);
            let event = world.bot.hears(words).await;
            world.bot.answers(&event, &[answer]);
            after(1.0).await;
            world.cloud.consumer(&talk).rates(score).unwrap();
            world.cloud.consumer(&talk).closes(Scope::Conversation).unwrap();
        }
        after(1.0).await;
        let scores = ["1.0", "3.0", "4.0", "5.0"].map(|le| world.count("csat_score_bucket", le));
        assert_eq!(scores, [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(world.count("conversations_total", "resolved"), 2.0);
        assert_eq!(world.count("conversations_total", "transferred"), 1.0);
        assert_eq!(world.count("escalations_total", "bot"), 1.0);
        assert_eq!(world.count("transfers_total", "escalated_by_bot"), 1.0);
    })
    .await;
}

fn with_survey() -> World {
    let mut account = AccountOptions::example();
    for skill in &mut account.skills {
        skill.survey = Some("survey-app".to_owned());
    }
    World::with(Options { accounts: vec![account], ..Options::fixed() })
}
