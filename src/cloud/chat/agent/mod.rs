//! Pure: one agent session, from its start to its loss: everything that the agent does on the Chat Agent API.
//!
//! Nothing is told by the server, so everything is asked for: rings and the agent's state, and each chat. What a
//! request is for is its [`Purpose`]; what comes back is handled where the purpose belongs.

mod chats;
mod looking;
mod presence;
mod ringing;
mod speaking;
mod starting;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use presence::Presence;
use serde_json::json;

use super::{
    pace::Poll,
    rings::Rings,
    talk::{Doubt, Kind, Post, Talk},
    wire::{Answer, Body, Failure, Method, Request, Trouble},
};
use crate::{
    cloud::{
        Availability, Event,
        session::{Connection, Loss, Opening, Output},
    },
    conversation::{
        Call, CallError, CallId, ConversationId, RingId, Sequence, Timestamp, event::Outcome,
    },
};

type Out = Vec<Output<Request>>;

/// An agent session.
#[derive(Debug)]
pub(crate) struct AgentSession {
    terms: Terms,
    opened: Instant,
    stage: Stage,
    /// Its URL, once it is known.
    href: String,
    /// Ids and names that this agent goes by.
    mine: BTreeSet<String>,
    /// It has been told who it is.
    introduced: bool,
    remark: String,
    ids: u64,
    pending: BTreeMap<u64, Purpose>,
    presence: Presence,
    rings: Rings,
    talks: BTreeMap<ConversationId, Talk>,
    /// Asking for several chats at once.
    several: Several,
    looks: Looks,
    /// A conversation was to go back to the queue: the log-out does that.
    handing_back: bool,
    /// It was told that it may not do this.
    forbidden: bool,
    /// Why the session cannot go on, found where it could not be said.
    loss: Option<Loss>,
}

/// What does not change while a session lasts.
#[derive(Debug)]
struct Terms {
    account: String,
    user: String,
    timeout: Duration,
    html: bool,
    several_above: usize,
    /// An earlier session of this log-in was forbidden too.
    forbidden: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Starting,
    /// The session is there; whose chats there are is being asked for.
    Asking,
    /// Up; these chats have been found and are being read.
    Listing(BTreeSet<ConversationId>),
    /// All told.
    Listed,
}

/// What outlives a session.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The last one was forbidden.
    forbidden: bool,
    /// Chats are left as they are: a log-out would hand them back.
    leaves_chats: bool,
    /// The server has no use for requests for several chats.
    several_refused: bool,
}

/// Asking for several chats in one request.
#[derive(Debug, Default)]
struct Several {
    /// One for each part of the chats; the parts are asked for one after another.
    polls: Vec<Poll>,
    /// The server has no use for it.
    refused: bool,
    /// It keeps failing, which may be its own fault: until then each chat is read by itself.
    avoided_until: Option<Instant>,
}

/// Asking for the list of chats.
#[derive(Debug, Default)]
struct Looks {
    under_way: bool,
    /// When to ask (again).
    at: Option<Instant>,
    /// It is not asked for again before then, whatever happens.
    rests_until: Option<Instant>,
    failures: u32,
    /// The question under way left when all acceptances were answered but those that are lost.
    for_rings: bool,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq)]
enum Purpose {
    Start,
    Info,
    Look,
    /// `told`: the hall waits for the answer.
    SetState {
        state: Availability,
        told: bool,
    },
    CheckState,
    Rings,
    Take(RingId),
    /// What is new in a chat; `whole`: and who has it.
    Poll {
        chat: ConversationId,
        whole: bool,
    },
    /// What a conversation wants to read.
    History {
        chat: ConversationId,
        call: Option<CallId>,
        after: Option<Sequence>,
    },
    /// What is new in these chats, which are this part of all.
    Several {
        part: usize,
        chats: Vec<ConversationId>,
    },
    Post(ConversationId, Post),
    Typing(ConversationId),
    Targets(ConversationId),
    Transfer(ConversationId),
    Participant {
        chat: ConversationId,
        call: Option<CallId>,
    },
}

impl Connection for AgentSession {
    type Received = Answer;
    type Sent = Request;
    type Memory = Memory;

    const OPENING: &'static str = "opening the way to the Chat Agent API";
    const JOINING: &'static str = "starting the agent session";

    fn open(opening: Opening<'_, Memory>, out: &mut Out) -> Self {
        let Opening { account, settings, memory, now, .. } = opening;
        let user = account.identity.user.clone();
        let mut session = Self {
            terms: Terms {
                account: account.identity.account.clone(),
                user: user.clone(),
                timeout: settings.request_timeout,
                html: settings.chat.html,
                several_above: settings.chat.several_above,
                forbidden: memory.forbidden,
            },
            opened: now,
            stage: Stage::Starting,
            href: String::new(),
            mine: BTreeSet::from([user, account.identity.old_id.clone()]),
            introduced: false,
            remark: String::new(),
            ids: 0,
            pending: BTreeMap::new(),
            presence: Presence::new(now),
            rings: Rings::new("", now),
            talks: BTreeMap::new(),
            several: Several { refused: memory.several_refused, ..Several::default() },
            looks: Looks::default(),
            handing_back: false,
            forbidden: false,
            loss: None,
        };
        session.start(out);
        session
    }

    fn opened(&self) -> Instant {
        self.opened
    }

    fn is_open(&self) -> bool {
        true
    }

    fn is_up(&self) -> bool {
        match self.stage {
            Stage::Starting | Stage::Asking => false,
            Stage::Listing(_) | Stage::Listed => true,
        }
    }

    fn remark(&self) -> String {
        self.remark.clone()
    }

    fn arrived(
        &mut self,
        answer: Answer,
        now: Instant,
        _: Timestamp,
        out: &mut Out,
    ) -> Result<(), Loss> {
        let Some(purpose) = self.pending.remove(&answer.id) else {
            return Ok(());
        };
        let result = answer.read();
        if let Err(failure) = &result
            && failure.kind == Trouble::Expired
        {
            // Refused at the gate: it has not happened.
            let detail =
                format!("the cloud does not know this session any more ({})", failure.detail);
            Self::fail(purpose, &CallError::NotSent, &mut self.rings, out);
            return Err(Loss::Expired { evicted: true, detail });
        }
        self.take(purpose, result, now, out);
        self.go_on(now, out);
        self.loss.take().map_or(Ok(()), Err)
    }

    fn elapsed(&mut self, now: Instant, _: Timestamp, out: &mut Out) -> Result<(), Loss> {
        self.go_on(now, out);
        self.loss.take().map_or(Ok(()), Err)
    }

    fn wake(&self) -> (Instant, &'static str) {
        // Before that, only answers matter, and each request has its own time-out.
        let idle = (self.opened + FOREVER, "nothing");
        if matches!(self.stage, Stage::Starting) {
            return idle;
        }
        [
            self.rings.poll.due().map(|at| (at, "rings")),
            self.rings.due().map(|at| (at, "accept")),
            self.presence.due().map(|at| (at, "state")),
            self.looks.due().map(|at| (at, "chats")),
            self.several_due().map(|at| (at, "several chats")),
            self.talks.values().filter_map(|talk| self.unread(talk)).min(),
            self.talks.values().filter_map(Talk::wake).min(),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(idle)
    }

    fn resumed(&mut self, now: Instant) {
        for talk in self.talks.values_mut() {
            talk.heard = now;
        }
    }

    fn be(&mut self, state: Availability, now: Instant, out: &mut Out) {
        if state != Availability::Online {
            out.extend(self.rings.unwant().into_iter().map(Output::Tell));
        }
        self.set_state(state, true, now, out);
    }

    fn accept(&mut self, ring: RingId, now: Instant, out: &mut Out) {
        self.rings.want(ring);
        self.take_ring(now, out);
    }

    fn call(
        &mut self,
        conversation: ConversationId,
        id: Option<CallId>,
        call: Call,
        now: Instant,
        out: &mut Out,
    ) {
        if self.talks.get(&conversation).is_none_or(|talk| !talk.told) {
            // It has left meanwhile, which the hall is about to hear.
            Self::called(conversation, id, Err(CallError::NotSent), out);
            return;
        }
        self.carry_out(conversation, id, call, now, out);
        self.go_on(now, out);
    }

    fn lost(mut self, _: Instant, memory: &mut Memory, out: &mut Out) {
        let was_up = self.is_up();
        memory.forbidden = self.forbidden;
        memory.several_refused = self.several.refused;
        // A session that was lost before it knew its chats has learned nothing new.
        if self.is_up() {
            memory.leaves_chats = !self.talks.is_empty() && !self.handing_back;
        }
        let fates = std::mem::take(&mut self.pending).into_values();
        let (rings, calls): (Vec<Purpose>, Vec<Purpose>) =
            fates.partition(|purpose| matches!(purpose, Purpose::Take(_)));
        for purpose in rings {
            Self::abandon(purpose, &mut self.rings, out);
        }
        for event in self.rings.unwant() {
            out.push(Output::Tell(event));
        }
        // Before the fates of calls: a transfer that was cut off has not failed, it is made again or found done.
        if was_up {
            out.push(Output::Tell(Event::Down));
        }
        for purpose in calls {
            Self::abandon(purpose, &mut self.rings, out);
        }
        for (key, mut talk) in std::mem::take(&mut self.talks) {
            for post in talk.outbox.drain() {
                Self::called(key.clone(), post.call, Err(CallError::NotSent), out);
            }
            if let Some(transfer) = talk.transfer {
                // Should it have been under way: who has the chat, the next list of chats tells.
                let error = CallError::NoAnswer { call: "transfer" };
                Self::called(key, transfer.call, Err(error), out);
            }
        }
    }

    fn logs_out(memory: &Memory) -> bool {
        !memory.leaves_chats
    }
}

impl AgentSession {
    /// What came back.
    fn take(
        &mut self,
        purpose: Purpose,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        match purpose {
            Purpose::Start => self.started(result, now, out),
            Purpose::Info => self.introduced(result),
            Purpose::Look => self.looked(result, now, out),
            Purpose::SetState { state, told } => self.state_set(state, told, result, now, out),
            Purpose::CheckState => self.state_read(result, now, out),
            Purpose::Rings => self.rings_counted(result, now, out),
            Purpose::Take(ring) => self.ring_taken(ring, result, now, out),
            Purpose::Poll { chat, whole } => self.chat_read(&chat, whole, result, now, out),
            Purpose::History { chat, call, after } => {
                self.history_read(&chat, call, after, result, now, out);
            }
            Purpose::Several { part, chats } => {
                self.several_read(part, &chats, result, now, out);
            }
            Purpose::Post(chat, post) => self.posted(&chat, post, result, now, out),
            Purpose::Typing(chat) => {
                if let Some(talk) = self.talks.get_mut(&chat) {
                    talk.typing.settled(now);
                }
            }
            Purpose::Targets(chat) => self.targets_read(&chat, result, now, out),
            Purpose::Transfer(chat) => self.transferred(&chat, result, now, out),
            Purpose::Participant { chat, call } => self.participant_read(&chat, call, result, out),
        }
    }

    /// Whatever is due. Rings come first: one that is not taken in time puts the agent away.
    fn go_on(&mut self, now: Instant, out: &mut Out) {
        if matches!(self.stage, Stage::Starting) {
            return;
        }
        self.poll_rings(now, out);
        self.take_ring(now, out);
        self.check_state(now, out);
        self.look_if_due(now, out);
        self.poll_chats(now, out);
        self.speak(now, out);
    }

    /// A request for something below the agent session.
    fn ask(&mut self, purpose: Purpose, method: Method, path: &str, out: &mut Out) {
        let target = format!("{}{path}", self.href);
        self.send(purpose, method, target, None, out);
    }

    fn send(
        &mut self,
        purpose: Purpose,
        method: Method,
        target: String,
        body: Option<String>,
        out: &mut Out,
    ) {
        self.ids += 1;
        let timeout = match purpose {
            // The next question has to leave before the ring, or the chat, is over.
            Purpose::Rings
            | Purpose::Take(_)
            | Purpose::Look
            | Purpose::Poll { .. }
            | Purpose::Several { .. } => self.terms.timeout.min(LONGEST_LOOK),
            Purpose::Start
            | Purpose::Info
            | Purpose::SetState { .. }
            | Purpose::CheckState
            | Purpose::History { .. }
            | Purpose::Post(..)
            | Purpose::Typing(_)
            | Purpose::Targets(_)
            | Purpose::Transfer(_)
            | Purpose::Participant { .. } => self.terms.timeout,
        };
        if let Some(poll) = purpose.poll() {
            Self::tell(Event::Polled(poll), out);
        }
        self.pending.insert(self.ids, purpose);
        out.push(Output::Send(Request { id: self.ids, method, target, body, timeout }));
    }

    /// The session cannot go on.
    fn lose(&mut self, loss: Loss) {
        self.loss.get_or_insert(loss);
    }

    fn tell(event: Event, out: &mut Out) {
        out.push(Output::Tell(event));
    }

    /// Something that could not be used.
    fn complain(kind: &'static str, detail: String, out: &mut Out) {
        Self::tell(Event::Unusable { kind, detail }, out);
    }

    fn called(
        conversation: ConversationId,
        id: Option<CallId>,
        outcome: Result<Outcome, CallError>,
        out: &mut Out,
    ) {
        if let Some(id) = id {
            Self::tell(Event::Called { conversation, id, outcome }, out);
        }
    }

    /// The request may have been carried out or not: its answer will never come.
    fn abandon(purpose: Purpose, rings: &mut Rings, out: &mut Out) {
        let error = CallError::NoAnswer { call: purpose.name() };
        Self::fail(purpose, &error, rings, out);
    }

    /// The request brought nothing, and whoever waits for it is to know.
    fn fail(purpose: Purpose, error: &CallError, rings: &mut Rings, out: &mut Out) {
        match purpose {
            Purpose::SetState { state, told: true } => {
                Self::tell(Event::AvailabilitySet { state, result: Err(error.clone()) }, out);
            }
            Purpose::Take(ring) => out.push(Output::Tell(rings.taken(ring, Err(error.clone())))),
            Purpose::History { chat, call, .. } | Purpose::Participant { chat, call } => {
                Self::called(chat, call, Err(error.clone()), out);
            }
            Purpose::Post(chat, post) => Self::called(chat, post.call, Err(error.clone()), out),
            Purpose::Start
            | Purpose::Info
            | Purpose::Look
            | Purpose::SetState { told: false, .. }
            | Purpose::CheckState
            | Purpose::Rings
            | Purpose::Poll { .. }
            | Purpose::Several { .. }
            | Purpose::Typing(_)
            // The transfer is told with its chat.
            | Purpose::Targets(_)
            | Purpose::Transfer(_) => {}
        }
    }
}

impl Looks {
    /// When to ask (again), unless an answer is awaited.
    fn due(&self) -> Option<Instant> {
        let at = self.at.filter(|_| !self.under_way)?;
        Some(self.rests_until.map_or(at, |then| at.max(then)))
    }
}

impl Purpose {
    /// For the metric, if it only looks for news.
    fn poll(&self) -> Option<&'static str> {
        match self {
            Self::Rings => Some("rings"),
            Self::Poll { .. } => Some("events"),
            Self::Several { .. } => Some("several"),
            Self::CheckState => Some("state"),
            Self::Look => Some("chats"),
            Self::Start
            | Self::Info
            | Self::SetState { .. }
            | Self::Take(_)
            | Self::History { .. }
            | Self::Post(..)
            | Self::Typing(_)
            | Self::Targets(_)
            | Self::Transfer(_)
            | Self::Participant { .. } => None,
        }
    }

    /// For errors.
    fn name(&self) -> &'static str {
        match self {
            Self::Start => "the start of the agent session",
            Self::Info => "agent info",
            Self::Look => "chat sessions",
            Self::SetState { .. } => "availability",
            Self::CheckState => "availability check",
            Self::Rings => "incoming requests",
            Self::Take(_) => "accept",
            Self::Poll { .. } => "chat events",
            Self::History { .. } => "history",
            Self::Several { .. } => "several chats",
            Self::Post(_, post) => post.kind.name(),
            Self::Typing(_) => "typing",
            Self::Targets(_) => "transfer targets",
            Self::Transfer(_) => "transfer",
            Self::Participant { .. } => "profile",
        }
    }
}

impl Failure {
    /// What a conversation is told.
    fn to_call_error(&self, call: &'static str) -> CallError {
        let message = self.detail.clone();
        match (self.kind, self.status) {
            (Trouble::Unknown, _) | (_, None) => CallError::NoAnswer { call },
            (Trouble::Failed, Some(code)) => CallError::Failed { call, code, message },
            (
                Trouble::Expired
                | Trouble::Forbidden
                | Trouble::Missing
                | Trouble::TooMany(_)
                | Trouble::Refused,
                Some(code),
            ) => CallError::Refused { call, code, message },
        }
    }
}

/// The last part of a URL's path: the id of what it leads to.
fn last_segment(href: &str) -> &str {
    without_query(href).rsplit('/').next().unwrap_or_default()
}

fn without_query(href: &str) -> &str {
    href.split('?').next().unwrap_or_default().trim_end_matches('/')
}

/// With the 20 s that a ring lasts, and the 40 s of a chat without a request, one that hangs must leave time for others.
const LONGEST_LOOK: Duration = Duration::from_secs(8);
/// Longer than any session lasts.
const FOREVER: Duration = Duration::from_secs(3_650 * 24 * 3_600);

#[cfg(test)]
mod tests;
