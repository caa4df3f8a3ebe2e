//! Each fault that a call can meet.

use super::client::Agent;
use super::{after, chatting, line, many, simulator, visitor};
use crate::simulator::{CallName, Fault, Simulator, Trouble};
use serde_json::{Value, json};
use std::time::Duration;

fn inject(simulator: &Simulator, call: CallName, what: Trouble) {
    simulator.inject(Fault::chat(call, what).times(1));
}

#[tokio::test(start_paused = true)]
async fn a_status_comes_instead_of_the_work_or_after_it() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    inject(&simulator, CallName::Line, Trouble::Status(503));
    let failed = agent.says(&chat, "lost").await;
    assert_eq!(
        (failed.status, &failed.body["error"]["message"]),
        (503, &json!("simulated failure"))
    );
    inject(&simulator, CallName::Line, Trouble::StatusAfter(500));
    assert_eq!(agent.says(&chat, "kept").await.status, 500);
    inject(&simulator, CallName::Line, Trouble::TooMany(3));
    let hasty = agent.says(&chat, "hasty").await;
    assert_eq!(hasty.status, 429);
    assert_eq!(hasty.headers["retry-after"], "3");
    let lines = simulator.chat_lines(&chat);
    assert_eq!(lines[2..], [("agent", "<div>kept</div>".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_closes_before_or_after_the_work() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let path = format!("/chat/{chat}/events");
    inject(&simulator, CallName::Line, Trouble::DropBefore);
    assert!(agent.tries("POST", &path, "", &line("lost")).await.is_none());
    inject(&simulator, CallName::Line, Trouble::DropAfter);
    assert!(agent.tries("POST", &path, "", &line("kept")).await.is_none());
    let lines = simulator.chat_lines(&chat);
    assert_eq!(lines[2..], [("agent", "<div>kept</div>".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn answers_come_late_or_never() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let minute = Duration::from_secs(60);
    for (what, heard) in [(Trouble::Silence, 2), (Trouble::SilenceAfter, 3)] {
        inject(&simulator, CallName::Line, what);
        assert!(
            tokio::time::timeout(Duration::from_secs(15), agent.says(&chat, "x")).await.is_err()
        );
        assert_eq!(simulator.chat_lines(&chat).len(), heard, "{what:?}");
    }
    for (what, heard_at_once) in [(Trouble::Late(3000), 3), (Trouble::Slow(3000), 5)] {
        inject(&simulator, CallName::Line, what);
        let started = simulator.clock().now();
        let look = async {
            after(1.0).await;
            simulator.chat_lines(&chat).len()
        };
        let (said, heard) = tokio::join!(agent.says(&chat, "x"), look);
        assert_eq!((said.status, heard), (201, heard_at_once), "{what:?}");
        assert_eq!(simulator.clock().now() - started, 3000);
    }
    inject(&simulator, CallName::Refresh, Trouble::Silence);
    assert!(tokio::time::timeout(minute, agent.refreshes()).await.is_err());
    agent.refreshes().await;
}

#[tokio::test(start_paused = true)]
async fn bodies_are_not_what_they_should_be() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let path = format!("/chat/{chat}/events");
    inject(&simulator, CallName::Events, Trouble::ErrorIn200);
    let wrong = agent.get(&path).await;
    assert_eq!(wrong.status, 200);
    assert_eq!(wrong.body["chat"]["error"]["internalCode"], 99);
    inject(&simulator, CallName::Transfer, Trouble::ErrorIn200);
    let wrong = agent.post(&format!("/chat/{chat}/transfer"), json!({})).await;
    assert_eq!((wrong.status, wrong.body["transfer"]["errormsg"].is_string()), (200, true));
    inject(&simulator, CallName::Accept, Trouble::EmptyBody);
    let other = simulator.chat_starts(visitor()).unwrap();
    let accepted = agent.post("/incomingRequests", json!({})).await;
    assert_eq!((accepted.status, accepted.text.as_str()), (201, ""));
    assert!(simulator.chat(&other).unwrap().owner.is_some(), "it was accepted all the same");
    inject(&simulator, CallName::Events, Trouble::HtmlBody);
    let page = agent.get(&path).await;
    assert_eq!(page.status, 200);
    assert!(page.text.starts_with("<!doctype html>"), "{}", page.text);
    inject(&simulator, CallName::Events, Trouble::Huge(5_000_000));
    let huge = agent.get(&path).await;
    assert!(huge.text.len() > 5_000_000);
    assert_eq!(many(&huge.body["events"]["event"]).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_bearer_the_session_and_the_availability_get_lost_on_the_way() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    inject(&simulator, CallName::Ring, Trouble::ForceAway);
    assert_eq!(agent.rings().await, 0);
    assert_eq!(agent.availability().await, "Away");
    inject(&simulator, CallName::Ring, Trouble::ExpireBearer);
    assert_eq!(agent.get("/incomingRequests").await.status, 401);
    assert_eq!(agent.get("/availability").await.status, 401);
    assert!(!simulator.chat(&chat).unwrap().is_over(), "the agent session lives on");
    let again = Agent::online(&simulator, "support-bot").await;
    inject(&simulator, CallName::Events, Trouble::KillSession);
    assert_eq!(again.get(&format!("/chat/{chat}/events")).await.status, 404);
    assert_eq!(again.get("/availability").await.status, 404);
    assert!(simulator.chat(&chat).unwrap().is_over());
}

#[tokio::test(start_paused = true)]
async fn events_come_twice_in_disorder_or_from_the_future() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    simulator.visitor(&chat).says("four").unwrap();
    simulator.visitor(&chat).says("five").unwrap();
    let ids = async || -> Vec<Value> {
        agent.events(&chat, 4).await.iter().map(|event| event["@id"].clone()).collect()
    };
    inject(&simulator, CallName::Events, Trouble::RepeatedEvents);
    assert_eq!(ids().await, ["1", "2", "3", "4", "5", "4", "5"]);
    inject(&simulator, CallName::Events, Trouble::ReversedEvents);
    assert_eq!(ids().await, ["5", "4"]);
    inject(&simulator, CallName::Events, Trouble::UnknownEvents);
    assert_eq!(ids().await, [json!("soon"), json!("4"), json!("5"), Value::Null]);
    inject(&simulator, CallName::Chats, Trouble::ReversedEvents);
    let several = agent.get(&format!("/chat?chatSessionKeys={chat}&fromEventIds=4")).await.body;
    assert_eq!(several["chats"]["chat"]["events"]["event"][0]["id"], 5);
    inject(&simulator, CallName::Chat, Trouble::UnknownEvents);
    let whole = agent.get(&format!("/chat/{chat}?from=5")).await.body;
    assert_eq!(whole["chat"]["events"]["event"][0]["@type"], "resource");
}

#[tokio::test(start_paused = true)]
async fn a_fault_without_a_call_means_all_calls_but_the_log_in() {
    let simulator = simulator();
    let rule = Fault::Chat { call: None, path: None, what: Trouble::Status(502) };
    simulator.inject(rule.for_agent("support-bot").times(2));
    let sister = Agent::online(&simulator, "support-bot-2").await;
    let session = super::super::client::login(&simulator, "support-bot").await;
    let agent = Agent { session, ..sister };
    assert_eq!(agent.get("/availability").await.status, 502);
    assert_eq!(agent.get("/incomingRequests").await.status, 502);
    assert_eq!(agent.get("/incomingRequests").await.status, 404, "a sister's session");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_stays_lets_one_that_passes_go_first() {
    let simulator = simulator();
    let agent = Agent::online(&simulator, "support-bot").await;
    simulator.inject(Fault::Chat { call: None, path: None, what: Trouble::Slow(50) });
    inject(&simulator, CallName::Ring, Trouble::Status(503));
    inject(&simulator, CallName::Ring, Trouble::Status(429));
    let started = simulator.clock().now();
    assert_eq!(agent.get("/incomingRequests").await.status, 503);
    assert_eq!(agent.get("/incomingRequests").await.status, 429);
    assert_eq!(simulator.clock().now() - started, 0);
    assert_eq!(agent.get("/incomingRequests").await.status, 200);
    assert_eq!(simulator.clock().now() - started, 50);
}
