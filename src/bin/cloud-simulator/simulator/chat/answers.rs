//! Pure: what each call of the Chat Agent API does and answers.

use super::super::session::Reply;
use super::calls::{CallName, Target};
use super::session::ChatAvailability;
use super::wire::{self, Base};
use super::{Chat, ChatState, World, resources};
use serde_json::{Value, json};

/// A request whose bearer is an agent's.
pub(super) struct Request<'a> {
    /// Old agent id.
    pub(super) agent: &'a str,
    pub(super) account: &'a str,
    pub(super) target: &'a Target,
    pub(super) query: &'a str,
    /// `None` if it is no JSON.
    pub(super) body: Option<&'a Value>,
    /// Scheme and host of links.
    pub(super) origin: &'a str,
}

/// The status and the text of a refusal, or the answer.
pub(super) type Answer = Result<(u16, Value), (u16, String)>;

/// An error of the agents' calls.
pub(super) fn refusal(status: u16, text: &str) -> Reply {
    if status == 401 {
        return Reply::error(401, text, 30);
    }
    let error = json!({ "time": "Nov 14, 2023 10:13:20 PM", "message": text, "internalCode": 31 });
    Reply { status, body: json!({ "error": error }), cookie: None }
}

impl World {
    /// Answers a call of an agent; list and number spelling is the dialect's.
    pub(super) fn answer_chat(&mut self, request: &Request<'_>) -> Reply {
        let target = request.target;
        let mut cookie = None;
        let answer = if target.name == CallName::StartSession {
            if self.options.chat.session_cookie {
                cookie = Some(format!("agent_session={}", self.ids.hex(8)));
            }
            self.start_session(request)
        } else if self.is_session_of(&target.session, request.agent) {
            self.note_request(target);
            self.carry_out(request)
        } else {
            Err((404, format!("there is no agent session {}", target.session)))
        };
        match answer {
            Ok((status, body)) => Reply { status, body, cookie },
            // A transfer is refused in a form of its own.
            Err((status, text)) if target.name == CallName::Transfer && status == 400 => {
                Reply { status, body: json!({ "transfer": { "errormsg": text } }), cookie: None }
            }
            Err((status, text)) => refusal(status, &text),
        }
    }

    fn start_session(&mut self, request: &Request<'_>) -> Answer {
        if body(request)?.get("loginData").is_none() {
            return Err((400, "loginData is required".into()));
        }
        let id = self.start_agent_session(request.agent);
        let base = Base { origin: request.origin, account: request.account, session: &id };
        let link = wire::one_link(&base.session(""), "location");
        Ok((201, json!({ "agentSessionLocation": { "link": link } })))
    }

    fn is_session_of(&self, session: &str, agent: &str) -> bool {
        self.chats.sessions.get(session).is_some_and(|one| one.agent == agent)
    }

    /// A request keeps its agent session alive, and the chat that it is about.
    fn note_request(&mut self, target: &Target) {
        let now = self.now;
        if let Some(session) = self.chats.sessions.get_mut(&target.session) {
            session.last_request = now;
        }
        if let Some(chat) = target.chat.as_ref().and_then(|chat| self.chats.all.get_mut(chat))
            && chat.is_with(&target.session)
            && !chat.is_over()
        {
            chat.last_request = now;
        }
    }

    fn carry_out(&mut self, request: &Request<'_>) -> Answer {
        let target = request.target;
        let base =
            Base { origin: request.origin, account: request.account, session: &target.session };
        match target.name {
            CallName::Session => Ok((200, resources::session_resource(base))),
            CallName::EndSession => {
                self.end_agent_session(&target.session);
                Ok((200, Value::Null))
            }
            CallName::ChatSessions => Ok((200, self.chat_sessions(base))),
            CallName::Availability => {
                Ok((200, json!({ "availability": self.availability_of(target) })))
            }
            CallName::SetAvailability => self.set_availability_by(request),
            CallName::Info => self.agent_info(base),
            CallName::Agents => Ok((200, self.agents_list(base, request.query))),
            CallName::Slots => Ok((200, json!({ "availableSlots": 1 }))),
            CallName::Ring => Ok((200, self.ring_count(base))),
            CallName::Accept => {
                if !request.body.is_some_and(Value::is_object) {
                    return Err((400, "the body is not a JSON object".into()));
                }
                let id = self.accept_chat(&target.session);
                let id = id.ok_or_else(|| (404, "nothing rings".to_owned()))?;
                let link = wire::one_link(&base.chat(&id, ""), "location");
                Ok((201, json!({ "chatLocation": { "link": link } })))
            }
            CallName::Chats => Ok((200, self.several_chats(base, request.query))),
            CallName::Participant => self.participant(&target.item),
            CallName::Visit => Ok((200, resources::visit(base, &target.item))),
            CallName::Variables => Ok((200, resources::variables(base, &target.item))),
            CallName::Chat => self.reads(
                request,
                |world, chat, from| json!({ "chat": world.wire_chat(base, chat, from) }),
            ),
            CallName::Events => self.reads(
                request,
                |_, chat, from| json!({ "events": wire::wire_events(base, chat, from) }),
            ),
            CallName::ChatInfo => {
                self.reads(request, |world, chat, _| json!({ "info": world.wire_info(base, chat) }))
            }
            CallName::VisitorName => {
                self.reads(request, |_, chat, _| json!({ "visitorName": chat.visitor.name }))
            }
            CallName::VisitorTyping => self.reads(
                request,
                |_, chat, _| json!({ "visitorTyping": wire::typing(chat.visitor_typing) }),
            ),
            CallName::AgentTyping => self.reads(
                request,
                |_, chat, _| json!({ "agentTyping": wire::typing(chat.agent_typing) }),
            ),
            CallName::Targets => self.reads(
                request,
                |world, chat, _| json!({ "transfer": { "skill": world.transfer_targets(chat) } }),
            ),
            CallName::Survey => self.reads(request, |_, _, _| resources::survey()),
            CallName::Line => self.acts(request, |world, id, given| {
                let event = world.agent_posts_line(request.agent, id, &given["event"])?;
                Ok((201, event_location(base, id, event)))
            }),
            CallName::End => self.acts(request, |world, id, given| {
                let event = world.agent_posts_state(id, &given["event"])?;
                Ok((201, event_location(base, id, event)))
            }),
            CallName::SetTyping => self.acts(request, |world, id, given| {
                world.agent_posts_typing(id, given).map(|()| (200, Value::Null))
            }),
            CallName::Transfer => self.acts(request, |world, id, given| {
                let transfer = &given["transfer"];
                world.agent_posts_transfer(request.agent, id, transfer)?;
                Ok((200, Value::Null))
            }),
            CallName::SetSurvey => self.acts(request, |world, id, given| {
                if let Some(chat) = world.chats.all.get_mut(id) {
                    chat.survey = given.clone();
                }
                Ok((200, Value::Null))
            }),
            CallName::Domains
            | CallName::Login
            | CallName::Refresh
            | CallName::Logout
            | CallName::StartSession => Err((404, "this is not a call of an agent session".into())),
        }
    }

    /// Answers with something of a chat that the session may read; `look` gets the chat and the first event wanted.
    fn reads(
        &self,
        request: &Request<'_>,
        look: impl FnOnce(&Self, &Chat, u64) -> Value,
    ) -> Answer {
        let chat = self.readable(request.target)?;
        let from = query(request.query, "from").and_then(|from| from.parse().ok()).unwrap_or(0);
        Ok((200, look(self, chat, from)))
    }

    /// Acts in a chat that the session has; `act` gets the chat's id and the body.
    fn acts(
        &mut self,
        request: &Request<'_>,
        act: impl FnOnce(&mut Self, &str, &Value) -> Answer,
    ) -> Answer {
        let id = self.writable(request.target)?.id.clone();
        act(self, &id, body(request)?)
    }

    /// The chat, for the agent session that has it, or had it until a moment ago.
    fn readable(&self, target: &Target) -> Result<&Chat, (u16, String)> {
        let chat = self.named(target)?;
        self.may_read(chat, &target.session).then_some(chat).ok_or_else(|| unknown(target))
    }

    fn may_read(&self, chat: &Chat, by: &str) -> bool {
        let reader = chat.reader.as_ref();
        let just_gone = reader.is_some_and(|(session, until)| session == by && self.now < *until);
        chat.is_with(by) || just_gone
    }

    /// The chat, for the agent session that has it.
    fn writable(&self, target: &Target) -> Result<&Chat, (u16, String)> {
        let chat = self.named(target)?;
        if !chat.is_with(&target.session) {
            return Err(unknown(target));
        }
        match chat.state {
            ChatState::Chatting => Ok(chat),
            ChatState::Ended => Err((400, "the chat has ended".into())),
            ChatState::Waiting => Err(unknown(target)),
        }
    }

    fn named(&self, target: &Target) -> Result<&Chat, (u16, String)> {
        let id = target.chat.as_deref().unwrap_or_default();
        self.chats.all.get(id).ok_or_else(|| unknown(target))
    }

    fn chat_sessions(&self, base: Base<'_>) -> Value {
        let mine = self.open_chats().filter(|chat| chat.is_with(base.session));
        let sessions: Vec<Value> = mine
            .map(|chat| {
                json!({
                    "link": wire::one_link(&base.chat(&chat.id, ""), "chat-session"),
                    "chatSessionKey": chat.id,
                    "startTime": chat.started,
                })
            })
            .collect();
        json!({ "chatSessions": { "chatSession": sessions } })
    }

    fn availability_of(&self, target: &Target) -> Value {
        let state = self.chats.sessions.get(&target.session).map(|one| one.availability.word());
        json!({ "chat": state, "voice": "Offline" })
    }

    fn set_availability_by(&mut self, request: &Request<'_>) -> Answer {
        let given = &body(request)?["availability"];
        let wanted = given["chat"].as_str().and_then(ChatAvailability::parse);
        let wanted =
            wanted.ok_or_else(|| (400, format!("there is no availability {}", given["chat"])))?;
        let reason = given["chatReasonId"].as_str().map(str::to_owned);
        self.set_chat_availability(&request.target.session, wanted, reason);
        Ok((200, json!({ "availability": { "chat": wanted.word() } })))
    }

    fn ring_count(&self, base: Base<'_>) -> Value {
        let count = self.ringing_at(base.session).len();
        let mut ringing = json!({ "ringingCount": count.to_string() });
        if let (Some(members), true) = (ringing.as_object_mut(), count > 0) {
            let link = wire::one_link(&base.session("/incomingRequests"), "next");
            members.insert("link".into(), link);
        }
        json!({ "incomingRequests": ringing })
    }

    fn several_chats(&mut self, base: Base<'_>, asked: &str) -> Value {
        let now = self.now;
        let keys = query(asked, "chatSessionKeys").unwrap_or_default();
        let from = query(asked, "fromEventIds").unwrap_or_default();
        let mut from = from.split(',');
        let mut chats = Vec::new();
        for key in keys.split(',').filter(|key| !key.is_empty()) {
            let from = from.next().and_then(|from| from.parse().ok()).unwrap_or(0);
            let Some(chat) = self.chats.all.get(key).filter(|one| self.may_read(one, base.session))
            else {
                continue;
            };
            if chat.is_with(base.session)
                && !chat.is_over()
                && let Some(chat) = self.chats.all.get_mut(key)
            {
                chat.last_request = now;
            }
            chats.push(self.wire_chat(base, &self.chats.all[key], from));
        }
        json!({ "chats": { "chat": chats } })
    }
}

/// A value of a query, decoded.
pub(super) fn query(query: &str, key: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == key)?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let decoded = match (first, after) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: &u8| (*byte as char).to_digit(16).map(|digit| digit as u8);
                digit(high).zip(digit(low)).map(|(high, low)| (high * 16 + low, 2))
            }
            (b'+', _) => Some((b' ', 0)),
            _ => None,
        };
        let (byte, taken) = decoded.unwrap_or((*first, 0));
        bytes.push(byte);
        rest = &after[taken..];
    }
    String::from_utf8(bytes).ok()
}

fn body<'a>(request: &Request<'a>) -> Result<&'a Value, (u16, String)> {
    let given = request.body.filter(|body| body.is_object());
    given.ok_or_else(|| (400, "the body is not a JSON object".to_owned()))
}

fn unknown(target: &Target) -> (u16, String) {
    (404, format!("there is no chat {}", target.chat.as_deref().unwrap_or_default()))
}

fn event_location(base: Base<'_>, chat: &str, event: u64) -> Value {
    let link = wire::one_link(&base.chat(chat, &format!("/events/{event}")), "location");
    json!({ "chatEventLocation": { "link": link } })
}
