//! Publishing through refusals, silence and breaks: nothing lost, nothing said twice.

use crate::{
    simulator::{Fault, Mode, When},
    support::{World, after, story, text},
};

const PUBLISH: &str = "PublishEvent";

fn publish() -> Option<String> {
    Some(PUBLISH.to_owned())
}

/// An echo of an own message is an acknowledgement too; without it only answers and histories tell.
fn no_echoes() -> Fault {
    Fault::Notifications {
        mode: Mode::Suppress,
        milliseconds: None,
        notification: Some("OnlineEventDistribution".into()),
        conversation: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_is_spaced_and_nothing_is_lost() {
    story(async {
        let world = World::online("[custom]\nacceptStatusEventValue = \"SENT\"").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.settles().await;
        let fault = Fault::Answer { request: publish(), code: 429, body: None, handled: false };
        world.cloud.inject(fault.times(4));
        world.bot.answers(&event, &[text("one"), text("two")]);
        world
            .reads(
                &talk,
                &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one"), ("ASSIGNED_AGENT", "two")],
            )
            .await;
        let refused: Vec<u64> = world
            .cloud
            .requests(PUBLISH)
            .iter()
            .filter(|one| one.answered == Some(429))
            .map(|one| one.time)
            .collect();
        assert_eq!(refused.len(), 4);
        assert!(refused.windows(2).all(|two| two[1] - two[0] >= 1_000), "{refused:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_was_stored_but_never_acknowledged_is_not_said_twice() {
    for echoes in [true, false] {
        story(async {
            let world = World::online("").await;
            let talk = world.consumer_starts("hello");
            let event = world.bot.hears("hello").await;
            world.settles().await;
            if !echoes {
                world.cloud.inject(no_echoes());
            }
            world.cloud.inject(Fault::Ignore { request: publish(), handled: true }.times(1));
            world.bot.answers(&event, &[text("one"), text("two")]);
            let lines =
                [("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one"), ("ASSIGNED_AGENT", "two")];
            world.reads(&talk, &lines).await;
            after(120.0).await;
            world.reads(&talk, &lines).await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_was_neither_stored_nor_acknowledged_is_said() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.settles().await;
        world.cloud.inject(Fault::Ignore { request: publish(), handled: false }.times(1));
        world.bot.answers(&event, &[text("one"), text("two")]);
        world
            .reads(
                &talk,
                &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one"), ("ASSIGNED_AGENT", "two")],
            )
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_fails_with_500_is_tried_again_whether_it_was_stored_or_not() {
    for handled in [true, false] {
        story(async {
            let world = World::online("").await;
            let talk = world.consumer_starts("hello");
            let event = world.bot.hears("hello").await;
            world.settles().await;
            world.cloud.inject(no_echoes());
            world.cloud.inject(
                Fault::Answer { request: publish(), code: 500, body: None, handled }.times(1),
            );
            world.bot.answers(&event, &[text("one"), text("two")]);
            let lines =
                [("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one"), ("ASSIGNED_AGENT", "two")];
            world.reads(&talk, &lines).await;
            after(120.0).await;
            world.reads(&talk, &lines).await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_break_before_or_after_the_acknowledgement_in_mid_answer_loses_and_repeats_nothing() {
    for when in [When::BeforeHandling, When::BeforeAnswer, When::AfterAnswer] {
        for nth in 1..=4 {
            story(async {
                let world = World::online("[custom]\nacceptStatusEventValue = \"SENT\"").await;
                let talk = world.consumer_starts("hello");
                let event = world.bot.hears("hello").await;
                world.settles().await;
                world.cloud.inject(Fault::CloseAtRequest {
                    request: publish(),
                    nth,
                    when,
                    code: 1006,
                });
                world.bot.answers(&event, &[text("one"), text("two"), text("three")]);
                let lines = [
                    ("CONSUMER", "hello"),
                    ("ASSIGNED_AGENT", "one"),
                    ("ASSIGNED_AGENT", "two"),
                    ("ASSIGNED_AGENT", "three"),
                ];
                world.reads(&talk, &lines).await;
                after(120.0).await;
                world.reads(&talk, &lines).await;
                assert!(world.bot.unheard().is_empty(), "{when:?} {nth}");
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_that_cannot_be_read_is_asked_for_again() {
    for fault in [
        Fault::Ignore { request: Some("QueryMessages".into()), handled: false },
        Fault::Answer {
            request: Some("QueryMessages".into()),
            code: 500,
            body: None,
            handled: false,
        },
        // A refusal is not believed the first time: without the history a consumer would go unheard.
        Fault::Answer {
            request: Some("QueryMessages".into()),
            code: 400,
            body: None,
            handled: false,
        },
        Fault::Answer {
            request: Some("QueryMessages".into()),
            code: 429,
            body: None,
            handled: false,
        },
    ] {
        story(async {
            let world = World::online("").await;
            world.bot.echoes("");
            world.cloud.inject(fault.times(2));
            let talk = world.consumer_starts("hello");
            world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_cannot_be_read_holds_up_nothing() {
    story(async {
        let world = World::online("").await;
        world
            .cloud
            .inject(Fault::Ignore { request: Some("GetUserProfile".into()), handled: false });
        world.consumer_starts("hello");
        let start = world.cloud.clock().now();
        world.bot.hears("hello").await;
        assert!(world.cloud.clock().now() - start < 12_000);
    })
    .await;
}
