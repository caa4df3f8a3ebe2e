//! Talks to systemd, where there is one: ready, status, reload, stop, watchdog.
//!
//! Without `NOTIFY_SOCKET` every call does nothing. A message that cannot be sent is logged once and not retried:
//! the connector's work does not depend on it.

use std::{io, time::Duration};

pub use sd_notify::NotifyState;
use tracing::warn;

/// Sends state changes to the service manager.
#[derive(Debug)]
pub struct Systemd {
    send: fn(&[NotifyState<'_>]) -> io::Result<()>,
    watchdog: Option<Duration>,
    /// The last `STATUS=`, so that only changes are sent.
    status: String,
    failed: bool,
}

impl Systemd {
    /// The manager that `NOTIFY_SOCKET` names, if any.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::new(sd_notify::notify, sd_notify::watchdog_enabled())
    }

    /// A manager that is told by `send` and wants a sign of life within each `watchdog`.
    #[must_use]
    pub fn new(send: fn(&[NotifyState<'_>]) -> io::Result<()>, watchdog: Option<Duration>) -> Self {
        Self { send, watchdog, status: String::new(), failed: false }
    }

    /// How often [`Systemd::alive`] has to be called: half of the unit's `WatchdogSec=`; none if it has none.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    /// `READY=1`: the first connection attempt is concluded, or a reload is done.
    pub fn ready(&mut self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// `STATUS=`: one line for `systemctl status`; sent only when it changes.
    pub fn status(&mut self, line: &str) {
        if self.status != line {
            line.clone_into(&mut self.status);
            // A line break would begin another field of the message.
            let line = line.replace(char::is_control, " ");
            self.tell(&[NotifyState::Status(&line)]);
        }
    }

    /// `RELOADING=1` with the time that `Type=notify-reload` wants; [`Systemd::ready`] says that it is done.
    pub fn reloading(&mut self) {
        match NotifyState::monotonic_usec_now() {
            Ok(time) => self.tell(&[NotifyState::Reloading, time]),
            Err(error) => self.note(Err(error)),
        }
    }

    /// `STOPPING=1`: the drain has begun.
    pub fn stopping(&mut self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// `EXTEND_TIMEOUT_USEC=`: starting or stopping goes on; wait at least so much longer from now.
    pub fn extend_timeout(&mut self, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.tell(&[NotifyState::ExtendTimeoutUsec(micros)]);
    }

    /// `WATCHDOG=1`: a turn of the loop was made. To be called by the loop itself, never by a task beside it.
    pub fn alive(&mut self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    fn tell(&mut self, state: &[NotifyState<'_>]) {
        self.note((self.send)(state));
    }

    fn note(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => self.failed = false,
            Err(error) if !self.failed => {
                self.failed = true;
                warn!(%error, "cannot notify systemd; its view of this service is out of date");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn each_call_is_one_message_and_a_status_is_sent_only_when_it_changes() {
        let mut systemd = Systemd::new(record, None);
        systemd.status("Ready to Start");
        systemd.ready();
        systemd.status("Online\nREADY=0");
        systemd.status("Online\nREADY=0");
        systemd.alive();
        systemd.reloading();
        systemd.ready();
        systemd.stopping();
        systemd.extend_timeout(Duration::from_secs(30));
        systemd.extend_timeout(Duration::MAX);
        let mut sent = SENT.take();
        let reloading = sent.remove(4);
        assert!(reloading.starts_with("RELOADING=1|MONOTONIC_USEC="), "{reloading}");
        assert_eq!(
            sent,
            [
                "STATUS=Ready to Start",
                "READY=1",
                "STATUS=Online READY=0",
                "WATCHDOG=1",
                "READY=1",
                "STOPPING=1",
                "EXTEND_TIMEOUT_USEC=30000000",
                "EXTEND_TIMEOUT_USEC=4294967295",
            ]
        );
    }

    #[test]
    fn a_manager_that_cannot_be_told_is_no_reason_to_stop() {
        let mut systemd = Systemd::new(|_| Err(io::Error::from(io::ErrorKind::NotFound)), None);
        systemd.ready();
        assert!(systemd.failed);
        systemd.alive();
        systemd.send = record;
        systemd.alive();
        assert!(!systemd.failed);
    }

    thread_local! {
        static SENT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    fn record(state: &[NotifyState<'_>]) -> io::Result<()> {
        let fields: Vec<_> = state.iter().map(ToString::to_string).collect();
        SENT.with_borrow_mut(|sent| sent.push(fields.join("|")));
        Ok(())
    }
}
