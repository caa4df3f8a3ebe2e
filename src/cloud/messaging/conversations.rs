//! Pure: what the platform tells about conversations, and whether they are this agent's.
//!
//! Each notification carries the whole state of a conversation, and they may overtake each other, so the
//! newest one per conversation is remembered (Messaging Agent API, delivery properties).

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::identity::Identity;
use crate::{
    cloud::{Event, lenient},
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
}

/// What one change of a notification means.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Change {
    /// What to tell the hall.
    pub(super) event: Option<Event>,
    /// The newest sequence that the change speaks of, for the main dialog.
    pub(super) newest: Option<(DialogId, Sequence)>,
}

impl Conversations {
    /// Reads one change. `manager` agents see conversations that they are not in.
    pub(super) fn change(&mut self, raw: &RawValue, me: &Identity, manager: bool) -> Change {
        let unusable = |detail: &str| Change {
            event: Some(Event::Unusable { kind: "conversation", detail: detail.to_owned() }),
            newest: None,
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
            return Change::default();
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
                return unusable("a conversation has no consumer");
            };
            known.here = true;
            return Change {
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
                event: Some(Event::Gone { id, how, csat: details.csat() }),
                newest: None,
            };
        }
        self.forget_later(id);
        Change::default()
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

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireChange {
    #[serde(deserialize_with = "lenient::text")]
    r#type: Option<String>,
    #[serde(deserialize_with = "lenient::maybe")]
    result: Option<WireState>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireState {
    #[serde(deserialize_with = "lenient::text")]
    conv_id: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    last_update_time: Option<i64>,
    #[serde(deserialize_with = "lenient::maybe")]
    conversation_details: Option<WireDetails>,
    #[serde(deserialize_with = "lenient::maybe")]
    last_content_event_notification: Option<WireLastEvent>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireLastEvent {
    #[serde(deserialize_with = "lenient::text")]
    dialog_id: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    sequence: Option<Sequence>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireDetails {
    #[serde(deserialize_with = "lenient::text")]
    conv_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    skill_id: Option<String>,
    #[serde(deserialize_with = "lenient::maybe")]
    participants: Option<Participants>,
    #[serde(deserialize_with = "lenient::maybe", rename = "participantsPId")]
    participants_p_id: Option<Participants>,
    #[serde(deserialize_with = "lenient::many")]
    dialogs: Vec<WireDialog>,
    #[serde(deserialize_with = "lenient::text")]
    state: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    close_reason: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    start_ts: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    meta_data_last_update_ts: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    csat_rate: Option<i64>,
    #[serde(deserialize_with = "lenient::maybe")]
    csat: Option<WireCsat>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "SCREAMING_SNAKE_CASE")]
struct Participants {
    #[serde(deserialize_with = "lenient::texts")]
    consumer: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    assigned_agent: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    manager: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireDialog {
    #[serde(deserialize_with = "lenient::text")]
    dialog_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    dialog_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    channel_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    state: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    creation_ts: Option<i64>,
    #[serde(deserialize_with = "lenient::many")]
    participants_details: Vec<WireParticipant>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireParticipant {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    role: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    state: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireCsat {
    #[serde(deserialize_with = "lenient::integer")]
    csat_rate: Option<i64>,
}

impl WireDetails {
    /// The open main dialog, else the main dialog; co-browsing is not a dialog to talk in.
    fn main_dialog(&self) -> Option<&WireDialog> {
        let mut mains = self.dialogs.iter().filter(|dialog| {
            dialog.dialog_type.as_deref() == Some("MAIN")
                && dialog.channel_type.as_deref() != Some("COBROWSE")
        });
        mains.clone().find(|dialog| dialog.is_open()).or_else(|| mains.next())
    }

    /// Closed, or in the survey after the main dialog: nothing for this agent in either case.
    fn is_closed(&self, main: Option<&WireDialog>) -> bool {
        self.state.as_deref() == Some("CLOSE")
            || self.close_reason.is_some()
            || main.is_some_and(|dialog| !dialog.is_open())
    }

    /// This agent's part in the conversation: none, or whether it has joined.
    fn part(&self, me: &Identity, manager: bool, main: Option<&WireDialog>) -> Option<bool> {
        if manager {
            let inside = |role: fn(&Participants) -> &[String]| self.lists(me, role);
            let joined = inside(|all| &all.manager) || inside(|all| &all.assigned_agent);
            return Some(joined);
        }
        // A transfer that was offered and not accepted shows as SUGGESTED in the main dialog only.
        let entry = |suggested: bool| {
            main.is_some_and(|dialog| {
                dialog.participants_details.iter().any(|participant| {
                    participant.id.as_deref().is_some_and(|id| me.is_me(id))
                        && participant.role.as_deref() == Some("ASSIGNED_AGENT")
                        && (participant.state.as_deref() == Some("SUGGESTED")) == suggested
                })
            })
        };
        let listed = if self.participants.is_some() || self.participants_p_id.is_some() {
            self.lists(me, |all| &all.assigned_agent)
        } else {
            entry(false)
        };
        (listed && !entry(true)).then_some(true)
    }

    fn lists(&self, me: &Identity, role: fn(&Participants) -> &[String]) -> bool {
        [&self.participants_p_id, &self.participants]
            .into_iter()
            .flatten()
            .any(|all| role(all).iter().any(|id| me.is_me(id)))
    }

    fn consumer<'a>(&'a self, main: Option<&'a WireDialog>) -> Option<&'a str> {
        let mapped = [&self.participants, &self.participants_p_id]
            .into_iter()
            .flatten()
            .flat_map(|all| &all.consumer)
            .map(String::as_str);
        let detailed = main
            .map(|dialog| dialog.participants_details.as_slice())
            .unwrap_or_default()
            .iter()
            .filter(|participant| participant.role.as_deref() == Some("CONSUMER"))
            .filter_map(|participant| participant.id.as_deref());
        mapped.chain(detailed).find(|id| !id.is_empty())
    }

    /// The consumer's rating; 0 means that there is none.
    fn csat(&self) -> Option<u8> {
        let rate =
            self.csat_rate.filter(|rate| *rate > 0).or_else(|| self.csat.as_ref()?.csat_rate)?;
        u8::try_from(rate).ok().filter(|rate| *rate > 0)
    }
}

impl WireDialog {
    fn is_open(&self) -> bool {
        self.state.as_deref() != Some("CLOSE")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const OLD: &str = "12345678.4102938475";
    const PUBLIC: &str = "0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2";

    #[test]
    fn the_golden_conversation_is_mine() {
        let body: Value =
            serde_json::from_str(include_str!("../../../tests/data/messaging/conversation.json"))
                .unwrap();
        let mut conversations = Conversations::default();
        let change = told(&mut conversations, &body["changes"][0]);
        let id = "9b1f6a34-7c1e-4a54-8a53-6a2f4b1f0d77";
        assert_eq!(
            change,
            Change {
                event: Some(Event::Conversation {
                    id: id.into(),
                    details: Details {
                        dialog: id.into(),
                        skill: Some("1122334455".into()),
                        consumer:
                            "c3a5b7d9e1f2041526374859607182930a1b2c3d4e5f60718293a4b5c6d7e8f9"
                                .into(),
                        started: Timestamp(1_700_000_000_000),
                    },
                    joined: true,
                }),
                newest: Some((id.into(), 0)),
            }
        );
    }

    #[test]
    fn either_id_makes_a_conversation_mine() {
        for participants in [
            json!({"participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["cons-1"]}}),
            json!({"participantsPId": {"ASSIGNED_AGENT": [PUBLIC], "CONSUMER": "cons-1"}}),
            json!({"participantsPId": {"ASSIGNED_AGENT": PUBLIC}, "participants": {"CONSUMER": "cons-1"}}),
            json!({"dialogs": [{"dialogType": "MAIN", "participantsDetails": [
                {"id": PUBLIC, "role": "ASSIGNED_AGENT", "state": "ACTIVE"},
                {"id": "cons-1", "role": "CONSUMER"}]}]}),
        ] {
            let mut details = json!({"state": "OPEN"});
            details.as_object_mut().unwrap().extend(participants.as_object().unwrap().clone());
            assert!(is_mine(&upsert(&details)), "{details}");
        }
    }

    #[test]
    fn a_transfer_that_is_only_suggested_is_not_mine_under_either_id() {
        for id in [OLD, PUBLIC] {
            let details = json!({
                "participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["cons-1"]},
                "dialogs": [{"dialogType": "MAIN", "state": "OPEN", "participantsDetails":
                    [{"id": id, "role": "ASSIGNED_AGENT", "state": "SUGGESTED"}]}],
            });
            assert!(!is_mine(&upsert(&details)));
        }
    }

    #[test]
    fn a_suggestion_in_another_dialog_or_of_another_agent_changes_nothing() {
        let details = json!({
            "participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["cons-1"]},
            "dialogs": [
                {"dialogType": "MAIN", "channelType": "COBROWSE", "participantsDetails":
                    [{"id": OLD, "role": "ASSIGNED_AGENT", "state": "SUGGESTED"}]},
                {"dialogType": "MAIN", "dialogId": "d", "participantsDetails":
                    [{"id": "12345678.9", "role": "ASSIGNED_AGENT", "state": "SUGGESTED"}]},
            ],
        });
        let Change { event: Some(Event::Conversation { details, .. }), .. } = upsert(&details)
        else {
            panic!("mine");
        };
        assert_eq!(details.dialog.as_str(), "d");
    }

    #[test]
    fn closed_and_moved_are_told_apart() {
        for (details, how) in [
            (json!({"state": "OPEN"}), Departure::Moved),
            (json!({}), Departure::Moved),
            (json!({"state": "CLOSE"}), Departure::Closed),
            (json!({"state": "OPEN", "closeReason": "TIMEOUT"}), Departure::Closed),
            (
                json!({"state": "OPEN", "dialogs": [{"dialogType": "MAIN", "state": "CLOSE"}]}),
                Departure::Closed,
            ),
        ] {
            let mut conversations = Conversations::default();
            let change = told(
                &mut conversations,
                &json!({"type": "DELETE", "result": {"convId": "c", "conversationDetails": details}}),
            );
            assert_eq!(
                change.event,
                Some(Event::Gone { id: "c".into(), how, csat: None }),
                "{details}"
            );
        }
    }

    #[test]
    fn an_upsert_without_me_means_gone_only_if_i_was_there() {
        let mut conversations = Conversations::default();
        let mine = change_with(&mine(1));
        let elsewhere = change_with(
            &json!({"participants": {"ASSIGNED_AGENT": ["12345678.9"], "CONSUMER": ["cons-1"]}, "metaDataLastUpdateTs": 2}),
        );
        assert_eq!(told(&mut conversations, &elsewhere).event, None);
        let mut conversations = Conversations::default();
        told(&mut conversations, &mine);
        assert!(matches!(
            told(&mut conversations, &elsewhere).event,
            Some(Event::Gone { how: Departure::Moved, .. })
        ));
        assert_eq!(told(&mut conversations, &elsewhere).event, None);
    }

    #[test]
    fn an_overtaken_notification_is_passed_over_even_after_the_end() {
        let mut conversations = Conversations::default();
        assert!(is_mine(&told(&mut conversations, &change_with(&mine(10)))));
        assert_eq!(told(&mut conversations, &change_with(&mine(9))), Change::default());
        assert!(is_mine(&told(&mut conversations, &change_with(&mine(10)))));
        told(
            &mut conversations,
            &json!({"type": "DELETE", "result": {"convId": "c", "conversationDetails": {"metaDataLastUpdateTs": 12}}}),
        );
        assert_eq!(told(&mut conversations, &change_with(&mine(11))), Change::default());
        assert!(is_mine(&told(&mut conversations, &change_with(&mine(13)))));
    }

    #[test]
    fn without_metadata_time_the_update_time_decides() {
        let mut conversations = Conversations::default();
        let at = |time: i64| {
            json!({"type": "UPSERT", "result": {"convId": "c", "lastUpdateTime": time, "conversationDetails":
                {"participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["x"]}}}})
        };
        assert!(is_mine(&told(&mut conversations, &at(10))));
        assert_eq!(told(&mut conversations, &at(9)), Change::default());
    }

    #[test]
    fn the_rating_is_told_at_the_end() {
        for details in [json!({"csatRate": 4}), json!({"csatRate": 0, "csat": {"csatRate": "4"}})] {
            let mut conversations = Conversations::default();
            let change = told(
                &mut conversations,
                &json!({"type": "DELETE", "result": {"convId": "c", "conversationDetails": details}}),
            );
            assert!(matches!(change.event, Some(Event::Gone { csat: Some(4), .. })), "{change:?}");
        }
    }

    #[test]
    fn a_manager_hears_of_every_conversation_and_whether_it_has_joined() {
        let mut conversations = Conversations::default();
        for (participants, expected) in [
            (json!({"CONSUMER": ["cons-1"]}), false),
            (json!({"CONSUMER": ["cons-1"], "MANAGER": [OLD]}), true),
        ] {
            let raw = raw(&change_with(&json!({"participants": participants})));
            let change = conversations.change(&raw, &me(), true);
            assert!(
                matches!(change.event, Some(Event::Conversation { joined, .. }) if joined == expected),
                "{change:?}"
            );
        }
        let raw = raw(&change_with(&json!({"state": "CLOSE"})));
        assert!(matches!(
            conversations.change(&raw, &me(), true).event,
            Some(Event::Gone { how: Departure::Closed, .. })
        ));
    }

    #[test]
    fn no_skill_has_three_spellings_and_numbers_are_skills_too() {
        for (skill, expected) in [
            (json!("-1"), None),
            (json!(-1), None),
            (json!(""), None),
            (json!(null), None),
            (json!(1122), Some(SkillId::from("1122"))),
        ] {
            let mut details = mine(1);
            details["skillId"] = skill;
            let Change { event: Some(Event::Conversation { details, .. }), .. } = upsert(&details)
            else {
                panic!("mine");
            };
            assert_eq!(details.skill, expected);
        }
    }

    #[test]
    fn what_was_left_long_ago_is_forgotten() {
        let mut conversations = Conversations::default();
        for n in 0..2 * REMEMBERED {
            told(
                &mut conversations,
                &json!({"type": "DELETE", "result": {"convId": format!("c{n}")}}),
            );
        }
        assert!(conversations.known.len() <= REMEMBERED);
        assert!(conversations.left.len() <= REMEMBERED);
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        for change in [
            json!("x"),
            json!({}),
            json!({"type": "UPSERT", "result": {"convId": "c", "conversationDetails":
                {"participants": {"ASSIGNED_AGENT": [OLD]}}}}),
        ] {
            assert!(matches!(
                told(&mut Conversations::default(), &change).event,
                Some(Event::Unusable { .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn mangled_conversations_never_panic(path in 0_usize..40, value in "[a-zA-Z0-9\\[\\]{}:,\"]{0,12}") {
            let text = include_str!("../../../tests/data/messaging/conversation.json");
            let cut = text.match_indices(':').nth(path).map_or(0, |(at, _)| at);
            let mangled = format!("{}:{value}{}", &text[..cut], &text[cut + 1..]);
            if let Ok(raw) = serde_json::from_str::<&RawValue>(&mangled) {
                let _ = Conversations::default().change(raw, &me(), false);
            }
        }
    }

    fn mine(version: i64) -> Value {
        json!({
            "participants": {"ASSIGNED_AGENT": [OLD], "CONSUMER": ["cons-1"]},
            "metaDataLastUpdateTs": version,
        })
    }

    fn change_with(details: &Value) -> Value {
        json!({"type": "UPSERT", "result": {"convId": "c", "conversationDetails": details}})
    }

    fn upsert(details: &Value) -> Change {
        told(&mut Conversations::default(), &change_with(details))
    }

    fn is_mine(change: &Change) -> bool {
        matches!(change.event, Some(Event::Conversation { joined: true, .. }))
    }

    fn told(conversations: &mut Conversations, change: &Value) -> Change {
        conversations.change(&raw(change), &me(), false)
    }

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    fn me() -> Identity {
        Identity::new("12345678", "4102938475", Some(PUBLIC.into()), "bot-greeter")
    }
}
