//! Pure: whether a webhook bot counts as connected, judged by how requests to it end.

use std::time::{Duration, Instant};

use crate::bot::LinkState;

/// Where the connection to a webhook bot stands.
///
/// Connected after an answer that it can give only when it works (2xx). Not connected after three failures in a row, or when a
/// request did not reach it and the probe that follows soon fails too. While it is not connected nobody may want to ask it
/// anything, so it is probed, and the state ends by itself.
#[derive(Debug)]
pub(in crate::bot) struct Health {
    told: LinkState,
    failures: u32,
    /// While it is not connected, or may not be there.
    probe_at: Option<Instant>,
    gone_after: Duration,
}

/// How a request ended, as far as the connection is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bot) enum Sign {
    /// A 2xx, or any answer to a probe that is a sign of life.
    Works,
    /// Somebody is there, but refuses: another answer below 500.
    Refuses(String),
    /// It was reached, and gave no answer, or a 500.
    Fails(String),
    /// It was not reached: no connection, or a gateway that says so.
    Absent(String),
}

impl Health {
    /// Nothing is known yet. A bot that is gone is probed after `gone_after`, then every third of it.
    pub(in crate::bot) fn new(gone_after: Duration) -> Self {
        Self { told: unknown(), failures: 0, probe_at: None, gone_after }
    }

    /// A request ended; the state if that changed it.
    pub(in crate::bot) fn saw(&mut self, sign: Sign, now: Instant) -> Option<LinkState> {
        match sign {
            Sign::Works => self.back(),
            Sign::Refuses(_) if self.is_gone() => self.back(),
            Sign::Refuses(error) => {
                self.failures = 0;
                self.probe_at = None;
                self.tell(self.told.connected, "the bot refused the last request", Some(error))
            }
            Sign::Fails(error) => self.failed(error, now),
            Sign::Absent(error) => {
                if self.probe_at.is_none() {
                    self.probe_at = Some(now + (self.gone_after / 3).min(DOUBT_MAX));
                }
                self.failed(error, now)
            }
        }
    }

    /// A probe ended; the state if that changed it.
    pub(in crate::bot) fn saw_probe(&mut self, sign: Sign, now: Instant) -> Option<LinkState> {
        match sign {
            // It was due since a request did not get through, and nothing has got through since.
            Sign::Fails(error) | Sign::Absent(error) if self.probe_at.is_some() => {
                if self.is_gone() {
                    return None;
                }
                self.tell(Some(false), "the bot cannot be reached", Some(error))
            }
            // Something got through meanwhile.
            Sign::Fails(_) | Sign::Absent(_) => None,
            Sign::Works | Sign::Refuses(_) => self.saw(sign, now),
        }
    }

    /// When to probe next; none while it is not needed.
    pub(in crate::bot) fn probe_at(&self) -> Option<Instant> {
        self.probe_at
    }

    /// A probe was sent at `now`.
    pub(in crate::bot) fn probed(&mut self, now: Instant) {
        if self.probe_at.is_some() {
            self.probe_at = Some(now + (self.gone_after / 3).max(PROBE_MIN));
        }
    }

    fn is_gone(&self) -> bool {
        self.told.connected == Some(false)
    }

    fn failed(&mut self, error: String, now: Instant) -> Option<LinkState> {
        self.failures = self.failures.saturating_add(1);
        if self.is_gone() {
            return None;
        }
        if self.failures < FAILURES {
            return self.tell(self.told.connected, "the last request failed", Some(error));
        }
        self.probe_at.get_or_insert(now + self.gone_after);
        let detail = format!("{FAILURES} requests in a row failed");
        self.tell(Some(false), &detail, Some(error))
    }

    fn back(&mut self) -> Option<LinkState> {
        self.failures = 0;
        self.probe_at = None;
        self.tell(Some(true), "the bot answers", None)
    }

    /// The state if it is news.
    fn tell(
        &mut self,
        connected: Option<bool>,
        detail: &str,
        error: Option<String>,
    ) -> Option<LinkState> {
        let state = LinkState { connected, detail: detail.to_owned(), error };
        if self.told == state {
            return None;
        }
        self.told = state.clone();
        Some(state)
    }
}

/// What is known before the first request.
pub(in crate::bot) fn unknown() -> LinkState {
    LinkState {
        connected: None,
        detail: "the webhook has not been called yet".to_owned(),
        error: None,
    }
}

/// One failure may be chance, and a resend comes after the second.
const FAILURES: u32 = 3;
/// After a request that did not get through, the longest wait for the probe that settles it.
const DOUBT_MAX: Duration = Duration::from_secs(5);
/// A bot that is down is not to be hammered.
const PROBE_MIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::clock::Clock;

    #[test]
    fn a_2xx_connects_and_three_failures_in_a_row_disconnect() {
        let now = Clock::system().now();
        let mut health = Health::new(GONE);
        for (sign, connected) in [
            (fails(), None),
            (Sign::Works, Some(true)),
            (fails(), Some(true)),
            (fails(), Some(true)),
            (refuses(), Some(true)),
            (fails(), Some(true)),
            (fails(), Some(true)),
            (fails(), Some(false)),
            (fails(), Some(false)),
            (refuses(), Some(true)),
        ] {
            health.saw(sign.clone(), now);
            assert_eq!(health.told.connected, connected, "{sign:?}");
        }
    }

    #[test]
    fn only_news_are_told() {
        let now = Clock::system().now();
        let mut health = Health::new(GONE);
        for (sign, is_news) in [
            (fails(), true),
            (fails(), false),
            (refuses(), true),
            (refuses(), false),
            (Sign::Works, true),
            (Sign::Works, false),
            (fails(), true),
            (fails(), false),
            (fails(), true),
            (fails(), false),
            (Sign::Works, true),
        ] {
            assert_eq!(health.saw(sign.clone(), now).is_some(), is_news, "{sign:?}");
        }
    }

    #[test]
    fn a_bot_that_is_gone_is_probed_until_it_is_back() {
        let now = Clock::system().now();
        let mut health = Health::new(GONE);
        assert_eq!(health.probe_at(), None);
        for _ in 0..3 {
            health.saw(fails(), now);
        }
        assert_eq!(health.probe_at(), Some(now + GONE));
        let later = now + GONE;
        health.probed(later);
        assert_eq!(health.probe_at(), Some(later + GONE / 3));
        health.saw_probe(fails(), later);
        assert_eq!(health.probe_at(), Some(later + GONE / 3));
        health.saw_probe(Sign::Works, later);
        assert_eq!(health.probe_at(), None);
        health.probed(later);
        assert_eq!(health.probe_at(), None);
    }

    #[test]
    fn a_bot_that_was_not_reached_is_probed_soon_and_the_probe_settles_it() {
        let now = Clock::system().now();
        let in_doubt = || {
            let mut health = Health::new(GONE);
            health.saw(absent(), now);
            assert_eq!(health.probe_at(), Some(now + Duration::from_secs(5)));
            health.probed(now);
            health
        };
        for sign in [absent(), fails()] {
            let state = in_doubt().saw_probe(sign, now).unwrap();
            assert_eq!(state.connected, Some(false));
        }
        assert_eq!(in_doubt().saw_probe(Sign::Works, now).unwrap().connected, Some(true));
    }

    #[test]
    fn a_request_that_gets_through_while_the_probe_is_under_way_outweighs_it() {
        let now = Clock::system().now();
        let mut health = Health::new(GONE);
        health.saw(absent(), now);
        health.probed(now);
        health.saw(Sign::Works, now);
        assert_eq!(health.saw_probe(absent(), now), None);
        assert_eq!((health.told.connected, health.probe_at()), (Some(true), None));
    }

    #[test]
    fn a_short_interval_shortens_the_doubt() {
        let now = Clock::system().now();
        let mut health = Health::new(Duration::from_secs(3));
        health.saw(absent(), now);
        assert_eq!(health.probe_at(), Some(now + Duration::from_secs(1)));
    }

    fn fails() -> Sign {
        Sign::Fails("the bot answers 500".to_owned())
    }

    fn refuses() -> Sign {
        Sign::Refuses("the bot answers 401".to_owned())
    }

    fn absent() -> Sign {
        Sign::Absent("refused".to_owned())
    }

    const GONE: Duration = Duration::from_secs(30);
}
