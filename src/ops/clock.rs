//! The only place that asks what time it is.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::conversation::Timestamp;

/// Tells the time: monotonic for waiting, wall time for people.
///
/// Both follow tokio's clock when that is paused, so that a whole day passes in a test's milliseconds.
#[derive(Clone, Debug)]
pub struct Clock {
    /// In a simulation, wall time is counted from this pair.
    origin: Option<(tokio::time::Instant, Timestamp)>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { origin: None }
    }

    /// A clock whose wall time begins at `epoch` now and moves with tokio's (pausable) time.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may ask"
    )]
    pub fn simulated(epoch: Timestamp) -> Self {
        Self {
            origin: Some((tokio::time::Instant::now(), epoch)),
        }
    }

    /// Monotonic time.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may ask"
    )]
    pub fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    /// Wall time.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may ask"
    )]
    pub fn wall(&self) -> Timestamp {
        let millis = |d: std::time::Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        match self.origin {
            Some((start, epoch)) => {
                Timestamp(epoch.0 + millis(tokio::time::Instant::now() - start))
            }
            None => Timestamp(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, millis),
            ),
        }
    }
}
