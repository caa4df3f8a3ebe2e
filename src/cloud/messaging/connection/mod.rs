//! Pure: everything that lives exactly as long as one open socket.
//!
//! Subscriptions and the agent's state belong to a socket (Messaging Agent API), so a connection begins with
//! AWAY and its subscriptions; nothing of it is inherited by the next one.

mod clock;
mod look;
mod terms;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::json;
use terms::Loss;
pub(crate) use terms::Received;

use super::{
    Output,
    arrival::Arrival,
    calls,
    deafness::Deafness,
    hearing::{Hearing, LOOK_EVERY},
    history::{self, Reader},
    news::Moment,
    purpose::{ACCEPT, Answer, Behind, HISTORY, Purpose, STATE, Subscription},
    requests::Requests,
    translate::Translator,
    wire::{self, Frame, Method, Notification, Request, Response, Topic},
};
use crate::{
    cloud::{
        Availability, Event, Skew,
        session::{self, Opening},
    },
    conversation::{Call, CallError, CallId, ConversationId, RingId, Timestamp, event::Outcome},
    ops::backoff::about,
};

/// One open socket.
#[derive(Debug)]
pub(crate) struct Connection {
    translator: Translator,
    requests: Requests<Purpose>,
    opened: Instant,
    last_frame: Instant,
    keepalive: Duration,
    next_clock: Instant,
    skew: Option<Skew>,
    arrival: Arrival,
    manager: bool,
    hearing: Hearing,
    deaf_from: Option<Instant>,
    /// It has been said that this socket is silent and is kept all the same.
    kept: bool,
    /// It is given up because it does not tell what it has to.
    deaf: bool,
    /// The other side has closed it.
    closed: bool,
}

impl session::Connection for Connection {
    type Received = Received;
    type Sent = String;
    type Memory = Deafness;

    const OPENING: &'static str = "opening the WebSocket";
    const JOINING: &'static str = "subscribing to conversations";

    /// The socket is open: be AWAY, subscribe, ask for the time.
    fn open(opening: Opening<'_, Deafness>, out: &mut Vec<Output>) -> Self {
        let Opening { account, settings, memory, rng, now, wall } = opening;
        let manager = settings.manager;
        let mut missing = BTreeSet::from([Subscription::Conversations, Subscription::AgentState]);
        if !manager {
            missing.insert(Subscription::Rings);
        }
        let subscriptions = missing.clone();
        let keepalive = settings.keepalive_interval.max(SHORTEST_KEEPALIVE);
        let mut connection = Self {
            translator: Translator::new(account.identity.clone(), manager),
            requests: Requests::new(settings.request_timeout),
            opened: now,
            last_frame: now,
            keepalive,
            // Not all connectors ask at once.
            next_clock: now + keepalive.mul_f64(rng.f64()),
            skew: None,
            arrival: Arrival::new(missing, settings.request_timeout),
            manager,
            hearing: Hearing::new(about(LOOK_EVERY, rng), manager),
            deaf_from: memory.counts_from(now),
            kept: false,
            deaf: false,
            closed: false,
        };
        // The state may have survived on the server; no ring is wanted before the old conversations are served.
        let away = connection.state(Availability::Away);
        connection.send(away, Purpose::FirstState, now, out);
        // The first answer tells the skew, which the rings of the snapshot need.
        connection.ask_clock(Behind::Nothing, now, wall, out);
        for subscription in subscriptions {
            let request = subscription.request(connection.translator.me(), manager, None);
            connection.send(request, Purpose::Subscribe(subscription), now, out);
        }
        connection
    }

    fn opened(&self) -> Instant {
        self.opened
    }

    fn is_open(&self) -> bool {
        !self.closed
    }

    fn is_up(&self) -> bool {
        self.arrival.is_up()
    }

    fn remark(&self) -> String {
        String::new()
    }

    fn arrived(
        &mut self,
        received: Received,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), session::Loss> {
        self.alive(now);
        match received {
            Received::Text(text) => self.frame(&text, now, wall, out)?,
            Received::Other => {}
            Received::Closed { code, detail } => {
                self.closed = true;
                Err(Loss::Closed { code, detail })?;
            }
        }
        Ok(())
    }

    fn elapsed(
        &mut self,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), session::Loss> {
        self.time_passed(now, wall, out).map_err(session::Loss::from)
    }

    fn wake(&self) -> (Instant, &'static str) {
        [
            Some((self.dead_at(), "silence")),
            Some((self.next_clock, "keep-alive")),
            self.arrival.wake().map(|at| (at, "no list")),
            self.hearing.wake().map(|at| (at, "look")),
            self.requests.wake(),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or((self.next_clock, "keep-alive"))
    }

    fn resumed(&mut self, now: Instant) {
        self.alive(now);
        self.hearing.resumed(now);
    }

    fn be(&mut self, availability: Availability, now: Instant, out: &mut Vec<Output>) {
        self.requests.outdate(|it| matches!(it, Purpose::FirstState | Purpose::State(_)));
        if availability != Availability::Online {
            // A ring that the server would not let us take yet, is not taken while no more are wanted.
            let is_ring = |it: &Purpose| matches!(it, Purpose::Ring(_));
            self.requests.outdate(is_ring);
            for ring in self.requests.withdraw(is_ring) {
                if let Some(event) = ring.failed(CallError::NotSent) {
                    self.arrival.tell(event, out);
                }
            }
        }
        self.send(self.state(availability), Purpose::State(availability), now, out);
    }

    fn accept(&mut self, ring: RingId, now: Instant, out: &mut Vec<Output>) {
        let request =
            Request::new(Method::UpdateRing, &json!({"ringId": ring, "ringState": "ACCEPTED"}));
        self.send(request, Purpose::Ring(ring), now, out);
    }

    fn call(
        &mut self,
        conversation: ConversationId,
        id: Option<CallId>,
        call: Call,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let request = calls::request(&call, &conversation, self.translator.me());
        let answer = match &call {
            Call::Publish { .. } => Answer::Published,
            Call::Profile(_) => Answer::Profile,
            Call::History { dialog, after } => {
                let reader = Reader::new(dialog.clone(), self.translator.newest(dialog));
                Answer::History(if after.is_some() { reader.keeping_oldest() } else { reader })
            }
            Call::Receipt { .. }
            | Call::Typing { .. }
            | Call::Transfer { .. }
            | Call::Return
            | Call::Close { .. }
            | Call::Join
            | Call::Ttr { .. } => Answer::Nothing,
        };
        // What is asked of every conversation at once: when a connection begins, and when the process stops.
        let in_bulk =
            matches!(answer, Answer::History(_) | Answer::Profile) || matches!(call, Call::Return);
        let purpose = Purpose::Call { conversation, id, call: call.name(), answer };
        if in_bulk {
            self.send_when_quiet(request, purpose, now, out);
        } else {
            self.send(request, purpose, now, out);
        }
    }

    fn lost(self, now: Instant, memory: &mut Deafness, out: &mut Vec<Output>) {
        if self.hearing.heard_once() {
            memory.heard();
        }
        if self.deaf {
            memory.lost(now);
        }
        let was_up = self.arrival.is_up();
        let (left, waited) = self.requests.abandon();
        let no_answer = |purpose: &Purpose| CallError::NoAnswer { call: purpose.name() };
        let fates = left
            .map(|purpose| (no_answer(&purpose), purpose))
            .chain(waited.map(|purpose| (CallError::NotSent, purpose)));
        for (error, purpose) in fates {
            out.extend(purpose.failed(error).map(Output::Tell));
        }
        if was_up {
            out.push(Output::Tell(Event::Down));
        }
    }

    fn logs_out(_: &Deafness) -> bool {
        true
    }
}

impl Connection {
    fn alive(&mut self, now: Instant) {
        self.last_frame = now;
    }

    fn frame(
        &mut self,
        text: &str,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Loss> {
        match wire::decode(text) {
            Ok(Frame::Response(response)) => self.response(&response, now, wall, out)?,
            Ok(Frame::Notification(notification)) => {
                self.notification(&notification, now, wall, out);
            }
            Err(error) => {
                let event = Event::Unusable { kind: "frame", detail: error.to_string() };
                self.arrival.tell(event, out);
            }
        }
        self.look_on(now, wall, out)
    }

    fn time_passed(
        &mut self,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Loss> {
        if self.dead_at() <= now {
            return Err(Loss::Silent(2 * self.keepalive));
        }
        while let Some(purpose) = self.requests.expire(now) {
            self.unanswered(purpose, now, out)?;
        }
        while let Some(frame) = self.requests.release(now) {
            out.push(Output::Send(frame));
        }
        if self.next_clock <= now {
            self.next_clock = now + self.keepalive;
            self.ask_clock(Behind::Nothing, now, wall, out);
        }
        if self.arrival.gives_up_hearing(now) {
            self.ask_clock(Behind::FirstList, now, wall, out);
        }
        self.look_on(now, wall, out)
    }

    fn state(&self, availability: Availability) -> Request {
        Request::new(
            Method::SetAgentState,
            &json!({
                "availability": availability.as_str(),
                "channels": ["MESSAGING"],
                "agentUserId": self.translator.me().old_id,
            }),
        )
    }

    fn dead_at(&self) -> Instant {
        self.last_frame + 2 * self.keepalive
    }

    fn response(
        &mut self,
        response: &Response<'_>,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Loss> {
        let answered = self.requests.answered(&response.request, response.code, now);
        // A request may leave as soon as the answer before it is in.
        while let Some(frame) = self.requests.release(now) {
            out.push(Output::Send(frame));
        }
        let Some(purpose) = answered else {
            return Ok(());
        };
        match purpose {
            Purpose::Clock { sent, behind } => {
                self.learn_skew(response, sent, wall);
                self.question_is_over(behind, true, now, out);
            }
            Purpose::Subscribe(subscription) => {
                return self.subscribed(subscription, response, now, out);
            }
            Purpose::Look(subscription) => self.looked(subscription, response, now, out),
            Purpose::EndLook(subscription, id) => match response.code {
                Some(code @ 400..) if code < 500 => self.hearing.cannot_end(subscription),
                Some(500..) => {}
                Some(_) | None => self.hearing.ended(&id),
            },
            Purpose::LookInto { conversation, dialog } => {
                self.looked_into(conversation, dialog, response, wall, out);
            }
            Purpose::FirstState => {
                if !response.succeeded() {
                    let code = response.code.unwrap_or_default();
                    let event = Event::Unusable {
                        kind: "agent_state",
                        detail: format!(
                            "the cloud refuses the state {} with {code}: {}",
                            Availability::Away.as_str(),
                            response.words()
                        ),
                    };
                    self.arrival.tell(event, out);
                }
            }
            Purpose::State(state) => {
                let result = if response.succeeded() {
                    Ok(())
                } else {
                    Err(calls::failure(STATE, response))
                };
                self.arrival.tell(Event::AvailabilitySet { state, result }, out);
            }
            Purpose::Ring(ring) => {
                let result = if response.succeeded() {
                    Ok(None)
                } else {
                    Err(calls::failure(ACCEPT, response))
                };
                self.arrival.tell(Event::RingAccepted { ring, result }, out);
            }
            Purpose::Call { conversation, id, call, answer } => {
                let outcome = if response.succeeded() {
                    match answer {
                        Answer::Nothing => Ok(Outcome::Done),
                        Answer::Published => Ok(calls::published(response.body)),
                        Answer::Profile => Ok(Outcome::Profile(calls::profile(response.body))),
                        Answer::History(reader) => {
                            match self.read_history(
                                reader,
                                response,
                                wall,
                                (&conversation, id),
                                (now, out),
                            ) {
                                Some(outcome) => Ok(outcome),
                                None => return Ok(()),
                            }
                        }
                    }
                } else {
                    Err(calls::failure(call, response))
                };
                if let Some(id) = id {
                    let event = Event::Called { conversation, id, outcome };
                    self.arrival.tell(event, out);
                }
            }
        }
        Ok(())
    }

    fn read_history(
        &mut self,
        mut reader: Reader,
        response: &Response<'_>,
        wall: Timestamp,
        (conversation, id): (&ConversationId, Option<CallId>),
        (now, out): (Instant, &mut Vec<Output>),
    ) -> Option<Outcome> {
        let newest = self.translator.newest(reader.dialog());
        let server = self.skew.unwrap_or_default().server(wall);
        match reader.answer(response.body, self.translator.me(), newest, server) {
            history::Next::Done(history) => {
                self.translator.has_read(&history);
                Some(Outcome::History(history))
            }
            history::Next::Ask(after) => {
                let request = calls::history(reader.dialog(), Some(after));
                let purpose = Purpose::Call {
                    conversation: conversation.clone(),
                    id,
                    call: HISTORY,
                    answer: Answer::History(reader),
                };
                self.send_when_quiet(request, purpose, now, out);
                None
            }
        }
    }

    fn notification(
        &mut self,
        notification: &Notification<'_>,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if notification.topic == Topic::Conversations && self.arrival.list_begins() {
            self.ask_clock(Behind::FirstList, now, wall, out);
        }
        let at = Moment { now, wall, skew: self.skew };
        let told = self.translator.read(notification, &at);
        match notification.topic {
            Topic::Conversations => {
                self.hearing.hear(Subscription::Conversations, told.by.as_deref(), &told.seen);
            }
            Topic::Rings => {
                self.hearing.hear(Subscription::Rings, told.by.as_deref(), &told.seen);
            }
            Topic::Message | Topic::AgentState | Topic::RingUpdated | Topic::Unknown(_) => {}
        }
        for event in told.events {
            self.arrival.tell(event, out);
        }
    }

    fn subscribed(
        &mut self,
        subscription: Subscription,
        response: &Response<'_>,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<(), Loss> {
        if !response.succeeded() {
            let code = response.code.unwrap_or_default();
            // One can work without hearing of one's own state.
            if subscription != Subscription::AgentState {
                return Err(Loss::Refused {
                    what: subscription.name(),
                    code,
                    words: response.words(),
                });
            }
            let event = Event::Unusable {
                kind: "subscription",
                detail: format!(
                    "the cloud refuses to tell the agent's state with {code}: {}",
                    response.words()
                ),
            };
            self.arrival.tell(event, out);
        }
        self.hearing.lasts(subscription, look::subscription_id(response));
        let agent = &self.translator.me().user;
        self.arrival.subscribed(subscription, agent, now, out);
        Ok(())
    }

    fn unanswered(
        &mut self,
        purpose: Purpose,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<(), Loss> {
        match &purpose {
            Purpose::Subscribe(Subscription::AgentState) => {
                let agent = &self.translator.me().user;
                self.arrival.subscribed(Subscription::AgentState, agent, now, out);
            }
            Purpose::Subscribe(subscription) => {
                return Err(Loss::Unanswered(subscription.name()));
            }
            Purpose::Clock { behind, .. } => self.question_is_over(*behind, false, now, out),
            Purpose::Look(subscription) => {
                self.look_failed(*subscription, "was not answered", now, out);
            }
            Purpose::EndLook(..)
            | Purpose::LookInto { .. }
            | Purpose::FirstState
            | Purpose::State(_)
            | Purpose::Ring(_)
            | Purpose::Call { .. } => {}
        }
        let error = CallError::NoAnswer { call: purpose.name() };
        if let Some(event) = purpose.failed(error) {
            self.arrival.tell(event, out);
        }
        Ok(())
    }

    fn send(&mut self, request: Request, purpose: Purpose, now: Instant, out: &mut Vec<Output>) {
        out.extend(self.requests.send(request, purpose, now).map(Output::Send));
    }

    fn send_when_quiet(
        &mut self,
        request: Request,
        purpose: Purpose,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let frame = self.requests.send_when_quiet(request, purpose, now);
        out.extend(frame.map(Output::Send));
    }
}

/// Whatever is configured, the server is not asked for its time more often than this.
const SHORTEST_KEEPALIVE: Duration = Duration::from_secs(1);
