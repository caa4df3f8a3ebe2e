//! A bot behind a WebSocket.

use connectord::ops::status::{BotStatus, ConnectorStatus};
use serde_json::{Value, json};

use crate::{
    simulator::{Availability, Start},
    support::{AGENT, BOT_SKILL, HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn neither_answer_nor_seen_within_the_interval_sends_the_same_event_again() {
    story(async {
        let world =
            World::online("[custom]\nretryMessageInterval = 10000\nmessageResendMaxRetries = 3")
                .await;
        world.consumer_starts("hello");
        let mut ids = Vec::new();
        for attempt in 1..=4 {
            let event = world.bot.hears("hello").await;
            assert_eq!(event["attempt"], attempt);
            ids.push(event["id"].clone());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
        after(100.0).await;
        assert!(world.bot.unheard().is_empty(), "at most messageResendMaxRetries times");
        assert_eq!(world.count("resends_total", "edge"), 3.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_resend_maximum_of_zero_never_resends() {
    story(async {
        let world = World::online("[custom]\nmessageResendMaxRetries = 0").await;
        world.consumer_starts("hello");
        world.bot.hears("hello").await;
        after(170.0).await;
        assert!(world.bot.unheard().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn seen_stops_the_resend_and_ends_the_turn() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.has_seen(&event);
        after(60.0).await;
        assert!(world.bot.unheard().is_empty());
        world.cloud.consumer(&talk).says("second").unwrap();
        let second = world.bot.hears("second").await;
        world.bot.answers(&second, &[text("two")]);
        world.bot.answers(&event, &[text("one")]);
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "hello"),
                    ("CONSUMER", "second"),
                    ("ASSIGNED_AGENT", "two"),
                    ("ASSIGNED_AGENT", "one"),
                ],
            )
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_any_attempt_is_the_answer_and_a_second_one_is_dropped_and_counted() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let first = world.bot.hears("hello").await;
        let second = world.bot.hears("hello").await;
        world.bot.answers(&second, &[text("one")]);
        world.bot.answers(&first, &[text("the other")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one")]).await;
        after(60.0).await;
        assert_eq!(world.said(&talk).len(), 1);
        let dropped = ["already_answered", "unknown"]
            .iter()
            .map(|reason| world.count("answers_dropped_total", reason))
            .sum::<f64>();
        let noted: f64 = world.bot.errors().len() as f64;
        assert!(dropped + noted >= 1.0, "neither counted nor said");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_a_reconnect_unseen_unanswered_events_come_again_with_their_old_id() {
    story(async {
        let world = World::online("").await;
        world.consumer_starts("unseen");
        let unseen = world.bot.hears("unseen").await;
        world.consumer_starts("seen");
        let seen = world.bot.hears("seen").await;
        world.bot.has_seen(&seen);
        world.consumer_starts("answered");
        let answered = world.bot.hears("answered").await;
        world.bot.answers(&answered, &[]);
        after(1.0).await;
        world.bot.goes_down();
        after(1.0).await;
        world.bot.comes_up();
        let again = world.bot.hears("unseen").await;
        assert_eq!(again["id"], unseen["id"]);
        assert_eq!(again["attempt"], 2);
        after(15.0).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
        assert_eq!(world.bot.connections(), 2);
        assert_eq!(world.count("reconnects_total", "bot_server"), 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_frame_of_each_connection_says_who_connects() {
    story(async {
        let world = World::online("[connector]\nname = \"support-bot-1\"").await;
        let hello = world.bot.frame("hello").await;
        assert_eq!(hello["version"], 1);
        assert_eq!(hello["connector"]["name"], "support-bot-1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_bot_may_speak_unasked_even_before_it_was_asked_anything() {
    story(async {
        let world = World::online("[custom]\ndisableGreetings = true").await;
        let talk = world.cloud.start(Start::in_skill(BOT_SKILL)).unwrap();
        world.is_assigned(&talk).await;
        world.settles().await;
        world.bot.says(&talk, &[text("Can I help?")]);
        world.reads(&talk, &[("ASSIGNED_AGENT", "Can I help?")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_said_unasked_does_not_answer_the_event_under_way() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.says(&talk, &[text("let me look")]);
        world.settles().await;
        world.bot.answers(&event, &[text("found it")]);
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "hello"),
                    ("ASSIGNED_AGENT", "let me look"),
                    ("ASSIGNED_AGENT", "found it"),
                ],
            )
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_speaks_of_what_it_has_not_hears_so_and_harms_nobody() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.says("no-such-conversation", &[text("hello?")]);
        world.bot.answers(&json!({ "id": "no-such-dialog:3" }), &[text("hello?")]);
        world.bot.answers(&json!({ "id": format!("{talk}:77") }), &[text("hello?")]);
        world.bot.send_text("this is not JSON");
        world.bot.send(json!({ "type": "sing" }));
        world.bot.send(json!({ "type": "reply" }));
        world.bot.send(json!([]));
        world.settles().await;
        assert!(world.bot.errors().len() >= 5, "{:?}", world.bot.errors());
        assert_eq!(world.cloud.lines(&talk).len(), 1);
        world.bot.answers(&event, &[text("hi")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_one_conversation_is_never_said_in_another() {
    story(async {
        let world = World::online("").await;
        let one = world.consumer_starts("one");
        let first = world.bot.hears("one").await;
        let two = world.consumer_starts("two");
        let second = world.bot.hears("two").await;
        world.bot.answers(&second, &[text("to two")]);
        world.bot.answers(&first, &[text("to one")]);
        world.reads(&one, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "to one")]).await;
        world.reads(&two, &[("CONSUMER", "two"), ("ASSIGNED_AGENT", "to two")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn with_a_fallback_skill_rings_are_taken_and_escalated_at_once_while_the_bot_is_gone() {
    story(async {
        let world = World::online("").await;
        world.settles().await;
        world.bot.goes_down();
        world.until("not connected", |s| s.bot_server.status == BotStatus::NotConnected).await;
        after(35.0).await;
        let talk = world.consumer_starts("hello");
        let started = world.cloud.clock().now();
        world.is_queued(&talk, HUMAN_SKILL).await;
        assert!(world.cloud.clock().now() - started < 5_000);
        assert_eq!(world.count("fallback_escalations_total", "unreachable"), 1.0);
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
        let status = world.status().await;
        assert_eq!(status.agent_connector.status, ConnectorStatus::NotConnected);
        world.bot.comes_up();
        world.is_online().await;
        world.bot.echoes("");
        let next = world.consumer_starts("back?");
        world.reads(&next, &[("CONSUMER", "back?"), ("ASSIGNED_AGENT", "back?")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_a_fallback_skill_the_agent_goes_away_while_the_bot_is_gone() {
    story(async {
        let world = World::online("[connector]\nfallback_skill_id = \"\"").await;
        world.settles().await;
        world.bot.goes_down();
        world.until("not connected", |s| s.bot_server.status == BotStatus::NotConnected).await;
        after(20.0).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online, "not at once");
        after(15.0).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Away);
        let talk = world.consumer_starts("hello");
        after(20.0).await;
        assert_eq!(world.cloud.queue(BOT_SKILL), [talk.as_str()]);
        world.bot.comes_up();
        world.bot.echoes("");
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_fallback_runs_while_the_bot_cannot_be_reached() {
    story(async {
        let world = World::online("[custom]\nretryMessageInterval = 600000").await;
        world.settles().await;
        world.bot.goes_down();
        after(1.0).await;
        let talk = world.consumer_starts("hello");
        let started = world.cloud.clock().now();
        world.is_queued(&talk, HUMAN_SKILL).await;
        let waited = world.cloud.clock().now() - started;
        assert!((180_000..185_000).contains(&waited), "{waited} ms");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_never_reached_the_bot_goes_out_when_it_is_back_as_its_first_attempt() {
    story(async {
        let world = World::online("").await;
        world.settles().await;
        world.bot.goes_down();
        after(1.0).await;
        world.consumer_starts("hello");
        after(2.0).await;
        world.bot.comes_up();
        let event = world.bot.hears("hello").await;
        assert_eq!(event["attempt"], 1);
        assert_eq!(event["message"]["origin"], "consumer");
        assert_ne!(event["id"], Value::Null);
    })
    .await;
}
