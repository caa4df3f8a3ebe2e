//! The agent's state: asked for until the cloud has it, and told as it is.

use connectord::ops::status::{CloudStatus, ConnectorStatus, Phase, readiness};

use crate::{
    simulator::{Availability, Fault, Mode, Start},
    support::{AGENT, BOT_SKILL, World, after, story},
};

#[tokio::test(start_paused = true)]
async fn a_state_that_the_cloud_does_not_take_is_asked_for_again_and_the_status_says_so_meanwhile()
{
    let refused = || Fault::Answer {
        request: Some("SetAgentState".into()),
        code: 500,
        body: None,
        handled: false,
    };
    let silent = || Fault::Ignore { request: Some("SetAgentState".into()), handled: false };
    for fault in [refused(), silent()] {
        story(async {
            let mut world = World::new();
            // The state of the beginning, then ONLINE three times.
            world.cloud.inject(fault.times(4));
            world.start("").await;
            after(12.0).await;
            let status = world.status().await;
            assert_eq!(status.agent_connector.status, ConnectorStatus::NotConnected);
            let told = &status.agent_connector.detail;
            assert!(told.contains("could not be set to ONLINE"), "{told}");
            assert!(readiness(&status).is_err());
            world.is_online().await;
            assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
            after(120.0).await;
            assert_eq!(world.states().len(), 5, "and then no more: {:?}", world.states());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_ready_before_the_first_state_is_acknowledged() {
    story(async {
        let mut world = World::new();
        let talk = world.cloud.start(Start::in_skill(BOT_SKILL).saying("hello")).unwrap();
        world.cloud.agent(AGENT).is_assigned(&talk).unwrap();
        for (request, milliseconds) in [("QueryMessages", 8_000), ("SetAgentState", 3_000)] {
            let request = Some(request.to_owned());
            world.cloud.inject(Fault::Slow { request, milliseconds });
        }
        world.start("").await;
        for _ in 0..10 {
            after(1.0).await;
            let status = world.status().await;
            assert_eq!(status.phase, Phase::Starting);
            assert!(readiness(&status).is_err());
        }
        world.is_online().await;
        let status = world.status().await;
        assert_eq!(status.conversational_cloud.status, CloudStatus::Connected);
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn away_says_why() {
    story(async {
        let world = World::online("[connector]\nmax_conversations = 1").await;
        world.consumer_starts("hello");
        world.until("away", |status| status.conversational_cloud.status == CloudStatus::Away).await;
        let status = world.status().await;
        assert_eq!(status.conversational_cloud.detail, "max_conversations is reached");
    })
    .await;
    for state in [Availability::BackSoon, Availability::Offline, Availability::Away] {
        story(async {
            let world = World::online("").await;
            world.settles().await;
            world.cloud.agent(AGENT).is_set(state).unwrap();
            world.settles().await;
            let cloud = world.status().await.conversational_cloud;
            assert_eq!(cloud.status, CloudStatus::Away);
            let told = format!("set by somebody else: {}", cloud.agent_state.unwrap());
            assert!(cloud.detail.starts_with(&told), "{}", cloud.detail);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_list_of_conversations_comes_before_online() {
    story(async {
        let mut world = World::new();
        world.bot.echoes("");
        let talk = world.cloud.start(Start::in_skill(BOT_SKILL).saying("hello")).unwrap();
        world.cloud.agent(AGENT).is_assigned(&talk).unwrap();
        world.cloud.inject(late(6_000));
        world.start("").await;
        after(5.0).await;
        assert!(world.states().iter().all(|state| state == "AWAY"), "{:?}", world.states());
        world.is_online().await;
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn conversations_are_not_taken_for_gone_because_no_list_comes() {
    let never = Fault::Notifications {
        mode: Mode::Suppress,
        milliseconds: None,
        notification: Some(LIST.into()),
        conversation: None,
    };
    for fault in [late(6_000), late(30_000), never] {
        story(async {
            let world = World::online("").await;
            let talk = world.consumer_starts("hello");
            let event = world.bot.hears("hello").await;
            world.settles().await;
            let fault = world.cloud.inject(fault);
            world.cloud.close_sockets(Some(AGENT), 1000, "");
            world.cloud.consumer(&talk).says("are you there?").unwrap();
            world.is_back().await;
            assert_eq!(world.status().await.conversations.open, 1);
            world.cloud.remove_fault(fault);
            world.bot.answers(&event, &[crate::support::text("hi")]);
            world.bot.echoes("");
            let lines = [
                ("CONSUMER", "hello"),
                ("CONSUMER", "are you there?"),
                ("ASSIGNED_AGENT", "hi"),
                ("ASSIGNED_AGENT", "are you there?"),
            ];
            world.reads(&talk, &lines).await;
            after(60.0).await;
            world.reads(&talk, &lines).await;
            assert_eq!(world.count("conversations_ended_total", "moved"), 0.0);
        })
        .await;
    }
}

fn late(milliseconds: u64) -> Fault {
    Fault::Notifications {
        mode: Mode::Delay,
        milliseconds: Some(milliseconds),
        notification: Some(LIST.into()),
        conversation: None,
    }
}

const LIST: &str = "ExConversationChangeNotification";

#[tokio::test(start_paused = true)]
async fn a_state_that_the_cloud_had_no_time_for_is_not_asked_for_after_the_one_that_replaced_it() {
    story(async {
        let mut world = World::online("").await;
        world.consumer_starts("hello");
        world.bot.hears("hello").await;
        world.kill().await;
        let busy = Fault::Answer {
            request: Some("SetAgentState".into()),
            code: 429,
            body: None,
            handled: false,
        };
        world.cloud.inject(busy.times(1));
        world.start("").await;
        world.is_online().await;
        after(60.0).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
    })
    .await;
}
