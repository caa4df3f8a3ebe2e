//! The two ways to a bot, a bot that is down, and one that does what it should not.

mod misbehaviour;
mod webhook;
mod websocket;
