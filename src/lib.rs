//! connectord: an agent connector between LivePerson's Conversational Cloud and a bot.

pub mod bot;
pub mod cli;
pub mod cloud;
pub mod config;
pub mod conversation;
pub mod daemon;
pub mod net;
pub mod ops;
pub mod secret;
