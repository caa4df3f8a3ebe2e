//! Transfers to skills and agents.

use super::{Agent, BOT_SKILL, HUMAN_SKILL, after, chatting, many, simulator, visitor};
use crate::simulator::{ChatAvailability, ChatState, Fault};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn only_skills_with_another_agent_online_are_listed() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let targets = format!("/chat/{chat}/transfer");
    let listed = agent.get(&targets).await.body;
    let human = json!({ "id": HUMAN_SKILL, "name": "Human", "onlineAgents": "1" });
    assert_eq!(listed, json!({ "transfer": { "skill": human } }), "one is sent bare");
    let _sister = Agent::online(&simulator, "support-bot-2").await;
    let listed = many(&agent.get(&targets).await.body["transfer"]["skill"]);
    assert_eq!(listed[0], json!({ "id": BOT_SKILL, "name": "Bot", "onlineAgents": "1" }));
    simulator.agent("hannah").is_set_in_chat(ChatAvailability::Away).unwrap();
    assert_eq!(many(&agent.get(&targets).await.body["transfer"]["skill"]).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_to_a_skill_leaves_the_agent_and_tells_the_next_one_why() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let body = json!({ "transfer": { "skill": { "id": 4_129_463_410_u64 }, "text": "asked for a human" } });
    let done = agent.post(&format!("/chat/{chat}/transfer"), body).await;
    assert_eq!((done.status, done.text.as_str()), (200, ""));
    let events = agent.events(&chat, 4).await;
    assert_eq!(events[0]["systemMessageId"], 15);
    assert_eq!(events[1]["subType"], "ONLY_TO_REP");
    assert_eq!(events[1]["text"], "asked for a human");
    assert_eq!(agent.says(&chat, "one more thing").await.status, 404);
    let info = agent.get(&format!("/chat/{chat}/info")).await.body["info"].clone();
    assert_eq!((&info["state"], info.get("agentId")), (&json!("waiting"), None));
    after(9.9).await;
    assert_eq!(agent.get(&format!("/chat/{chat}/events")).await.status, 200);
    let several = agent.get(&format!("/chat?chatSessionKeys={chat}")).await.body;
    assert_eq!(several["chats"]["chat"]["info"]["chatSessionKey"], json!(chat));
    after(0.1).await;
    assert_eq!(agent.get(&format!("/chat/{chat}/events")).await.status, 404);
    assert_eq!(agent.rings().await, 0);

    let hannah = simulator.agent("hannah");
    hannah.takes_chat(&chat).unwrap();
    hannah.says_in_chat(&chat, "How can I help?").unwrap();
    let found = simulator.chat(&chat).unwrap();
    assert_eq!((found.state, found.skill.as_str()), (ChatState::Chatting, HUMAN_SKILL));
}

#[tokio::test(start_paused = true)]
async fn a_transfer_to_an_agent_rings_there_even_when_occupied() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let sister = Agent::away(&simulator, "support-bot-2").await;
    let to = json!({ "transfer": { "agent": { "id": "4102938476" }, "skill": { "id": "1" } } });
    let refused = agent.post(&format!("/chat/{chat}/transfer"), to.clone()).await;
    assert_eq!(refused.status, 400, "it is Away");
    assert!(refused.body["transfer"]["errormsg"].is_string());
    sister.is("Occupied").await;
    assert_eq!(agent.post(&format!("/chat/{chat}/transfer"), to).await.status, 200);
    assert_eq!(sister.accepts().await, chat);
    let systems: Vec<Value> =
        sister.events(&chat, 4).await.iter().map(|one| one["systemMessageId"].clone()).collect();
    assert_eq!(systems, [13, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_to_nobody_is_refused_and_the_chat_stays() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let wrong = [
        json!({}),
        json!({ "transfer": {} }),
        json!({ "transfer": { "skill": { "id": 1 } } }),
        json!({ "transfer": { "skill": { "id": BOT_SKILL } } }),
        json!({ "transfer": { "agent": { "id": 4_102_938_475_u64 } } }),
    ];
    for body in wrong {
        let refused = agent.post(&format!("/chat/{chat}/transfer"), body.clone()).await;
        assert_eq!(refused.status, 400, "{body}");
    }
    assert_eq!(agent.says(&chat, "still here").await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn a_human_hands_a_chat_back_to_the_bot() {
    let simulator = simulator();
    let agent = Agent::online(&simulator, "support-bot").await;
    let chat = simulator.chat_starts(crate::simulator::ChatStart::in_skill(HUMAN_SKILL)).unwrap();
    let hannah = simulator.agent("hannah");
    hannah.takes_chat(&chat).unwrap();
    assert!(hannah.transfers_chat(&chat, "1", None).is_err());
    hannah.transfers_chat(&chat, BOT_SKILL, Some("yours")).unwrap();
    assert_eq!(agent.accepts().await, chat);
    let other = simulator.chat_starts(visitor()).unwrap();
    hannah.takes_chat(&other).unwrap();
    hannah.offers_chat(&other, "support-bot").unwrap();
    assert_eq!(agent.accepts().await, other);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_can_be_lost_though_it_is_answered() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    simulator.inject(Fault::LoseTransfer {}.times(1));
    let to = json!({ "transfer": { "skill": { "id": HUMAN_SKILL } } });
    assert_eq!(agent.post(&format!("/chat/{chat}/transfer"), to.clone()).await.status, 200);
    assert_eq!(agent.says(&chat, "still here").await.status, 201);
    assert_eq!(agent.post(&format!("/chat/{chat}/transfer"), to).await.status, 200);
    assert_eq!(agent.says(&chat, "gone").await.status, 404);
}
