//! Helpers for this room's tests: settings, questions, and bots at the other end of a wire in memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Method, Request, Response, body::Bytes, body::Incoming, header::HeaderValue,
    server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    sync::{mpsc, oneshot},
};
use tokio_util::task::TaskTracker;

use super::{
    Command, Connector, ContentSettings, Dialect, Door, Event, LinkState, Settings, Transport,
    start,
};
use crate::{
    conversation::{
        ConsumerId, ConversationId, Json, SkillId, Timestamp,
        effect::{About, Notice, Part, Postback, Question},
        event::{BotEvent, EventId, File, Profile},
        settings::Kind,
    },
    net::Net,
    ops::clock::Clock,
    secret::Secret,
};

pub(super) fn webhook_settings() -> Settings {
    Settings {
        transport: Transport::Webhook(Dialect::Native),
        url: "http://bot.example/support?x=1".parse().unwrap(),
        token: Some(secret("hush")),
        signing_secret: None,
        request_timeout: Duration::from_secs(30),
        max_in_flight: 256,
        callback: None,
        content: ContentSettings::default(),
        connector: connector(),
        gone_after: Duration::from_secs(30),
    }
}

pub(super) fn websocket_settings() -> Settings {
    Settings {
        transport: Transport::WebSocket,
        url: "ws://bot.example/support".parse().unwrap(),
        ..webhook_settings()
    }
}

pub(super) fn connector() -> Connector {
    Connector {
        name: "support-bot-1".to_owned(),
        account_id: "12345678".to_owned(),
        agent_id: Some("4102938475".to_owned()),
        environment: "production".to_owned(),
        conversation_type: Kind::Messaging,
    }
}

pub(super) fn secret(text: &str) -> Secret {
    Secret::Literal(text.into())
}

/// The first attempt at event `{conversation}:{sequence}`.
pub(super) fn question(conversation: &str, sequence: i64, text: &str) -> Question {
    Question {
        event: event(conversation, sequence),
        attempt: 1,
        time: Timestamp(1_700_000_000_000),
        about: about(conversation),
        text: text.to_owned(),
        parts: vec![Part { sequence, text: text.to_owned(), time: Timestamp(1_700_000_000_000) }],
        postback: None,
        file: None,
        rich: None,
    }
}

/// A question that has everything a question can have.
pub(super) fn full_question() -> Question {
    let metadata: Box<serde_json::value::RawValue> =
        serde_json::from_str(r#"[ {"type":"ExternalId","id":"book-yes"} ]"#).unwrap();
    Question {
        postback: Some(Postback {
            payload: "book-yes".to_owned(),
            text: "Yes".to_owned(),
            metadata: Json::from_raw(&metadata),
        }),
        file: Some(File {
            caption: Some("invoice".to_owned()),
            file_type: "JPEG".to_owned(),
            relative_path: "/v1/invoice.jpeg".to_owned(),
        }),
        rich: Some(Json::from_value(&serde_json::json!({"type": "text", "text": "x"}))),
        ..question("c", 12, "hi how are you")
    }
}

pub(super) fn notice(id: &str) -> Notice {
    Notice {
        event: EventId::parse(id).unwrap(),
        about: about("c"),
        time: Timestamp(1_700_000_000_000),
    }
}

pub(super) fn event(conversation: &str, sequence: i64) -> EventId {
    EventId::parse(&format!("{conversation}:{sequence}")).unwrap()
}

fn about(conversation: &str) -> Arc<About> {
    Arc::new(About {
        conversation: ConversationId::from(conversation),
        dialog: conversation.into(),
        skill: Some(SkillId::from("1122334455")),
        consumer: ConsumerId::from("c3a5"),
        started: Timestamp(1_699_999_900_000),
        profile: Some(Profile {
            first_name: Some("Ada".to_owned()),
            last_name: None,
            authenticated: true,
        }),
    })
}

/// Monotonic time, simulated where time is paused.
pub(super) fn now() -> std::time::Instant {
    Clock::system().now()
}

/// A door with what keeps its room alive.
pub(super) struct Hall {
    pub(super) door: Door,
    pub(super) tracker: TaskTracker,
}

impl Hall {
    /// In a world whose wall time begins at 1 700 000 000 s.
    pub(super) async fn open(settings: Settings, net: Net) -> Self {
        Self::open_at(settings, net, Clock::simulated(Timestamp(1_700_000_000_000))).await
    }

    pub(super) async fn open_at(settings: Settings, net: Net, clock: Clock) -> Self {
        let tracker = TaskTracker::new();
        let door = start(settings, net, clock, 7, &tracker).await.unwrap();
        Self { door, tracker }
    }

    pub(super) fn send(&self, command: Command) {
        self.door.commands.try_send(command).unwrap();
    }

    pub(super) fn ask(&self, question: Question) {
        self.send(Command::Ask(Box::new(question)));
    }

    /// The next event, within a (simulated) day.
    pub(super) async fn next(&mut self) -> Event {
        let day = Duration::from_secs(86_400);
        let event = tokio::time::timeout(day, self.door.events.recv()).await;
        event.expect("no event").expect("the room has ended")
    }

    /// The next event about a conversation; others are passed over.
    pub(super) async fn bot_event(&mut self) -> BotEvent {
        loop {
            if let Event::Conversation { event, .. } = self.next().await {
                return event;
            }
        }
    }

    /// The next state of the link; other events are passed over.
    pub(super) async fn link(&mut self) -> LinkState {
        loop {
            if let Event::Link(state) = self.next().await {
                return state;
            }
        }
    }

    /// The kind and detail of the next thing that could not be used; others are passed over.
    pub(super) async fn unusable(&mut self) -> (&'static str, String) {
        loop {
            if let Event::Unusable { kind, detail } = self.next().await {
                return (kind, detail);
            }
        }
    }

    /// Stops the room and waits for its task to end.
    pub(super) async fn stop(mut self) {
        self.send(Command::Stop);
        while self.next().await != Event::Stopped {}
        assert_eq!(self.door.events.recv().await, None, "nothing follows Stopped");
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// A request that arrived at a webhook bot, waiting for its response.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// On which connection it came, counted from 1.
    pub(super) connection: usize,
    respond: oneshot::Sender<Response<Full<Bytes>>>,
}

impl Call {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn respond(self, status: u16, body: &str) {
        self.respond_with(status, &[], body);
    }

    pub(super) fn respond_with(self, status: u16, headers: &[(&'static str, &str)], body: &str) {
        let mut response = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
        *response.status_mut() = status.try_into().unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            response.headers_mut().insert(*name, value);
        }
        // The caller may have given up.
        let _ = self.respond.send(response);
    }
}

/// A webhook bot in memory: every request comes out of the receiver.
pub(super) fn http_bot() -> (Net, mpsc::Receiver<Call>) {
    let (net, calls, _away) = http_bot_that_goes_away();
    (net, calls)
}

/// A webhook bot in memory that cannot be reached while the flag is true.
pub(super) fn http_bot_that_goes_away() -> (Net, mpsc::Receiver<Call>, Arc<AtomicBool>) {
    let (calls, receiver) = mpsc::channel(1000);
    let away = Arc::new(AtomicBool::new(false));
    let is_away = Arc::clone(&away);
    let tracker = TaskTracker::new();
    let connections = AtomicUsize::new(0);
    let net = Net::in_memory(Arc::new(move |_| {
        if is_away.load(Ordering::Relaxed) {
            return Err(std::io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let connection = 1 + connections.fetch_add(1, Ordering::Relaxed);
        tracker.spawn(serve_http(theirs, connection, calls.clone()));
        Ok(ours)
    }));
    (net, receiver, away)
}

/// Serves one connection of a webhook bot.
pub(super) async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: usize,
    calls: mpsc::Sender<Call>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let calls = calls.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let (respond, response) = oneshot::channel();
            let call = Call {
                method: parts.method,
                target: parts.uri.to_string(),
                headers: parts.headers,
                body,
                connection,
                respond,
            };
            calls.send(call).await.unwrap();
            // A call that is dropped breaks the connection.
            response.await
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Where a WebSocket bot can be reached in memory: every connection comes out of the receiver.
pub(super) fn wire() -> (Net, mpsc::Receiver<DuplexStream>) {
    let (dials, receiver) = mpsc::channel(1000);
    let net = Net::in_memory(Arc::new(move |_| {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let gone = |_| std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        dials.try_send(theirs).map_err(gone)?;
        Ok(ours)
    }));
    (net, receiver)
}
