//! connectord: an agent connector between LivePerson's Conversational Cloud and a bot.
//!
//! Events of the cloud go in, a pure state machine per conversation decides, effects go out; everything that waits,
//! fails or costs is at the edges.
//!
//! ```text
//!           cloud (messaging | chat)                                  bot (websocket | webhook)
//!  frames -> decode -> cloud::Event --\                      /-- bot::Event <- decode <- frames / responses
//!                                      > daemon::hall::Hall <
//!  frames <- encode <- cloud::Command -/     |       ^       \-- bot::Command -> encode -> frames / requests
//!                                            v       |
//!                             conversation::Event   conversation::Effect
//!                                            |       |
//!                                     conversation::Book, one Conversation each
//! ```
//!
//! # The way of a message
//!
//! 1. [`cloud`] reads a frame (messaging) or the answer to a request (chat) and says [`cloud::Event::Message`].
//! 2. The [`daemon`]'s hall steps the conversation; it gathers, and asks by [`conversation::Effect::Ask`].
//! 3. [`bot`] writes the event to the bot and reads the answer.
//! 4. The conversation publishes it piece by piece, each with a [`conversation::Mark`], so that the history tells what
//!    has been answered.
//!
//! # Who may know whom
//!
//! `conversation` knows no other room. `cloud` and `bot` know the conversation's words and [`net`], never each other.
//! Only [`daemon`] knows all. [`config`] knows the rooms' settings; no room knows TOML. [`ops`] is what the house runs
//! on. `tests/house` checks it.
//!
//! # Tasks and waits
//!
//! One thread. The hall, each door and the health endpoint are a task each; a task owns its state, and bounded
//! channels connect them. Doors may wait for the hall (back-pressure to the sockets); the hall waits for nobody: what
//! it hands out is bounded by the conversations themselves, and what does not fit comes back. Each task has one timer,
//! set to what its pure part wants to be woken for.

pub mod bot;
pub mod cli;
pub mod cloud;
pub mod config;
pub mod conversation;
pub mod daemon;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod net;
pub mod ops;
pub mod secret;
