//! Pure: giving a conversation to people: the bot's escalation and what its failure means, the fallback, the stuck
//! fields.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Conversation,
    effect::{Effect, Effects, Escalation, Fact, FallbackReason, TransferReason},
    event::{Action, Answer, Audience, EventId, EventKey, EventKind, Reach, SkillRef, Target},
    gather::{Batch, Item},
    leave::{Exit, Leaving, Transfer},
    words::{Sequence, SkillId},
};

impl Conversation {
    /// The bot wants the conversation to go to people.
    pub(super) fn transfer_for_bot(
        &mut self,
        target: Target,
        words: Option<String>,
        by_user: bool,
        covers: Vec<Sequence>,
        now: Instant,
        fx: &mut Effects,
    ) {
        let reason = if by_user { TransferReason::User } else { TransferReason::Bot };
        if self.failed_transfers == 0 {
            // A bot that insists wants the same people.
            let why = if by_user { Escalation::User } else { Escalation::Bot };
            fx.push(Effect::Report(Fact::Escalating(why)));
        }
        self.transfer_to(target, words, reason, covers, now, fx);
    }

    fn transfer_to(
        &mut self,
        target: Target,
        words: Option<String>,
        reason: TransferReason,
        covers: Vec<Sequence>,
        now: Instant,
        fx: &mut Effects,
    ) {
        match self.resolve(&target) {
            Ok(skill) => {
                self.point_out_loop(skill.as_ref(), fx);
                let agent = target.agent;
                let transfer = Transfer { skill, agent, reason, words, covers, is_fallback: false };
                self.leave(Leaving::new(Exit::Transfer(transfer)), fx);
            }
            Err(why) => self.on_transfer_failed(None, why, covers, now, fx),
        }
    }

    /// The consumer said one of the words that stand for "let me speak to people".
    pub(super) fn escalate_by_keyword(
        &mut self,
        message: Sequence,
        now: Instant,
        fx: &mut Effects,
    ) {
        let target = Target { skill: None, agent: None };
        let words = Some("keyword".to_owned());
        fx.push(Effect::Report(Fact::Escalating(Escalation::Keyword)));
        self.transfer_to(target, words, TransferReason::User, vec![message], now, fx);
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
        if let Some(why) = reason.escalation() {
            fx.push(Effect::Report(Fact::Escalating(why)));
        }
        let Some(skill) = self.settings.fallback_skill.clone() else {
            fx.push(Effect::Report(Fact::Fallback { reason, possible: false }));
            if self.is_chat() {
                self.tell_that_nobody_can();
            }
            return self.stay_without_answer(reason, event, fx);
        };
        let note = note(reason, self.turns.waiting_since(), now);
        if self.is_chat() {
            self.give_to_skill_in_chat(skill, reason, note, Vec::new(), fx);
        } else {
            self.give_to_people(skill, reason, (note, Audience::Agents), fx);
        }
    }

    /// Transfers once, with the note for whoever takes the chat. Nothing is given up before it has worked: there may be
    /// nobody, and then the bot goes on.
    fn give_to_skill_in_chat(
        &mut self,
        skill: SkillId,
        reason: FallbackReason,
        note: String,
        covers: Vec<Sequence>,
        fx: &mut Effects,
    ) {
        fx.push(Effect::Report(Fact::Fallback { reason, possible: true }));
        self.point_out_loop(Some(&skill), fx);
        let transfer = Transfer {
            skill: Some(skill),
            agent: None,
            reason: TransferReason::Error,
            words: Some(note),
            covers,
            is_fallback: false,
        };
        self.leave(Leaving::new(Exit::Transfer(transfer)), fx);
    }

    /// Says `first`, then transfers, until it works.
    fn give_to_people(
        &mut self,
        skill: SkillId,
        reason: FallbackReason,
        first: (String, Audience),
        fx: &mut Effects,
    ) {
        fx.push(Effect::Report(Fact::Fallback { reason, possible: true }));
        self.point_out_loop(Some(&skill), fx);
        let transfer = Transfer {
            skill: Some(skill),
            agent: None,
            reason: TransferReason::Error,
            words: Some(reason.words().to_owned()),
            covers: Vec::new(),
            is_fallback: true,
        };
        let mut leaving = Leaving::new(Exit::Transfer(transfer));
        leaving.before.push_back(first);
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
            let first = (settings.stuck.escalation_message.clone(), Audience::All);
            fx.push(Effect::Report(Fact::Escalating(Escalation::Configuration)));
            return self.give_to_people(skill, FallbackReason::Stuck, first, fx);
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

    /// A transfer that the bot wanted did not work: the bot hears of it, up to a limit; then the fallback skill.
    pub(super) fn on_transfer_failed(
        &mut self,
        tried: Option<SkillId>,
        why: String,
        covers: Vec<Sequence>,
        now: Instant,
        fx: &mut Effects,
    ) {
        fx.push(Effect::Report(Fact::TransferFailed(why)));
        if self.is_leaving() {
            self.stay(now, fx);
        }
        if self.is_chat() {
            return self.on_transfer_failed_in_chat(tried.as_ref(), covers, now, fx);
        }
        self.failed_transfers += 1;
        if self.failed_transfers <= self.settings.max_escalation_retries {
            return self.tell_bot_of_failed_transfer(covers, now);
        }
        self.show_typing(false, fx);
        let reason = FallbackReason::EscalationFailures;
        if tried.is_some() && tried == self.settings.fallback_skill {
            fx.push(Effect::Report(Fact::Fallback { reason, possible: false }));
        } else {
            self.fall_back(reason, None, now, fx);
        }
    }

    fn tell_bot_of_failed_transfer(&mut self, covers: Vec<Sequence>, now: Instant) {
        let sequence = self.handled.newest().max(0);
        let kind = EventKind::EscalationFailed(self.failed_transfers);
        let key = EventKey { sequence, kind };
        let text = self.settings.escalation_failed.clone();
        // What the bot says to this, answers what it wanted the transfer for.
        let batch = Batch { covers, ..Batch::special(key, text, self.newest_time()) };
        self.gather.add(Item::Special(Box::new(batch)), now);
    }

    /// In chat there may be no free agent, and a skill without one cannot be queued for: the fallback skill is tried
    /// once, if it is another one. If that fails too, the chat stays with the bot until something new asks for people.
    fn on_transfer_failed_in_chat(
        &mut self,
        tried: Option<&SkillId>,
        covers: Vec<Sequence>,
        now: Instant,
        fx: &mut Effects,
    ) {
        if let Some(skill) = self.settings.fallback_skill.clone()
            && tried != Some(&skill)
        {
            let reason = FallbackReason::EscalationFailures;
            let note = "The transfer that was asked for failed.".to_owned();
            return self.give_to_skill_in_chat(skill, reason, note, covers, fx);
        }
        let gone = self.reach == Reach::Gone;
        self.turns.escalated_in_vain(gone);
        self.tell_that_nobody_can();
        if self.failed_transfers == 1 && !gone {
            self.tell_bot_of_failed_transfer(covers, now);
        }
        if self.publication.is_none() && self.answers.is_empty() {
            self.show_typing(false, fx);
        }
    }

    /// Tells the consumer that nobody can take over: once since they last said something.
    fn tell_that_nobody_can(&mut self) {
        self.failed_transfers += 1;
        if self.failed_transfers == 1
            && let Some(text) = self.settings.unavailable.clone()
        {
            self.say_own(text);
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
                // The cloud tells the names of the skills that can be had: it is looked up there.
                None if self.is_chat() => Ok(Some(SkillId::from(name.as_str()))),
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
    /// What people are called in for; none if they have been called already, in vain.
    fn escalation(self) -> Option<Escalation> {
        match self {
            Self::Silence | Self::Fault | Self::Unreachable | Self::Internal => {
                Some(Escalation::Error)
            }
            Self::Stuck | Self::Late => Some(Escalation::Configuration),
            Self::EscalationFailures => None,
        }
    }

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

/// Another silence within this time is step two of the stuck fields (Resolve Stuck Conversations).
const STUCK_AGAIN_WITHIN: Duration = Duration::from_secs(600);
