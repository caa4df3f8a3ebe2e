//! Pure: whether a webhook bot counts as connected, judged by how requests to it end.

use std::time::{Duration, Instant};

use crate::bot::LinkState;

/// Where the connection to a webhook bot stands.
///
/// Connected after an answer that it can give only when it works (2xx), not connected after three failures in a row. While it
/// is not connected nobody may want to ask it anything, so it is probed, and the state ends by itself.
#[derive(Debug)]
pub(in crate::bot) struct Health {
    connected: Option<bool>,
    failures: u32,
    /// While it is not connected.
    probe_at: Option<Instant>,
    gone_after: Duration,
}

/// How a request ended, as far as the connection is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bot) enum Sign {
    /// A 2xx, or any answer to a probe that is a sign of life.
    Works,
    /// Another answer below 500: somebody is there.
    There,
    /// No answer, or a 5xx.
    Fails(String),
}

impl Health {
    /// Nothing is known yet. Probing begins `gone_after` after the connection is lost.
    pub(in crate::bot) fn new(gone_after: Duration) -> Self {
        Self { connected: None, failures: 0, probe_at: None, gone_after }
    }

    /// Takes a sign; the state if it changed.
    pub(in crate::bot) fn saw(&mut self, sign: Sign, now: Instant) -> Option<LinkState> {
        match sign {
            Sign::Works => self.back(),
            Sign::There if self.connected == Some(false) => self.back(),
            Sign::There => {
                self.failures = 0;
                None
            }
            Sign::Fails(error) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures < FAILURES || self.connected == Some(false) {
                    return None;
                }
                self.connected = Some(false);
                self.probe_at = Some(now + self.gone_after);
                Some(LinkState {
                    connected: Some(false),
                    detail: format!("{FAILURES} requests in a row failed"),
                    error: Some(error),
                })
            }
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

    fn back(&mut self) -> Option<LinkState> {
        self.failures = 0;
        self.probe_at = None;
        let changed = self.connected != Some(true);
        self.connected = Some(true);
        changed.then(|| LinkState {
            connected: Some(true),
            detail: "the bot answers".to_owned(),
            error: None,
        })
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
        let connected = |state: Option<LinkState>| state.map(|state| state.connected);
        assert_eq!(connected(health.saw(fails(), now)), None);
        assert_eq!(connected(health.saw(Sign::Works, now)), Some(Some(true)));
        assert_eq!(connected(health.saw(Sign::Works, now)), None);
        assert_eq!(connected(health.saw(fails(), now)), None);
        assert_eq!(connected(health.saw(fails(), now)), None);
        assert_eq!(connected(health.saw(Sign::There, now)), None);
        assert_eq!(connected(health.saw(fails(), now)), None);
        assert_eq!(connected(health.saw(fails(), now)), None);
        assert_eq!(connected(health.saw(fails(), now)), Some(Some(false)));
        assert_eq!(connected(health.saw(fails(), now)), None);
        assert_eq!(connected(health.saw(Sign::There, now)), Some(Some(true)));
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
        health.saw(fails(), later);
        assert_eq!(health.probe_at(), Some(later + GONE / 3));
        health.saw(Sign::Works, later);
        assert_eq!(health.probe_at(), None);
        health.probed(later);
        assert_eq!(health.probe_at(), None);
    }

    fn fails() -> Sign {
        Sign::Fails("refused".to_owned())
    }

    const GONE: Duration = Duration::from_secs(30);
}
