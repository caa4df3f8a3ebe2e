//! The transcripts of `tests/data/chat`, request by request and answer by answer.
//!
//! A line of a transcript is a call of the connector (`call`, `body`, and what comes back: `status`, `answer`), an act in
//! the simulated world (`act`, `body`), or a pause (`wait`, seconds). `WRITE_TRANSCRIPTS=1` writes down what comes back.

use super::client::{Answer, after, call};
use super::simulator;
use crate::simulator::Simulator;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What calls are made with, and what stands for it in the transcripts.
#[derive(Default)]
struct Known {
    bearer: String,
    csrf: String,
    cookie: String,
    session: String,
    chat: String,
    visitor: String,
}

#[tokio::test(start_paused = true)]
async fn one_chat_from_the_domain_to_the_transfer() {
    let simulator = replay("golden").await;
    assert!(simulator.breaches().is_empty(), "{:?}", simulator.breaches());
}

#[tokio::test(start_paused = true)]
async fn a_bearer_that_expires_in_mid_chat() {
    let simulator = replay("relogin").await;
    assert!(simulator.breaches().is_empty(), "{:?}", simulator.breaches());
}

#[tokio::test(start_paused = true)]
async fn an_accept_whose_answer_is_lost() {
    let simulator = replay("lost_accept").await;
    assert!(simulator.breaches().is_empty(), "{:?}", simulator.breaches());
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_was_not_answered_and_what_repairs_it() {
    let simulator = replay("forced_away").await;
    assert!(simulator.breaches().is_empty(), "{:?}", simulator.breaches());
}

async fn replay(name: &str) -> Simulator {
    let simulator = simulator();
    let mut known = Known::default();
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/chat/{name}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut written = String::new();
    for (number, line) in text.lines().enumerate() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if let Some(seconds) = line["wait"].as_f64() {
            after(seconds).await;
        } else {
            let is_act = line.get("act").is_some();
            let came = make(&simulator, &mut known, &line).await;
            let (status, answer) = match &came {
                Some(came) => (came.status, known.hide(&came.body)),
                None => (0, Value::Null),
            };
            if is_act {
                assert!(matches!(status, 200 | 201), "{name}:{}: {came:?}", number + 1);
            } else if std::env::var_os("WRITE_TRANSCRIPTS").is_some() {
                line["status"] = json!(status);
                line["answer"] = answer;
            } else {
                let place = format!("{name}.jsonl:{}: {}", number + 1, line["call"]);
                assert_eq!(
                    (&json!(status), &answer),
                    (&line["status"], &line["answer"]),
                    "{place}"
                );
            }
        }
        written.push_str(&format!("{line}\n"));
    }
    if std::env::var_os("WRITE_TRANSCRIPTS").is_some() {
        std::fs::write(path, written).unwrap();
    }
    simulator
}

async fn make(simulator: &Simulator, known: &mut Known, line: &Value) -> Option<Answer> {
    let what = line.get("call").or_else(|| line.get("act")).and_then(Value::as_str).unwrap();
    let (method, path) = what.split_once(' ').unwrap();
    let path = known.show(path);
    let bearer = format!("Bearer {}", known.bearer);
    let mut headers = vec![("cookie", known.cookie.as_str()), ("authorization", bearer.as_str())];
    let mut method = method;
    if method == "PUT" {
        method = "POST";
        headers.push(("x-http-method-override", "PUT"));
    }
    let body = line.get("body").map_or_else(String::new, |body| known.show(&body.to_string()));
    let came = call(simulator, method, &path, &headers, &body).await?;
    known.learn(&came);
    Some(came)
}

impl Known {
    /// Takes what later calls need.
    fn learn(&mut self, came: &Answer) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if came.body.get("bearer").is_some() {
            self.bearer = text(&came.body["bearer"]);
            self.csrf = text(&came.body["csrf"]);
            let cookie = came.headers["set-cookie"].to_str().unwrap();
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        let last = |value: &Value| text(value).rsplit('/').next().unwrap_or_default().to_owned();
        if let Some(started) = came.body.get("agentSessionLocation") {
            self.session = last(&started["link"]["@href"]);
        }
        if let Some(chat) = came.body.get("chat").filter(|chat| chat.get("visitor").is_some()) {
            self.chat = text(&chat["id"]);
            self.visitor = chat["visitor"]["id"].to_string();
        }
    }

    /// Puts what is known in the places that stand for it.
    fn show(&self, text: &str) -> String {
        let session = format!("/api/account/12345678/agentSession/{}", self.session);
        text.replace("{CHAT}", &format!("{session}/chat/{}", self.chat))
            .replace("{AS}", &session)
            .replace("{chat}", &self.chat)
            .replace("{csrf}", &self.csrf)
    }

    /// The other way round.
    fn hide(&self, answer: &Value) -> Value {
        let session =
            format!("http://cloud.test:443/api/account/12345678/agentSession/{}", self.session);
        let (head, tail) = self.chat.split_once('-').unwrap_or(("-", "-"));
        let visit = format!("{head}K{}", tail.split('K').nth(1).unwrap_or("-"));
        let mut text = answer.to_string();
        let chat = format!("{session}/chat/{}", self.chat);
        for (known, place) in [
            (chat.as_str(), "{CHAT}"),
            (session.as_str(), "{AS}"),
            (self.chat.as_str(), "{chat}"),
            (visit.as_str(), "{visit}"),
            (self.bearer.as_str(), "{bearer}"),
            (self.csrf.as_str(), "{csrf}"),
            (self.visitor.as_str(), "1215602164887992"),
        ] {
            if !known.is_empty() {
                text = text.replace(known, place);
            }
        }
        serde_json::from_str(&text).unwrap()
    }
}
