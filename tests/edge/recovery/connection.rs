//! Sockets that end, go dead or are taken away.

use connectord::ops::status::ConnectorStatus;

use crate::{
    simulator::{Fault, Options, Route},
    support::{AGENT, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn each_way_a_socket_closes_leads_back_online_with_a_new_log_in_only_where_the_code_says_so()
{
    for (code, logins) in [
        (4401, 2),
        (4407, 2),
        (1011, 2),
        (1008, 2),
        (1006, 1),
        (1000, 1),
        (1001, 1),
        (1012, 1),
        (4429, 1),
        (4999, 1),
    ] {
        story(async {
            let world = World::online("").await;
            world.bot.echoes("");
            let talk = world.consumer_starts("before");
            world.reads(&talk, &[("CONSUMER", "before"), ("ASSIGNED_AGENT", "before")]).await;
            after(70.0).await;
            world.cloud.close_sockets(Some(AGENT), code, "");
            world.cloud.consumer(&talk).says("meanwhile").unwrap();
            world
                .reads(
                    &talk,
                    &[
                        ("CONSUMER", "before"),
                        ("ASSIGNED_AGENT", "before"),
                        ("CONSUMER", "meanwhile"),
                        ("ASSIGNED_AGENT", "meanwhile"),
                    ],
                )
                .await;
            assert_eq!(world.cloud.logins(), logins, "after {code}");
            assert_eq!(world.status().await.conversational_cloud.reconnects, 1);
            assert_eq!(world.states().last().unwrap(), "ONLINE");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_quick_break_is_taken_for_a_revoked_token() {
    story(async {
        let world = World::online("").await;
        world.cloud.close_sockets(Some(AGENT), 1006, "");
        world.is_back().await;
        assert_eq!(world.cloud.logins(), 1);
        world.cloud.close_sockets(Some(AGENT), 1006, "");
        world.is_back().await;
        assert_eq!(world.cloud.logins(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn back_off_grows_until_a_connection_has_lasted_for_a_minute() {
    story(async {
        let world = World::online("").await;
        let mut down = Vec::new();
        for _ in 0..6 {
            world.cloud.close_sockets(Some(AGENT), 1000, "");
            let start = world.cloud.clock().now();
            world.is_back().await;
            down.push(world.cloud.clock().now() - start);
        }
        assert!(down[0] < 6_500 && down[5] > 10_000, "{down:?}");
        after(61.0).await;
        world.cloud.close_sockets(Some(AGENT), 1000, "");
        let start = world.cloud.clock().now();
        world.is_back().await;
        let again = world.cloud.clock().now() - start;
        assert!(again < 6_500, "{again} ms after a stable minute");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_socket_is_found_by_keep_alive_and_replaced_without_a_log_in() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("");
        let talk = world.consumer_starts("before");
        world.reads(&talk, &[("CONSUMER", "before"), ("ASSIGNED_AGENT", "before")]).await;
        world.cloud.black_hole(Some(AGENT));
        world.cloud.consumer(&talk).says("hello?").unwrap();
        let start = world.cloud.clock().now();
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "before"),
                    ("ASSIGNED_AGENT", "before"),
                    ("CONSUMER", "hello?"),
                    ("ASSIGNED_AGENT", "hello?"),
                ],
            )
            .await;
        let took = world.cloud.clock().now() - start;
        assert!((20_000..80_000).contains(&took), "{took} ms");
        assert_eq!(world.cloud.logins(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_connection_is_kept_alive_for_hours_and_the_session_is_refreshed() {
    story(async {
        let world = World::online("").await;
        after(6.0 * 3_600.0).await;
        let (logins, upgrades, refreshes) = world
            .cloud
            .read(|cloud| (cloud.counts.logins, cloud.counts.upgrades, cloud.counts.refreshes));
        assert_eq!((logins, upgrades), (1, 1));
        assert!((80..=100).contains(&refreshes), "{refreshes} refreshes in six hours");
        assert_eq!(world.status().await.conversational_cloud.reconnects, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_refresh_leads_to_a_new_log_in() {
    story(async {
        let world = World::online("").await;
        world.cloud.inject(Fault::Http { route: Route::Refresh, status: 401 }.times(1));
        after(600.0).await;
        assert_eq!(world.cloud.logins(), 2);
        let status = world.status().await;
        assert_eq!(status.agent_connector.status, ConnectorStatus::Online);
        assert_eq!(world.states().last().unwrap(), "ONLINE");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_outlives_its_time_on_the_server_is_replaced_behind_the_conversations() {
    story(async {
        let mut world = World::with(Options { session_life: 60_000, ..Options::fixed() });
        world.bot.echoes("re: ");
        world.start("").await;
        world.is_online().await;
        let talk = world.consumer_starts("one");
        world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
        after(900.0).await;
        world.cloud.consumer(&talk).says("two").unwrap();
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "one"),
                    ("ASSIGNED_AGENT", "re: one"),
                    ("CONSUMER", "two"),
                    ("ASSIGNED_AGENT", "re: two"),
                ],
            )
            .await;
        assert!(world.cloud.logins() >= 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_programs_on_one_agent_are_recognised_said_plainly_and_not_fought() {
    story(async {
        let world = World::online("").await;
        world.settles().await;
        // The other program logs in again at once whenever it is thrown out.
        let mut seen = world.cloud.logins();
        for _ in 0..240 {
            after(5.0).await;
            if world.cloud.logins() > seen {
                world.cloud.agent(AGENT).is_evicted(None).unwrap();
                seen = world.cloud.logins();
            } else if world.cloud.sockets() > 0 {
                world.cloud.agent(AGENT).is_evicted(None).unwrap();
            }
        }
        let status = world.status().await;
        let told = format!("{status:?}");
        assert!(told.contains("another program"), "{told}");
        let before = world.cloud.logins();
        for _ in 0..60 {
            after(10.0).await;
            if world.cloud.sockets() > 0 {
                world.cloud.agent(AGENT).is_evicted(None).unwrap();
            }
        }
        let in_ten_minutes = world.cloud.logins() - before;
        assert!((1..=10).contains(&in_ten_minutes), "{in_ten_minutes} log-ins in ten minutes");
        assert!(world.count("reconnects_total", "evicted") > 0.0);
        // The other one has gone.
        world.is_online().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_while_the_connection_is_down_is_said_when_it_is_back() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.settles().await;
        world.cloud.close_sockets(Some(AGENT), 1000, "");
        after(1.0).await;
        world.bot.answers(&event, &[text("one"), text("two")]);
        world
            .reads(
                &talk,
                &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "one"), ("ASSIGNED_AGENT", "two")],
            )
            .await;
        after(60.0).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_keeps_the_unanswered_question_and_its_resend() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let first = world.bot.hears("hello").await;
        world.settles().await;
        world.cloud.close_sockets(Some(AGENT), 1000, "");
        world.is_back().await;
        let second = world.bot.hears("hello").await;
        assert_eq!((&second["id"], &second["attempt"]), (&first["id"], &2.into()));
        world.bot.answers(&second, &[text("hi")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_left_while_the_connection_was_down_is_let_go() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        world.bot.hears("hello").await;
        world.settles().await;
        world.cloud.close_sockets(Some(AGENT), 1000, "");
        world.cloud.agent("hannah").is_assigned(&talk).unwrap();
        world.is_back().await;
        world.bot.next("conversationTransferred").await;
        assert_eq!(world.status().await.conversations.open, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_ring_whose_acceptance_was_lost_with_the_connection_is_accepted_again() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("");
        world.settles().await;
        world.cloud.inject(Fault::CloseAtRequest {
            request: Some("UpdateRingState".into()),
            nth: 1,
            when: crate::simulator::When::BeforeHandling,
            code: 1006,
        });
        let talk = world.consumer_starts("hello");
        let start = world.cloud.clock().now();
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
        let took = world.cloud.clock().now() - start;
        assert!(took < 20_000, "{took} ms");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn any_request_at_which_the_socket_breaks_costs_the_consumer_nothing() {
    use crate::simulator::When::{AfterAnswer, BeforeAnswer, BeforeHandling};
    for when in [BeforeHandling, BeforeAnswer, AfterAnswer] {
        for nth in 1..=14 {
            story(async {
                let mut world = World::new();
                world.bot.echoes("re: ");
                world.cloud.inject(Fault::CloseAtRequest { request: None, nth, when, code: 1006 });
                let talk = world.consumer_starts("one");
                world.start("").await;
                world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
                world.cloud.consumer(&talk).says("two").unwrap();
                let lines = [
                    ("CONSUMER", "one"),
                    ("ASSIGNED_AGENT", "re: one"),
                    ("CONSUMER", "two"),
                    ("ASSIGNED_AGENT", "re: two"),
                ];
                world.reads(&talk, &lines).await;
                after(120.0).await;
                world.reads(&talk, &lines).await;
            })
            .await;
        }
    }
}
