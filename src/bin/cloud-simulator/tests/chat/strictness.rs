//! The rules whose breaking is reported.

use super::{Agent, after, chatting, line, simulator, visitor};
use crate::simulator::{Broken, CallName, Fault, Simulator, Trouble};
use serde_json::{Value, json};

fn broken(simulator: &Simulator) -> Vec<Broken> {
    simulator.breaches().iter().map(|breach| breach.rule).collect()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_keeps_the_rules_is_not_reported() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let mut from = 0;
    for round in 0..400 {
        agent.rings().await;
        from += agent.events(&chat, from).await.len() as u64;
        if round % 10 == 0 {
            agent.says(&chat, "on we go &lt;script&gt;").await;
        }
        if round % 120 == 0 {
            agent.refreshes().await;
        }
        after(2.0).await;
    }
    let end = json!({ "event": { "@type": "state", "state": "ended" } });
    agent.post(&format!("/chat/{chat}/events"), end).await;
    agent.events(&chat, from).await;
    assert!(simulator.breaches().is_empty(), "{:?}", simulator.breaches());
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_comes_too_soon_is_reported_with_its_path() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    agent.events(&chat, 0).await;
    after(1.9).await;
    agent.events(&chat, 4).await;
    assert_eq!(broken(&simulator), []);
    after(1.8).await;
    agent.events(&chat, 4).await;
    let breach = simulator.breaches().remove(0);
    assert_eq!((breach.rule, breach.agent.as_str()), (Broken::FastPoll, "support-bot"));
    assert_eq!(breach.place, format!("{}/chat/{chat}/events", agent.at));
}

#[tokio::test(start_paused = true)]
async fn two_polls_side_by_side_are_reported() {
    let simulator = simulator();
    let agent = Agent::online(&simulator, "support-bot").await;
    simulator.inject(Fault::chat(CallName::Ring, Trouble::Slow(5000)).times(2));
    tokio::join!(agent.rings(), agent.rings());
    assert_eq!(broken(&simulator), [Broken::FastPoll]);
    after(1.9).await;
    agent.rings().await;
    assert_eq!(broken(&simulator), [Broken::FastPoll]);
}

#[tokio::test(start_paused = true)]
async fn a_read_after_an_unclear_result_may_come_at_once_beside_the_usual_one_but_only_once() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    agent.events(&chat, 0).await;
    simulator.inject(Fault::chat(CallName::Line, Trouble::DropAfter).times(1));
    let path = format!("/chat/{chat}/events");
    assert!(agent.tries("POST", &path, "", &line("stored?")).await.is_none());
    assert_eq!(agent.events(&chat, 4).await.len(), 1);
    agent.events(&chat, 5).await;
    assert_eq!(broken(&simulator), []);
    agent.events(&chat, 5).await;
    assert_eq!(broken(&simulator), [Broken::FastPoll]);
}

#[tokio::test(start_paused = true)]
async fn two_lines_at_once_in_one_chat_are_reported_and_in_two_chats_are_not() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let other = simulator.chat_starts(visitor()).unwrap();
    agent.accepts().await;
    simulator.inject(Fault::chat(CallName::Line, Trouble::Slow(500)).times(4));
    tokio::join!(agent.says(&chat, "one"), agent.says(&other, "two"));
    assert_eq!(broken(&simulator), []);
    tokio::join!(agent.says(&chat, "three"), agent.says(&chat, "four"));
    assert_eq!(broken(&simulator), [Broken::TwoPosts]);
    agent.says(&chat, "five").await;
    assert_eq!(broken(&simulator), [Broken::TwoPosts]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_gives_up_waiting_ends_its_request() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    simulator.inject(Fault::chat(CallName::Line, Trouble::Silence).times(1));
    let patience = std::time::Duration::from_secs(15);
    assert!(tokio::time::timeout(patience, agent.says(&chat, "anybody?")).await.is_err());
    after(0.1).await;
    assert_eq!(agent.says(&chat, "again").await.status, 201);
    assert_eq!(broken(&simulator), []);
    let calls = simulator.chat_calls(CallName::Line);
    let answered: Vec<Option<u16>> = calls.iter().map(|call| call.answered).collect();
    assert_eq!(answered, [None, Some(201)]);
}

#[tokio::test(start_paused = true)]
async fn a_script_in_html_is_reported_and_one_in_a_plain_text_is_not() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let path = format!("/chat/{chat}/events");
    let plain = json!({ "event": { "@type": "line", "text": "<script>" } });
    assert_eq!(agent.post(&path, plain).await.status, 201);
    assert_eq!(broken(&simulator), []);
    assert_eq!(agent.says(&chat, "<SCRIPT src=x>").await.status, 201);
    assert_eq!(broken(&simulator), [Broken::Script]);
}

#[tokio::test(start_paused = true)]
async fn a_log_in_that_serves_chats_must_be_refreshed() {
    let simulator = simulator();
    let agent = Agent::online(&simulator, "support-bot").await;
    for _ in 0..164 {
        after(2.0).await;
        agent.rings().await;
    }
    assert_eq!(broken(&simulator), []);
    after(3.0).await;
    assert_eq!(broken(&simulator), [Broken::NoRefresh]);
    agent.rings().await;
    agent.refreshes().await;
    assert_eq!(broken(&simulator), [Broken::NoRefresh], "once");
}

#[tokio::test(start_paused = true)]
async fn a_silent_chat_is_reported_while_its_client_is_alive() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    for _ in 0..12 {
        after(2.0).await;
        agent.rings().await;
    }
    assert_eq!(broken(&simulator), []);
    after(1.1).await;
    assert_eq!(broken(&simulator), [Broken::SilentChat]);
    assert_eq!(simulator.breaches()[0].place, chat);
    agent.events(&chat, 0).await;
    // A client that is dead cannot ask.
    after(39.0).await;
    assert_eq!(broken(&simulator), [Broken::SilentChat]);
    assert_eq!(Value::Null, agent.get("/incomingRequests").await.body["error"]);
}
