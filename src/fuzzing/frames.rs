//! The session to the cloud, led by a script: what the server says, and what happens around it.
//!
//! A script is a text. A line that begins with one of these signs is something that happens, any other is a text frame:
//!
//! | line | what happens |
//! |---|---|
//! | `+` | what is under way outside (hosts, log-in, socket, refresh, log-out) succeeds |
//! | `-2` | it fails, with the second kind of trouble |
//! | `=200 {}` | the oldest unanswered request is answered with this code and body |
//! | `~30` | 30 seconds pass |
//! | `!4401` | the socket closes with this code |
//! | `>publish` | the hall wants something |
//! | `*5` | the following line happens five times |

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::{
    cloud::{
        self, Availability, Command, Event,
        identity::Identity,
        messaging::session::{Account, Input, Output, Received, Session, Trouble, TroubleKind},
    },
    conversation::{
        Call, CallId, Json, Timestamp,
        effect::{Body, TransferReason},
        event::Audience,
    },
    ops::clock::Clock,
};

/// A script that begins with a session that is up and has listed its conversations.
pub fn frames(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut stage = Stage::up();
    let mut times = 1;
    for line in text.lines().take(LINES_MAX) {
        match line.strip_prefix('*') {
            Some(count) => times = number(count).min(TIMES_MAX),
            None => {
                for _ in 0..times {
                    stage.happens(line);
                }
                times = 1;
            }
        }
    }
    stage.ends();
}

/// The session, and what the world around it knows.
struct Stage {
    session: Session,
    now: Instant,
    wall: i64,
    /// What the session has asked for and not heard of.
    under_way: BTreeSet<&'static str>,
    /// Unanswered requests of the open socket, by the order of their going out.
    requests: BTreeMap<u64, String>,
    /// Calls of conversations that wait for their outcome.
    calls: BTreeSet<u64>,
    last_call: u64,
    stopped: bool,
}

/// What is read of a request.
#[derive(Deserialize)]
struct Request {
    id: String,
}

impl Stage {
    fn up() -> Self {
        let settings = cloud::fuzzing::settings();
        let mut stage = Self {
            session: Session::new(settings, 1),
            now: Clock::system().now(),
            wall: 1_700_000_000_000,
            under_way: BTreeSet::new(),
            requests: BTreeMap::new(),
            calls: BTreeSet::new(),
            last_call: 0,
            stopped: false,
        };
        stage.step(Input::Start);
        for _ in 0..3 {
            stage.outside(None);
        }
        for _ in 0..8 {
            stage.answer("200 {\"subscriptionId\":\"s\",\"currentTime\":1700000000000}");
        }
        stage.step(Input::Arrived(Received::Text(NOTHING_OPEN.to_string())));
        stage
    }

    fn happens(&mut self, line: &str) {
        if self.stopped {
            return;
        }
        let rest = line.get(1..).unwrap_or_default();
        match line.as_bytes().first() {
            Some(b'+') => self.outside(None),
            Some(b'-') => self.outside(Some(trouble(number(rest)))),
            Some(b'=') => self.answer(rest),
            Some(b'~') => self.passes(Duration::from_secs(number(rest).min(100_000))),
            Some(b'!') => {
                self.requests.clear();
                let code = rest.parse().ok();
                self.step(Input::Arrived(Received::Closed { code, detail: "gone".to_owned() }));
            }
            Some(b'>') => self.wants(rest),
            Some(_) => self.step(Input::Arrived(Received::Text(line.to_string()))),
            None => self.step(Input::Arrived(Received::Other)),
        }
    }

    /// What was asked of the world outside ends.
    fn outside(&mut self, trouble: Option<Trouble>) {
        let result = || trouble.clone().map_or(Ok(()), Err);
        for what in self.under_way.clone() {
            self.under_way.remove(what);
            match what {
                "hosts" => self.step(Input::Hosts(result())),
                "log-in" => self.step(Input::LoggedIn(result().map(|()| account()))),
                "socket" => self.step(Input::Connected(result())),
                "refresh" => self.step(Input::Refreshed(result())),
                _ => self.step(Input::LoggedOut),
            }
        }
    }

    fn answer(&mut self, words: &str) {
        let Some((_, id)) = self.requests.pop_first() else { return };
        let (code, body) = words.split_once(' ').unwrap_or((words, "{}"));
        let frame =
            format!("{{\"kind\":\"resp\",\"reqId\":\"{id}\",\"code\":{code},\"body\":{body}}}");
        self.step(Input::Arrived(Received::Text(frame)));
    }

    /// Time passes, and the session is woken whenever it wants to be.
    fn passes(&mut self, length: Duration) {
        let end = self.now + length;
        let mut idle = 0;
        while let Some((at, why)) = self.session.wake().filter(|(at, _)| *at <= end) {
            idle = if at > self.now { 0 } else { idle + 1 };
            assert!(idle < 50, "{why} does not go away by stepping at its time");
            self.pass_to(at.max(self.now));
            self.step(Input::Elapsed);
        }
        self.pass_to(end);
    }

    fn pass_to(&mut self, at: Instant) {
        self.wall += i64::try_from((at - self.now).as_millis()).unwrap_or_default();
        self.now = at;
    }

    fn wants(&mut self, words: &str) {
        let (what, rest) = words.split_once(' ').unwrap_or((words, ""));
        let dialog = || "conv-1".into();
        let call = match what {
            "publish" => Call::Publish {
                dialog: dialog(),
                body: Body::Text { text: rest.to_owned(), quick_replies: None },
                audience: Audience::All,
                mark: None,
                intents: Vec::new(),
            },
            "rich" => Call::Publish {
                dialog: dialog(),
                body: Body::Rich {
                    content: Json::from_value(&rest),
                    metadata: None,
                    quick_replies: None,
                },
                audience: Audience::All,
                mark: None,
                intents: Vec::new(),
            },
            "history" => Call::History { dialog: dialog(), after: rest.parse().ok() },
            "receipt" => Call::Receipt { dialog: dialog(), sequences: vec![1, 2] },
            "typing" => Call::Typing { dialog: dialog(), composing: true },
            "profile" => Call::Profile("cons-1".into()),
            "transfer" => Call::Transfer {
                skill: Some(rest.into()),
                agent: None,
                reason: TransferReason::Bot,
                words: None,
            },
            "return" => Call::Return,
            "close" => Call::Close { dialog: dialog(), survey: rest.is_empty() },
            "join" => Call::Join,
            "ring" => return self.step(Input::Command(Command::AcceptRing(rest.into()))),
            "online" => return self.be(Availability::Online),
            "away" => return self.be(Availability::Away),
            "reload" => {
                let settings = Box::new(cloud::fuzzing::settings());
                return self.step(Input::Command(Command::Reload(settings)));
            }
            "stop" => return self.step(Input::Command(Command::Stop)),
            _ => return,
        };
        self.last_call += 1;
        self.calls.insert(self.last_call);
        let (conversation, id) = ("conv-1".into(), Some(CallId(self.last_call)));
        self.step(Input::Command(Command::Call { conversation, id, call }));
    }

    fn be(&mut self, availability: Availability) {
        self.step(Input::Command(Command::Availability(availability)));
    }

    fn step(&mut self, input: Input) {
        let outputs = self.session.step(input, self.now, Timestamp(self.wall));
        assert!(outputs.len() < OUTPUTS_MAX, "{} outputs", outputs.len());
        for output in outputs {
            assert!(!self.stopped, "after the end: {output:?}");
            self.take(output);
        }
        if !self.stopped {
            let waits = !self.under_way.is_empty() || self.session.wake().is_some();
            assert!(waits, "nothing will ever happen again: {:?}", self.session);
        }
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::FindHosts => drop(self.under_way.insert("hosts")),
            Output::LogIn => drop(self.under_way.insert("log-in")),
            Output::Connect => {
                self.requests.clear();
                self.under_way.insert("socket");
            }
            Output::Refresh => drop(self.under_way.insert("refresh")),
            Output::LogOut => drop(self.under_way.insert("log-out")),
            Output::Disconnect => {
                self.requests.clear();
                self.under_way.remove("socket");
            }
            Output::Send(frame) => {
                let request: Result<Request, _> = serde_json::from_str(&frame);
                let id = request.map(|request| request.id).unwrap_or_default();
                let number = id.parse().unwrap_or_default();
                assert!(number > 0, "a request without a usable id: {frame}");
                let before = self.requests.insert(number, id);
                assert!(before.is_none(), "the id is in use: {frame}");
            }
            Output::Tell(event) => self.hears(&event),
        }
    }

    fn hears(&mut self, event: &Event) {
        match event {
            Event::Called { id, .. } => {
                assert!(self.calls.remove(&id.0), "no such call, or told twice: {event:?}");
            }
            Event::Unusable { kind, detail } => {
                assert!(!kind.is_empty() && detail.len() < 2_000, "{event:?}");
            }
            Event::Link(link) => assert!(link.detail.len() < 2_000, "{link:?}"),
            Event::Down => {
                // Nobody waits for what the socket took with it; later calls are told one by one.
            }
            Event::Stopped => self.stopped = true,
            Event::Up { .. }
            | Event::Listed { .. }
            | Event::Ring(_)
            | Event::RingGone(_)
            | Event::RingAccepted { .. }
            | Event::Conversation { .. }
            | Event::Gone { .. }
            | Event::Message { .. }
            | Event::Newest { .. }
            | Event::Missed(_)
            | Event::AgentState(..)
            | Event::Displaced { .. }
            | Event::Polled(_)
            | Event::AvailabilitySet { .. }
            | Event::LoggedIn(_) => {}
        }
    }

    /// A minute later every call has its outcome.
    fn ends(mut self) {
        self.passes(Duration::from_secs(60));
        assert!(self.calls.is_empty(), "calls without an outcome: {:?}", self.calls);
        let shown = format!("{:?}", self.session);
        assert!(!shown.contains("own-secret"), "{shown}");
        if !self.stopped {
            self.step(Input::Command(Command::Stop));
            for _ in 0..3 {
                self.outside(None);
                self.passes(Duration::from_secs(60));
            }
            assert!(self.stopped && self.session.is_stopped(), "it does not stop");
        }
    }
}

pub(super) fn account() -> Account {
    let public = Some("0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2".to_owned());
    let identity = Identity::new("12345678", "4102938475", public, "bot-greeter");
    Account { identity, refreshable: true }
}

pub(super) fn trouble(kind: u64) -> Trouble {
    let kind = match kind % 5 {
        0 => TroubleKind::Failed,
        1 => TroubleKind::Refused,
        2 => TroubleKind::Blocked,
        3 => TroubleKind::Throttled,
        _ => TroubleKind::Secret,
    };
    Trouble { kind, detail: "it did not work".to_owned() }
}

pub(super) fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or_default()
}

const NOTHING_OPEN: &str = r#"{"kind":"notification","type":".ams.aam.ExConversationChangeNotification","body":{"subscriptionId":"s","changes":[]}}"#;
const LINES_MAX: usize = 300;
const TIMES_MAX: u64 = 300;
/// A frame of a script has some thousand changes at most.
const OUTPUTS_MAX: usize = 100_000;
