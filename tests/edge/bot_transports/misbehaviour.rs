//! Bots that are down, slow, wrong, too loud, or break off: every consumer message is answered once, or people get it.

use connectord::ops::status::BotStatus;
use serde_json::json;

use crate::{
    simulator::Availability,
    support::{AGENT, Answer, BOT_SKILL, BY_WEBHOOK, HUMAN_SKILL, World, after, story, text},
};

const NO_FALLBACK: &str = "[connector]\nfallback_skill_id = \"\"\n";
const ANSWERED: [(&str, &str); 2] = [("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")];

#[tokio::test(start_paused = true)]
async fn a_bot_that_is_down_at_the_start_finds_its_consumers_waiting_in_the_queue() {
    story(async {
        let mut world = World::new();
        world.bot.goes_down();
        world.start(NO_FALLBACK).await;
        after(60.0).await;
        let talk = world.consumer_starts("hello");
        after(60.0).await;
        assert_eq!(world.cloud.queue(BOT_SKILL), [talk.as_str()]);
        world.bot.answers_by(|_| "hi".to_owned());
        world.bot.comes_up();
        world.reads(&talk, &ANSWERED).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_is_down_at_the_start_costs_nobody_more_than_a_hand_over() {
    story(async {
        let mut world = World::new();
        world.bot.goes_down();
        world.start("").await;
        // Who comes before the bot counts as gone, waits for it as for any answer; who comes later, does not wait.
        for (wait, limits) in [(0.0, 180_000..186_000), (60.0, 0..5_000)] {
            after(wait).await;
            let talk = world.consumer_starts("hello");
            let started = world.cloud.clock().now();
            world.is_queued(&talk, HUMAN_SKILL).await;
            let waited = world.cloud.clock().now() - started;
            assert!(limits.contains(&waited), "{waited} ms");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_sent_whole_is_said_whole_though_the_bot_dies_right_after_it() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(
            &event,
            &[text("one"), json!({ "type": "pause", "milliseconds": 9000 }), text("two")],
        );
        after(1.0).await;
        world.bot.goes_down();
        let lines = [("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one"), ("ASSIGNED_AGENT", "two")];
        world.reads(&talk, &lines).await;
        world.bot.comes_up();
        after(120.0).await;
        world.reads(&talk, &lines).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_dies_between_two_frames_is_asked_again_for_what_it_had_not_answered() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let first = world.bot.hears("hello").await;
        world.bot.says(&talk, &[text("one moment")]);
        world.settles().await;
        world.bot.goes_down();
        after(1.0).await;
        world.bot.comes_up();
        after(200.0).await;
        // What was said unasked is an answer: nobody waits in silence, and nothing is asked again.
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
        assert!(world.transfers().is_empty());
        world.bot.answers(&first, &[text("hi")]);
        let lines =
            [("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one moment"), ("ASSIGNED_AGENT", "hi")];
        world.reads(&talk, &lines).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_whose_end_never_comes_says_nothing_and_the_question_is_put_again() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let first = world.bot.hears("hello").await;
        let reply = json!({ "inReplyTo": first["id"], "actions": [text("half of it")] });
        let frame = json!({ "type": "reply", "reply": reply }).to_string();
        world.bot.sends_a_beginning(&frame[..frame.len() / 2]);
        world.settles().await;
        world.bot.goes_down();
        after(1.0).await;
        world.bot.comes_up();
        let again = world.bot.hears("hello").await;
        assert_eq!((&again["id"], &again["attempt"]), (&first["id"], &2.into()));
        world.bot.answers(&again, &[text("hi")]);
        world.reads(&talk, &ANSWERED).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_shuts_its_side_of_the_connection_is_dialled_anew_and_asked_again() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let first = world.bot.hears("hello").await;
        world.bot.ends_sending();
        let again = world.bot.hears("hello").await;
        assert_eq!(again["id"], first["id"]);
        assert_eq!(world.bot.connections(), 2);
        world.bot.answers(&again, &[text("hi")]);
        world.reads(&talk, &ANSWERED).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_reads_no_more_is_noticed_within_eighty_seconds_and_asked_again() {
    story(async {
        let world = World::online("").await;
        world.settles().await;
        world.bot.ends_reading();
        let talk = world.consumer_starts("hello");
        let started = world.cloud.clock().now();
        let event = world.bot.hears("hello").await;
        let waited = world.cloud.clock().now() - started;
        assert!(waited < 80_000, "{waited} ms");
        world.bot.answers(&event, &[text("hi")]);
        world.reads(&talk, &ANSWERED).await;
        assert_eq!(world.count("reconnects_total", "bot_server"), 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_bot_is_waited_for_and_its_answer_is_said_once() {
    for seconds in [20.0, 70.0, 170.0] {
        story(async {
            let world = World::online("").await;
            let talk = world.consumer_starts("hello");
            let event = world.bot.hears("hello").await;
            after(seconds).await;
            world.bot.answers(&event, &[text("hi")]);
            world.reads(&talk, &ANSWERED).await;
            after(120.0).await;
            world.reads(&talk, &ANSWERED).await;
            assert!(world.transfers().is_empty());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_useless_frames_cost_the_bot_its_connection_and_nobody_an_answer() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        let junk = (0..10_000).map(|n| json!({ "type": "reply", "reply": { "inReplyTo": format!("nothing:{n}"), "actions": [] } }));
        let taken = world.bot.floods(junk).await;
        assert!(taken < 1_000, "{taken} frames were taken");
        let again = world.bot.hears("hello").await;
        assert_eq!(again["id"], event["id"]);
        world.bot.answers(&again, &[text("hi")]);
        world.reads(&talk, &ANSWERED).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_answers_to_one_question_are_one_answer() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        let reply = json!({ "type": "reply", "reply": { "inReplyTo": event["id"], "actions": [text("hi")] } });
        world.bot.floods(std::iter::repeat_n(reply, 10_000)).await;
        world.reads(&talk, &ANSWERED).await;
        after(120.0).await;
        world.reads(&talk, &ANSWERED).await;
        world.until("back", |status| status.bot_server.status == BotStatus::Connected).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_talks_on_and_on_in_one_conversation_holds_up_no_other() {
    story(async {
        let world = World::online("").await;
        let loud = world.consumer_starts("loud");
        world.bot.hears("loud").await;
        let quiet = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        let say = json!({ "type": "say", "conversationId": loud, "actions": [text("and another thing")] });
        let flood = world.bot.floods(std::iter::repeat_n(say, 10_000));
        let bot = world.bot.clone();
        let answer = async {
            after(0.1).await;
            bot.floods([json!({ "type": "reply", "reply": { "inReplyTo": event["id"], "actions": [text("hi")] } })]).await;
        };
        let start = world.cloud.clock().now();
        tokio::join!(flood, answer, world.reads(&quiet, &ANSWERED));
        let took = world.cloud.clock().now() - start;
        assert!(took < 10_000, "{took} ms");
        // What did not fit is counted, not kept.
        after(300.0).await;
        let said = world.said(&loud).len() as f64;
        let dropped = world.count("answers_dropped_total", "not_assigned");
        assert_eq!(said + dropped, 10_000.0, "{said} said, {dropped} dropped");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_breaks_off_in_mid_body_has_not_answered_and_is_asked_again() {
    story(async {
        let world = World::online(BY_WEBHOOK).await;
        let whole = json!({ "actions": [text("half of it")] }).to_string();
        world.webhook.will([Answer::Cut(whole), Answer::Actions(vec![text("hi")])]);
        let talk = world.consumer_starts("hello");
        let first = world.webhook.hears("hello").await;
        let second = world.webhook.hears("hello").await;
        assert_eq!(
            (&second.event["id"], &second.event["attempt"]),
            (&first.event["id"], &2.into())
        );
        world.reads(&talk, &ANSWERED).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_whose_body_trickles_is_given_up_at_the_request_timeout_and_asked_again() {
    story(async {
        let world = World::online(BY_WEBHOOK).await;
        let slow = json!({ "actions": [text("a byte a second is too slow for this")] }).to_string();
        world.webhook.will([Answer::Trickle(slow), Answer::Actions(vec![text("hi")])]);
        let talk = world.consumer_starts("hello");
        let first = world.webhook.hears("hello").await;
        let second = world.webhook.hears("hello").await;
        let pause = (second.at - first.at).as_secs_f64();
        assert!((59.9..60.5).contains(&pause), "{pause} s");
        world.reads(&talk, &ANSWERED).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_redirects_or_answers_without_end_is_a_fault_and_people_take_over_at_once() {
    for answer in [
        Answer::Status(301),
        Answer::Status(302),
        Answer::Status(307),
        Answer::Body(" ".repeat(2 << 20)),
    ] {
        story(async {
            let world = World::online(BY_WEBHOOK).await;
            world.webhook.will([answer]);
            let talk = world.consumer_starts("hello");
            let asked = world.webhook.hears("hello").await;
            world.is_queued(&talk, HUMAN_SKILL).await;
            assert!(asked.ago().as_secs() < 5, "{:?}", asked.ago());
            assert_eq!(world.webhook.unheard(), 0);
        })
        .await;
    }
}
