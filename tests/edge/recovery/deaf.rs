//! Connected but deaf: the socket answers every question, and what it should tell by itself does not come.

use connectord::ops::status::ConnectorStatus;

use crate::{
    simulator::{Fault, Mode, Rule, Shape},
    support::{World, after, story, text},
};

/// A look, its jitter, its waits, and a new socket with what has to be read.
const BOUND: u64 = 100_000;

#[tokio::test(start_paused = true)]
async fn a_wholly_deaf_socket_is_replaced_with_the_same_token_however_many_conversations_there_are()
{
    for open in [0, 1, 5] {
        story(async {
            let world = World::online("").await;
            world.bot.echoes("re: ");
            let mut talks = Vec::new();
            for _ in 0..open {
                let talk = world.consumer_starts("one");
                world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
                talks.push(talk);
            }
            after(600.0).await;
            world.cloud.inject(deaf(None, None));
            let start = world.cloud.clock().now();
            let new = world.consumer_starts("new");
            for talk in &talks {
                world.cloud.consumer(talk).says("two").unwrap();
            }
            for talk in &talks {
                let lines = [
                    ("CONSUMER", "one"),
                    ("ASSIGNED_AGENT", "re: one"),
                    ("CONSUMER", "two"),
                    ("ASSIGNED_AGENT", "re: two"),
                ];
                world.reads(talk, &lines).await;
            }
            let took = world.cloud.clock().now() - start;
            assert!(took < BOUND, "{open} open: {took} ms");
            world.reads(&new, &[("CONSUMER", "new"), ("ASSIGNED_AGENT", "re: new")]).await;
            let took = world.cloud.clock().now() - start;
            assert!(took < BOUND, "{open} open, the new one: {took} ms");
            after(900.0).await;
            assert_eq!(world.count("reconnects_total", "deaf"), 1.0);
            assert_eq!(world.cloud.logins(), 1, "with the same token");
            assert_eq!(world.status().await.agent_connector.status, ConnectorStatus::Online);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_one_conversation_that_do_not_come_are_read_and_the_second_time_the_socket_goes()
 {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        world.settles().await;
        world.cloud.inject(deaf(Some("OnlineEventDistribution"), Some(&talk)));
        let mut lines = vec![("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")];
        for (word, answer) in [("two", "re: two"), ("three", "re: three"), ("four", "re: four")] {
            let start = world.cloud.clock().now();
            world.cloud.consumer(&talk).says(word).unwrap();
            lines.extend([("CONSUMER", word), ("ASSIGNED_AGENT", answer)]);
            world.reads(&talk, &lines).await;
            let took = world.cloud.clock().now() - start;
            assert!(took < 3_000, "{word}: {took} ms");
            after(60.0).await;
        }
        assert_eq!(missed(&world, "message"), 2.0, "the third comes by itself, on a new socket");
        assert_eq!(world.count("reconnects_total", "deaf"), 1.0);
        assert_eq!(world.cloud.logins(), 1);
        let told = world.receipts(&talk);
        assert_eq!(told.len(), 4, "{told:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_tells_no_rings_any_more_is_replaced_and_the_ring_is_taken() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        after(300.0).await;
        world.cloud.inject(deaf(Some("RoutingTaskNotification"), None));
        let start = world.cloud.clock().now();
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        let took = world.cloud.clock().now() - start;
        assert!(took < BOUND, "{took} ms");
        assert_eq!(world.count("reconnects_total", "deaf"), 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_was_not_told_is_found_and_taken_before_it_expires() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        after(300.0).await;
        world.cloud.inject(lost("RoutingTaskNotification", None).times(1));
        let start = world.cloud.clock().now();
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        let took = world.cloud.clock().now() - start;
        assert!(took < 70_000, "{took} ms");
        world.settles().await;
        assert_eq!(missed(&world, "ring"), 1.0);
        assert_eq!(world.count("reconnects_total", "deaf"), 0.0, "once may be an accident");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_second_ring_that_was_not_told_costs_the_socket_and_no_conversation() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        after(300.0).await;
        for word in ["one", "two"] {
            world.cloud.inject(lost("RoutingTaskNotification", None).times(1));
            let talk = world.consumer_starts(word);
            let answer = format!("re: {word}");
            world.reads(&talk, &[("CONSUMER", word), ("ASSIGNED_AGENT", &answer)]).await;
            after(30.0).await;
        }
        assert_eq!(missed(&world, "ring"), 2.0);
        assert_eq!(world.count("reconnects_total", "deaf"), 1.0);
        assert_eq!(world.cloud.logins(), 1);
        world.is_online().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_of_which_nothing_at_all_was_told_is_found_by_the_next_look() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        after(300.0).await;
        for notification in ["OnlineEventDistribution", "ExConversationChangeNotification"] {
            world.cloud.inject(lost(notification, Some(&talk)).times(1));
        }
        let start = world.cloud.clock().now();
        world.cloud.consumer(&talk).says("two").unwrap();
        let lines = [
            ("CONSUMER", "one"),
            ("ASSIGNED_AGENT", "re: one"),
            ("CONSUMER", "two"),
            ("ASSIGNED_AGENT", "re: two"),
        ];
        world.reads(&talk, &lines).await;
        let took = world.cloud.clock().now() - start;
        assert!(took < 75_000, "{took} ms");
        assert_eq!(missed(&world, "message"), 1.0);
        assert_eq!(world.count("reconnects_total", "deaf"), 0.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_assignment_that_was_not_told_is_found() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        world.settles().await;
        let start = world.cloud.clock().now();
        let talk = world.consumer_starts("one");
        world.cloud.inject(lost("ExConversationChangeNotification", Some(&talk)));
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        let took = world.cloud.clock().now() - start;
        assert!(took < 70_000, "{took} ms");
        after(300.0).await;
        assert_eq!(missed(&world, "conversation"), 1.0);
        assert_eq!(world.count("reconnects_total", "deaf"), 0.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_departure_that_was_not_told_is_found_within_eleven_minutes() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        let stays = world.consumer_starts("one");
        let goes = world.consumer_starts("one");
        for talk in [&stays, &goes] {
            world.reads(talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        }
        world.settles().await;
        world.cloud.inject(lost("ExConversationChangeNotification", Some(&goes)));
        world.cloud.agent("hannah").is_assigned(&goes).unwrap();
        let start = world.cloud.clock().now();
        world.until("one conversation", |status| status.conversations.open == 1).await;
        let took = world.cloud.clock().now() - start;
        assert!(took < 690_000, "{took} ms");
        world.bot.next("conversationTransferred").await;
        assert_eq!(missed(&world, "gone"), 1.0);
        world.cloud.consumer(&stays).says("still there?").unwrap();
        world
            .reads(
                &stays,
                &[
                    ("CONSUMER", "one"),
                    ("ASSIGNED_AGENT", "re: one"),
                    ("CONSUMER", "still there?"),
                    ("ASSIGNED_AGENT", "re: still there?"),
                ],
            )
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_lists_do_not_tell_the_newest_message_the_history_is_asked() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        world.cloud.inject(Fault::Shape { what: Shape::NoLastContentEvent, role: None });
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        after(300.0).await;
        world.cloud.inject(lost("OnlineEventDistribution", Some(&talk)).times(1));
        world.cloud.consumer(&talk).says("two").unwrap();
        let start = world.cloud.clock().now();
        let lines = [
            ("CONSUMER", "one"),
            ("ASSIGNED_AGENT", "re: one"),
            ("CONSUMER", "two"),
            ("ASSIGNED_AGENT", "re: two"),
        ];
        world.reads(&talk, &lines).await;
        let took = world.cloud.clock().now() - start;
        assert!(took < 75_000, "{took} ms");
        assert_eq!(missed(&world, "message"), 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_loses_something_again_and_again_is_not_stormed() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        let talk = world.consumer_starts("0");
        world.reads(&talk, &[("CONSUMER", "0"), ("ASSIGNED_AGENT", "re: 0")]).await;
        let mut said = 1;
        for n in 1..=60 {
            world.cloud.inject(lost("OnlineEventDistribution", Some(&talk)).times(1));
            world.cloud.consumer(&talk).says(&n.to_string()).unwrap();
            said += 1;
            after(60.0).await;
        }
        assert_eq!(world.said(&talk).len(), said);
        let replaced = world.count("reconnects_total", "deaf");
        assert!((1.0..=7.0).contains(&replaced), "{replaced} sockets in an hour");
        assert_eq!(world.cloud.logins(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn in_healthy_hours_nothing_is_missed_no_socket_goes_and_the_cost_is_as_stated() {
    for open in [0_u32, 8] {
        story(async {
            let world = World::online("").await;
            world.bot.echoes("re: ");
            let mut talks = Vec::new();
            for _ in 0..open {
                let talk = world.consumer_starts("hello");
                world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "re: hello")]).await;
                talks.push(talk);
            }
            world.settles().await;
            let before = requests(&world);
            for minute in 0..180_u32 {
                if let Some(talk) = talks.get((minute % 12) as usize) {
                    world.cloud.consumer(talk).says("more").unwrap();
                }
                after(60.0).await;
            }
            let after = requests(&world);
            let spent = |name: &str| {
                let count = |all: &std::collections::BTreeMap<String, u64>| {
                    all.get(name).copied().unwrap_or_default()
                };
                count(&after) - count(&before)
            };
            for name in ["SubscribeExConversations", "SubscribeRoutingTasks"] {
                assert!((163..=201).contains(&spent(name)), "{name}: {}", spent(name));
            }
            let ends = spent("UnsubscribeExConversations");
            assert!((2 * 163..=2 * 201).contains(&ends), "{ends}");
            let clocks = spent("GetClock");
            assert!(clocks <= 180 * 3, "{clocks}");
            assert_eq!(spent("QueryMessages"), 0);
            for kind in ["message", "conversation", "ring", "gone"] {
                assert_eq!(missed(&world, kind), 0.0, "{kind}");
            }
            assert_eq!(world.status().await.conversational_cloud.reconnects, 0);
            assert_eq!(upgrades(&world), 1);
            let subscriptions = world
                .cloud
                .read(|cloud| cloud.sockets.values().next().unwrap().subscriptions.len());
            assert!(subscriptions <= 5, "{subscriptions} subscriptions are open");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_refreshes_of_the_session_never_touch_the_socket() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("re: ");
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        world
            .cloud
            .wait_at_most(std::time::Duration::from_secs(400_000), "refreshes", |cloud| {
                (cloud.counts.refreshes >= 1_000).then_some(())
            })
            .await
            .unwrap();
        let new = world.consumer_starts("two");
        world.reads(&new, &[("CONSUMER", "two"), ("ASSIGNED_AGENT", "re: two")]).await;
        assert_eq!((world.cloud.logins(), upgrades(&world)), (1, 1));
        assert_eq!(world.status().await.conversational_cloud.reconnects, 0);
        assert_eq!(missed(&world, "message"), 0.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_deaf_socket_is_left_alone_while_the_process_stops() {
    story(async {
        let mut world = World::online("[shutdown]\ndrain_timeout = \"5m\"\n").await;
        let talk = world.consumer_starts("one");
        let event = world.bot.hears("one").await;
        world.settles().await;
        world.ask_to_stop().await;
        for _ in 0..2 {
            world.cloud.inject(lost("OnlineEventDistribution", Some(&talk)).times(1));
            world.cloud.consumer(&talk).says("more").unwrap();
            after(14.0).await;
        }
        assert_eq!(missed(&world, "message"), 2.0);
        assert_eq!(world.count("reconnects_total", "deaf"), 0.0);
        world.bot.answers(&event, &[text("hi")]);
        world.stops().await;
        assert_eq!(world.said(&talk).len(), 1);
    })
    .await;
}

fn deaf(notification: Option<&str>, conversation: Option<&str>) -> Fault {
    Fault::Deaf {
        notification: notification.map(str::to_owned),
        conversation: conversation.map(str::to_owned),
    }
}

fn lost(notification: &str, conversation: Option<&str>) -> Rule {
    Rule::from(Fault::Notifications {
        mode: Mode::Suppress,
        milliseconds: None,
        notification: Some(notification.to_owned()),
        conversation: conversation.map(str::to_owned),
    })
}

fn missed(world: &World, kind: &str) -> f64 {
    world.count("missed_notifications_total", kind)
}

fn upgrades(world: &World) -> u64 {
    world.cloud.read(|cloud| cloud.counts.upgrades)
}

fn requests(world: &World) -> std::collections::BTreeMap<String, u64> {
    world.cloud.read(|cloud| cloud.counts.requests.clone())
}
