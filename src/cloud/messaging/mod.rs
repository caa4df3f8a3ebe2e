//! Messaging: the Messaging Agent API (UMS) over one WebSocket.

mod calls;
mod conversations;
mod history;
mod identity;
mod lenient;
mod messages;
mod rings;
mod translate;
pub mod wire;
