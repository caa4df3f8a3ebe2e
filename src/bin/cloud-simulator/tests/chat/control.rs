//! The control API of chat over HTTP.

use super::super::client::call;
use super::{Agent, simulator};
use crate::simulator::Simulator;
use hyper::Method;
use serde_json::{Value, json};

async fn post(simulator: &Simulator, path: &str, body: Value) -> (u16, Value) {
    let answer = call(simulator, Method::POST, &format!("/simulator/{path}"), "", body).await;
    (answer.status, answer.body)
}

async fn get(simulator: &Simulator, path: &str) -> Value {
    call(simulator, Method::GET, &format!("/simulator/{path}"), "", Value::Null).await.body
}

#[tokio::test(start_paused = true)]
async fn a_whole_chat_is_acted_over_http() {
    let simulator = simulator();
    let agent = Agent::online(&simulator, "support-bot").await;
    let start = json!({
        "skill": "1122334455", "lines": ["hello"],
        "visitor": { "name": "Ada", "language": "he", "participantId": "p-1" },
    });
    let (status, made) = post(&simulator, "chats", start).await;
    assert_eq!(status, 201);
    let chat = made["chat"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&made["chat"]["state"], &made["chat"]["ringing"]),
        (&json!("waiting"), &json!("support-bot"))
    );
    assert_eq!(agent.accepts().await, chat);
    let act = async |verb: &str, body: Value| {
        post(&simulator, &format!("chats/{chat}/{verb}"), body).await
    };
    assert_eq!(
        act("visitor/typing", json!({ "typing": true })).await.1["chat"]["visitor"]["typing"],
        "typing"
    );
    assert_eq!(act("visitor/say", json!({ "text": "<b>1</b>", "html": true })).await.1["event"], 5);
    let card = json!({ "type": "button", "title": "Yes", "click": { "actions": [{ "type": "publishText", "text": "yes" }] } });
    let rich = json!({ "event": { "@type": "line", "textType": "rich-content", "text": "?", "json": card } });
    agent.post(&format!("/chat/{chat}/events"), rich).await;
    let clicked = act("visitor/click", json!({ "event": 6, "button": "Yes" })).await.1;
    assert_eq!(
        (&clicked["event"], &clicked["actions"][0]["type"]),
        (&json!(7), &json!("publishText"))
    );
    assert_eq!(act("visitor/fly", json!({})).await.0, 404);
    assert_eq!(act("visitor/say", json!({ "txet": "" })).await.0, 400);
    assert_eq!(act("agent/say", json!({ "text": "not mine" })).await.0, 400);
    assert_eq!(
        act(
            "agent/transfer",
            json!({ "agent": "support-bot", "skill": "4129463410", "text": "why" })
        )
        .await
        .0,
        200
    );
    assert_eq!(act("agent/take", json!({})).await.1["chat"]["agent"], "hannah");
    assert_eq!(act("agent/say", json!({ "text": "Hello" })).await.0, 200);
    assert_eq!(
        act("agent/note", json!({ "text": "hm" })).await.1["chat"]["events"][12]["subType"],
        "ONLY_TO_REP"
    );
    assert_eq!(
        act("agent/typing", json!({ "typing": true })).await.1["chat"]["agentTyping"],
        "typing"
    );
    assert_eq!(act("agent/end", json!({})).await.1["chat"]["end"], "agent");
    assert_eq!(act("visitor/end", json!({})).await.0, 400);
    assert_eq!(post(&simulator, "chats/none/visitor/end", json!({})).await.0, 404);

    let found = get(&simulator, &format!("chats/{chat}")).await;
    let texts: Vec<&str> = found["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["text"].as_str())
        .collect();
    assert_eq!(texts[1], "hello");
    assert_eq!(found["visitor"]["language"], "he");
    let state = get(&simulator, "state").await;
    assert_eq!(state["chats"][0]["id"], json!(chat));
    assert_eq!(state["agents"][0]["chat"]["availability"], "Online");
    let calls = get(&simulator, "chat/calls?agent=support-bot&call=accept").await;
    assert_eq!(calls["calls"][0]["answered"], 201);
    let counts = get(&simulator, "chat/counts").await;
    assert_eq!((&counts["calls"]["accept"], &counts["breaches"]), (&json!(1), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn faults_breaches_and_agents_of_chat_are_set_over_http() {
    let simulator = simulator();
    let agent = Agent::online(&simulator, "support-bot").await;
    let good = [
        json!({ "kind": "chat", "call": "line", "what": "dropAfter", "count": 1 }),
        json!({ "kind": "chat", "call": "accept", "what": { "status": 503 }, "agent": "support-bot" }),
        json!({ "kind": "chat", "path": "*/chat/*/events", "what": { "slow": 3000 } }),
    ];
    for fault in good {
        assert_eq!(post(&simulator, "faults", fault.clone()).await.0, 201, "{fault}");
    }
    let listed = get(&simulator, "faults").await["faults"][1]["fault"]["what"].clone();
    assert_eq!(listed, json!({ "status": 503 }));
    let bad =
        [json!({ "kind": "chat" }), json!({ "kind": "chat", "call": "sing", "what": "silence" })];
    for fault in bad {
        assert_eq!(post(&simulator, "faults", fault.clone()).await.0, 400, "{fault}");
    }
    agent.rings().await;
    agent.rings().await;
    let breaches = get(&simulator, "chat/breaches").await;
    assert_eq!(breaches["breaches"][0]["rule"], "fastPoll");
    post(&simulator, "chat/breaches/forget", json!({})).await;
    assert_eq!(get(&simulator, "chat/breaches").await, json!({ "breaches": [] }));
    let set = post(&simulator, "agents/hannah/chat", json!({ "availability": "Away" })).await.1;
    assert_eq!(set["agent"]["chat"]["availability"], "Away");
    let ended = post(&simulator, "agents/support-bot/chat", json!({ "endSession": true })).await.1;
    assert_eq!(ended["agent"]["chat"], Value::Null);
    assert_eq!(
        post(&simulator, "agents/support-bot/chat", json!({ "availability": "Away" })).await.0,
        400
    );
    let crowd = post(&simulator, "chat/crowd", json!({ "count": 3, "lines": ["hello"] })).await.1;
    assert_eq!(crowd["chats"].as_array().unwrap().len(), 3);
    post(&simulator, "reset", json!({})).await;
    assert_eq!(get(&simulator, "chats").await, json!({ "chats": [] }));
}
