//! The real programs as child processes, over real sockets and in real time: the connector, the simulated cloud,
//! bots of several languages and the official SDK.
//!
//! Nothing here waits for a time to pass: it waits for something to become so, and gives up after a long while.

#![expect(clippy::unwrap_used, reason = "what the tests are told with is test code too")]

mod support;

mod bots;
mod command_line;
mod demo;
mod health;
mod killing;
mod sdk;
mod secrets;
mod signals;
mod sisters;
mod soak;
mod systemd;
mod tls;
