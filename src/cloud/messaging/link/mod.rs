//! IO: the task that owns a session and its socket, and carries out what the session decides.
//!
//! Frames are always read, commands are always taken, whatever else is under way. A hall that does not
//! take its events slows the socket down; it never stops commands, since they may be what it waits for.

#[cfg(test)]
mod tests;
mod trouble;

use std::{collections::VecDeque, future::Future, mem, pin::Pin};

use hyper::Uri;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::{
    identity::Identity,
    session::{Account, Input, Output, Session},
    socket::{Received, Socket},
};
use crate::{
    cloud::{
        Arrived, Command, Door, Settings,
        domains::{self, DomainError, Hosts},
        login::{self, Login, LoginError, RefreshError},
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
            StepDone::Hosts(Err(error)) => {
                self.step(Input::Hosts(Err(trouble::of_domains(&error))))
            }
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
            StepDone::LoggedIn(Err(error)) => {
                self.step(Input::LoggedIn(Err(trouble::of_login(&error))))
            }
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
            Err(error) => Err(trouble::of_domains(&error)),
        };
        self.step(Input::Hosts(result));
    }

    fn opened(&mut self, result: Result<Socket, NetError>) {
        let result = match result {
            Ok(socket) => {
                self.socket = Some(socket);
                Ok(())
            }
            Err(error) => Err(trouble::of_opening(&error)),
        };
        self.step(Input::Connected(result));
    }

    fn refreshed(&mut self, result: Result<Login, RefreshError>) {
        let result = match result {
            Ok(login) => {
                self.login = Some(login);
                Ok(())
            }
            Err(error) => Err(trouble::of_refresh(&error)),
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
