//! Pure: the way out of a conversation: a transfer, a close, or back to the queue; and back in when it fails.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    Arrival, Conversation, Phase,
    effect::{Body, Call, CallId, Effect, Effects, Fact, TransferReason},
    event::{Audience, CallError, Departure, Outcome},
    intake::NOT_SENT_PAUSE,
    words::{AgentId, DialogId, Sequence, SkillId},
};

/// The agent is on its way out of the conversation.
#[derive(Clone, Debug)]
pub(super) struct Leaving {
    exit: Exit,
    /// What is said first.
    pub(super) before: VecDeque<(String, Audience)>,
    state: State,
    tries: u32,
    /// Consumer messages that the bot was given up on for this.
    given_up: usize,
    /// There is something to read should the conversation stay: the connection was lost meanwhile, or the history
    /// had not been read before.
    unread: Option<Unread>,
}

/// How to read what was missed: see [`Phase::Offline`].
#[derive(Clone, Copy, Debug)]
struct Unread {
    begin: Option<Arrival>,
}

/// The way out.
#[derive(Clone, Debug)]
pub(super) enum Exit {
    Transfer(Transfer),
    Close { dialog: DialogId, survey: bool },
    Return,
}

/// The kinds of way out of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitKind {
    /// To another skill or agent.
    Transfer,
    /// The dialog or conversation is closed.
    Close,
    /// Back to the skill's queue.
    Return,
}

#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) skill: Option<SkillId>,
    pub(super) agent: Option<AgentId>,
    pub(super) reason: TransferReason,
    pub(super) words: Option<String>,
    /// The consumer messages that it is the answer to.
    pub(super) covers: Vec<Sequence>,
    /// A fallback transfer of messaging is tried until it works; the bot's own is the bot's to hear of, and in chat
    /// none is tried again by itself.
    pub(super) is_fallback: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Something is said first.
    Saying(CallId),
    /// The exit was asked for.
    Calling(CallId),
    /// It failed and is tried again.
    Waiting { until: Instant },
    /// The connection was lost: whether it happened, the next list of conversations tells.
    Unsure,
    /// The cloud has agreed; the news that the conversation is gone follows, or it has not happened after all.
    Agreed { until: Instant },
}

impl Leaving {
    pub(super) fn new(exit: Exit) -> Self {
        Self {
            exit,
            before: VecDeque::new(),
            state: State::Unsure,
            tries: 0,
            given_up: 0,
            unread: None,
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } | State::Agreed { until } => Some(until),
            State::Saying(_) | State::Calling(_) | State::Unsure => None,
        }
    }

    pub(super) fn call(&self) -> Option<CallId> {
        match self.state {
            State::Saying(id) | State::Calling(id) => Some(id),
            State::Waiting { .. } | State::Unsure | State::Agreed { .. } => None,
        }
    }

    /// Whether a drain waits for it.
    pub(super) fn is_under_way(&self) -> bool {
        match self.state {
            State::Saying(_) | State::Calling(_) => true,
            State::Waiting { .. } => matches!(self.exit, Exit::Return),
            State::Unsure | State::Agreed { .. } => false,
        }
    }

    /// Whether the agent still is in the conversation, and can do something there.
    pub(super) fn is_here(&self) -> bool {
        match self.state {
            State::Saying(_) | State::Calling(_) | State::Waiting { .. } => true,
            State::Unsure | State::Agreed { .. } => false,
        }
    }

    /// Whether the cloud has agreed.
    pub(super) fn has_agreed(&self) -> bool {
        matches!(self.state, State::Agreed { .. })
    }

    /// What the news that the conversation is gone confirms.
    pub(super) fn confirmed(&self, how: Departure) -> Option<Fact> {
        match (self.state, &self.exit, how) {
            (
                State::Calling(_) | State::Agreed { .. },
                Exit::Transfer(transfer),
                Departure::Moved,
            ) => Some(Fact::Transferred(transfer.reason)),
            (State::Calling(_) | State::Agreed { .. }, Exit::Close { .. }, Departure::Closed) => {
                Some(Fact::Closed)
            }
            (_, Exit::Transfer(_) | Exit::Close { .. } | Exit::Return, _) => None,
        }
    }

    /// Another main dialog has been opened meanwhile: it is read should the conversation stay.
    pub(super) fn other_dialog(&mut self) {
        self.unread = Some(Unread { begin: Some(Arrival::Assigned) });
    }

    pub(super) fn kind(&self) -> ExitKind {
        match &self.exit {
            Exit::Transfer(_) => ExitKind::Transfer,
            Exit::Close { .. } => ExitKind::Close,
            Exit::Return => ExitKind::Return,
        }
    }

    pub(super) fn is_escalation(&self) -> bool {
        matches!(self.exit, Exit::Transfer(_))
    }

    pub(super) fn given_up(&self) -> usize {
        self.given_up
    }

    pub(super) fn link_lost(&mut self) {
        if matches!(self.state, State::Saying(_)) {
            // It may have been said: rather not at all than twice.
            self.before.pop_front();
        }
        self.state = State::Unsure;
        self.unread.get_or_insert(Unread { begin: None });
    }

    /// Whether there is no way back: the bot has been given up on, or the process stops.
    fn is_final(&self) -> bool {
        match &self.exit {
            Exit::Transfer(transfer) => transfer.is_fallback,
            Exit::Return => true,
            Exit::Close { .. } => false,
        }
    }

    /// The conversation is still there: it did not happen.
    pub(super) fn link_back(&mut self, now: Instant) {
        self.state = State::Waiting { until: now };
    }
}

impl Conversation {
    pub(super) fn close_for_bot(&mut self, survey: bool, fx: &mut Effects) {
        let dialog = self.about.dialog.clone();
        self.leave(Leaving::new(Exit::Close { dialog, survey }), fx);
    }

    /// Back to the skill's queue: the process stops.
    pub(super) fn on_return(&mut self, fx: &mut Effects) {
        match self.phase {
            Phase::Serving | Phase::Reading(_) if !self.is_manager() => {
                self.leave(Leaving::new(Exit::Return), fx);
            }
            Phase::Serving
            | Phase::Reading(_)
            | Phase::Offline { .. }
            | Phase::Leaving(_)
            | Phase::Left => {}
        }
    }

    /// Sets out to leave. What the bot still owes is given up if there is no way back, else when the cloud agrees.
    pub(super) fn leave(&mut self, mut leaving: Leaving, fx: &mut Effects) {
        let online = !matches!(self.phase, Phase::Offline { .. });
        if online {
            self.send_receipts(fx);
        }
        if leaving.is_final() {
            self.publication = None;
            self.answers.clear();
            leaving.given_up = self.withdraw_all(fx);
        }
        self.show_typing(false, fx);
        leaving.unread = match &self.phase {
            Phase::Reading(reading) => Some(Unread { begin: reading.begin }),
            Phase::Offline { begin } => Some(Unread { begin: *begin }),
            Phase::Serving | Phase::Leaving(_) | Phase::Left => None,
        };
        self.phase = Phase::Leaving(Box::new(leaving));
        if online {
            self.try_to_leave(fx);
        }
    }

    /// Nothing is expected of the bot any more; tells how many consumer messages it was asked about.
    pub(super) fn withdraw_all(&mut self, fx: &mut Effects) -> usize {
        let withdrawn = matches!(&self.phase, Phase::Leaving(leaving) if leaving.has_agreed());
        let mut messages = 0;
        for turn in self.turns.clear() {
            messages += turn.messages();
            if !withdrawn {
                fx.push(Effect::Withdraw(turn.question.event));
            }
        }
        messages
    }

    /// The conversation stays after all.
    pub(super) fn stay(&mut self, now: Instant, fx: &mut Effects) {
        let unread = match &self.phase {
            Phase::Leaving(leaving) => {
                if leaving.has_agreed() {
                    self.turns.put_again(now);
                }
                leaving.unread
            }
            Phase::Reading(_) | Phase::Serving | Phase::Offline { .. } | Phase::Left => None,
        };
        self.phase = Phase::Serving;
        if let Some(Unread { begin }) = unread {
            self.read_history(begin, 0, fx);
        }
    }

    /// Says what is to be said first, or asks for the exit.
    fn try_to_leave(&mut self, fx: &mut Effects) {
        let Phase::Leaving(leaving) = &self.phase else {
            return;
        };
        let dialog = self.about.dialog.clone();
        let first = leaving.before.front().cloned();
        let saying = first.is_some();
        let call = match (first, &leaving.exit) {
            (Some((text, audience)), _) => Call::Publish {
                dialog,
                body: Body::Text { text, quick_replies: None },
                audience,
                mark: None,
                intents: Vec::new(),
            },
            (None, Exit::Transfer(transfer)) => Call::Transfer {
                skill: transfer.skill.clone(),
                agent: transfer.agent.clone(),
                reason: transfer.reason,
                words: transfer.words.clone(),
            },
            (None, Exit::Close { dialog, survey }) => {
                Call::Close { dialog: dialog.clone(), survey: *survey }
            }
            (None, Exit::Return) => Call::Return,
        };
        let id = self.call(call, fx);
        if let Phase::Leaving(leaving) = &mut self.phase {
            leaving.state = if saying { State::Saying(id) } else { State::Calling(id) };
        }
    }

    pub(super) fn advance_leaving(&mut self, now: Instant, fx: &mut Effects) {
        if let Phase::Leaving(leaving) = &self.phase
            && leaving.due().is_some_and(|at| at <= now)
        {
            match leaving.state {
                State::Agreed { .. } => self.on_exit_failed(Failure::NoEffect, now, fx),
                State::Saying(_) | State::Calling(_) | State::Waiting { .. } | State::Unsure => {
                    self.try_to_leave(fx);
                }
            }
        }
        if let Phase::Leaving(leaving) = &self.phase
            && leaving.is_here()
        {
            self.send_receipts(fx);
        }
    }

    pub(super) fn on_left_called(
        &mut self,
        outcome: Result<Outcome, CallError>,
        now: Instant,
        fx: &mut Effects,
    ) {
        let Phase::Leaving(leaving) = &mut self.phase else {
            return;
        };
        let said = matches!(leaving.state, State::Saying(_));
        match outcome {
            Err(CallError::NotSent) => {
                leaving.state = State::Waiting { until: now + NOT_SENT_PAUSE };
            }
            // What is said first is a courtesy: its failure does not keep the conversation here.
            outcome if said => {
                leaving.before.pop_front();
                if let Ok(Outcome::Published(sequence)) = outcome {
                    self.acknowledged = self.acknowledged.max(sequence);
                }
                self.try_to_leave(fx);
            }
            Ok(_) => {
                leaving.state = State::Agreed { until: now + AGREEMENT_HOLDS };
                // The bot need not go on; what it says all the same, is said should nothing come of it.
                let owed = self.turns.iter().map(|turn| turn.question.event.clone());
                fx.extend(owed.map(Effect::Withdraw));
            }
            Err(error) => self.on_exit_failed(Failure::Call(error), now, fx),
        }
    }

    /// The way out is shut, or leads nowhere.
    fn on_exit_failed(&mut self, failure: Failure, now: Instant, fx: &mut Effects) {
        let period = self.settings.fallback_after.unwrap_or(SLOWEST_RETRY);
        let Phase::Leaving(leaving) = &mut self.phase else {
            return;
        };
        let why = failure.to_string();
        let tries = leaving.tries as usize;
        leaving.tries += 1;
        match leaving.exit.clone() {
            Exit::Transfer(transfer) if transfer.is_fallback => {
                fx.push(Effect::Report(Fact::TransferFailed(why)));
                let pause = FALLBACK_PAUSES.get(tries).copied().unwrap_or(period);
                leaving.state = State::Waiting { until: now + pause };
            }
            Exit::Transfer(transfer) => {
                self.on_transfer_failed(transfer.skill, why, transfer.covers, now, fx);
            }
            Exit::Return => {
                fx.push(Effect::Report(Fact::ReturnFailed(why)));
                match RETURN_PAUSES.get(tries) {
                    Some(pause) if failure.may_pass() => {
                        leaving.state = State::Waiting { until: now + *pause };
                    }
                    Some(_) | None => self.stay(now, fx),
                }
            }
            Exit::Close { .. } => {
                fx.push(Effect::Report(Fact::ActionSkipped(why)));
                self.stay(now, fx);
            }
        }
    }
}

/// Why a way out failed.
#[derive(Clone, Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Call(CallError),
    #[error("the cloud agreed, and the conversation is still here {} s later", AGREEMENT_HOLDS.as_secs())]
    NoEffect,
}

impl Failure {
    /// Whether the next try may go better.
    fn may_pass(&self) -> bool {
        match self {
            Self::Call(
                CallError::NotSent | CallError::NoAnswer { .. } | CallError::Failed { .. },
            ) => true,
            Self::Call(CallError::Refused { .. }) | Self::NoEffect => false,
        }
    }
}

/// The pause before a failed call, or in chat a bot's failed attempt, is tried again: the platform's own 5, 10, 15 s,
/// then every half minute (Retry Policy Recommendations).
pub(super) fn retry_pause(failures: u32) -> Duration {
    FALLBACK_PAUSES.get(failures as usize).copied().unwrap_or(Duration::from_secs(30))
}

/// A return is tried again after these pauses: the process waits for it, so they are short.
const RETURN_PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

/// How long the news that the conversation is gone may take once the cloud has agreed to it.
const AGREEMENT_HOLDS: Duration = Duration::from_secs(10);

const FALLBACK_PAUSES: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(15)];

/// How often a fallback transfer is tried in the long run when `fallbackEscalationTime` is off.
const SLOWEST_RETRY: Duration = Duration::from_secs(180);
