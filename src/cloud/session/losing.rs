//! Pure: how a session loses its socket or its token, and what it does then.

use std::time::{Duration, Instant};

use super::{
    Connection, LOGIN_SPACING, Loss, Output, Phase, RefreshState, Session, Step, TRUCE, Trouble,
    TroubleKind,
};
use crate::cloud::LinkPhase;

impl<C: Connection> Session<C> {
    /// What became of the connection after it was told something.
    pub(super) fn after(
        &mut self,
        result: Result<(), Loss>,
        now: Instant,
        out: &mut Vec<Output<C::Sent>>,
    ) {
        match result {
            Ok(()) => self.notice_arrival(out),
            Err(loss) => self.lost(loss, now, out),
        }
    }

    fn notice_arrival(&mut self, out: &mut Vec<Output<C::Sent>>) {
        let Some(connection) = self.connection.as_ref().filter(|it| it.is_up()) else {
            return;
        };
        if self.link.phase == LinkPhase::Subscribing {
            let mut detail = format!("connected as {}", self.settings.username);
            let remark = connection.remark();
            if !remark.is_empty() {
                detail.push_str("; ");
                detail.push_str(&remark);
            }
            self.tell_link(LinkPhase::Up, detail, None, out);
        }
    }

    fn lost(&mut self, loss: Loss, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        let Some(lasted) = self.settle(now, out) else {
            return;
        };
        if !matches!(self.phase, Phase::Connected) {
            // A new session is on its way already.
            self.tell_link_again(out);
            return;
        }
        match loss {
            Loss::Broken { reason, detail } => self.reconnect(reason, detail, now, out),
            Loss::Closed { unexplained, detail } => {
                self.quick_breaks = if unexplained && !lasted { self.quick_breaks + 1 } else { 0 };
                if self.quick_breaks >= BREAKS_PER_TOKEN {
                    // A bad network does this too, so nobody is accused.
                    self.session_ended(false, "closed", detail, now, out);
                } else {
                    self.reconnect("closed", detail, now, out);
                }
            }
            Loss::Replaced { detail } => {
                self.evictions.record(now);
                if self.evictions.fought(now) {
                    // Each new one ends the other program's.
                    self.wait(TRUCE, Step::Connect, "evicted", self.eviction(), now, out);
                } else {
                    self.reconnect("closed", detail, now, out);
                }
            }
            Loss::Deaf { detail } => self.connect_instead(detail, now, out),
            Loss::Expired { evicted, detail } => {
                self.session_ended(evicted, "expired", detail, now, out);
            }
            Loss::Throttled { detail } => {
                let wait = self.backoff.next_wait().max(LOGIN_SPACING);
                self.wait(wait, Step::Connect, "throttled", detail, now, out);
            }
            Loss::Refused { detail } => {
                let wait = self.slow.next_wait();
                self.wait(wait, Step::Connect, "refused", detail, now, out);
            }
        }
    }

    /// The hall has found that the connection does not tell everything.
    pub(super) fn replace_connection(&mut self, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        // A new log-in under way brings a new connection by itself.
        if !matches!(self.phase, Phase::Connected) || self.settle(now, out).is_none() {
            return;
        }
        let error = "the connection does not tell everything that it has to".to_owned();
        self.connect_instead(error, now, out);
    }

    /// Nothing is wrong with the way to the cloud, and this is asked for seldom: no pause.
    fn connect_instead(&mut self, error: String, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        let phase = LinkPhase::Waiting { reason: "deaf" };
        self.tell_link(phase, "opening another connection".to_owned(), Some(error), out);
        self.connect(now, out);
    }

    pub(super) fn refreshed(
        &mut self,
        result: Result<(), Trouble>,
        now: Instant,
        out: &mut Vec<Output<C::Sent>>,
    ) {
        if !matches!(self.refresh, Some(RefreshState::UnderWay)) {
            return;
        }
        self.refresh = Some(self.next_refresh(now));
        let Err(trouble) = result else {
            return;
        };
        match trouble.kind {
            TroubleKind::Refused => {
                if matches!(self.phase, Phase::Connecting) {
                    out.push(Output::Disconnect);
                }
                self.session_ended(true, "expired", trouble.detail, now, out);
            }
            TroubleKind::Blocked
            | TroubleKind::Throttled
            | TroubleKind::Secret
            | TroubleKind::Failed => {
                self.link.error = Some(trouble.detail);
                self.tell_link_again(out);
            }
        }
    }

    /// The token is not good any more. A connection that still works is kept until there is a new token.
    pub(super) fn session_ended(
        &mut self,
        evicted: bool,
        reason: &'static str,
        detail: String,
        now: Instant,
        out: &mut Vec<Output<C::Sent>>,
    ) {
        if evicted {
            self.evictions.record(now);
        }
        self.account = None;
        self.refresh = None;
        self.quick_breaks = 0;
        let fought = self.evictions.fought(now);
        let (reason, detail, spacing) = if fought {
            ("evicted", self.eviction(), TRUCE)
        } else {
            (reason, detail, LOGIN_SPACING)
        };
        let pause = match self.connection {
            Some(_) => Duration::ZERO,
            // The truce is pause enough, and whoever is left when the other program is stopped is to serve soon.
            None if fought => self.backoff.next_wait().min(TRUCE),
            None => self.backoff.next_wait(),
        };
        let allowed = self
            .last_login
            .map_or(Duration::ZERO, |last| (last + spacing).saturating_duration_since(now));
        self.wait(pause.max(allowed), Step::FindHosts, reason, detail, now, out);
    }

    fn reconnect(
        &mut self,
        reason: &'static str,
        detail: String,
        now: Instant,
        out: &mut Vec<Output<C::Sent>>,
    ) {
        let wait = self.backoff.next_wait();
        let (wait, detail) = if self.evictions.fought(now) {
            // Most likely it is the other program once more; the next try tells, and it is no log-in.
            (wait.min(TRUCE / 4), self.eviction())
        } else {
            (wait, detail)
        };
        self.wait(wait, Step::Connect, reason, detail, now, out);
    }

    /// Buries the connection and tells whether it had lasted; none if there was none.
    fn settle(&mut self, now: Instant, out: &mut Vec<Output<C::Sent>>) -> Option<bool> {
        let connection = self.connection.take()?;
        let age = now.saturating_duration_since(connection.opened());
        let lasted = connection.is_up() && age >= STABLE;
        if lasted {
            self.backoff.reset();
            self.quick_breaks = 0;
        }
        let is_open = connection.is_open();
        connection.lost(now, &mut self.memory, out);
        if is_open {
            out.push(Output::Disconnect);
        }
        Some(lasted)
    }

    pub(super) fn drop_connection(&mut self, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        if let Some(connection) = self.connection.take() {
            connection.lost(now, &mut self.memory, out);
            out.push(Output::Disconnect);
        }
    }

    pub(super) fn eviction(&self) -> String {
        format!(
            "another program seems to log in as {}: the session was ended again and again, and a bot user can \
             have only one. Stop the other program or give it a bot user of its own; until then there is one \
             log-in a minute at most",
            self.settings.username
        )
    }
}

/// A connection that lived this long was a success: the back-off begins anew.
const STABLE: Duration = Duration::from_secs(60);
/// The first break may be the network; the second in a row is taken for a revoked token.
const BREAKS_PER_TOKEN: u32 = 2;
