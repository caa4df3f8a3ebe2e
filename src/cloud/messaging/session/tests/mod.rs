//! The life-cycle on hand-moved time: a world in which the test is the server, the network and the clock.

mod coming_up;
mod golden;
mod hearing;
mod logging_in;
mod losing;
mod requests;
mod signs_of_life;
mod stopping;
mod whatever_comes;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::{
    cloud::{
        Availability, ChatSettings, Command, Credentials, Event, LinkPhase, LoginResult, Ring,
        Settings, identity::Identity, session,
    },
    conversation::{
        Call, CallError, CallId, ConversationId, DialogId, RingId, Timestamp,
        effect::{Body, TransferReason},
        event::{Audience, Departure, Outcome},
    },
    secret::Secret,
};

const ME: &str = "12345678.4102938475";

struct World {
    session: Session,
    now: Instant,
    wall: i64,
    out: Vec<Output>,
    sent: Vec<Value>,
    events: Vec<Event>,
    /// The events that were looked at last.
    past: Vec<Event>,
    phases: Vec<LinkPhase>,
    detail: String,
    error: Option<String>,
}

impl World {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: Settings) -> Self {
        Self::with_seed(settings, 1)
    }

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn with_seed(settings: Settings, seed: u64) -> Self {
        Self {
            session: Session::new(settings, seed),
            now: Instant::now(),
            wall: 1_700_000_000_000,
            out: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            past: Vec::new(),
            phases: Vec::new(),
            detail: String::new(),
            error: None,
        }
    }

    /// The socket is open and nothing is answered.
    fn subscribing() -> Self {
        let mut world = Self::new();
        world.step(Input::Start);
        world.reach_socket();
        world
    }

    /// Up, listed, and all that is told on the way forgotten.
    fn up() -> Self {
        Self::up_with_seed(1)
    }

    fn up_with_seed(seed: u64) -> Self {
        let mut world = Self::with_seed(settings(), seed);
        world.step(Input::Start);
        world.come_up();
        world.take_events();
        world.deeds();
        world
    }

    fn reach_socket(&mut self) {
        self.step(Input::Hosts(Ok(())));
        self.step(Input::LoggedIn(Ok(account())));
        self.step(Input::Connected(Ok(())));
        self.deeds();
    }

    fn come_up(&mut self) {
        self.reach_socket();
        self.answer_all();
        self.frame(&snapshot(&[]));
        self.answer_all();
    }

    fn reconnect(&mut self) {
        self.advance(secs(30));
        assert_eq!(self.deeds(), ["connect"]);
        self.step(Input::Connected(Ok(())));
        if self.sent.iter().any(|f| f["body"]["availability"] == "AWAY") {
            let away = self.find("SetAgentState");
            self.answer_all();
            self.sent.push(away);
        }
    }

    fn step(&mut self, input: Input) {
        let outputs = self.session.step(input, self.now, Timestamp(self.wall));
        for output in outputs {
            match output {
                Output::Send(text) => self.sent.push(serde_json::from_str(&text).unwrap()),
                Output::Tell(Event::Link(link)) => {
                    self.phases.push(link.phase);
                    self.detail = link.detail;
                    self.error = link.error;
                }
                Output::Tell(event) => self.events.push(event),
                Output::Connect | Output::Disconnect => {
                    self.sent.clear();
                    self.out.push(output);
                }
                Output::FindHosts | Output::LogIn | Output::Refresh | Output::LogOut => {
                    self.out.push(output);
                }
            }
        }
    }

    fn command(&mut self, command: Command) {
        self.step(Input::Command(command));
    }

    fn call(&mut self, id: u64, call: Call) {
        self.command(Command::Call { conversation: "conv-1".into(), id: Some(CallId(id)), call });
    }

    fn frame(&mut self, frame: &Value) {
        self.step(Input::Arrived(Received::Text(frame.to_string())));
    }

    fn close(&mut self, code: Option<u16>) {
        self.sent.clear();
        self.step(Input::Arrived(Received::Closed { code, detail: "gone".into() }));
    }

    /// Lets time pass, waking the session whenever it wants.
    fn advance(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some((at, _)) = self.session.wake().filter(|(at, _)| *at <= end) {
            self.pass(at.max(self.now));
            self.step(Input::Elapsed);
        }
        self.pass(end);
    }

    fn pass(&mut self, to: Instant) {
        self.wall += i64::try_from((to - self.now).as_millis()).unwrap();
        self.now = to;
    }

    /// Lets time pass with a server that answers.
    fn live(&mut self, length: Duration) {
        let end = self.now + length;
        while self.now < end {
            self.advance(secs(1).min(end - self.now));
            self.answer_clocks();
        }
    }

    fn live_until_refresh(&mut self) {
        for _ in 0..400 {
            self.live(secs(1));
            if self.deeds().contains(&"refresh".to_owned()) {
                return;
            }
        }
        panic!("no refresh");
    }

    fn wait_for_next_try(&mut self) -> Duration {
        self.deeds();
        let start = self.now;
        while self.deeds().is_empty() {
            self.advance(ms(100));
        }
        self.now - start
    }

    fn answer(&mut self, method: &str, code: u16, body: Value) {
        let frame = self.find(method);
        self.forget(&frame);
        self.frame(&answer_to(&frame, code, &body));
    }

    fn answer_all(&mut self) {
        while let Some(frame) = self.sent.first().cloned() {
            self.forget(&frame);
            let body = if frame["type"] == ".GetClock" {
                clock(self.wall)
            } else {
                json!({"subscriptionId": "s"})
            };
            self.frame(&answer_to(&frame, 200, &body));
        }
    }

    fn answer_clocks(&mut self) -> usize {
        let clocks: Vec<Value> =
            self.sent.iter().filter(|frame| frame["type"] == ".GetClock").cloned().collect();
        for frame in &clocks {
            self.forget(frame);
            self.frame(&answer_to(frame, 200, &clock(self.wall)));
        }
        clocks.len()
    }

    /// The first unanswered request of this kind.
    fn find(&self, method: &str) -> Value {
        self.find_nth(method, 0)
    }

    fn find_nth(&self, method: &str, n: usize) -> Value {
        self.sent
            .iter()
            .filter(|frame| frame["type"].as_str().unwrap().ends_with(&format!(".{method}")))
            .nth(n)
            .unwrap_or_else(|| panic!("no {method} among {:?}", self.sent))
            .clone()
    }

    fn forget(&mut self, frame: &Value) {
        self.sent.retain(|sent| sent["id"] != frame["id"]);
    }

    fn sent_methods(&self) -> Vec<String> {
        self.sent
            .iter()
            .map(|frame| frame["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned())
            .collect()
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What the session wanted done apart from sending and telling.
    fn deeds(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
            .into_iter()
            .map(|output| match output {
                Output::FindHosts => "find hosts".to_owned(),
                Output::LogIn => "log in".to_owned(),
                Output::Connect => "connect".to_owned(),
                Output::Disconnect => "disconnect".to_owned(),
                Output::Refresh => "refresh".to_owned(),
                Output::LogOut => "log out".to_owned(),
                Output::Send(_) | Output::Tell(_) => unreachable!("kept elsewhere"),
            })
            .collect()
    }

    fn is_up(&self) -> bool {
        self.session.connection().is_some_and(session::Connection::is_up)
    }

    fn error(&self) -> String {
        self.error.clone().unwrap_or_default()
    }
}

fn settings() -> Settings {
    let secret = || Secret::Literal(SecretString::from("s3cret"));
    Settings {
        account: "12345678".into(),
        username: "bot-greeter".into(),
        credentials: Credentials::OAuth2 { client_id: secret(), client_secret: secret() },
        domain_api: "https://api.example.net".into(),
        request_timeout: secs(10),
        keepalive_interval: secs(30),
        refresh_interval: secs(240),
        manager: false,
        chat: ChatSettings::default(),
    }
}

fn account() -> Account {
    Account {
        identity: Identity::new(
            "12345678",
            "4102938475",
            Some("0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2".into()),
            "bot-greeter",
        ),
        refreshable: true,
    }
}

fn trouble(kind: TroubleKind) -> Trouble {
    Trouble { kind, detail: "it did not work".into() }
}

fn kind(number: u16) -> TroubleKind {
    [
        TroubleKind::Refused,
        TroubleKind::Blocked,
        TroubleKind::Throttled,
        TroubleKind::Secret,
        TroubleKind::Failed,
    ][usize::from(number % 5)]
}

fn waiting(reason: &'static str) -> LinkPhase {
    LinkPhase::Waiting { reason }
}

fn say(text: &str) -> Call {
    Call::Publish {
        dialog: "conv-1".into(),
        body: Body::Text { text: text.into(), quick_replies: None },
        audience: Audience::All,
        mark: None,
        intents: vec![],
    }
}

fn history(after: Option<i64>) -> Call {
    Call::History { dialog: DialogId::from("conv-1"), after }
}

fn called(id: u64, outcome: Result<Outcome, CallError>) -> Event {
    Event::Called { conversation: ConversationId::from("conv-1"), id: CallId(id), outcome }
}

fn answer_to(frame: &Value, code: u16, body: &Value) -> Value {
    json!({"kind": "resp", "reqId": frame["id"], "code": code, "body": body})
}

fn clock(time: i64) -> Value {
    json!({"currentTime": time})
}

fn snapshot(changes: &[Value]) -> Value {
    json!({"kind": "notification", "type": ".ams.aam.ExConversationChangeNotification",
        "body": {"subscriptionId": "s", "changes": changes}})
}

fn conversation(id: &str, version: i64) -> Value {
    snapshot(&[json!({"type": "UPSERT", "result": {"convId": id, "conversationDetails": {
        "state": "OPEN", "startTs": 1, "metaDataLastUpdateTs": version,
        "participants": {"CONSUMER": ["cons-1"], "ASSIGNED_AGENT": [ME]}}}})])
}

fn ring(id: &str, state: &str, expires: i64) -> Value {
    json!({"kind": "notification", "type": ".ams.routing.RoutingTaskNotification", "body": {"changes": [
        {"type": "UPSERT", "result": {"conversationId": "conv-1", "ringsDetails":
            [{"ringId": id, "ringState": state, "ringExpiration": 72000, "ringExpirationTs": expires}]}}]}})
}

fn event(sequence: i64) -> Value {
    json!({"sequence": sequence, "dialogId": "conv-1", "originatorId": "cons-1",
        "event": {"type": "ContentEvent", "message": "x"}})
}

fn live_message(dialog: &str, sequence: i64) -> Value {
    json!({"kind": "notification", "type": ".ams.ms.OnlineEventDistribution", "body":
        {"sequence": sequence, "dialogId": dialog, "event": {"type": "ContentEvent", "message": "x"}}})
}

fn brief(event: &Event) -> String {
    match event {
        Event::Link(_) => "link".into(),
        Event::Up { .. } => "up".into(),
        Event::Listed { .. } => "listed".into(),
        Event::AvailabilitySet { .. } => "state set".into(),
        Event::Down => "down".into(),
        Event::Ring(ring) => format!("ring {}", ring.conversation.as_ref().unwrap()),
        Event::RingGone(_) => "ring gone".into(),
        Event::RingAccepted { result, .. } => match result {
            Ok(_) => "ring accepted".into(),
            Err(error) => error.to_string(),
        },
        Event::Conversation { id, .. } => format!("conversation {id}"),
        Event::Gone { how, .. } => format!("gone {how:?}"),
        Event::Message { message, .. } => {
            format!("message {} {:?}", message.sequence, message.from)
        }
        Event::Newest { sequence, .. } => format!("newest {sequence}"),
        Event::Missed(kind) => format!("missed {kind:?}"),
        Event::Called { outcome, .. } => match outcome {
            Ok(Outcome::Done) => "called Done".into(),
            Ok(Outcome::Published(sequence)) => format!("called Published {sequence}"),
            Ok(Outcome::History(history)) => format!("called History {}", history.messages.len()),
            Ok(Outcome::Profile(_)) => "called Profile".into(),
            Err(error) => error.to_string(),
        },
        Event::AgentState(..) => "agent state".into(),
        Event::Displaced { found, .. } => format!("displaced {found}"),
        Event::Polled(call) => format!("polled {call}"),
        Event::LoggedIn(_) => "logged in".into(),
        Event::Unusable { detail, .. } => detail.clone(),
        Event::Stopped => "stopped".into(),
    }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
