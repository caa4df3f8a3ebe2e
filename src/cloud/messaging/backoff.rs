//! Pure: how long to wait before the next try.

use std::time::Duration;

/// Waits of 5 s, each a quarter longer than the one before, up to two minutes, all ± 20 %.
///
/// The platform asks for 5, 10, 15 s and then minutes, and blocks clients that flood (retry policy); its own
/// samples use 5 s × 1.25ⁿ.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The wait before the next try.
    pub(super) fn next(&mut self, rng: &mut fastrand::Rng) -> Duration {
        let factor = 1.25_f64.powi(i32::try_from(self.tries.min(100)).unwrap_or(100));
        self.tries = self.tries.saturating_add(1);
        FIRST
            .mul_f64(factor)
            .min(LONGEST)
            .mul_f64(0.8 + 0.4 * rng.f64())
    }

    /// How many tries there were since the last success that lasted.
    #[must_use]
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// It went well for long enough.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

/// Waits of one minute, doubled each time up to ten, all ± 10 %: for what only people can put right.
#[derive(Debug, Default)]
pub(super) struct SlowRetry {
    tries: u32,
}

impl SlowRetry {
    /// The wait before the next try.
    pub(super) fn next(&mut self, rng: &mut fastrand::Rng) -> Duration {
        let factor = 1_u32 << self.tries.min(4);
        self.tries = self.tries.saturating_add(1);
        (MINUTE * factor)
            .min(10 * MINUTE)
            .mul_f64(0.9 + 0.2 * rng.f64())
    }

    /// It went well.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }
}

/// `length`, give or take a tenth.
pub(super) fn about(length: Duration, rng: &mut fastrand::Rng) -> Duration {
    length.mul_f64(0.9 + 0.2 * rng.f64())
}

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(120);
const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_by_a_quarter_up_to_two_minutes_within_their_jitter() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut backoff = Backoff::default();
        for n in 0..200 {
            let plain = (5.0 * 1.25_f64.powi(n)).min(120.0);
            let wait = backoff.next(&mut rng).as_secs_f64();
            assert!(wait >= plain * 0.8 - 0.001 && wait <= plain * 1.2 + 0.001);
        }
        backoff.reset();
        assert!(backoff.next(&mut rng) <= Duration::from_secs(6));
    }

    #[test]
    fn the_slow_retry_goes_from_one_minute_to_ten() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut slow = SlowRetry::default();
        for minutes in [1.0, 2.0, 4.0, 8.0, 10.0, 10.0] {
            let wait = slow.next(&mut rng).as_secs_f64() / 60.0;
            assert!(wait >= minutes * 0.9 - 0.001 && wait <= minutes * 1.1 + 0.001);
        }
    }
}
