//! Pure: all live conversations, and who wants to be woken next.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use super::{
    Arrival, Conversation, ConversationId, Effect, Effects, Event, Settings,
    effect::{Call, Escalation, Fact, FallbackReason, TransferReason},
    event::{Details, Reach},
};

/// The conversations that this agent is in.
#[derive(Debug, Default)]
pub struct Book {
    live: BTreeMap<ConversationId, Entry>,
    /// One entry for each conversation that waits for time.
    wakes: BTreeSet<(Instant, ConversationId)>,
}

#[derive(Debug)]
struct Entry {
    /// Boxed, so that moving it in and out of a step moves a pointer. None only while it is being stepped.
    conversation: Option<Box<Conversation>>,
    wake: Option<Instant>,
}

impl Book {
    /// A conversation begins.
    pub fn begin(
        &mut self,
        id: &ConversationId,
        details: Details,
        arrival: Arrival,
        settings: Arc<Settings>,
        reach: Reach,
        now: Instant,
    ) -> Effects {
        let (conversation, effects) =
            Conversation::begin(id.clone(), details, arrival, settings, reach, now);
        let entry = Entry { conversation: Some(Box::new(conversation)), wake: None };
        if let Some(Entry { wake: Some(at), .. }) = self.live.insert(id.clone(), entry) {
            self.wakes.remove(&(at, id.clone()));
        }
        self.set_wake(id);
        effects
    }

    /// Tells one conversation that something happened; nothing comes of it if there is no such conversation.
    ///
    /// A panic in the step takes only this conversation down: people get it (a manager's conversation stays with its
    /// agent), the others never notice.
    pub fn step(&mut self, id: &ConversationId, event: Event, now: Instant) -> Effects {
        let Some(entry) = self.live.get_mut(id) else {
            return Effects::new();
        };
        let Some(conversation) = entry.conversation.take() else {
            return Effects::new();
        };
        let fallback = conversation.settings.fallback_skill.clone();
        let is_manager = conversation.is_manager();
        match catch_unwind(AssertUnwindSafe(|| conversation.step(event, now))) {
            Ok((conversation, effects)) => {
                entry.conversation = Some(Box::new(conversation));
                if effects.contains(&Effect::Forget) {
                    self.forget(id);
                } else {
                    self.set_wake(id);
                }
                effects
            }
            Err(panic) => {
                self.forget(id);
                let broken = Effect::Report(Fact::Broken(panic_text(panic.as_ref())));
                if is_manager {
                    // The conversation is not a manager's to give away.
                    return vec![broken, Effect::Forget];
                }
                let reason = FallbackReason::Internal;
                let possible = fallback.is_some();
                let call = match fallback {
                    Some(skill) => Call::Transfer {
                        skill: Some(skill),
                        agent: None,
                        reason: TransferReason::Error,
                        words: Some(reason.words().to_owned()),
                    },
                    None => Call::Return,
                };
                vec![
                    broken,
                    Effect::Report(Fact::Escalating(Escalation::Error)),
                    Effect::Report(Fact::Fallback { reason, possible }),
                    Effect::Tell(call),
                    Effect::Forget,
                ]
            }
        }
    }

    /// When the first conversation wants to be woken.
    #[must_use]
    pub fn wake(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// A conversation whose time has come; step it with [`Event::Elapsed`] before asking again.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<ConversationId> {
        self.wakes.first().filter(|(at, _)| *at <= now).map(|(_, id)| id.clone())
    }

    /// A conversation.
    #[must_use]
    pub fn get(&self, id: &ConversationId) -> Option<&Conversation> {
        self.live.get(id)?.conversation.as_deref()
    }

    /// All conversations, ordered by id.
    pub fn iter(&self) -> impl Iterator<Item = (&ConversationId, &Conversation)> {
        self.live.iter().filter_map(|(id, entry)| Some((id, entry.conversation.as_deref()?)))
    }

    /// The ids of all conversations.
    #[must_use]
    pub fn ids(&self) -> Vec<ConversationId> {
        self.live.keys().cloned().collect()
    }

    /// How many conversations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    fn forget(&mut self, id: &ConversationId) {
        if let Some(Entry { wake: Some(at), .. }) = self.live.remove(id) {
            self.wakes.remove(&(at, id.clone()));
        }
    }

    fn set_wake(&mut self, id: &ConversationId) {
        let Some(entry) = self.live.get_mut(id) else {
            return;
        };
        let wake = entry.conversation.as_ref().and_then(|c| c.wake()).map(|(at, _)| at);
        if wake == entry.wake {
            return;
        }
        if let Some(old) = entry.wake {
            self.wakes.remove(&(old, id.clone()));
        }
        if let Some(new) = wake {
            self.wakes.insert((new, id.clone()));
        }
        entry.wake = wake;
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}
