//! Running the house: time, back-off, signals, logs, metrics, health, systemd.

pub mod backoff;
pub mod clock;
