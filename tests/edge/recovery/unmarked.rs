//! The cloud loses the metadata of what agents say: in echoes, in histories, in both.

use crate::{
    simulator::{Fault, Options, RepeatedIds, StripMetadata},
    support::{World, after, story, text},
};

const LOSSES: [StripMetadata; 3] =
    [StripMetadata::Echoes, StripMetadata::Histories, StripMetadata::Both];

fn world(strip_metadata: StripMetadata, repeated_request_ids: RepeatedIds) -> World {
    World::with(Options { strip_metadata, repeated_request_ids, ..Options::fixed() })
}

#[tokio::test(start_paused = true)]
async fn power_loss_at_any_moment_loses_nothing_and_says_nothing_twice() {
    for (tenths, strip) in (0..60).step_by(4).zip(LOSSES.into_iter().cycle()) {
        story(async {
            let mut world = world(strip, RepeatedIds::Twice);
            world.bot.echoes("re: ");
            world.start("").await;
            let talk = world.consumer_starts("one");
            after(f64::from(tenths) / 10.0).await;
            world.cloud.consumer(&talk).says("two").unwrap();
            after(0.05 * f64::from(tenths % 9)).await;
            world.kill().await;
            world.start("").await;
            world.is_online().await;
            after(200.0).await;
            let lines = world.cloud.lines(&talk);
            let own = lines.iter().filter(|(role, _)| *role == "ASSIGNED_AGENT");
            let own: Vec<&str> = own.map(|(_, text)| text.as_str()).collect();
            let whole = own.join(" ");
            assert_eq!(whole.matches("one").count(), 1, "{tenths} {strip:?}: {lines:?}");
            assert_eq!(whole.matches("two").count(), 1, "{tenths} {strip:?}: {lines:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_acknowledgement_is_looked_up_whatever_becomes_of_the_metadata() {
    for strip in LOSSES {
        for repeated in [RepeatedIds::Twice, RepeatedIds::Once] {
            for handled in [true, false] {
                story(async {
                    let mut world = world(strip, repeated);
                    world.start("").await;
                    world.is_online().await;
                    let talk = world.consumer_starts("hello");
                    let event = world.bot.hears("hello").await;
                    world.settles().await;
                    let request = Some("PublishEvent".to_owned());
                    world.cloud.inject(Fault::Ignore { request, handled }.times(1));
                    world.bot.answers(&event, &[text("one"), text("two")]);
                    let lines = [
                        ("CONSUMER", "hello"),
                        ("ASSIGNED_AGENT", "one"),
                        ("ASSIGNED_AGENT", "two"),
                    ];
                    world.reads(&talk, &lines).await;
                    after(60.0).await;
                    world.reads(&talk, &lines).await;
                })
                .await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_half_said_to_a_later_batch_is_completed_by_a_bot_that_answers_alike() {
    story(async {
        let mut world = world(StripMetadata::Both, RepeatedIds::Twice);
        world.start("").await;
        world.is_online().await;
        let talk = world.consumer_starts("one");
        let first = world.bot.hears("one").await;
        world.settles().await;
        world.cloud.consumer(&talk).says("two").unwrap();
        world.settles().await;
        world.bot.answers(&first, &[text("1")]);
        let second = world.bot.hears("two").await;
        let pause = serde_json::json!({ "type": "pause", "milliseconds": 30000 });
        let answer = [text("2a"), pause, text("2b")];
        world.bot.answers(&second, &answer);
        after(5.0).await;
        world.kill().await;
        world.start("").await;
        let again = world.bot.hears("two").await;
        assert_eq!(again["id"], second["id"]);
        assert!(world.count("ambiguous_total", "asked_again") >= 1.0);
        world.bot.answers(&again, &answer);
        let agent = "ASSIGNED_AGENT";
        let lines =
            [("CONSUMER", "one"), ("CONSUMER", "two"), (agent, "1"), (agent, "2a"), (agent, "2b")];
        world.reads(&talk, &lines).await;
        after(60.0).await;
        world.reads(&talk, &lines).await;
    })
    .await;
}
