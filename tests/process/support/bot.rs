//! A webhook bot that does as the test says.

use std::{
    io::{BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{Listener, Request, read_request, until};

/// The bot: its address stays the same when it goes away and comes back.
pub(crate) struct Bot {
    listener: Option<Listener>,
    address: SocketAddr,
    inner: Arc<Inner>,
}

/// From a message event to the status and body of the answer.
type Answering = dyn Fn(&Value) -> (u16, Value) + Send + Sync;

struct Inner {
    answer: Box<Answering>,
    heard: Mutex<Vec<Heard>>,
}

/// An event and how it came.
#[derive(Clone)]
struct Heard {
    event: Value,
    headers: Vec<(String, String)>,
}

impl Bot {
    /// It answers every message by "You said: " and the message's text.
    pub(crate) fn echoing() -> Self {
        Self::answering(|event| (200, reply(event, &[text(&format!("You said: {}", said(event)))])))
    }

    /// It answers each message event with this status and body, and news by 204.
    pub(crate) fn answering(
        answer: impl Fn(&Value) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let inner = Arc::new(Inner { answer: Box::new(answer), heard: Mutex::default() });
        let serves = Arc::clone(&inner);
        let listener = Listener::new(move |stream| serves.serve(stream));
        let address = listener.address();
        Self { listener: Some(listener), address, inner }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The events of this type that it has heard.
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        let heard = self.inner.heard.lock().unwrap();
        heard.iter().filter(|one| one.event["type"] == kind).map(|one| one.event.clone()).collect()
    }

    /// Waits for a message of this text, and tells the event.
    pub(crate) fn hears(&self, text: &str) -> Value {
        until(&format!("the bot hears {text:?}"), || {
            let events = self.events("message");
            let found = events.iter().find(|event| said(event) == text).cloned();
            found.ok_or_else(|| format!("{events:#?}"))
        })
    }

    /// The header of this name of the last event.
    pub(crate) fn last_header(&self, name: &str) -> Option<String> {
        let heard = self.inner.heard.lock().unwrap();
        let headers = &heard.last()?.headers;
        let found = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    }

    /// Its server goes away.
    pub(crate) fn goes_down(&mut self) {
        self.listener = None;
    }

    /// It comes back.
    pub(crate) fn comes_up(&mut self) {
        let serves = Arc::clone(&self.inner);
        self.listener = Some(Listener::at(self.address, move |stream| serves.serve(stream)));
    }
}

impl Inner {
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(&stream);
        let Some(request) = read_request(&mut reader) else { return };
        let (status, body) = self.decide(&request);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("HTTP/1.1 {status} Said\r\nConnection: close\r\n");
        let length = format!("Content-Type: application/json\r\nContent-Length: {}", body.len());
        // Whoever asked may have gone.
        let _ = (&stream).write_all(format!("{head}{length}\r\n\r\n{body}").as_bytes());
    }

    fn decide(&self, request: &Request) -> (u16, Value) {
        if request.method != "POST" {
            return (204, Value::Null);
        }
        let event: Value = serde_json::from_str(&request.body).unwrap();
        let heard = Heard { event: event.clone(), headers: request.headers.clone() };
        self.heard.lock().unwrap().push(heard);
        match event["type"] == "message" {
            true => (self.answer)(&event),
            false => (204, Value::Null),
        }
    }
}

/// What was said in an event.
fn said(event: &Value) -> &str {
    event["message"]["text"].as_str().unwrap_or_default()
}

/// The reply to an event.
pub(crate) fn reply(event: &Value, actions: &[Value]) -> Value {
    json!({ "inReplyTo": event["id"], "actions": actions })
}

/// A text action.
pub(crate) fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}
