//! The agent session of live chat, led by a script: what the server answers, and what happens around it.
//!
//! A script is a text. Each line is something that happens:
//!
//! | line | what happens |
//! |---|---|
//! | `+` | what is under way outside (hosts, log-in, connection, refresh, log-out) succeeds |
//! | `-2` | it fails, with the second kind of trouble |
//! | `=200 {}` | the oldest request is answered with this status and body |
//! | `=429/30 {}` | the same with `Retry-After: 30` |
//! | `@events 200 {}` | the oldest request whose target holds `events` is answered |
//! | `#` | the oldest request never gets an answer |
//! | `~30` | 30 seconds pass |
//! | `>publish` | the hall wants something |
//! | `*5` | the following line happens five times |

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use hyper::body::Bytes;

use super::frames::{account, number, trouble};
use crate::{
    cloud::{
        self, Availability, Command, Event,
        chat::led::{AgentSession, Answer, Request, Response},
        session::{self, Trouble},
    },
    conversation::{
        Call, CallId, ConversationId, Json, Timestamp,
        effect::{Body, TransferReason},
        event::Audience,
    },
    ops::clock::Clock,
};

type Session = session::Session<AgentSession>;
type Input = session::Input<Answer>;
type Output = session::Output<Request>;

/// A script that begins with an agent session that is up and has no chats.
pub fn chats(data: &[u8]) {
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
    /// Unanswered requests, and until when each may take.
    requests: BTreeMap<u64, (Request, Instant)>,
    /// Chats that the hall has been told of.
    chats: BTreeSet<ConversationId>,
    /// Calls that wait for their outcome.
    calls: BTreeSet<u64>,
    /// The last transfer of each chat: a conversation makes one at a time.
    transfers: BTreeMap<ConversationId, u64>,
    last_call: u64,
    stopped: bool,
}

impl Stage {
    fn up() -> Self {
        let mut stage = Self {
            session: Session::new(cloud::fuzzing::settings(), 1),
            now: Clock::system().now(),
            wall: 1_700_000_000_000,
            under_way: BTreeSet::new(),
            requests: BTreeMap::new(),
            chats: BTreeSet::new(),
            calls: BTreeSet::new(),
            transfers: BTreeMap::new(),
            last_call: 0,
            stopped: false,
        };
        stage.step(Input::Start);
        for _ in 0..3 {
            stage.outside(None);
        }
        stage.answer("", STARTED);
        stage.answer(
            "/info",
            r#"200 {"info":{"id":"4102938475","agentName":"Bot","maxChats":"3"}}"#,
        );
        stage.answer("/availability", r#"200 {"availability":{"chat":"Away"}}"#);
        stage.step(Input::Elapsed);
        stage.answer("/chatSessions", r#"200 {"chatSessions":{}}"#);
        stage.be(Availability::Online);
        stage.answer("/availability", r#"200 {"availability":{"chat":"Online"}}"#);
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
            Some(b'=') => self.answer("", rest),
            Some(b'@') => {
                let (which, words) = rest.split_once(' ').unwrap_or((rest, "200 {}"));
                self.answer(which, words);
            }
            Some(b'#') => {
                if let Some((id, _)) = self.requests.pop_first() {
                    self.is_lost(id);
                }
            }
            Some(b'~') => self.passes(Duration::from_secs(number(rest).min(100_000))),
            Some(b'>') => self.wants(rest),
            Some(_) | None => self.step(Input::Elapsed),
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
                "connection" => self.step(Input::Connected(result())),
                "refresh" => self.step(Input::Refreshed(result())),
                _ => self.step(Input::LoggedOut),
            }
        }
    }

    /// The oldest request with `which` in its target is answered.
    fn answer(&mut self, which: &str, words: &str) {
        let found = self.requests.iter().find(|(_, (request, _))| request.target.contains(which));
        let Some(id) = found.map(|(id, _)| *id) else { return };
        self.requests.remove(&id);
        let (status, body) = words.split_once(' ').unwrap_or((words, "{}"));
        let (status, wait) = status.split_once('/').unwrap_or((status, ""));
        let response = Response {
            status: u16::try_from(number(status)).unwrap_or(200),
            retry_after: wait.trim().parse().ok().map(Duration::from_secs),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        self.step(Input::Arrived(Answer { id, result: Ok(response) }));
    }

    fn is_lost(&mut self, id: u64) {
        let result = Err("no answer within its time".to_owned());
        self.step(Input::Arrived(Answer { id, result }));
    }

    /// Time passes, requests use up theirs, and the session is woken whenever it wants to be.
    fn passes(&mut self, length: Duration) {
        let end = self.now + length;
        let (mut idle, mut steps) = (0, 0);
        while !self.stopped && steps < STEPS_MAX {
            let over = self.requests.iter().map(|(id, (_, until))| (*until, Some(*id))).min();
            let wake = self.session.wake().map(|(at, _)| (at, None));
            let Some((at, request)) = over.into_iter().chain(wake).min().filter(|it| it.0 <= end)
            else {
                break;
            };
            idle = if at > self.now { 0 } else { idle + 1 };
            assert!(
                idle < 500,
                "{:?} does not go away by stepping at its time",
                self.session.wake()
            );
            steps += 1;
            self.pass_to(at.max(self.now));
            match request {
                Some(id) => {
                    self.requests.remove(&id);
                    self.is_lost(id);
                }
                None => self.step(Input::Elapsed),
            }
        }
        self.pass_to(end.max(self.now));
    }

    fn pass_to(&mut self, at: Instant) {
        self.wall += i64::try_from((at - self.now).as_millis()).unwrap_or_default();
        self.now = at;
    }

    fn wants(&mut self, words: &str) {
        let (what, rest) = words.split_once(' ').unwrap_or((words, ""));
        let chat = self.chats.first().cloned().unwrap_or_else(|| "chat-1".into());
        let dialog = || chat.as_str().into();
        let call = match what {
            "publish" | "rich" => Call::Publish {
                dialog: dialog(),
                body: if what == "publish" {
                    Body::Text { text: rest.to_owned(), quick_replies: None }
                } else {
                    let content = Json::from_value(&rest);
                    Body::Rich { content, metadata: None, quick_replies: None }
                },
                audience: Audience::All,
                mark: None,
                intents: Vec::new(),
            },
            "history" => Call::History { dialog: dialog(), after: rest.parse().ok() },
            "receipt" => Call::Receipt { dialog: dialog(), sequences: vec![1, 2] },
            "typing" => Call::Typing { dialog: dialog(), composing: rest.is_empty() },
            "profile" => Call::Profile("visitor".into()),
            "transfer" => Call::Transfer {
                skill: Some(rest.into()),
                agent: None,
                reason: TransferReason::Bot,
                words: Some("why".to_owned()),
            },
            "agent" => Call::Transfer {
                skill: None,
                agent: Some(rest.into()),
                reason: TransferReason::User,
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
        if matches!(call, Call::Transfer { .. }) {
            if self.transfers.get(&chat).is_some_and(|last| self.calls.contains(last)) {
                return;
            }
            self.transfers.insert(chat.clone(), self.last_call + 1);
        }
        // Nobody waits for the outcome of these.
        let is_told = matches!(call, Call::Receipt { .. } | Call::Typing { .. } | Call::Join);
        let id = (!is_told).then(|| {
            self.last_call += 1;
            self.calls.insert(self.last_call);
            CallId(self.last_call)
        });
        self.step(Input::Command(Command::Call { conversation: chat, id, call }));
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
                self.under_way.insert("connection");
            }
            Output::Refresh => drop(self.under_way.insert("refresh")),
            Output::LogOut => drop(self.under_way.insert("log-out")),
            Output::Disconnect => {
                self.requests.clear();
                self.under_way.remove("connection");
            }
            Output::Send(request) => {
                let until = self.now + request.timeout;
                let before = self.requests.insert(request.id, (request, until));
                assert!(before.is_none(), "the id is in use: {before:?}");
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
            Event::Conversation { id, .. } => {
                self.chats.insert(id.clone());
            }
            Event::Gone { id, .. } => {
                assert!(self.chats.remove(id), "nobody knows of it: {event:?}");
            }
            Event::Message { conversation, message } => {
                assert!(self.chats.contains(conversation), "nobody knows of it: {event:?}");
                assert!(message.sequence >= 0, "{event:?}");
            }
            // Whose chats there are, the next session tells anew.
            Event::Down => self.chats.clear(),
            Event::Stopped => self.stopped = true,
            Event::Up { .. }
            | Event::Listed { .. }
            | Event::Ring(_)
            | Event::RingGone(_)
            | Event::RingAccepted { .. }
            | Event::Newest { .. }
            | Event::Missed(_)
            | Event::AgentState(..)
            | Event::Displaced { .. }
            | Event::Polled(_)
            | Event::AvailabilitySet { .. }
            | Event::LoggedIn(_) => {}
        }
    }

    /// Some minutes later every call has its outcome, whatever the server does not say.
    fn ends(mut self) {
        self.passes(Duration::from_secs(600));
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
        assert!(self.calls.is_empty(), "calls without an outcome: {:?}", self.calls);
    }
}

const STARTED: &str = r#"201 {"agentSessionLocation":{"link":{"@href":"https://va.agentvep.example.net/api/account/12345678/agentSession/77","@rel":"location"}}}"#;
const LINES_MAX: usize = 200;
const TIMES_MAX: u64 = 100;
const STEPS_MAX: usize = 20_000;
const OUTPUTS_MAX: usize = 10_000;
