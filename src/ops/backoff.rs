//! Pure: how long to wait before trying again, and how often something may be done at all.

use std::time::{Duration, Instant};

use crate::conversation::Timestamp;

/// The shape of a back-off: `min(base × factorⁿ, cap) × random(low…high)`, with n counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// The first wait, before jitter.
    pub base: Duration,
    /// What each wait is multiplied with to get the next one; 1 or more.
    pub factor: f64,
    /// The longest wait, before jitter.
    pub cap: Duration,
    /// The least and the greatest factor that chance may choose, so that many clients do not come back at once.
    pub jitter: (f64, f64),
}

impl Curve {
    /// For the cloud: 5 s, growing by a quarter to at most two minutes. A platform that comes back after an outage
    /// is not met by all its agents in the same second.
    pub const CLOUD: Self = Self {
        base: Duration::from_secs(5),
        factor: 1.25,
        cap: Duration::from_secs(120),
        jitter: (0.8, 1.2),
    };

    /// For what only people can put right, such as refused credentials: a minute, doubling to ten.
    pub const SLOW: Self = Self {
        base: Duration::from_secs(60),
        factor: 2.0,
        cap: Duration::from_secs(600),
        jitter: (0.9, 1.1),
    };

    /// For a bot, which is ours to restart and should be found again soon: 1 s, doubling to half a minute.
    pub const BOT: Self = Self {
        base: Duration::from_secs(1),
        factor: 2.0,
        cap: Duration::from_secs(30),
        jitter: (0.8, 1.2),
    };
}

/// `length`, give or take a tenth: for what many clients do at the same pace.
#[must_use]
pub fn about(length: Duration, rng: &mut fastrand::Rng) -> Duration {
    length.mul_f64(0.9 + 0.2 * rng.f64())
}

/// Counts failures and says how long to wait after each.
#[derive(Clone, Debug)]
pub struct Backoff {
    curve: Curve,
    attempt: u32,
    rng: fastrand::Rng,
}

impl Backoff {
    /// Begins at the curve's base. A seeded `rng` makes the waits repeatable.
    #[must_use]
    pub fn new(curve: Curve, rng: fastrand::Rng) -> Self {
        Self { curve, attempt: 0, rng }
    }

    /// How many waits were handed out since the last reset.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The wait after one more failure.
    pub fn next_wait(&mut self) -> Duration {
        let Curve { base, factor, cap, jitter: (low, high) } = self.curve;
        let power = i32::try_from(self.attempt).unwrap_or(i32::MAX);
        self.attempt = self.attempt.saturating_add(1);
        let grown = (base.as_secs_f64() * factor.powi(power)).min(cap.as_secs_f64());
        let chance = low + (high - low) * self.rng.f64();
        Duration::try_from_secs_f64(grown * chance).unwrap_or(cap)
    }

    /// The wait after one more failure, but at least what the other side asked for (`Retry-After`).
    pub fn next_wait_at_least(&mut self, least: Option<Duration>) -> Duration {
        self.next_wait().max(least.unwrap_or_default())
    }

    /// It worked: the next failure waits for the base again.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// Lets something happen once each `interval` on average, and up to `burst` times at once.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    interval: Duration,
    slack: Duration,
    /// When the bucket will be full again; everything follows from this one instant.
    full_at: Option<Instant>,
}

impl TokenBucket {
    /// A full bucket of `burst` tokens (at least one), of which one comes back each `interval`.
    #[must_use]
    pub fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, slack: interval * burst.saturating_sub(1), full_at: None }
    }

    /// Takes a token, or tells when there will be one.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        match (full_at - now).checked_sub(self.slack) {
            Some(wait) if wait > Duration::ZERO => Err(now + wait),
            Some(_) | None => {
                self.full_at = Some(full_at + self.interval);
                Ok(())
            }
        }
    }
}

/// Reads a `Retry-After` header (RFC 9110, 10.2.3): seconds, or an HTTP date in one of its three forms.
///
/// A date in the past is a wait of zero; a wait is at most one day; none for what is neither.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let millis = http_date(value)?.millis_since(now);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    };
    Some(wait.min(LONGEST))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or `Sun Nov  6 08:49:37 1994`.
fn http_date(text: &str) -> Option<Timestamp> {
    let mut parts = text.split([' ', ',', '-', ':']).filter(|part| !part.is_empty());
    let mut next = || parts.next();
    let (_weekday, second, third) = (next()?, next()?, next()?);
    let (day, month, year, time) = if second.starts_with(|c: char| c.is_ascii_digit()) {
        let year = next()?;
        (second, third, year, [next()?, next()?, next()?])
    } else {
        let time = [next()?, next()?, next()?];
        (third, second, next()?, time)
    };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let year: i64 = match (year.len(), year.parse().ok()?) {
        (4, year) => year,
        // Two digits: within this century's first seventy years, else the last one (RFC 6265 reads it so).
        (2, year @ 0..70) => 2000 + year,
        (2, year @ 70..100) => 1900 + year,
        _ => return None,
    };
    let number = |text: &str, range: std::ops::RangeInclusive<i64>| {
        let number = text.parse().ok()?;
        range.contains(&number).then_some(number)
    };
    let day = number(day, 1..=31)?;
    let [hour, minute, second] = time;
    let (hour, minute) = (number(hour, 0..=23)?, number(minute, 0..=59)?);
    let second = number(second, 0..=60)?;
    let days = days_since_epoch(year, i64::try_from(month).ok()? + 1, day);
    Some(Timestamp((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000))
}

/// Days from 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is a year's last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * from_march + 2) / 5 + day - 1 - DAYS_TO_EPOCH
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;
/// Nobody waits longer for a server's wish.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::clock::Clock;

    #[test]
    fn waits_grow_by_the_factor_up_to_the_cap_and_begin_again_after_a_reset() {
        let exact = Curve { jitter: (1.0, 1.0), ..Curve::CLOUD };
        let mut backoff = Backoff::new(exact, fastrand::Rng::with_seed(1));
        let first: Vec<f64> = (0..4).map(|_| backoff.next_wait().as_secs_f64()).collect();
        assert_eq!(first, [5.0, 6.25, 7.8125, 9.765_625]);
        for _ in 0..10_000 {
            assert!(backoff.next_wait() <= Duration::from_secs(120));
        }
        assert_eq!(backoff.next_wait(), Duration::from_secs(120));
        assert_eq!(backoff.attempt(), 10_005);
        backoff.reset();
        assert_eq!(backoff.next_wait(), Duration::from_secs(5));
    }

    #[test]
    fn what_people_have_to_put_right_is_tried_after_a_minute_and_at_most_every_ten() {
        let exact = Curve { jitter: (1.0, 1.0), ..Curve::SLOW };
        let mut backoff = Backoff::new(exact, fastrand::Rng::with_seed(1));
        let minutes: Vec<f64> = (0..6).map(|_| backoff.next_wait().as_secs_f64() / 60.0).collect();
        assert_eq!(minutes, [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]);
    }

    #[test]
    fn jitter_spreads_waits_over_its_whole_range_and_never_beyond() {
        let mut backoff = Backoff::new(Curve::CLOUD, fastrand::Rng::with_seed(7));
        let waits: Vec<f64> = (0..1000)
            .map(|_| {
                backoff.reset();
                backoff.next_wait().as_secs_f64()
            })
            .collect();
        assert!(waits.iter().all(|wait| (4.0..=6.0).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 4.1) && waits.iter().any(|wait| *wait > 5.9));
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let waits = |seed| {
            let mut backoff = Backoff::new(Curve::BOT, fastrand::Rng::with_seed(seed));
            [(); 5].map(|()| backoff.next_wait())
        };
        assert_eq!(waits(3), waits(3));
        assert_ne!(waits(3), waits(4));
    }

    #[test]
    fn the_other_sides_wish_is_a_least_wait() {
        let mut backoff = Backoff::new(Curve::CLOUD, fastrand::Rng::with_seed(1));
        let minute = Duration::from_secs(60);
        assert_eq!(backoff.next_wait_at_least(Some(minute)), minute);
        assert!(backoff.next_wait_at_least(Some(Duration::from_millis(1))) >= Curve::CLOUD.base);
        assert!(backoff.next_wait_at_least(None) > Duration::ZERO);
    }

    #[test]
    fn a_bucket_gives_a_burst_and_then_one_token_each_interval() {
        let start = Clock::system().now();
        let second = Duration::from_secs(1);
        let mut bucket = TokenBucket::new(second, 3);
        for _ in 0..3 {
            assert_eq!(bucket.take(start), Ok(()));
        }
        assert_eq!(bucket.take(start), Err(start + second));
        assert_eq!(bucket.take(start + second), Ok(()));
        assert_eq!(bucket.take(start + second), Err(start + 2 * second));
        // After a long rest there are three again, not more.
        let later = start + 100 * second;
        for _ in 0..3 {
            assert_eq!(bucket.take(later), Ok(()));
        }
        assert_eq!(bucket.take(later), Err(later + second));
    }

    #[test]
    fn retry_after_reads_seconds_and_all_three_forms_of_a_date() {
        // Two minutes before 1994-11-06T08:49:37Z.
        let now = Timestamp(784_111_777_000 - 120_000);
        let two_minutes = Some(Duration::from_secs(120));
        for value in [
            "120",
            " 120 ",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(retry_after(value, now), two_minutes, "{value}");
        }
        let past = "Sat, 05 Nov 1994 08:49:37 GMT";
        assert_eq!(retry_after(past, now), Some(Duration::ZERO));
        assert_eq!(retry_after("0", now), Some(Duration::ZERO));
    }

    #[test]
    fn retry_after_is_at_most_a_day() {
        for value in ["86401", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(retry_after(value, Timestamp(0)), Some(LONGEST), "{value}");
        }
    }

    #[test]
    fn retry_after_ignores_what_is_neither() {
        for value in [
            "",
            "soon",
            "-1",
            "1.5",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 19941 08:49:37 GMT",
            "ä, ö ü",
        ] {
            assert_eq!(retry_after(value, Timestamp(0)), None, "{value}");
        }
    }

    #[test]
    fn dates_agree_with_the_other_direction_over_four_centuries() {
        for day in (0..146_097).step_by(7) {
            let time = Timestamp(day * 86_400_000);
            let text = time.to_string();
            let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
            assert_eq!(days_since_epoch(part(0..4), part(5..7), part(8..10)), day, "{text}");
        }
    }
}
