//! Pure: how often to ask, and how long to wait after it went wrong.

use std::time::{Duration, Instant};

/// Something that is asked for again and again, the next time a period after the answer.
#[derive(Debug)]
pub(super) struct Poll {
    /// None while an answer is awaited.
    due: Option<Instant>,
    /// When it was last asked for.
    asked: Instant,
    /// Longer while the server finds that it is too much.
    period: Duration,
    failures: u32,
    failing_since: Option<Instant>,
}

impl Poll {
    /// For the first time at `due`.
    pub(super) fn new(due: Instant) -> Self {
        Self { due: Some(due), asked: due, period: PERIOD, failures: 0, failing_since: None }
    }

    /// When to ask next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the last answer was none.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Whether it is time to ask; if so, the answer is awaited from now on.
    pub(super) fn begins(&mut self, now: Instant) -> bool {
        let begins = self.due.is_some_and(|due| due <= now);
        if begins {
            (self.due, self.asked) = (None, now);
        }
        begins
    }

    /// It was answered.
    pub(super) fn answered(&mut self, now: Instant) {
        (self.period, self.failures, self.failing_since) = (PERIOD, 0, None);
        self.due = Some(now + self.period);
    }

    /// It failed and may go better: the platform's own pauses of 5, 10 and 15 s, then every 15 s (Retry Policy
    /// Recommendations), counted from question to question, so that an answer that never came does not add to them.
    /// Tells for how long it has been failing.
    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        self.due = Some((self.asked + pause(self.failures)).max(now + PERIOD));
        self.failures = self.failures.saturating_add(1);
        now.saturating_duration_since(*self.failing_since.get_or_insert(now))
    }

    /// It was too much: half as often, but every 10 s at least.
    pub(super) fn too_much(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.period = (2 * self.period).min(SLOWEST);
        let wait = retry_after.unwrap_or_default().min(SLOWEST);
        self.due = Some(now + self.period.max(wait));
    }

    /// To be asked for at once, unless an answer is awaited.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.due = self.due.map(|due| due.min(now));
    }

    /// Not before then, whatever it was to be.
    pub(super) fn not_before(&mut self, then: Instant) {
        self.due = self.due.map(|due| due.max(then));
    }

    /// At that time, unless an answer is awaited.
    pub(super) fn hold(&mut self, until: Instant) {
        self.due = self.due.map(|_| until);
    }
}

/// The pause after so many failures before this one.
pub(super) fn pause(failures: u32) -> Duration {
    Duration::from_secs(match failures {
        0 => 5,
        1 => 10,
        _ => 15,
    })
}

/// The only published floor, and the pace of the platform's sample client (Chat Agent API, chat sessions).
pub(super) const PERIOD: Duration = Duration::from_secs(2);
/// Whatever the server asks for: what is not asked for at all for long, it gives up.
pub(super) const SLOWEST: Duration = Duration::from_secs(10);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
mod tests {
    use super::*;

    #[test]
    fn the_next_question_is_a_period_after_the_answer_and_never_before_it() {
        let now = Instant::now();
        let mut poll = Poll::new(now);
        assert!(poll.begins(now));
        assert!(!poll.begins(now + SLOWEST));
        let later = now + Duration::from_secs(3);
        poll.answered(later);
        assert_eq!(poll.due(), Some(later + PERIOD));
        poll.hurry(later);
        assert_eq!(poll.due(), Some(later));
    }

    #[test]
    fn failures_are_met_with_longer_pauses_until_it_goes_well() {
        let now = Instant::now();
        let mut poll = Poll::new(now);
        let mut at = now;
        for seconds in [5, 10, 15, 15] {
            assert!(poll.begins(at));
            poll.failed(at);
            at += Duration::from_secs(seconds);
            assert_eq!(poll.due(), Some(at));
        }
        assert!(poll.begins(at));
        assert_eq!(poll.failed(at), Duration::from_secs(45));
        poll.answered(at);
        assert_eq!(poll.due(), Some(at + PERIOD));
    }

    #[test]
    fn an_answer_that_never_came_does_not_make_the_pause_longer() {
        let now = Instant::now();
        let seconds = Duration::from_secs;
        let mut poll = Poll::new(now);
        assert!(poll.begins(now));
        poll.failed(now + seconds(8));
        assert_eq!(poll.due(), Some(now + seconds(10)), "8 s of silence were pause enough");
        assert!(poll.begins(now + seconds(10)));
        poll.failed(now + seconds(11));
        assert_eq!(poll.due(), Some(now + seconds(20)));
    }

    #[test]
    fn a_server_that_finds_it_too_much_is_asked_less_often() {
        let now = Instant::now();
        let mut poll = Poll::new(now);
        for seconds in [4, 8, 10, 10] {
            poll.too_much(now, None);
            assert_eq!(poll.due(), Some(now + Duration::from_secs(seconds)));
        }
    }
}
