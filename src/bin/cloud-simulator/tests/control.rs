//! The control API over HTTP.

use super::client::{BOT, Client, call};
use super::simulator;
use crate::simulator::{Fault, Simulator};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

async fn post(simulator: &Simulator, path: &str, body: Value) -> (u16, Value) {
    let answer = call(simulator, Method::POST, &format!("/simulator/{path}"), "", body).await;
    (answer.status, answer.body)
}

async fn get(simulator: &Simulator, path: &str) -> Value {
    call(simulator, Method::GET, &format!("/simulator/{path}"), "", Value::Null).await.body
}

#[tokio::test(start_paused = true)]
async fn a_whole_conversation_is_acted_over_http() {
    let simulator = simulator();
    let mut client = Client::ready(&simulator, "support-bot").await;
    let (status, made) = post(
        &simulator,
        "conversations",
        json!({ "text": "hello", "consumer": { "firstName": "Bo" } }),
    )
    .await;
    assert_eq!(status, 201);
    let id = made["conversation"]["id"].as_str().unwrap().to_owned();
    assert_eq!(client.accepts().await, id);
    let act = async |verb: &str, body: Value| {
        post(&simulator, &format!("conversations/{id}/{verb}"), body).await
    };
    assert_eq!(act("consumer/say", json!({ "text": "anybody?" })).await.1["sequence"], 1);
    client.says(&id, "yes").await;
    assert_eq!(act("consumer/read", json!({})).await.1["sequence"], 3);
    assert_eq!(act("consumer/typing", json!({ "state": "COMPOSING" })).await.0, 200);
    assert_eq!(act("agent/join", json!({ "role": "READER" })).await.0, 200);
    assert_eq!(act("agent/join", json!({ "role": "READER" })).await.0, 400);
    assert_eq!(act("agent/say", json!({ "text": "readers are silent" })).await.0, 400);
    assert_eq!(
        act("consumer/step-up", json!({ "consumer": "crm-1" })).await.1["conversation"]["consumer"]
            ["authenticated"],
        true
    );
    assert_eq!(act("consumer/fly", json!({})).await.0, 404);
    assert_eq!(act("consumer/say", json!({ "txet": "?" })).await.0, 400);
    assert_eq!(act("consumer/close", json!({})).await.1["conversation"]["state"], "CLOSE");
    let state = get(&simulator, "state").await;
    let conversation = &state["conversations"][0];
    assert_eq!(conversation["closeReason"], "CONSUMER");
    assert_eq!(conversation["dialogs"][0]["events"][2]["receipts"].as_object().unwrap().len(), 1);
    assert_eq!(state["sockets"][0]["agent"], "support-bot");
    let requests = get(&simulator, "requests?type=UpdateRingState").await;
    assert_eq!(requests["requests"][0]["answered"], 202);
}

#[tokio::test(start_paused = true)]
async fn the_human_side_works_over_http() {
    let simulator = simulator();
    let (_, made) =
        post(&simulator, "conversations", json!({ "text": "help", "skill": "4129463410" })).await;
    let id = made["conversation"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        get(&simulator, "queue?skill=4129463410").await["queue"][0]["conversation"],
        json!(id)
    );
    let act = async |verb: &str, body: Value| {
        post(&simulator, &format!("conversations/{id}/agent/{verb}"), body).await
    };
    assert_eq!(act("say", json!({ "text": "early" })).await.0, 400);
    assert_eq!(act("take", json!({})).await.1["conversation"]["assigned"], "hannah");
    assert_eq!(act("say", json!({ "text": "Hello" })).await.1["sequence"], 1);
    assert_eq!(act("note", json!({ "text": "hm" })).await.1["sequence"], 2);
    let card = json!({ "type": "text", "text": "card" });
    assert_eq!(act("structured", json!({ "content": card })).await.0, 200);
    assert_eq!(act("read", json!({})).await.0, 200);
    assert_eq!(act("return", json!({})).await.1["conversation"]["assigned"], Value::Null);
    assert_eq!(act("take", json!({})).await.0, 200);
    assert_eq!(
        act("transfer", json!({ "skill": "1122334455", "reason": "bot" })).await.1["conversation"]
            ["skill"],
        "1122334455"
    );
    assert_eq!(
        post(&simulator, &format!("conversations/{id}/close"), json!({ "reason": "TIMEOUT" }))
            .await
            .0,
        200
    );
    assert_eq!(
        post(&simulator, "conversations/none/close", json!({ "reason": "TIMEOUT" })).await.0,
        404
    );
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_documentation_can_be_set_and_removed() {
    let simulator = simulator();
    let all = [
        json!({ "kind": "http", "route": "login", "status": 401, "count": 1 }),
        json!({ "kind": "answer", "request": "PublishEvent", "code": 500, "body": "no", "handled": true }),
        json!({ "kind": "ignore", "agent": "support-bot" }),
        json!({ "kind": "slow", "milliseconds": 100 }),
        json!({ "kind": "closeAtRequest", "nth": 1, "when": "beforeAnswer", "code": 1006 }),
        json!({ "kind": "closeAfterFrames", "frames": 3, "code": 1011 }),
        json!({ "kind": "blackHole" }),
        json!({ "kind": "notifications", "mode": "reorder" }),
        json!({ "kind": "notificationsFirst" }),
        json!({ "kind": "shape", "what": "bareArrays" }),
        json!({ "kind": "cancelAfterAccept", "count": 1 }),
        json!({ "kind": "acceptLeadsNowhere" }),
        json!({ "kind": "loseTransfer" }),
    ];
    for (index, fault) in all.iter().enumerate() {
        assert_eq!(
            post(&simulator, "faults", fault.clone()).await,
            (201, json!({ "id": index + 1 }))
        );
    }
    let listed = get(&simulator, "faults").await;
    assert_eq!(listed["faults"].as_array().unwrap().len(), all.len());
    assert_eq!(
        listed["faults"][0],
        json!({ "id": 1, "fault": { "kind": "http", "route": "login", "status": 401 }, "left": 1 })
    );
    assert_eq!(
        call(&simulator, Method::DELETE, "/simulator/faults/3", "", Value::Null).await.status,
        200
    );
    assert_eq!(
        call(&simulator, Method::DELETE, "/simulator/faults/3", "", Value::Null).await.status,
        404
    );
    assert_eq!(
        call(&simulator, Method::DELETE, "/simulator/faults", "", Value::Null).await.status,
        200
    );
    assert_eq!(post(&simulator, "faults", json!({ "kind": "earthquake" })).await.0, 400);
    assert_eq!(post(&simulator, "faults", json!({ "kind": "blackHole", "count": 0 })).await.0, 400);
    assert_eq!(get(&simulator, "faults").await, json!({ "faults": [] }));
}

#[tokio::test(start_paused = true)]
async fn agents_are_supervised_over_http() {
    let simulator = simulator();
    let mut client = Client::ready(&simulator, "support-bot").await;
    let (_, answer) =
        post(&simulator, "agents/support-bot/state", json!({ "availability": "AWAY" })).await;
    assert_eq!(answer["agent"]["availability"], "AWAY");
    assert_eq!(
        post(&simulator, "agents/support-bot/state", json!({ "availability": "UP" })).await.0,
        400
    );
    assert_eq!(
        post(&simulator, "agents/nobody/state", json!({ "availability": "AWAY" })).await.0,
        404
    );
    assert_eq!(
        post(&simulator, "agents/support-bot/limits", json!({ "capacity": 3 })).await.1["agent"]["capacity"],
        3
    );
    let new = json!({ "loginName": "third-bot", "skills": ["1122334455"], "credentials": [{ "kind": "password", "password": "p" }] });
    assert_eq!(post(&simulator, "agents", new.clone()).await.0, 201);
    assert_eq!(post(&simulator, "agents", new).await.0, 400);
    let (_, crowd) = post(&simulator, "crowd", json!({ "count": 3, "agent": "support-bot" })).await;
    assert_eq!(crowd["conversations"].as_array().unwrap().len(), 3);
    let state = get(&simulator, "state").await;
    let bot = state["agents"].as_array().unwrap().iter().find(|agent| agent["id"] == BOT).unwrap();
    assert_eq!(bot["assigned"], 3);
    assert_eq!(
        post(&simulator, "sockets/close", json!({ "agent": "support-bot", "code": 4407 })).await.1
            ["sockets"],
        1
    );
    assert_eq!(client.close_code().await, 4407);
    assert_eq!(post(&simulator, "bot", json!({ "mode": "silent" })).await.0, 400);
    assert_eq!(post(&simulator, "reset", json!({})).await.0, 200);
    assert_eq!(get(&simulator, "state").await["conversations"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn the_stream_starts_with_the_state_and_tells_changes_and_frames() {
    let simulator = simulator();
    let (near, far) = tokio::io::duplex(1 << 20);
    simulator.connect(far);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let request =
        Request::get("/simulator/stream").header("host", "x").body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut next = async || -> (String, Value) {
        let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
        let text = String::from_utf8(data.to_vec()).unwrap();
        let (name, data) = text.trim().split_once('\n').unwrap_or((&text, ""));
        let data = data
            .strip_prefix("data: ")
            .map_or(Value::Null, |data| serde_json::from_str(data).unwrap());
        (name.trim_start_matches("event: ").to_owned(), data)
    };
    assert_eq!(next().await.0, "state");
    let mut client = Client::ready(&simulator, "support-bot").await;
    client.good(".GetClock", json!({})).await;
    simulator.inject(Fault::BlackHole {}.for_agent("nobody"));
    let mut seen = Vec::new();
    loop {
        let (name, data) = next().await;
        assert!(!data.to_string().contains("bearer"));
        let done = name == "faults";
        seen.push((name, data));
        if done {
            break;
        }
    }
    let frame = |direction: &str, part: &str| {
        seen.iter().any(|(name, data)| {
            name == "frame"
                && data["direction"] == direction
                && data["text"].as_str().unwrap().contains(part)
        })
    };
    assert!(
        frame("opened", "") && frame("received", "GetClock") && frame("sent", "currentTime"),
        "{seen:?}"
    );
    let agents = seen.iter().rfind(|(name, _)| name == "agents").unwrap();
    assert_eq!((&agents.1[0]["id"], &agents.1[0]["availability"]), (&json!(BOT), &json!("ONLINE")));
}

#[tokio::test(start_paused = true)]
async fn the_page_is_served_and_nothing_else() {
    let simulator = simulator();
    assert_eq!(call(&simulator, Method::GET, "/", "", Value::Null).await.status, 200);
    assert_eq!(call(&simulator, Method::GET, "/page.js", "", Value::Null).await.status, 200);
    assert_eq!(call(&simulator, Method::GET, "/etc/passwd", "", Value::Null).await.status, 404);
    assert_eq!(
        call(&simulator, Method::GET, "/simulator/nothing", "", Value::Null).await.status,
        404
    );
}
