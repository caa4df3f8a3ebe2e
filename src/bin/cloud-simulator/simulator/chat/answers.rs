//! Pure: what each call of the Chat Agent API does and answers.

use super::super::session::Reply;
use super::calls::{CallName, Target};
use super::session::ChatAvailability;
use super::wire::{self, Base};
use super::{Chat, ChatState, World};
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
        if !body(request)?.get("loginData").is_some_and(|_| true) {
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
            CallName::Session => Ok((200, session_resource(base))),
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
                let id =
                    self.accept_chat(&target.session).ok_or((404, "nothing rings".to_owned()))?;
                let link = wire::one_link(&base.chat(&id, ""), "location");
                Ok((201, json!({ "chatLocation": { "link": link } })))
            }
            CallName::Chats => Ok((200, self.several_chats(base, request.query))),
            CallName::Participant => self.participant(&target.item),
            CallName::Visit => Ok((200, visit(base, &target.item))),
            CallName::Variables => Ok((200, variables(base, &target.item))),
            CallName::Chat
            | CallName::Events
            | CallName::ChatInfo
            | CallName::VisitorName
            | CallName::VisitorTyping
            | CallName::AgentTyping
            | CallName::Targets
            | CallName::Survey => self.read_chat(request, base),
            CallName::Line
            | CallName::End
            | CallName::SetTyping
            | CallName::Transfer
            | CallName::SetSurvey => self.act_in_chat(request, base),
            CallName::Domains
            | CallName::Login
            | CallName::Refresh
            | CallName::Logout
            | CallName::StartSession => Err((404, "this is not a call of an agent session".into())),
        }
    }

    fn read_chat(&self, request: &Request<'_>, base: Base<'_>) -> Answer {
        let target = request.target;
        let chat = self.readable(target)?;
        let from = query(request.query, "from").and_then(|from| from.parse().ok()).unwrap_or(0);
        let body = match target.name {
            CallName::Chat => json!({ "chat": self.wire_chat(base, chat, from) }),
            CallName::Events => json!({ "events": wire::wire_events(base, chat, from) }),
            CallName::ChatInfo => json!({ "info": self.wire_info(base, chat) }),
            CallName::VisitorName => json!({ "visitorName": chat.visitor.name }),
            CallName::VisitorTyping => {
                json!({ "visitorTyping": wire::typing(chat.visitor_typing) })
            }
            CallName::AgentTyping => json!({ "agentTyping": wire::typing(chat.agent_typing) }),
            CallName::Targets => json!({ "transfer": { "skill": self.transfer_targets(chat) } }),
            _ => survey(),
        };
        Ok((200, body))
    }

    fn act_in_chat(&mut self, request: &Request<'_>, base: Base<'_>) -> Answer {
        let target = request.target;
        let id = self.writable(target)?.id.clone();
        let given = body(request)?;
        match target.name {
            CallName::Line => {
                let event = self.agent_posts_line(request.agent, &id, &given["event"])?;
                Ok((201, event_location(base, &id, event)))
            }
            CallName::End => {
                let event = self.agent_posts_state(&id, &given["event"])?;
                Ok((201, event_location(base, &id, event)))
            }
            CallName::SetTyping => {
                self.agent_posts_typing(&id, given)?;
                Ok((200, Value::Null))
            }
            CallName::SetSurvey => {
                if let Some(chat) = self.chats.all.get_mut(&id) {
                    chat.survey = given.clone();
                }
                Ok((200, Value::Null))
            }
            _ => {
                self.agent_posts_transfer(request.agent, &id, &given["transfer"])?;
                Ok((200, Value::Null))
            }
        }
    }

    /// The chat, for the agent session that has it, or had it until a moment ago.
    fn readable(&self, target: &Target) -> Result<&Chat, (u16, String)> {
        let chat = self.named(target)?;
        let just_gone = chat
            .reader
            .as_ref()
            .is_some_and(|(session, until)| *session == target.session && self.now < *until);
        (chat.is_with(&target.session) || just_gone).then_some(chat).ok_or_else(|| unknown(target))
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

    fn agent_info(&self, base: Base<'_>) -> Answer {
        let session = self.chats.sessions.get(base.session);
        let session = session.ok_or((404, "there is no such agent session".to_owned()))?;
        let agent = &self.agents[&session.agent];
        let skills: Vec<Value> = agent
            .skills
            .iter()
            .filter_map(|id| self.skill(&agent.account, id))
            .map(|skill| json!({ "id": skill.id, "name": skill.name }))
            .collect();
        let mut info = json!({
            "link": wire::one_link(&base.session("/info"), "self"),
            "agentName": agent.name,
            "displayName": agent.name,
            "loginName": agent.login_name,
            "id": agent.user_id,
            "maxChats": agent.capacity.to_string(),
            "availability": { "chat": session.availability.word(), "voice": "Offline" },
            "skillsInfo": { "skillInfo": skills },
        });
        if let (Some(members), Some(reason)) = (info.as_object_mut(), &session.reason) {
            members.insert("chatReasonId".into(), json!(reason));
        }
        Ok((200, json!({ "info": info })))
    }

    fn agents_list(&self, base: Base<'_>, asked: &str) -> Value {
        let (skill, state) = (query(asked, "skill"), query(asked, "chatState"));
        let agents: Vec<Value> = self
            .agents
            .values()
            .filter(|agent| agent.account == base.account && agent.enabled)
            .filter(|agent| {
                let has = |name: &str| {
                    let mut skills =
                        agent.skills.iter().filter_map(|id| self.skill(base.account, id));
                    skills.any(|one| one.name == name)
                };
                skill.as_deref().is_none_or(has)
            })
            .filter(|agent| {
                let found = self.chat_availability(&agent.id).map_or("Offline", |one| one.word());
                state.as_deref().is_none_or(|state| state == found)
            })
            .map(|agent| {
                let digit = self.chat_availability(&agent.id).map_or("1", |one| one.digit());
                let chats = self.chats_of(&agent.id).count();
                let skills: Vec<&String> = agent.skills.iter().collect();
                let mut one = json!({
                    "@id": agent.user_id, "@chatState": digit, "@voiceState": "1",
                    "@maxChats": agent.capacity.to_string(),
                    "userName": agent.login_name, "nickname": agent.name,
                    "email": format!("{}@example.com", agent.login_name),
                    "privilegeGroup": "agents", "skills": { "skill": skills },
                });
                // Left out when it is nought.
                if let (Some(members), true) = (one.as_object_mut(), chats > 0) {
                    members.insert("chats".into(), json!(chats.to_string()));
                }
                one
            })
            .collect();
        let next = base.session(&format!("/availableAgents?timeStamp={}", self.now));
        json!({ "availableAgents": { "agents": { "agent": agents }, "link": wire::one_link(&next, "next") } })
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
            let Some(chat) = self.chats.all.get_mut(key).filter(|one| one.is_with(base.session))
            else {
                continue;
            };
            if !chat.is_over() {
                chat.last_request = now;
            }
            chats.push(self.wire_chat(base, &self.chats.all[key], from));
        }
        json!({ "chats": { "chat": chats } })
    }

    fn participant(&self, id: &str) -> Answer {
        let mut all = self.chats.all.values();
        let known = all.find(|chat| chat.visitor.participant.as_deref() == Some(id));
        let chat = known.ok_or_else(|| (404, format!("there is no participant {id}")))?;
        let info = json!({
            "isUserAuthenticated": true, "participantId": id, "customerId": format!("C-{id}"),
            "userName": chat.visitor.name, "customerType": "vip",
        });
        let person =
            json!({ "name": chat.visitor.name, "contacts": [{ "email": "ada@example.com" }] });
        Ok((
            200,
            json!({ "authenticatedParticipantInfo": info, "authenticatedPersonalInfo": person }),
        ))
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

fn session_resource(base: Base<'_>) -> Value {
    let parts = ["availability", "info", "incomingRequests", "availableAgents", "chatSessions"];
    let links: Vec<Value> =
        parts.iter().map(|part| wire::link(&base.session(&format!("/{part}")), part)).collect();
    json!({ "agentSessionId": { "link": links } })
}

fn visit(base: Base<'_>, id: &str) -> Value {
    let at = |below: &str| base.session(&format!("/visits/visit/{id}{below}"));
    json!({ "visitId": { "link": [
        wire::link(&at("/info"), "info"), wire::link(&at("/customVariables"), "custom-variables"),
    ] } })
}

fn variables(base: Base<'_>, id: &str) -> Value {
    let link =
        wire::one_link(&base.session(&format!("/visits/visit/{id}/customVariables")), "self");
    json!({ "customVariables": { "link": link, "customVariable": [{
        "@source": "PreChat", "@scope": "session", "name": "topic", "displayName": "Topic",
        "value": "refund", "time": "2023-11-14T17:13:20.000-05:00",
    }] } })
}

fn survey() -> Value {
    json!({ "survey": { "id": "40216", "title": "", "header": "How was it?", "questions": { "question": [{
        "id": "12786273", "order": "0", "logicId": "4", "mandatory": "true",
        "validationType": "alpha_numeric", "type": "Dropdown Box", "label": "Topic?",
        "entry": [{ "value": "A", "checked": "false" }, { "value": "B", "checked": "false" }],
    }] } } })
}
