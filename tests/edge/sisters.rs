//! Several connectors of one bot, and what happens when two of them are given the same agent.

use connectord::daemon::End;

use crate::{
    simulator::Availability,
    support::{AGENT, BOT_SKILL, World, after, story},
};

const SECOND: &str =
    "[credentials]\nusername = \"support-bot-2\"\npassword = \"support-bot-2-password\"\n";

#[tokio::test(start_paused = true)]
async fn a_full_connector_leaves_the_next_conversation_to_its_sister_at_once() {
    story(async {
        let world = World::online("[connector]\nmax_conversations = 1\n").await;
        let mut sister = world.sister();
        sister.start(SECOND).await;
        sister.is_online().await;
        world.bot.echoes("one: ");
        sister.bot.echoes("two: ");
        // Away at once, so that the first conversation is the first connector's.
        sister.cloud.agent("support-bot-2").is_set(Availability::Away).unwrap();
        let first = world.consumer_starts("hello");
        world.reads(&first, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one: hello")]).await;
        sister.cloud.agent("support-bot-2").is_set(Availability::Online).unwrap();
        world.settles().await;
        let second = world.consumer_starts("hello");
        let start = world.cloud.clock().now();
        sister.reads(&second, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "two: hello")]).await;
        assert!(world.cloud.clock().now() - start < 2_000, "it never rang into silence");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_stopping_connector_returns_its_sister_goes_on_with() {
    story(async {
        let mut world = World::online("[shutdown]\non_stop = \"return\"").await;
        world.bot.echoes("one: ");
        let talk = world.consumer_starts("hello");
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one: hello")]).await;
        let mut sister = world.sister();
        sister.bot.echoes("two: ");
        sister.start(SECOND).await;
        sister.is_online().await;
        assert_eq!(world.stop().await, End::Stopped);
        after(10.0).await;
        assert!(world.cloud.queue(BOT_SKILL).is_empty(), "the sister has it");
        sister.cloud.consumer(&talk).says("more").unwrap();
        sister.settles().await;
        let lines = sister.cloud.lines(&talk);
        assert_eq!(lines.last().unwrap().1, "two: more", "{lines:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_connectors_with_one_agent_say_so_and_do_not_fight() {
    story(async {
        let world = World::online("").await;
        let mut twin = world.sister();
        twin.start("").await;
        after(1_200.0).await;
        for one in [&world, &twin] {
            let told = format!("{:?}", one.status().await);
            assert!(
                told.contains(&format!("another program seems to log in as {AGENT}")),
                "{told}"
            );
        }
        let before = world.cloud.logins();
        after(600.0).await;
        let fought = world.cloud.logins() - before;
        assert!(fought <= 20, "{fought} log-ins of two programs in ten minutes");
        // As soon as one of them is gone, the other serves.
        twin.kill().await;
        world.bot.echoes("");
        let talk = world.consumer_starts("hello");
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
    })
    .await;
}
