//! Pure: what to do when the cloud does not tell everything by itself.
//!
//! What was missed is repaired by whoever found it. One miss may be an accident; another one soon after says that
//! something is wrong with the connection, and a new one is opened.

use std::time::{Duration, Instant};

/// What has been missed lately.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// The first miss that another one may follow.
    first: Option<Instant>,
    /// When the connection was last replaced for it.
    replaced: Option<Instant>,
}

impl Hearing {
    /// Something was missed. True if the connection is to be replaced.
    #[must_use]
    pub(super) fn missed(&mut self, now: Instant) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at);
        let Some(first) = self.first.filter(|first| since(*first) < SOON) else {
            self.first = Some(now);
            return false;
        };
        let again = since(first) >= AT_ONCE;
        let may = self.replaced.is_none_or(|at| since(at) >= BETWEEN);
        if again && may {
            *self = Self { first: None, replaced: Some(now) };
        }
        again && may
    }
}

/// Two misses within this time are no accident.
const SOON: Duration = Duration::from_secs(5 * 60);
/// What is found within this time was missed together.
const AT_ONCE: Duration = Duration::from_secs(10);
/// A new connection that is no better than the last one is not replaced again before this time is over.
const BETWEEN: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_second_miss_within_five_minutes_replaces_the_connection() {
        let start = crate::ops::clock::Clock::system().now();
        let mut hearing = Hearing::default();
        assert!(!hearing.missed(start));
        assert!(!hearing.missed(start + secs(9)), "missed together");
        assert!(hearing.missed(start + secs(60)));
        assert!(!hearing.missed(start + secs(61)), "the first one of the new connection");
    }

    #[test]
    fn misses_far_apart_replace_nothing() {
        let start = crate::ops::clock::Clock::system().now();
        let mut hearing = Hearing::default();
        assert!((0..20).all(|n| !hearing.missed(start + secs(300 * n))));
    }

    #[test]
    fn a_service_that_always_loses_something_costs_one_connection_in_ten_minutes() {
        let start = crate::ops::clock::Clock::system().now();
        let mut hearing = Hearing::default();
        let replaced = (0..360).filter(|n| hearing.missed(start + secs(10 * n))).count();
        assert_eq!(replaced, 6, "in an hour");
    }
}
