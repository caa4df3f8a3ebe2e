//! An agent session led by hand: whatever is answered, in whatever order, or not at all.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    cloud::{
        ChatSettings, Settings,
        chat::wire::Response,
        fake,
        identity::Identity,
        session::{Account, Opening},
    },
    conversation::{DialogId, effect::Body as Said, event::Audience},
};

proptest! {
    #[test]
    fn no_course_of_answers_panics_keeps_a_call_waiting_or_wakes_for_nothing(
        steps in prop::collection::vec((0_u8..12, any::<u16>()), 0..200),
        several_above in 0_usize..3,
    ) {
        let mut world = World::new(several_above);
        for (step, number) in steps {
            let lives = match step {
                0..=4 => world.answer(number, Manner::Well),
                5 => world.answer(number, Manner::Status([400, 403, 404, 410, 429, 500, 503][usize::from(number) % 7])),
                6 => world.answer(number, Manner::Never),
                7 => world.answer(number, Manner::Nonsense),
                8 => world.passes(u64::from(number)),
                9 => world.passes(2_000),
                10 => world.wants(number),
                _ => world.says(number),
            };
            world.keeps_the_rules();
            if !lives {
                break;
            }
        }
        world.ends();
    }
}

#[test]
fn only_the_bearer_that_is_not_good_any_more_calls_for_another_log_in() {
    let mut world = World::new(10);
    assert!(world.answer(0, Manner::Well));
    assert!(world.session.stage == Stage::Asking, "{:?}", world.session.stage);
    assert!(!world.answer(0, Manner::Status(401)));
    assert!(matches!(world.lost, Some(Loss::Expired { evicted: true, .. })), "{:?}", world.lost);
    world.ends();
}

/// How a request is answered.
enum Manner {
    Well,
    Status(u16),
    Never,
    Nonsense,
}

/// A session, the requests that wait for an answer, and what was told.
struct World {
    session: AgentSession,
    memory: Memory,
    now: Instant,
    lost: Option<Loss>,
    requests: BTreeMap<u64, Request>,
    /// Chats of the hall, which has been told of them.
    chats: Vec<ConversationId>,
    rings: Vec<RingId>,
    /// Events of each chat on the server, and how many chats were accepted.
    lines: usize,
    accepted: usize,
    calls: u64,
    /// Calls that wait for their outcome.
    waiting: BTreeMap<CallId, ConversationId>,
    /// Calls of chats that have gone: nobody waits for them any more.
    forgotten: BTreeSet<CallId>,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn new(several_above: usize) -> Self {
        let now = Instant::now();
        let account = Account {
            identity: Identity::new("12345678", "7", None, "bot-greeter"),
            refreshable: true,
        };
        let chat = ChatSettings { several_above, ..ChatSettings::default() };
        let settings = Settings { chat, ..fake::settings() };
        let (mut memory, mut out) = (Memory::default(), Out::new());
        let session = AgentSession::open(
            Opening {
                account: &account,
                settings: &settings,
                memory: &mut memory,
                rng: &mut fastrand::Rng::with_seed(1),
                now,
                wall: Timestamp(0),
            },
            &mut out,
        );
        let mut world = Self {
            session,
            memory,
            now,
            lost: None,
            requests: BTreeMap::new(),
            chats: Vec::new(),
            rings: Vec::new(),
            lines: 0,
            accepted: 0,
            calls: 0,
            waiting: BTreeMap::new(),
            forgotten: BTreeSet::new(),
        };
        world.takes(out);
        world
    }

    /// One of the requests under way is answered; whether the session lives on.
    fn answer(&mut self, which: u16, manner: Manner) -> bool {
        let place = usize::from(which) % self.requests.len().max(1);
        let Some(id) = self.requests.keys().nth(place).copied() else {
            return true;
        };
        let request = self.requests.remove(&id).unwrap();
        let response = |status, body: String| {
            Ok(Response { status, retry_after: None, body: body.into() })
        };
        let result = match manner {
            Manner::Well => response(200, self.good(&request).to_string()),
            Manner::Status(status) => response(status, "{}".to_owned()),
            Manner::Never => Err("no answer in time".to_owned()),
            Manner::Nonsense => response(200, "<html>[{\"chat\":7}]".to_owned()),
        };
        let mut out = Out::new();
        let answer = Answer { id, result };
        let lives = self.session.arrived(answer, self.now, Timestamp(0), &mut out);
        self.takes(out);
        self.lost = lives.err();
        self.lost.is_none()
    }

    fn passes(&mut self, millis: u64) -> bool {
        self.now += Duration::from_millis(millis);
        let mut out = Out::new();
        let lives = self.session.elapsed(self.now, Timestamp(0), &mut out);
        self.takes(out);
        self.lost = lives.err();
        self.lost.is_none()
    }

    /// The hall wants a ring, or another state.
    fn wants(&mut self, number: u16) -> bool {
        let mut out = Out::new();
        if let Some(ring) = self.rings.pop().filter(|_| number % 4 > 0) {
            self.session.accept(ring, self.now, &mut out);
        } else {
            let state =
                if number % 8 == 0 { Availability::Away } else { Availability::Online };
            self.session.be(state, self.now, &mut out);
        }
        self.takes(out);
        true
    }

    /// A conversation wants something; sometimes one that is not there any more.
    fn says(&mut self, number: u16) -> bool {
        let Some(chat) = self.chats.get(usize::from(number / 8) % self.chats.len().max(1)) else {
            return true;
        };
        let (chat, dialog) = (chat.clone(), DialogId::from(chat.as_str()));
        let call = match number % 8 {
            0 => Call::Close { dialog, survey: false },
            1 => Call::Transfer {
                skill: Some("4711".into()),
                agent: None,
                reason: crate::conversation::effect::TransferReason::Bot,
                words: None,
            },
            2 => Call::Typing { dialog, composing: number % 16 == 2 },
            3 => Call::History { dialog, after: Some(0) },
            4 => Call::Return,
            _ => Call::Publish {
                dialog,
                body: Said::Text { text: format!("line {number}"), quick_replies: None },
                audience: Audience::All,
                mark: None,
                intents: Vec::new(),
            },
        };
        self.calls += 1;
        // Whether somebody types, nobody waits for.
        let id = (!matches!(call, Call::Typing { .. })).then_some(CallId(self.calls));
        self.waiting.extend(id.map(|id| (id, chat.clone())));
        let mut out = Out::new();
        self.session.call(chat, id, call, self.now, &mut out);
        self.takes(out);
        true
    }

    fn takes(&mut self, out: Out) {
        for output in out {
            match output {
                Output::Send(request) => {
                    assert!(!request.target.is_empty() && request.timeout > Duration::ZERO);
                    assert!(self.requests.insert(request.id, request).is_none(), "ids are new");
                }
                Output::Tell(Event::Called { id, .. }) => {
                    let waited = self.waiting.remove(&id).is_some();
                    assert!(waited || self.forgotten.remove(&id), "{id:?} has two outcomes");
                }
                Output::Tell(Event::Gone { id, .. }) => {
                    self.chats.retain(|chat| *chat != id);
                    let of_it = self.waiting.extract_if(.., |_, chat| *chat == id);
                    self.forgotten.extend(of_it.map(|(call, _)| call));
                }
                Output::Tell(Event::Ring(ring)) => self.rings.push(ring.id),
                Output::Tell(Event::RingGone(gone)) => self.rings.retain(|ring| *ring != gone),
                Output::Tell(Event::Conversation { id, .. }) => {
                    if !self.chats.contains(&id) {
                        self.chats.push(id);
                    }
                }
                Output::Tell(_) => {}
                Output::FindHosts
                | Output::LogIn
                | Output::Connect
                | Output::Disconnect
                | Output::Refresh
                | Output::LogOut => panic!("{output:?} is not for a connection to want"),
            }
        }
    }

    fn keeps_the_rules(&self) {
        let mut places: Vec<&str> = (self.requests.values())
            .filter(|request| request.target.ends_with("/events") && request.method == Method::Post)
            .map(|request| request.target.as_str())
            .collect();
        places.sort_unstable();
        assert!(places.is_sorted_by(|one, next| one < next), "two lines at once: {places:?}");
        if self.lost.is_none() {
            let (wake, why) = self.session.wake();
            assert!(wake >= self.now, "{why} is overdue");
            let idle = self.requests.is_empty() && why == "nothing";
            assert!(!idle, "nothing is under way, and nothing will be");
        }
    }

    /// The session is gone: each call has had its outcome then, and only one.
    fn ends(mut self) {
        let mut out = Out::new();
        let session = std::mem::replace(&mut self.session, Self::new(0).session);
        session.lost(self.now, &mut self.memory, &mut out);
        self.takes(out);
        assert!(self.waiting.is_empty(), "{:?} wait for ever", self.waiting);
    }

    /// What a server that is well answers.
    fn good(&mut self, request: &Request) -> Value {
        const SESSION: &str = "https://vep.test/api/account/12345678/agentSession/1";
        let path = request.target.split('?').next().unwrap_or_default();
        let at = |place: String| json!({ "link": { "@href": place, "@rel": "location" } });
        let chat = |lines| {
            let line = |id| json!({ "@id": id, "@type": "line", "source": "visitor", "text": "x" });
            let events: Vec<Value> = (0..lines).map(line).collect();
            json!({ "info": { "state": "chatting", "agentId": "7" }, "events": { "event": events } })
        };
        match (request.method, path.rsplit('/').next().unwrap_or_default()) {
            (Method::Post, "agentSession") => {
                json!({ "agentSessionLocation": at(SESSION.to_owned()) })
            }
            (Method::Get, "incomingRequests") => {
                json!({ "incomingRequests": { "ringingCount": (self.accepted < 4).to_string().len() - 3 } })
            }
            (Method::Post, "incomingRequests") => {
                self.accepted += 1;
                json!({ "chatLocation": at(format!("{SESSION}/chat/{}", self.accepted)) })
            }
            (Method::Get, "chatSessions") => {
                let mine = (1..=self.accepted).map(|chat| at(format!("{SESSION}/chat/{chat}")));
                json!({ "chatSessions": { "chatSession": mine.collect::<Vec<_>>() } })
            }
            (Method::Get, "availability") => json!({ "availability": { "chat": "Online" } }),
            (Method::Get, "transfer") => {
                json!({ "transfer": { "skill": [{ "id": "4711", "name": "People" }] } })
            }
            (Method::Get, "events") => json!({ "events": chat(self.lines)["events"] }),
            (Method::Get, _) => json!({ "chat": chat(self.lines) }),
            (Method::Post, "events") => {
                self.lines += 1;
                json!({ "chatEventLocation": at(format!("{SESSION}/chat/1/events/{}", self.lines)) })
            }
            (Method::Post | Method::Put, _) => json!({}),
        }
    }
}
