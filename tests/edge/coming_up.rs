//! From the start to ONLINE, and what may be in the way.

use connectord::{
    daemon::End,
    ops::status::{BotStatus, CloudStatus, ConnectorStatus, Phase, readiness},
};

use crate::{
    simulator::{Availability, Fault, Options, Route, Start, When},
    support::{AGENT, BOT_SKILL, World, after, story, text},
};

const PASSWORD: &str =
    "[credentials]\nusername = \"support-bot\"\npassword = \"support-bot-password\"";
const CLIENT: &str = "[credentials]\nusername = \"support-bot\"\nclient_id = \"support-bot-client\"\n\
                      client_secret = \"support-bot-client-secret\"";
const WRONG: &str = "[credentials]\nusername = \"support-bot\"\npassword = \"a-wrong-word\"";

#[tokio::test(start_paused = true)]
async fn it_logs_in_by_api_key_by_client_credentials_and_by_password() {
    for credentials in ["", CLIENT, PASSWORD] {
        story(async {
            let world = World::online(credentials).await;
            assert_eq!(world.cloud.logins(), 1, "{credentials}");
            assert_eq!(world.count("logins_total", "ok"), 1.0);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn domains_come_first_then_the_log_in_the_subscriptions_the_histories_and_online_last() {
    story(async {
        let mut world = World::new();
        let talks: Vec<String> = (0..3)
            .map(|n| {
                let start = Start::in_skill(BOT_SKILL).saying(&format!("hello {n}"));
                let talk = world.cloud.start(start).unwrap();
                world.cloud.agent(AGENT).is_assigned(&talk).unwrap();
                talk
            })
            .collect();
        world.start("").await;
        world.is_online().await;
        world
            .cloud_until("ONLINE", |cloud| {
                cloud.agent(AGENT).unwrap().availability == Availability::Online
            })
            .await;
        let names: Vec<String> = world.cloud.read(|cloud| {
            assert_eq!((cloud.counts.logins, cloud.counts.upgrades), (1, 1));
            assert!(cloud.counts.domain_lookups >= 1);
            cloud.requests.iter().map(|one| one.name().to_owned()).collect()
        });
        let online = world
            .cloud
            .requests("SetAgentState")
            .into_iter()
            .position(|one| one.body["availability"] == "ONLINE")
            .unwrap();
        let last = |name: &str| names.iter().rposition(|one| one == name).unwrap();
        let first = |name: &str| names.iter().position(|one| one == name).unwrap();
        let states: Vec<usize> =
            (0..names.len()).filter(|place| names[*place] == "SetAgentState").collect();
        assert!(first("SubscribeExConversations") < first("QueryMessages"), "{names:?}");
        assert!(last("QueryMessages") < states[online], "{names:?}");
        let asked = world.cloud.requests("QueryMessages");
        for talk in &talks {
            assert!(asked.iter().any(|one| one.body["dialogId"] == **talk), "{talk}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn it_is_not_online_before_the_last_history_is_read() {
    story(async {
        let mut world = World::new();
        let talk = world.cloud.start(Start::in_skill(BOT_SKILL).saying("hello")).unwrap();
        world.cloud.agent(AGENT).is_assigned(&talk).unwrap();
        world
            .cloud
            .inject(Fault::Slow { request: Some("QueryMessages".into()), milliseconds: 8_000 });
        world.start("").await;
        world
            .cloud_until("the history to be asked for", |cloud| {
                cloud.counts.requests.contains_key("QueryMessages")
            })
            .await;
        after(7.0).await;
        assert!(!world.states().contains(&"ONLINE".to_owned()), "{:?}", world.states());
        after(2.0).await;
        assert_eq!(world.states().last().unwrap(), "ONLINE");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_ring_is_taken_before_the_old_conversations_are_served_again() {
    story(async {
        let mut world = World::online("").await;
        world.settles().await;
        let old = world.consumer_starts("old");
        world.bot.hears("old").await;
        world.kill().await;
        let request = Some("QueryMessages".to_owned());
        world.cloud.inject(Fault::Slow { request, milliseconds: 8_000 }.times(1));
        let new = world.consumer_starts("new");
        world.start("").await;
        world.bot.hears("old").await;
        world.bot.hears("new").await;
        let read = |talk: &str| {
            let asked = world.cloud.requests("QueryMessages");
            asked.into_iter().rfind(|one| one.body["dialogId"] == talk).unwrap().time
        };
        let accepted = world.cloud.requests("UpdateRingState").last().unwrap().time;
        assert!(accepted >= read(&old) + 8_000, "accepted before the old one was read");
        assert!(read(&new) >= accepted);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_keep_it_up_with_a_hint_and_a_slow_retry_until_they_are_put_right() {
    story(async {
        let mut world = World::new();
        world.cloud.agent(AGENT).is_enabled(false).unwrap();
        world.start("").await;
        world
            .until("refused", |status| {
                status.agent_connector.status == ConnectorStatus::NotConnected
            })
            .await;
        let status = world.status().await;
        let error = status.conversational_cloud.last_error.clone().unwrap().message;
        for hint in ["support-bot", "401", "disabled", "IP restrictions", "created by somebody"] {
            assert!(error.contains(hint), "no {hint:?} in {error}");
        }
        assert!(
            readiness(&status).unwrap_err().contains("401"),
            "the reason, not only that it waits"
        );
        after(600.0).await;
        let tries = world.cloud.read(|cloud| cloud.counts.refused_logins);
        assert!((3..=6).contains(&tries), "{tries} log-ins in ten minutes");
        world.cloud.agent(AGENT).is_enabled(true).unwrap();
        world.is_online().await;
        assert_eq!(readiness(&world.status().await), Ok(()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_refused_credentials_a_reload_tries_at_once() {
    story(async {
        let mut world = World::new();
        world.start(WRONG).await;
        after(400.0).await;
        let before = world.cloud.read(|cloud| (cloud.counts.refused_logins, cloud.counts.logins));
        assert_eq!(before.1, 0);
        world.reload(PASSWORD).await;
        after(1.0).await;
        let now = world.status().await;
        assert_eq!(now.agent_connector.status, ConnectorStatus::Online, "{now:#?}");
        assert_eq!(world.cloud.logins(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_log_in_that_is_throttled_blocked_or_fails_is_tried_again_in_its_own_time() {
    for (status, label, at_most, tries) in
        [(429, "throttled", 60, 2..=10), (500, "failed", 60, 2..=10), (451, "blocked", 3600, 5..=7)]
    {
        story(async {
            let mut world = World::new();
            let fault = world.cloud.inject(Fault::Http { route: Route::Login, status });
            world.start("").await;
            after(f64::from(at_most)).await;
            let counted = world.count("logins_total", label);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let counted = counted as u32;
            assert!(tries.contains(&counted), "{status}: {counted} log-ins in {at_most} s");
            assert_eq!(world.cloud.logins(), 0);
            let status = world.status().await;
            assert_eq!(status.agent_connector.status, ConnectorStatus::NotConnected);
            assert!(status.conversational_cloud.last_error.is_some());
            world.cloud.remove_fault(fault);
            world.is_online().await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_domain_service_that_is_down_is_asked_again_until_it_is_back() {
    story(async {
        let mut world = World::new();
        let fault = world.cloud.inject(Fault::Http { route: Route::Domains, status: 503 });
        world.start("").await;
        after(120.0).await;
        assert_eq!(world.cloud.read(|cloud| cloud.counts.logins), 0);
        let detail = world.status().await.agent_connector.detail;
        assert!(detail.starts_with("Conversational Cloud"), "{detail}");
        world.cloud.remove_fault(fault);
        world.is_online().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_domain_service_that_never_answers_is_given_up_on_after_the_request_timeout() {
    story(async {
        let mut world = World::new();
        world.cloud.inject(Fault::Http { route: Route::Domains, status: 0 }.times(2));
        world.start("").await;
        world.is_online().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_is_refused_with_401_leads_to_a_new_log_in() {
    story(async {
        let mut world = World::new();
        world.cloud.inject(Fault::Http { route: Route::Upgrade, status: 401 }.times(1));
        world.start("").await;
        world.is_online().await;
        assert_eq!(world.cloud.logins(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_fails_with_502_is_tried_again_with_the_same_token() {
    story(async {
        let mut world = World::new();
        world.cloud.inject(Fault::Http { route: Route::Upgrade, status: 502 }.times(2));
        world.start("").await;
        world.is_online().await;
        assert_eq!(world.cloud.logins(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn there_is_at_most_one_log_in_in_five_seconds() {
    story(async {
        let mut world = World::with(Options { strict_login_pace: true, ..Options::fixed() });
        world.start("").await;
        world.is_online().await;
        for code in [4407, 1011, 1008, 4407, 1011] {
            world.cloud.close_sockets(Some(AGENT), code, "");
            world.is_back().await;
        }
        assert_eq!(world.count("logins_total", "throttled"), 0.0, "the cloud never had to refuse");
        assert_eq!(world.cloud.logins(), 6);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_closes_the_socket_while_it_subscribes_only_takes_longer() {
    story(async {
        for request in ["SubscribeExConversations", "SubscribeRoutingTasks", "SetAgentState"] {
            let mut world = World::new();
            let request = Some(request.to_owned());
            let when = When::BeforeAnswer;
            world.cloud.inject(Fault::CloseAtRequest { request, nth: 1, when, code: 1006 });
            world.start("").await;
            world.bot.echoes("");
            let talk = world.consumer_starts("hello");
            world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_status_words_follow_the_way_up_and_down() {
    story(async {
        let mut world = World::new();
        world.bot.goes_down();
        let domains = world.cloud.inject(Fault::Http { route: Route::Domains, status: 503 });
        world.start("").await;
        let words = |status: &connectord::ops::status::Status| {
            (
                status.agent_connector.status,
                status.conversational_cloud.status,
                status.bot_server.status,
            )
        };
        let first = world.status().await;
        assert_eq!(first.phase, Phase::Starting);
        assert_eq!(first.agent_connector.status, ConnectorStatus::ReadyToStart);
        after(30.0).await;
        assert_eq!(
            words(&world.status().await),
            (ConnectorStatus::NotConnected, CloudStatus::NotConnected, BotStatus::NotConnected)
        );
        world.cloud.remove_fault(domains);
        after(60.0).await;
        let half = world.status().await;
        assert_eq!(
            words(&half),
            (ConnectorStatus::NotConnected, CloudStatus::Connected, BotStatus::NotConnected)
        );
        assert!(half.agent_connector.detail.starts_with("bot server"), "{half:#?}");
        assert!(readiness(&half).unwrap_err().contains("bot server"));
        world.bot.comes_up();
        world.is_online().await;
        let whole = world.status().await;
        assert_eq!(
            words(&whole),
            (ConnectorStatus::Online, CloudStatus::Connected, BotStatus::Connected)
        );
        assert_eq!((whole.phase, readiness(&whole)), (Phase::Serving, Ok(())));
        world.cloud.agent(AGENT).is_set(Availability::Away).unwrap();
        world.until("away", |status| status.conversational_cloud.status == CloudStatus::Away).await;
        assert_eq!(world.status().await.conversational_cloud.agent_state.as_deref(), Some("AWAY"));
        assert_eq!(world.stop().await, End::Stopped);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_status_tells_who_it_is_since_when_and_how_much_it_has_done() {
    story(async {
        let world =
            World::online("[connector]\nname = \"support-bot-1\"\nenvironment = \"demo\"").await;
        after(60.0).await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        assert_eq!(world.status().await.conversations.waiting_for_bot, 1);
        world.bot.answers(&event, &[text("hi")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
        let status = serde_json::to_value(world.status().await).unwrap();
        assert_eq!(status["name"], "support-bot-1");
        assert_eq!(status["accountId"], "12345678");
        assert_eq!(status["environment"], "demo");
        assert_eq!(status["conversationType"], "messaging");
        assert_eq!(status["agentConnector"]["status"], "Online");
        assert!(status["agentConnector"]["since"].as_str().unwrap() < "2023-11-14T22:14");
        assert_eq!(status["conversationalCloud"]["agentState"], "ONLINE");
        assert_eq!(status["conversations"]["open"], 1);
        assert_eq!(status["conversations"]["limit"], 50);
        assert_eq!(status["conversations"]["waitingForBot"], 0);
        let totals = &status["totals"];
        assert_eq!((&totals["accepted"], &totals["consumerMessages"]), (&1.into(), &1.into()));
        assert_eq!(totals["botReplies"], 1);
        assert_eq!(status["customFingerprint"].as_str().unwrap().len(), 8);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn different_custom_fields_of_sisters_are_seen_in_their_fingerprints() {
    let mut prints = Vec::new();
    for custom in ["", "[custom]\nmessageDelay = 300", "[custom]\nmessageDelay = 400"] {
        prints.push(
            story(async { World::online(custom).await.status().await.custom_fingerprint }).await,
        );
    }
    assert_eq!(prints[0], prints[1], "the default written out is the same setting");
    assert_ne!(prints[1], prints[2]);
}
