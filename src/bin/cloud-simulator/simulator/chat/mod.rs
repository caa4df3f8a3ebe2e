//! Live chat: the Chat Agent API, its visitors, and the agents who serve it beside (or instead of) messaging.
//!
//! ```text
//!   http ── server ── trouble ── answers ─┬─ session, routing, timers ─┐
//!                                         ├─ talking, transfer         │
//!                                         ├─ resources                 ├── model   (pure; everything happens at `now`)
//!   control ── controls ──────────────────┼─ visitor, by_hand          │
//!   tests ── hands ───────────────────────┴─ strictness ───────────────┘
//!   wire, dialect, view: what it looks like outside
//! ```
//!
//! Accounts, skills, agents, log-ins, faults and the clock are the world's; this module adds what is chat alone.

mod answers;
mod by_hand;
mod calls;
mod controls;
mod dialect;
mod hands;
mod model;
mod options;
mod resources;
mod routing;
mod server;
mod session;
mod strictness;
mod talking;
mod timers;
mod transfer;
mod trouble;
mod view;
mod visitor;
mod wire;

pub(super) use controls::{act, look, supervise};
pub(super) use server::{Dropped, answer, around};

#[expect(unused_imports, reason = "the names that includers may want")]
pub(crate) use {
    calls::CallName,
    hands::VisitorHand,
    model::{
        Chat, ChatEnd, ChatEvent, ChatRing, ChatState, Happening, Line, Owner, Source, Visitor,
    },
    options::{ChatOptions, Dialect, NothingRings, SystemTexts},
    session::{AgentSession, ChatAvailability},
    strictness::{Breach, Broken},
    trouble::Trouble,
    visitor::ChatStart,
};

use super::Simulator;
use super::clock::Millis;
use super::world::{Part, World};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// How many requests are remembered.
const REMEMBERED: usize = 5_000;

/// The chat side of the world.
#[derive(Debug, Default)]
pub(crate) struct Chats {
    pub(crate) all: BTreeMap<String, Chat>,
    /// Chat ids, oldest first.
    pub(crate) order: Vec<String>,
    /// The ids of those that are not over, oldest first.
    open: Vec<String>,
    /// Agent session id to session.
    pub(crate) sessions: BTreeMap<String, AgentSession>,
    /// Rules of the protocol that a client has broken, oldest first.
    pub(crate) breaches: Vec<Breach>,
    /// How often each call came, whatever became of it.
    pub(crate) counts: BTreeMap<CallName, u64>,
    /// The last requests, oldest first.
    pub(crate) calls: VecDeque<ChatCall>,
    /// How often an agent was set Away because a ring was not answered.
    pub(crate) forced_away: u64,
    /// Old agent id of a human agent to the state that was set by hand.
    by_hand: BTreeMap<String, ChatAvailability>,
    last_session: u64,
    last_call: u64,
    offers: u64,
    /// Chat id to the lines, ends and transfers that are under way.
    posting: BTreeMap<String, strictness::Posts>,
}

/// A request to the Chat Agent API.
#[derive(Clone, Debug)]
pub(crate) struct ChatCall {
    pub(crate) number: u64,
    pub(crate) time: Millis,
    /// Log-in name; empty if the bearer is nobody's.
    pub(crate) agent: String,
    pub(crate) name: CallName,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
    /// `None` if no answer was sent.
    pub(crate) answered: Option<u16>,
}

impl World {
    /// The chat with this id.
    pub(crate) fn chat(&self, id: &str) -> Result<&Chat, String> {
        self.chats.all.get(id).ok_or_else(|| format!("there is no chat \"{id}\""))
    }

    /// Remembers that a chat has changed.
    fn touch_chat(&mut self, id: &str) {
        self.parts.insert(Part::Chat(id.to_owned()));
        self.parts.insert(Part::Agents);
    }

    /// Chats that are not over, oldest first.
    fn open_chats(&self) -> impl Iterator<Item = &Chat> {
        self.chats.open.iter().map(|id| &self.chats.all[id])
    }

    /// Chats that this agent has now.
    pub(crate) fn chats_of<'a>(&'a self, agent: &'a str) -> impl Iterator<Item = &'a Chat> {
        self.open_chats()
            .filter(move |chat| chat.owner.as_ref().is_some_and(|owner| owner.agent == agent))
    }

    /// Forgets all chats; agent sessions stay.
    pub(super) fn reset_chats(&mut self) {
        let now = self.now;
        let open: Vec<String> = self.open_chats().map(|chat| chat.id.clone()).collect();
        for id in open {
            self.end_chat(&id, ChatEnd::Reset);
        }
        self.chats.all.clear();
        self.chats.order.clear();
        self.chats.breaches.clear();
        self.chats.calls.clear();
        self.chats.counts.clear();
        self.chats.sessions.values_mut().for_each(|session| session.start_afresh(now));
    }
}
