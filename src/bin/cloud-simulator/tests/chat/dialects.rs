//! The two spellings of the answers.

use super::client::path_of;
use super::{Agent, chatting, visitor, world_with};
use crate::simulator::{CallName, Dialect, Fault, Trouble};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn the_plain_dialect_has_lists_and_numbers_and_no_prefixes() {
    let simulator = world_with(|chat| chat.dialect = Dialect::Plain);
    let agent = Agent::online(&simulator, "support-bot").await;
    let nothing = agent.get("/incomingRequests").await.body;
    assert_eq!(nothing, json!({ "incomingRequests": { "ringingCount": 0 } }));
    let chat = simulator.chat_starts(visitor().saying("1").saying("01")).unwrap();
    let ringing = agent.get("/incomingRequests").await.body;
    assert_eq!(ringing["incomingRequests"]["ringingCount"], 1);
    assert!(path_of(&ringing["incomingRequests"]["link"], "next").ends_with("/incomingRequests"));
    assert_eq!(agent.accepts().await, chat);
    let events = agent.events(&chat, 2).await;
    assert_eq!((&events[0]["id"], &events[0]["type"]), (&json!(2), &json!("line")));
    assert_eq!(events[0]["text"], 1, "what looks like a number comes as one");
    assert_eq!(events[1]["text"], "01");
    let empty = agent.get(&format!("/chat/{chat}/events?from=9")).await.body;
    assert_eq!(empty["events"]["event"], json!([]));
    let targets = agent.get(&format!("/chat/{chat}/transfer")).await.body;
    assert_eq!(targets["transfer"]["skill"][0]["id"], 4_129_463_410_u64);
}

#[tokio::test(start_paused = true)]
async fn one_answer_can_come_in_the_other_dialect() {
    let simulator = super::simulator();
    let (agent, chat) = chatting(&simulator).await;
    simulator.inject(Fault::chat(CallName::Events, Trouble::OtherDialect).times(1));
    assert_eq!(agent.events(&chat, 3).await[0]["id"], 3);
    assert_eq!(agent.events(&chat, 3).await[0]["@id"], "3");
}
