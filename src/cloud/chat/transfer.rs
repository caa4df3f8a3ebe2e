//! Pure: a transfer, from the question where the chat can go to the answer that it has gone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::wire::Skill;
use crate::conversation::{AgentId, CallId, SkillId};

/// A transfer under way.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) call: Option<CallId>,
    skill: Option<SkillId>,
    agent: Option<AgentId>,
    words: String,
    tried: bool,
    pub(super) stage: Stage,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It can be begun.
    Ready,
    /// The skills that can take the chat are being asked for.
    Asking,
    /// It was asked for.
    Posted,
    /// Nobody knows whether it happened: who has the chat is being asked for.
    Unsure,
    /// It is tried, perhaps once more, at this time.
    Waiting { until: Instant },
}

impl Transfer {
    /// To an agent, or else to a skill, by id or by name.
    pub(super) fn new(
        call: Option<CallId>,
        skill: Option<SkillId>,
        agent: Option<AgentId>,
        words: &str,
    ) -> Self {
        let words = words.chars().take(LONGEST_WORDS).collect();
        Self { call, skill, agent, words, tried: false, stage: Stage::Ready }
    }

    /// The same, but to a skill not before then.
    pub(super) fn after(mut self, then: Option<Instant>) -> Self {
        if let (Some(until), None) = (then, &self.agent) {
            self.stage = Stage::Waiting { until };
        }
        self
    }

    /// Whether it can be begun, or begun again.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        match self.stage {
            Stage::Ready => true,
            Stage::Waiting { until } => until <= now,
            Stage::Asking | Stage::Posted | Stage::Unsure => false,
        }
    }

    /// Whether an answer to it is awaited.
    pub(super) fn is_under_way(&self) -> bool {
        match self.stage {
            Stage::Asking | Stage::Posted => true,
            Stage::Ready | Stage::Unsure | Stage::Waiting { .. } => false,
        }
    }

    /// When to go on by itself.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Waiting { until } => Some(until),
            Stage::Ready | Stage::Asking | Stage::Posted | Stage::Unsure => None,
        }
    }

    /// The body of the request, if the target needs not be looked for.
    pub(super) fn to_agent(&self) -> Option<String> {
        let agent = self.agent.as_ref()?;
        Some(self.body("agent", agent.as_str()))
    }

    /// The body of the request to a skill that is among those that can take the chat; or why not.
    pub(super) fn to_skill(&self, offered: &[Skill]) -> Result<String, String> {
        let wanted = self.skill.as_ref().map(SkillId::as_str).unwrap_or_default();
        let is_it = |name: &Option<String>| name.as_deref() == Some(wanted);
        let found = offered
            .iter()
            .find(|skill| is_it(&skill.id))
            .or_else(|| offered.iter().find(|skill| is_it(&skill.name)));
        match found {
            Some(skill) => Ok(self.body("skill", skill.id.as_deref().unwrap_or(wanted))),
            None => {
                let offered: Vec<&str> = offered
                    .iter()
                    .take(MOST_NAMED)
                    .filter_map(|skill| skill.name.as_deref().or(skill.id.as_deref()))
                    .collect();
                let offered =
                    if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
                Err(format!(
                    "the skill {wanted:?} has no free agent; skills that have one: {offered}"
                ))
            }
        }
    }

    /// It failed. True: it is tried once more.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        let again = !std::mem::replace(&mut self.tried, true);
        if again {
            self.stage = Stage::Waiting { until: now + PAUSE };
        }
        again
    }

    /// The server finds that it is too much; that is not a try.
    pub(super) fn too_much(&mut self, now: Instant, retry_after: Option<Duration>) {
        let wait = retry_after.unwrap_or_default().clamp(Duration::from_secs(1), PAUSE);
        self.stage = Stage::Waiting { until: now + wait };
    }

    fn body(&self, kind: &str, id: &str) -> String {
        // The documents show numbers, other clients get on with strings.
        let id = id.parse::<u64>().map_or_else(|_| Value::from(id), Value::from);
        let mut transfer = json!({ kind: { "id": id } });
        if !self.words.is_empty() {
            transfer["text"] = Value::from(self.words.as_str());
        }
        json!({ "transfer": transfer }).to_string()
    }
}

const PAUSE: Duration = Duration::from_secs(5);
/// For the agent who takes over; no limit is documented.
const LONGEST_WORDS: usize = 1_000;
const MOST_NAMED: usize = 10;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
mod tests {
    use super::*;

    #[test]
    fn a_skill_is_found_by_id_and_by_name() {
        let offered = [skill("25975313", "Sales"), skill("26060413", "Billing")];
        for wanted in ["26060413", "Billing"] {
            let body = to(wanted).to_skill(&offered).unwrap();
            assert_eq!(
                body,
                json!({"transfer": {"skill": {"id": 26_060_413}, "text": "why"}}).to_string()
            );
        }
        let why = to("billing").to_skill(&offered).unwrap_err();
        assert!(why.contains("\"billing\"") && why.contains("Sales, Billing"), "{why}");
        assert!(to("1").to_skill(&[]).unwrap_err().ends_with("none"));
    }

    #[test]
    fn an_agent_needs_no_search_and_ids_that_are_no_numbers_stay_texts() {
        let transfer = Transfer::new(None, None, Some(AgentId::from("anna")), "");
        assert_eq!(
            transfer.to_agent(),
            Some(json!({"transfer": {"agent": {"id": "anna"}}}).to_string())
        );
    }

    #[test]
    fn a_failed_transfer_is_tried_once_more_five_seconds_later() {
        let now = Instant::now();
        let mut transfer = to("1");
        assert!(transfer.failed(now));
        assert_eq!(transfer.due(), Some(now + PAUSE));
        assert!(!transfer.failed(now));
    }

    fn to(skill: &str) -> Transfer {
        Transfer::new(None, Some(SkillId::from(skill)), None, "why")
    }

    fn skill(id: &str, name: &str) -> Skill {
        Skill { id: Some(id.to_owned()), name: Some(name.to_owned()) }
    }
}
