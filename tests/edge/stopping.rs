//! The orderly end, and the file read again.

use connectord::{
    daemon::End,
    ops::status::{ConnectorStatus, Phase},
};

use crate::{
    simulator::{Availability, Scope},
    support::{AGENT, BOT_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn a_drain_goes_away_finishes_the_answer_under_way_and_logs_out() {
    story(async {
        let mut world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.ask_to_stop().await;
        after(5.0).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Away);
        let status = world.status().await;
        assert_eq!(status.phase, Phase::Draining);
        assert_eq!(status.agent_connector.status, ConnectorStatus::Stopped);
        world.bot.answers(&event, &[text("one"), text("two")]);
        assert_eq!(world.stops().await, End::Stopped);
        assert_eq!(
            world.cloud.lines(&talk),
            [
                ("CONSUMER", "hello".to_owned()),
                ("ASSIGNED_AGENT", "one".to_owned()),
                ("ASSIGNED_AGENT", "two".to_owned())
            ]
        );
        assert_eq!(world.cloud.read(|cloud| cloud.counts.logouts), 1);
        assert_eq!(world.cloud.sockets(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_takes_no_ring() {
    story(async {
        let mut world = World::online("[custom]\nringAcceptWait = 3000").await;
        world.settles().await;
        world.consumer_starts("under way");
        world.bot.hears("under way").await;
        let rings = world.consumer_starts("rings already");
        after(1.0).await;
        world.ask_to_stop().await;
        after(10.0).await;
        let later = world.consumer_starts("rings later");
        assert_eq!(world.stops().await, End::Stopped);
        assert_eq!(world.cloud.requests("UpdateRingState").len(), 1);
        assert_eq!(world.cloud.queue(BOT_SKILL), [rings, later]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_takes_at_most_drain_timeout() {
    story(async {
        let mut world = World::online("[shutdown]\ndrain_timeout = \"20s\"").await;
        world.consumer_starts("hello");
        world.bot.hears("hello").await;
        let start = world.cloud.clock().now();
        assert_eq!(world.stop().await, End::Stopped);
        let took = world.cloud.clock().now() - start;
        assert!((17_900..=20_300).contains(&took), "{took} ms");
        assert_eq!(world.cloud.read(|cloud| cloud.counts.logouts), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_short_drain_timeout_holds_even_if_the_cloud_does_not_answer_any_more() {
    story(async {
        let mut world = World::online("[shutdown]\ndrain_timeout = \"3s\"").await;
        world.consumer_starts("hello");
        world.bot.hears("hello").await;
        world.cloud.black_hole(Some(AGENT));
        let start = world.cloud.clock().now();
        assert_eq!(world.stop().await, End::Stopped);
        let took = world.cloud.clock().now() - start;
        assert!((1_900..=3_300).contains(&took), "{took} ms");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_answer_under_way_does_not_keep_other_conversations_from_being_returned() {
    story(async {
        let mut world = World::online("[shutdown]\non_stop = \"return\"").await;
        let idle = talked(&world).await;
        let busy = world.consumer_starts("a hard one");
        world.bot.hears("a hard one").await;
        world.settles().await;
        world.ask_to_stop().await;
        after(2.0).await;
        assert_eq!(world.cloud.queue(BOT_SKILL), [idle.as_str()]);
        // The bot never answers: in the end this one goes back as well.
        let start = world.cloud.clock().now();
        assert_eq!(world.stops().await, End::Stopped);
        assert!(world.cloud.clock().now() - start < 28_000);
        assert_eq!(world.cloud.queue(BOT_SKILL), [idle, busy]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn keep_leaves_conversations_with_the_agent_for_the_next_start() {
    story(async {
        let mut world = World::online("").await;
        let talk = talked(&world).await;
        assert_eq!(world.stop().await, End::Stopped);
        let kept = world.cloud.conversation(&talk).unwrap();
        assert_eq!(kept.assigned(), Some("12345678.4102938475"));
        world.cloud.consumer(&talk).says("more").unwrap();
        world.start("").await;
        world.bot.hears("more").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn return_gives_conversations_back_to_the_queue_and_the_next_connector_has_their_history() {
    story(async {
        let mut world = World::online("[shutdown]\non_stop = \"return\"").await;
        let talk = talked(&world).await;
        assert_eq!(world.stop().await, End::Stopped);
        assert_eq!(world.cloud.queue(BOT_SKILL), [talk.as_str()]);
        world.cloud.consumer(&talk).says("more").unwrap();
        world
            .start(
                "[credentials]\nusername = \"support-bot-2\"\npassword = \"support-bot-2-password\"",
            )
            .await;
        let event = world.bot.hears("more").await;
        world.bot.answers(&event, &[text("of course")]);
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
async fn a_returned_conversation_waits_for_the_answer_under_way() {
    story(async {
        let mut world = World::online("[shutdown]\non_stop = \"return\"").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.ask_to_stop().await;
        after(5.0).await;
        assert!(world.cloud.queue(BOT_SKILL).is_empty());
        world.bot.answers(&event, &[text("hi")]);
        assert_eq!(world.stops().await, End::Stopped);
        assert_eq!(world.cloud.queue(BOT_SKILL), [talk.as_str()]);
        assert_eq!(world.said(&talk).len(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_consumer_says_during_a_drain_is_for_the_next_start() {
    story(async {
        let mut world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.ask_to_stop().await;
        after(2.0).await;
        world.cloud.consumer(&talk).says("one more thing").unwrap();
        after(2.0).await;
        world.bot.answers(&event, &[text("hi")]);
        assert_eq!(world.stops().await, End::Stopped);
        assert!(world.bot.unheard().is_empty());
        world.start("").await;
        world.bot.hears("one more thing").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_cloud_cannot_be_reached_ends_all_the_same() {
    story(async {
        let mut world = World::new();
        world.cloud.agent(AGENT).is_enabled(false).unwrap();
        world.start("").await;
        after(10.0).await;
        let start = world.cloud.clock().now();
        assert_eq!(world.stop().await, End::Stopped);
        assert!(world.cloud.clock().now() - start < 5_000);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_applies_at_once_without_a_reconnect() {
    story(async {
        let world = World::online("").await;
        let talk = talked(&world).await;
        let before = world.status().await;
        world.reload("[custom]\nmessageDelay = 5000\n[connector]\nmax_conversations = 1").await;
        let now = world.status().await;
        assert_eq!(now.conversations.limit, 1);
        assert_ne!(now.custom_fingerprint, before.custom_fingerprint);
        world.settles().await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Away, "at the limit");
        world.cloud.consumer(&talk).says("a").unwrap();
        after(4.0).await;
        world.cloud.consumer(&talk).says("b").unwrap();
        world.bot.hears("a b").await;
        assert_eq!((world.cloud.logins(), world.cloud.sockets()), (1, 1));
        assert_eq!(now.conversational_cloud.reconnects, 0);
        assert_eq!(world.bot.connections(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_of_a_file_with_mistakes_changes_nothing() {
    story(async {
        let world = World::online("").await;
        let before = world.status().await;
        world
            .reload_file("[connector]\nmax_conversations = -3\n[custom]\nmessageDelay = 9".into())
            .await;
        let now = world.status().await;
        assert_eq!(now.conversations.limit, before.conversations.limit);
        assert_eq!(now.custom_fingerprint, before.custom_fingerprint);
        let talk = talked(&world).await;
        world.cloud.consumer(&talk).closes(Scope::Conversation).unwrap();
        world.bot.next("conversationEnded").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_with_another_bot_moves_to_it() {
    story(async {
        let world = World::online("").await;
        world.reload(crate::support::BY_WEBHOOK).await;
        world.webhook.always(crate::support::Answer::Actions(vec![text("by webhook")]));
        let talk = world.consumer_starts("hello");
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "by webhook")]).await;
    })
    .await;
}

/// A conversation in which the bot has answered "hello" by "hi".
async fn talked(world: &World) -> String {
    let talk = world.consumer_starts("hello");
    let event = world.bot.hears("hello").await;
    world.bot.answers(&event, &[text("hi")]);
    world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
    world.settles().await;
    talk
}
