//! Pure: the life of a session: hosts, log-in, connection, and what happens when one of them is lost.
//!
//! [`Session::step`] is told what happened and answers what to do; [`Session::wake`] says when it wants to
//! be told that time has passed. The token and the connection have lives of their own: a broken connection keeps the
//! token unless the way it broke says otherwise, and a token that is renewed leaves a healthy connection alone.
//!
//! Both clouds have such a session; what a connection is, each says for itself ([`Connection`]).

mod connection;
mod evict;
mod input;
mod losing;
mod output;
pub(in crate::cloud) mod trouble;

use std::time::{Duration, Instant};

pub(crate) use connection::{Connection, Loss, Opening};
use evict::Evictions;
pub(crate) use input::{Account, Input, Trouble, TroubleKind};
pub(crate) use output::Output;

use crate::{
    cloud::{Command, Event, LinkPhase, LinkState, LoginResult, Settings},
    conversation::{CallError, Timestamp},
    ops::backoff::{Backoff, Curve, about},
};

/// The session. Feed it with monotone time.
#[derive(Debug)]
pub(crate) struct Session<C: Connection> {
    settings: Settings,
    rng: fastrand::Rng,
    phase: Phase,
    link: LinkState,
    account: Option<Account>,
    connection: Option<C>,
    refresh: Option<RefreshState>,
    backoff: Backoff,
    slow: Backoff,
    evictions: Evictions,
    last_login: Option<Instant>,
    /// Broken connections in a row that had not lasted a minute.
    quick_breaks: u32,
    /// Connections in a row that could not be opened.
    failed_opens: u32,
    /// What lost connections left.
    memory: C::Memory,
}

#[derive(Debug)]
enum Phase {
    New,
    FindingHosts,
    LoggingIn,
    Connecting,
    /// Nothing is under way but the connection itself.
    Connected,
    Waiting {
        until: Instant,
        then: Step,
    },
    Stopping,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    FindHosts,
    LogIn,
    Connect,
}

#[derive(Debug)]
enum RefreshState {
    Due(Instant),
    UnderWay,
}

impl<C: Connection> Session<C> {
    /// A session that has not begun. `seed` makes its jitter repeatable.
    #[must_use]
    pub(crate) fn new(settings: Settings, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            settings,
            phase: Phase::New,
            link: LinkState { phase: LinkPhase::Domains, detail: String::new(), error: None },
            account: None,
            connection: None,
            refresh: None,
            backoff: Backoff::new(Curve::CLOUD, rng.fork()),
            slow: Backoff::new(Curve::SLOW, rng.fork()),
            evictions: Evictions::default(),
            last_login: None,
            quick_breaks: 0,
            failed_opens: 0,
            memory: C::Memory::default(),
            rng,
        }
    }

    /// Tells the session that `input` happened at `now`, which the wall clock calls `wall`.
    ///
    /// The outputs are to be carried out in their order, before the next input.
    pub(crate) fn step(
        &mut self,
        input: Input<C::Received>,
        now: Instant,
        wall: Timestamp,
    ) -> Vec<Output<C::Sent>> {
        let mut out = Vec::new();
        if !matches!(self.phase, Phase::Stopped) {
            self.take(input, now, wall, &mut out);
        }
        out
    }

    /// When to say [`Input::Elapsed`] next, and what for.
    #[must_use]
    pub(crate) fn wake(&self) -> Option<(Instant, &'static str)> {
        let wait = match self.phase {
            Phase::Waiting { until, .. } => Some((until, "next try")),
            Phase::New
            | Phase::FindingHosts
            | Phase::LoggingIn
            | Phase::Connecting
            | Phase::Connected
            | Phase::Stopping
            | Phase::Stopped => None,
        };
        let refresh = match self.refresh {
            Some(RefreshState::Due(at)) => Some((at, "session refresh")),
            Some(RefreshState::UnderWay) | None => None,
        };
        let connection = self.connection.as_ref().map(C::wake);
        [wait, refresh, connection].into_iter().flatten().min()
    }

    /// Reading was paused on this side for a while; the silence was not the server's.
    pub(crate) fn resumed(&mut self, now: Instant) {
        if let Some(connection) = &mut self.connection {
            connection.resumed(now);
        }
    }

    /// Whether the session has ended for good.
    #[must_use]
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    fn take(
        &mut self,
        input: Input<C::Received>,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output<C::Sent>>,
    ) {
        match input {
            Input::Start => self.find_hosts(out),
            Input::Command(command) => self.command(command, now, out),
            Input::Hosts(result) => {
                if matches!(self.phase, Phase::FindingHosts) {
                    self.hosts(result, now, out);
                }
            }
            Input::LoggedIn(result) => {
                if matches!(self.phase, Phase::LoggingIn) {
                    self.logged_in(result, now, out);
                }
            }
            Input::Connected(result) => {
                if matches!(self.phase, Phase::Connecting) {
                    self.connected(result, now, wall, out);
                }
            }
            Input::Arrived(received) => {
                if let Some(connection) = &mut self.connection {
                    let result = connection.arrived(received, now, wall, out);
                    self.after(result, now, out);
                }
            }
            Input::Refreshed(result) => self.refreshed(result, now, out),
            Input::LoggedOut => {
                if matches!(self.phase, Phase::Stopping) {
                    self.stopped(out);
                }
            }
            Input::Elapsed => self.elapsed(now, wall, out),
        }
    }

    fn command(&mut self, command: Command, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        let connection = self.connection.as_mut().filter(|c| c.is_up());
        match command {
            Command::Availability(availability) => {
                match connection {
                    Some(connection) => connection.be(availability, now, out),
                    // There is nothing to be; each connection begins AWAY until told otherwise.
                    None => out.push(Output::Tell(Event::AvailabilitySet {
                        state: availability,
                        result: Err(CallError::NotSent),
                    })),
                }
            }
            Command::AcceptRing(ring) => match connection {
                Some(connection) => connection.accept(ring, now, out),
                None => out.push(Output::Tell(Event::RingAccepted {
                    ring,
                    result: Err(CallError::NotSent),
                })),
            },
            Command::Call { conversation, id, call } => match (connection, id) {
                (Some(connection), id) => connection.call(conversation, id, call, now, out),
                (None, Some(id)) => out.push(Output::Tell(Event::Called {
                    conversation,
                    id,
                    outcome: Err(CallError::NotSent),
                })),
                (None, None) => {}
            },
            Command::Reconnect => self.replace_connection(now, out),
            Command::Reload(settings) => self.reload(*settings, now, out),
            Command::Stop => self.stop(now, out),
        }
    }

    /// Whoever changed the settings may have put right what was wrong, so all grudges are forgotten.
    fn reload(&mut self, settings: Settings, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        self.settings = settings;
        self.slow.reset();
        self.evictions = Evictions::default();
        if let Phase::Waiting { then, .. } = self.phase {
            match then {
                Step::FindHosts | Step::Connect => self.begin(then, now, out),
                Step::LogIn => self.log_in_when_allowed(now, out),
            }
        }
    }

    fn elapsed(&mut self, now: Instant, wall: Timestamp, out: &mut Vec<Output<C::Sent>>) {
        if let Some(connection) = &mut self.connection {
            let result = connection.elapsed(now, wall, out);
            self.after(result, now, out);
        }
        if let Some(RefreshState::Due(at)) = self.refresh
            && at <= now
        {
            self.refresh = Some(RefreshState::UnderWay);
            out.push(Output::Refresh);
        }
        if let Phase::Waiting { until, then } = self.phase
            && until <= now
        {
            self.begin(then, now, out);
        }
    }

    fn begin(&mut self, step: Step, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        match step {
            Step::FindHosts => self.find_hosts(out),
            Step::LogIn => self.log_in(now, out),
            Step::Connect => self.connect(now, out),
        }
    }

    fn find_hosts(&mut self, out: &mut Vec<Output<C::Sent>>) {
        self.phase = Phase::FindingHosts;
        let detail = format!("asking {} for the account's hosts", self.settings.domain_api);
        self.tell_link(LinkPhase::Domains, detail, None, out);
        out.push(Output::FindHosts);
    }

    fn hosts(&mut self, result: Result<(), Trouble>, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        match result {
            Ok(()) if self.account.is_some() => self.connect(now, out),
            Ok(()) => self.log_in_when_allowed(now, out),
            Err(trouble) => {
                let wait = self.wait_after(&trouble);
                self.wait(wait, Step::FindHosts, trouble.kind.reason(), trouble.detail, now, out);
            }
        }
    }

    fn log_in_when_allowed(&mut self, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        let fought = self.evictions.fought(now);
        let spacing = if fought { TRUCE } else { LOGIN_SPACING };
        match self.last_login.map(|last| last + spacing) {
            Some(earliest) if earliest > now => {
                let (reason, error) = if fought {
                    ("evicted", self.eviction())
                } else {
                    let words = "the platform allows one log-in in 5 seconds".to_owned();
                    ("throttled", self.link.error.clone().unwrap_or(words))
                };
                let wait = earliest.saturating_duration_since(now);
                self.wait(wait, Step::LogIn, reason, error, now, out);
            }
            _ => self.log_in(now, out),
        }
    }

    fn log_in(&mut self, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        self.phase = Phase::LoggingIn;
        self.last_login = Some(now);
        self.refresh = None;
        let detail = format!(
            "logging in to account {} as {}",
            self.settings.account, self.settings.username
        );
        self.tell_link(LinkPhase::LoggingIn, detail, None, out);
        out.push(Output::LogIn);
    }

    fn logged_in(
        &mut self,
        result: Result<Account, Trouble>,
        now: Instant,
        out: &mut Vec<Output<C::Sent>>,
    ) {
        match result {
            Ok(account) => {
                out.push(Output::Tell(Event::LoggedIn(LoginResult::Ok)));
                self.slow.reset();
                self.refresh = account.refreshable.then(|| self.next_refresh(now));
                self.account = Some(account);
                self.connect(now, out);
            }
            Err(trouble) => {
                out.push(Output::Tell(Event::LoggedIn(trouble.kind.login_result())));
                let wait = self.wait_after(&trouble);
                // Hosts may have moved, and they are cheap to ask for.
                self.wait(wait, Step::FindHosts, trouble.kind.reason(), trouble.detail, now, out);
            }
        }
    }

    fn connect(&mut self, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        // The old connection of a session that was replaced by a new log-in.
        self.drop_connection(now, out);
        self.phase = Phase::Connecting;
        self.tell_link(LinkPhase::Connecting, C::OPENING.to_owned(), None, out);
        out.push(Output::Connect);
    }

    fn connected(
        &mut self,
        result: Result<(), Trouble>,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output<C::Sent>>,
    ) {
        match (result, &self.account) {
            (Ok(()), Some(account)) => {
                self.failed_opens = 0;
                self.phase = Phase::Connected;
                let opening = Opening {
                    account,
                    settings: &self.settings,
                    memory: &mut self.memory,
                    rng: &mut self.rng,
                    now,
                    wall,
                };
                let mut begun = Vec::new();
                self.connection = Some(C::open(opening, &mut begun));
                self.tell_link(LinkPhase::Subscribing, C::JOINING.to_owned(), None, out);
                out.append(&mut begun);
            }
            (Ok(()), None) => self.find_hosts(out),
            (Err(trouble), _) => match trouble.kind {
                TroubleKind::Refused => {
                    self.session_ended(true, "closed", trouble.detail, now, out)
                }
                TroubleKind::Throttled => {
                    let wait = self.wait_after(&trouble);
                    self.wait(wait, Step::Connect, "throttled", trouble.detail, now, out);
                }
                TroubleKind::Blocked | TroubleKind::Secret | TroubleKind::Failed => {
                    self.failed_opens += 1;
                    // The host may have moved; the token is as good as before.
                    let then = if self.failed_opens.is_multiple_of(OPENS_PER_HOST) {
                        Step::FindHosts
                    } else {
                        Step::Connect
                    };
                    let wait = self.backoff.next_wait();
                    self.wait(wait, then, "network", trouble.detail, now, out);
                }
            },
        }
    }

    fn wait(
        &mut self,
        wait: Duration,
        then: Step,
        reason: &'static str,
        error: String,
        now: Instant,
        out: &mut Vec<Output<C::Sent>>,
    ) {
        if wait.is_zero() {
            self.link.error = Some(error);
            self.begin(then, now, out);
            return;
        }
        self.phase = Phase::Waiting { until: now + wait, then };
        let mut detail = format!("next try in {} s", wait.as_secs_f64().ceil());
        if self.backoff.attempt() > MANY_TRIES {
            detail.push_str(&format!(", {} have failed", self.backoff.attempt()));
        }
        self.tell_link(LinkPhase::Waiting { reason }, detail, Some(error), out);
    }

    fn wait_after(&mut self, trouble: &Trouble) -> Duration {
        match trouble.kind {
            // Asking again changes nothing until somebody does something about it, and too many refused
            // log-ins get a user disabled.
            TroubleKind::Refused | TroubleKind::Secret => self.slow.next_wait(),
            TroubleKind::Blocked => about(BLOCKED, &mut self.rng),
            TroubleKind::Throttled => self.backoff.next_wait().max(LOGIN_SPACING),
            TroubleKind::Failed => self.backoff.next_wait(),
        }
    }

    fn stop(&mut self, now: Instant, out: &mut Vec<Output<C::Sent>>) {
        match self.phase {
            Phase::Stopping | Phase::Stopped => return,
            Phase::Connecting => out.push(Output::Disconnect),
            Phase::New
            | Phase::FindingHosts
            | Phase::LoggingIn
            | Phase::Connected
            | Phase::Waiting { .. } => {}
        }
        self.drop_connection(now, out);
        self.refresh = None;
        if self.account.take().is_some() && C::logs_out(&self.memory) {
            self.phase = Phase::Stopping;
            out.push(Output::LogOut);
        } else {
            self.stopped(out);
        }
    }

    fn stopped(&mut self, out: &mut Vec<Output<C::Sent>>) {
        self.phase = Phase::Stopped;
        self.tell_link(LinkPhase::Stopped, "logged out".to_owned(), None, out);
        out.push(Output::Tell(Event::Stopped));
    }

    fn next_refresh(&mut self, now: Instant) -> RefreshState {
        RefreshState::Due(now + about(self.settings.refresh_interval, &mut self.rng))
    }

    fn tell_link(
        &mut self,
        phase: LinkPhase,
        detail: String,
        error: Option<String>,
        out: &mut Vec<Output<C::Sent>>,
    ) {
        self.link.phase = phase;
        self.link.detail = detail;
        self.link.error = error.or_else(|| self.link.error.take());
        self.tell_link_again(out);
    }

    /// While a token is renewed behind a connection that works, the link is up all the same.
    fn tell_link_again(&self, out: &mut Vec<Output<C::Sent>>) {
        let mut link = self.link.clone();
        if self.connection.as_ref().is_some_and(C::is_up) {
            link.phase = LinkPhase::Up;
        }
        out.push(Output::Tell(Event::Link(link)));
    }
}

#[cfg(test)]
impl<C: Connection> Session<C> {
    pub(crate) fn connection(&self) -> Option<&C> {
        self.connection.as_ref()
    }

    pub(crate) fn last_login(&self) -> Option<Instant> {
        self.last_login
    }

    /// Whether something outside is under way that will be told.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::FindingHosts | Phase::LoggingIn | Phase::Connecting)
    }
}

/// At most one log-in in this time (log-in service, retry policy).
const LOGIN_SPACING: Duration = Duration::from_secs(5);
/// At most one log-in in this time while another program keeps logging in as the same user.
const TRUCE: Duration = Duration::from_secs(60);
/// Support has to lift a block; looking in now and then notices when it has.
const BLOCKED: Duration = Duration::from_secs(10 * 60);
/// After this many connections that could not be opened, the domain service is asked again.
const OPENS_PER_HOST: u32 = 3;
/// From here on the number of tries is worth telling.
const MANY_TRIES: u32 = 35;
