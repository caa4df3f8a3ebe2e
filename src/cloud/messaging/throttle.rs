//! Pure: what to do when the server says 429: pause, then go on slowly and in order.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Requests that have to wait, in the order in which they were first made.
///
/// After a 429 nothing leaves for a second; then one request a second until one of them is answered
/// otherwise; then one every 200 ms until none waits. Another 429 begins anew.
#[derive(Debug)]
pub(super) struct Throttle<T> {
    waiting: BTreeMap<u64, T>,
    next: Option<Instant>,
    pace: Duration,
    /// Requests that were released and are not answered: what comes after them has to wait, to keep the order.
    probing: usize,
}

impl<T> Default for Throttle<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), next: None, pace: PAUSE, probing: 0 }
    }
}

impl<T> Throttle<T> {
    /// Whether a new request has to wait.
    #[must_use]
    pub(super) fn is_closed(&self) -> bool {
        !self.waiting.is_empty() || self.probing > 0
    }

    /// The server said 429 to this one; `order` is its place in the order of requests.
    pub(super) fn refused(&mut self, order: u64, item: T, now: Instant) {
        self.waiting.insert(order, item);
        self.next = Some(now + PAUSE);
        self.pace = PAUSE;
    }

    /// A new request waits behind the others.
    pub(super) fn queue(&mut self, order: u64, item: T) {
        self.waiting.insert(order, item);
    }

    /// The next request that may leave now.
    pub(super) fn release(&mut self, now: Instant) -> Option<(u64, T)> {
        if self.next.is_some_and(|next| next > now) {
            return None;
        }
        let released = self.waiting.pop_first()?;
        self.probing += 1;
        self.next = Some(now + self.pace);
        Some(released)
    }

    /// A released request was answered, by anything but a 429 if `well`, or will never be.
    pub(super) fn settled(&mut self, well: bool) {
        self.probing = self.probing.saturating_sub(1);
        if well {
            self.pace = BRISK;
        }
    }

    /// Takes back what waits and is not wanted any more.
    pub(super) fn withdraw(&mut self, is_unwanted: impl Fn(&T) -> bool) -> Vec<T> {
        let unwanted = self.waiting.iter().filter(|(_, item)| is_unwanted(item));
        let orders: Vec<u64> = unwanted.map(|(order, _)| *order).collect();
        orders.iter().filter_map(|order| self.waiting.remove(order)).collect()
    }

    /// When the next request may leave.
    #[must_use]
    pub(super) fn wake(&self) -> Option<Instant> {
        self.next.filter(|_| !self.waiting.is_empty())
    }

    /// Gives back what waits.
    pub(super) fn into_waiting(self) -> impl Iterator<Item = T> {
        self.waiting.into_values()
    }
}

/// The least pause that the platform asks for (retry policy).
const PAUSE: Duration = Duration::from_secs(1);
/// Five requests a second are modest for one connection.
const BRISK: Duration = Duration::from_millis(200);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_for_a_second_and_then_one_a_second_in_order() {
        let start = Instant::now();
        let ms = |n: u64| start + Duration::from_millis(n);
        let mut throttle = Throttle::default();
        assert!(!throttle.is_closed());
        throttle.refused(2, "second", ms(0));
        throttle.queue(7, "third");
        throttle.refused(1, "first", ms(10));
        assert!(throttle.is_closed());
        assert_eq!(throttle.release(ms(1_009)), None);
        assert_eq!(throttle.release(ms(1_010)), Some((1, "first")));
        assert_eq!(throttle.release(ms(1_500)), None);
        assert_eq!(throttle.release(ms(2_010)), Some((2, "second")));
        throttle.settled(true);
        assert_eq!(throttle.wake(), Some(ms(3_010)));
        assert_eq!(throttle.release(ms(3_010)), Some((7, "third")));
        assert!(throttle.is_closed(), "two are unanswered");
        throttle.settled(true);
        throttle.settled(true);
        assert!(!throttle.is_closed());
    }

    #[test]
    fn after_a_good_answer_the_rest_leaves_briskly_and_another_refusal_begins_anew() {
        let start = Instant::now();
        let ms = |n: u64| start + Duration::from_millis(n);
        let mut throttle = Throttle::default();
        for n in 0..4 {
            throttle.refused(n, n, ms(0));
        }
        assert_eq!(throttle.release(ms(1_000)), Some((0, 0)));
        throttle.settled(true);
        assert_eq!(throttle.release(ms(2_000)), Some((1, 1)));
        assert_eq!(throttle.release(ms(2_200)), Some((2, 2)));
        throttle.settled(false);
        throttle.refused(2, 2, ms(2_300));
        assert_eq!(throttle.release(ms(3_299)), None);
        assert_eq!(throttle.release(ms(3_300)), Some((2, 2)));
        assert_eq!(throttle.release(ms(3_500)), None);
        assert_eq!(throttle.release(ms(4_300)), Some((3, 3)));
    }
}
