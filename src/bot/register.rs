//! Pure: which events and conversations a bot may speak about.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::conversation::{ConversationId, event::EventId};

/// What is open, and what was open lately. Bounded by the core for what is open, by a count for the rest.
#[derive(Debug, Default)]
pub(super) struct Register {
    events: BTreeMap<EventId, Entry>,
    /// The events that are not open any more, oldest first.
    closed: VecDeque<EventId>,
    conversations: BTreeSet<ConversationId>,
}

/// What is known of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where it belongs.
    pub(super) conversation: ConversationId,
    /// What became of it.
    pub(super) state: State,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Asked, and waiting for an answer.
    Open,
    /// Answered.
    Answered,
    /// Given up.
    Withdrawn,
}

impl Register {
    /// The event was put to the bot, perhaps again.
    pub(super) fn asked(&mut self, event: &EventId, conversation: &ConversationId) {
        self.opened(conversation);
        let entry = Entry { conversation: conversation.clone(), state: State::Open };
        self.events.insert(event.clone(), entry);
    }

    /// The bot answered. An event that had been given up stays so.
    pub(super) fn answered(&mut self, event: &EventId) {
        self.close(event, State::Answered);
    }

    /// The event was given up. An event that had been answered stays so.
    pub(super) fn withdrawn(&mut self, event: &EventId) {
        self.close(event, State::Withdrawn);
    }

    /// What is known of an event by the text of its id.
    pub(super) fn find(&self, id: &str) -> Option<(EventId, &Entry)> {
        let event = EventId::parse(id)?;
        self.events.get(&event).map(|entry| (event, entry))
    }

    /// The bot may speak in this conversation.
    pub(super) fn opened(&mut self, conversation: &ConversationId) {
        self.conversations.insert(conversation.clone());
    }

    /// The conversation is over or elsewhere, and so are its events.
    pub(super) fn closed(&mut self, conversation: &ConversationId) {
        self.conversations.remove(conversation);
        let open: Vec<EventId> = (self.events.iter())
            .filter(|(_, entry)| entry.conversation == *conversation)
            .filter(|(_, entry)| entry.state == State::Open)
            .map(|(event, _)| event.clone())
            .collect();
        for event in open {
            self.withdrawn(&event);
        }
    }

    /// Whether the bot may speak in this conversation.
    pub(super) fn is_open(&self, conversation: &ConversationId) -> bool {
        self.conversations.contains(conversation)
    }

    fn close(&mut self, event: &EventId, state: State) {
        let Some(entry) = self.events.get_mut(event) else {
            return;
        };
        if entry.state != State::Open {
            return;
        }
        entry.state = state;
        self.closed.push_back(event.clone());
        if self.closed.len() > REMEMBERED
            && let Some(oldest) = self.closed.pop_front()
            && (self.events.get(&oldest)).is_some_and(|entry| entry.state != State::Open)
        {
            self.events.remove(&oldest);
        }
    }
}

/// How many events that are not open any more are remembered, so that a late answer can be told from a wrong one.
const REMEMBERED: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_open_until_it_is_answered_or_given_up() {
        let mut register = Register::default();
        let state = |register: &Register, id: &str| register.find(id).map(|(_, entry)| entry.state);
        assert_eq!(state(&register, "a:1"), None);
        register.asked(&event(1), &conversation());
        assert_eq!(state(&register, "a:1"), Some(State::Open));
        register.answered(&event(1));
        register.withdrawn(&event(1));
        assert_eq!(state(&register, "a:1"), Some(State::Answered));
        register.asked(&event(2), &conversation());
        register.withdrawn(&event(2));
        assert_eq!(state(&register, "a:2"), Some(State::Withdrawn));
        register.asked(&event(2), &conversation());
        assert_eq!(state(&register, "a:2"), Some(State::Open));
        assert_eq!(state(&register, "no id"), None);
    }

    #[test]
    fn the_end_of_a_conversation_gives_up_its_open_events() {
        let mut register = Register::default();
        register.asked(&event(1), &conversation());
        register.asked(&event(2), &conversation());
        register.answered(&event(1));
        assert!(register.is_open(&conversation()));
        register.closed(&conversation());
        assert!(!register.is_open(&conversation()));
        assert_eq!(register.find("a:1").unwrap().1.state, State::Answered);
        assert_eq!(register.find("a:2").unwrap().1.state, State::Withdrawn);
    }

    #[test]
    fn only_the_newest_two_thousand_closed_events_are_remembered_and_open_ones_never_forgotten() {
        let mut register = Register::default();
        register.asked(&event(0), &conversation());
        for n in 1..=2_001 {
            register.asked(&event(n), &conversation());
            register.answered(&event(n));
        }
        assert!(register.find("a:0").is_some());
        assert!(register.find("a:1").is_none());
        assert!(register.find("a:2").is_some());
        assert_eq!(register.events.len(), 2_001);
    }

    fn event(n: i64) -> EventId {
        EventId::parse(&format!("a:{n}")).unwrap()
    }

    fn conversation() -> ConversationId {
        ConversationId::from("c")
    }
}
