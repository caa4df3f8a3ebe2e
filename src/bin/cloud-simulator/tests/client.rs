//! A client of the simulator, as plain as possible.

use crate::simulator::Simulator;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Old ids of the default world's agents.
pub(super) const BOT: &str = "12345678.4102938475";
pub(super) const BOT_2: &str = "12345678.4102938476";
pub(super) const HANNAH: &str = "12345678.5500112233";
/// Its skills.
pub(super) const BOT_SKILL: &str = "1122334455";
pub(super) const HUMAN_SKILL: &str = "4129463410";

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) cookie: Option<String>,
    pub(super) body: Value,
}

/// What a log-in gave.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) bearer: String,
    pub(super) csrf: String,
    pub(super) cookie: String,
}

/// An agent's socket.
#[derive(Debug)]
pub(super) struct Client {
    socket: WebSocketStream<DuplexStream>,
    last_id: u32,
    notifications: VecDeque<Value>,
}

/// Makes one HTTP call.
pub(super) async fn call(
    simulator: &Simulator,
    method: Method,
    path: &str,
    cookie: &str,
    body: Value,
) -> Answer {
    let (near, far) = tokio::io::duplex(1 << 20);
    simulator.connect(far);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "cloud.test:443")
        .header("content-type", "application/json")
        .header("cookie", cookie)
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let cookie =
        response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answer { status, cookie, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// Logs in with an arbitrary body.
pub(super) async fn login_with(simulator: &Simulator, body: Value) -> Answer {
    call(simulator, Method::POST, "/api/account/12345678/login?v=1.3", "", body).await
}

/// Logs in by password.
pub(super) async fn login(simulator: &Simulator, name: &str) -> Session {
    let answer =
        login_with(simulator, json!({ "username": name, "password": format!("{name}-password") }))
            .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    Session {
        bearer: answer.body["bearer"].as_str().unwrap().into(),
        csrf: answer.body["csrf"].as_str().unwrap().into(),
        cookie: answer.cookie.unwrap().split(';').next().unwrap().into(),
    }
}

impl Client {
    /// Opens a socket; the HTTP status if it is refused.
    pub(super) async fn open(
        simulator: &Simulator,
        bearer: &str,
        version: &str,
    ) -> Result<Self, u16> {
        let (near, far) = tokio::io::duplex(1 << 20);
        simulator.connect(far);
        let url =
            format!("ws://cloud.test/ws_api/account/12345678/messaging/brand/{bearer}?v={version}");
        match tokio_tungstenite::client_async(url, near).await {
            Ok((socket, _)) => Ok(Self { socket, last_id: 0, notifications: VecDeque::new() }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Logs in and opens a socket.
    pub(super) async fn enter(simulator: &Simulator, name: &str) -> Self {
        let session = login(simulator, name).await;
        Self::open(simulator, &session.bearer, "2.1").await.unwrap()
    }

    /// Logs in, opens a socket, subscribes to everything and goes ONLINE; the snapshots are dropped.
    pub(super) async fn ready(simulator: &Simulator, name: &str) -> Self {
        let mut client = Self::enter(simulator, name).await;
        let id = simulator.read(|world| world.agent(name).unwrap().id.clone());
        let conversations = json!({ "convState": ["OPEN"], "agentIds": [id] });
        client.good(".ams.aam.SubscribeExConversations", conversations).await;
        let rings = json!({ "channelType": "MESSAGING", "agentId": id, "brandId": "12345678" });
        client.good(".ams.routing.SubscribeRoutingTasks", rings).await;
        client.set_state(&id, "ONLINE").await;
        client.drain().await;
        client
    }

    pub(super) async fn set_state(&mut self, id: &str, availability: &str) {
        let body =
            json!({ "availability": availability, "channels": ["MESSAGING"], "agentUserId": id });
        self.good(".ams.routing.SetAgentState", body).await;
    }

    /// Sends a raw frame.
    pub(super) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Makes a request and waits for its answer; notifications that come meanwhile are kept.
    pub(super) async fn request(&mut self, kind: &str, body: Value) -> Value {
        self.request_with(kind, body, Value::Null).await
    }

    pub(super) async fn request_with(&mut self, kind: &str, body: Value, metadata: Value) -> Value {
        let id = self.start_request(kind, body, metadata).await;
        loop {
            let frame = self.frame().await.expect("an answer");
            if frame["kind"] == "resp" && frame["reqId"] == json!(id) {
                return frame;
            }
            self.notifications.push_back(frame);
        }
    }

    /// Makes a request without waiting; its id.
    pub(super) async fn start_request(
        &mut self,
        kind: &str,
        body: Value,
        metadata: Value,
    ) -> String {
        self.last_id += 1;
        let id = format!("req-{}", self.last_id);
        let request =
            json!({ "kind": "req", "id": id, "type": kind, "body": body, "metadata": metadata });
        self.send(&request.to_string()).await;
        id
    }

    /// Makes a request that must succeed; the body of the answer.
    pub(super) async fn good(&mut self, kind: &str, body: Value) -> Value {
        let answer = self.request(kind, body).await;
        assert!(answer["code"].as_u64().unwrap() < 400, "{answer}");
        answer["body"].clone()
    }

    /// Makes a request that must be refused; its code and text.
    pub(super) async fn refused(&mut self, kind: &str, body: Value) -> (u64, String) {
        let answer = self.request(kind, body).await;
        let code = answer["code"].as_u64().unwrap();
        assert!(code >= 400, "{answer}");
        (code, answer["body"].as_str().unwrap().to_owned())
    }

    /// Says a text; its sequence.
    pub(super) async fn says(&mut self, dialog: &str, text: &str) -> u64 {
        let body = json!({
            "dialogId": dialog, "event": { "type": "ContentEvent", "contentType": "text/plain", "message": text },
        });
        self.good(".ams.ms.PublishEvent", body).await["sequence"].as_u64().unwrap()
    }

    /// Publishes an event; the answer.
    pub(super) async fn publishes(&mut self, dialog: &str, event: Value) -> Value {
        self.request(".ams.ms.PublishEvent", json!({ "dialogId": dialog, "event": event })).await
    }

    /// The history of a dialog.
    pub(super) async fn history(&mut self, dialog: &str) -> Value {
        self.good(".ams.ms.QueryMessages", json!({ "dialogId": dialog, "newerThanSequence": 0 }))
            .await
    }

    /// Waits for a ring and accepts it; the conversation's id.
    pub(super) async fn accepts(&mut self) -> String {
        let ring = self.ring().await;
        let id = ring["ringsDetails"][0]["ringId"].clone();
        self.good(".ams.routing.UpdateRingState", json!({ "ringId": id, "ringState": "ACCEPTED" }))
            .await;
        ring["conversationId"].as_str().unwrap().to_owned()
    }

    /// Waits for a waiting ring; the `result` of its change.
    pub(super) async fn ring(&mut self) -> Value {
        loop {
            let body = self.notification("RoutingTaskNotification").await;
            let change = &body["changes"][0];
            if change["result"]["ringsDetails"][0]["ringState"] == "WAITING" {
                return change["result"].clone();
            }
        }
    }

    /// Waits for a change of a conversation: its type and its `result`.
    pub(super) async fn conversation(&mut self) -> (String, Value) {
        let body = self.notification("ExConversationChangeNotification").await;
        let change = &body["changes"][0];
        (change["type"].as_str().unwrap_or_default().to_owned(), change["result"].clone())
    }

    /// Waits for a notification whose type ends with `name`, dropping others; its body.
    pub(super) async fn notification(&mut self, name: &str) -> Value {
        loop {
            let frame = self.next_notification().await.unwrap_or_else(|| panic!("no {name} came"));
            if frame["type"].as_str().unwrap().ends_with(name) {
                return frame["body"].clone();
            }
        }
    }

    /// The next notification of any kind; `None` if none comes within ten seconds.
    pub(super) async fn next_notification(&mut self) -> Option<Value> {
        match self.notifications.pop_front() {
            Some(frame) => Some(frame),
            None => {
                tokio::time::timeout(Duration::from_secs(10), self.frame()).await.ok().flatten()
            }
        }
    }

    /// Everything that still comes within ten seconds of silence, as (last segment of the type, body).
    pub(super) async fn drain(&mut self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        while let Some(frame) = self.next_notification().await {
            let kind =
                frame["type"].as_str().unwrap_or_default().rsplit('.').next().unwrap_or_default();
            all.push((kind.to_owned(), frame["body"].clone()));
        }
        all
    }

    /// The next frame as JSON; `None` when the socket has ended.
    pub(super) async fn frame(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(&text).unwrap_or(Value::Null));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Waits for the end of the socket; the close code, 1006 if there was no close frame.
    pub(super) async fn close_code(&mut self) -> u16 {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Close(frame))) => {
                    return frame.map_or(1005, |frame| frame.code.into());
                }
                Some(Err(_)) | None => return 1006,
                Some(Ok(_)) => {}
            }
        }
    }

    pub(super) async fn ping(&mut self) {
        self.socket.send(Message::Ping(Bytes::new())).await.unwrap();
    }
}
