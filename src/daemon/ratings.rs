//! Pure: which score of a consumer counts: that of a conversation that ended here, once. A survey is answered after the
//! last word, so the score may be told when the conversation has left this agent already.

use std::collections::VecDeque;

use crate::conversation::{ConversationId, event::Departure};

/// Conversations that ended here without a score so far, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ratings(VecDeque<ConversationId>);

impl Ratings {
    /// A conversation is gone, as the cloud tells (again); `here` if this agent had it until now. The score, if it
    /// counts now.
    #[must_use]
    pub(super) fn gone(
        &mut self,
        id: &ConversationId,
        how: Departure,
        here: bool,
        score: Option<u8>,
    ) -> Option<u8> {
        match (here, how) {
            (true, Departure::Closed) if score.is_none() => {
                self.0.push_back(id.clone());
                while self.0.len() > AWAITED {
                    self.0.pop_front();
                }
                None
            }
            (true, Departure::Closed) => score,
            // Others go on with it, and it is they who are rated in the end.
            (true, Departure::Moved) => None,
            (false, _) => {
                let place = self.0.iter().position(|other| other == id)?;
                let score = score?;
                self.0.remove(place);
                Some(score)
            }
        }
    }
}

/// For how many ended conversations a score is awaited.
const AWAITED: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use Departure::{Closed, Moved};

    fn id(text: &str) -> ConversationId {
        text.into()
    }

    #[test]
    fn a_score_counts_once_whether_it_comes_with_the_end_or_after_it() {
        let mut ratings = Ratings::default();
        assert_eq!(ratings.gone(&id("at once"), Closed, true, Some(4)), Some(4));
        assert_eq!(ratings.gone(&id("at once"), Closed, false, Some(4)), None);
        assert_eq!(ratings.gone(&id("later"), Closed, true, None), None);
        assert_eq!(ratings.gone(&id("later"), Closed, false, None), None);
        assert_eq!(ratings.gone(&id("later"), Closed, false, Some(5)), Some(5));
        assert_eq!(ratings.gone(&id("later"), Closed, false, Some(5)), None);
    }

    #[test]
    fn what_was_given_away_or_was_never_here_counts_for_others() {
        let mut ratings = Ratings::default();
        assert_eq!(ratings.gone(&id("given away"), Moved, true, Some(1)), None);
        assert_eq!(ratings.gone(&id("given away"), Closed, false, Some(1)), None);
        assert_eq!(ratings.gone(&id("strange"), Closed, false, Some(1)), None);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut ratings = Ratings::default();
        for n in 0..=AWAITED {
            let _ = ratings.gone(&id(&n.to_string()), Closed, true, None);
        }
        assert_eq!(ratings.gone(&id("0"), Closed, false, Some(5)), None);
        assert_eq!(ratings.gone(&id("1"), Closed, false, Some(5)), Some(5));
        assert_eq!(ratings.0.len(), AWAITED - 1);
    }
}
