//! Power loss at any moment: the next start resumes from the history.

use serde_json::json;

use crate::{
    simulator::{Fault, Shape, Start},
    support::{AGENT, BOT_SKILL, HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn what_was_unanswered_is_asked_again_under_the_same_id() {
    story(async {
        let mut world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let before = world.bot.hears("hello").await;
        world.settles().await;
        world.kill().await;
        world.cloud.consumer(&talk).says("still there?").unwrap();
        world.start("").await;
        let after_restart = world.bot.next("message").await;
        let texts = after_restart["message"]["text"].as_str().unwrap();
        assert!(texts.starts_with("hello"), "{texts}");
        if texts == "hello" {
            assert_eq!(after_restart["id"], before["id"]);
            world.bot.answers(&after_restart, &[text("hi")]);
            world.bot.hears("still there?").await;
        } else {
            assert_eq!(texts, "hello still there?");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_id_of_the_same_batch_is_the_same_after_a_restart() {
    story(async {
        let mut world = World::online("").await;
        world.consumer_starts("hello");
        let before = world.bot.hears("hello").await;
        world.settles().await;
        world.kill().await;
        world.start("").await;
        let again = world.bot.hears("hello").await;
        assert_eq!(again["id"], before["id"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_is_not_asked_again_and_not_greeted_and_not_receipted() {
    story(async {
        let mut world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(&event, &[text("hi")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
        world.settles().await;
        let receipts = world.receipts(&talk);
        assert_eq!(receipts, [0]);
        for _ in 0..3 {
            world.kill().await;
            world.start("").await;
            world.is_online().await;
            after(30.0).await;
        }
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
        assert_eq!(world.receipts(&talk), receipts);
        assert_eq!(world.said(&talk).len(), 1);
        world.cloud.consumer(&talk).says("more").unwrap();
        world.bot.hears("more").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_greeting_is_not_repeated_after_its_answer() {
    story(async {
        let mut world = World::online("").await;
        let talk = world.cloud.start(Start::in_skill(BOT_SKILL)).unwrap();
        let event = world.bot.hears("hi").await;
        world.bot.answers(&event, &[text("How can I help?")]);
        world.reads(&talk, &[("ASSIGNED_AGENT", "How can I help?")]).await;
        world.kill().await;
        world.start("").await;
        world.is_online().await;
        after(30.0).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_found_half_published_is_completed_and_not_repeated() {
    for have in 1..=2 {
        story(async {
            let mut world = World::online("").await;
            let talk = world.consumer_starts("hello");
            let event = world.bot.hears("hello").await;
            world.settles().await;
            let answer = [text("one"), text("two"), text("three")];
            let pause = json!({ "type": "pause", "milliseconds": 30000 });
            let mut slow: Vec<_> = answer[..have].to_vec();
            slow.push(pause);
            slow.extend(answer[have..].to_vec());
            world.bot.answers(&event, &slow);
            after(5.0).await;
            assert_eq!(world.said(&talk).len(), have);
            world.kill().await;
            world.start("").await;
            let again = world.bot.hears("hello").await;
            assert_eq!(again["id"], event["id"]);
            world.bot.answers(&again, &slow);
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
            after(60.0).await;
            assert_eq!(world.said(&talk).len(), 3);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn lateness_is_judged_by_the_history_after_a_restart() {
    story(async {
        let mut world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(&event, &[text("hi")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
        world.kill().await;
        after(31.0 * 60.0).await;
        world.cloud.consumer(&talk).says("too late").unwrap();
        world.start("").await;
        world.is_online().await;
        after(20.0).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
        assert_eq!(world.status().await.totals.too_late, 1);
        assert_eq!(world.receipts(&talk), [0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn power_loss_at_any_moment_of_a_talk_loses_nothing_and_says_nothing_twice() {
    for tenths in (0..60).step_by(3) {
        story(async {
            let mut world = World::new();
            world.bot.echoes("re: ");
            world.start("").await;
            let talk = world.consumer_starts("one");
            after(f64::from(tenths) / 10.0).await;
            let two = tenths % 2 == 0;
            if two {
                // A second message somewhere on the way.
                world.cloud.consumer(&talk).says("two").unwrap();
            }
            after(0.05).await;
            world.kill().await;
            world.start("").await;
            world.is_online().await;
            after(200.0).await;
            let lines = world.cloud.lines(&talk);
            let own: Vec<&str> = lines
                .iter()
                .filter(|(role, _)| *role == "ASSIGNED_AGENT")
                .map(|(_, text)| text.as_str())
                .collect();
            let whole = own.join(" ");
            assert!(own.len() <= 1 + usize::from(two), "{tenths}: {lines:?}");
            assert_eq!(whole.matches("one").count(), 1, "{tenths}: {lines:?}");
            assert_eq!(whole.matches("two").count(), usize::from(two), "{tenths}: {lines:?}");
            assert!(world.transfers().is_empty());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_metadata_in_the_history_nothing_is_lost_and_nothing_answered_is_asked_again() {
    story(async {
        let mut world = World::online("").await;
        world.cloud.inject(Fault::Shape { what: Shape::NoMetadata, role: None });
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(&event, &[text("hi")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
        world.settles().await;
        world.kill().await;
        world.cloud.consumer(&talk).says("more").unwrap();
        world.start("").await;
        let more = world.bot.hears("more").await;
        assert!(world.count("ambiguous_total", "answered_by_position") >= 1.0);
        world.bot.answers(&more, &[text("of course")]);
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "hello"),
                    ("ASSIGNED_AGENT", "hi"),
                    ("CONSUMER", "more"),
                    ("ASSIGNED_AGENT", "of course"),
                ],
            )
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_metadata_a_lost_acknowledgement_is_looked_up_by_its_text() {
    story(async {
        let world = World::online("").await;
        world.cloud.inject(Fault::Shape { what: Shape::NoMetadata, role: None });
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.settles().await;
        let request = Some("PublishEvent".to_owned());
        world.cloud.inject(Fault::Ignore { request, handled: true }.times(1));
        world.bot.answers(&event, &[text("one"), text("two")]);
        let lines = [("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one"), ("ASSIGNED_AGENT", "two")];
        world.reads(&talk, &lines).await;
        after(60.0).await;
        world.reads(&talk, &lines).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_open_conversations_are_rebuilt_before_online() {
    story(async {
        let mut world = World::new();
        world.cloud.agent(AGENT).has_capacity(2_000).unwrap();
        let start = Start::in_skill(BOT_SKILL).saying("hello");
        let talks = world.cloud.crowd(1_000, Some(AGENT), &start).unwrap();
        world.bot.echoes("");
        world.start("[connector]\nmax_conversations = 999\n").await;
        world.until("rebuilt", |status| status.conversations.open == 1_000).await;
        after(120.0).await;
        for talk in &talks {
            assert_eq!(world.said(talk).len(), 1);
        }
        assert_eq!(world.cloud.availability(AGENT).unwrap(), crate::simulator::Availability::Away);
        assert_eq!(world.cloud.logins(), 1);
        for talk in &talks[..10] {
            world.cloud.close(talk, "SYSTEM").unwrap();
        }
        assert!(world.cloud.queue(HUMAN_SKILL).is_empty());
    })
    .await;
}
