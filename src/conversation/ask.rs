//! Pure: putting events to the bot, and what comes back: seen, silence, faults, answers.

use std::{sync::Arc, time::Instant};

use super::{
    Conversation,
    effect::{Call, Disposition, DropReason, Effect, Effects, Fact, FallbackReason, Question},
    event::{Action, Answer, BotEvent, EventId, EventKey, EventKind, Reach},
    gather::{Batch, Item},
    turn::{Over, State, Turn},
    words::Timestamp,
};

impl Conversation {
    /// Whether the next event may go to the bot: one is under way at a time, and what others have overtaken on its way
    /// here is waited for (for two seconds, then the history is read), so that the order is kept.
    pub(super) fn can_ask(&self) -> bool {
        !self.draining
            && self.gap_until.is_none()
            && self.publication.is_none()
            && self.answers.is_empty()
            && self.turns.under_way().is_none()
    }

    pub(super) fn ask_when_ready(&mut self, now: Instant, fx: &mut Effects) {
        while self.is_serving()
            && self.can_ask()
            && let Some(batch) = self.gather.take(self.settings.gather, now)
        {
            self.ask(batch, now, fx);
        }
    }

    /// Takes the greeting up when its time has come.
    pub(super) fn greet_when_due(&mut self, now: Instant) {
        if self.greeting_at.is_some_and(|at| at <= now) {
            self.greeting_at = None;
            if self.gather.is_empty() && self.turns.is_empty() {
                self.greet(now);
            }
        }
    }

    /// Puts the greeting in line.
    pub(super) fn greet(&mut self, now: Instant) {
        if let Some(text) = self.settings.greeting.clone() {
            let sequence = self.handled.newest().max(0);
            let key = EventKey { sequence, kind: EventKind::Greeting };
            let batch = Batch::special(key, text, self.newest_time());
            self.gather.add(Item::Special(Box::new(batch)), now);
        }
    }

    fn ask(&mut self, batch: Batch, now: Instant, fx: &mut Effects) {
        let Batch { key, time, text, parts, covers, postback, file, rich } = batch;
        debug_assert!(
            covers.is_sorted_by(|one, next| one < next),
            "{covers:?} are asked once each, in order"
        );
        let event = self.event_id(key);
        let about = Arc::clone(&self.about);
        let question =
            Question { event, attempt: 1, time, about, text, parts, postback, file, rich };
        let mut turn = Turn::new(question.clone(), covers, now);
        // In chat people have just been wanted in vain: a bot that fails at the news of it calls for nobody.
        turn.fallback_fired = self.is_chat() && matches!(key.kind, EventKind::EscalationFailed(_));
        let awaited = turn.is_awaited();
        let escalates = awaited && !turn.fallback_fired;
        let has_fallback = self.settings.fallback_skill.is_some() && !self.is_manager();
        turn.put = !(awaited && has_fallback && self.reach == Reach::Gone);
        if !turn.put {
            // Nobody is there to wait for. In chat there may be no people either, then it waits without holding up
            // the next one.
            turn.state = State::Exhausted;
        }
        let (put, messages) = (turn.put, turn.messages());
        self.turns.add(turn);
        if let Some(shed) = self.turns.shed()
            && shed.messages() > 0
        {
            fx.push(Effect::Report(Fact::Consumer(shed.messages(), Disposition::LeftBehind)));
        }
        if !put {
            if escalates {
                self.fall_back(FallbackReason::Unreachable, Some(question.event), now, fx);
            }
            return;
        }
        if messages > 0 {
            fx.push(Effect::Report(Fact::Consumer(messages, Disposition::Asked)));
        }
        fx.push(Effect::Report(Fact::Asked(key.kind)));
        if awaited && self.reach == Reach::Up {
            self.show_typing(true, fx);
        }
        fx.push(Effect::Ask(question));
    }

    /// Resends what the bot is silent about, and finds out when it is stuck.
    pub(super) fn mind_silence(&mut self, now: Instant, fx: &mut Effects) {
        if !self.is_serving() {
            return;
        }
        let due: Vec<EventId> = self
            .turns
            .iter()
            .filter(|turn| turn.due().is_some_and(|at| at <= now))
            .map(|turn| turn.question.event.clone())
            .collect();
        for event in due {
            if !self.is_serving() {
                return;
            }
            let max_resends = self.settings.max_resends;
            let Some(turn) = self.turns.get_mut(&event) else {
                continue;
            };
            match turn.state {
                State::Undelivered { .. } => {
                    turn.state = State::Asking;
                    fx.push(Effect::Ask(turn.question.clone()));
                }
                State::HandedOver { .. } | State::Silent { .. } => {
                    if turn.is_awaited() && !turn.spoken && turn.resends < max_resends {
                        turn.resends += 1;
                        turn.state = State::Asking;
                        next_attempt(turn, fx);
                        fx.push(Effect::Ask(turn.question.clone()));
                    } else {
                        let failed = matches!(turn.state, State::Silent { .. });
                        turn.state = State::Exhausted;
                        // Nobody waits for the answer to a step-up, or once the bot has spoken.
                        if turn.is_awaited() && !turn.spoken {
                            let escalates = failed && !turn.fallback_fired;
                            self.on_stuck(&event, now, fx);
                            if escalates && self.is_chat() {
                                // A visitor is not kept waiting once there is nothing more to try.
                                self.fall_back(FallbackReason::Silence, Some(event), now, fx);
                            }
                        }
                    }
                }
                State::Asking | State::Seen | State::Exhausted => {}
            }
        }
    }

    /// The oldest awaited event has waited for too long.
    pub(super) fn mind_fallback(&mut self, now: Instant, fx: &mut Effects) {
        while !self.is_leaving() && self.fallback_at().is_some_and(|at| at <= now) {
            let oldest = self
                .turns
                .iter()
                .filter(|turn| turn.is_awaited() && !turn.fallback_fired && !turn.spoken)
                .min_by_key(|turn| turn.ready_at)
                .map(|turn| turn.question.event.clone());
            self.fall_back(FallbackReason::Silence, oldest, now, fx);
        }
    }

    /// When the fallback escalation fires; managers have none, the conversation is not theirs.
    pub(super) fn fallback_at(&self) -> Option<Instant> {
        if self.is_manager() {
            return None;
        }
        self.turns.fallback_at(self.settings.fallback_after)
    }

    pub(super) fn on_bot(&mut self, event: BotEvent, now: Instant, fx: &mut Effects) {
        match event {
            BotEvent::HandedOver { event, attempt } => {
                if let Some(turn) = self.turns.get_mut(&event)
                    && turn.question.attempt == attempt
                    && turn.state == State::Asking
                {
                    turn.state = State::HandedOver { resend_at: now + self.settings.resend_after };
                    if turn.is_awaited() {
                        self.show_typing(true, fx);
                    }
                }
            }
            BotEvent::Undelivered { event, attempt } => {
                if let Some(turn) = self.turns.get_mut(&event)
                    && turn.question.attempt == attempt
                    && turn.state == State::Asking
                {
                    let pause = self.settings.pause_before_resend(turn.resends);
                    turn.state = State::Undelivered { retry_at: now + pause };
                    if self.publication.is_none() && self.answers.is_empty() {
                        // Nobody is at work on it.
                        self.show_typing(false, fx);
                    }
                }
            }
            BotEvent::Seen { event, expects_answer: true } => {
                if let Some(turn) = self.turns.get_mut(&event) {
                    turn.state = State::Seen;
                }
            }
            BotEvent::Seen { event, expects_answer: false } => {
                // The bot says that there will be no answer, which is an answer.
                self.on_answer(Answer { event, actions: Vec::new(), intents: Vec::new() }, now, fx);
            }
            BotEvent::Silent { event, attempt, retry_after } => {
                let is_chat = self.is_chat();
                if let Some(turn) = self.turns.get_mut(&event)
                    && turn.question.attempt == attempt
                    && turn.is_under_way()
                {
                    let resends = turn.resends;
                    turn.state = if is_chat && resends >= self.settings.max_resends {
                        // Nothing more will be tried: that is no news to wait for.
                        State::Silent { resend_at: now }
                    } else {
                        let pause = self.settings.pause_before_resend(resends);
                        let wait = retry_after.map_or(pause, |asked| asked.max(pause));
                        State::Silent { resend_at: now + wait }
                    };
                }
            }
            BotEvent::Fault { event, why } => {
                let leaving = self.is_leaving();
                let (is_manager, is_chat) = (self.is_manager(), self.is_chat());
                let Some(turn) = self.turns.get_mut(&event) else {
                    return self.drop_answer(&event, fx);
                };
                fx.push(Effect::Report(Fact::ActionSkipped(why)));
                if leaving {
                    // People are about to get the conversation anyway.
                    turn.state = State::Exhausted;
                } else if turn.is_awaited() && !is_manager && !(is_chat && turn.fallback_fired) {
                    turn.state = State::Exhausted;
                    turn.faulty = true;
                    self.fall_back(FallbackReason::Fault, Some(event), now, fx);
                } else {
                    self.turns.give_up(&event);
                }
            }
            BotEvent::Answered(answer) => self.on_answer(answer, now, fx),
            BotEvent::Says(actions) => self.on_says(actions, fx),
        }
    }

    /// The bot can be reached again, or not any more. What it may have lost with its connection is put to it again
    /// as soon as the conversation is served, without counting as a resend.
    pub(super) fn on_reach(&mut self, reach: Reach, now: Instant, fx: &mut Effects) {
        let back = reach == Reach::Up && self.reach != Reach::Up;
        self.reach = reach;
        if reach == Reach::Gone && self.is_chat() {
            self.turns.let_next_pass();
        }
        if !back {
            return;
        }
        for turn in self.turns.iter_mut() {
            match turn.state {
                // It never left: the same attempt.
                State::Undelivered { .. } => {}
                State::HandedOver { .. } => next_attempt(turn, fx),
                State::Exhausted if !turn.put => {
                    turn.put = true;
                    if turn.messages() > 0 {
                        let asked = Fact::Consumer(turn.messages(), Disposition::Asked);
                        fx.push(Effect::Report(asked));
                    }
                }
                State::Exhausted if turn.is_awaited() && !turn.spoken => next_attempt(turn, fx),
                State::Asking | State::Silent { .. } | State::Seen | State::Exhausted => continue,
            }
            turn.state = State::Undelivered { retry_at: now };
        }
    }

    fn on_answer(&mut self, answer: Answer, now: Instant, fx: &mut Effects) {
        let Ok(turn) = self.turns.answer(&answer.event) else {
            return self.drop_answer(&answer.event, fx);
        };
        fx.push(Effect::Withdraw(answer.event.clone()));
        fx.push(Effect::Report(Fact::Answered(now.duration_since(turn.ready_at))));
        self.move_anchor(turn.said());
        if !self.can_publish() {
            return fx.push(Effect::Report(Fact::AnswerDropped(DropReason::NotAssigned)));
        }
        self.answers.push_back((answer, turn.covers));
    }

    fn drop_answer(&self, event: &EventId, fx: &mut Effects) {
        let reason = match self.turns.how_ended(event.key) {
            _ if event.dialog != self.about.dialog => DropReason::Unknown,
            Some(Over::Answered) => DropReason::AlreadyAnswered,
            Some(Over::GivenUp) => DropReason::GivenUp,
            None => DropReason::Unknown,
        };
        fx.push(Effect::Report(Fact::AnswerDropped(reason)));
    }

    /// The bot has answered what was said then: `maxConsumerMessageDelay` counts from there.
    fn move_anchor(&mut self, said: Option<Timestamp>) {
        if let Some(said) = said {
            self.anchor = Some(self.anchor.map_or(said, |anchor| anchor.max(said)));
        }
    }

    /// The bot speaks unasked. If the consumer sees it, it answers the oldest event that the bot has: nobody waits in
    /// silence any more. A proper answer to that event may still come.
    fn on_says(&mut self, actions: Vec<Action>, fx: &mut Effects) {
        if self.is_leaving() || !self.can_publish() || self.answers.len() >= MAX_ANSWERS {
            return fx.push(Effect::Report(Fact::AnswerDropped(DropReason::NotAssigned)));
        }
        let speaks = actions.iter().any(|action| match action {
            Action::Text { audience, .. } => *audience == super::event::Audience::All,
            Action::Structured { .. } | Action::Transfer { .. } | Action::Close { .. } => true,
            Action::Pause { .. } | Action::ChangeTtr { .. } => false,
        });
        let mut covers = Vec::new();
        if speaks {
            let (said, settled) = self.turns.spoken_to();
            self.move_anchor(said);
            covers = settled;
        }
        let key = self.say_key();
        let event = self.event_id(key);
        self.answers.push_back((Answer { event, actions, intents: Vec::new() }, covers));
    }

    /// The connection is back: the consumer may have lost sight of the typing indicator.
    pub(super) fn show_typing_again(&mut self, fx: &mut Effects) {
        if std::mem::take(&mut self.typing) {
            self.show_typing(true, fx);
        }
    }

    /// COMPOSING from hand-over until the answer is published, then ACTIVE.
    pub(super) fn show_typing(&mut self, composing: bool, fx: &mut Effects) {
        if self.typing != composing && !self.is_manager() {
            self.typing = composing;
            let dialog = self.about.dialog.clone();
            fx.push(Effect::Tell(Call::Typing { dialog, composing }));
        }
    }
}

/// The same event, the next attempt.
fn next_attempt(turn: &mut Turn, fx: &mut Effects) {
    turn.question.attempt += 1;
    fx.push(Effect::Report(Fact::Resent(turn.question.event.clone())));
}

/// How many answers and unasked sayings may wait for their turn to be published.
const MAX_ANSWERS: usize = 32;
