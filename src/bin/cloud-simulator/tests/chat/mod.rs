//! The Chat Agent API from an agent's point of view.

mod client;
mod control;
mod dialects;
mod faults;
mod golden;
mod life;
mod losses;
mod strictness;
mod transfers;

use client::{Agent, after, line, many};

use super::simulator;
use crate::simulator::{ChatStart, Options, Simulator};

/// Of the default world.
const BOT_SKILL: &str = "1122334455";
const HUMAN_SKILL: &str = "4129463410";

/// A visitor of the bot's skill.
fn visitor() -> ChatStart {
    ChatStart::in_skill(BOT_SKILL)
}

/// A default world but for a choice of its chat side.
fn world_with(change: impl FnOnce(&mut crate::simulator::ChatOptions)) -> Simulator {
    let mut options = Options::fixed();
    change(&mut options.chat);
    Simulator::new(options)
}

/// An agent who chats with a visitor, and the chat.
async fn chatting(simulator: &Simulator) -> (Agent, String) {
    let agent = Agent::online(simulator, "support-bot").await;
    let chat = simulator.chat_starts(visitor()).unwrap();
    assert_eq!(agent.accepts().await, chat);
    (agent, chat)
}
