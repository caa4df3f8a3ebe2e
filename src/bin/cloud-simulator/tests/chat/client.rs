//! An agent of the Chat Agent API, as plain as possible.

use super::super::client::{Session, login};
use crate::simulator::Simulator;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::time::Duration;

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// Null if the body is no JSON.
    pub(super) body: Value,
}

/// An agent with an agent session.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) simulator: Simulator,
    pub(super) session: Session,
    /// The path of the agent session.
    pub(super) at: String,
}

/// Makes one call on a connection of its own; `None` if that closes without an answer.
pub(super) async fn call(
    simulator: &Simulator,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let (near, far) = tokio::io::duplex(1 << 20);
    simulator.connect(far);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in [("host", "cloud.test:443"), ("content-type", "application/json")] {
        request = request.header(name, value);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    let response = sender.send_request(request).await.ok()?;
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.ok()?.to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Some(Answer { status: head.status.as_u16(), headers: head.headers, text, body })
}

/// Lets this many seconds of the simulated time pass.
pub(super) async fn after(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

impl Agent {
    /// Logs in and starts an agent session.
    pub(super) async fn away(simulator: &Simulator, name: &str) -> Self {
        let session = login(simulator, name).await;
        Self::with(simulator, session).await
    }

    /// Starts an agent session with this log-in.
    pub(super) async fn with(simulator: &Simulator, session: Session) -> Self {
        let start = "/api/account/12345678/agentSession";
        let mut agent = Self { simulator: simulator.clone(), session, at: start.to_owned() };
        let started = agent.post("?v=1&NC=true", json!({ "loginData": "" })).await;
        assert_eq!(started.status, 201, "{started:?}");
        let links = Value::Array(many(&started.body["agentSessionLocation"]["link"]));
        agent.at = path_of(&links, "location");
        agent
    }

    /// Logs in, starts an agent session and goes Online.
    pub(super) async fn online(simulator: &Simulator, name: &str) -> Self {
        let agent = Self::away(simulator, name).await;
        agent.is("Online").await;
        agent
    }

    pub(super) async fn is(&self, availability: &str) {
        let set =
            self.put("/availability", json!({ "availability": { "chat": availability } })).await;
        assert_eq!(set.status, 200, "{set:?}");
    }

    /// The state that the service has of the agent.
    pub(super) async fn availability(&self) -> String {
        let got = self.get("/availability").await;
        got.body["availability"]["chat"].as_str().unwrap_or_default().to_owned()
    }

    /// How many chats ring.
    pub(super) async fn rings(&self) -> u64 {
        let ringing = self.get("/incomingRequests").await.body;
        let count = &ringing["incomingRequests"]["ringingCount"];
        count.as_u64().unwrap_or_else(|| count.as_str().unwrap().parse().unwrap())
    }

    /// Accepts the next chat; its id.
    pub(super) async fn accepts(&self) -> String {
        let accepted = self.post("/incomingRequests", json!({})).await;
        assert_eq!(accepted.status, 201, "{accepted:?}");
        let links = Value::Array(many(&accepted.body["chatLocation"]["link"]));
        path_of(&links, "location").rsplit('/').next().unwrap().to_owned()
    }

    /// Says a line of html; the answer.
    pub(super) async fn says(&self, chat: &str, text: &str) -> Answer {
        self.post(&format!("/chat/{chat}/events"), line(text)).await
    }

    /// The events of a chat from one on, in order.
    pub(super) async fn events(&self, chat: &str, from: u64) -> Vec<Value> {
        let polled = self.get(&format!("/chat/{chat}/events?from={from}")).await;
        assert_eq!(polled.status, 200, "{polled:?}");
        many(&polled.body["events"]["event"])
    }

    pub(super) async fn get(&self, below: &str) -> Answer {
        self.tries("GET", below, "", &Value::Null).await.unwrap()
    }

    pub(super) async fn post(&self, below: &str, body: Value) -> Answer {
        self.tries("POST", below, "", &body).await.unwrap()
    }

    /// A PUT as the service wants it: a POST that says so.
    pub(super) async fn put(&self, below: &str, body: Value) -> Answer {
        self.tries("POST", below, "PUT", &body).await.unwrap()
    }

    /// Makes any call below the agent session; `None` if the connection closes without an answer.
    pub(super) async fn tries(
        &self,
        method: &str,
        below: &str,
        overrides: &str,
        body: &Value,
    ) -> Option<Answer> {
        let path = format!("{}{below}", self.at);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let bearer = format!("Bearer {}", self.session.bearer);
        let mut headers = vec![("authorization", bearer.as_str()), ("accept", "application/json")];
        if !overrides.is_empty() {
            headers.push(("x-http-method-override", overrides));
        }
        call(&self.simulator, method, &path, &headers, &body).await
    }

    /// Logs out.
    pub(super) async fn logs_out(&self) {
        let done = self.log_in_call("logout").await;
        assert_eq!(done.status, 200, "{done:?}");
    }

    /// Refreshes the log-in.
    pub(super) async fn refreshes(&self) {
        let done = self.log_in_call("refresh").await;
        assert_eq!(done.status, 200, "{done:?}");
    }

    async fn log_in_call(&self, verb: &str) -> Answer {
        let path = format!("/api/account/12345678/{verb}?v=1.3");
        let body = json!({ "csrf": self.session.csrf }).to_string();
        let cookie = [("cookie", self.session.cookie.as_str())];
        call(&self.simulator, "POST", &path, &cookie, &body).await.unwrap()
    }
}

/// A line of html, as a body.
pub(super) fn line(text: &str) -> Value {
    json!({ "event": { "@type": "line", "textType": "html", "text": format!("<div>{text}</div>") } })
}

/// The elements of what may be a list, a bare element or nothing.
pub(super) fn many(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(all) => all.clone(),
        Value::Null => Vec::new(),
        Value::Object(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) => {
            vec![value.clone()]
        }
    }
}

/// The path of the link with this relation.
pub(super) fn path_of(links: &Value, rel: &str) -> String {
    let named = |link: &&Value| link["@rel"] == rel || link["rel"] == rel;
    let link =
        many(links).iter().find(named).cloned().unwrap_or_else(|| panic!("no {rel} in {links}"));
    let href = link["@href"].as_str().or_else(|| link["href"].as_str()).unwrap();
    href.strip_prefix("http://cloud.test:443").unwrap().to_owned()
}
