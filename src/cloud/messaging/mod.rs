//! Messaging: the Messaging Agent API (UMS) over one WebSocket.
//!
//! ```text
//! frames -> wire -> translate (conversations, messages, rings) -> cloud::Event
//! frames <- wire <- calls                                      <- conversation::Call
//! ```
//!
//! `connection` holds what lives as long as one socket, and a [`crate::cloud::session`] keeps it up; `hearing` looks
//! whether that socket still tells what it should, `wire` reads and writes frames, `socket` carries them; `look` opens one
//! just to see whether it can.

mod arrival;
mod calls;
mod close;
mod connection;
mod conversations;
mod deafness;
mod hearing;
mod history;
mod line;
mod look;
mod messages;
mod news;
mod purpose;
mod requests;
mod rings;
pub(crate) mod session;
mod socket;
mod throttle;
mod translate;
pub(crate) mod wire;

use super::identity;
pub(super) use line::Line;
pub(super) use look::look;

/// What a session of messaging wants done: it sends text frames.
pub(crate) type Output = super::session::Output<String>;
