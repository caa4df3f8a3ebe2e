//! What time, log-outs and second log-ins do to rings, chats and agent sessions.

use super::super::client::login;
use super::{Agent, after, chatting, many, simulator, visitor, world_with};
use crate::simulator::{ChatAvailability, ChatEnd, ChatState, Fault, Simulator, Trouble};
use serde_json::{Value, json};

/// The ids of the system lines of a chat.
fn system_lines(simulator: &Simulator, chat: &str) -> Vec<u32> {
    simulator.chat(chat).unwrap().lines().filter_map(|line| line.system).collect()
}

#[tokio::test(start_paused = true)]
async fn a_ring_of_20_s_makes_the_agent_away_and_rings_elsewhere() {
    let simulator = simulator();
    let first = Agent::online(&simulator, "support-bot").await;
    let chat = simulator.chat_starts(visitor()).unwrap();
    let second = Agent::online(&simulator, "support-bot-2").await;
    after(19.9).await;
    assert_eq!((first.rings().await, second.rings().await), (1, 0));
    after(0.1).await;
    assert_eq!((first.rings().await, second.rings().await), (0, 1));
    assert_eq!(first.availability().await, "Away");
    assert_eq!(second.accepts().await, chat);
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_nobody_answers_waits_until_somebody_is_online() {
    let simulator = simulator();
    let agent = Agent::online(&simulator, "support-bot").await;
    let chat = simulator.chat_starts(visitor()).unwrap();
    after(30.0).await;
    assert_eq!(agent.rings().await, 0);
    assert_eq!(simulator.chat(&chat).unwrap().state, ChatState::Waiting);
    agent.is("Occupied").await;
    assert_eq!(agent.rings().await, 0, "Occupied is for transfers");
    agent.is("Online").await;
    assert_eq!(agent.accepts().await, chat);
}

#[tokio::test(start_paused = true)]
async fn a_chat_whose_agent_asks_for_nothing_ends_after_40_s() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    for _ in 0..3 {
        after(39.9).await;
        agent.events(&chat, 4).await;
    }
    after(39.9).await;
    agent.get(&format!("/chat?chatSessionKeys={chat}&fromEventIds=3")).await;
    // The visitor's lines do not keep it.
    simulator.visitor(&chat).says("hello?").unwrap();
    after(40.1).await;
    assert_eq!(simulator.chat(&chat).unwrap().end, Some(ChatEnd::Timeout));
    assert_eq!(system_lines(&simulator, &chat), [4, 3, 6]);
    let events = agent.events(&chat, 5).await;
    assert_eq!(events[0]["systemMessageId"], 6);
    assert_eq!(events[1]["state"], "ended");
}

#[tokio::test(start_paused = true)]
async fn an_agent_session_without_requests_is_lost_after_60_s() {
    let simulator = world_with(|chat| chat.chat_timeout = 3_600_000);
    let (agent, chat) = chatting(&simulator).await;
    after(59.9).await;
    assert_eq!(agent.availability().await, "Online");
    let sister = Agent::online(&simulator, "support-bot-2").await;
    for _ in 0..2 {
        after(30.0).await;
        sister.availability().await;
    }
    assert_eq!(agent.get("/availability").await.status, 404);
    assert_eq!(system_lines(&simulator, &chat), [4, 3, 23]);
    assert_eq!(sister.accepts().await, chat);
    assert_eq!(system_lines(&simulator, &chat), [4, 3, 23, 3]);
    let states: Vec<Value> =
        sister.events(&chat, 0).await.iter().map(|one| one["state"].clone()).collect();
    let told: Vec<Value> = states.into_iter().filter(|state| !state.is_null()).collect();
    assert_eq!(told, ["waiting", "chatting", "waiting", "chatting"]);
}

#[tokio::test(start_paused = true)]
async fn log_out_hands_chats_on_or_ends_them_when_nobody_is_there() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    agent.logs_out().await;
    assert_eq!(agent.get("/availability").await.status, 401);
    assert_eq!(simulator.chat(&chat).unwrap().end, Some(ChatEnd::SessionLost));
    assert_eq!(system_lines(&simulator, &chat), [4, 3, 6]);

    let (agent, chat) = chatting(&simulator).await;
    let sister = Agent::online(&simulator, "support-bot-2").await;
    agent.logs_out().await;
    assert_eq!(sister.accepts().await, chat);
}

#[tokio::test(start_paused = true)]
async fn a_second_log_in_takes_the_chats_over_while_the_first_session_lives() {
    let simulator = simulator();
    let (first, chat) = chatting(&simulator).await;
    let second = Agent::away(&simulator, "support-bot").await;
    assert_eq!(first.get(&format!("/chat/{chat}")).await.status, 401);
    let listed = second.get("/chatSessions?v=1&NC=true").await.body;
    let listed = &listed["chatSessions"]["chatSession"];
    assert_eq!(listed["chatSessionKey"], json!(chat));
    let place = super::client::path_of(&listed["link"], "chat-session");
    assert_eq!(place, format!("{}/chat/{chat}", second.at));
    assert_eq!(second.says(&chat, "still here").await.status, 201);
    assert_eq!(simulator.chat(&chat).unwrap().state, ChatState::Chatting);
}

#[tokio::test(start_paused = true)]
async fn after_a_log_out_nothing_is_left_to_take_over() {
    let simulator = simulator();
    let (first, _) = chatting(&simulator).await;
    first.logs_out().await;
    let second = Agent::away(&simulator, "support-bot").await;
    let listed = second.get("/chatSessions").await.body;
    assert_eq!(many(&listed["chatSessions"]["chatSession"]), Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_second_log_in_may_end_the_first_session_at_once() {
    let simulator = world_with(|chat| chat.login_ends_session = true);
    let (_, chat) = chatting(&simulator).await;
    let second = Agent::away(&simulator, "support-bot").await;
    let listed = second.get("/chatSessions").await.body;
    assert_eq!(many(&listed["chatSessions"]["chatSession"]), Vec::<Value>::new());
    assert_eq!(simulator.chat(&chat).unwrap().end, Some(ChatEnd::SessionLost));
}

#[tokio::test(start_paused = true)]
async fn a_second_log_in_may_leave_the_first_bearer_valid() {
    let simulator = world_with(|chat| chat.login_voids_bearer = false);
    let (first, chat) = chatting(&simulator).await;
    login(&simulator, "support-bot").await;
    assert_eq!(first.says(&chat, "both of us").await.status, 201);
    first.refreshes().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_in_that_is_not_refreshed_expires_and_its_chats_can_be_resumed() {
    let mut options = crate::simulator::Options::fixed();
    options.session_life = 30_000;
    let simulator = Simulator::new(options);
    let (agent, chat) = chatting(&simulator).await;
    after(29.0).await;
    agent.refreshes().await;
    agent.events(&chat, 4).await;
    after(29.0).await;
    assert_eq!(agent.get("/availability").await.status, 200);
    agent.events(&chat, 4).await;
    after(1.0).await;
    assert_eq!(agent.get("/availability").await.status, 401);
    let again = Agent::online(&simulator, "support-bot").await;
    assert_eq!(again.says(&chat, "hello again").await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn an_operator_sets_an_agent_away_and_ends_its_session() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let bot = simulator.agent("support-bot");
    bot.is_set_in_chat(ChatAvailability::Away).unwrap();
    assert_eq!(agent.availability().await, "Away");
    bot.loses_chat_session().unwrap();
    assert_eq!(agent.get("/availability").await.status, 404);
    assert!(simulator.chat(&chat).unwrap().is_over());
    assert!(bot.is_set_in_chat(ChatAvailability::Online).is_err(), "there is no session");
    let all = Fault::Chat {
        call: None,
        path: Some("*/incomingRequests".into()),
        what: Trouble::Status(503),
    };
    simulator.inject(all.times(1));
    let again = Agent::online(&simulator, "support-bot").await;
    assert_eq!(again.get("/incomingRequests").await.status, 503);
    assert_eq!(again.get("/incomingRequests").await.status, 200);
}
