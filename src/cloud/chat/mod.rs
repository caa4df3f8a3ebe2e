//! Live chat: the Chat Agent API, by asking again and again.
//!
//! ```text
//! answers  -> wire -> events, talk, rings -> cloud::Event
//! requests <- wire <- lines, transfer     <- conversation::Call
//! ```
//!
//! `agent` is one agent session, which a [`crate::cloud::session`] keeps up: nothing is told by the server, so it asks
//! for rings, for its own state and for each chat (`pace` says how often). `carrier` is the only part that awaits; `look`
//! starts one just to see whether it can.
//!
//! To a conversation a chat is a dialog like any other: its events are the sequences, and its history is the journal. A
//! line carries no mark, so position and text decide what has been answered.

mod agent;
mod carrier;
mod events;
mod lines;
mod look;
mod pace;
mod rings;
mod talk;
mod text;
mod transfer;
mod wire;

pub(super) use carrier::Requests;
pub(super) use look::look;

/// For those who lead a session by hand.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod led {
    pub(crate) use super::{
        agent::AgentSession,
        wire::{Answer, Request, Response},
    };
}
