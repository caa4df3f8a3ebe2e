//! Pure: the consumer's profile, and the step-up: the consumer logs in and gets another id.

use std::{sync::Arc, time::Instant};

use super::{
    CallId, Conversation,
    effect::{Call, Effects},
    event::{CallError, EventKey, EventKind, Outcome, Profile},
    gather::{Batch, Item},
    words::ConsumerId,
};

impl Conversation {
    /// The consumer logged in: what was said before goes first, then the profile is read, then the bot is told.
    pub(super) fn step_up(&mut self, consumer: ConsumerId, now: Instant, fx: &mut Effects) {
        if self.known_consumers.len() == MAX_CONSUMERS {
            self.known_consumers.remove(0);
        }
        self.known_consumers.push(consumer);
        if self.is_manager() || self.is_chat() {
            return;
        }
        // The barrier closes the open window.
        let call = self.read_profile(fx);
        self.gather.add(Item::Barrier(call), now);
    }

    pub(super) fn read_profile(&mut self, fx: &mut Effects) -> CallId {
        self.call(Call::Profile(self.about.consumer.clone()), fx)
    }

    /// The profile that was asked for when the conversation began.
    pub(super) fn on_profile(&mut self, outcome: Result<Outcome, CallError>) {
        self.profile_call = None;
        // A step-up's profile may have overtaken it: that one is newer.
        if let Some(profile) = profile(outcome)
            && self.about.profile.is_none()
        {
            Arc::make_mut(&mut self.about).profile = Some(profile);
        }
    }

    /// The profile of the consumer who has just logged in: now the bot can be told.
    pub(super) fn on_step_up_profile(&mut self, id: CallId, outcome: Result<Outcome, CallError>) {
        self.profile_call = None;
        Arc::make_mut(&mut self.about).profile = profile(outcome);
        let sequence = self.handled.newest().max(self.next_step_up);
        self.next_step_up = sequence.saturating_add(1);
        let key = EventKey { sequence, kind: EventKind::StepUp };
        let batch = Batch::special(key, self.settings.step_up.clone(), self.newest_time());
        self.gather.replace_barrier(id, batch);
    }
}

/// The profile that a call brought. It is an extra: without it the conversation goes on.
fn profile(outcome: Result<Outcome, CallError>) -> Option<Profile> {
    match outcome {
        Ok(Outcome::Profile(profile)) => Some(profile),
        Ok(Outcome::Done | Outcome::Published(_) | Outcome::History(_)) | Err(_) => None,
    }
}

/// How many ids of one consumer are remembered.
const MAX_CONSUMERS: usize = 8;
