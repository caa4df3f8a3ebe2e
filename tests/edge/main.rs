//! The daemon in process, between the simulated cloud and scripted bots, on a paused clock: days pass in
//! milliseconds and every run is the same.

#![expect(clippy::unwrap_used, reason = "the stage and its scripts are test code too")]

mod support;

mod availability;
mod bot_transports;
mod chat;
mod coming_up;
mod conversation;
mod escalation;
mod first_steps;
mod health;
mod overload;
mod recovery;
mod rings;
mod secrecy;
mod sisters;
mod stopping;

#[path = "../../src/bin/cloud-simulator/simulator/mod.rs"]
mod simulator;
