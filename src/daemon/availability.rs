//! Pure: which state the agent should be in, and why; and what became of asking for it.

use std::time::{Duration, Instant};

use crate::cloud::Availability;

/// Decides between ONLINE and AWAY. It remembers whether the limit was reached, for the hysteresis.
#[derive(Debug, Default)]
pub struct Presence {
    full: bool,
}

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// The agent works as manager: nothing may ring.
    pub manager: bool,
    /// The process is stopping.
    pub draining: bool,
    /// All conversations that were open have been rebuilt from their histories.
    pub rebuilt: bool,
    /// The bot has been unreachable for long, and there is no fallback skill to send consumers to.
    pub nobody_to_answer: bool,
    /// Open conversations.
    pub open: usize,
    /// `max_conversations`
    pub limit: usize,
}

/// The state to be in, and the reason for people where it is not ONLINE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The state.
    pub state: Availability,
    /// Why, for people; empty when ONLINE.
    pub why: &'static str,
}

impl Presence {
    /// Looks at the situation.
    pub fn decide(&mut self, at: Situation) -> Decision {
        // A tenth below the limit, so that the agent does not flap with every conversation.
        let back = at.limit - (at.limit / 10).clamp(1, at.limit);
        self.full = if self.full { at.open > back } else { at.open >= at.limit };
        let why = if at.manager {
            "a manager takes no rings"
        } else if at.draining {
            "the connector is stopping"
        } else if !at.rebuilt {
            "conversations are being rebuilt"
        } else if at.nobody_to_answer {
            "the bot cannot be reached and there is no fallback skill"
        } else if self.full {
            "max_conversations is reached"
        } else {
            return Decision { state: Availability::Online, why: "" };
        };
        Decision { state: Availability::Away, why }
    }
}

/// The state that the cloud was asked for on this connection.
#[derive(Debug, Default)]
pub struct Asked {
    state: Option<Availability>,
    outcome: Outcome,
    /// Failures in a row.
    failures: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Outcome {
    #[default]
    UnderWay,
    Acknowledged,
    Failed {
        again_at: Instant,
    },
}

impl Asked {
    /// Another connection begins: nothing has been asked of it.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The state that was asked for last, whatever became of it.
    #[must_use]
    pub fn state(&self) -> Option<Availability> {
        self.state
    }

    /// Whether the cloud is to be asked for `state` now; from then on that is under way.
    #[must_use]
    pub fn is_due(&mut self, state: Availability, now: Instant) -> bool {
        let another = self.state != Some(state);
        let again = matches!(self.outcome, Outcome::Failed { again_at } if again_at <= now);
        if another {
            self.failures = 0;
        }
        if another || again {
            self.state = Some(state);
            self.outcome = Outcome::UnderWay;
        }
        another || again
    }

    /// The answer of the cloud. False if it is about a state that is not wanted any more.
    pub fn answered(&mut self, state: Availability, worked: bool, now: Instant) -> bool {
        if self.state != Some(state) {
            return false;
        }
        if worked {
            self.failures = 0;
            self.outcome = Outcome::Acknowledged;
        } else {
            let pause = usize::try_from(self.failures).ok().and_then(|n| PAUSES.get(n));
            let again_at = now + pause.copied().unwrap_or(LAST_PAUSE);
            self.failures = self.failures.saturating_add(1);
            self.outcome = Outcome::Failed { again_at };
        }
        true
    }

    /// Whether the cloud has acknowledged what was asked for last.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.outcome == Outcome::Acknowledged
    }

    /// When to ask again.
    #[must_use]
    pub fn wake(&self) -> Option<Instant> {
        match self.outcome {
            Outcome::Failed { again_at } => Some(again_at),
            Outcome::UnderWay | Outcome::Acknowledged => None,
        }
    }
}

/// The platform's own pauses between tries (Retry Policy Recommendations).
const PAUSES: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(15)];
/// All later ones.
const LAST_PAUSE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Situation = Situation {
        manager: false,
        draining: false,
        rebuilt: true,
        nobody_to_answer: false,
        open: 0,
        limit: 20,
    };

    #[test]
    fn the_agent_goes_away_at_the_limit_and_comes_back_a_tenth_below_it() {
        let mut presence = Presence::default();
        let mut at = |open| presence.decide(Situation { open, ..CALM }).state;
        assert_eq!(at(19), Availability::Online);
        assert_eq!(at(20), Availability::Away);
        assert_eq!(at(19), Availability::Away, "hysteresis");
        assert_eq!(at(18), Availability::Online);
        assert_eq!(at(19), Availability::Online);
    }

    #[test]
    fn a_limit_of_one_works_too() {
        let mut presence = Presence::default();
        let mut at = |open| presence.decide(Situation { open, limit: 1, ..CALM }).state;
        assert_eq!(
            (at(0), at(1), at(0)),
            (Availability::Online, Availability::Away, Availability::Online)
        );
    }

    #[test]
    fn a_state_that_failed_is_asked_for_again_after_growing_pauses() {
        let mut now = crate::ops::clock::Clock::system().now();
        let mut asked = Asked::default();
        assert!(asked.is_due(Availability::Online, now));
        let mut pauses = Vec::new();
        for _ in 0..5 {
            assert!(!asked.is_due(Availability::Online, now), "under way");
            assert!(asked.answered(Availability::Online, false, now));
            let again = asked.wake().unwrap();
            pauses.push((again - now).as_secs());
            now = again;
            assert!(asked.is_due(Availability::Online, now));
        }
        assert_eq!(pauses, [5, 10, 15, 30, 30]);
        assert!(asked.answered(Availability::Online, true, now) && asked.is_acknowledged());
        assert!(!asked.is_due(Availability::Online, now + LAST_PAUSE));
    }

    #[test]
    fn another_state_does_not_wait_for_a_failed_one_and_old_answers_say_nothing() {
        let now = crate::ops::clock::Clock::system().now();
        let mut asked = Asked::default();
        assert!(asked.is_due(Availability::Online, now));
        assert!(asked.answered(Availability::Online, false, now));
        assert!(asked.is_due(Availability::Away, now));
        assert!(!asked.answered(Availability::Online, true, now));
        assert!(!asked.is_acknowledged());
    }

    #[test]
    fn nothing_rings_while_stopping_rebuilding_managing_or_without_anybody_to_answer() {
        let away = [
            Situation { manager: true, ..CALM },
            Situation { draining: true, ..CALM },
            Situation { rebuilt: false, ..CALM },
            Situation { nobody_to_answer: true, ..CALM },
        ];
        for situation in away {
            let decision = Presence::default().decide(situation);
            assert_eq!(decision.state, Availability::Away, "{situation:?}");
            assert!(!decision.why.is_empty());
        }
    }
}
