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
    recognised: bool,
}

impl Evictions {
    /// A session that had been accepted was ended: 4401, a refused refresh, a token that opens no socket any more.
    pub(super) fn record(&mut self, now: Instant) {
        if !self.is_recent(now) {
            *self = Self::default();
        }
        self.times.push_back(now);
        if self.times.len() > MANY {
            self.times.pop_front();
        }
        let first = self.times.front().filter(|_| self.times.len() == MANY);
        self.recognised |=
            first.is_some_and(|first| now.saturating_duration_since(*first) < LATELY);
    }

    /// Whether another program must be at it: it happened so often in a short time, and has not stopped since. Once it
    /// is known, both keep so quiet that it would not be seen again.
    #[must_use]
    pub(super) fn fought(&self, now: Instant) -> bool {
        self.recognised && self.is_recent(now)
    }

    fn is_recent(&self, now: Instant) -> bool {
        self.times.back().is_some_and(|last| now.saturating_duration_since(*last) < LATELY)
    }
}

/// Once happens when a session expires, twice when a server restarts at the wrong moment.
const MANY: usize = 3;
/// Two programs that hear of their eviction only at the refresh, every 4 minutes, are to be recognised too.
const LATELY: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
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
        let mut slower = Evictions::default();
        for minute in [0, 9, 18, 27] {
            slower.record(minutes(minute));
        }
        assert!(!slower.fought(minutes(27)));
    }

    #[test]
    fn a_fight_goes_on_however_slowly_until_ten_minutes_are_quiet() {
        let start = Instant::now();
        let minutes = |n: u64| start + Duration::from_secs(60 * n);
        let mut evictions = Evictions::default();
        for minute in [0, 1, 2, 11, 20] {
            evictions.record(minutes(minute));
        }
        assert!(evictions.fought(minutes(29)));
        assert!(!evictions.fought(minutes(30)));
        evictions.record(minutes(31));
        assert!(!evictions.fought(minutes(31)), "it begins anew");
    }
}
