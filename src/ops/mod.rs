//! Running the house: time, back-off, signals, logs, metrics, health, systemd.

pub mod backoff;
pub mod clock;
pub(crate) mod connections;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod signals;
pub mod status;
pub mod systemd;
