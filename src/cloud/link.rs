//! IO: the task that owns a session and its connection, and carries out what the session decides.
//!
//! What the cloud says is always read, commands are always taken, whatever else is under way. A hall that does not
//! take its events slows the connection down; it never stops commands, since they may be what it waits for.

use std::{collections::VecDeque, future::Future, mem, pin::Pin};

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::{
    Arrived, Command, Door, Settings,
    domains::{self, DomainError, Hosts},
    identity::Identity,
    login::{self, Login, LoginError, RefreshError},
    session::{Account, Connection, Input, Output, Session, Trouble, trouble},
};
use crate::{net::Net, ops::clock::Clock};

/// What carries a connection: the part that knows bytes.
pub(super) trait Carrier: Send + 'static {
    /// What it carries.
    type Connection: Connection<Received: Send, Sent: Send, Memory: Send> + Send;

    /// Nothing is open. With `log_content`, what goes over the wire is logged at TRACE under the target `wire::cloud`: it
    /// holds what people say, and never the bearer.
    fn new(net: Net, log_content: bool) -> Self;
    /// Where the account has it.
    fn base(hosts: &Hosts) -> Result<String, DomainError>;
    /// Begins to open another one at `base`; [`Carried::Opened`] tells how it went.
    fn open(&mut self, base: &str, login: &Login, settings: &Settings);
    /// Takes this for sending; it leaves while [`Carrier::next`] is awaited.
    fn send(&mut self, sent: <Self::Connection as Connection>::Sent);
    /// Closes what is open or being opened, saying good-bye where that is the custom.
    fn close(&mut self);
    /// The good-byes that are being said.
    fn good_bye(&mut self) -> Option<Work<()>>;
    /// Waits for whatever comes next, sending meanwhile. Without `read`, the other side has to wait.
    ///
    /// May be dropped at any time without losing anything.
    fn next(
        &mut self,
        read: bool,
    ) -> impl Future<Output = Carried<<Self::Connection as Connection>::Received>> + Send;
}

/// What a carrier brings.
#[derive(Debug)]
pub(super) enum Carried<R> {
    /// The connection is open, or could not be opened.
    Opened(Result<(), Trouble>),
    /// This came over it.
    Received(R),
}

/// Starts the task; it ends after [`Command::Stop`], or when the door is dropped.
///
/// `seed` makes the jitter of all waits repeatable.
pub(super) fn start<C: Carrier>(
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
        carrier: C::new(net.clone(), log_content),
        net,
        clock,
        cache: domains::Cache::default(),
        hosts: None,
        login: None,
        work: None,
        refresh: None,
        logout: None,
        outbox: VecDeque::new(),
        paused: false,
    };
    tracker.spawn(link.run(command_receiver, event_sender));
    Door { commands, events }
}

struct Link<C: Carrier> {
    session: Session<C::Connection>,
    settings: Settings,
    net: Net,
    clock: Clock,
    carrier: C,
    cache: domains::Cache,
    hosts: Option<Bases>,
    login: Option<Login>,
    /// Asking for hosts, or logging in.
    work: Option<Work<StepDone>>,
    refresh: Option<Work<Result<Login, RefreshError>>>,
    logout: Option<Work<()>>,
    /// What the hall has not taken yet.
    outbox: VecDeque<Arrived>,
    /// Whether reading is paused because of it.
    paused: bool,
}

/// Something under way.
pub(super) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum StepDone {
    Cached(Hosts),
    Hosts(Result<Hosts, DomainError>),
    LoggedIn(Result<Login, LoginError>),
}

/// The URLs to go to.
struct Bases {
    login: String,
    connection: String,
}

/// What the loop woke up for.
enum Woken<R> {
    Taken(Result<(), ()>),
    Command(Option<Command>),
    Carried(Carried<R>),
    Step(StepDone),
    Refreshed(Result<Login, RefreshError>),
    LoggedOut,
    Elapsed,
}

type Received<C> = <<C as Carrier>::Connection as Connection>::Received;

impl<C: Carrier> Link<C> {
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
                Woken::Carried(Carried::Opened(result)) => self.step(Input::Connected(result)),
                Woken::Carried(Carried::Received(it)) => self.step(Input::Arrived(it)),
                Woken::Step(done) => self.work_done(done),
                Woken::Refreshed(result) => self.refreshed(result),
                Woken::LoggedOut => self.step(Input::LoggedOut),
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
    ) -> Woken<Received<C>> {
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
            carried = self.carrier.next(!self.paused) => Woken::Carried(carried),
            done = work(&mut self.work) => Woken::Step(done),
            result = work(&mut self.refresh) => Woken::Refreshed(result),
            () = work(&mut self.logout) => Woken::LoggedOut,
            () = sleep => Woken::Elapsed,
        }
    }

    fn step(&mut self, input: Input<Received<C>>) {
        let now = self.clock.now();
        let outputs = self.session.step(input, now, self.clock.wall());
        for output in outputs {
            match output {
                Output::FindHosts => self.find_hosts(),
                Output::LogIn => self.log_in(),
                Output::Connect => self.connect(),
                Output::Send(sent) => self.carrier.send(sent),
                Output::Disconnect => self.carrier.close(),
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
        if let (Some(bases), Some(login)) = (&self.hosts, &self.login) {
            self.carrier.open(&bases.connection, login, &self.settings);
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
        self.refresh = None;
        let net = self.net.clone();
        let login = self.login.take();
        // Good-bye is said first, so that the server sees one end and not two.
        let good_bye = self.carrier.good_bye();
        self.logout = Some(Box::pin(async move {
            if let Some(good_bye) = good_bye {
                good_bye.await;
            }
            if let Some(login) = login {
                login.log_out(&net).await;
            }
        }));
    }

    fn work_done(&mut self, done: StepDone) {
        match done {
            StepDone::Hosts(Ok(hosts)) => {
                self.cache.put(&self.settings, hosts.clone(), self.clock.now());
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
        let bases = hosts.agent_vep().and_then(|login| Ok((login, C::base(hosts)?)));
        let result = match bases {
            Ok((login, connection)) => {
                self.hosts = Some(Bases { login, connection });
                Ok(())
            }
            Err(error) => Err(trouble::of_domains(&error)),
        };
        self.step(Input::Hosts(result));
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

    fn notice_pause(&mut self) {
        let paused = self.outbox.len() >= MOST_WAITING;
        if mem::replace(&mut self.paused, paused) && !paused {
            self.session.resumed(self.clock.now());
        }
    }
}

/// Waits for work under way, and puts it away when it is done.
pub(super) async fn work<T>(slot: &mut Option<Work<T>>) -> T {
    match slot {
        Some(work) => {
            let result = work.await;
            *slot = None;
            result
        }
        None => std::future::pending().await,
    }
}

/// The core has a few calls under way per conversation, and a bot has at most 999 of those.
const COMMANDS: usize = 4_096;
/// A list of conversations passes without a pause; a hall that is slower than that slows the connection down.
const EVENTS: usize = 1_024;
/// How many events may wait here before nothing more is read.
const MOST_WAITING: usize = 64;
