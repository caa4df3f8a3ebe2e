//! What the tests of this folder are told with: programs that run, a cloud, bots, and patience.

mod bot;
mod chatbot;
mod cloud;
mod connector;
mod crowd;
mod folder;
mod http;
mod listener;
mod program;
mod proxy;
mod skip;
mod tls;
mod visitors;
mod wait;

pub(crate) use bot::{Bot, reply, text};
pub(crate) use chatbot::{Chatbot, Transport};
pub(crate) use cloud::{Cloud, HUMAN_SKILL};
pub(crate) use connector::{Connector, configuration, connectord, example};
pub(crate) use crowd::{Crowd, Manner, piece, pieces};
pub(crate) use folder::Folder;
pub(crate) use http::{Address, Request, read_request};
pub(crate) use listener::{Listener, free_port};
pub(crate) use program::{Ended, Program, Stream};
pub(crate) use proxy::{Proxy, Relay};
pub(crate) use skip::{can_run, skipped};
pub(crate) use tls::Authority;
pub(crate) use visitors::Visitors;
pub(crate) use wait::until;
