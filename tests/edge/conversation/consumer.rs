//! From the consumer to the bot.

use serde_json::{Value, json};

use crate::{
    simulator::Start,
    support::{BOT_SKILL, HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn read_publishes_a_receipt_for_each_message_on_arrival_and_sent_publishes_none() {
    story(async {
        let world = World::online("[custom]\nmessageDelay = 10000").await;
        let talk = world.consumer_starts("one");
        world.bot.hears("one").await;
        let two = world.cloud.consumer(&talk).says("two").unwrap().unwrap();
        world.settles().await;
        let three = world.cloud.consumer(&talk).says("three").unwrap().unwrap();
        world.settles().await;
        // The window is still open: receipts do not wait for it, nor for the bot.
        assert!(world.bot.unheard().is_empty());
        assert_eq!(world.receipts(&talk), [0, two, three]);
    })
    .await;
    story(async {
        let world = World::online("[custom]\nacceptStatusEventValue = \"SENT\"").await;
        world.bot.echoes("");
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "one")]).await;
        world.settles().await;
        assert!(world.receipts(&talk).is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn there_are_no_receipts_for_what_others_have_said_or_after_the_agent_has_left() {
    story(async {
        let world = World::online("[custom]\nskipAgentMessage = true").await;
        let talk =
            world.cloud.start(Start::in_skill(HUMAN_SKILL).saying("my order is late")).unwrap();
        let hannah = world.cloud.agent("hannah");
        hannah.takes(&talk).unwrap();
        let said = hannah.says(&talk, "I'll transfer you").unwrap().unwrap();
        let noted = hannah.notes(&talk, "be nice").unwrap().unwrap();
        hannah.transfers(&talk, BOT_SKILL).unwrap();
        let event = world.bot.hears("my order is late").await;
        world.bot.answers(&event, &[text("I see."), json!({ "type": "transfer" })]);
        world.is_queued(&talk, HUMAN_SKILL).await;
        world.cloud.consumer(&talk).says("hello?").unwrap();
        after(60.0).await;
        let receipts = world.receipts(&talk);
        assert_eq!(receipts, [0], "neither {said} nor {noted} nor what came later");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn message_delay_is_a_fixed_window_from_the_first_message() {
    story(async {
        let world = World::online("[custom]\nmessageDelay = 1000").await;
        let talk = answered(&world).await;
        for (said, pause) in [("a", 0.4), ("b", 0.4), ("c", 0.4), ("d", 0.0)] {
            world.cloud.consumer(&talk).says(said).unwrap();
            after(pause).await;
        }
        let first = world.bot.hears("a b c").await;
        world.bot.answers(&first, &[]);
        let second = world.bot.hears("d").await;
        assert_eq!(second["message"]["parts"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_delay_of_zero_aggregates_nothing_that_comes_one_after_another() {
    story(async {
        let world = World::online("[custom]\nmessageDelay = 0").await;
        let talk = answered(&world).await;
        world.cloud.consumer(&talk).says("a").unwrap();
        let first = world.bot.hears("a").await;
        world.bot.answers(&first, &[]);
        after(0.05).await;
        world.cloud.consumer(&talk).says("b").unwrap();
        world.bot.hears("b").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_come_while_a_turn_is_under_way_are_the_next_batch() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("one");
        let first = world.bot.hears("one").await;
        world.cloud.consumer(&talk).says("two").unwrap();
        after(5.0).await;
        world.cloud.consumer(&talk).says("three").unwrap();
        after(5.0).await;
        assert!(world.bot.unheard().is_empty());
        world.bot.answers(&first, &[text("first")]);
        world.bot.hears("two three").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_given_up_lets_the_next_batch_go() {
    story(async {
        let world = World::online("[custom]\nfallbackEscalationTime = 0").await;
        let talk = world.consumer_starts("one");
        world.bot.hears("one").await;
        world.cloud.consumer(&talk).says("two").unwrap();
        world.bot.hears("one").await;
        after(29.0).await;
        assert!(world.bot.unheard().is_empty());
        world.bot.hears("two").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn conversations_never_wait_for_each_other() {
    story(async {
        let world = World::online("").await;
        let slow = world.consumer_starts("slow");
        world.bot.hears("slow").await;
        let quick = world.consumer_starts("quick");
        let event = world.bot.hears("quick").await;
        world.bot.answers(&event, &[text("done")]);
        world.reads(&quick, &[("CONSUMER", "quick"), ("ASSIGNED_AGENT", "done")]).await;
        assert_eq!(world.cloud.lines(&slow).len(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_exactly_at_max_consumer_message_delay_is_in_time_and_a_later_one_is_ignored() {
    story(async {
        let world = World::online("[custom]\nmaxConsumerMessageDelay = 30").await;
        let talk = answered(&world).await;
        let anchor = world.cloud.transcript(&talk)[0].time;
        wait_until(&world, anchor + 30 * 60_000).await;
        world.cloud.consumer(&talk).says("in time").unwrap();
        let event = world.bot.hears("in time").await;
        world.bot.answers(&event, &[text("yes")]);
        world.settles().await;
        let transcript = world.cloud.transcript(&talk);
        let anchor = transcript.iter().rfind(|event| event.text() == Some("in time")).unwrap().time;
        wait_until(&world, anchor + 30 * 60_000 + 1).await;
        let late = world.cloud.consumer(&talk).says("too late").unwrap().unwrap();
        after(600.0).await;
        // A late message does not move the anchor.
        world.cloud.consumer(&talk).says("still too late").unwrap();
        after(600.0).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
        assert_eq!(world.status().await.totals.too_late, 2);
        assert!(!world.receipts(&talk).contains(&late));
        assert_eq!(world.count("consumer_messages_total", "too_late"), 2.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn lateness_counts_from_the_last_message_that_the_bot_answered() {
    story(async {
        let world =
            World::online("[custom]\nmaxConsumerMessageDelay = 10\nfallbackEscalationTime = 0")
                .await;
        let talk = answered(&world).await;
        after(9.0 * 60.0).await;
        world.cloud.consumer(&talk).says("unanswered").unwrap();
        world.bot.hears("unanswered").await;
        after(9.0 * 60.0).await;
        world.cloud.consumer(&talk).says("too late by the first").unwrap();
        after(60.0).await;
        let heard = world.bot.unheard();
        assert!(!heard.iter().any(|text| text.contains("too late")), "{heard:?}");
        assert_eq!(world.status().await.totals.too_late, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn late_messages_can_begin_a_new_conversation() {
    story(async {
        let world = World::online(
            "[connector]\nlate_messages = \"new_conversation\"\n[custom]\nmaxConsumerMessageDelay = 1",
        )
        .await;
        let talk = answered(&world).await;
        after(3_600.0).await;
        world.cloud.consumer(&talk).says("back again").unwrap();
        let greeting = world.bot.hears("hi").await;
        assert_eq!(greeting["message"]["origin"], "greeting");
        world.bot.answers(&greeting, &[text("Welcome back.")]);
        let event = world.bot.hears("back again").await;
        world.bot.answers(&event, &[text("What can I do?")]);
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "hello"),
                    ("ASSIGNED_AGENT", "hi"),
                    ("CONSUMER", "back again"),
                    ("ASSIGNED_AGENT", "Welcome back."),
                    ("ASSIGNED_AGENT", "What can I do?"),
                ],
            )
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn late_messages_can_be_escalated() {
    story(async {
        let world = World::online(
            "[connector]\nlate_messages = \"escalate\"\n[custom]\nmaxConsumerMessageDelay = 1",
        )
        .await;
        let talk = answered(&world).await;
        after(3_600.0).await;
        world.cloud.consumer(&talk).says("back again").unwrap();
        world.is_queued(&talk, HUMAN_SKILL).await;
        assert!(world.bot.unheard().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_step_up_closes_the_window_reads_the_profile_again_and_tells_the_bot_once() {
    story(async {
        let world = World::online("[custom]\nmessageDelay = 10000").await;
        let talk = answered(&world).await;
        world.cloud.consumer(&talk).says("before").unwrap();
        after(0.1).await;
        let id = world.cloud.consumer(&talk).steps_up(None).unwrap();
        let before = world.bot.hears("before").await;
        world.bot.answers(&before, &[]);
        let event = world.bot.hears("_STEPUP_").await;
        assert_eq!(event["message"]["origin"], "stepUp");
        assert_eq!(event["conversation"]["consumerId"], id);
        assert_eq!(event["conversation"]["consumer"]["authenticated"], true);
        // Neither resend nor fallback.
        after(3_600.0).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
        assert!(world.transfers().is_empty());
        world.cloud.consumer(&talk).steps_up(Some(&id)).unwrap();
        after(10.0).await;
        assert!(world.bot.unheard().is_empty(), "once per new id");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_step_up_has_the_words_of_the_file() {
    story(async {
        let world = World::online("[custom]\ndefaultStepupMessage = \"/login\"").await;
        let talk = answered(&world).await;
        world.cloud.consumer(&talk).steps_up(None).unwrap();
        world.bot.hears("/login").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_click_with_its_receipt_is_one_event_with_a_postback_and_is_not_merged() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        let buttons = json!({
            "type": "buttons", "text": "Which one?",
            "buttons": [{ "title": "10 % off", "payload": "coupon-10" }]
        });
        world.bot.answers(&event, &[buttons]);
        world.settles().await;
        let card = world.said(&talk)[0].sequence.unwrap();
        world.cloud.consumer(&talk).says("hm").unwrap();
        world.cloud.consumer(&talk).clicks(card, "10 % off").unwrap();
        world.cloud.consumer(&talk).says("please").unwrap();
        let first = world.bot.hears("hm").await;
        world.bot.answers(&first, &[]);
        let click = world.bot.hears("coupon-10").await;
        assert_eq!(click["message"]["postback"]["payload"], "coupon-10");
        assert_eq!(click["message"]["postback"]["text"], "coupon-10");
        assert_eq!(
            click["message"]["postback"]["metadata"],
            json!([{ "type": "ExternalId", "id": "coupon-10" }])
        );
        world.bot.answers(&click, &[]);
        world.bot.hears("please").await;
        after(20.0).await;
        assert!(world.bot.unheard().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn files_and_rich_content_reach_the_bot_by_themselves() {
    story(async {
        let world = World::online("").await;
        let talk = answered(&world).await;
        world.cloud.consumer(&talk).says("look").unwrap();
        world.cloud.consumer(&talk).sends_file("my cat", "JPEG", vec![1, 2, 3]).unwrap();
        let card =
            json!({ "type": "vertical", "elements": [{ "type": "text", "text": "from my app" }] });
        world.cloud.consumer(&talk).sends_rich(&card, Vec::new()).unwrap();
        let first = world.bot.hears("look").await;
        world.bot.answers(&first, &[]);
        let file = world.bot.hears("my cat").await;
        assert_eq!(file["message"]["file"]["fileType"], "JPEG");
        assert!(file["message"]["file"]["relativePath"].as_str().unwrap().starts_with('/'));
        world.bot.answers(&file, &[]);
        let rich = world.bot.hears("from my app").await;
        assert_eq!(rich["message"]["structured"], card);
        let mut receipts = world.receipts(&talk);
        receipts.sort_unstable();
        receipts.dedup();
        assert_eq!(receipts.len(), 4, "text, file and rich content are receipted alike");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_keyword_escalates_without_asking_the_bot() {
    story(async {
        let world = World::online("[escalation]\nkeywords = [\"agent\"]").await;
        let talk = answered(&world).await;
        world.cloud.consumer(&talk).says(" Agent ").unwrap();
        world.is_queued(&talk, HUMAN_SKILL).await;
        assert!(world.bot.unheard().is_empty());
        let reason = &world.transfers()[0].metadata;
        assert!(reason.to_string().contains("escalated_by_user"), "{reason}");
        assert_eq!(world.count("consumer_messages_total", "keyword"), 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_only_contains_a_keyword_goes_to_the_bot() {
    story(async {
        let world = World::online("[escalation]\nkeywords = [\"agent\"]").await;
        world.consumer_starts("are you an agent");
        world.bot.hears("are you an agent").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_bot_gets_nothing_once_the_agent_is_not_assigned_any_more() {
    story(async {
        let world = World::online("").await;
        let talk = answered(&world).await;
        let hannah = world.cloud.agent("hannah");
        hannah.is_assigned(&talk).unwrap();
        world.bot.next("conversationTransferred").await;
        world.cloud.consumer(&talk).says("hello hannah").unwrap();
        after(60.0).await;
        assert!(world.bot.unheard().is_empty());
        assert_eq!(world.status().await.conversations.open, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_bot_hears_that_a_conversation_has_ended() {
    story(async {
        let world = World::online("").await;
        let talk = answered(&world).await;
        world.cloud.consumer(&talk).closes(crate::simulator::Scope::Conversation).unwrap();
        let event = world.bot.next("conversationEnded").await;
        assert_eq!(event["conversation"]["id"], talk);
        assert_eq!(event["message"], Value::Null);
        assert_eq!(world.status().await.totals.resolved, 1);
    })
    .await;
}

/// A conversation in which the bot has answered "hello" by "hi".
async fn answered(world: &World) -> String {
    let talk = world.cloud.start(Start::in_skill(BOT_SKILL).saying("hello")).unwrap();
    let event = world.bot.hears("hello").await;
    world.bot.answers(&event, &[text("hi")]);
    world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
    talk
}

/// Lets time pass until the cloud's clock shows `millis`.
async fn wait_until(world: &World, millis: u64) {
    let now = world.cloud.clock().now();
    tokio::time::sleep(std::time::Duration::from_millis(millis - now)).await;
}
