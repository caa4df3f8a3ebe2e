//! Pure: recognising a second program that logs in as the same agent.
//!
//! The platform allows one session per agent user: a second log-in ends the first. Two programs with one user
//! evict each other for ever, and each sees a session that dies again and again without reason.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The moments at which a session was ended from outside.
#[derive(Debug, Default)]
pub(super) struct Evictions {
    times: VecDeque<Instant>,
}

impl Evictions {
    /// A session that had been accepted was ended: 4401, a refused refresh, a token that opens no socket any more.
    pub(super) fn record(&mut self, now: Instant) {
        self.times.push_back(now);
        if self.times.len() > MANY {
            self.times.pop_front();
        }
    }

    /// Whether it happened so often lately that another program must be at it.
    #[must_use]
    pub(super) fn fought(&self, now: Instant) -> bool {
        self.times.len() == MANY
            && self
                .times
                .front()
                .is_some_and(|first| now.saturating_duration_since(*first) < LATELY)
    }
}

/// Once happens when a session expires, twice when a server restarts at the wrong moment.
const MANY: usize = 3;
/// Two programs that hear of their eviction only at the refresh, every 4 minutes, are to be recognised too.
const LATELY: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests need some instant to count from"
)]
mod tests {
    use super::*;

    #[test]
    fn three_evictions_in_ten_minutes_are_a_fight() {
        let start = Instant::now();
        let minutes = |n: u64| start + Duration::from_secs(60 * n);
        let mut evictions = Evictions::default();
        evictions.record(minutes(0));
        evictions.record(minutes(4));
        assert!(!evictions.fought(minutes(4)));
        evictions.record(minutes(8));
        assert!(evictions.fought(minutes(8)));
        assert!(!evictions.fought(minutes(10)));
        evictions.record(minutes(12));
        assert!(evictions.fought(minutes(12)));
    }
}
