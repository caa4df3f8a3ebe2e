//! Pure: the requests of one socket: which are unanswered, which have to wait.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::{throttle::Throttle, wire::Request};

/// Gives requests their ids, finds them again by it, and knows when to stop waiting for them.
///
/// `P` says what a request is for.
#[derive(Debug)]
pub(super) struct Requests<P> {
    timeout: Duration,
    ids: u64,
    orders: u64,
    /// By id, which is also the order of their deadlines.
    pending: BTreeMap<u64, Pending<P>>,
    throttle: Throttle<Waiting<P>>,
    /// Requests for which there is no hurry, in their order.
    bulk: VecDeque<Waiting<P>>,
    bulk_pending: usize,
}

#[derive(Debug)]
struct Pending<P> {
    order: u64,
    request: Request,
    purpose: P,
    deadline: Instant,
    lane: Lane,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Ordinary,
    /// There may be a thousand of them at once, and they must not be in the way of the others.
    Bulk,
    /// It had waited for its turn after a 429.
    Released,
    /// It is not made to wait: it passes whatever does, or it is out of date by the time of another attempt.
    Urgent,
}

#[derive(Debug)]
struct Waiting<P> {
    request: Request,
    purpose: P,
}

impl<P> Requests<P> {
    /// No requests yet; each may take `timeout`.
    #[must_use]
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            ids: 0,
            orders: 0,
            pending: BTreeMap::new(),
            throttle: Throttle::default(),
            bulk: VecDeque::new(),
            bulk_pending: 0,
        }
    }

    /// The frame to send, or none if the request has to wait behind others.
    pub(super) fn send(&mut self, request: Request, purpose: P, now: Instant) -> Option<String> {
        let order = self.next_order();
        if self.throttle.is_closed() {
            self.throttle.queue(order, Waiting { request, purpose });
            None
        } else {
            Some(self.leave(order, request, purpose, now, Lane::Ordinary))
        }
    }

    /// The frame to send, or none if enough of these are under way: for what is asked of every conversation when a
    /// connection begins. Its time begins when it leaves.
    pub(super) fn send_when_quiet(
        &mut self,
        request: Request,
        purpose: P,
        now: Instant,
    ) -> Option<String> {
        self.bulk.push_back(Waiting { request, purpose });
        self.release_bulk(now)
    }

    /// The frame to send, whatever waits: for signs of life.
    pub(super) fn send_at_once(&mut self, request: Request, purpose: P, now: Instant) -> String {
        let order = self.next_order();
        self.leave(order, request, purpose, now, Lane::Urgent)
    }

    /// What is under way for such a purpose is out of date: should the server refuse it with a 429, it is not sent
    /// again, or it would have the last word after what replaces it.
    pub(super) fn outdate(&mut self, is_out_of_date: impl Fn(&P) -> bool) {
        for pending in self.pending.values_mut() {
            if pending.lane == Lane::Ordinary && is_out_of_date(&pending.purpose) {
                pending.lane = Lane::Urgent;
            }
        }
    }

    /// What has not left for such a purpose is not to leave any more.
    pub(super) fn withdraw(&mut self, is_unwanted: impl Fn(&P) -> bool) -> Vec<P> {
        let waiting = self.throttle.withdraw(|waiting| is_unwanted(&waiting.purpose));
        waiting.into_iter().map(|waiting| waiting.purpose).collect()
    }

    /// An answer came with this code. None if nobody waits for it (any more), or if it was a 429: then the
    /// request is kept and leaves again later, unless it was a sign of life, which is out of date by then.
    pub(super) fn answered(&mut self, id: &str, code: Option<u16>, now: Instant) -> Option<P> {
        let pending = self.pending.remove(&id.parse().ok()?)?;
        self.bulk_pending -= usize::from(pending.lane == Lane::Bulk);
        let too_many = code == Some(429);
        if pending.lane == Lane::Released {
            self.throttle.settled(!too_many);
        }
        if too_many && pending.lane != Lane::Urgent {
            let Pending { order, request, purpose, .. } = pending;
            self.throttle.refused(order, Waiting { request, purpose }, now);
            None
        } else {
            Some(pending.purpose)
        }
    }

    /// The frames that may leave by now.
    pub(super) fn release(&mut self, now: Instant) -> Option<String> {
        match self.throttle.release(now) {
            Some((order, Waiting { request, purpose })) => {
                Some(self.leave(order, request, purpose, now, Lane::Released))
            }
            None => self.release_bulk(now),
        }
    }

    /// The next request whose time is over; its answer will be passed over should it ever come.
    pub(super) fn expire(&mut self, now: Instant) -> Option<P> {
        let entry = self.pending.first_entry()?;
        if entry.get().deadline > now {
            return None;
        }
        let pending = entry.remove();
        self.bulk_pending -= usize::from(pending.lane == Lane::Bulk);
        if pending.lane == Lane::Released {
            self.throttle.settled(false);
        }
        Some(pending.purpose)
    }

    /// When there is something to do.
    #[must_use]
    pub(super) fn wake(&self) -> Option<(Instant, &'static str)> {
        let deadline = self.pending.first_key_value().map(|(_, p)| p.deadline);
        let release = self.throttle.wake();
        deadline
            .map(|at| (at, "request timeout"))
            .into_iter()
            .chain(release.map(|at| (at, "rate limit")))
            .min()
    }

    /// The socket is gone: what had left (and may have happened), and what had not.
    pub(super) fn abandon(self) -> (impl Iterator<Item = P>, impl Iterator<Item = P>) {
        (
            self.pending.into_values().map(|pending| pending.purpose),
            self.throttle.into_waiting().chain(self.bulk).map(|waiting| waiting.purpose),
        )
    }

    fn release_bulk(&mut self, now: Instant) -> Option<String> {
        if self.bulk_pending >= MOST_BULK || self.throttle.is_closed() {
            return None;
        }
        let Waiting { request, purpose } = self.bulk.pop_front()?;
        self.bulk_pending += 1;
        let order = self.next_order();
        Some(self.leave(order, request, purpose, now, Lane::Bulk))
    }

    fn next_order(&mut self) -> u64 {
        self.orders += 1;
        self.orders
    }

    fn leave(
        &mut self,
        order: u64,
        request: Request,
        purpose: P,
        now: Instant,
        lane: Lane,
    ) -> String {
        self.ids += 1;
        let frame = request.encode(&self.ids.to_string());
        self.pending.insert(
            self.ids,
            Pending { order, request, purpose, deadline: now + self.timeout, lane },
        );
        frame
    }
}

/// Enough to keep a server busy, few enough to leave it room for what consumers wait for.
const MOST_BULK: usize = 16;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
mod tests {
    use super::*;
    use crate::cloud::messaging::wire::Method;

    #[test]
    fn answers_find_their_request_in_any_order_and_once() {
        let now = Instant::now();
        let mut requests = requests();
        requests.send(clock(), "a", now);
        requests.send(clock(), "b", now);
        assert_eq!(requests.answered("2", Some(200), now), Some("b"));
        assert_eq!(requests.answered("1", None, now), Some("a"));
        assert_eq!(requests.answered("1", None, now), None);
        assert_eq!(requests.answered("x", None, now), None);
        assert_eq!(requests.wake(), None);
    }

    #[test]
    fn a_request_is_given_up_at_its_deadline_and_a_late_answer_is_nobodys() {
        let now = Instant::now();
        let mut requests = requests();
        requests.send(clock(), "a", now);
        let deadline = now + Duration::from_secs(10);
        assert_eq!(requests.wake(), Some((deadline, "request timeout")));
        assert_eq!(requests.expire(deadline - Duration::from_millis(1)), None);
        assert_eq!(requests.expire(deadline), Some("a"));
        assert_eq!(requests.answered("1", Some(200), deadline), None);
    }

    #[test]
    fn a_throttled_request_leaves_again_under_a_new_id_and_others_wait_behind_it() {
        let now = Instant::now();
        let mut requests = requests();
        requests.send(clock(), "a", now);
        requests.send(clock(), "b", now);
        assert_eq!(requests.answered("1", Some(429), now), None);
        assert_eq!(requests.send(clock(), "c", now), None);
        assert_eq!(requests.answered("2", Some(429), now), None);
        let later = now + Duration::from_secs(1);
        assert_eq!(requests.wake(), Some((later, "rate limit")));
        let frame = requests.release(later).unwrap();
        assert!(frame.contains(r#""id":"3""#), "{frame}");
        assert_eq!(requests.release(later), None);
        assert_eq!(requests.answered("3", Some(200), later), Some("a"));
        let later = later + Duration::from_secs(1);
        assert!(requests.release(later).is_some());
        assert_eq!(requests.answered("4", Some(200), later), Some("b"));
        assert!(requests.release(later + Duration::from_secs(1)).is_some());
        assert_eq!(requests.answered("5", Some(200), later), Some("c"));
    }

    #[test]
    fn a_throttled_sign_of_life_is_not_repeated_and_holds_up_nobody() {
        let now = Instant::now();
        let mut requests = requests();
        requests.send_at_once(clock(), "clock", now);
        assert_eq!(requests.answered("1", Some(429), now), Some("clock"));
        assert!(requests.send(clock(), "a", now).is_some());
    }

    #[test]
    fn what_was_replaced_is_not_sent_again_after_what_replaced_it() {
        let now = Instant::now();
        let mut requests = requests();
        requests.send(clock(), "away", now);
        requests.outdate(|purpose| *purpose == "away");
        requests.send(clock(), "online", now);
        assert_eq!(requests.answered("1", Some(429), now), Some("away"));
        assert_eq!(requests.release(now + Duration::from_secs(2)), None);
        assert_eq!(requests.answered("2", Some(429), now), None);
        assert!(requests.release(now + Duration::from_secs(2)).is_some());
    }

    #[test]
    fn requests_in_bulk_leave_a_few_at_a_time_and_are_in_nobodys_way() {
        let now = Instant::now();
        let mut requests = requests();
        let left = (0..100).filter_map(|_| requests.send_when_quiet(clock(), "bulk", now)).count();
        assert_eq!(left, MOST_BULK);
        assert!(requests.send(clock(), "urgent", now).is_some());
        assert_eq!(requests.release(now), None);
        assert_eq!(requests.answered("1", None, now), Some("bulk"));
        assert!(requests.release(now).is_some());
        assert_eq!(requests.release(now), None);
        // Those that are given up make room too, and the time of the next ones begins only then.
        let later = now + Duration::from_secs(10);
        let mut given_up = 0;
        while requests.expire(later).is_some() {
            given_up += 1;
        }
        assert_eq!(given_up, MOST_BULK + 1);
        let left = std::iter::from_fn(|| requests.release(later)).count();
        assert_eq!(left, MOST_BULK);
        assert_eq!(requests.wake(), Some((later + Duration::from_secs(10), "request timeout")));
    }

    #[test]
    fn what_had_left_is_told_from_what_waited() {
        let now = Instant::now();
        let mut requests = requests();
        requests.send(clock(), "left", now);
        requests.send(clock(), "refused", now);
        requests.answered("2", Some(429), now);
        requests.send(clock(), "queued", now);
        let (left, waited) = requests.abandon();
        assert_eq!(left.collect::<Vec<_>>(), ["left"]);
        assert_eq!(waited.collect::<Vec<_>>(), ["refused", "queued"]);
    }

    fn requests() -> Requests<&'static str> {
        Requests::new(Duration::from_secs(10))
    }

    fn clock() -> Request {
        Request::new(Method::GetClock, &serde_json::json!({}))
    }
}
