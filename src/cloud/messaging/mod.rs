//! Messaging: the Messaging Agent API (UMS) over one WebSocket.
//!
//! ```text
//! frames -> wire -> translate (conversations, messages, rings) -> cloud::Event
//! frames <- wire <- calls                                      <- conversation::Call
//! ```
//!
//! `connection` holds what lives as long as one socket, and a [`crate::cloud::session`] keeps it up; `hearing` looks
//! whether that socket still tells what it should, `wire` reads and writes frames, `socket` carries them; `probe` walks up
//! once by itself.

mod arrival;
mod calls;
mod close;
mod connection;
mod conversations;
mod deafness;
mod hearing;
mod history;
mod line;
mod messages;
mod probe;
mod purpose;
mod requests;
mod rings;
pub(crate) mod session;
mod socket;
mod throttle;
mod translate;
pub mod wire;

use super::identity;
pub use line::start;
pub use probe::{Step, probe};
