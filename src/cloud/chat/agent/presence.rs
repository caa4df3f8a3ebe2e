//! Pure: the agent's state: the cloud may put an agent away without a word, when a ring was not taken in time.

use std::collections::VecDeque;

use super::*;
use crate::cloud::chat::{pace::PERIOD, wire::State};

/// What the agent is to be, and what it is.
#[derive(Debug)]
pub(super) struct Presence {
    /// What it is to be, and whether the cloud has agreed.
    wanted: Option<(Availability, bool)>,
    /// None while an answer is awaited.
    check_at: Option<Instant>,
    /// It is not asked for again before then, whatever happens.
    rests_until: Instant,
    /// When the cloud had set the agent to something else, lately.
    displaced: VecDeque<Instant>,
}

impl Presence {
    pub(super) fn new(now: Instant) -> Self {
        let (check_at, displaced) = (Some(now + CHECK_EVERY), VecDeque::new());
        Self { wanted: None, check_at, rests_until: now, displaced }
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.check_at = Some(now + CHECK_EVERY);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.check_at
    }

    /// The cloud has set the agent to something else: how often lately, this time counted.
    fn note_displaced(&mut self, now: Instant) -> usize {
        self.displaced.retain(|at| now.saturating_duration_since(*at) < LATELY);
        self.displaced.push_back(now);
        self.displaced.len()
    }

    /// To be looked at soon, unless an answer is awaited.
    pub(super) fn doubt(&mut self, now: Instant) {
        self.check_at = self.check_at.map(|at| at.min(now.max(self.rests_until)));
    }
}

impl AgentSession {
    /// `told`: the hall waits for the answer.
    pub(super) fn set_state(
        &mut self,
        state: Availability,
        told: bool,
        now: Instant,
        out: &mut Out,
    ) {
        self.presence.wanted = Some((state, false));
        self.presence.begin(now);
        let target = format!("{}/availability", self.href);
        let body = json!({"availability": {"chat": word(state)}}).to_string();
        self.send(Purpose::SetState { state, told }, Method::Put, target, Some(body), out);
    }

    pub(super) fn state_set(
        &mut self,
        state: Availability,
        told: bool,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        if let Err(failure) = &result
            && failure.kind == Trouble::Missing
        {
            self.session_is_gone(failure);
        }
        if result.is_ok() && self.presence.wanted == Some((state, false)) {
            self.presence.wanted = Some((state, true));
            Self::tell(Event::AgentState(Some(state), word(state).to_owned()), out);
        }
        match (result, told) {
            (result, true) => {
                let result =
                    result.map(drop).map_err(|failure| failure.to_call_error("availability"));
                Self::tell(Event::AvailabilitySet { state, result }, out);
            }
            (Ok(_), false) => {}
            (Err(failure), false) => {
                let detail =
                    format!("the state {} could not be set: {}", word(state), failure.detail);
                Self::complain("agent_state", detail, out);
                // Whoever looks, sets it again.
                if let Some((wanted, agreed)) = &mut self.presence.wanted {
                    *agreed |= *wanted == state;
                }
                self.presence.check_at = Some(now + RETRY);
            }
        }
    }

    pub(super) fn check_state(&mut self, now: Instant, out: &mut Out) {
        if self.presence.check_at.is_some_and(|at| at <= now) {
            self.presence.check_at = None;
            self.ask(Purpose::CheckState, Method::Get, "/availability", out);
        }
    }

    pub(super) fn state_read(
        &mut self,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        // It was asked for before the state was changed: it may tell the old one.
        let is_old = self.presence.check_at.is_some();
        self.presence.rests_until = now + PERIOD;
        self.presence.check_at.get_or_insert(now + CHECK_EVERY);
        let state: State = match result {
            Ok(_) if is_old => return,
            Ok(body) => body.member("availability"),
            Err(failure) => {
                if failure.kind == Trouble::Missing {
                    self.session_is_gone(&failure);
                }
                return;
            }
        };
        let (Some(found), Some((wanted, true))) = (state.chat, self.presence.wanted) else {
            return;
        };
        if found.eq_ignore_ascii_case(word(wanted)) {
            return;
        }
        Self::tell(Event::AgentState(of_word(&found), found.clone()), out);
        if self.rings.poll.is_failing() {
            // Chats would ring here unheard. It is looked at again as soon as rings can be asked for.
            return;
        }
        let lately = self.presence.note_displaced(now);
        Self::tell(Event::Displaced { wanted, found, lately }, out);
        self.set_state(wanted, false, now, out);
    }

    /// Another one is started with the same log-in. Who starts one for the same user ends this one.
    pub(super) fn session_is_gone(&mut self, failure: &Failure) {
        let detail = format!("the agent session is gone ({})", failure.detail);
        self.lose(Loss::Replaced { detail });
    }
}

/// The word of the API (Chat Agent API, set agent availability).
fn word(state: Availability) -> &'static str {
    match state {
        Availability::Online => "Online",
        Availability::Occupied => "Occupied",
        Availability::Away => "Away",
    }
}

fn of_word(word: &str) -> Option<Availability> {
    [Availability::Online, Availability::Occupied, Availability::Away]
        .into_iter()
        .find(|state| self::word(*state).eq_ignore_ascii_case(word))
}

/// The cloud takes an agent that lets rings lapse for idle; how often it did so in this time, is told.
const LATELY: Duration = Duration::from_secs(300);
const CHECK_EVERY: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_secs(2);
