//! Pure: notifications of one connection become events for the hall.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    conversations::Conversations,
    identity::Identity,
    messages::{self, Reading},
    rings::{self, Moment, Rings},
    wire::{Notification, Topic},
};
use crate::{
    cloud::{Event, lenient},
    conversation::{DialogId, Sequence},
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
    pub(super) fn read(&mut self, notification: &Notification<'_>, at: &Moment) -> Vec<Event> {
        match &notification.topic {
            Topic::Conversations => changes(notification.body)
                .into_iter()
                .filter_map(|raw| {
                    let change = self.conversations.change(raw, &self.me, self.manager);
                    if let Some((dialog, sequence)) = change.newest {
                        self.saw(dialog, sequence);
                    }
                    if let Some(Event::Gone { id, .. }) = &change.event {
                        self.newest.remove(&DialogId::from(id.as_str()));
                    }
                    change.event
                })
                .collect(),
            Topic::Rings => changes(notification.body)
                .into_iter()
                .flat_map(|raw| self.rings.change(raw, at))
                .collect(),
            Topic::AgentState => changes(notification.body)
                .into_iter()
                .filter_map(|raw| rings::agent_state(raw, &self.me))
                .collect(),
            Topic::Message => notification
                .body
                .and_then(|raw| self.message(raw, at))
                .into_iter()
                .collect(),
            Topic::RingUpdated => Vec::new(),
            Topic::Unknown(name) => vec![Event::Unusable {
                kind: "notification",
                detail: format!("a notification of the unknown type {name:?}"),
            }],
        }
    }

    fn message(&mut self, raw: &RawValue, at: &Moment) -> Option<Event> {
        match messages::read(raw, &self.me, at.server()) {
            Reading::Message {
                conversation,
                message,
            } => {
                self.saw(message.dialog.clone(), message.sequence);
                Some(Event::Message {
                    conversation,
                    message,
                })
            }
            Reading::Passing => None,
            Reading::Unusable(detail) => Some(Event::Unusable {
                kind: "message",
                detail: detail.to_owned(),
            }),
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

fn changes(body: Option<&RawValue>) -> Vec<&RawValue> {
    #[derive(Deserialize)]
    struct Changes<'a> {
        #[serde(borrow, default)]
        changes: Option<&'a RawValue>,
    }
    body.and_then(|body| serde_json::from_str::<Changes<'_>>(body.get()).ok())
        .and_then(|body| body.changes)
        .map(lenient::elements)
        .unwrap_or_default()
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests need some instant to count from"
)]
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
            [Event::Unusable {
                kind: "notification",
                ..
            }]
        ));
    }

    fn read(translator: &mut Translator, text: &str) -> Vec<Event> {
        let Frame::Notification(notification) = wire::decode(text).unwrap() else {
            panic!("a notification");
        };
        let at = Moment {
            now: Instant::now(),
            wall: Timestamp(0),
            skew: None,
        };
        translator.read(&notification, &at)
    }

    fn translator() -> Translator {
        Translator::new(Identity::new("1", "2", None, "bot"), false)
    }
}
