//! The cloud and the door to the bot, as far as a conversation sees them: effects are carried out, outcomes told.

use connectord::conversation::{
    Call, CallError, CallId, Effect, Event,
    effect::Body,
    event::{BotEvent, Content, Departure, History, Outcome, ReceiptStatus, Speaker},
};

use super::{Door, Exits, Publishing, Talk, failed, no_answer, refused};
use crate::trace;

impl Talk {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        self.check(&effects);
        let mut outcomes = Vec::new();
        for effect in effects {
            if let Some(line) = trace::effect(&effect) {
                self.trace.push(format!("         {line}"));
            }
            match effect {
                Effect::Call { id, call } => self.take_call(id, call, &mut outcomes),
                Effect::Tell(call) => self.take_tell(call, &mut outcomes),
                Effect::Ask(question) => {
                    let (event, attempt) = (question.event.clone(), question.attempt);
                    self.last_asked = Some(event.clone());
                    self.last_attempt = attempt;
                    self.asked.push(question);
                    match self.door {
                        Door::Writes => {
                            outcomes.push(Event::Bot(BotEvent::HandedOver { event, attempt }));
                        }
                        Door::Down => {
                            outcomes.push(Event::Bot(BotEvent::Undelivered { event, attempt }));
                        }
                        Door::Attempts => {}
                    }
                }
                Effect::Withdraw(event) => self.withdrawn.push(event.to_string()),
                Effect::Notify(notice) => self.notices.push(notice),
                Effect::Report(fact) => self.facts.push(fact),
                Effect::Forget => self.conversation = None,
            }
        }
        for outcome in outcomes {
            self.step(outcome);
        }
    }

    /// What must hold after every step.
    fn check(&self, effects: &[Effect]) {
        assert!(effects.len() < 100, "too many effects: {effects:?}");
        let Some(conversation) = &self.conversation else {
            return;
        };
        let wake = conversation.wake();
        assert!(wake.is_none_or(|(at, _)| at > self.now), "{wake:?} is not in the future");
        let asks = effects.iter().any(|effect| matches!(effect, Effect::Ask(_)));
        let over = effects.contains(&Effect::Forget) || conversation.exit().is_some();
        assert!(!(asks && over), "the bot is asked about a conversation that is being left");
    }

    fn take_call(&mut self, id: CallId, call: Call, outcomes: &mut Vec<Event>) {
        self.calls.push(call.clone());
        if !self.online {
            return outcomes.push(Event::Called { id, outcome: Err(CallError::NotSent) });
        }
        let reply = self.reply(&call);
        match reply {
            None => self.held.push_back((id, call)),
            Some(Ok(())) => {
                let outcome = self.works(&call);
                outcomes.push(Event::Called { id, outcome: Ok(outcome) });
                outcomes.extend(self.news_of(&call));
            }
            Some(Err(error)) => {
                if self.publishing == Publishing::AckLost && call.name() == "publish" {
                    self.works(&call);
                }
                outcomes.push(Event::Called { id, outcome: Err(error) });
            }
        }
    }

    /// What the cloud says to a call; none if nothing yet.
    fn reply(&mut self, call: &Call) -> Option<Result<(), CallError>> {
        match call {
            Call::Publish { body, .. } => {
                let rich = !matches!(body, Body::Text { quick_replies: None, .. });
                match self.publishing {
                    Publishing::Works => Some(Ok(())),
                    Publishing::Held => None,
                    Publishing::Refused => Some(Err(refused(call))),
                    Publishing::RefusesRich if rich => Some(Err(refused(call))),
                    Publishing::RefusesRich => Some(Ok(())),
                    Publishing::Fails => Some(Err(failed(call))),
                    Publishing::AckLost => Some(Err(no_answer(call))),
                    Publishing::Lost => {
                        self.publishing = Publishing::Works;
                        Some(Err(no_answer(call)))
                    }
                }
            }
            Call::History { .. } if self.history_held => None,
            Call::History { .. } => Some(self.history_fails.clone().map_or(Ok(()), Err)),
            Call::Profile(_) if self.profile_held => None,
            Call::Transfer { .. } | Call::Return | Call::Close { .. } => {
                self.exited.push(call.clone());
                match self.exits {
                    Exits::Work | Exits::AgreedOnly => Some(Ok(())),
                    Exits::Refused => Some(Err(refused(call))),
                    Exits::TimeOut => Some(Err(no_answer(call))),
                    Exits::Held => None,
                }
            }
            Call::Profile(_) | Call::Receipt { .. } | Call::Typing { .. } => Some(Ok(())),
            Call::Join | Call::Ttr { .. } => Some(Ok(())),
        }
    }

    /// The call happens.
    pub(super) fn works(&mut self, call: &Call) -> Outcome {
        match call {
            Call::Publish { body, audience, mark, .. } => {
                let content = match body {
                    Body::Text { text, .. } => Content::Text(text.clone()),
                    Body::Rich { content, .. } => {
                        Content::Rich { content: content.clone(), text: "card".to_owned() }
                    }
                };
                self.said.extend(trace::words(&content));
                let sequence = self.stores(Speaker::Me, content, None);
                let stored = self.dialog.last_mut().unwrap();
                stored.audience = *audience;
                stored.mark = mark.clone().filter(|_| self.marks_come_back);
                Outcome::Published(sequence)
            }
            Call::History { after, .. } => {
                let from = after.map_or(0, |after| (after - 1).max(0));
                let known = self.dialog.iter().filter(|m| m.sequence >= from);
                let mut messages: Vec<_> = known.cloned().collect();
                let too_many = messages.len().saturating_sub(MOST_MESSAGES);
                if after.is_some() {
                    messages.truncate(MOST_MESSAGES);
                } else {
                    messages.drain(..too_many);
                }
                Outcome::History(History { messages, truncated: too_many > 0 })
            }
            Call::Profile(_) => Outcome::Profile(self.profile.clone()),
            Call::Transfer { .. }
            | Call::Return
            | Call::Close { .. }
            | Call::Receipt { .. }
            | Call::Typing { .. }
            | Call::Join
            | Call::Ttr { .. } => Outcome::Done,
        }
    }

    /// What everybody hears of a call that worked.
    pub(super) fn news_of(&mut self, call: &Call) -> Option<Event> {
        match call {
            _ if self.exits == Exits::AgreedOnly => None,
            Call::Publish { .. } if self.echoes => self.dialog.last().cloned().map(Event::Message),
            Call::Transfer { .. } | Call::Return => {
                self.gone = true;
                Some(Event::Left(Departure::Moved))
            }
            Call::Close { .. } => {
                self.gone = true;
                Some(Event::Left(Departure::Closed))
            }
            Call::Publish { .. }
            | Call::History { .. }
            | Call::Profile(_)
            | Call::Receipt { .. }
            | Call::Typing { .. }
            | Call::Join
            | Call::Ttr { .. } => None,
        }
    }

    pub(super) fn after_call(&mut self, call: &Call) {
        if let Some(news) = self.news_of(call) {
            self.step(news);
        }
    }

    fn take_tell(&mut self, call: Call, outcomes: &mut Vec<Event>) {
        self.calls.push(call.clone());
        match call {
            Call::Receipt { sequences, .. } => {
                self.receipts.extend(&sequences);
                if self.online {
                    let content = Content::Receipt { status: ReceiptStatus::Read, sequences };
                    self.stores(Speaker::Me, content, None);
                    if self.echoes {
                        outcomes.extend(self.dialog.last().cloned().map(Event::Message));
                    }
                }
            }
            Call::Typing { composing, .. } => {
                self.typing.push(if composing { "COMPOSING" } else { "ACTIVE" });
            }
            Call::Publish { .. }
            | Call::History { .. }
            | Call::Profile(_)
            | Call::Transfer { .. }
            | Call::Return
            | Call::Close { .. }
            | Call::Join
            | Call::Ttr { .. } => {}
        }
    }
}

/// The most messages that one reading brings.
const MOST_MESSAGES: usize = 2_000;
