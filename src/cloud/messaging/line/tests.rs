//! The task against a cloud in memory, on paused time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::{
    cloud::{
        Command, Door, Event, LinkPhase,
        fake::{self, Cloud, SECRETS, Server},
        link, probe,
    },
    conversation::{
        Call, CallId, Timestamp,
        effect::Body,
        event::{Audience, Outcome},
        settings::Kind,
    },
    ops::clock::Clock,
};

#[tokio::test(start_paused = true)]
async fn a_session_comes_up_works_and_logs_out() {
    let mut cloud = Cloud::new(fake::healthy);
    let mut door = open(&cloud);
    let mut server = cloud.socket().await;
    let events = come_up(&mut door, &mut server).await;
    assert!(events.contains(&Event::Up { agent: "4102938475".into() }));

    door.commands.send(publish(1)).await.unwrap();
    let request = next_request(&mut server, "PublishEvent").await;
    answer(&mut server, &request, 200, json!({"sequence": 7})).await;
    let told = until(&mut door, |event| matches!(event, Event::Called { .. })).await;
    assert!(matches!(
        told.last(),
        Some(Event::Called { id: CallId(1), outcome: Ok(Outcome::Published(7)), .. })
    ));

    door.commands.send(Command::Stop).await.unwrap();
    let told = until(&mut door, |event| *event == Event::Stopped).await;
    assert!(told.contains(&Event::Down));
    assert!(
        matches!(server.next().await, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1000)
    );
    assert!(door.events.recv().await.is_none(), "the task has ended");

    let asked = cloud.asked();
    let urls: Vec<_> = asked.iter().map(|asked| asked.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "/api/account/12345678/service/baseURI.json?version=1.0",
            "/api/account/12345678/login?v=1.3",
            "/ws_api/account/12345678/messaging/brand/5b1e0c2d4f6a8b9c?v=2.1",
            "/api/account/12345678/logout?v=1.3",
        ]
    );
    assert_eq!(asked[3].cookie.as_deref(), Some("Session_id=s3ss10n"));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_opens_no_socket_is_renewed_and_one_502_is_not_minded() {
    let upgrades = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&upgrades);
    let mut cloud = Cloud::new(move |asked| {
        if asked.url.contains("/ws_api") {
            let status = match count.fetch_add(1, Ordering::Relaxed) {
                0 => 502,
                1 => 401,
                _ => 101,
            };
            fake::json(status, &json!(null))
        } else {
            fake::healthy(asked)
        }
    });
    let mut door = open(&cloud);
    let mut server = cloud.socket().await;
    come_up(&mut door, &mut server).await;
    let logins = cloud.asked().iter().filter(|asked| asked.url.contains("/login")).count();
    assert_eq!(logins, 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_socket_is_opened_again_with_the_same_token() {
    let mut cloud = Cloud::new(fake::healthy);
    let mut door = open(&cloud);
    let mut server = cloud.socket().await;
    come_up(&mut door, &mut server).await;
    drop(server);
    until(&mut door, |event| *event == Event::Down).await;
    let mut server = cloud.socket().await;
    come_up(&mut door, &mut server).await;
    let logins = cloud.asked().iter().filter(|asked| asked.url.contains("/login")).count();
    assert_eq!(logins, 1);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_without_the_sessions_doing() {
    let mut cloud = Cloud::new(fake::healthy);
    let mut door = open(&cloud);
    let mut server = cloud.socket().await;
    come_up(&mut door, &mut server).await;
    server.send(Message::Ping("x".into())).await.unwrap();
    loop {
        if let Message::Pong(payload) = server.next().await.unwrap().unwrap() {
            assert_eq!(payload, "x");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hall_that_takes_no_events_slows_the_socket_and_not_the_commands() {
    let mut cloud = Cloud::new(fake::healthy);
    let mut door = open(&cloud);
    let mut server = cloud.socket().await;
    come_up(&mut door, &mut server).await;
    // Far more than all buffers hold: the server gets stuck.
    let flood = async {
        for sequence in 0..20_000 {
            let frame = message(sequence);
            if tokio::time::timeout(Duration::from_secs(1), server.send(frame)).await.is_err() {
                return sequence;
            }
        }
        20_000
    };
    let stuck_at = flood.await;
    assert!(stuck_at < 20_000, "the socket is slowed down");
    // Longer than silence is allowed to last, since the silence is our own.
    tokio::time::sleep(Duration::from_secs(90)).await;
    door.commands.send(publish(1)).await.unwrap();
    next_request(&mut server, "PublishEvent").await;
    // And nothing that had been sent is lost.
    let mut sequences = Vec::new();
    while sequences.last() != Some(&(stuck_at - 1)) {
        let event = door.events.recv().await.unwrap().event;
        assert_ne!(event, Event::Down, "taken for dead");
        if let Event::Message { message, .. } = event {
            sequences.push(message.sequence);
        }
    }
    assert_eq!(sequences, (0..stuck_at).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_door_that_is_dropped_logs_out() {
    let mut cloud = Cloud::new(fake::healthy);
    let mut door = open(&cloud);
    let mut server = cloud.socket().await;
    come_up(&mut door, &mut server).await;
    drop(door);
    while server.next().await.is_some_and(|frame| frame.is_ok()) {}
    cloud.tracker.close();
    // All that is left are idle connections of the HTTP client, which ends with the network.
    drop(cloud.net.clone());
    while !cloud.asked().iter().any(|asked| asked.url.contains("/logout")) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_told_and_no_event_holds_a_secret() {
    let cloud = Cloud::new(|asked| {
        if asked.url.contains("/login") {
            fake::json(401, &json!({"error": {"message": "no"}}))
        } else {
            fake::healthy(asked)
        }
    });
    let mut door = open(&cloud);
    let told = until(&mut door, |event| {
        matches!(event, Event::Link(link) if link.phase == LinkPhase::Waiting { reason: "refused" })
    })
    .await;
    let printed = format!("{told:?}");
    assert!(printed.contains("IP restrictions"));
    for secret in SECRETS {
        assert!(!printed.contains(secret), "{secret}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_walks_up_and_back_and_touches_nothing() {
    let mut cloud = Cloud::new(fake::healthy);
    let (net, clock) = (cloud.net.clone(), Clock::simulated(Timestamp(0)));
    let server = async {
        let mut server = cloud.socket().await;
        let request = next_request(&mut server, "GetClock").await;
        answer(&mut server, &request, 200, json!({"currentTime": 1})).await;
        let mut others = 0;
        while let Some(Ok(frame)) = server.next().await {
            others += u32::from(frame.is_text());
        }
        others
    };
    let mut steps = Vec::new();
    let settings = fake::settings();
    let walk = probe(Kind::Messaging, &settings, &net, &clock, |step| steps.push(step));
    let (went_well, others) = tokio::join!(walk, server);
    assert!(went_well);
    assert_eq!(others, 0);
    let names: Vec<_> = steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["domains", "log-in", "WebSocket", "log-out"]);
    assert!(steps.iter().all(|step| step.result.is_ok()), "{steps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_ends_where_it_fails_but_logs_out() {
    let cloud = Cloud::new(|asked| {
        if asked.url.contains("/ws_api") {
            fake::json(401, &json!(null))
        } else {
            fake::healthy(asked)
        }
    });
    let mut steps = Vec::new();
    let clock = Clock::simulated(Timestamp(0));
    let went_well = probe(Kind::Messaging, &fake::settings(), &cloud.net, &clock, |step| {
        steps.push(step);
    })
    .await;
    assert!(!went_well);
    assert!(steps[2].result.as_ref().unwrap_err().contains("401"));
    assert_eq!(steps[3].name, "log-out");
    let printed = format!("{steps:?}");
    for secret in SECRETS {
        assert!(!printed.contains(secret), "{secret}");
    }
}

fn open(cloud: &Cloud) -> Door {
    link::start::<Line>(
        fake::settings(),
        cloud.net.clone(),
        Clock::simulated(Timestamp(1_700_000_000_000)),
        1,
        false,
        &cloud.tracker,
    )
}

/// Answers everything until the session is listed.
async fn come_up(door: &mut Door, server: &mut Server) -> Vec<Event> {
    let mut events = Vec::new();
    while !matches!(events.last(), Some(Event::Listed { .. })) {
        tokio::select! {
            arrived = door.events.recv() => events.push(arrived.unwrap().event),
            frame = server.next() => {
                let request: Value =
                    serde_json::from_str(frame.unwrap().unwrap().to_text().unwrap()).unwrap();
                answer(server, &request, 200, json!({"currentTime": 1_700_000_000_000_i64})).await;
            }
        }
    }
    events
}

async fn until(door: &mut Door, last: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    while !events.last().is_some_and(&last) {
        events.push(door.events.recv().await.unwrap().event);
    }
    events
}

async fn next_request(server: &mut Server, method: &str) -> Value {
    loop {
        let frame = server.next().await.unwrap().unwrap();
        let Message::Text(text) = frame else { continue };
        let request: Value = serde_json::from_str(text.as_str()).unwrap();
        if request["type"].as_str().unwrap().ends_with(&format!(".{method}")) {
            return request;
        }
    }
}

async fn answer(server: &mut Server, request: &Value, code: u16, body: Value) {
    let frame = json!({"kind": "resp", "reqId": request["id"], "code": code, "body": body});
    server.send(Message::text(frame.to_string())).await.unwrap();
}

fn message(sequence: i64) -> Message {
    Message::text(
        json!({"kind": "notification", "type": ".ams.ms.OnlineEventDistribution", "body":
            {"sequence": sequence, "dialogId": "d", "event": {"type": "ContentEvent", "message": "x".repeat(100)}}})
        .to_string(),
    )
}

fn publish(id: u64) -> Command {
    Command::Call {
        conversation: "conv-1".into(),
        id: Some(CallId(id)),
        call: Call::Publish {
            dialog: "conv-1".into(),
            body: Body::Text { text: "hello".into(), quick_replies: None },
            audience: Audience::All,
            mark: None,
            intents: vec![],
        },
    }
}
