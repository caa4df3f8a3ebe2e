//! The simulator's only clock: tokio's timer, shown as milliseconds since 1970, so that paused time works.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Milliseconds since 1970, the unit of every time on the wire.
pub(crate) type Millis = u64;

/// A wall clock that moves with tokio's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Millis,
    started: Instant,
}

impl Clock {
    /// A clock that shows `epoch` now; without one, the time of day.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
    pub(crate) fn starting_at(epoch: Option<Millis>) -> Self {
        let time_of_day = || {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
        };
        Self { epoch: epoch.unwrap_or_else(time_of_day), started: Instant::now() }
    }

    /// What the clock shows.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
    pub(crate) fn now(&self) -> Millis {
        let elapsed = Instant::now().saturating_duration_since(self.started);
        self.epoch.saturating_add(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    /// Waits until the clock shows `time`.
    pub(crate) async fn sleep_until(&self, time: Millis) {
        let from_start = Duration::from_millis(time.saturating_sub(self.epoch));
        tokio::time::sleep_until(self.started + from_start).await;
    }
}
