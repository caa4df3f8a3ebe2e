//! The daemon in process, between the simulated cloud and scripted bots, on a paused clock: days pass in
//! milliseconds and every run is the same.

mod support;

mod first_steps;

#[expect(dead_code, reason = "the simulator can do more than these tests ask of it")]
#[path = "../../src/bin/cloud-simulator/simulator/mod.rs"]
mod simulator;
