//! Running the house: time, back-off, signals, logs, metrics, health, systemd.

pub mod backoff;
pub mod clock;
pub mod health;
pub mod metrics;
pub mod status;
