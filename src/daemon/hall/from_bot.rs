//! What comes through the door to the bot.

use std::time::Instant;

use tracing::{debug, info, warn};

use super::Hall;
use crate::{
    bot,
    conversation::{
        ConversationId, Event, Timestamp,
        effect::{DropReason, Fact},
        event::{BotEvent, Reach},
    },
    ops::metrics::Peer,
};

impl Hall {
    /// Something came from the bot.
    pub fn on_bot(&mut self, event: bot::Event, now: Instant, wall: Timestamp) {
        match event {
            bot::Event::Conversation { id, at, event } => {
                self.arrived = at;
                if self.book.get(&id).is_some() {
                    self.step(&id, Event::Bot(event), now);
                } else {
                    self.bot_spoke_of_nothing(&id, &event);
                }
            }
            bot::Event::Link(state) => self.on_bot_link(state, now, wall),
            bot::Event::Unusable { kind, detail } => {
                warn!(kind, detail, "the bot sent something that cannot be used");
                self.metrics.protocol_error(Peer::Bot, kind);
            }
            bot::Event::Attempt(result) => self.metrics.bot_request(result),
            bot::Event::Stopped => debug!("the bot's door is closed"),
        }
        self.settle(now, wall);
    }

    pub(super) fn on_bot_link(&mut self, state: bot::LinkState, now: Instant, wall: Timestamp) {
        match state.connected {
            Some(false) => {
                if let Some(error) = &state.error {
                    if self.complaints.1.is_repeated(error, now) {
                        debug!(error, detail = state.detail, "the bot still cannot be reached");
                    } else {
                        warn!(error, detail = state.detail, "the bot cannot be reached");
                    }
                }
                if self.reach == Reach::Up {
                    // A link that is opened for the first time has lost nothing.
                    if state.error.is_some() {
                        self.metrics.reconnect(Peer::Bot, "lost");
                    }
                    self.gone_at = Some(now + self.settings.conversation.resend_after);
                    self.set_reach(Reach::Down, now);
                }
            }
            Some(true) | None => {
                if let Some(error) = &state.error {
                    warn!(error, detail = state.detail, "the bot does not answer as it should");
                }
                self.gone_at = None;
                if self.reach != Reach::Up {
                    info!(detail = state.detail, "the bot is back");
                    self.set_reach(Reach::Up, now);
                }
            }
        }
        self.news |= self.board.bot(state, wall);
    }

    pub(super) fn set_reach(&mut self, reach: Reach, now: Instant) {
        self.reach = reach;
        self.tell_all(|| Event::Reach(reach), now);
    }

    pub(super) fn bot_spoke_of_nothing(&self, id: &ConversationId, event: &BotEvent) {
        let spoke = match event {
            BotEvent::Answered(_) | BotEvent::Says(_) => true,
            BotEvent::HandedOver { .. }
            | BotEvent::Undelivered { .. }
            | BotEvent::Seen { .. }
            | BotEvent::Silent { .. }
            | BotEvent::Fault { .. } => false,
        };
        if spoke {
            warn!(conversation = %id, "the bot speaks in a conversation that it has no more");
            self.metrics.fact(&Fact::AnswerDropped(DropReason::NotAssigned));
        }
    }
}
