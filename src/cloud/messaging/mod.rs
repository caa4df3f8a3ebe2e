//! Messaging: the Messaging Agent API (UMS) over one WebSocket.
//!
//! ```text
//! frames -> wire -> translate (conversations, messages, rings) -> cloud::Event
//! frames <- wire <- calls                                      <- conversation::Call
//! ```
//!
//! [`session`] decides how to come up and stay up, `connection` holds what lives as long as one socket, `hearing` looks
//! whether that socket still tells what it should, `link` is the only task and the only one that awaits; `probe` walks
//! up once by itself.

mod arrival;
mod calls;
mod close;
mod connection;
mod conversations;
mod deafness;
mod evict;
mod hearing;
mod history;
mod identity;
mod link;
mod messages;
mod probe;
mod purpose;
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
