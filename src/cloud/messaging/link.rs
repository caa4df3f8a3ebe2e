//! IO: the task that owns a session and its socket, and carries out what the session decides.
//!
//! Frames are always read, commands are always taken, whatever else is under way. A hall that does not
//! take its events slows the socket down; it never stops commands, since they may be what it waits for.

use std::{collections::VecDeque, future::Future, mem, pin::Pin};

use hyper::{StatusCode, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::{
    identity::Identity,
    session::{Account, Input, Output, Session, Trouble, TroubleKind},
    socket::{Received, Socket},
};
use crate::{
    cloud::{
        Arrived, Command, Door, LoginResult, Settings,
        domains::{self, DomainError, Hosts},
        login::{self, Login, LoginError, RefreshError},
        report,
    },
    net::{Net, NetError},
    ops::clock::Clock,
};

/// Starts the task; it ends after [`Command::Stop`], or when the door is dropped.
///
/// `seed` makes the jitter of all waits repeatable. With `log_content`, frames are logged at TRACE under
/// the target `wire::cloud`: they hold what people say, and never the bearer.
pub fn start(
    settings: Settings,
    net: Net,
    clock: Clock,
    seed: u64,
    log_content: bool,
    tracker: &TaskTracker,
) -> Door {
    let (commands, command_receiver) = mpsc::channel(COMMANDS);
    let (event_sender, events) = mpsc::channel(EVENTS);
    let link = Link {
        session: Session::new(settings.clone(), seed),
        settings,
        net,
        clock,
        log_content,
        cache: domains::Cache::default(),
        hosts: None,
        login: None,
        work: None,
        opening: None,
        closing: None,
        refresh: None,
        logout: None,
        socket: None,
        outbox: VecDeque::new(),
        paused: false,
    };
    tracker.spawn(link.run(command_receiver, event_sender));
    Door { commands, events }
}

struct Link {
    session: Session,
    settings: Settings,
    net: Net,
    clock: Clock,
    log_content: bool,
    cache: domains::Cache,
    hosts: Option<Bases>,
    login: Option<Login>,
    /// Asking for hosts, or logging in.
    work: Option<Work<StepDone>>,
    opening: Option<Work<Result<Socket, NetError>>>,
    refresh: Option<Work<Result<Login, RefreshError>>>,
    logout: Option<Work<()>>,
    /// A socket that says good-bye.
    closing: Option<Work<()>>,
    socket: Option<Socket>,
    /// What the hall has not taken yet.
    outbox: VecDeque<Arrived>,
    /// Whether reading is paused because of it.
    paused: bool,
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum StepDone {
    Cached(Hosts),
    Hosts(Result<Hosts, DomainError>),
    LoggedIn(Result<Login, LoginError>),
}

/// The URLs to go to.
struct Bases {
    login: String,
    socket: String,
}

/// What the loop woke up for.
enum Woken {
    Taken(Result<(), ()>),
    Command(Option<Command>),
    Received(Received),
    Step(StepDone),
    Opened(Result<Socket, NetError>),
    Refreshed(Result<Login, RefreshError>),
    LoggedOut,
    SaidGoodBye,
    Elapsed,
}

impl Link {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, events: mpsc::Sender<Arrived>) {
        self.step(Input::Start);
        let mut open = true;
        while !(self.session.is_stopped() && self.outbox.is_empty()) {
            let woken = self.wait(&mut commands, open, &events).await;
            match woken {
                Woken::Taken(Ok(())) => {}
                // Nobody listens any more.
                Woken::Taken(Err(())) => {
                    self.outbox.clear();
                    self.step(Input::Command(Command::Stop));
                    self.outbox.clear();
                }
                Woken::Command(Some(command)) => {
                    if let Command::Reload(settings) = &command {
                        self.settings = (**settings).clone();
                    }
                    self.step(Input::Command(command));
                }
                Woken::Command(None) => {
                    open = false;
                    self.step(Input::Command(Command::Stop));
                }
                Woken::Received(received) => self.received(received),
                Woken::Step(done) => self.work_done(done),
                Woken::Opened(result) => self.opened(result),
                Woken::Refreshed(result) => self.refreshed(result),
                Woken::LoggedOut => self.step(Input::LoggedOut),
                Woken::SaidGoodBye => {}
                Woken::Elapsed => self.step(Input::Elapsed),
            }
            self.notice_pause();
        }
    }

    async fn wait(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        open: bool,
        events: &mpsc::Sender<Arrived>,
    ) -> Woken {
        // While reading is paused, silence and lateness are of our own making.
        let wake = self.session.wake().filter(|_| !self.paused);
        let sleep = async {
            match wake {
                Some((at, _)) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let outbox = &mut self.outbox;
        let waiting = !outbox.is_empty();
        let hand_over = async {
            let permit = events.reserve().await.map_err(|_| ())?;
            if let Some(arrived) = outbox.pop_front() {
                permit.send(arrived);
            }
            Ok(())
        };
        tokio::select! {
            result = hand_over, if waiting => Woken::Taken(result),
            command = commands.recv(), if open => Woken::Command(command),
            received = next(&mut self.socket, !self.paused) => Woken::Received(received),
            done = work(&mut self.work) => Woken::Step(done),
            result = work(&mut self.opening) => Woken::Opened(result),
            result = work(&mut self.refresh) => Woken::Refreshed(result),
            () = work(&mut self.logout) => Woken::LoggedOut,
            () = work(&mut self.closing) => Woken::SaidGoodBye,
            () = sleep => Woken::Elapsed,
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let now = self.clock.now();
        let outputs = self.session.step(input, now, self.clock.wall());
        for output in outputs {
            match output {
                Output::FindHosts => self.find_hosts(),
                Output::LogIn => self.log_in(),
                Output::Connect => self.connect(),
                Output::Send(text) => self.send(text),
                Output::Disconnect => self.disconnect(),
                Output::Refresh => self.start_refresh(),
                Output::LogOut => self.log_out(),
                Output::Tell(event) => self.outbox.push_back(Arrived { at: now, event }),
            }
        }
    }

    fn find_hosts(&mut self) {
        self.work = Some(match self.cache.get(&self.settings, self.clock.now()) {
            Some(hosts) => Box::pin(async { StepDone::Cached(hosts) }),
            None => {
                let (net, settings) = (self.net.clone(), self.settings.clone());
                Box::pin(async move { StepDone::Hosts(domains::resolve(&net, &settings).await) })
            }
        });
    }

    fn log_in(&mut self) {
        // What a refresh under way brings belongs to the session before.
        self.refresh = None;
        let base = self.hosts.as_ref().map(|hosts| hosts.login.clone());
        let (net, settings) = (self.net.clone(), self.settings.clone());
        self.work = Some(Box::pin(async move {
            let base = base.unwrap_or_default();
            StepDone::LoggedIn(login::log_in(&net, &settings, &base).await)
        }));
    }

    fn connect(&mut self) {
        let uri = match (&self.hosts, &self.login) {
            (Some(hosts), Some(login)) => address(&hosts.socket, login),
            _ => None,
        };
        let (net, timeout) = (self.net.clone(), self.settings.request_timeout);
        self.opening = Some(Box::pin(async move {
            let uri = uri.ok_or(NetError::Target("it cannot be read"))?;
            Socket::open(&net, &uri, timeout).await
        }));
    }

    fn send(&mut self, text: String) {
        if self.log_content {
            tracing::trace!(target: "wire::cloud", direction = "out", frame = text);
        }
        if let Some(socket) = &mut self.socket {
            socket.send(text);
        }
    }

    fn disconnect(&mut self) {
        self.opening = None;
        if let Some(socket) = self.socket.take() {
            self.closing = Some(Box::pin(socket.close()));
        }
    }

    fn start_refresh(&mut self) {
        if let Some(login) = self.login.clone() {
            let (net, timeout) = (self.net.clone(), self.settings.request_timeout);
            self.refresh = Some(Box::pin(async move { login.refresh(&net, timeout).await }));
        }
    }

    fn log_out(&mut self) {
        self.work = None;
        self.opening = None;
        self.refresh = None;
        let net = self.net.clone();
        let login = self.login.take();
        // The socket says its good-bye first, so that the server sees one end and not two.
        let closing = self.closing.take();
        self.logout = Some(Box::pin(async move {
            if let Some(closing) = closing {
                closing.await;
            }
            if let Some(login) = login {
                login.log_out(&net).await;
            }
        }));
    }

    fn work_done(&mut self, done: StepDone) {
        match done {
            StepDone::Hosts(Ok(hosts)) => {
                self.cache
                    .put(&self.settings, hosts.clone(), self.clock.now());
                self.found(&hosts);
            }
            StepDone::Cached(hosts) => self.found(&hosts),
            StepDone::Hosts(Err(error)) => self.step(Input::Hosts(Err(of_domains(&error)))),
            StepDone::LoggedIn(Ok(login)) => {
                let account = Account {
                    identity: Identity::new(
                        &login.account,
                        &login.user_id,
                        login.user_pid.clone(),
                        &login.username,
                    ),
                    refreshable: login.is_refreshable(),
                };
                self.login = Some(login);
                self.step(Input::LoggedIn(Ok(account)));
            }
            StepDone::LoggedIn(Err(error)) => self.step(Input::LoggedIn(Err(of_login(&error)))),
        }
    }

    fn found(&mut self, hosts: &Hosts) {
        let bases = hosts
            .agent_vep()
            .and_then(|login| Ok((login, hosts.messaging()?)));
        let result = match bases {
            Ok((login, socket)) => {
                self.hosts = Some(Bases { login, socket });
                Ok(())
            }
            Err(error) => Err(of_domains(&error)),
        };
        self.step(Input::Hosts(result));
    }

    fn opened(&mut self, result: Result<Socket, NetError>) {
        let result = match result {
            Ok(socket) => {
                self.socket = Some(socket);
                Ok(())
            }
            Err(error) => Err(of_opening(&error)),
        };
        self.step(Input::Connected(result));
    }

    fn refreshed(&mut self, result: Result<Login, RefreshError>) {
        let result = match result {
            Ok(login) => {
                self.login = Some(login);
                Ok(())
            }
            Err(error) => Err(of_refresh(&error)),
        };
        self.step(Input::Refreshed(result));
    }

    fn received(&mut self, received: Received) {
        match received {
            Received::Text(text) => {
                if self.log_content {
                    tracing::trace!(target: "wire::cloud", direction = "in", frame = text);
                }
                self.step(Input::Frame(&text));
            }
            Received::Other => self.step(Input::Alive),
            Received::Closed { code, detail } => {
                // Dropped at once: the other side has gone, or the close was echoed already.
                self.socket = None;
                self.step(Input::Closed { code, detail });
            }
        }
    }

    fn notice_pause(&mut self) {
        let paused = self.outbox.len() >= MOST_WAITING;
        if mem::replace(&mut self.paused, paused) && !paused {
            self.session.resumed(self.clock.now());
        }
    }
}

async fn next(socket: &mut Option<Socket>, read: bool) -> Received {
    match socket {
        Some(socket) => socket.next(read).await,
        None => std::future::pending().await,
    }
}

/// Waits for work under way, and puts it away when it is done.
async fn work<T>(slot: &mut Option<Work<T>>) -> T {
    match slot {
        Some(work) => {
            let result = work.await;
            *slot = None;
            result
        }
        None => std::future::pending().await,
    }
}

/// The bearer is a part of the path, so the address is as secret as the bearer; none if it cannot be one.
pub(super) fn address(base: &str, login: &Login) -> Option<Uri> {
    let bearer = utf8_percent_encode(login.bearer.expose_secret(), &NOT_IN_A_SEGMENT);
    format!(
        "{base}/ws_api/account/{}/messaging/brand/{bearer}?v=2.1",
        login.account
    )
    .parse()
    .ok()
}

fn of_domains(error: &DomainError) -> Trouble {
    let kind = match error {
        DomainError::Url { .. }
        | DomainError::UnknownAccount { .. }
        | DomainError::NoService { .. } => TroubleKind::Refused,
        DomainError::Throttled => TroubleKind::Throttled,
        DomainError::Net(_) | DomainError::Failed { .. } | DomainError::Empty { .. } => {
            TroubleKind::Failed
        }
    };
    Trouble {
        kind,
        detail: report::chain(error),
    }
}

fn of_login(error: &LoginError) -> Trouble {
    let kind = match error.result() {
        LoginResult::Refused => TroubleKind::Refused,
        LoginResult::Throttled => TroubleKind::Throttled,
        LoginResult::Blocked => TroubleKind::Blocked,
        LoginResult::Secret => TroubleKind::Secret,
        LoginResult::Failed | LoginResult::Ok => TroubleKind::Failed,
    };
    Trouble {
        kind,
        detail: report::chain(error),
    }
}

/// HTTP 401 at the handshake is the clearest word about a token; everything else is tried again with it.
fn of_opening(error: &NetError) -> Trouble {
    let status = match error {
        NetError::UpgradeRefused { status, .. } => Some(*status),
        NetError::NoRoots { .. }
        | NetError::CaFile { .. }
        | NetError::CaFileEmpty { .. }
        | NetError::ProxyUrl { .. }
        | NetError::Target(_)
        | NetError::Connect { .. }
        | NetError::ConnectTimeout { .. }
        | NetError::Proxy { .. }
        | NetError::ProxyRefused { .. }
        | NetError::Tls { .. }
        | NetError::Exchange { .. }
        | NetError::Timeout { .. }
        | NetError::BodyTooBig { .. }
        | NetError::Handshake { .. } => None,
    };
    let kind = match status {
        Some(StatusCode::UNAUTHORIZED) => TroubleKind::Refused,
        Some(StatusCode::TOO_MANY_REQUESTS) => TroubleKind::Throttled,
        Some(_) | None => TroubleKind::Failed,
    };
    Trouble {
        kind,
        detail: report::chain(error),
    }
}

fn of_refresh(error: &RefreshError) -> Trouble {
    let kind = match error {
        RefreshError::Ended { .. } => TroubleKind::Refused,
        RefreshError::NotRefreshable { .. }
        | RefreshError::Net(_)
        | RefreshError::Failed { .. } => TroubleKind::Failed,
    };
    Trouble {
        kind,
        detail: report::chain(error),
    }
}

/// What may not stand in a path segment as it is; a hexadecimal bearer stays as it is.
const NOT_IN_A_SEGMENT: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The core has a few calls under way per conversation, and a bot has at most 999 of those.
const COMMANDS: usize = 4_096;
/// A list of conversations passes without a pause; a hall that is slower than that slows the socket down.
const EVENTS: usize = 1_024;
/// How many events may wait here before the socket is left alone.
const MOST_WAITING: usize = 64;

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    };

    use futures_util::{SinkExt, StreamExt};
    use serde_json::{Value, json};
    use tokio_tungstenite::tungstenite::Message;

    use super::*;
    use crate::{
        cloud::{
            Event, LinkPhase,
            fake::{self, Cloud, SECRETS, Server},
            messaging::probe,
        },
        conversation::{
            Call, CallId, Timestamp,
            effect::Body,
            event::{Audience, Outcome},
        },
    };

    #[tokio::test(start_paused = true)]
    async fn a_session_comes_up_works_and_logs_out() {
        let mut cloud = Cloud::new(fake::healthy);
        let mut door = open(&cloud);
        let mut server = cloud.socket().await;
        let events = come_up(&mut door, &mut server).await;
        assert!(events.contains(&Event::Up {
            agent: "4102938475".into()
        }));

        door.commands.send(publish(1)).await.unwrap();
        let request = next_request(&mut server, "PublishEvent").await;
        answer(&mut server, &request, 200, json!({"sequence": 7})).await;
        let told = until(&mut door, |event| matches!(event, Event::Called { .. })).await;
        assert!(matches!(
            told.last(),
            Some(Event::Called {
                id: CallId(1),
                outcome: Ok(Outcome::Published(7)),
                ..
            })
        ));

        door.commands.send(Command::Stop).await.unwrap();
        let told = until(&mut door, |event| *event == Event::Stopped).await;
        assert!(told.contains(&Event::Down));
        assert!(
            matches!(server.next().await, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1000)
        );
        assert!(door.events.recv().await.is_none(), "the task has ended");

        let asked = cloud.asked();
        let urls: Vec<_> = asked.iter().map(|asked| asked.url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "/api/account/12345678/service/baseURI.json?version=1.0",
                "/api/account/12345678/login?v=1.3",
                "/ws_api/account/12345678/messaging/brand/5b1e0c2d4f6a8b9c?v=2.1",
                "/api/account/12345678/logout?v=1.3",
            ]
        );
        assert_eq!(asked[3].cookie.as_deref(), Some("Session_id=s3ss10n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_opens_no_socket_is_renewed_and_one_502_is_not_minded() {
        let upgrades = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&upgrades);
        let mut cloud = Cloud::new(move |asked| {
            if asked.url.contains("/ws_api") {
                let status = match count.fetch_add(1, Ordering::Relaxed) {
                    0 => 502,
                    1 => 401,
                    _ => 101,
                };
                fake::json(status, &json!(null))
            } else {
                fake::healthy(asked)
            }
        });
        let mut door = open(&cloud);
        let mut server = cloud.socket().await;
        come_up(&mut door, &mut server).await;
        let logins = cloud
            .asked()
            .iter()
            .filter(|asked| asked.url.contains("/login"))
            .count();
        assert_eq!(logins, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_socket_is_opened_again_with_the_same_token() {
        let mut cloud = Cloud::new(fake::healthy);
        let mut door = open(&cloud);
        let mut server = cloud.socket().await;
        come_up(&mut door, &mut server).await;
        drop(server);
        until(&mut door, |event| *event == Event::Down).await;
        let mut server = cloud.socket().await;
        come_up(&mut door, &mut server).await;
        let logins = cloud
            .asked()
            .iter()
            .filter(|asked| asked.url.contains("/login"))
            .count();
        assert_eq!(logins, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn pings_are_answered_without_the_sessions_doing() {
        let mut cloud = Cloud::new(fake::healthy);
        let mut door = open(&cloud);
        let mut server = cloud.socket().await;
        come_up(&mut door, &mut server).await;
        server.send(Message::Ping("x".into())).await.unwrap();
        loop {
            if let Message::Pong(payload) = server.next().await.unwrap().unwrap() {
                assert_eq!(payload, "x");
                break;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hall_that_takes_no_events_slows_the_socket_and_not_the_commands() {
        let mut cloud = Cloud::new(fake::healthy);
        let mut door = open(&cloud);
        let mut server = cloud.socket().await;
        come_up(&mut door, &mut server).await;
        // Far more than all buffers hold: the server gets stuck.
        let flood = async {
            for sequence in 0..20_000 {
                let frame = message(sequence);
                if tokio::time::timeout(Duration::from_secs(1), server.send(frame))
                    .await
                    .is_err()
                {
                    return sequence;
                }
            }
            20_000
        };
        let stuck_at = flood.await;
        assert!(stuck_at < 20_000, "the socket is slowed down");
        // Longer than silence is allowed to last, since the silence is our own.
        tokio::time::sleep(Duration::from_secs(90)).await;
        door.commands.send(publish(1)).await.unwrap();
        next_request(&mut server, "PublishEvent").await;
        // And nothing that had been sent is lost.
        let mut sequences = Vec::new();
        while sequences.last() != Some(&(stuck_at - 1)) {
            let event = door.events.recv().await.unwrap().event;
            assert_ne!(event, Event::Down, "taken for dead");
            if let Event::Message { message, .. } = event {
                sequences.push(message.sequence);
            }
        }
        assert_eq!(sequences, (0..stuck_at).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_door_that_is_dropped_logs_out() {
        let mut cloud = Cloud::new(fake::healthy);
        let mut door = open(&cloud);
        let mut server = cloud.socket().await;
        come_up(&mut door, &mut server).await;
        drop(door);
        while server.next().await.is_some_and(|frame| frame.is_ok()) {}
        cloud.tracker.close();
        // All that is left are idle connections of the HTTP client, which ends with the network.
        drop(cloud.net.clone());
        while !cloud
            .asked()
            .iter()
            .any(|asked| asked.url.contains("/logout"))
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credentials_are_told_and_no_event_holds_a_secret() {
        let cloud = Cloud::new(|asked| {
            if asked.url.contains("/login") {
                fake::json(401, &json!({"error": {"message": "no"}}))
            } else {
                fake::healthy(asked)
            }
        });
        let mut door = open(&cloud);
        let told = until(&mut door, |event| {
            matches!(event, Event::Link(link) if link.phase == LinkPhase::Waiting { reason: "refused" })
        })
        .await;
        let printed = format!("{told:?}");
        assert!(printed.contains("IP restrictions"));
        for secret in SECRETS {
            assert!(!printed.contains(secret), "{secret}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_walks_up_and_back_and_touches_nothing() {
        let mut cloud = Cloud::new(fake::healthy);
        let (net, clock) = (cloud.net.clone(), Clock::simulated(Timestamp(0)));
        let server = async {
            let mut server = cloud.socket().await;
            let request = next_request(&mut server, "GetClock").await;
            answer(&mut server, &request, 200, json!({"currentTime": 1})).await;
            let mut others = 0;
            while let Some(Ok(frame)) = server.next().await {
                others += u32::from(frame.is_text());
            }
            others
        };
        let mut steps = Vec::new();
        let settings = fake::settings();
        let walk = probe(&settings, &net, &clock, |step| steps.push(step));
        let (went_well, others) = tokio::join!(walk, server);
        assert!(went_well);
        assert_eq!(others, 0);
        let names: Vec<_> = steps.iter().map(|step| step.name).collect();
        assert_eq!(names, ["domains", "log-in", "WebSocket", "log-out"]);
        assert!(steps.iter().all(|step| step.result.is_ok()), "{steps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_ends_where_it_fails_but_logs_out() {
        let cloud = Cloud::new(|asked| {
            if asked.url.contains("/ws_api") {
                fake::json(401, &json!(null))
            } else {
                fake::healthy(asked)
            }
        });
        let mut steps = Vec::new();
        let clock = Clock::simulated(Timestamp(0));
        let went_well = probe(&fake::settings(), &cloud.net, &clock, |step| {
            steps.push(step);
        })
        .await;
        assert!(!went_well);
        assert!(steps[2].result.as_ref().unwrap_err().contains("401"));
        assert_eq!(steps[3].name, "log-out");
    }

    fn open(cloud: &Cloud) -> Door {
        start(
            fake::settings(),
            cloud.net.clone(),
            Clock::simulated(Timestamp(1_700_000_000_000)),
            1,
            false,
            &cloud.tracker,
        )
    }

    /// Answers everything until the session is listed.
    async fn come_up(door: &mut Door, server: &mut Server) -> Vec<Event> {
        let mut events = Vec::new();
        while events.last() != Some(&Event::Listed) {
            tokio::select! {
                arrived = door.events.recv() => events.push(arrived.unwrap().event),
                frame = server.next() => {
                    let request: Value =
                        serde_json::from_str(frame.unwrap().unwrap().to_text().unwrap()).unwrap();
                    answer(server, &request, 200, json!({"currentTime": 1_700_000_000_000_i64})).await;
                }
            }
        }
        events
    }

    async fn until(door: &mut Door, last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        while !events.last().is_some_and(&last) {
            events.push(door.events.recv().await.unwrap().event);
        }
        events
    }

    async fn next_request(server: &mut Server, method: &str) -> Value {
        loop {
            let frame = server.next().await.unwrap().unwrap();
            let Message::Text(text) = frame else { continue };
            let request: Value = serde_json::from_str(text.as_str()).unwrap();
            if request["type"]
                .as_str()
                .unwrap()
                .ends_with(&format!(".{method}"))
            {
                return request;
            }
        }
    }

    async fn answer(server: &mut Server, request: &Value, code: u16, body: Value) {
        let frame = json!({"kind": "resp", "reqId": request["id"], "code": code, "body": body});
        server.send(Message::text(frame.to_string())).await.unwrap();
    }

    fn message(sequence: i64) -> Message {
        Message::text(
            json!({"kind": "notification", "type": ".ams.ms.OnlineEventDistribution", "body":
                {"sequence": sequence, "dialogId": "d", "event": {"type": "ContentEvent", "message": "x".repeat(100)}}})
            .to_string(),
        )
    }

    fn publish(id: u64) -> Command {
        Command::Call {
            conversation: "conv-1".into(),
            id: Some(CallId(id)),
            call: Call::Publish {
                dialog: "conv-1".into(),
                body: Body::Text {
                    text: "hello".into(),
                    quick_replies: None,
                },
                audience: Audience::All,
                mark: None,
                intents: vec![],
            },
        }
    }
}
