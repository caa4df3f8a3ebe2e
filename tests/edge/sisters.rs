//! Several connectors of one bot, and what happens when two of them are given the same agent.

use connectord::daemon::End;

use crate::{
    simulator::{Availability, Options},
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
async fn when_a_connector_is_killed_rings_go_to_its_sister_as_soon_as_the_cloud_knows() {
    // How long the cloud believes an agent whose socket is gone is nothing that a connector could change.
    for state_kept in [0, 60_000] {
        story(inherits(state_kept)).await;
    }
}

async fn inherits(state_kept: u64) {
    let mut world = World::with(Options { state_kept, ..Options::fixed() });
    world.start("").await;
    world.is_online().await;
    let mut sister = world.sister();
    sister.start(SECOND).await;
    sister.is_online().await;
    sister.bot.echoes("two: ");
    world.kill().await;
    let start = world.cloud.clock().now();
    let talk = world.consumer_starts("hello");
    sister.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "two: hello")]).await;
    let took = world.cloud.clock().now() - start;
    assert!(took < state_kept + 1_200, "{took} ms, with ringAcceptWait 100 and messageDelay 300");
}

#[tokio::test(start_paused = true)]
async fn two_connectors_with_one_agent_say_so_and_do_not_fight() {
    // How a program hears that another one has logged in as its agent: a close that says so, a cut connection, or only
    // when it refreshes its session.
    for eviction_code in [4401, 1006, 0] {
        story(fight(eviction_code)).await;
    }
}

/// An hour of two programs with one agent.
async fn fight(eviction_code: u16) {
    let mut world = World::with(Options { eviction_code, ..Options::fixed() });
    world.start("").await;
    world.is_online().await;
    let mut twin = world.sister();
    twin.start("").await;
    let both = [&world, &twin];
    let logins = || both.map(|one| one.count("logins_total", "ok"));
    let mut before = logins();
    let mut minutes = Vec::new();
    for _ in 0..60 {
        after(60.0).await;
        let now = logins();
        minutes.push([now[0] - before[0], now[1] - before[1]]);
        before = now;
    }
    let first: f64 = minutes[..2].iter().flatten().sum();
    assert!(first <= 8.0, "{eviction_code}: {minutes:?}");
    let fought = minutes[2..].iter().flatten().any(|logins| *logins > 1.0);
    assert!(!fought, "{eviction_code}: log-ins of each in each minute: {minutes:?}");
    for one in both {
        let told = format!("{:?}", one.status().await.conversational_cloud);
        let words = format!("another program seems to log in as {AGENT}");
        assert!(told.contains(&words), "{eviction_code}: {told}");
    }
    // When one of them is gone, the other serves soon.
    twin.kill().await;
    let start = world.cloud.clock().now();
    world.is_online().await;
    world.bot.echoes("");
    let talk = world.consumer_starts("hello");
    world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
    let took = world.cloud.clock().now() - start;
    // A minute from its last log-in, and a quarter of one to learn that its token is void.
    assert!(took < 80_000, "{eviction_code}: {took} ms");
}
