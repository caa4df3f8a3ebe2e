//! An agent session on hand-moved time: the test is the server and the clock.

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::Value;

use super::*;
use crate::{
    cloud::{
        ChatSettings, Credentials, Settings, chat::wire::Response, identity::Identity,
        session::Account,
    },
    conversation::{
        effect::{self, TransferReason},
        event::Audience,
    },
    secret::Secret,
};

struct World {
    session: AgentSession,
    now: Instant,
    /// Requests without an answer, oldest first.
    asked: Vec<Request>,
    told: Vec<Event>,
    lost: Option<Loss>,
    calls: u64,
    /// Calls that wait for their outcome.
    waiting: BTreeMap<CallId, ConversationId>,
    /// Calls in chats that have gone: nobody waits for them any more.
    forgotten: BTreeSet<CallId>,
}

#[test]
fn while_the_list_of_chats_is_on_its_way_another_doubt_waits_without_being_due() {
    let mut world = World::with_chats(&["H1", "H2"]);
    for chat in ["H1", "H2"] {
        world.answer(&format!("/chat/{chat}"), 404, &json!({}));
    }
    world.advance(Duration::from_secs(1));
    assert_eq!(world.count("/chatSessions"), 1, "one list tells of both");
    assert!(world.wakes_later());
}

#[test]
fn a_chat_in_doubt_is_not_due_while_the_list_of_chats_is_awaited() {
    let mut world = World::with_chats(&["H1"]);
    world.answer("/chat/H1", 404, &json!({}));
    // Longer than the period in which chats are read.
    world.advance(Duration::from_secs(3));
    assert_eq!(world.count("/chat/H1"), 0);
    assert!(world.wakes_later());
}

#[test]
fn neither_the_list_of_chats_nor_the_state_is_asked_for_twice_within_two_seconds() {
    let mut world = World::with_chats(&["H1"]);
    world.answer("/chat/H1", 404, &json!({}));
    world.answer("/chatSessions", 200, &listed(&["H1"]));
    world.answer("/chat/H1", 200, &whole("H1", 0));
    world.advance(Duration::from_secs(1));
    // An acceptance without an answer puts both in doubt.
    world.answer("/incomingRequests", 200, &json!({}));
    world.act(|session, now, out| session.accept("1".into(), now, out));
    world.answer("/incomingRequests", 500, &json!({}));
    let asked = (world.count("/chatSessions"), world.count("/availability"));
    assert_eq!(asked, (0, 1), "the state has not been asked for lately");
    world.answer("/availability", 200, &json!({}));
    world.advance(Duration::from_secs(1));
    assert_eq!(world.count("/chatSessions"), 1);
    assert!(world.wakes_later());
}

#[test]
fn a_transfer_waits_for_the_line_before_it_and_a_line_for_the_transfer() {
    let mut world = World::with_chats(&["H1"]);
    let chat = || ConversationId::from("H1");
    let is_line = |request: &&Request| {
        request.method == Method::Post && request.target.ends_with("/chat/H1/events")
    };
    let lines = |world: &World| world.asked.iter().filter(is_line).count();
    world.act(|session, now, out| session.call(chat(), None, call(&chat(), 12), now, out));
    world.act(|session, now, out| session.call(chat(), None, call(&chat(), 9), now, out));
    world.advance(Duration::from_secs(1));
    assert_eq!((lines(&world), world.count("/transfer")), (1, 0));
    let line = world.asked.iter().find(is_line).cloned();
    world.reply(&line.unwrap(), Some(201), &json!({}));
    assert_eq!(world.count("/transfer"), 1);
    world.act(|session, now, out| session.call(chat(), None, call(&chat(), 12), now, out));
    world.advance(Duration::from_secs(1));
    assert_eq!(lines(&world), 0);
    world.answer("/transfer", 200, &json!({"transfer": {"skill": []}}));
    assert_eq!(lines(&world), 1, "nobody can take over: the chat goes on");
    assert!(world.wakes_later());
}

#[test]
fn a_page_of_a_proxy_does_not_tell_that_the_agent_has_no_chats() {
    let mut world = World::with(10);
    let start = json!({"agentSessionLocation": {"link": {"@href": "https://x.test/as/1"}}});
    world.answer("/agentSession", 201, &start);
    let list = world.asked.iter().find(|request| ends_with(request, "/chatSessions")).cloned();
    world.reply_with(&list.unwrap(), Some(200), "<html>Please wait</html>".to_owned());
    let is_up = |world: &World| world.told.iter().any(|event| matches!(event, Event::Up { .. }));
    assert!(!is_up(&world));
    world.advance(Duration::from_secs(5));
    world.answer("/chatSessions", 200, &listed(&["H1"]));
    world.answer("/chat/H1", 200, &whole("H1", 0));
    assert!(is_up(&world));
    let found =
        |event: &Event| matches!(event, Event::Conversation { id, .. } if id.as_str() == "H1");
    assert!(world.told.iter().any(found), "{:?}", world.told);
}

#[test]
fn a_list_of_chats_without_a_body_is_empty_if_it_stays_so() {
    let mut world = World::with(10);
    let start = json!({"agentSessionLocation": {"link": {"@href": "https://x.test/as/1"}}});
    world.answer("/agentSession", 201, &start);
    for pause in [5, 10, 15, 0] {
        let list = world.asked.iter().find(|request| ends_with(request, "/chatSessions")).cloned();
        world.reply_with(&list.unwrap(), Some(200), String::new());
        world.advance(Duration::from_secs(pause));
    }
    assert!(world.told.iter().any(|event| matches!(event, Event::Listed { .. })));
}

proptest! {
    /// What is due and not done would be due again at once, and keep the processor busy until something arrives.
    #[test]
    fn whatever_comes_nothing_that_is_due_stays_due(
        steps in prop::collection::vec((0_u8..12, any::<u16>()), 0..80),
        several_above in 1_usize..4,
    ) {
        let mut world = World::with(several_above);
        world.comes_up(&["H1"]);
        for (step, number) in steps {
            world.take_step(step, number);
            if world.lost.is_some() {
                return Ok(());
            }
            prop_assert!(world.wakes_later(), "{:?} is due", world.session.wake().1);
        }
    }

    #[test]
    fn whatever_comes_each_call_has_one_outcome_and_each_chat_one_line_at_a_time(
        steps in prop::collection::vec((0_u8..12, any::<u16>()), 0..80),
    ) {
        let mut world = World::with(2);
        world.comes_up(&["H1"]);
        for (step, number) in steps {
            world.take_step(step, number);
            let posts = world.asked.iter().filter(|request| request.method == Method::Post);
            let mut places: Vec<&str> = posts
                .map(|request| request.target.as_str())
                .filter(|target| target.contains("/chat/"))
                .collect();
            places.sort_unstable();
            prop_assert!(places.is_sorted_by(|one, next| one < next), "{places:?}");
            if world.lost.is_some() {
                break;
            }
        }
        let waiting = world.ends();
        prop_assert!(waiting.is_empty(), "{waiting:?} wait for ever");
    }
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn with(several_above: usize) -> Self {
        let now = Instant::now();
        let secret = || Secret::Literal(SecretString::from("s3cret"));
        let settings = Settings {
            account: "12345678".into(),
            username: "bot-one".into(),
            credentials: Credentials::OAuth2 { client_id: secret(), client_secret: secret() },
            domain_api: "https://api.example.net".into(),
            request_timeout: Duration::from_secs(15),
            keepalive_interval: Duration::from_secs(30),
            refresh_interval: Duration::from_secs(240),
            manager: false,
            chat: ChatSettings { several_above, ..ChatSettings::default() },
        };
        let identity = Identity::new("12345678", "17", None, "bot-one");
        let mut out = Vec::new();
        let opening = Opening {
            account: &Account { identity, refreshable: true },
            settings: &settings,
            memory: &mut Memory::default(),
            rng: &mut fastrand::Rng::with_seed(1),
            now,
            wall: Timestamp(0),
        };
        let session = AgentSession::open(opening, &mut out);
        let mut world = Self {
            session,
            now,
            asked: Vec::new(),
            told: Vec::new(),
            lost: None,
            calls: 0,
            waiting: BTreeMap::new(),
            forgotten: BTreeSet::new(),
        };
        world.carry_out(out);
        world
    }

    /// These chats are there from the start; each is being read for the second time.
    fn with_chats(chats: &[&str]) -> Self {
        let mut world = Self::with(10);
        world.comes_up(chats);
        world.told.clear();
        for _ in 0..4 {
            world.advance(Duration::from_secs(1));
        }
        world
    }

    fn comes_up(&mut self, chats: &[&str]) {
        let start = json!({"agentSessionLocation": {"link": {"@href": "https://x.test/as/1"}}});
        self.answer("/agentSession", 201, &start);
        self.answer("/info", 200, &json!({"info": {"id": "17"}}));
        self.answer("/availability", 200, &json!({}));
        self.answer("/chatSessions", 200, &listed(chats));
        for chat in chats {
            self.answer(&format!("/chat/{chat}"), 200, &whole(chat, 0));
        }
    }

    fn take_step(&mut self, step: u8, number: u16) {
        let chat = ConversationId::from(format!("H{}", 1 + number % 3));
        let which = usize::from(number) % self.asked.len().max(1);
        match step {
            0..5 => {
                if let Some(request) = self.asked.get(which).cloned() {
                    let (status, body) = good(&request, number / 7);
                    self.reply(&request, Some(status), &body);
                }
            }
            5 => {
                if let Some(request) = self.asked.get(which).cloned() {
                    let status = [Some(404), Some(500), Some(429), Some(400), Some(200), None];
                    self.reply(&request, status[usize::from(number) % 6], &json!({}));
                }
            }
            6..9 => self.advance(Duration::from_millis(u64::from(number) % 6_000)),
            9 => {
                let rings: Vec<RingId> = self.told.drain(..).filter_map(ring).collect();
                for ring in rings {
                    self.act(|session, now, out| session.accept(ring, now, out));
                }
            }
            10 => {
                let call = call(&chat, number);
                self.calls += 1;
                // Whether somebody types, nobody waits for.
                let id = (!matches!(call, Call::Typing { .. })).then_some(CallId(self.calls));
                self.waiting.extend(id.map(|id| (id, chat.clone())));
                self.act(|session, now, out| session.call(chat, id, call, now, out));
            }
            _ => {
                let states = [Availability::Online, Availability::Away];
                let state = states[usize::from(number) % 2];
                self.act(|session, now, out| session.be(state, now, out));
            }
        }
    }

    /// The one request whose path ends so is answered.
    fn answer(&mut self, end: &str, status: u16, body: &Value) {
        let request = self.asked.iter().find(|request| ends_with(request, end)).cloned();
        let asked: Vec<&str> = self.asked.iter().map(|request| request.target.as_str()).collect();
        let Some(request) = request else { panic!("{end} was not asked for, only {asked:?}") };
        self.reply(&request, Some(status), body);
    }

    fn reply(&mut self, request: &Request, status: Option<u16>, body: &Value) {
        self.reply_with(request, status, body.to_string());
    }

    fn reply_with(&mut self, request: &Request, status: Option<u16>, body: String) {
        self.asked.retain(|one| one.id != request.id);
        let body = body.into();
        let response = status.map(|status| Response { status, retry_after: None, body });
        let result = response.ok_or_else(|| "no answer".to_owned());
        let answer = Answer { id: request.id, result };
        let (now, mut out) = (self.now, Vec::new());
        let result = self.session.arrived(answer, now, Timestamp(0), &mut out);
        self.lost = self.lost.take().or_else(|| result.err());
        self.carry_out(out);
    }

    fn act(&mut self, act: impl FnOnce(&mut AgentSession, Instant, &mut Out)) {
        let mut out = Vec::new();
        act(&mut self.session, self.now, &mut out);
        self.carry_out(out);
    }

    fn advance(&mut self, by: Duration) {
        self.now += by;
        self.elapse();
    }

    fn elapse(&mut self) {
        let (now, mut out) = (self.now, Vec::new());
        let result = self.session.elapsed(now, Timestamp(0), &mut out);
        self.lost = self.lost.take().or_else(|| result.err());
        self.carry_out(out);
    }

    fn carry_out(&mut self, out: Out) {
        for output in out {
            match output {
                Output::Send(request) => self.asked.push(request),
                Output::Tell(Event::Called { id, .. }) => {
                    let waited = self.waiting.remove(&id).is_some();
                    assert!(waited || self.forgotten.remove(&id), "{id:?} has two outcomes");
                }
                Output::Tell(event) => {
                    if let Event::Gone { id, .. } = &event {
                        let of_it = self.waiting.extract_if(.., |_, chat| chat == id);
                        self.forgotten.extend(of_it.map(|(call, _)| call));
                    }
                    self.told.push(event);
                }
                Output::FindHosts
                | Output::LogIn
                | Output::Refresh
                | Output::LogOut
                | Output::Connect
                | Output::Disconnect => panic!("{output:?}"),
            }
        }
    }

    /// The session is lost; the calls that still wait then.
    fn ends(mut self) -> BTreeMap<CallId, ConversationId> {
        let mut out = Vec::new();
        let session = std::mem::replace(&mut self.session, Self::with(1).session);
        session.lost(self.now, &mut Memory::default(), &mut out);
        self.carry_out(out);
        self.waiting
    }

    fn count(&self, end: &str) -> usize {
        self.asked.iter().filter(|request| ends_with(request, end)).count()
    }

    /// Whatever is due now has been done.
    fn wakes_later(&mut self) -> bool {
        if self.session.wake().0 <= self.now {
            self.elapse();
        }
        self.session.wake().0 > self.now
    }
}

fn ends_with(request: &Request, end: &str) -> bool {
    let path = without_query(&request.target);
    path.strip_suffix("/events").unwrap_or(path).ends_with(end)
}

/// What a server might answer.
fn good(request: &Request, number: u16) -> (u16, Value) {
    let path = without_query(&request.target);
    let chats = ["H1", "H2", "H3"];
    let some = &chats[..usize::from(number) % 4];
    match (request.method, path.rsplit('/').next().unwrap_or_default()) {
        (_, "chatSessions") => (200, listed(some)),
        (Method::Get, "incomingRequests") => {
            (200, json!({"incomingRequests": {"ringingCount": number % 4}}))
        }
        (Method::Post, "incomingRequests") if number % 4 < 3 => {
            let href = format!("https://x.test/as/1/chat/H{}", 1 + number % 4);
            (201, json!({"chatLocation": {"link": {"@href": href}}}))
        }
        (Method::Get, "availability") => {
            let state = ["Online", "Away"][usize::from(number) % 2];
            (200, json!({"availability": {"chat": state}}))
        }
        (Method::Get, "events") => {
            let event =
                json!({"@id": number % 9, "@type": "line", "source": "visitor", "text": "hi"});
            let moved = json!({"@id": number % 9, "@type": "line", "source": "system", "systemMessageId": 15});
            let event = if number.is_multiple_of(11) { moved } else { event };
            (200, json!({"events": {"event": event}}))
        }
        (Method::Get, "transfer") => {
            (200, json!({"transfer": {"skill": {"id": "4", "name": "People"}}}))
        }
        (Method::Get, "chat") => {
            let chats: Vec<Value> =
                some.iter().map(|chat| whole(chat, number)["chat"].clone()).collect();
            (200, json!({"chats": {"chat": chats}}))
        }
        (Method::Get, chat) if chat.starts_with('H') => (200, whole(chat, number)),
        (Method::Get | Method::Post | Method::Put, _) => (200, json!({})),
    }
}

fn listed(chats: &[&str]) -> Value {
    let session = |chat: &&str| json!({"chatSessionKey": chat, "link": {"@href": format!("https://x.test/as/1/chat/{chat}")}});
    let sessions: Vec<Value> = chats.iter().map(session).collect();
    json!({"chatSessions": {"chatSession": sessions}})
}

fn whole(chat: &str, number: u16) -> Value {
    let state = match number % 13 {
        5 => "waiting",
        7 => "ended",
        _ => "chatting",
    };
    json!({"chat": {"info": {"state": state, "chatSessionKey": chat, "agentId": "17"}, "events": {}}})
}

fn ring(event: Event) -> Option<RingId> {
    if let Event::Ring(ring) = event { Some(ring.id) } else { None }
}

fn call(chat: &ConversationId, number: u16) -> Call {
    let dialog = chat.as_str().into();
    match number / 3 % 5 {
        0 => Call::Close { dialog, survey: false },
        1 => Call::Typing { dialog, composing: number.is_multiple_of(2) },
        2 => Call::History { dialog, after: None },
        3 => Call::Transfer {
            skill: Some("4".into()),
            agent: None,
            reason: TransferReason::Bot,
            words: None,
        },
        _ => Call::Publish {
            dialog,
            body: effect::Body::Text { text: "hello".into(), quick_replies: None },
            audience: Audience::All,
            mark: None,
            intents: Vec::new(),
        },
    }
}
