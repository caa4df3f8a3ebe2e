//! The way to the hall, and its words.

use std::time::Instant;

use tokio::sync::mpsc;

use crate::{
    bot::{Event, content::Problem, dialect::native::Reply, websocket::Delivery},
    conversation::{ConversationId, event::BotEvent},
};

/// The way to the hall. It may make the room wait, and then the bot waits too.
pub(super) struct Hall(mpsc::Sender<Event>);

/// The hall is gone: nobody hears any more.
pub(super) struct HallGone;

impl Hall {
    pub(super) fn new(events: mpsc::Sender<Event>) -> Self {
        Self(events)
    }

    /// A question comes back: the bot cannot have it.
    pub(super) async fn give_back(&self, delivery: Delivery, at: Instant) -> Result<(), HallGone> {
        let Delivery { conversation, event, attempt } = delivery;
        let event = BotEvent::Undelivered { event, attempt };
        self.hand_over(conversation, at, event).await
    }

    /// Tells the hall what of a reply could not be used.
    pub(super) async fn report(&self, id: &str, reply: &Reply) -> Result<(), HallGone> {
        if reply.problems.is_empty() {
            return Ok(());
        }
        let kind = if reply.skipped > 0 { "action" } else { "content" };
        self.unusable(kind, format!("reply to {id}: {}", listed(&reply.problems))).await
    }

    pub(super) async fn unusable(
        &self,
        kind: &'static str,
        detail: String,
    ) -> Result<(), HallGone> {
        self.tell(Event::Unusable { kind, detail }).await
    }

    pub(super) async fn hand_over(
        &self,
        id: ConversationId,
        at: Instant,
        event: BotEvent,
    ) -> Result<(), HallGone> {
        self.tell(Event::Conversation { id, at, event }).await
    }

    pub(super) async fn tell(&self, event: Event) -> Result<(), HallGone> {
        self.0.send(event).await.map_err(|_| HallGone)
    }
}

/// Problems in one line.
pub(super) fn listed(problems: &[Problem]) -> String {
    let mut lines: Vec<_> = problems.iter().take(LISTED).map(ToString::to_string).collect();
    if problems.len() > LISTED {
        lines.push(format!("and {} more", problems.len() - LISTED));
    }
    lines.join("; ")
}

/// Problems of one reply that are spelled out.
const LISTED: usize = 10;
