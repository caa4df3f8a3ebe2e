//! Pure: notifications of one connection become events for the hall.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    conversations::Conversations,
    identity::Identity,
    messages::{self, Reading},
    news::{Moment, Seen, Told},
    rings::{self, Rings},
    wire::{Notification, Topic},
};
use crate::{
    cloud::{Event, lenient},
    conversation::{
        ConversationId, DialogId, Sequence, Timestamp,
        event::{Departure, History},
    },
};

/// What has to be remembered of a connection's notifications to understand the next one.
#[derive(Debug)]
pub(super) struct Translator {
    me: Identity,
    manager: bool,
    conversations: Conversations,
    rings: Rings,
    newest: BTreeMap<DialogId, Sequence>,
}

impl Translator {
    /// A connection begins.
    #[must_use]
    pub(super) fn new(me: Identity, manager: bool) -> Self {
        Self {
            me,
            manager,
            conversations: Conversations::default(),
            rings: Rings::default(),
            newest: BTreeMap::new(),
        }
    }

    /// Who this agent is on this connection.
    #[must_use]
    pub(super) fn me(&self) -> &Identity {
        &self.me
    }

    /// The newest sequence that any notification told of a dialog.
    #[must_use]
    pub(super) fn newest(&self, dialog: &DialogId) -> Option<Sequence> {
        self.newest.get(dialog).copied()
    }

    /// Reads one notification.
    pub(super) fn read(&mut self, notification: &Notification<'_>, at: &Moment) -> Told {
        let mut told = Told::default();
        match &notification.topic {
            Topic::Conversations => {
                let body = Changes::read(notification.body);
                body.elements().into_iter().for_each(|raw| self.conversation(raw, &mut told));
                told.by = body.subscription_id;
            }
            Topic::Rings => {
                let body = Changes::read(notification.body);
                for raw in body.elements() {
                    let events = self.rings.change(raw, at, &mut told.seen);
                    told.events.extend(events);
                }
                told.by = body.subscription_id;
            }
            Topic::AgentState => {
                let body = Changes::read(notification.body);
                let states = body.elements().into_iter();
                told.events.extend(states.filter_map(|raw| rings::agent_state(raw, &self.me)));
            }
            Topic::Message => {
                told.events.extend(notification.body.and_then(|raw| self.message(raw, at)));
            }
            Topic::RingUpdated => {}
            Topic::Unknown(name) => told.events.push(Event::Unusable {
                kind: "notification",
                detail: format!("a notification of the unknown type {name:?}"),
            }),
        }
        told
    }

    /// The conversations that this agent is in.
    pub(super) fn here(&self) -> impl Iterator<Item = ConversationId> {
        self.conversations.here().cloned()
    }

    /// A conversation was left without a word; what to tell of it, if it is news.
    pub(super) fn left(&mut self, id: ConversationId) -> Option<Event> {
        self.newest.remove(&DialogId::from(id.as_str()));
        let left = self.conversations.left(&id);
        left.then_some(Event::Gone { id, how: Departure::Moved, csat: None })
    }

    /// Those at most `most` conversations of which `longest` ago, in looks, it was asked what is newest. It is now.
    pub(super) fn longest_unasked(
        &mut self,
        bare: BTreeMap<ConversationId, DialogId>,
        most: usize,
        look: u32,
    ) -> Vec<(ConversationId, DialogId)> {
        let mut bare: Vec<_> = bare.into_iter().collect();
        bare.sort_by_key(|(id, _)| self.conversations.asked(id, None));
        bare.truncate(most);
        for (id, _) in &bare {
            self.conversations.asked(id, Some(look));
        }
        bare
    }

    /// Notes how far a dialog has been read.
    pub(super) fn has_read(&mut self, history: &History) {
        if let Some(last) = history.messages.last() {
            self.saw(last.dialog.clone(), last.sequence);
        }
    }

    /// The newest message of a dialog by its history, if no notification has told of it.
    pub(super) fn newest_of(
        &mut self,
        conversation: ConversationId,
        dialog: DialogId,
        history: Option<&RawValue>,
        server: Timestamp,
    ) -> Option<Event> {
        let elements = history.map(lenient::elements).unwrap_or_default().into_iter();
        let sequences = elements.filter_map(|raw| match messages::read(raw, &self.me, server) {
            Reading::Message { message, .. } if message.dialog == dialog => Some(message.sequence),
            Reading::Message { .. } | Reading::Passing | Reading::Unusable(_) => None,
        });
        let newest = sequences.max()?;
        self.is_news(conversation, dialog, newest)
    }

    fn conversation(&mut self, raw: &RawValue, told: &mut Told) {
        let change = self.conversations.change(raw, &self.me, self.manager);
        if let Some((id, appeared)) = change.about {
            let bare = match &change.event {
                Some(Event::Conversation { details, .. }) if change.newest.is_none() => {
                    Some(details.dialog.clone())
                }
                Some(_) | None => None,
            };
            told.seen.push(Seen::Conversation { id, appeared, bare });
        }
        if let Some(Event::Gone { id, .. }) = &change.event {
            self.newest.remove(&DialogId::from(id.as_str()));
        }
        let id = match &change.event {
            Some(Event::Conversation { id, .. }) => Some(id.clone()),
            Some(_) | None => None,
        };
        told.events.extend(change.event);
        if let (Some(id), Some((dialog, sequence))) = (id, change.newest) {
            told.events.extend(self.is_news(id, dialog, sequence));
        }
    }

    /// A sequence was told of: what to tell of it, if it is above all that is known.
    fn is_news(
        &mut self,
        conversation: ConversationId,
        dialog: DialogId,
        sequence: Sequence,
    ) -> Option<Event> {
        let news = self.newest(&dialog) < Some(sequence);
        self.saw(dialog.clone(), sequence);
        news.then_some(Event::Newest { conversation, dialog, sequence })
    }

    fn message(&mut self, raw: &RawValue, at: &Moment) -> Option<Event> {
        match messages::read(raw, &self.me, at.server()) {
            Reading::Message { conversation, message } => {
                self.saw(message.dialog.clone(), message.sequence);
                Some(Event::Message { conversation, message })
            }
            Reading::Passing => None,
            Reading::Unusable(detail) => {
                Some(Event::Unusable { kind: "message", detail: detail.to_owned() })
            }
        }
    }

    fn saw(&mut self, dialog: DialogId, sequence: Sequence) {
        // Events of dialogs that are not this agent's may arrive too; they must not fill the memory.
        if self.newest.len() >= MOST_DIALOGS && !self.newest.contains_key(&dialog) {
            self.newest.pop_first();
        }
        let newest = self.newest.entry(dialog).or_insert(sequence);
        *newest = sequence.max(*newest);
    }
}

/// A bot is limited to 999 open conversations, a manager sees a snapshot of at most 1 001.
const MOST_DIALOGS: usize = 4_096;

/// The body of a notification that belongs to a subscription.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Changes<'a> {
    #[serde(alias = "subScriptionId", deserialize_with = "lenient::text")]
    subscription_id: Option<String>,
    #[serde(borrow)]
    changes: Option<&'a RawValue>,
}

impl<'a> Changes<'a> {
    fn read(body: Option<&'a RawValue>) -> Self {
        body.and_then(|body| serde_json::from_str(body.get()).ok()).unwrap_or_default()
    }

    fn elements(&self) -> Vec<&'a RawValue> {
        self.changes.map(lenient::elements).unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{
        cloud::messaging::wire::{self, Frame},
        conversation::Timestamp,
    };

    #[test]
    fn a_change_sent_bare_is_one_change() {
        let mut translator = translator();
        let events = read(
            &mut translator,
            r#"{"kind":"notification","type":".ams.routing.RoutingTaskNotification","body":{"changes":
                {"type":"UPSERT","result":{"conversationId":"c","ringsDetails":{"ringId":"r","ringState":"WAITING"}}}}}"#,
        );
        assert!(matches!(events[..], [Event::Ring(_)]), "{events:?}");
    }

    #[test]
    fn the_newest_sequence_is_known_from_messages_and_conversations_alike() {
        let mut translator = translator();
        let dialog = DialogId::from("conv-1");
        assert_eq!(translator.newest(&dialog), None);
        read(
            &mut translator,
            r#"{"kind":"notification","type":".ams.ms.OnlineEventDistribution","body":
                {"sequence":3,"dialogId":"conv-1","event":{"type":"ContentEvent","message":"x"}}}"#,
        );
        assert_eq!(translator.newest(&dialog), Some(3));
        read(
            &mut translator,
            r#"{"kind":"notification","type":".ams.aam.ExConversationChangeNotification","body":{"changes":[{"type":"UPSERT",
                "result":{"convId":"conv-1","lastContentEventNotification":{"dialogId":"conv-1","sequence":7},
                "conversationDetails":{"participants":{"ASSIGNED_AGENT":["1.2"],"CONSUMER":["x"]}}}}]}}"#,
        );
        assert_eq!(translator.newest(&dialog), Some(7));
        read(
            &mut translator,
            r#"{"kind":"notification","type":".ams.aam.ExConversationChangeNotification","body":{"changes":[{"type":"DELETE",
                "result":{"convId":"conv-1"}}]}}"#,
        );
        assert_eq!(translator.newest(&dialog), None);
    }

    #[test]
    fn typing_and_deprecated_notifications_say_nothing_and_unknown_ones_are_counted() {
        let mut translator = translator();
        for silent in [
            r#"{"kind":"notification","type":".ams.routing.RingUpdated","body":{}}"#,
            r#"{"kind":"notification","type":".ams.ms.OnlineEventDistribution","body":{"dialogId":"d","event":{"type":"ChatStateEvent","chatState":"GONE"}}}"#,
            r#"{"kind":"notification","type":".ams.ms.OnlineEventDistribution"}"#,
            r#"{"kind":"notification","type":".ams.aam.ExConversationChangeNotification","body":"x"}"#,
        ] {
            assert_eq!(read(&mut translator, silent), [], "{silent}");
        }
        assert!(matches!(
            read(&mut translator, r#"{"kind":"notification","type":"x.New"}"#)[..],
            [Event::Unusable { kind: "notification", .. }]
        ));
    }

    fn read(translator: &mut Translator, text: &str) -> Vec<Event> {
        let Frame::Notification(notification) = wire::decode(text).unwrap() else {
            panic!("a notification");
        };
        let at = Moment { now: Instant::now(), wall: Timestamp(0), skew: None };
        translator.read(&notification, &at).events
    }

    fn translator() -> Translator {
        Translator::new(Identity::new("1", "2", None, "bot"), false)
    }
}
