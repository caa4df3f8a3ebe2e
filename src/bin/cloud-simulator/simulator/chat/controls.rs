//! The control API of chat: what is below `/simulator/chats`, `/simulator/chat` and `/simulator/agents/{agent}/chat`.

use super::super::acts::Done;
use super::super::consumer::Button;
use super::super::control::{Outcome, bad, no_route, not_found, read, who_acts};
use super::view::view_chat_call;
use super::{CallName, ChatAvailability, ChatStart, Simulator, World};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// `GET`; `path` is what follows `/simulator/`.
pub(in super::super) fn look(
    simulator: &Simulator,
    path: &[&str],
    asked: impl Fn(&str) -> Option<String>,
) -> Outcome {
    let found = match path {
        ["chats"] => json!({ "chats": simulator.read(World::view_chats) }),
        ["chats", id] => simulator
            .read(|world| world.chat(id).map(|chat| world.view_chat(chat)))
            .map_err(not_found)?,
        ["chat", "breaches"] => json!({ "breaches": simulator.read(World::view_breaches) }),
        ["chat", "counts"] => simulator.read(World::view_chat_counts),
        ["chat", "calls"] => {
            let (agent, name) = (asked("agent"), asked("call"));
            let name: Option<CallName> = name
                .map(|name| serde_json::from_value(json!(name)))
                .transpose()
                .map_err(|why| (400, why.to_string()))?;
            let calls: Vec<Value> = simulator.read(|world| {
                let all = world.chats.calls.iter();
                all.filter(|one| agent.as_ref().is_none_or(|agent| one.agent == *agent))
                    .filter(|one| name.is_none_or(|name| one.name == name))
                    .map(view_chat_call)
                    .collect()
            });
            json!({ "calls": calls })
        }
        _ => return Err(no_route(path)),
    };
    Ok((200, found))
}

/// `POST`; `path` is what follows `/simulator/`.
pub(in super::super) fn act(
    simulator: &Simulator,
    path: &[&str],
    body: Map<String, Value>,
) -> Outcome {
    match path {
        ["chats"] => {
            let begin: Begin = read(body)?;
            let view = simulator.act(|world| {
                let id = world.start_chat(begin.into_start())?;
                world.settle();
                Ok::<_, String>(world.view_chat(world.chat(&id)?))
            });
            Ok((201, json!({ "chat": view.map_err(bad)? })))
        }
        ["chats", id, "visitor", verb] => visitor(simulator, id, verb, body),
        ["chats", id, "agent", verb] => agent(simulator, id, verb, body),
        ["chat", "crowd"] => {
            let Crowd { count, skill, lines } = read(body)?;
            if count > 10_000 {
                return Err((400, format!("count {count} is more than 10000")));
            }
            let start = ChatStart { skill, lines, ..ChatStart::default() };
            let ids: Result<Vec<String>, String> = simulator
                .act(|world| (0..count).map(|_| world.start_chat(start.clone())).collect());
            Ok((201, json!({ "chats": ids.map_err(bad)? })))
        }
        ["chat", "breaches", "forget"] => {
            simulator.act(|world| world.chats.breaches.clear());
            Ok((200, json!({})))
        }
        _ => Err(no_route(path)),
    }
}

/// `POST /simulator/agents/{agent}/chat`.
pub(in super::super) fn supervise(
    simulator: &Simulator,
    name: &str,
    body: Map<String, Value>,
) -> Result<(), (u16, String)> {
    let Supervise { availability, end_session } = read(body)?;
    if let Some(wanted) = availability {
        simulator.act(|world| world.set_agent_in_chat(name, wanted)).map_err(bad)?;
    }
    if end_session {
        simulator.act(|world| world.end_chat_session(name)).map_err(bad)?;
    }
    Ok(())
}

fn visitor(simulator: &Simulator, id: &str, verb: &str, body: Map<String, Value>) -> Outcome {
    match verb {
        "say" => {
            let Say { text, html } = read(body)?;
            on_chat(simulator, id, |world| match html {
                true => world.visitor_says_html(id, &text),
                false => world.visitor_says(id, &text),
            })
        }
        "click" => {
            let Click { event, button } = read(body)?;
            let mut actions = Value::Null;
            let (status, mut answer) = on_chat(simulator, id, |world| {
                let (said, all) = world.visitor_clicks(id, event, &button)?;
                actions = all;
                Ok(said)
            })?;
            answer["actions"] = actions;
            Ok((status, answer))
        }
        "typing" => {
            let Typing { typing } = read(body)?;
            on_chat(simulator, id, |world| world.visitor_types(id, typing))
        }
        "leave" => {
            let Nothing {} = read(body)?;
            on_chat(simulator, id, |world| world.visitor_leaves(id))
        }
        "end" => {
            let Nothing {} = read(body)?;
            on_chat(simulator, id, |world| world.visitor_ends(id))
        }
        _ => Err((404, format!("a visitor cannot \"{verb}\""))),
    }
}

fn agent(simulator: &Simulator, id: &str, verb: &str, mut body: Map<String, Value>) -> Outcome {
    let name = who_acts(simulator, &mut body)?;
    let name = name.as_str();
    match verb {
        "take" => {
            let Nothing {} = read(body)?;
            on_chat(simulator, id, |world| world.agent_takes_chat(name, id))
        }
        "say" | "note" => {
            let Text { text } = read(body)?;
            on_chat(simulator, id, |world| {
                world.agent_says_in_chat(name, id, &text, verb == "note")
            })
        }
        "typing" => {
            let Typing { typing } = read(body)?;
            on_chat(simulator, id, |world| world.agent_types_in_chat(name, id, typing))
        }
        "transfer" => {
            let To { skill, to_agent, text } = read(body)?;
            on_chat(simulator, id, |world| {
                let (skill, to_agent) = (skill.as_deref(), to_agent.as_deref());
                world.agent_transfers_chat(name, id, skill, to_agent, text.as_deref())
            })
        }
        "end" => {
            let Nothing {} = read(body)?;
            on_chat(simulator, id, |world| world.agent_ends_chat(name, id))
        }
        _ => Err((404, format!("an agent cannot \"{verb}\" in a chat"))),
    }
}

/// Carries out an act on a chat and shows the chat after it.
fn on_chat(simulator: &Simulator, id: &str, work: impl FnOnce(&mut World) -> Done) -> Outcome {
    if let Err(text) = simulator.read(|world| world.chat(id).map(|_| ())) {
        return Err(not_found(text));
    }
    let event = simulator.act(work).map_err(bad)?;
    let view = simulator.read(|world| world.chat(id).map(|chat| world.view_chat(chat)));
    Ok((200, json!({ "chat": view.map_err(not_found)?, "event": event })))
}

impl Begin {
    /// The start that is meant.
    fn into_start(self) -> ChatStart {
        let who = self.visitor.unwrap_or_default();
        ChatStart {
            account: self.account,
            skill: self.skill,
            name: who.name,
            language: who.language,
            participant: who.participant_id,
            lines: self.lines,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    account: Option<String>,
    skill: Option<String>,
    visitor: Option<Who>,
    #[serde(default)]
    lines: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Crowd {
    count: usize,
    skill: Option<String>,
    #[serde(default)]
    lines: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Who {
    name: Option<String>,
    language: Option<String>,
    participant_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Say {
    text: String,
    #[serde(default)]
    html: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Click {
    event: u64,
    button: Button,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typing {
    typing: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct To {
    skill: Option<String>,
    to_agent: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Supervise {
    availability: Option<ChatAvailability>,
    #[serde(default)]
    end_session: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}
