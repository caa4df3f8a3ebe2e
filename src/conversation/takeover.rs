//! Pure: the first look at a conversation, from its history: what the bot has to hear, and what has been answered.

use std::time::Instant;

use super::{
    Arrival, Conversation, GREETING_AFTER,
    effect::{Ambiguity, Effect, Effects, Fact, Part},
    event::{Content, EventKey, EventKind, Message, Speaker},
    gather::{Batch, Item},
    history::{self, Takeover},
    settings::Kind,
    unmarked::Manner,
    words::Sequence,
};

impl Conversation {
    /// The first look at a conversation: what does the bot have to hear, what has been answered?
    pub(super) fn take_over(
        &mut self,
        messages: &[Message],
        arrival: Arrival,
        now: Instant,
        fx: &mut Effects,
    ) {
        let fresh = arrival == Arrival::Assigned;
        let Takeover {
            messages: picked,
            batch_ends,
            one_event,
            repeat,
            anchor,
            spoken,
            unread,
            failed_transfers,
            answered_by_position,
            asked_again,
            leftovers,
        } = history::take_over(
            messages,
            &self.journal,
            fresh,
            self.settings.skip_agent_message,
            match self.settings.kind {
                Kind::Messaging => Manner::Messaging { window: self.settings.gather },
                Kind::Chat => Manner::Chat { greets: self.settings.greeting.is_some() },
            },
        );
        self.leftovers = leftovers;
        // What arrived on a way out that was shut then.
        let taken = self.handled.clone();
        if let Some(last) = messages.last() {
            self.handled.raise(last.sequence);
        }
        self.anchor = anchor;
        self.last_said = messages
            .iter()
            .rev()
            .find(|m| m.from == Speaker::Consumer && history::is_content(m))
            .map(|m| (m.sequence, m.time));
        for (kind, times) in [
            (Ambiguity::AnsweredByPosition, answered_by_position),
            (Ambiguity::AskedAgain, asked_again.len()),
        ] {
            if times > 0 {
                let what = "an own message without a mark stands behind it".to_owned();
                fx.push(Effect::Report(Fact::Ambiguous { kind, times, what }));
            }
        }
        // What the agent may have answered already, was not late.
        let late: Vec<Sequence> = picked
            .iter()
            .filter(|m| self.is_late(m.time) && m.from == Speaker::Consumer)
            .filter(|m| !asked_again.contains(&m.sequence))
            .map(|m| m.sequence)
            .collect();
        for sequence in unread {
            if !late.contains(&sequence) {
                self.mark_unread(sequence);
            }
        }
        if self.is_chat() && !spoken {
            // In chat the agent speaks first; what the visitor has said follows.
            self.greet(now);
        }
        if let Some(key) = repeat {
            self.repeat(key, now);
        }
        let nothing = picked.is_empty() && repeat.is_none();
        for message in picked {
            let (sequence, from) = (message.sequence, message.from);
            match from {
                Speaker::Consumer if taken.knows(sequence) => {}
                Speaker::Consumer => {
                    let judge_late = !fresh && !asked_again.contains(&sequence);
                    self.take_consumer(message, judge_late, now, fx);
                }
                Speaker::Agent | Speaker::Me | Speaker::System => {
                    let batch = utterance(&message);
                    self.gather.add(Item::Special(Box::new(batch)), now);
                }
            }
            // In chat each line stays a turn of its own.
            if let Some((first, _)) = one_event.filter(|(_, last)| *last == sequence)
                && !self.is_chat()
            {
                self.gather.join_from(first);
            }
            if batch_ends.contains(&sequence) {
                self.gather.close_batch();
            }
        }
        self.failed_transfers = failed_transfers;
        self.gather.close_batch();
        if nothing && !spoken && !self.is_manager() && !self.is_chat() {
            self.greeting_at = Some(now + GREETING_AFTER);
        }
    }

    /// An event that is not a consumer message was answered in part before this process knew the conversation.
    fn repeat(&mut self, key: EventKey, now: Instant) {
        let text = match key.kind {
            EventKind::Greeting => self.settings.greeting.clone().unwrap_or_default(),
            EventKind::StepUp => self.settings.step_up.clone(),
            EventKind::EscalationFailed(_) => self.settings.escalation_failed.clone(),
            EventKind::Consumer
            | EventKind::Agent
            | EventKind::Say(_)
            | EventKind::Ended
            | EventKind::Transferred => return,
        };
        let batch = Batch::special(key, text, self.newest_time());
        self.gather.add(Item::Special(Box::new(batch)), now);
    }
}

/// An agent's last utterance, for the bot that takes over.
fn utterance(message: &Message) -> Batch {
    let text = match &message.content {
        Content::Text(text) | Content::Rich { text, .. } => text.clone(),
        Content::File(file) => file.caption.clone().unwrap_or_default(),
        Content::Receipt { .. } | Content::Unknown => String::new(),
    };
    let key = EventKey { sequence: message.sequence, kind: EventKind::Agent };
    let part = Part { sequence: message.sequence, text: text.clone(), time: message.time };
    let covers = vec![message.sequence];
    Batch { parts: vec![part], covers, ..Batch::special(key, text, message.time) }
}
