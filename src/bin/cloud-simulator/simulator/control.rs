//! The control API: everything that people and tests do to the simulated world, as described in `docs/simulator.md`.

use super::Simulator;
use super::acts::{Done, Scope};
use super::agent::Availability;
use super::bodies::{
    Assign, Begin, Click, Close, CloseFor, CloseSockets, Crowd, Evict, Huge, Join, Limits, Move,
    Nothing, Raw, Reading, Rich, Say, SendFile, SetBot, SetState, StepUp, Stray, Structured, To,
    Typing,
};
use super::chat;
use super::conversation::Audience;
use super::faults::{Fault, Rule};
use super::http::{Body, json};
use super::options::AgentOptions;
use super::world::{Start, World};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Why a call is refused: status and text.
type Refusal = (u16, String);
/// The status and the body of an answer.
pub(super) type Outcome = Result<(u16, Value), Refusal>;

/// Answers a call; `path` is what follows `/simulator/`.
pub(super) fn answer(
    simulator: &Simulator,
    method: &Method,
    path: &[&str],
    query: &str,
    body: &[u8],
) -> Response<Body> {
    let outcome = match *method {
        Method::GET => look(simulator, path, query),
        Method::POST => parse_object(body).and_then(|body| act(simulator, path, body)),
        Method::DELETE => delete(simulator, path),
        _ => Err((405, format!("{method} is not possible"))),
    };
    match outcome {
        Ok((status, body)) => json(status, &body),
        Err((status, error)) => json(status, &json!({ "error": error })),
    }
}

fn look(simulator: &Simulator, path: &[&str], query: &str) -> Outcome {
    let asked = |key: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == key).map(|(_, value)| value.to_owned())
    };
    let found = match path {
        ["state"] => simulator.view(),
        ["conversations", id] => simulator.read(|world| {
            world.conversation(id).map(|one| world.view_conversation(one)).map_err(not_found)
        })?,
        ["queue"] => {
            let skill = asked("skill");
            json!({ "queue": simulator.read(|world| world.view_queue(skill.as_deref())) })
        }
        ["requests"] => {
            let (agent, name) = (asked("agent"), asked("type"));
            let requests: Vec<Value> = simulator.read(|world| {
                let all = world.requests.iter();
                all.filter(|one| agent.as_ref().is_none_or(|agent| one.agent == *agent))
                    .filter(|one| name.as_ref().is_none_or(|name| one.name() == name))
                    .map(World::view_request)
                    .collect()
            });
            json!({ "requests": requests })
        }
        ["counts"] => simulator.read(World::view_counts),
        ["faults"] => json!({ "faults": simulator.read(World::view_faults) }),
        ["chats" | "chat", ..] => return chat::look(simulator, path, asked),
        _ => return Err(no_route(path)),
    };
    Ok((200, found))
}

fn delete(simulator: &Simulator, path: &[&str]) -> Outcome {
    match path {
        ["faults"] => simulator.clear_faults(),
        ["faults", id] => {
            let removed = id.parse().is_ok_and(|id| simulator.remove_fault(id));
            if !removed {
                return Err((404, format!("there is no fault {id}")));
            }
        }
        _ => return Err(no_route(path)),
    }
    Ok((200, json!({})))
}

fn act(simulator: &Simulator, path: &[&str], body: Map<String, Value>) -> Outcome {
    match path {
        ["conversations"] => begin(simulator, body),
        ["conversations", id, "consumer", verb] => consumer(simulator, id, verb, body),
        ["conversations", id, "agent", verb] => agent(simulator, id, verb, body),
        ["conversations", id, "close"] => {
            let CloseFor { reason } = read(body)?;
            on_conversation(simulator, id, |world| world.service_closes(id, &reason))
        }
        ["conversations", id, "assign"] => {
            let Assign { agent } = read(body)?;
            on_conversation(simulator, id, |world| world.supervisor_assigns(&agent, id))
        }
        ["conversations", id, "skill"] => {
            let Move { skill } = read(body)?;
            on_conversation(simulator, id, |world| world.supervisor_moves(id, &skill))
        }
        ["crowd"] => crowd(simulator, body),
        ["agents"] => {
            let account = body.get("account").and_then(Value::as_str).map(str::to_owned);
            let given: AgentOptions = read(without(body, &["account"]))?;
            let added = simulator.act(|world| {
                let first = world.options.accounts.first().map(|one| one.id.clone());
                let account = account
                    .or(first)
                    .filter(|id| world.has_account(id))
                    .ok_or("there is no such account")?;
                if world.agent(&given.login_name).is_ok() {
                    return Err(format!("there is an agent {} already", given.login_name));
                }
                let id = world.add_agent(&account, &given);
                Ok(world.view_agent(&world.agents[&id]))
            });
            Ok((201, json!({ "agent": added.map_err(bad)? })))
        }
        ["chats" | "chat", ..] => chat::act(simulator, path, body),
        ["agents", name, verb] => supervise(simulator, name, verb, body),
        ["faults"] => {
            let id = simulator.inject(rule(body)?);
            Ok((201, json!({ "id": id })))
        }
        ["sockets", verb] => sockets(simulator, verb, body),
        ["bot"] => {
            let SetBot { mode } = read(body)?;
            simulator.set_bot_mode(mode).map_err(bad)?;
            Ok((200, json!({ "mode": mode })))
        }
        ["reset"] => {
            simulator.act(World::reset);
            Ok((200, json!({})))
        }
        _ => Err(no_route(path)),
    }
}

fn begin(simulator: &Simulator, body: Map<String, Value>) -> Outcome {
    let begin: Begin = read(body)?;
    let view = simulator.act(|world| {
        let id = world.begin(begin.into_start())?;
        world.settle();
        Ok::<_, String>(world.view_conversation(world.conversation(&id)?))
    });
    Ok((201, json!({ "conversation": view.map_err(bad)? })))
}

fn crowd(simulator: &Simulator, body: Map<String, Value>) -> Outcome {
    let crowd: Crowd = read(body)?;
    if crowd.count > 100_000 {
        return Err((400, format!("count {} is more than 100000", crowd.count)));
    }
    let start = Start { skill: crowd.skill, text: crowd.text, ..Start::default() };
    let ids = simulator.crowd(crowd.count, crowd.agent.as_deref(), &start).map_err(bad)?;
    Ok((201, json!({ "conversations": ids })))
}

fn consumer(simulator: &Simulator, id: &str, verb: &str, body: Map<String, Value>) -> Outcome {
    match verb {
        "say" => {
            let Say { text, metadata } = read(body)?;
            on_conversation(simulator, id, |world| world.consumer_says(id, &text, metadata))
        }
        "click" => {
            let Click { sequence, button } = read(body)?;
            let mut actions = Value::Null;
            let (status, mut answer) = on_conversation(simulator, id, |world| {
                let clicked = world.consumer_clicks(id, sequence, &button)?;
                actions = clicked.actions;
                Ok(clicked.said.or(clicked.action))
            })?;
            answer["actions"] = actions;
            Ok((status, answer))
        }
        "file" => {
            let SendFile { caption, file_type, base64 } = read(body)?;
            let bytes = STANDARD.decode(base64).map_err(|why| (400, format!("base64: {why}")))?;
            on_conversation(simulator, id, |world| {
                world.consumer_sends_file(id, &caption, &file_type, bytes)
            })
        }
        "rich" => {
            let Rich { content, metadata } = read(body)?;
            on_conversation(simulator, id, |world| {
                world.consumer_sends_rich(id, &content, metadata)
            })
        }
        "typing" => {
            let Typing { state } = read(body)?;
            on_conversation(simulator, id, |world| world.consumer_types(id, &state))
        }
        "read" => {
            let Reading { sequences } = read(body)?;
            on_conversation(simulator, id, |world| world.consumer_reads(id, "READ", sequences))
        }
        "step-up" => {
            let StepUp { consumer } = read(body)?;
            on_conversation(simulator, id, |world| {
                world.consumer_steps_up(id, consumer).map(|_| None)
            })
        }
        "leave" | "return" => {
            let Nothing {} = read(body)?;
            on_conversation(simulator, id, |world| world.consumer_is_present(id, verb == "return"))
        }
        "close" => {
            let Close { scope } = read(body)?;
            on_conversation(simulator, id, |world| {
                world.consumer_closes(id, scope.unwrap_or(Scope::Conversation))
            })
        }
        _ => Err((404, format!("a consumer cannot \"{verb}\""))),
    }
}

fn agent(simulator: &Simulator, id: &str, verb: &str, mut body: Map<String, Value>) -> Outcome {
    let name = who_acts(simulator, &mut body)?;
    let name = name.as_str();
    match verb {
        "take" => {
            let Nothing {} = read(body)?;
            on_conversation(simulator, id, |world| world.agent_takes(name, id))
        }
        "say" => {
            let Say { text, metadata: _ } = read(body)?;
            on_conversation(simulator, id, |world| world.agent_says(name, id, &text))
        }
        "note" => {
            let Say { text, metadata: _ } = read(body)?;
            on_conversation(simulator, id, |world| world.agent_notes(name, id, &text))
        }
        "structured" => {
            let Structured { content, quick_replies, metadata } = read(body)?;
            let mut event = json!({ "type": "RichContentEvent", "content": content });
            if let Some(replies) = quick_replies {
                event["quickReplies"] = replies;
            }
            on_conversation(simulator, id, |world| {
                world.agent_publishes(name, id, &event, &json!(metadata), Audience::All)
            })
        }
        "typing" => {
            let Typing { state } = read(body)?;
            on_conversation(simulator, id, |world| world.agent_types(name, id, &state))
        }
        "read" => {
            let Nothing {} = read(body)?;
            on_conversation(simulator, id, |world| world.agent_reads(name, id))
        }
        "return" => {
            let Nothing {} = read(body)?;
            on_conversation(simulator, id, |world| world.agent_returns(name, id))
        }
        "transfer" => {
            let To { skill, to_agent, reason } = read(body)?;
            on_conversation(simulator, id, |world| {
                world.agent_transfers(
                    name,
                    id,
                    skill.as_deref(),
                    to_agent.as_deref(),
                    reason.as_deref(),
                )
            })
        }
        "close" => {
            let Close { scope } = read(body)?;
            on_conversation(simulator, id, |world| {
                world.agent_closes(name, id, scope.unwrap_or(Scope::Dialog))
            })
        }
        "join" => {
            let Join { role } = read(body)?;
            on_conversation(simulator, id, |world| world.agent_joins(name, id, &role))
        }
        "leave" => {
            let Nothing {} = read(body)?;
            on_conversation(simulator, id, |world| world.agent_leaves(name, id))
        }
        _ => Err((404, format!("an agent cannot \"{verb}\""))),
    }
}

fn supervise(simulator: &Simulator, name: &str, verb: &str, body: Map<String, Value>) -> Outcome {
    if let Err(text) = simulator.read(|world| world.agent(name).map(|_| ())) {
        return Err(not_found(text));
    }
    match verb {
        "state" => {
            let SetState { availability } = read(body)?;
            let parsed = Availability::parse(&availability);
            let parsed = parsed
                .ok_or_else(|| (400, format!("there is no availability \"{availability}\"")))?;
            simulator.act(|world| world.supervisor_sets(name, parsed)).map_err(bad)?;
        }
        "limits" => {
            let Limits { capacity, enabled, blocked } = read(body)?;
            simulator
                .act(|world| world.limit_agent(name, capacity, enabled, blocked))
                .map_err(bad)?;
        }
        "chat" => chat::supervise(simulator, name, body)?,
        "evict" => {
            let Evict { code } = read(body)?;
            simulator.act(|world| world.evict(name, code)).map_err(bad)?;
        }
        _ => {
            return Err((404, format!("there is nothing to \"{verb}\" about an agent")));
        }
    }
    let view = simulator
        .read(|world| world.agent(name).map(|agent| world.view_agent(agent)))
        .map_err(not_found)?;
    Ok((200, json!({ "agent": view })))
}

fn sockets(simulator: &Simulator, verb: &str, mut body: Map<String, Value>) -> Outcome {
    let named = body.remove("agent");
    let agent = named.as_ref().and_then(Value::as_str);
    let count = match verb {
        "close" => {
            let CloseSockets { code, reason } = read(body)?;
            simulator.close_sockets(agent, code, &reason)
        }
        "blackhole" => {
            let Nothing {} = read(body)?;
            simulator.black_hole(agent)
        }
        "send" => {
            let Raw { text } = read(body)?;
            simulator.send_raw(agent, &text)
        }
        "huge" => {
            let Huge { bytes } = read(body)?;
            if bytes > 256 * 1024 * 1024 {
                return Err((400, format!("{bytes} bytes are more than this process should hold")));
            }
            let frame = json!({
                "kind": "notification", "type": ".ams.future.HugeNotification", "body": { "padding": "x".repeat(bytes) },
            });
            simulator.send_raw(agent, &frame.to_string())
        }
        "stray" => {
            let Stray { what } = read(body)?;
            simulator.send_stray(agent, &what).map_err(bad)?
        }
        _ => return Err((404, format!("there is nothing to \"{verb}\" about sockets"))),
    };
    Ok((200, json!({ "sockets": count })))
}

/// Carries out an act on a conversation and shows the conversation after it.
fn on_conversation(
    simulator: &Simulator,
    id: &str,
    work: impl FnOnce(&mut World) -> Done,
) -> Outcome {
    if let Err(text) = simulator.read(|world| world.conversation(id).map(|_| ())) {
        return Err(not_found(text));
    }
    let sequence = simulator.act(work).map_err(bad)?;
    let view =
        simulator.read(|world| world.conversation(id).map(|one| world.view_conversation(one)));
    Ok((200, json!({ "conversation": view.map_err(not_found)?, "sequence": sequence })))
}

fn rule(mut body: Map<String, Value>) -> Result<Rule, Refusal> {
    let agent = body.remove("agent").and_then(|agent| agent.as_str().map(str::to_owned));
    let count = body.remove("count").map(|count| {
        let number = count.as_u64().and_then(|count| u32::try_from(count).ok());
        number
            .filter(|count| *count > 0)
            .ok_or_else(|| (400, format!("count {count} is not a positive number")))
    });
    let fault: Fault = read(body)?;
    Ok(Rule { agent, left: count.transpose()?, ..Rule::from(fault) })
}

fn parse_object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body)
        .map_err(|why| (400, format!("the body is not a JSON object: {why}")))
}

/// The login name of the agent that an act names, or of the first human one.
pub(super) fn who_acts(
    simulator: &Simulator,
    body: &mut Map<String, Value>,
) -> Result<String, Refusal> {
    let named = body.remove("agent");
    let named = named.as_ref().and_then(Value::as_str).map(str::to_owned);
    let first = || {
        simulator.read(|world| {
            world.agents.values().find(|one| one.human).map(|one| one.login_name.clone())
        })
    };
    named.or_else(first).ok_or_else(|| (400, "there is no human agent".to_owned()))
}

pub(super) fn read<T: DeserializeOwned>(body: Map<String, Value>) -> Result<T, Refusal> {
    serde_json::from_value(Value::Object(body)).map_err(|why| (400, why.to_string()))
}

fn without(mut body: Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    keys.iter().for_each(|key| {
        body.remove(*key);
    });
    body
}

pub(super) fn bad(text: String) -> Refusal {
    (400, text)
}

pub(super) fn not_found(text: String) -> Refusal {
    (404, text)
}

pub(super) fn no_route(path: &[&str]) -> Refusal {
    (404, format!("there is no route /simulator/{}", path.join("/")))
}
