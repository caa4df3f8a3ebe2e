//! The two ways to a bot, and a bot that is down.

mod webhook;
mod websocket;
