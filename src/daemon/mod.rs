//! The daemon: builds the doors and the hall, runs them, and brings them to an orderly end.

pub mod availability;
pub mod hall;
mod hearing;
mod ratings;
mod report;
pub mod rings;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use crate::{
    bot, cloud,
    config::{Config, Listen, Loaded, Mistakes, OnStop},
    conversation::settings::Kind,
    net::{Net, NetError},
    ops::{
        clock::Clock,
        health::{self, Ask},
        logs::{Logs, chain},
        metrics::Metrics,
        signals::Signal,
        status::{Board, Identity},
        systemd::Systemd,
    },
};
use hall::{Hall, HallSettings};

/// What lies outside of the process: tests put a world of their own in its place.
pub struct Outside {
    /// The way to the cloud.
    pub cloud: Net,
    /// The way to the bot.
    pub bot: Net,
    /// The time.
    pub clock: Clock,
    /// Feeds every jitter.
    pub seed: u64,
    /// The manager of services, if there is one.
    pub systemd: Systemd,
    /// The logs, to change their level at a reload.
    pub logs: Option<Logs>,
    /// Reads the configuration again.
    pub reload: Box<dyn Fn() -> Result<Loaded, Mistakes>>,
}

/// A connector whose addresses are bound and whose doors are open; nothing is carried through yet.
pub struct Daemon {
    config: Config,
    outside: Outside,
    hall: Hall,
    cloud: Door<cloud::Command, cloud::Arrived>,
    bot: Door<bot::Command, bot::Event>,
    asks: mpsc::Receiver<Ask>,
    ask: mpsc::Sender<Ask>,
    tracker: TaskTracker,
    stop_health: CancellationToken,
}

/// The hall's end of a door.
struct Door<C, E> {
    commands: mpsc::Sender<C>,
    events: mpsc::Receiver<E>,
    /// It said that it is closed; nothing comes any more.
    closed: bool,
    /// It has taken the command to stop.
    told_to_stop: bool,
}

impl<C, E> Door<C, E> {
    fn new(commands: mpsc::Sender<C>, events: mpsc::Receiver<E>) -> Self {
        Self { commands, events, closed: false, told_to_stop: false }
    }
}

/// Why the connector could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The way to the cloud or bot cannot be used: a CA file, a proxy, no roots.
    #[error("the way to the {peer} cannot be set up")]
    Net {
        /// `cloud` or `bot`.
        peer: &'static str,
        /// Why.
        #[source]
        source: NetError,
    },
    /// The bot's secrets or its callback address.
    #[error("the door to the bot cannot be set up")]
    Bot(#[source] bot::BotError),
    /// The health address.
    #[error("the health endpoint cannot be set up")]
    Health(#[source] health::BindError),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As asked.
    Stopped,
    /// A part of the program ended that must not: a bug.
    Broken,
}

/// How far the run is.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Serving,
    /// What is under way may finish.
    Draining {
        /// Until then; the rest of the time is for the doors to close.
        close_at: Instant,
        stop_by: Instant,
    },
    /// Until then, the doors may close.
    Closing(Instant),
}

impl Outside {
    /// The real world.
    ///
    /// # Errors
    /// When the ways out cannot be set up.
    pub fn real(
        config: &Config,
        logs: Option<Logs>,
        reload: Box<dyn Fn() -> Result<Loaded, Mistakes>>,
    ) -> Result<Self, BuildError> {
        let net =
            |peer, settings| Net::new(settings).map_err(|source| BuildError::Net { peer, source });
        let mut seed = [0; 8];
        // Without randomness of the system every start has the same jitter, which is no reason not to start.
        let _ = getrandom::fill(&mut seed);
        Ok(Self {
            cloud: net("cloud", &config.cloud_net)?,
            bot: net("bot", &config.bot_net)?,
            clock: Clock::system(),
            seed: u64::from_le_bytes(seed),
            systemd: Systemd::from_environment(),
            logs,
            reload,
        })
    }
}

impl<C, E> Door<C, E> {
    fn tell_to_stop(&mut self, stop: C) {
        self.told_to_stop = self.told_to_stop || self.commands.try_send(stop).is_ok();
    }
}

impl Daemon {
    /// Binds the addresses and opens the doors.
    ///
    /// # Errors
    /// When an address cannot be bound or a secret of the bot cannot be read. A cloud or a bot that does not answer
    /// is no error.
    pub async fn build(config: Config, outside: Outside) -> Result<Self, BuildError> {
        let clock = outside.clock.clone();
        let tracker = TaskTracker::new();
        let identity = Identity {
            name: config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            account_id: config.cloud.account.clone(),
            environment: config.environment.as_str().to_owned(),
            kind: config.conversation.kind,
        };
        let metrics =
            Arc::new(Metrics::new(&identity.name, &identity.environment, &identity.version));
        let mut board = Board::new(identity, clock.wall());
        board.custom_fingerprint(config.custom_fingerprint.clone());

        let (ask, asks) = mpsc::channel(ASKS);
        let stop_health = CancellationToken::new();
        if let Some(address) = health_address(&config.health) {
            let server = health::Server::bind(&address).await.map_err(BuildError::Health)?;
            info!(address = %server.address(), "the health endpoint listens");
            let run =
                server.run(ask.clone(), Arc::clone(&metrics), clock.clone(), stop_health.clone());
            tracker.spawn(run);
        }
        let bot = bot::start(
            config.bot.clone(),
            outside.bot.clone(),
            clock.clone(),
            outside.seed,
            &tracker,
        )
        .await
        .map_err(BuildError::Bot)?;
        let cloud = cloud::open(
            config.conversation.kind,
            config.cloud.clone(),
            outside.cloud.clone(),
            clock.clone(),
            outside.seed.wrapping_add(1),
            config.log.message_content,
            &tracker,
        );
        let hall = Hall::new(
            hall_settings(&config),
            board,
            metrics,
            cloud.commands.clone(),
            bot.commands.clone(),
            clock.now(),
        );
        Ok(Self {
            config,
            outside,
            hall,
            cloud: Door::new(cloud.commands, cloud.events),
            bot: Door::new(bot.commands, bot.events),
            asks,
            ask,
            tracker,
            stop_health,
        })
    }

    /// Where to ask for the status, for whoever runs the daemon without its health endpoint.
    #[must_use]
    pub fn ask(&self) -> mpsc::Sender<Ask> {
        self.ask.clone()
    }

    /// What is counted, for whoever runs the daemon without its health endpoint.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(self.hall.metrics())
    }

    /// Runs until a signal stops it, and a little longer for an orderly end.
    pub async fn run(mut self, signals: impl Stream<Item = Signal> + Unpin) -> End {
        info!(
            connector = self.config.name,
            version = env!("CARGO_PKG_VERSION"),
            account = self.config.cloud.account,
            "connectord is up"
        );
        // Whoever sends signals may be gone before the daemon is.
        let end = self.serve(&mut signals.fuse()).await;
        self.hall.stopped(self.outside.clock.wall());
        self.stop_health.cancel();
        self.tracker.close();
        let finished = tokio::time::timeout(LAST_WAIT, self.tracker.wait()).await;
        if finished.is_err() {
            warn!("some tasks did not end in time");
        }
        info!("connectord is down");
        end
    }

    async fn serve(&mut self, signals: &mut (impl Stream<Item = Signal> + Unpin)) -> End {
        let clock = self.outside.clock.clone();
        let mut stage = Stage::Serving;
        let mut ready = false;
        let mut watchdog = Watchdog::new(self.outside.systemd.watchdog_interval());
        loop {
            let deadline = match stage {
                Stage::Serving => None,
                Stage::Draining { close_at, .. } => Some(close_at),
                Stage::Closing(at) if self.told_to_stop() => Some(at),
                Stage::Closing(at) => Some(at.min(clock.now() + TELL_AGAIN)),
            };
            let wake = [self.hall.wake(), deadline].into_iter().flatten().min();
            tokio::select! {
                Some(signal) = signals.next() => match (signal, stage) {
                    (Signal::Stop, Stage::Serving) => stage = self.begin_to_stop(),
                    (Signal::Stop, Stage::Draining { .. } | Stage::Closing(_)) => {}
                    (Signal::Reload, _) => self.reload(),
                    (Signal::Report, _) => info!(status = self.hall.status().summary(), "status"),
                },
                arrived = self.cloud.events.recv(), if !self.cloud.closed => match arrived {
                    Some(arrived) => {
                        self.cloud.closed = arrived.event == cloud::Event::Stopped;
                        self.hall.on_cloud(arrived, clock.now(), clock.wall());
                    }
                    None => {
                        error!("the door to the cloud broke; this is a bug");
                        return End::Broken;
                    }
                },
                event = self.bot.events.recv(), if !self.bot.closed => match event {
                    Some(event) => {
                        self.bot.closed = event == bot::Event::Stopped;
                        self.hall.on_bot(event, clock.now(), clock.wall());
                    }
                    None => {
                        error!("the door to the bot broke; this is a bug");
                        return End::Broken;
                    }
                },
                Some(Ask::Status(answer)) = self.asks.recv() => {
                    // Whoever asked may have gone.
                    let _ = answer.send(Box::new(self.hall.status().clone()));
                }
                () = sleep_until(wake) => self.hall.on_time(clock.now(), clock.wall()),
                () = watchdog.tick() => self.outside.systemd.alive(),
            }
            if self.hall.take_news() {
                self.outside.systemd.status(&self.hall.status().summary());
            }
            if !ready && self.hall.is_settled() {
                ready = true;
                self.outside.systemd.ready();
            }
            stage = match stage {
                Stage::Serving => Stage::Serving,
                Stage::Draining { close_at, stop_by }
                    if self.hall.is_drained() || close_at <= clock.now() =>
                {
                    if !self.hall.is_drained() {
                        warn!("drain_timeout has passed with answers under way");
                    }
                    self.close_doors(stop_by)
                }
                Stage::Closing(_) if self.cloud.closed && self.bot.closed => return End::Stopped,
                Stage::Closing(at) if at <= clock.now() => {
                    warn!("the doors did not close in time");
                    return End::Stopped;
                }
                Stage::Closing(_) => {
                    self.tell_to_stop();
                    stage
                }
                Stage::Draining { .. } => stage,
            };
        }
    }

    fn begin_to_stop(&mut self) -> Stage {
        let clock = &self.outside.clock;
        let timeout = self.config.shutdown.drain_timeout;
        info!(timeout_ms = timeout.as_millis(), "stopping: what is under way is finished first");
        self.outside.systemd.stopping();
        self.outside.systemd.extend_timeout(timeout + LAST_WAIT);
        let now = clock.now();
        // Closing the doors is part of it, and so is the way back to the queue.
        let close_at = now + timeout.saturating_sub(CLOSE_WAIT.min(timeout / 3));
        let return_all_at = close_at.checked_sub(RETURN_WAIT.min(timeout / 3)).unwrap_or(now);
        self.hall.drain(return_all_at, now, clock.wall());
        Stage::Draining { close_at, stop_by: now + timeout }
    }

    fn close_doors(&mut self, stop_by: Instant) -> Stage {
        self.tell_to_stop();
        Stage::Closing(stop_by.min(self.outside.clock.now() + CLOSE_WAIT))
    }

    /// A door that is full is told again; one that is gone is caught by the time limit.
    fn tell_to_stop(&mut self) {
        self.cloud.tell_to_stop(cloud::Command::Stop);
        self.bot.tell_to_stop(bot::Command::Stop);
    }

    fn told_to_stop(&self) -> bool {
        self.cloud.told_to_stop && self.bot.told_to_stop
    }

    /// SIGHUP: what can change without a restart changes at once; a file with mistakes changes nothing.
    fn reload(&mut self) {
        self.outside.systemd.reloading();
        match (self.outside.reload)() {
            Err(mistakes) => {
                for mistake in &mistakes.mistakes {
                    error!(mistake = %mistake, "the configuration was not taken over");
                }
            }
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    warn!(warning = %warning, "configuration");
                }
                self.take_over(loaded.config);
            }
        }
        self.outside.systemd.ready();
    }

    fn take_over(&mut self, new: Config) {
        for key in Config::needs_restart(&self.config, &new) {
            warn!(key, "this change takes a restart; until then the old value holds");
        }
        let new = Config::without_restart(&self.config, new);
        if let Some(logs) = &self.outside.logs
            && let Err(error) = logs.reload(&new.log)
        {
            error!(error = %chain(&error), "the log level could not be changed");
        }
        let settings = hall_settings(&new);
        let fingerprint = new.custom_fingerprint.clone();
        let clock = &self.outside.clock;
        self.hall.reload(settings, fingerprint, clock.now(), clock.wall());
        let cloud = cloud::Command::Reload(Box::new(new.cloud.clone()));
        let bot = bot::Command::Reload(Box::new(new.bot.clone()));
        if self.cloud.commands.try_send(cloud).is_err() || self.bot.commands.try_send(bot).is_err()
        {
            warn!("a door is busy: send SIGHUP again");
        }
        self.config = new;
        info!("the configuration was read again");
    }
}

/// Ticks when systemd wants to hear from the loop; fed from the loop itself, so that one that hangs is not kept alive.
struct Watchdog(Option<tokio::time::Interval>);

impl Watchdog {
    fn new(period: Option<Duration>) -> Self {
        Self(period.map(tokio::time::interval))
    }

    async fn tick(&mut self) {
        match &mut self.0 {
            Some(interval) => {
                interval.tick().await;
            }
            None => std::future::pending().await,
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn hall_settings(config: &Config) -> HallSettings {
    HallSettings {
        conversation: Arc::new(config.conversation.clone()),
        limit: config.max_conversations,
        ring_wait: match config.conversation.kind {
            Kind::Messaging => config.ring_wait,
            Kind::Chat => Duration::ZERO,
        },
        return_on_stop: config.shutdown.on_stop == OnStop::Return,
        log_content: config.log.message_content,
    }
}

fn health_address(listen: &Listen) -> Option<health::Address> {
    match listen {
        Listen::Off => None,
        Listen::Tcp(address) => Some((*address).into()),
        Listen::Unix(path) => Some(health::Address::Unix(path.clone())),
    }
}

/// How many questions for the status may wait for the hall.
const ASKS: usize = 64;

/// How long the doors may take to close, as far as `drain_timeout` allows it: a log-out is given two seconds.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// How long conversations in which something is still under way may take to get back to the queue.
const RETURN_WAIT: Duration = Duration::from_secs(5);

/// When a door that was too busy to be told to stop is told again.
const TELL_AGAIN: Duration = Duration::from_millis(50);

/// How long other tasks may take to end: they are cancelled or have nothing to wait for any more.
const LAST_WAIT: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_that_is_full_is_told_to_stop_again_and_then_no_more() {
        let (commands, mut taken) = mpsc::channel(1);
        let (_keep, events) = mpsc::channel::<()>(1);
        let mut door = Door { commands, events, closed: false, told_to_stop: false };
        door.commands.try_send("busy").unwrap();
        door.tell_to_stop("stop");
        assert!(!door.told_to_stop);
        assert_eq!(taken.try_recv(), Ok("busy"));
        door.tell_to_stop("stop");
        door.tell_to_stop("stop");
        assert!(door.told_to_stop);
        assert_eq!(taken.try_recv(), Ok("stop"));
        assert!(taken.try_recv().is_err(), "once is enough");
    }
}
