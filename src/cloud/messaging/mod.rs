//! Messaging: the Messaging Agent API (UMS) over one WebSocket.

mod backoff;
mod calls;
mod close;
mod connection;
mod conversations;
mod evict;
mod history;
mod identity;
mod messages;
mod requests;
mod rings;
pub mod session;
mod throttle;
mod translate;
pub mod wire;

pub use identity::Identity;
