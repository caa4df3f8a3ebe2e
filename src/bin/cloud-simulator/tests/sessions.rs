//! Domain service, log-in, refresh, log-out, eviction, the socket's life.

use super::client::{BOT, Client, call, login, login_with};
use super::simulator;
use crate::simulator::{Availability, Options, Simulator};
use hyper::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn the_directory_names_the_host_that_was_asked() {
    let simulator = simulator();
    let get = async |path: &str| call(&simulator, Method::GET, path, "", Value::Null).await;
    let all = get("/api/account/12345678/service/baseURI.json?version=1.0").await;
    let services = all.body["baseURIs"].as_array().unwrap().clone();
    assert!(services.contains(
        &json!({ "service": "agentVep", "account": "12345678", "baseURI": "cloud.test:443" })
    ));
    let one = get("/api/account/12345678/service/facadeMsg/baseURI.json?version=1.0").await;
    assert_eq!(
        one.body,
        json!({ "service": "facadeMsg", "account": "12345678", "baseURI": "cloud.test:443" })
    );
    assert_eq!(
        get("/api/account/12345678/service/nothing/baseURI.json?version=1.0").await.status,
        404
    );
    assert_eq!(get("/api/account/87654321/service/baseURI.json?version=1.0").await.status, 401);
    assert_eq!(get("/api/account/12345678/service/baseURI.json").await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn all_three_kinds_of_credentials_log_in() {
    let simulator = simulator();
    let key = json!({
        "username": "support-bot", "appKey": "support-bot-key", "secret": "support-bot-secret",
        "accessToken": "support-bot-token", "accessTokenSecret": "support-bot-token-secret",
    });
    let oauth = json!({
        "username": "support-bot", "appKey": "support-bot-client", "secret": "support-bot-client-secret",
        "accessToken": "dummy", "accessTokenSecret": "anything",
    });
    let password = json!({ "username": "support-bot", "password": "support-bot-password" });
    for body in [key, oauth, password] {
        let answer = login_with(&simulator, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["config"]["userId"], "4102938475");
        assert_eq!(answer.body["sessionTTl"], "28800000");
        assert!(answer.cookie.unwrap().starts_with("Session_id="));
    }
    assert_eq!(simulator.logins(), 3);
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_refused_with_the_documented_statuses() {
    let simulator = simulator();
    let status = async |body: Value| login_with(&simulator, body).await.status;
    let good = json!({ "username": "support-bot", "password": "support-bot-password" });
    assert_eq!(status(json!({ "username": "support-bot", "password": "no" })).await, 401);
    assert_eq!(status(json!({ "username": "nobody", "password": "no" })).await, 401);
    assert_eq!(
        status(json!({ "username": "support-bot", "appKey": "support-bot-key" })).await,
        400
    );
    assert_eq!(status(json!({ "password": "no" })).await, 400);
    assert_eq!(status(json!({ "jwt": "dummy", "assertion": "PHNhbWw+" })).await, 401);
    simulator.agent("support-bot").is_enabled(false).unwrap();
    assert_eq!(status(good.clone()).await, 401);
    simulator.agent("support-bot").is_enabled(true).unwrap();
    simulator.agent("support-bot").is_blocked(true).unwrap();
    let answer = login_with(&simulator, good).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["responseStatus"]),
        (451, &json!("UNAVAILABLE_FOR_LEGAL_REASONS"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_strict_pace_refuses_the_second_log_in_within_five_seconds() {
    let simulator = Simulator::new(Options { strict_login_pace: true, ..Options::fixed() });
    let good = json!({ "username": "support-bot", "password": "support-bot-password" });
    assert_eq!(login_with(&simulator, good.clone()).await.status, 200);
    assert_eq!(login_with(&simulator, good.clone()).await.status, 429);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(login_with(&simulator, good).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn refresh_and_log_out_need_cookie_and_csrf_together() {
    let simulator = simulator();
    let session = login(&simulator, "support-bot").await;
    let post = async |verb: &str, cookie: &str, csrf: &str| {
        let path = format!("/api/account/12345678/{verb}?v=1.3");
        call(&simulator, Method::POST, &path, cookie, json!({ "csrf": csrf })).await
    };
    assert_eq!(post("refresh", &session.cookie, &session.csrf).await.status, 200);
    let refused = post("refresh", &session.cookie, "wrong").await;
    assert_eq!((refused.status, &refused.body["error"]["internalCode"]), (401, &json!(10)));
    assert_eq!(post("refresh", "", &session.csrf).await.status, 401);
    let mut client = Client::open(&simulator, &session.bearer, "2.1").await.unwrap();
    assert_eq!(post("logout", &session.cookie, &session.csrf).await.status, 200);
    assert_eq!(client.close_code().await, 1000);
    assert_eq!(post("refresh", &session.cookie, &session.csrf).await.status, 401);
    assert_eq!(Client::open(&simulator, &session.bearer, "2.1").await.unwrap_err(), 401);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_not_refreshed_ends_with_4401() {
    let simulator = Simulator::new(Options { session_life: 60_000, ..Options::fixed() });
    let session = login(&simulator, "support-bot").await;
    let mut client = Client::open(&simulator, &session.bearer, "2.1").await.unwrap();
    assert_eq!(client.close_code().await, 4401);
    assert_eq!(Client::open(&simulator, &session.bearer, "2.1").await.unwrap_err(), 401);
}

#[tokio::test(start_paused = true)]
async fn a_second_log_in_evicts_the_first() {
    for (configured, seen) in [(4401, 4401), (1006, 1006)] {
        let simulator = Simulator::new(Options { eviction_code: configured, ..Options::fixed() });
        let first = login(&simulator, "support-bot").await;
        let mut client = Client::open(&simulator, &first.bearer, "2.1").await.unwrap();
        let second = login(&simulator, "support-bot").await;
        assert_eq!(client.close_code().await, seen);
        assert_eq!(Client::open(&simulator, &first.bearer, "2.1").await.unwrap_err(), 401);
        assert!(Client::open(&simulator, &second.bearer, "2.1").await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn an_eviction_may_leave_the_socket_open_and_show_at_the_refresh_only() {
    let simulator = Simulator::new(Options { eviction_code: 0, ..Options::fixed() });
    let first = login(&simulator, "support-bot").await;
    let mut client = Client::open(&simulator, &first.bearer, "2.1").await.unwrap();
    login(&simulator, "support-bot").await;
    client.good(".GetClock", json!({})).await;
    let path = "/api/account/12345678/refresh?v=1.3";
    let body = json!({ "csrf": first.csrf });
    let refused = call(&simulator, Method::POST, path, &first.cookie, body).await;
    assert_eq!(refused.status, 401);
}

#[tokio::test(start_paused = true)]
async fn the_socket_wants_a_known_version_and_bearer() {
    let simulator = simulator();
    let session = login(&simulator, "support-bot").await;
    for version in ["2", "2.0", "2.1"] {
        assert!(Client::open(&simulator, &session.bearer, version).await.is_ok());
    }
    assert_eq!(Client::open(&simulator, &session.bearer, "1").await.unwrap_err(), 400);
    assert_eq!(Client::open(&simulator, &session.bearer, "3").await.unwrap_err(), 400);
    assert_eq!(Client::open(&simulator, "nonsense", "2.1").await.unwrap_err(), 401);
}

#[tokio::test(start_paused = true)]
async fn a_silent_socket_is_closed_and_a_ping_keeps_it_open() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;
    let start = simulator.clock().now();
    tokio::time::sleep(Duration::from_secs(60)).await;
    client.ping().await;
    assert_eq!(client.close_code().await, 1001);
    assert_eq!(simulator.clock().now() - start, 150_000);
}

#[tokio::test(start_paused = true)]
async fn the_agents_state_outlives_its_last_socket_by_a_minute() {
    let simulator = simulator();
    let client = Client::ready(&simulator, "support-bot").await;
    drop(client);
    simulator.wait_until("the socket to end", |world| world.sockets.is_empty()).await.unwrap();
    assert_eq!(simulator.availability("support-bot"), Ok(Availability::Online));
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(simulator.availability("support-bot"), Ok(Availability::Online));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(simulator.availability("support-bot"), Ok(Availability::Offline));
}

#[tokio::test(start_paused = true)]
async fn the_clock_and_the_own_profile_are_told() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let clock = client.good(".GetClock", json!({})).await;
    assert_eq!(clock, json!({ "currentTime": 1_700_000_005_000_u64 }));
    let profile = client.good(".ams.userprofile.GetUserProfile", json!({})).await;
    assert_eq!(profile, json!({ "userId": BOT }));
}

#[tokio::test(start_paused = true)]
async fn frames_that_are_no_requests_are_ignored_and_unknown_types_refused() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;
    for frame in [
        "{",
        "[]",
        "7",
        "null",
        r#"{"kind":"resp","reqId":"1"}"#,
        r#"{"kind":"req","type":".GetClock"}"#,
    ] {
        client.send(frame).await;
    }
    client
        .send(&json!({ "kind": "req", "id": "x".repeat(65), "type": ".GetClock" }).to_string())
        .await;
    assert_eq!(client.refused(".ams.ms.Nothing", json!({})).await.0, 400);
    assert_eq!(simulator.read(|world| world.counts.ignored_frames), 7);
}

#[tokio::test(start_paused = true)]
async fn numeric_ids_come_back_as_text_and_types_work_without_dots() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;
    client.send(r#"{"kind":"req","id":12,"type":"GetClock","headers":null,"metadata":null}"#).await;
    assert_eq!(client.frame().await.unwrap()["reqId"], "12");
    client
        .send(r#"{"kind":"req","id":"a","type":"up.GetUserProfile","body":{},"headers":{}}"#)
        .await;
    assert_eq!(client.frame().await.unwrap()["body"]["userId"], BOT);
}

#[tokio::test(start_paused = true)]
async fn requests_in_the_name_of_another_agent_are_refused() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;
    let other = "12345678.4102938476";
    let state =
        json!({ "availability": "ONLINE", "channels": ["MESSAGING"], "agentUserId": other });
    assert_eq!(client.refused(".ams.routing.SetAgentState", state).await.0, 400);
    let rings = json!({ "channelType": "MESSAGING", "agentId": other, "brandId": "12345678" });
    assert_eq!(client.refused(".ams.routing.SubscribeRoutingTasks", rings).await.0, 400);
    let rings = json!({ "channelType": "MESSAGING", "agentId": BOT, "brandId": "87654321" });
    assert_eq!(client.refused(".ams.routing.SubscribeRoutingTasks", rings).await.0, 400);
    let state = json!({ "availability": "ONLINE", "agentUserId": BOT });
    assert_eq!(client.refused(".ams.routing.SetAgentState", state).await.0, 400);
    let state =
        json!({ "availability": "DREAMING", "channels": ["MESSAGING"], "agentUserId": BOT });
    assert_eq!(client.refused(".ams.routing.SetAgentState", state).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_told_when_a_supervisor_changes_its_state() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;
    let wanted = json!({ "brandId": "12345678", "agentId": BOT });
    client.good(".ams.routing.SubscribeAgentsState", wanted).await;
    let first = client.notification("AgentStateNotification").await;
    assert_eq!(first["changes"][0]["result"]["availability"], "OFFLINE");
    simulator.agent("support-bot").is_set(Availability::Away).unwrap();
    let second = client.notification("AgentStateNotification").await;
    let expected = json!({ "channels": ["MESSAGING"], "agentUserId": BOT, "availability": "AWAY", "description": "" });
    assert_eq!(second["changes"][0]["result"], expected);
}
