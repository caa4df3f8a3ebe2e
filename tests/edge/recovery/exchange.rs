//! One exchange under every fault, one at a time: two questions, two answers, two receipts, whatever breaks.

use crate::{
    simulator::{Fault, Mode, Route, Rule, When},
    support::{AGENT, World, after, story},
};

/// Everything that a connector asks for in an exchange.
const REQUESTS: [&str; 9] = [
    "SetAgentState",
    "SubscribeExConversations",
    "SubscribeAgentsState",
    "SubscribeRoutingTasks",
    "GetClock",
    "QueryMessages",
    "GetUserProfile",
    "UpdateRingState",
    "PublishEvent",
];

#[tokio::test(start_paused = true)]
async fn the_socket_may_break_before_and_after_the_acknowledgement_of_every_kind_of_request() {
    for request in REQUESTS {
        for when in [When::BeforeHandling, When::BeforeAnswer, When::AfterAnswer] {
            for code in [1000, 1006] {
                let request = Some(request.to_owned());
                survives([Fault::CloseAtRequest { request, nth: 1, when, code }.into()]).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_socket_may_break_after_any_frame_with_and_without_a_close_frame() {
    for frames in 1..=40 {
        for code in [1000, 1006] {
            survives([Fault::CloseAfterFrames { frames, code }.into()]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_request_may_go_unanswered_carried_out_or_not() {
    for request in REQUESTS {
        for handled in [true, false] {
            let request = Some(request.to_owned());
            survives([Fault::Ignore { request, handled }.times(2)]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_request_may_be_answered_late_or_after_its_time_is_over() {
    for request in REQUESTS {
        for milliseconds in [3_000, 12_000] {
            let request = Some(request.to_owned());
            survives([Fault::Slow { request, milliseconds }.times(2)]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_request_may_be_refused_for_a_while() {
    for request in REQUESTS {
        for (code, handled) in [(429, false), (500, false), (500, true)] {
            let request = Some(request.to_owned());
            survives([Fault::Answer { request, code, body: None, handled }.times(2)]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_http_request_may_fail_or_go_unanswered_when_the_token_has_been_revoked() {
    for (route, statuses) in [
        (Route::Domains, [0, 500, 503]),
        (Route::Login, [0, 429, 500]),
        (Route::Refresh, [0, 401, 500]),
        (Route::Upgrade, [0, 401, 502]),
    ] {
        for status in statuses {
            let revoked = Fault::CloseAfterFrames { frames: 12, code: 4401 };
            survives([Fault::Http { route, status }.times(2), revoked.into()]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_notification_may_come_twice_late_or_out_of_order() {
    for notification in [
        "ExConversationChangeNotification",
        "RoutingTaskNotification",
        "OnlineEventDistribution",
        "AgentStateNotification",
    ] {
        for (mode, milliseconds) in
            [(Mode::Duplicate, None), (Mode::Delay, Some(1_500)), (Mode::Reorder, Some(500))]
        {
            let notification = Some(notification.to_owned());
            let fault =
                Fault::Notifications { mode, milliseconds, notification, conversation: None };
            survives([fault.into()]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_reads_slowly_only_takes_longer() {
    for milliseconds in [200, 1_000] {
        survives([Fault::SlowReading { milliseconds }.into()]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_is_cancelled_right_after_its_acceptance_or_leads_nowhere_comes_again() {
    survives([Fault::CancelAfterAccept {}.times(2)]).await;
    survives([Fault::AcceptLeadsNowhere {}.times(2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_too_long_costs_the_connection_and_no_message() {
    for length in [1 << 20, 17 << 20] {
        story(async {
            let world = World::online("").await;
            world.bot.echoes("re: ");
            let talk = world.consumer_starts("one");
            world.reads(&talk, &[("CONSUMER", "one"), ("ASSIGNED_AGENT", "re: one")]).await;
            world.settles().await;
            let long = format!(
                r#"{{"kind":"notification","type":".ams.Long","body":{{"field":"{}"}}}}"#,
                "x".repeat(length)
            );
            assert_eq!(world.cloud.send_raw(Some(AGENT), &long), 1);
            world.cloud.consumer(&talk).says("two").unwrap();
            world.reads(&talk, &LINES).await;
            after(120.0).await;
            world.reads(&talk, &LINES).await;
            let reconnects = world.status().await.conversational_cloud.reconnects;
            assert_eq!(reconnects, u64::from(length > 16 << 20), "{length} bytes");
        })
        .await;
    }
}

const LINES: [(&str, &str); 4] = [
    ("CONSUMER", "one"),
    ("ASSIGNED_AGENT", "re: one"),
    ("CONSUMER", "two"),
    ("ASSIGNED_AGENT", "re: two"),
];

/// The exchange with these faults in force from the start: long enough for keep-alives and a refresh.
async fn survives<const N: usize>(faults: [Rule; N]) {
    story(async {
        let what = format!("{faults:?}");
        let mut world = World::new();
        world.bot.echoes("re: ");
        for fault in faults {
            world.cloud.inject(fault);
        }
        let talk = world.consumer_starts("one");
        world.start("").await;
        world.holds(&talk, &LINES[..2], &what).await;
        after(300.0).await;
        world.cloud.consumer(&talk).says("two").unwrap();
        world.holds(&talk, &LINES, &what).await;
        after(120.0).await;
        world.holds(&talk, &LINES, &what).await;
        let receipts = world.receipts(&talk);
        let mut once = receipts.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(receipts.len(), once.len(), "{what}: read twice: {receipts:?}");
        // A receipt that the cloud did not take while the connection stayed up is not sent again.
        let may_be_lost = what.contains("PublishEvent") && what.contains("handled: false");
        assert!(once.len() == 2 || may_be_lost, "{what}: {receipts:?}");
        assert!(world.transfers().is_empty(), "{what}: nobody had to take over");
        assert_eq!(world.states().last().unwrap(), "ONLINE", "{what}");
    })
    .await;
}

impl World {
    /// Waits until the dialog holds these lines, and names the fault if it never does.
    async fn holds(&self, talk: &str, lines: &[(&str, &str)], what: &str) {
        let is_so = |cloud: &crate::simulator::World| {
            let events = &cloud.conversations[talk].main().events;
            let said = events.iter().filter_map(|event| Some((event.role.word(), event.text()?)));
            said.eq(lines.iter().copied())
        };
        if self.cloud.wait_until("the lines", is_so).await.is_err() {
            panic!("under {what} the dialog holds {:#?}", self.cloud.lines(talk));
        }
    }
}
