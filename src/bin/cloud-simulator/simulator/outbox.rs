//! Agents' sockets: what they subscribed to and what waits to be sent, with the faults that strike on the way.

use super::clock::Millis;
use super::conversation::Conversation;
use super::faults::{Fault, Mode, Shape, names};
use super::shape;
use super::wire;
use super::world::{Part, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Notify;

/// Frames that wait at most for one socket; a client that lets more pile up is cut off.
const LIMIT: usize = 20_000;
/// How much of a frame a page is shown, in bytes.
const SHOWN: usize = 16 * 1024;

/// An agent's open WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) id: u64,
    /// Old agent id.
    pub(crate) agent: String,
    pub(crate) login_name: String,
    pub(crate) opened: Millis,
    pub(crate) version: String,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) subscriptions: BTreeMap<String, Subscription>,
    /// Request ids seen and how they were answered.
    pub(super) answered: BTreeMap<String, Value>,
    /// Due time and order to what is sent then.
    queue: BTreeMap<(Millis, u64), Outgoing>,
    order: u64,
    /// A notification that waits for the next one to overtake it.
    held: Option<(Millis, u64)>,
    pub(super) wake: Arc<Notify>,
    /// Nothing is read from it or sent.
    dead: bool,
}

/// What a socket has asked to be told of.
#[derive(Debug)]
pub(crate) enum Subscription {
    /// Conversations that match, and which of them the socket knows.
    Conversations { filter: Filter, known: BTreeSet<String> },
    /// Rings of the agent.
    Routing,
    /// The agent's own state.
    AgentState,
}

/// The body of `SubscribeExConversations`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) account: String,
    pub(crate) states: Vec<String>,
    pub(crate) stages: Vec<String>,
    /// Old agent ids; empty: all conversations.
    pub(crate) agents: Vec<String>,
    pub(crate) consumer: Option<String>,
    pub(crate) updated_from: Option<Millis>,
    pub(crate) updated_to: Option<Millis>,
}

/// What goes out of a socket.
#[derive(Clone, Debug)]
pub(super) enum Outgoing {
    Text(String),
    /// A close frame; 1006 stands for none at all.
    Close(u16, String),
}

/// What the socket's task does next.
#[derive(Debug)]
pub(super) enum Next {
    Send(Outgoing),
    WaitUntil(Millis),
    Idle,
    /// The socket has been forgotten.
    Gone,
}

/// A notification on its way to a socket.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) socket: u64,
    pub(super) kind: &'static str,
    pub(super) conversation: String,
    pub(super) body: Value,
}

impl Socket {
    pub(super) fn new(
        id: u64,
        agent: String,
        login_name: String,
        version: String,
        opened: Millis,
    ) -> Self {
        Self {
            id,
            agent,
            login_name,
            opened,
            version,
            received: 0,
            sent: 0,
            subscriptions: BTreeMap::new(),
            answered: BTreeMap::new(),
            queue: BTreeMap::new(),
            order: 0,
            held: None,
            wake: Arc::new(Notify::new()),
            dead: false,
        }
    }

    /// Whether offers to agents are shown (`v=2.1`).
    pub(super) fn shows_states(&self) -> bool {
        self.version == "2.1"
    }

    pub(super) fn forget_conversations(&mut self) {
        for subscription in self.subscriptions.values_mut() {
            match subscription {
                Subscription::Conversations { known, .. } => known.clear(),
                Subscription::Routing | Subscription::AgentState => {}
            }
        }
    }

    fn push(&mut self, due: Millis, outgoing: Outgoing) -> (Millis, u64) {
        self.order += 1;
        let key = (due, self.order);
        self.queue.insert(key, outgoing);
        if self.queue.len() > LIMIT {
            self.queue.clear();
            self.queue.insert((0, 0), Outgoing::Close(1006, "too slow".into()));
        }
        self.wake.notify_one();
        key
    }
}

impl Subscription {
    pub(super) fn is_routing(&self) -> bool {
        matches!(self, Self::Routing)
    }

    pub(super) fn is_agent_state(&self) -> bool {
        matches!(self, Self::AgentState)
    }
}

impl Filter {
    /// Whether a conversation is among those that were asked for.
    pub(super) fn matches(&self, conversation: &Conversation, shows_offers: bool) -> bool {
        let word = |open: bool| if open { "OPEN" } else { "CLOSE" };
        let allows = |list: &[String], open: bool| {
            list.is_empty() || list.iter().any(|one| one == word(open))
        };
        let takes_part = |agent: &String| {
            let mut all = conversation.dialogs.iter().flat_map(|dialog| &dialog.participants);
            all.any(|one| one.id == *agent && (shows_offers || !one.suggested))
        };
        self.account == conversation.account
            && allows(&self.states, conversation.open)
            && allows(&self.stages, conversation.stage_open())
            && (self.agents.is_empty() || self.agents.iter().any(takes_part))
            && self.consumer.as_ref().is_none_or(|id| *id == conversation.consumer.id)
            && self.updated_from.is_none_or(|from| conversation.updated >= from)
            && self.updated_to.is_none_or(|to| conversation.updated <= to)
    }
}

impl World {
    /// Registers a socket of `agent`; its id.
    pub(super) fn open_socket(&mut self, agent: &str, version: &str) -> u64 {
        self.last_socket += 1;
        let id = self.last_socket;
        let mut login_name = String::new();
        if let Some(found) = self.agents.get_mut(agent) {
            found.offline_at = None;
            login_name.clone_from(&found.login_name);
        }
        let socket = Socket::new(id, agent.to_owned(), login_name, version.to_owned(), self.now);
        self.sockets.insert(id, socket);
        self.faults.newest_socket = id;
        self.counts.upgrades += 1;
        self.parts.extend([Part::Sockets, Part::Agents]);
        self.show_frame(id, "opened", "");
        id
    }

    /// Forgets a socket; the agent's state outlives its last one for a while.
    pub(super) fn drop_socket(&mut self, id: u64, why: &str) {
        self.show_frame(id, "closed", why);
        let Some(socket) = self.sockets.remove(&id) else {
            return;
        };
        let last = !self.sockets.values().any(|one| one.agent == socket.agent);
        let kept = self.options.state_kept;
        if last && let Some(agent) = self.agents.get_mut(&socket.agent) {
            agent.offline_at = Some(self.now + kept);
        }
        self.parts.extend([Part::Sockets, Part::Agents]);
    }

    /// Closes every socket that `which` picks.
    pub(super) fn close_sockets(
        &mut self,
        code: u16,
        reason: &str,
        which: impl Fn(&Socket) -> bool,
    ) -> usize {
        let mut closed = 0;
        for socket in self.sockets.values_mut().filter(|one| which(one)) {
            socket.queue.clear();
            socket.push(0, Outgoing::Close(code, reason.to_owned()));
            closed += 1;
        }
        closed
    }

    /// Sends a raw text frame to every socket that `which` picks.
    pub(super) fn send_raw(&mut self, text: &str, which: impl Fn(&Socket) -> bool) -> usize {
        let now = self.now;
        let mut sent = 0;
        for socket in self.sockets.values_mut().filter(|one| which(one)) {
            socket.push(now, Outgoing::Text(text.to_owned()));
            sent += 1;
        }
        sent
    }

    /// Sends an answer, `late` milliseconds from now.
    pub(super) fn answer(&mut self, socket: u64, answer: &Value, late: Millis) {
        let due = self.now + late;
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.push(due, Outgoing::Text(answer.to_string()));
        }
    }

    /// Sends a close frame after what already waits.
    pub(super) fn close_socket(&mut self, socket: u64, code: u16) {
        let now = self.now;
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.push(now, Outgoing::Close(code, "as ordered".into()));
        }
    }

    /// The sockets of an agent with their subscriptions of one kind.
    pub(super) fn subscriptions(
        &self,
        agent: &str,
        which: impl Fn(&Subscription) -> bool,
    ) -> Vec<(u64, String)> {
        let mine = self.sockets.values().filter(|socket| socket.agent == agent);
        mine.flat_map(|socket| {
            let wanted = socket.subscriptions.iter().filter(|(_, one)| which(one));
            wanted.map(|(id, _)| (socket.id, id.clone())).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Tells every subscription that concerns a conversation how it is now.
    pub(super) fn tell_subscribers(&mut self, id: &str) {
        let Some(conversation) = self.conversations.get(id) else {
            return;
        };
        let mut notes = Vec::new();
        for socket in self.sockets.values_mut() {
            let shows = socket.shows_states();
            for (subscription, wanted) in &mut socket.subscriptions {
                let Subscription::Conversations { filter, known } = wanted else {
                    continue;
                };
                let kind = match (known.contains(id), filter.matches(conversation, shows)) {
                    (_, true) => "UPSERT",
                    (true, false) => "DELETE",
                    (false, false) => continue,
                };
                if kind == "UPSERT" {
                    known.insert(id.to_owned());
                } else {
                    known.remove(id);
                }
                let change = wire::conversation_change(conversation, kind, &self.agents, shows);
                let body = json!({ "subscriptionId": subscription, "changes": [change] });
                notes.push((socket.id, body));
            }
        }
        for (socket, body) in notes {
            self.note(socket, ".ams.aam.ExConversationChangeNotification", id, body);
        }
    }

    /// Hands a notification to its socket, unless a fault has other plans for it.
    pub(super) fn deliver(&mut self, mut note: Note) {
        let Some(login) = self.sockets.get(&note.socket).map(|socket| socket.login_name.clone())
        else {
            return;
        };
        self.bend(&login, &mut note.body);
        if self.options.strip_metadata.in_echoes() {
            shape::strip_metadata(&mut note.body);
        }
        let name = note.kind.rsplit('.').next().unwrap_or_default();
        if self.faults.deafens(&login, note.socket, name, &note.conversation) {
            return;
        }
        let fate = self.faults.take(&login, |fault| {
            let Fault::Notifications { mode, milliseconds, notification, conversation } = fault
            else {
                return None;
            };
            let meant = names(notification.as_ref(), name)
                && names(conversation.as_ref(), &note.conversation);
            meant.then_some((*mode, milliseconds.unwrap_or(500)))
        });
        let text = wire::notification(note.kind, &note.body).to_string();
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(&note.socket) else {
            return;
        };
        if matches!(fate, Some((Mode::Suppress, _))) {
            return;
        }
        let held = socket.held.take();
        let outgoing = Outgoing::Text(text);
        match fate {
            None => {
                socket.push(now, outgoing);
            }
            Some((Mode::Delay, later)) => {
                socket.push(now + later, outgoing);
            }
            Some((Mode::Duplicate, _)) => {
                socket.push(now, outgoing.clone());
                socket.push(now, outgoing);
            }
            Some((Mode::Suppress, _)) => {}
            Some((Mode::Reorder, later)) if held.is_none() => {
                socket.held = Some(socket.push(now + later, outgoing));
            }
            Some((Mode::Reorder, _)) => {
                socket.push(now, outgoing);
            }
        }
        // Whatever was held back has been overtaken now.
        if let Some(waiting) = held.and_then(|key| socket.queue.remove(&key)) {
            socket.push(now, waiting);
        }
    }

    /// Applies all shapes in force to what is about to be sent to `login`.
    pub(super) fn bend(&mut self, login: &str, body: &mut Value) {
        let mut done: Vec<Shape> = Vec::new();
        while let Some((what, role)) = self.faults.take(login, |fault| {
            let Fault::Shape { what, role } = fault else {
                return None;
            };
            (!done.contains(what)).then(|| (*what, role.clone()))
        }) {
            shape::bend(body, what, role.as_deref(), &self.agents);
            done.push(what);
        }
    }

    /// What the task of a socket does next; counts what is sent.
    pub(super) fn next_out(&mut self, id: u64) -> Next {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(&id) else {
            return Next::Gone;
        };
        let login = socket.login_name.clone();
        let Some((&key, _)) = socket.queue.first_key_value() else {
            return Next::Idle;
        };
        if key.0 > now {
            return Next::WaitUntil(key.0);
        }
        let outgoing = socket.queue.remove(&key).unwrap_or(Outgoing::Close(1011, String::new()));
        if socket.held == Some(key) {
            socket.held = None;
        }
        if let Outgoing::Text(text) = &outgoing {
            if let Some(socket) = self.sockets.get_mut(&id) {
                socket.sent += 1;
                if let Some(code) = self.faults.closing_after_frame(&login) {
                    socket.queue.clear();
                    socket.push(0, Outgoing::Close(code, "as ordered".into()));
                }
            }
            self.show_frame(id, "sent", text);
        }
        Next::Send(outgoing)
    }

    /// Makes every socket that `which` picks go dead for good, like a cut cable.
    pub(super) fn black_hole_sockets(&mut self, which: impl Fn(&Socket) -> bool) -> usize {
        let mut found = 0;
        for socket in self.sockets.values_mut().filter(|one| which(one)) {
            socket.dead = true;
            socket.wake.notify_one();
            found += 1;
        }
        found
    }

    /// Whether nothing may be read from a socket or sent to it.
    pub(super) fn is_dead(&self, id: u64) -> bool {
        let hole = |fault: &Fault| matches!(fault, Fault::BlackHole {}).then_some(());
        let socket = self.sockets.get(&id);
        socket.is_some_and(|socket| {
            socket.dead || self.faults.peek(&socket.login_name, hole).is_some()
        })
    }

    /// How long a socket is left alone after each frame that came from it.
    pub(super) fn reading_pause(&self, id: u64) -> Millis {
        let pause = |fault: &Fault| {
            if let Fault::SlowReading { milliseconds } = fault { Some(*milliseconds) } else { None }
        };
        let socket = self.sockets.get(&id);
        socket.and_then(|socket| self.faults.peek(&socket.login_name, pause)).unwrap_or(0)
    }

    /// Wakes the tasks of all sockets, because a fault came or went.
    pub(super) fn wake_sockets(&self) {
        self.sockets.values().for_each(|socket| socket.wake.notify_one());
    }

    /// Shows a frame to the pages.
    pub(super) fn show_frame(&mut self, socket: u64, direction: &str, text: &str) {
        let agent = self.sockets.get(&socket).map_or("", |one| one.login_name.as_str());
        let (agent, socket) = (agent.to_owned(), json!(socket));
        self.show_text(&agent, &socket, direction, text);
    }

    /// Shows a text that has come or gone to the pages.
    pub(super) fn show_text(&mut self, agent: &str, socket: &Value, direction: &str, text: &str) {
        let cut = text.floor_char_boundary(SHOWN);
        self.frames.push(json!({
            "time": self.now,
            "socket": socket,
            "agent": agent,
            "direction": direction,
            "text": &text[..cut],
            "size": text.len(),
            "cut": cut < text.len(),
        }));
    }
}
