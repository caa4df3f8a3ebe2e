//! What pages are told, as Server-Sent Events, with a bounded buffer per reader.

use super::Simulator;
use super::world::{Part, World};
use futures_util::stream::{self, Stream};
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};

/// One event, ready to be sent.
pub(super) type Item = Arc<str>;

/// Events that wait for a slow reader; older ones are dropped and counted.
pub(super) const CAPACITY: usize = 1024;
/// Frames that a new reader gets.
const RECENT: usize = 200;
/// A sign of life in silence.
const ALIVE: Duration = Duration::from_secs(15);

/// Tells all pages what has changed.
pub(super) fn tell(
    pages: &broadcast::Sender<Item>,
    world: &mut World,
    revision: u64,
    parts: BTreeSet<Part>,
    frames: Vec<Value>,
) {
    for frame in frames {
        let item = item("frame", &frame);
        if world.recent.len() == RECENT {
            world.recent.pop_front();
        }
        world.recent.push_back(Arc::clone(&item));
        // Without a reader there is nobody to tell.
        let _ = pages.send(item);
    }
    if pages.receiver_count() == 0 {
        return;
    }
    for part in parts {
        let told = match part {
            Part::All => item("state", &world.view(revision)),
            Part::Conversation(id) => match world.conversations.get(&id) {
                Some(conversation) => item("conversation", &world.view_conversation(conversation)),
                None => continue,
            },
            Part::Chat(id) => match world.chats.all.get(&id) {
                Some(chat) => item("chat", &world.view_chat(chat)),
                None => continue,
            },
            Part::Agents => item("agents", &world.view_agents()),
            Part::Queue => item("queue", &world.view_queue(None)),
            Part::Rings => item("rings", &world.view_rings()),
            Part::Sockets => item("sockets", &world.view_sockets()),
            Part::Faults => item("faults", &world.view_faults()),
            Part::Bot => item("bot", &json!(world.bot)),
            Part::Counts => continue,
        };
        let _ = pages.send(told);
    }
}

/// The endless body of `GET /simulator/stream`.
pub(super) fn body(
    simulator: Simulator,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    let receiver = simulator.inner.pages.subscribe();
    let recent = simulator.read(|world| world.recent.clone());
    let mut first = VecDeque::from([item("state", &simulator.view())]);
    first.extend(recent);
    stream::unfold(
        (simulator, receiver, first),
        |(simulator, mut receiver, mut first)| async move {
            let next = match first.pop_front() {
                Some(next) => next,
                None => tokio::select! {
                    next = receiver.recv() => match next {
                        Ok(next) => next,
                        Err(RecvError::Lagged(missed)) => {
                            first.push_back(item("state", &simulator.view()));
                            item("lagged", &json!({ "missed": missed }))
                        }
                        Err(RecvError::Closed) => return None,
                    },
                    () = tokio::time::sleep(ALIVE) => Arc::from(": alive\n\n"),
                    () = simulator.inner.stop.cancelled() => return None,
                },
            };
            let frame = Frame::data(Bytes::copy_from_slice(next.as_bytes()));
            Some((Ok(frame), (simulator, receiver, first)))
        },
    )
}

fn item(name: &str, data: &Value) -> Item {
    // JSON has no raw line breaks, so one data line is enough.
    Arc::from(format!("event: {name}\ndata: {data}\n\n"))
}
