//! Notifications in other numbers, orders and shapes than documented.

use serde_json::json;

use crate::{
    simulator::{Fault, Mode, Shape},
    support::{AGENT, HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn notifications_that_come_twice_late_or_out_of_order_change_nothing() {
    for (mode, milliseconds) in
        [(Mode::Duplicate, None), (Mode::Delay, Some(1_500)), (Mode::Reorder, Some(500))]
    {
        story(async {
            let mut world = World::new();
            world.bot.echoes("re: ");
            world.cloud.inject(Fault::Notifications {
                mode,
                milliseconds,
                notification: None,
                conversation: None,
            });
            world.start("").await;
            world.is_online().await;
            let talk = world.consumer_starts("one");
            world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
            after(10.0).await;
            for word in ["two", "three", "four"] {
                world.cloud.consumer(&talk).says(word).unwrap();
                after(0.05).await;
            }
            after(200.0).await;
            let said: Vec<String> =
                world.said(&talk).iter().map(|one| one.text().unwrap().to_owned()).collect();
            let whole = said.join(" ").replace("re: ", "");
            assert_eq!(whole, "one two three four", "{mode:?}: {said:?}");
            let mut receipts = world.receipts(&talk);
            receipts.sort_unstable();
            let all = receipts.len();
            receipts.dedup();
            assert_eq!((all, all), (receipts.len(), 4), "{mode:?}: one receipt for each message");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn notifications_before_the_answer_of_the_request_that_causes_them_do_no_harm() {
    story(async {
        let mut world = World::new();
        world.bot.echoes("re: ");
        world.cloud.inject(Fault::NotificationsFirst { request: None });
        world.start("").await;
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_whole_talk_works_in_every_shape_that_the_service_has_been_seen_to_send() {
    let shapes = [
        (Shape::NoLastContentEvent, None),
        (Shape::NoRoleInPids, Some("ASSIGNED_AGENT")),
        (Shape::NoRoleInPids, Some("CONSUMER")),
        (Shape::NoParticipantsDetails, None),
        (Shape::CobrowseDialog, None),
        (Shape::BareArrays, None),
        (Shape::UnknownEnums, None),
        (Shape::UnknownFields, None),
        (Shape::NoMetadata, None),
        (Shape::NoConversationId, None),
        (Shape::NoRingDetailsIds, None),
        (Shape::PidsInDetails, None),
    ];
    for (what, role) in shapes {
        story(async {
            let mut world = World::new();
            world.cloud.inject(Fault::Shape { what, role: role.map(str::to_owned) });
            world.start("").await;
            world.is_online().await;
            let talk = world.consumer_starts("one");
            let first = world.bot.hears("one").await;
            world.bot.answers(&first, &[text("re: one")]);
            world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
            world.settles().await;
            world.cloud.close_sockets(Some(AGENT), 1000, "");
            world.cloud.consumer(&talk).says("two").unwrap();
            let second = world.bot.hears("two").await;
            world.bot.answers(&second, &[text("One moment."), json!({ "type": "transfer" })]);
            world.is_queued(&talk, HUMAN_SKILL).await;
            world.bot.next("conversationTransferred").await;
            world.settles().await;
            assert_eq!(world.status().await.conversations.open, 0, "{what:?} {role:?}");
            assert_eq!(world.said(&talk).len(), 2, "{what:?} {role:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn frames_that_are_no_json_or_of_unknown_kinds_are_counted_and_lose_no_message() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("one");
        let first = world.bot.hears("one").await;
        for frame in [
            "{",
            "",
            "null",
            "[]",
            "\"text\"",
            r#"{"kind":"resp"}"#,
            r#"{"kind":"resp","reqId":"never-asked","code":200,"body":{}}"#,
            r#"{"kind":"notification","type":".ams.something.New","body":{"a":1}}"#,
            r#"{"kind":"notification","type":"ms.MessagingEventNotification","body":{"changes":"none"}}"#,
            r#"{"kind":"notification","type":".ams.aam.ExConversationChangeNotification","body":7}"#,
            r#"{"kind":"notification","type":".ams.routing.RoutingTaskNotification","body":{"changes":[{"type":"UPSERT"}]}}"#,
            r#"{"kind":"notification","type":".ams.ms.OnlineEventDistribution","body":{"sequence":"x"}}"#,
        ] {
            assert_eq!(world.cloud.send_raw(Some(AGENT), frame), 1);
        }
        world.bot.answers(&first, &[text("hi")]);
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "hi")]).await;
        assert_eq!(world.status().await.conversational_cloud.reconnects, 0);
        assert_eq!(world.cloud.sockets(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn notifications_that_fit_nothing_change_nothing() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        for what in ["unknownNotification", "deleteWithoutUpsert", "unknownDialog", "ringUpdated"] {
            assert_eq!(world.cloud.send_stray(Some(AGENT), what), Ok(1));
        }
        world.settles().await;
        assert_eq!(world.bot.events().len(), 1, "{:#?}", world.bot.events());
        assert_eq!(world.status().await.conversations.open, 1);
        assert_eq!(world.status().await.conversational_cloud.reconnects, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_never_came_are_found_with_the_next_one() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        world.settles().await;
        // Neither itself nor the change of the conversation that it brings with it.
        for notification in ["OnlineEventDistribution", "ExConversationChangeNotification"] {
            world.cloud.inject(
                Fault::Notifications {
                    mode: Mode::Suppress,
                    milliseconds: None,
                    notification: Some(notification.into()),
                    conversation: None,
                }
                .times(1),
            );
        }
        world.cloud.consumer(&talk).says("lost on the way").unwrap();
        after(10.0).await;
        world.cloud.consumer(&talk).says("hello?").unwrap();
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "one"),
                    ("ASSIGNED_AGENT", "re: one"),
                    ("CONSUMER", "lost on the way"),
                    ("CONSUMER", "hello?"),
                    ("ASSIGNED_AGENT", "re: lost on the way hello?"),
                ],
            )
            .await;
        after(60.0).await;
        assert_eq!(world.said(&talk).len(), 3);
        // A gap is looked into once.
        assert_eq!(world.cloud.requests("QueryMessages").len(), 2);
    })
    .await;
}
