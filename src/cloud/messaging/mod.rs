//! Messaging: the Messaging Agent API (UMS) over one WebSocket.

mod backoff;
mod calls;
mod close;
mod connection;
mod conversations;
mod evict;
mod history;
mod identity;
mod link;
mod messages;
mod probe;
mod requests;
mod rings;
pub mod session;
mod socket;
mod throttle;
mod translate;
pub mod wire;

pub use identity::Identity;
pub use link::start;
pub use probe::{Step, probe};
