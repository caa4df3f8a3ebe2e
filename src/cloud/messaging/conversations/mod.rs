//! Pure: what the platform tells about conversations, and whether they are this agent's.
//!
//! Each notification carries the whole state of a conversation, and they may overtake each other, so the
//! newest one per conversation is remembered (Messaging Agent API, delivery properties).

mod shape;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde_json::value::RawValue;
use shape::WireChange;

use super::identity::Identity;
use crate::{
    cloud::Event,
    conversation::{
        ConversationId, DialogId, Sequence, SkillId, Timestamp,
        event::{Departure, Details},
    },
};

/// The conversations of one connection: how new what is known of them is.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    known: BTreeMap<ConversationId, Known>,
    /// Conversations that were left, oldest first: forgotten once there are many, so that nothing grows for ever.
    left: VecDeque<ConversationId>,
}

#[derive(Debug, Default)]
struct Known {
    version: Version,
    here: bool,
    /// In which look its history was asked for its newest message.
    asked: u32,
}

/// What one change of a notification means.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Change {
    /// What to tell the hall.
    pub(super) event: Option<Event>,
    /// The newest sequence that the change speaks of, for the main dialog.
    pub(super) newest: Option<(DialogId, Sequence)>,
    /// The conversation that it is about, and whether this agent was not in it before.
    pub(super) about: Option<(ConversationId, bool)>,
}

impl Conversations {
    /// Reads one change. `manager` agents see conversations that they are not in.
    pub(super) fn change(&mut self, raw: &RawValue, me: &Identity, manager: bool) -> Change {
        let unusable = |detail: &str| Change {
            event: Some(Event::Unusable { kind: "conversation", detail: detail.to_owned() }),
            newest: None,
            about: None,
        };
        let Ok(change) = serde_json::from_str::<WireChange>(raw.get()) else {
            return unusable("a change is not an object");
        };
        let state = change.result.unwrap_or_default();
        let details = state.conversation_details.unwrap_or_default();
        let Some(id) = state.conv_id.or_else(|| details.conv_id.clone()) else {
            return unusable("a change names no conversation");
        };
        let id = ConversationId::from(id);
        let version =
            Version { metadata: details.meta_data_last_update_ts, update: state.last_update_time };
        let known = self.known.entry(id.clone()).or_default();
        if version.is_older_than(known.version) {
            return Change { about: Some((id, false)), ..Change::default() };
        }
        known.version = version.or(known.version);

        let main = details.main_dialog();
        let newest = state
            .last_content_event_notification
            .and_then(|event| Some((DialogId::from(event.dialog_id?), event.sequence?)));
        let part = details.part(me, manager, main);
        let deleted = change.r#type.as_deref() == Some("DELETE");
        let closed = details.is_closed(main);
        if !deleted
            && !closed
            && let Some(joined) = part
        {
            let Some(consumer) = details.consumer(main) else {
                // Not to be remembered for ever because of it; one that is served stays.
                self.forget_later(id);
                return unusable("a conversation has no consumer");
            };
            let appeared = !std::mem::replace(&mut known.here, true);
            let about = Some((id.clone(), appeared));
            return Change {
                about,
                event: Some(Event::Conversation {
                    details: Details {
                        dialog: main
                            .and_then(|dialog| dialog.dialog_id.as_deref())
                            .map_or_else(|| id.as_str().into(), DialogId::from),
                        skill: details
                            .skill_id
                            .as_deref()
                            .filter(|skill| !matches!(*skill, "" | "-1"))
                            .map(SkillId::from),
                        consumer: consumer.into(),
                        started: Timestamp(
                            details
                                .start_ts
                                .or_else(|| main.and_then(|dialog| dialog.creation_ts))
                                .or(version.metadata)
                                .or(version.update)
                                .unwrap_or(0),
                        ),
                    },
                    id,
                    joined,
                }),
                newest,
            };
        }
        // A DELETE is told even of conversations never seen: the hall may know them from before a reconnect.
        let was_here = std::mem::take(&mut known.here);
        if was_here || deleted {
            self.forget_later(id.clone());
            let how = if closed { Departure::Closed } else { Departure::Moved };
            return Change {
                about: Some((id.clone(), false)),
                event: Some(Event::Gone { id, how, csat: details.csat() }),
                newest: None,
            };
        }
        self.forget_later(id.clone());
        Change { about: Some((id, false)), ..Change::default() }
    }

    /// The conversations that this agent is in.
    pub(super) fn here(&self) -> impl Iterator<Item = &ConversationId> {
        self.known.iter().filter(|(_, known)| known.here).map(|(id, _)| id)
    }

    /// A conversation was left, as its absence from a list told. False if that is not news.
    pub(super) fn left(&mut self, id: &ConversationId) -> bool {
        let left = self.known.get_mut(id).is_some_and(|known| std::mem::take(&mut known.here));
        if left {
            self.forget_later(id.clone());
        }
        left
    }

    /// When the conversation's newest message was asked for, counted by its callers; it is now, if `anew` is given.
    pub(super) fn asked(&mut self, id: &ConversationId, anew: Option<u32>) -> u32 {
        let Some(known) = self.known.get_mut(id) else {
            return 0;
        };
        let before = known.asked;
        known.asked = anew.unwrap_or(before);
        before
    }

    fn forget_later(&mut self, id: ConversationId) {
        self.left.push_back(id);
        while self.left.len() > REMEMBERED {
            let Some(id) = self.left.pop_front() else {
                break;
            };
            if self.known.get(&id).is_some_and(|known| !known.here) {
                self.known.remove(&id);
            }
        }
    }
}

/// Long enough for a notification that was overtaken, short enough to cost nothing.
const REMEMBERED: usize = 1_000;

/// How new a notification is; compared member by member, since not every notification has both.
#[derive(Clone, Copy, Debug, Default)]
struct Version {
    metadata: Option<i64>,
    update: Option<i64>,
}

impl Version {
    fn is_older_than(self, known: Self) -> bool {
        match (self.metadata, known.metadata) {
            (Some(new), Some(old)) => new < old,
            _ => matches!((self.update, known.update), (Some(new), Some(old)) if new < old),
        }
    }

    fn or(self, known: Self) -> Self {
        Self { metadata: self.metadata.or(known.metadata), update: self.update.or(known.update) }
    }
}
