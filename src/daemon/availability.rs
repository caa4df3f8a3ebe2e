//! Pure: which state the agent should be in, and why.

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
