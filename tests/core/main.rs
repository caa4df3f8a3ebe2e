//! The middle room on stage: every sentence of the behaviour page that concerns a messaging conversation, on
//! hand-moved time, without a socket.

#![expect(clippy::unwrap_used, reason = "the stage is test code too")]

mod answers;
mod asking;
mod book;
mod chat;
mod clicks;
mod escalation;
mod fallback;
mod first_utterance;
mod gathering;
mod greeting;
mod half_published;
mod keywords;
mod lateness;
mod leaving;
mod lost_acks;
mod manager;
mod properties;
mod receipts;
mod reconnect;
mod restart;
mod step_up;
mod stopping;
mod stuck;
mod support;
mod trace;
mod traces;
mod unheard;
mod unmarked;
