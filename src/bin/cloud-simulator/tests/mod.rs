//! The simulator from a client's point of view: over in-memory streams, on a paused clock.

mod chat;
mod client;
mod control;
mod conversations;
mod faults;
mod golden;
mod publishing;
mod sessions;

use crate::simulator::{Options, Simulator};

/// A simulator of the default world whose clock starts at a fixed time.
fn simulator() -> Simulator {
    Simulator::new(Options::fixed())
}
