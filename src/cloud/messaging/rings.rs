//! Pure: rings, the offers of conversations, and the agent's own state.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    identity::Identity,
    news::{Moment, Seen},
};
use crate::{
    cloud::{Availability, Event, Ring, lenient, report},
    conversation::{ConversationId, RingId, SkillId, Timestamp},
};

/// The rings that wait, by the routing task that they belong to.
#[derive(Debug, Default)]
pub(super) struct Rings {
    waiting: BTreeMap<RingId, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    task: Option<String>,
    expires: Option<Instant>,
}

impl Rings {
    /// Reads one change of a routing task; notes in `seen` which rings it offers.
    pub(super) fn change(
        &mut self,
        raw: &RawValue,
        at: &Moment,
        seen: &mut Vec<Seen>,
    ) -> Vec<Event> {
        let Ok(change) = serde_json::from_str::<WireChange>(raw.get()) else {
            return vec![unusable("a change of a routing task is not an object")];
        };
        let task = change.result.unwrap_or_default();
        let over = change.r#type.as_deref() == Some("DELETE");
        let mut events = Vec::new();
        for ring in task.rings_details {
            let Some(id) = ring.ring_id else {
                events.push(unusable("a ring has no id"));
                continue;
            };
            let id = RingId::from(id);
            if over || ring.ring_state.as_deref() != Some("WAITING") {
                self.waiting.remove(&id);
                events.push(Event::RingGone(id));
                continue;
            }
            let Some(conversation) = task.conversation_id.clone().or(ring.conv_id) else {
                events.push(unusable("a ring names no conversation"));
                continue;
            };
            let expires = expiry(ring.ring_expiration_ts, ring.ring_expiration, at);
            let appeared = self.remember(id.clone(), task.routing_task_id.clone(), expires, at.now);
            seen.push(Seen::Ring { id: id.clone(), appeared });
            events.push(Event::Ring(Ring {
                id,
                conversation: Some(ConversationId::from(conversation)),
                skill: task
                    .skill_id
                    .clone()
                    .or(ring.skill_id)
                    .filter(|skill| !matches!(skill.as_str(), "" | "-1"))
                    .map(SkillId::from),
                expires,
            }));
        }
        // A task that is over takes its rings along, whether or not the notification lists them.
        if over || task.task_completed {
            events.extend(self.withdraw(task.routing_task_id.as_deref()));
        }
        events
    }

    /// True if it was not known to wait, and still has time.
    fn remember(
        &mut self,
        id: RingId,
        task: Option<String>,
        expires: Option<Instant>,
        now: Instant,
    ) -> bool {
        self.waiting.retain(|_, ring| ring.expires.is_none_or(|expires| expires > now));
        let fresh = expires.is_none_or(|expires| expires > now);
        self.waiting.len() < MOST_WAITING
            && self.waiting.insert(id, Waiting { task, expires }).is_none()
            && fresh
    }

    fn withdraw(&mut self, task: Option<&str>) -> Vec<Event> {
        let Some(task) = task else {
            return Vec::new();
        };
        let gone: Vec<RingId> = self
            .waiting
            .iter()
            .filter(|(_, ring)| ring.task.as_deref() == Some(task))
            .map(|(id, _)| id.clone())
            .collect();
        for id in &gone {
            self.waiting.remove(id);
        }
        gone.into_iter().map(Event::RingGone).collect()
    }
}

/// Reads one change of an agent's state; none for other agents and for what is not a state.
pub(super) fn agent_state(raw: &RawValue, me: &Identity) -> Option<Event> {
    let change: WireStateChange = serde_json::from_str(raw.get()).ok()?;
    let state = change.result?;
    if state.agent_user_id.is_some_and(|id| !me.is_me(&id)) {
        return None;
    }
    let word = state.availability?;
    let availability = match word.as_str() {
        "ONLINE" => Some(Availability::Online),
        "OCCUPIED" => Some(Availability::Occupied),
        "AWAY" => Some(Availability::Away),
        _ => None,
    };
    Some(Event::AgentState(availability, report::shortened(word, 40)))
}

impl Availability {
    /// The state as it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Occupied => "OCCUPIED",
            Self::Away => "AWAY",
        }
    }
}

/// When a ring expires on the monotonic clock. The server names its own time, so the skew decides; as long as that is
/// not known, the ring's whole life is the best guess.
fn expiry(timestamp: Option<i64>, life: Option<i64>, at: &Moment) -> Option<Instant> {
    let left = match (timestamp, at.skew) {
        (Some(timestamp), Some(_)) => Timestamp(timestamp).millis_since(at.server()),
        _ => life?,
    };
    let left = u64::try_from(left).unwrap_or(0).min(LONGEST_LIFE_MS);
    at.now.checked_add(Duration::from_millis(left))
}

fn unusable(detail: &str) -> Event {
    Event::Unusable { kind: "ring", detail: detail.to_owned() }
}

/// An agent is offered a handful of conversations at a time; beyond this many, rings are told and not remembered.
const MOST_WAITING: usize = 4_096;
/// Rings live 72 s; a day keeps a nonsensical time from overflowing a clock.
const LONGEST_LIFE_MS: u64 = 24 * 60 * 60 * 1_000;

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireChange {
    #[serde(deserialize_with = "lenient::text")]
    r#type: Option<String>,
    #[serde(deserialize_with = "lenient::maybe")]
    result: Option<WireTask>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireTask {
    #[serde(deserialize_with = "lenient::text")]
    routing_task_id: Option<String>,
    #[serde(deserialize_with = "lenient::truth")]
    task_completed: bool,
    #[serde(deserialize_with = "lenient::text")]
    conversation_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    skill_id: Option<String>,
    #[serde(deserialize_with = "lenient::many")]
    rings_details: Vec<WireRing>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireRing {
    #[serde(deserialize_with = "lenient::text")]
    ring_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    ring_state: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    ring_expiration: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    ring_expiration_ts: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    conv_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    skill_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireStateChange {
    #[serde(deserialize_with = "lenient::maybe")]
    result: Option<WireAgentState>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireAgentState {
    #[serde(deserialize_with = "lenient::text")]
    agent_user_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    availability: Option<String>,
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cloud::Skew;

    #[test]
    fn the_golden_ring_expires_by_the_servers_clock() {
        let body: Value =
            serde_json::from_str(include_str!("../../../tests/data/messaging/ring.json")).unwrap();
        // This machine is a minute behind the server; the ring has 12 s left.
        let at = Moment {
            now: Instant::now(),
            wall: Timestamp(1_700_000_000_000),
            skew: Some(Skew { millis: 60_000 }),
        };
        let events = Rings::default().change(&raw(&body["changes"][0]), &at, &mut Vec::new());
        assert_eq!(
            events,
            [Event::Ring(Ring {
                id: "9b1f6a34-7c1e-4a54-8a53-6a2f4b1f0d77_12345678_1700000000000".into(),
                conversation: Some("9b1f6a34-7c1e-4a54-8a53-6a2f4b1f0d77".into()),
                skill: Some("1122334455".into()),
                expires: Some(at.now + Duration::from_secs(12)),
            })]
        );
    }

    #[test]
    fn the_oldest_capture_with_ids_in_the_ring_alone_is_read() {
        let at = moment();
        let events = Rings::default().change(
            &raw(
                &json!({"type": "UPSERT", "result": {"ringsDetails": {"ringId": "r", "ringState": "WAITING",
                "ringExpiration": 72000, "convId": "c", "skillId": "-1"}}}),
            ),
            &at,
            &mut Vec::new(),
        );
        assert_eq!(
            events,
            [Event::Ring(Ring {
                id: "r".into(),
                conversation: Some("c".into()),
                skill: None,
                expires: Some(at.now + Duration::from_secs(72)),
            })]
        );
    }

    #[test]
    fn every_state_but_waiting_means_gone() {
        for state in [
            json!("ACCEPTED"),
            json!("REJECTED"),
            json!("EXPIRED"),
            json!("CANCELLED"),
            json!("AUTO_ACCEPT"),
            json!("NEWER"),
            json!(null),
        ] {
            let events = Rings::default().change(
                &raw(&upsert("t", "r", &state)),
                &moment(),
                &mut Vec::new(),
            );
            assert_eq!(events, [Event::RingGone("r".into())], "{state}");
        }
    }

    #[test]
    fn a_task_that_is_over_takes_its_unlisted_rings_along() {
        for end in [
            json!({"type": "DELETE", "result": {"routingTaskId": "t"}}),
            json!({"type": "UPSERT", "result": {"routingTaskId": "t", "taskCompleted": true, "ringsDetails": []}}),
        ] {
            let mut rings = Rings::default();
            rings.change(&raw(&upsert("t", "r", &json!("WAITING"))), &moment(), &mut Vec::new());
            rings.change(
                &raw(&upsert("other", "o", &json!("WAITING"))),
                &moment(),
                &mut Vec::new(),
            );
            assert_eq!(
                rings.change(&raw(&end), &moment(), &mut Vec::new()),
                [Event::RingGone("r".into())]
            );
            assert_eq!(rings.change(&raw(&end), &moment(), &mut Vec::new()), []);
        }
    }

    #[test]
    fn rings_without_id_or_conversation_are_unusable() {
        for ring in
            [json!({"ringState": "WAITING"}), json!({"ringId": "r", "ringState": "WAITING"})]
        {
            let change = json!({"type": "UPSERT", "result": {"ringsDetails": [ring]}});
            assert!(matches!(
                Rings::default().change(&raw(&change), &moment(), &mut Vec::new())[..],
                [Event::Unusable { .. }]
            ));
        }
    }

    #[test]
    fn an_agents_state_is_told_with_its_word() {
        let state = |id: &str, word: &str| {
            agent_state(
                &raw(
                    &json!({"type": "UPSERT", "result": {"agentUserId": id, "availability": word}}),
                ),
                &Identity::new("1", "2", None, "bot"),
            )
        };
        assert_eq!(
            state("1.2", "AWAY"),
            Some(Event::AgentState(Some(Availability::Away), "AWAY".into()))
        );
        assert_eq!(state("1.2", "BACK_SOON"), Some(Event::AgentState(None, "BACK_SOON".into())));
        assert_eq!(state("1.3", "AWAY"), None);
    }

    fn upsert(task: &str, ring: &str, state: &Value) -> Value {
        json!({"type": "UPSERT", "result": {"routingTaskId": task, "conversationId": "c",
            "ringsDetails": [{"ringId": ring, "ringState": state}]}})
    }

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    fn moment() -> Moment {
        Moment { now: Instant::now(), wall: Timestamp(1_700_000_000_000), skew: None }
    }
}
