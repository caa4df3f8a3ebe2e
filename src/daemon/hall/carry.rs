//! To the conversations, and from them to the doors.

use std::time::Instant;

use super::Hall;
use crate::{
    bot, cloud,
    conversation::{
        CallError, ConversationId, Effect, Effects, Event,
        effect::{Call, Fact},
        event::BotEvent,
    },
    daemon::report,
    ops::metrics::{Direction, Peer},
};

impl Hall {
    pub(super) fn tell_all(&mut self, event: impl Fn() -> Event, now: Instant) {
        for id in self.book.ids() {
            self.step(&id, event(), now);
        }
    }

    pub(super) fn step(&mut self, id: &ConversationId, event: Event, now: Instant) {
        let effects = self.book.step(id, event, now);
        self.carry_out(id, effects, now);
    }

    pub(super) fn carry_out(&mut self, id: &ConversationId, effects: Effects, now: Instant) {
        for effect in effects {
            match effect {
                Effect::Call { id: call, call: what } => {
                    self.note_relay(&what, now);
                    let command = cloud::Command::Call {
                        conversation: id.clone(),
                        id: Some(call),
                        call: what,
                    };
                    if !self.tell_cloud(command) {
                        let outcome = Err(CallError::NotSent);
                        self.backlog.push_back((id.clone(), Event::Called { id: call, outcome }));
                    }
                }
                Effect::Tell(call) => {
                    let conversation = id.clone();
                    self.tell_cloud(cloud::Command::Call { conversation, id: None, call });
                }
                Effect::Ask(question) => {
                    let (event, attempt) = (question.event.clone(), question.attempt);
                    self.metrics.relay(Direction::ToBot, now.duration_since(self.arrived));
                    if !self.tell_bot(bot::Command::Ask(Box::new(question))) {
                        let back = BotEvent::Undelivered { event, attempt };
                        self.backlog.push_back((id.clone(), Event::Bot(back)));
                    }
                }
                Effect::Withdraw(event) => {
                    self.tell_bot(bot::Command::Withdraw(event));
                }
                Effect::Notify(notice) => {
                    self.tell_bot(bot::Command::Notify(Box::new(notice)));
                }
                Effect::Report(fact) => {
                    self.metrics.fact(&fact);
                    self.board.totals().fact(&fact);
                    report::log(id, &fact);
                    if let Fact::Missed(_) = fact {
                        self.has_missed(now);
                    }
                }
                Effect::Forget => {}
            }
        }
    }

    /// The way from the bot's reply to the publish leaving, as far as it is ours.
    pub(super) fn note_relay(&self, call: &Call, now: Instant) {
        if let Call::Publish { mark: Some(mark), .. } = call
            && mark.index == 0
        {
            self.metrics.relay(Direction::ToCloud, now.duration_since(self.arrived));
        }
    }

    /// False if the door is closed or full.
    pub(super) fn tell_cloud(&self, command: cloud::Command) -> bool {
        let sent = self.cloud.try_send(command);
        if sent.is_err() {
            self.metrics.protocol_error(Peer::Cloud, "queue_full");
        }
        sent.is_ok()
    }

    /// False if the door is closed or full.
    pub(super) fn tell_bot(&self, command: bot::Command) -> bool {
        let sent = self.bot.try_send(command);
        if sent.is_err() {
            self.metrics.protocol_error(Peer::Bot, "queue_full");
        }
        sent.is_ok()
    }
}
