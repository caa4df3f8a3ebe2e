//! Pure: leaving a conversation: the bot's escalation and what its failure means, the fallback, closing, going back
//! to the queue.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Arrival, Conversation, Phase, Reading,
    effect::{Body, Call, CallId, Effect, Effects, Fact, FallbackReason, TransferReason},
    event::{
        Action, Answer, Audience, CallError, EventId, EventKey, EventKind, Outcome, SkillRef,
        Target,
    },
    gather::{Batch, Item},
    intake::NOT_SENT_PAUSE,
    words::{AgentId, SkillId},
};

/// The agent is on its way out of the conversation.
#[derive(Clone, Debug)]
pub(super) struct Leaving {
    exit: Exit,
    /// What is said first.
    before: VecDeque<(String, Audience)>,
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
enum Exit {
    Transfer(Transfer),
    Close { survey: bool },
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
struct Transfer {
    skill: Option<SkillId>,
    agent: Option<AgentId>,
    reason: TransferReason,
    words: Option<String>,
    /// A fallback transfer is tried until it works; the bot's own is the bot's to hear of.
    is_fallback: bool,
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
    /// The cloud has agreed; the news that the conversation is gone follows.
    Agreed,
}

impl Leaving {
    fn new(exit: Exit) -> Self {
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
            State::Waiting { until } => Some(until),
            State::Saying(_) | State::Calling(_) | State::Unsure | State::Agreed => None,
        }
    }

    pub(super) fn call(&self) -> Option<CallId> {
        match self.state {
            State::Saying(id) | State::Calling(id) => Some(id),
            State::Waiting { .. } | State::Unsure | State::Agreed => None,
        }
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.call().is_some()
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
    /// The bot wants the conversation to go to people.
    pub(super) fn transfer_for_bot(
        &mut self,
        target: Target,
        words: Option<String>,
        by_user: bool,
        now: Instant,
        fx: &mut Effects,
    ) {
        let reason = if by_user { TransferReason::User } else { TransferReason::Bot };
        match self.resolve(&target) {
            Ok(skill) => {
                self.point_out_loop(skill.as_ref(), fx);
                let agent = target.agent;
                let transfer = Transfer { skill, agent, reason, words, is_fallback: false };
                self.leave(Leaving::new(Exit::Transfer(transfer)), fx);
            }
            Err(why) => self.on_transfer_failed(None, why, now, fx),
        }
    }

    /// The consumer said one of the words that stand for "let me speak to people".
    pub(super) fn escalate_by_keyword(&mut self, now: Instant, fx: &mut Effects) {
        let target = Target { skill: None, agent: None };
        self.transfer_for_bot(target, Some("keyword".to_owned()), true, now, fx);
    }

    pub(super) fn close_for_bot(&mut self, survey: bool, fx: &mut Effects) {
        self.leave(Leaving::new(Exit::Close { survey }), fx);
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

    /// People have to take over because the bot, or the way to it, failed. `event` is what set it off.
    pub(super) fn fall_back(
        &mut self,
        reason: FallbackReason,
        event: Option<EventId>,
        now: Instant,
        fx: &mut Effects,
    ) {
        if self.is_manager() {
            return;
        }
        let since = self.turns.waiting_since();
        let Some(skill) = self.settings.fallback_skill.clone() else {
            fx.push(Effect::Report(Fact::Fallback { reason, possible: false }));
            return self.stay_without_answer(reason, event, fx);
        };
        fx.push(Effect::Report(Fact::Fallback { reason, possible: true }));
        self.point_out_loop(Some(&skill), fx);
        let transfer = Transfer {
            skill: Some(skill),
            agent: None,
            reason: TransferReason::Error,
            words: Some(reason.words().to_owned()),
            is_fallback: true,
        };
        let mut leaving = Leaving::new(Exit::Transfer(transfer));
        leaving.before.push_back((note(reason, since, now), Audience::Agents));
        self.leave(leaving, fx);
    }

    /// The stuck fields: first ask the consumer to say it again, then hand over.
    pub(super) fn on_stuck(&mut self, event: &EventId, now: Instant, fx: &mut Effects) {
        fx.push(Effect::Report(Fact::Stuck));
        let settings = Arc::clone(&self.settings);
        if self.is_manager() || self.is_chat() || !settings.stuck.retry {
            return;
        }
        if self.stuck_until.is_some_and(|until| now < until)
            && let Some(skill) = settings.stuck.escalate_to.clone()
        {
            let reason = FallbackReason::Stuck;
            fx.push(Effect::Report(Fact::Fallback { reason, possible: true }));
            let transfer = Transfer {
                skill: Some(skill),
                agent: None,
                reason: TransferReason::Error,
                words: Some(reason.words().to_owned()),
                is_fallback: true,
            };
            let mut leaving = Leaving::new(Exit::Transfer(transfer));
            leaving.before.push_back((settings.stuck.escalation_message.clone(), Audience::All));
            return self.leave(leaving, fx);
        }
        self.stuck_until = Some(now + STUCK_AGAIN_WITHIN);
        if let Some(turn) = self.turns.get_mut(event) {
            // The consumer has heard something: the bot's silence is measured anew.
            turn.ready_at = now;
        }
        let text = settings.stuck.notification.clone();
        self.say_own(text);
    }

    /// Says something of the connector's own.
    fn say_own(&mut self, text: String) {
        let key = self.say_key();
        let actions = vec![Action::Text { text, audience: Audience::All, quick_replies: None }];
        let answer = Answer { event: self.event_id(key), actions, intents: Vec::new() };
        self.answers.push_back((answer, Vec::new()));
    }

    /// A key for what is said without an event to answer.
    pub(super) fn say_key(&mut self) -> EventKey {
        self.says += 1;
        EventKey { sequence: self.handled.newest().max(0), kind: EventKind::Say(self.says) }
    }

    /// Nobody can take over: the conversation stays, and the next event may go to the bot.
    fn stay_without_answer(
        &mut self,
        reason: FallbackReason,
        event: Option<EventId>,
        fx: &mut Effects,
    ) {
        let Some(event) = event else { return };
        if reason == FallbackReason::Fault {
            self.turns.give_up(&event);
            fx.push(Effect::Withdraw(event));
        } else if let Some(turn) = self.turns.get_mut(&event) {
            // It stays open: the bot may be back one day and answer.
            turn.fallback_fired = true;
        }
        if self.publication.is_none() && self.answers.is_empty() {
            self.show_typing(false, fx);
        }
    }

    /// Sets out to leave. What the bot still owes is given up if there is no way back, else when the cloud agrees.
    fn leave(&mut self, mut leaving: Leaving, fx: &mut Effects) {
        self.publication = None;
        if leaving.is_final() {
            self.answers.clear();
            leaving.given_up = self.withdraw_all(fx);
        }
        self.show_typing(false, fx);
        leaving.unread = match &self.phase {
            Phase::Reading(Reading { begin, .. }) | Phase::Offline { begin } => {
                Some(Unread { begin: *begin })
            }
            Phase::Serving | Phase::Leaving(_) | Phase::Left => None,
        };
        let online = !matches!(self.phase, Phase::Offline { .. });
        self.phase = Phase::Leaving(leaving);
        if online {
            self.try_to_leave(fx);
        }
    }

    /// Nothing is expected of the bot any more; tells how many consumer messages it was asked about.
    pub(super) fn withdraw_all(&mut self, fx: &mut Effects) -> usize {
        let mut messages = 0;
        for turn in self.turns.clear() {
            messages += turn.messages();
            fx.push(Effect::Withdraw(turn.question.event));
        }
        messages
    }

    /// The conversation stays after all.
    fn stay(&mut self, fx: &mut Effects) {
        let unread = match &self.phase {
            Phase::Leaving(leaving) => leaving.unread,
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
            (None, Exit::Close { survey }) => Call::Close { dialog, survey: *survey },
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
            self.try_to_leave(fx);
        }
    }

    pub(super) fn on_left_called(
        &mut self,
        outcome: Result<Outcome, CallError>,
        now: Instant,
        fx: &mut Effects,
    ) {
        let period = self.settings.fallback_after.unwrap_or(SLOWEST_RETRY);
        let Phase::Leaving(leaving) = &mut self.phase else {
            return;
        };
        let said = matches!(leaving.state, State::Saying(_));
        match outcome {
            Err(CallError::NotSent) => {
                leaving.state = State::Waiting { until: now + NOT_SENT_PAUSE };
            }
            // What is said first is a courtesy: its failure does not keep the conversation here.
            _ if said => {
                leaving.before.pop_front();
                self.try_to_leave(fx);
            }
            Ok(_) => {
                leaving.state = State::Agreed;
                let fact = match &leaving.exit {
                    Exit::Transfer(transfer) => {
                        self.failed_transfers = 0;
                        Some(Fact::Transferred(transfer.reason))
                    }
                    Exit::Close { .. } => Some(Fact::Closed),
                    Exit::Return => None,
                };
                fx.extend(fact.map(Effect::Report));
                let given_up = self.withdraw_all(fx);
                if let Phase::Leaving(leaving) = &mut self.phase {
                    leaving.given_up += given_up;
                }
            }
            Err(error) => match leaving.exit.clone() {
                Exit::Transfer(transfer) if transfer.is_fallback => {
                    fx.push(Effect::Report(Fact::TransferFailed(error.to_string())));
                    let pause = FALLBACK_PAUSES.get(leaving.tries as usize).copied();
                    leaving.tries += 1;
                    leaving.state = State::Waiting { until: now + pause.unwrap_or(period) };
                }
                Exit::Transfer(transfer) => {
                    self.on_transfer_failed(transfer.skill, error.to_string(), now, fx);
                }
                Exit::Close { .. } | Exit::Return => {
                    fx.push(Effect::Report(Fact::ActionSkipped(error.to_string())));
                    self.stay(fx);
                }
            },
        }
    }

    /// A transfer that the bot wanted did not work: the bot hears of it, up to a limit; then the fallback skill.
    fn on_transfer_failed(
        &mut self,
        tried: Option<SkillId>,
        why: String,
        now: Instant,
        fx: &mut Effects,
    ) {
        fx.push(Effect::Report(Fact::TransferFailed(why)));
        if self.is_leaving() {
            self.stay(fx);
        }
        self.failed_transfers += 1;
        if self.failed_transfers <= self.settings.max_escalation_retries {
            let sequence = self.handled.newest().max(0);
            let kind = EventKind::EscalationFailed(self.failed_transfers);
            let key = EventKey { sequence, kind };
            let text = self.settings.escalation_failed.clone();
            let batch = Batch::special(key, text, self.newest_time());
            self.gather.add(Item::Special(Box::new(batch)), now);
            return;
        }
        self.show_typing(false, fx);
        let reason = FallbackReason::EscalationFailures;
        if tried.is_some() && tried == self.settings.fallback_skill {
            fx.push(Effect::Report(Fact::Fallback { reason, possible: false }));
        } else {
            self.fall_back(reason, None, now, fx);
        }
    }

    /// The skill that a target means; none keeps the present one.
    fn resolve(&self, target: &Target) -> Result<Option<SkillId>, String> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match &target.skill {
            Some(SkillRef::Id(id)) if digits(id) => Ok(Some(SkillId::from(id.as_str()))),
            Some(SkillRef::Id(id)) => Err(format!("the skill id {id:?} is not a number")),
            Some(SkillRef::Name(name)) => match self.settings.skills.get(name) {
                Some(id) => Ok(Some(id.clone())),
                None if digits(name) => Ok(Some(SkillId::from(name.as_str()))),
                None => {
                    let known: Vec<&str> =
                        self.settings.skills.keys().map(String::as_str).collect();
                    Err(format!("no skill is named {name:?}; [skills] has: {}", known.join(", ")))
                }
            },
            None if target.agent.is_some() => Ok(None),
            None => match &self.settings.fallback_skill {
                Some(skill) => Ok(Some(skill.clone())),
                None => Err("no skill was named and there is no fallback_skill_id".to_owned()),
            },
        }
    }

    /// The conversation came by this very skill: it would ring the same bot again.
    fn point_out_loop(&self, skill: Option<&SkillId>, fx: &mut Effects) {
        if let Some(skill) = skill
            && self.about.skill.as_ref() == Some(skill)
        {
            fx.push(Effect::Report(Fact::SelfTransfer(skill.clone())));
        }
    }
}

impl FallbackReason {
    /// The reason in words, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Silence => "the bot does not answer",
            Self::Fault => "the bot's answer cannot be used",
            Self::Unreachable => "the bot cannot be reached",
            Self::EscalationFailures => "the bot's own transfers failed too often",
            Self::Stuck => "the bot is stuck",
            Self::Internal => "the connector failed at this conversation",
            Self::Late => "the consumer came back after the bot's time",
        }
    }
}

/// The pause before a failed call is tried again: the platform's own 5, 10, 15 s, then every half minute (Retry
/// Policy Recommendations).
pub(super) fn retry_pause(failures: u32) -> Duration {
    FALLBACK_PAUSES.get(failures as usize).copied().unwrap_or(Duration::from_secs(30))
}

/// What agents see on the conversation that they get.
fn note(reason: FallbackReason, since: Option<Instant>, now: Instant) -> String {
    let words = reason.words();
    match since.map(|since| now.duration_since(since).as_secs()) {
        Some(seconds) if seconds > 0 => {
            format!("Escalated by the connector: {words}. The consumer has waited {seconds} s.")
        }
        _ => format!("Escalated by the connector: {words}."),
    }
}

const FALLBACK_PAUSES: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(15)];

/// How often a fallback transfer is tried in the long run when `fallbackEscalationTime` is off.
const SLOWEST_RETRY: Duration = Duration::from_secs(180);

/// Another silence within this time is step two of the stuck fields (Resolve Stuck Conversations).
const STUCK_AGAIN_WITHIN: Duration = Duration::from_secs(600);
