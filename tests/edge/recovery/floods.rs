//! Floods that last, with refusals and restarts in the middle of them.

use crate::{
    simulator::{Event, Fault, World as Cloud},
    support::{Answer, BY_WEBHOOK, World, after, story},
};

/// One question at a time, each answered after twenty seconds: three a minute.
const NARROW: &str = "max_in_flight = 1\n";
const PATIENT: &str = "[connector]\nfallback_skill_id = \"\"\n\
                       [custom]\nfallbackEscalationTime = 0\nmaxConsumerMessageDelay = 6000\n";

#[tokio::test(start_paused = true)]
async fn receipts_keep_alives_and_the_status_go_on_for_ten_minutes_of_too_much() {
    story(async {
        let world = World::online(&format!("{BY_WEBHOOK}{NARROW}{PATIENT}")).await;
        world.webhook.always(Answer::EchoAfter(20.0));
        let talks: Vec<String> =
            (0..40).map(|n| world.consumer_starts(&format!("hello {n}"))).collect();
        after(10.0).await;
        let clocks = world.cloud.requests("GetClock").len();
        let mut said = 40;
        for round in 0..60 {
            for talk in &talks {
                world.cloud.consumer(talk).says(&format!("more {round}")).unwrap();
                said += 1;
            }
            after(10.0).await;
            assert_eq!(world.status().await.conversations.open, 40);
        }
        let receipts: usize = talks.iter().map(|talk| world.receipts(talk).len()).sum();
        assert_eq!(receipts, said, "one receipt for each message, while the bot lags behind");
        let times: Vec<u64> =
            world.cloud.requests("GetClock")[clocks..].iter().map(|one| one.time).collect();
        assert!(times.windows(2).all(|two| two[1] - two[0] <= 30_500), "{times:?}");
        assert!(times.len() >= 19, "{} keep-alives in ten minutes", times.len());
        assert_eq!(world.status().await.conversational_cloud.reconnects, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn three_thousand_messages_are_answered_once_each_through_refusals() {
    story(async {
        let world = World::online(PATIENT).await;
        world.bot.answers_by(range_of);
        let talk = burst(&world).await;
        let fault = Fault::Answer { request: None, code: 429, body: None, handled: false };
        world.cloud.inject(fault.times(20));
        is_answered_once(&world, &talk).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn three_thousand_messages_are_answered_once_each_over_a_restart_in_the_middle() {
    for batches in [0, 12] {
        story(async {
            let mut world = World::online(PATIENT).await;
            if batches > 0 {
                world.bot.answers_by(range_of);
            }
            let talk = burst(&world).await;
            let enough = |cloud: &Cloud| {
                let end = last_answer(cloud, &talk).map_or(0, |(_, last)| last + 1);
                end >= 100 * batches
            };
            world.cloud_until("some answers", enough).await;
            world.kill().await;
            world.bot.answers_by(range_of);
            world.start(PATIENT).await;
            is_answered_once(&world, &talk).await;
        })
        .await;
    }
}

/// How many messages make a burst; each is its own number.
const BURST: u64 = 3_000;

/// A conversation whose consumer says three thousand things at once.
async fn burst(world: &World) -> String {
    let talk = world.consumer_starts("0");
    world.is_assigned(&talk).await;
    world.settles().await;
    for n in 1..BURST {
        world.cloud.consumer(&talk).says(&n.to_string()).unwrap();
    }
    talk
}

/// The first and the last word of a text.
fn range_of(text: &str) -> String {
    let (first, last) = (text.split(' ').next().unwrap(), text.rsplit(' ').next().unwrap());
    format!("{first}-{last}")
}

/// Waits until the answers cover all of the burst, in order and without overlap, and stay so.
async fn is_answered_once(world: &World, talk: &str) {
    let done = |cloud: &Cloud| last_answer(cloud, talk).is_some_and(|(_, last)| last + 1 == BURST);
    let ended = world.cloud.wait_until("the last answer", done).await;
    after(120.0).await;
    let found = world.cloud.read(|cloud| {
        cloud.conversations[talk]
            .main()
            .events
            .iter()
            .filter_map(|one| range(one))
            .collect::<Vec<_>>()
    });
    assert!(ended.is_ok(), "the answers end with {:?}", found.last());
    let mut next = 0;
    for (first, last) in &found {
        assert_eq!(*first, next, "after {} answers: {found:?}", found.len());
        next = last + 1;
    }
    assert_eq!(next, BURST);
}

/// The newest answer of all.
fn last_answer(cloud: &Cloud, talk: &str) -> Option<(u64, u64)> {
    cloud.conversations[talk].main().events.iter().rev().find_map(|one| range(one))
}

/// The messages that an answer speaks of.
fn range(event: &Event) -> Option<(u64, u64)> {
    let (first, last) = event.text()?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}
