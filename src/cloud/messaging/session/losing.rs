//! Pure: how a session loses its socket or its token, and what it does then.

use std::time::{Duration, Instant};

use super::{
    LOGIN_SPACING, Output, Phase, RefreshState, Session, Step, TRUCE, Trouble, TroubleKind,
};
use crate::cloud::{
    LinkPhase,
    messaging::{
        close::{self, Verdict},
        connection::{Connection, Loss},
    },
};

impl Session {
    /// What became of the connection after it was told something.
    pub(super) fn after(&mut self, result: Result<(), Loss>, now: Instant, out: &mut Vec<Output>) {
        let loss = match result {
            Ok(()) => {
                if self.link.phase == LinkPhase::Subscribing
                    && self.connection.as_ref().is_some_and(Connection::is_up)
                {
                    let detail = format!("connected as {}", self.settings.username);
                    self.tell_link(LinkPhase::Up, detail, None, out);
                }
                return;
            }
            Err(loss) => loss,
        };
        self.settle(now, out);
        out.push(Output::Disconnect);
        if !matches!(self.phase, Phase::Connected) {
            self.tell_link_again(out);
            return;
        }
        match loss {
            Loss::Silent => {
                let detail = format!(
                    "nothing was received for {:?}, twice the keepalive_interval",
                    2 * self.settings.keepalive_interval
                );
                self.reconnect("dead", detail, now, out);
            }
            Loss::Unanswered(what) => {
                let detail = format!("the subscription to {what} was not answered");
                self.reconnect("dead", detail, now, out);
            }
            Loss::Deaf => {
                self.deafness.lost(now);
                let detail = "the connection answers, but does not tell what it has to";
                self.connect_instead(detail, out);
            }
            Loss::Refused { what, code, words } => {
                let detail = format!(
                    "the subscription to {what} was refused with {code}: {words}; \
                     check the permissions of the agent's profile"
                );
                if code == 401 {
                    self.session_ended(false, "expired", detail, now, out);
                } else if code < 500 {
                    let wait = self.slow.next_wait();
                    self.wait(wait, Step::Connect, "refused", detail, now, out);
                } else {
                    self.reconnect("closed", detail, now, out);
                }
            }
        }
    }

    /// The hall has found that the socket does not tell everything.
    pub(super) fn replace_socket(&mut self, now: Instant, out: &mut Vec<Output>) {
        // A new log-in under way brings a new socket by itself.
        if !matches!(self.phase, Phase::Connected) || self.settle(now, out).is_none() {
            return;
        }
        out.push(Output::Disconnect);
        self.connect_instead("the connection does not tell everything that it has to", out);
    }

    /// Nothing is wrong with the way to the cloud, and this is asked for seldom: no pause.
    fn connect_instead(&mut self, error: &str, out: &mut Vec<Output>) {
        let phase = LinkPhase::Waiting { reason: "deaf" };
        self.tell_link(phase, "opening another socket".to_owned(), Some(error.to_owned()), out);
        self.connect(out);
    }

    pub(super) fn closed(
        &mut self,
        code: Option<u16>,
        detail: &str,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        let Some(lasted) = self.settle(now, out) else {
            return;
        };
        if !matches!(self.phase, Phase::Connected) {
            // A new session is on its way already.
            self.tell_link_again(out);
            return;
        }
        let detail = match code {
            Some(code) if detail.is_empty() => {
                format!("the cloud closed the connection with {code}")
            }
            Some(code) => format!("the cloud closed the connection with {code}: {detail}"),
            None => format!("the connection broke: {detail}"),
        };
        match close::from_close_code(code) {
            Verdict::Reconnect => {
                let quick_break = matches!(code, None | Some(1006)) && !lasted;
                self.quick_breaks = if quick_break { self.quick_breaks + 1 } else { 0 };
                if self.quick_breaks >= BREAKS_PER_TOKEN {
                    // A revoked token often shows in no other way; but a bad network does too, so nobody is accused.
                    self.session_ended(false, "closed", detail, now, out);
                } else {
                    self.reconnect("closed", detail, now, out);
                }
            }
            Verdict::LogIn { evicted } => self.session_ended(evicted, "expired", detail, now, out),
            Verdict::Throttle => {
                let wait = self.backoff.next_wait().max(LOGIN_SPACING);
                self.wait(wait, Step::Connect, "throttled", detail, now, out);
            }
        }
    }

    pub(super) fn refreshed(
        &mut self,
        result: Result<(), Trouble>,
        now: Instant,
        out: &mut Vec<Output>,
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

    /// The token is not good any more. A socket that still works is kept until there is a new token.
    pub(super) fn session_ended(
        &mut self,
        evicted: bool,
        reason: &'static str,
        detail: String,
        now: Instant,
        out: &mut Vec<Output>,
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
        out: &mut Vec<Output>,
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
    fn settle(&mut self, now: Instant, out: &mut Vec<Output>) -> Option<bool> {
        let connection = self.connection.take()?;
        if connection.hears() {
            self.deafness.heard();
        }
        let age = now.saturating_duration_since(connection.opened());
        let lasted = connection.is_up() && age >= STABLE;
        if lasted {
            self.backoff.reset();
            self.quick_breaks = 0;
        }
        connection.lost(out);
        Some(lasted)
    }

    pub(super) fn drop_connection(&mut self, out: &mut Vec<Output>) {
        if let Some(connection) = self.connection.take() {
            connection.lost(out);
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
