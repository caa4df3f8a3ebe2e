//! The main job, once through.

use connectord::daemon::End;
use serde_json::json;

use crate::{
    simulator::Availability,
    support::{AGENT, HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn a_consumer_is_answered_through_the_whole_chain() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("you said: ");
        let talk = world.consumer_starts("hello");
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "you said: hello")]).await;
        world.cloud.consumer(&talk).says("and now?").unwrap();
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "hello"),
                    ("ASSIGNED_AGENT", "you said: hello"),
                    ("CONSUMER", "and now?"),
                    ("ASSIGNED_AGENT", "you said: and now?"),
                ],
            )
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn messages_within_the_window_reach_the_bot_as_one() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let first = world.bot.hears("hello").await;
        world.bot.answers(&first, &[text("hi")]);
        after(1.0).await;
        world.cloud.consumer(&talk).says("hi").unwrap();
        world.cloud.consumer(&talk).says("how are you").unwrap();
        let event = world.bot.hears("hi how are you").await;
        assert_eq!(event["message"]["parts"].as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_bot_hands_a_consumer_to_people() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("agent, please");
        let event = world.bot.hears("agent, please").await;
        world.bot.answers(&event, &[text("One moment."), json!({ "type": "transfer" })]);
        world.bot.next("conversationTransferred").await;
        assert_eq!(world.cloud.queue(HUMAN_SKILL), [talk]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_bot_is_asked_again_and_then_people_take_over() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("anybody?");
        let first = world.bot.hears("anybody?").await;
        let second = world.bot.hears("anybody?").await;
        assert_eq!((&first["id"], 1), (&second["id"], first["attempt"].as_u64().unwrap()));
        assert_eq!(second["attempt"], 2);
        world.bot.next("conversationTransferred").await;
        assert_eq!(world.cloud.queue(HUMAN_SKILL), [talk]);
        assert_eq!(world.status().await.totals.fallback_escalations, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_goes_away_first_and_logs_out_last() {
    story(async {
        let mut world = World::online("").await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
        assert_eq!(world.stop().await, End::Stopped);
        assert_eq!(world.cloud.sockets(), 0);
        assert_eq!(
            world.cloud.requests("SetAgentState").last().unwrap().body["availability"],
            "AWAY"
        );
    })
    .await;
}
