//! The Chat Agent API over HTTP: from a request to an answer, and what a fault makes of it on the way.

use super::super::http;
use super::super::session::Reply;
use super::answers::{Request, refusal};
use super::calls::{self, CallName, Target};
use super::strictness::one_at_a_time;
use super::trouble::{Trouble, error_in_200};
use super::{ChatCall, Part, REMEMBERED, Simulator, World, dialect};
use hyper::body::Incoming;
use hyper::{Response, header};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer, as a fault wants it")]
pub(in super::super) struct Dropped;

/// How long an answer that never comes is waited for.
const NEVER: Duration = Duration::from_secs(3600);

/// Answers a call; `rest` is what follows `agentSession` in the path.
pub(in super::super) async fn answer(
    simulator: &Simulator,
    request: &mut hyper::Request<Incoming>,
    account: &str,
    rest: &[&str],
    scheme: &str,
) -> Result<Response<http::Body>, Dropped> {
    let headers = request.headers();
    let bearer = http::text_header(headers, &header::AUTHORIZATION);
    let bearer = bearer.strip_prefix("Bearer ").unwrap_or_default().to_owned();
    let overrides = headers.get("x-http-method-override").and_then(|value| value.to_str().ok());
    let overrides = overrides.unwrap_or_default().to_owned();
    let scheme = simulator
        .read(|world| world.options.chat.scheme.clone())
        .unwrap_or_else(|| scheme.to_owned());
    let origin = format!("{scheme}://{}", http::host(request));
    let method = request.method().clone();
    let path = request.uri().path().trim_end_matches(".json").to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let raw = match http::read(request).await {
        Ok(raw) => raw,
        Err(response) => return Ok(response),
    };
    let body: Option<Value> = serde_json::from_slice(&raw).ok();
    let shown = body.clone().unwrap_or(Value::Null);
    let agent = simulator.read(|world| world.bearer(account, &bearer).map(|one| one.id.clone()));
    let target = match calls::target(&method, &overrides, rest, &shown) {
        Ok(target) => target,
        Err((status, text)) => return Ok(http::reply(refusal(status, &text))),
    };
    let call =
        Call { simulator, account, target: &target, bearer: &bearer, path: &path, query: &query };
    let under_way = call.begins(agent.as_deref(), shown);
    let login = under_way.login.clone();
    let mut answered = Value::Null;
    let handle = |trouble: Option<Trouble>| {
        let reply = simulator.act(|world| call.handle(world, body.as_ref(), &origin, trouble));
        answered.clone_from(&reply.body);
        reply
    };
    let (outcome, unclear) = meddle(simulator, &login, target.name, &path, handle).await;
    let status = outcome.as_ref().ok().map(|response| response.status().as_u16());
    under_way.ends(status, unclear, answered);
    outcome
}

/// Does what `handle` does, unless a fault is in force for this call, and then what it wants.
pub(in super::super) async fn around(
    simulator: &Simulator,
    login: &str,
    name: CallName,
    path: &str,
    handle: impl FnOnce() -> Reply,
) -> Result<Response<http::Body>, Dropped> {
    meddle(simulator, login, name, path, |_| handle()).await.0
}

/// The outcome of a call, and whether the client cannot tell from it what became of the call.
async fn meddle(
    simulator: &Simulator,
    login: &str,
    name: CallName,
    path: &str,
    handle: impl FnOnce(Option<Trouble>) -> Reply,
) -> (Result<Response<http::Body>, Dropped>, bool) {
    let Some(trouble) = simulator.act(|world| world.trouble(login, name, path)) else {
        let reply = handle(None);
        let unclear = !(200..300).contains(&reply.status);
        return (Ok(http::reply(reply)), unclear);
    };
    let outcome = match trouble {
        Trouble::Status(status) => Ok(http::reply(failure(status))),
        Trouble::StatusAfter(status) => {
            drop(handle(None));
            Ok(http::reply(failure(status)))
        }
        Trouble::TooMany(seconds) => {
            let mut response = http::reply(failure(429));
            http::set(response.headers_mut(), header::RETRY_AFTER, &seconds.to_string());
            Ok(response)
        }
        Trouble::Slow(milliseconds) => {
            let reply = handle(None);
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok(http::reply(reply))
        }
        Trouble::Late(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok(http::reply(handle(None)))
        }
        Trouble::DropBefore => Err(Dropped),
        Trouble::DropAfter => {
            drop(handle(None));
            Err(Dropped)
        }
        Trouble::Silence => {
            tokio::time::sleep(NEVER).await;
            Err(Dropped)
        }
        Trouble::SilenceAfter => {
            drop(handle(None));
            tokio::time::sleep(NEVER).await;
            Err(Dropped)
        }
        Trouble::ErrorIn200 => Ok(http::reply(error_in_200(name))),
        Trouble::EmptyBody => Ok(http::reply(Reply { body: Value::Null, ..handle(None) })),
        Trouble::HtmlBody => {
            let page = "<!doctype html><title>Gateway</title><p>Please come back later.";
            Ok(http::plain(handle(None).status, "text/html; charset=utf-8", page))
        }
        Trouble::Huge(bytes) => {
            let mut reply = handle(None);
            if reply.body.is_null() {
                reply.body = json!({});
            }
            if let Some(members) = reply.body.as_object_mut() {
                members.insert("padding".into(), json!("x".repeat(bytes)));
            }
            Ok(http::reply(reply))
        }
        Trouble::OtherDialect
        | Trouble::ExpireBearer
        | Trouble::KillSession
        | Trouble::ForceAway
        | Trouble::RepeatedEvents
        | Trouble::ReversedEvents
        | Trouble::UnknownEvents => Ok(http::reply(handle(Some(trouble)))),
    };
    let refused = outcome.as_ref().is_ok_and(|response| !response.status().is_success());
    (outcome, refused || trouble.is_unclear())
}

fn failure(status: u16) -> Reply {
    refusal(status, "simulated failure")
}

/// What is known of a call.
#[derive(Clone, Copy)]
struct Call<'a> {
    simulator: &'a Simulator,
    account: &'a str,
    target: &'a Target,
    bearer: &'a str,
    path: &'a str,
    query: &'a str,
}

/// A call that has come and is not answered yet. If it is dropped, its client has gone without an answer.
struct UnderWay<'a> {
    call: Call<'a>,
    number: u64,
    login: String,
    answered: Option<u16>,
    unclear: bool,
    answer: Value,
}

impl<'a> Call<'a> {
    /// What it is about: the read of several chats is another resource for each choice of them.
    fn resource(self) -> String {
        let keys = self.query.split('&').find(|part| part.starts_with("chatSessionKeys="));
        match keys {
            Some(keys) if self.target.name == CallName::Chats => format!("{}?{keys}", self.path),
            Some(_) | None => self.path.to_owned(),
        }
    }

    /// Counts the call, remembers it, and checks what clients have to keep.
    fn begins(self, agent: Option<&str>, body: Value) -> UnderWay<'a> {
        let Target { name, session, chat, item: _ } = self.target;
        let (number, login) = self.simulator.act(|world| {
            world.parts.insert(Part::Counts);
            let login = agent.and_then(|id| world.agents.get(id)).map(|one| one.login_name.clone());
            let login = login.unwrap_or_default();
            *world.chats.counts.entry(*name).or_default() += 1;
            world.chats.last_call += 1;
            let number = world.chats.last_call;
            if world.chats.calls.len() == REMEMBERED {
                world.chats.calls.pop_front();
            }
            world.chats.calls.push_back(ChatCall {
                number,
                time: world.now,
                agent: login.clone(),
                name: *name,
                path: self.path.to_owned(),
                query: self.query.to_owned(),
                body,
                answered: None,
            });
            if is_read(*name) {
                world.check_pace(session, &self.resource(), chat.as_deref());
            }
            if let (Some(chat), true) = (chat, one_at_a_time(*name)) {
                world.begin_post(agent.unwrap_or_default(), chat);
            }
            (number, login)
        });
        UnderWay { call: self, number, login, answered: None, unclear: true, answer: Value::Null }
    }

    fn handle(
        self,
        world: &mut World,
        body: Option<&Value>,
        origin: &str,
        trouble: Option<Trouble>,
    ) -> Reply {
        let agent = world.bearer(self.account, self.bearer).map(|agent| agent.id.clone());
        let Some(mut agent) = agent else {
            return refusal(401, "the bearer is not valid");
        };
        match trouble {
            Some(Trouble::ExpireBearer) => {
                world.end_session(&std::mem::take(&mut agent), 0, "expired");
                return refusal(401, "the bearer has expired");
            }
            Some(Trouble::KillSession) => world.end_agent_sessions(&agent),
            _ => {}
        }
        if world.paces(&self.target.session, self.path) {
            return refusal(429, "too many requests");
        }
        let request = Request {
            agent: &agent,
            account: self.account,
            target: self.target,
            query: self.query,
            body,
            origin,
        };
        let mut reply = world.answer_chat(&request);
        if trouble == Some(Trouble::ForceAway) {
            world.force_away(&self.target.session);
        }
        let mut dialect = world.options.chat.dialect;
        if let Some(trouble) = trouble {
            dialect = trouble.dialect(dialect);
            world.bend_events(trouble, &mut reply.body, self.target);
        }
        reply.body = dialect::spell(reply.body, self.target.name, dialect);
        reply
    }
}

impl UnderWay<'_> {
    /// The call is answered, or its connection closes.
    fn ends(mut self, status: Option<u16>, unclear: bool, answer: Value) {
        self.answered = status;
        self.unclear = unclear;
        self.answer = answer;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let Call { simulator, target, path, query, .. } = self.call;
        let (status, answer) = (self.answered, std::mem::take(&mut self.answer));
        simulator.act(|world| {
            let now = world.now;
            if let (Some(chat), true) = (&target.chat, one_at_a_time(target.name)) {
                world.end_post(chat);
            }
            let mut calls = world.chats.calls.iter_mut().rev();
            let mut shown = None;
            if let Some(call) = calls.find(|call| call.number == self.number) {
                call.answered = status;
                shown = Some(json!({
                    "kind": "call", "call": target.name, "path": path, "query": query,
                    "body": call.body, "status": status, "answer": answer,
                }));
            }
            if let Some(shown) = shown {
                world.show_text(&self.login, &Value::Null, "received", &shown.to_string());
            }
            if let Some(session) = world.chats.sessions.get_mut(&target.session) {
                // After an unclear result, everything may be looked at once without waiting.
                if self.unclear {
                    session.polls.clear();
                    session.unclear = Some((now, BTreeSet::new()));
                } else if is_read(target.name) {
                    session.polls.insert(self.call.resource(), now);
                }
            }
        });
    }
}

impl World {
    /// Whether a session asks for a resource more often than it may.
    fn paces(&mut self, session: &str, path: &str) -> bool {
        let (now, limit) = (self.now, self.options.chat.requests_per_second);
        let Some((session, limit)) = self.chats.sessions.get_mut(session).zip(limit) else {
            return false;
        };
        let (second, count) = session.pace.entry(path.to_owned()).or_default();
        if *second != now / 1000 {
            (*second, *count) = (now / 1000, 0);
        }
        *count += 1;
        *count > limit
    }

    /// Does to the events of an answer what a fault wants.
    fn bend_events(&self, trouble: Trouble, answer: &mut Value, target: &Target) {
        let all = |chat: &str| {
            let base = super::wire::Base { origin: "", account: "", session: "" };
            let found = self.chats.all.get(chat);
            found
                .map_or(Value::Null, |chat| super::wire::wire_events(base, chat, 0)["event"].take())
        };
        let chat = target.chat.as_deref().unwrap_or_default();
        if target.name == CallName::Chat {
            trouble.bend(&mut answer["chat"]["events"], &all(chat));
        } else if target.name == CallName::Events {
            trouble.bend(&mut answer["events"], &all(chat));
        } else if target.name == CallName::Chats {
            for chat in answer["chats"]["chat"].as_array_mut().into_iter().flatten() {
                let id = chat["info"]["chatSessionKey"].as_str().unwrap_or_default().to_owned();
                trouble.bend(&mut chat["events"], &all(&id));
            }
        }
    }
}

/// Whether a call only looks.
fn is_read(name: CallName) -> bool {
    matches!(
        name,
        CallName::Session
            | CallName::ChatSessions
            | CallName::Availability
            | CallName::Info
            | CallName::Agents
            | CallName::Slots
            | CallName::Ring
            | CallName::Chats
            | CallName::Chat
            | CallName::Events
            | CallName::ChatInfo
            | CallName::VisitorName
            | CallName::VisitorTyping
            | CallName::AgentTyping
            | CallName::Targets
            | CallName::Survey
    )
}
