//! A world for one test: the simulated cloud, a bot that does as it is told, and the daemon between them.

mod bot;

use std::{future::Future, io, path::Path, sync::Arc, time::Duration};

use connectord::{
    config::{self, Loaded},
    conversation::Timestamp,
    daemon::{Daemon, End, Outside},
    net::Net,
    ops::{
        clock::Clock,
        health::Ask,
        signals::Signal,
        status::{ConnectorStatus, Status},
        systemd::Systemd,
    },
};
use futures_util::stream;
use serde_json::Value;
use tokio::{
    io::DuplexStream,
    sync::{mpsc, oneshot},
    task::{JoinHandle, LocalSet},
};

pub(crate) use bot::{Bot, text};

use crate::simulator::{Options, Simulator, Start};

/// The bot agents' skill in the simulated world.
pub(crate) const BOT_SKILL: &str = "1122334455";
/// The human agents' skill.
pub(crate) const HUMAN_SKILL: &str = "4129463410";
/// The agent that the daemon logs in as.
pub(crate) const AGENT: &str = "support-bot";

/// The world of one test.
pub(crate) struct World {
    pub(crate) cloud: Simulator,
    pub(crate) bot: Bot,
    outside: Wires,
    daemon: Option<Running>,
}

/// A daemon that runs.
struct Running {
    signals: mpsc::Sender<Signal>,
    ask: mpsc::Sender<Ask>,
    end: JoinHandle<End>,
}

/// How a daemon is connected to this world.
#[derive(Clone)]
struct Wires {
    cloud: Net,
    bot: Net,
    clock: Clock,
}

/// Runs a test's story; spawned parts may stay on this thread.
pub(crate) async fn story<T>(tell: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(tell).await
}

impl World {
    /// A world without a daemon.
    pub(crate) fn new() -> Self {
        Self::with(Options::fixed())
    }

    /// The same, with a cloud of its own options.
    pub(crate) fn with(options: Options) -> Self {
        let epoch = options.epoch.unwrap_or(1_700_000_000_000);
        let cloud = Simulator::new(options);
        let bot = Bot::new();
        let (to_cloud, to_bot) = (cloud.clone(), bot.clone());
        let outside = Wires {
            cloud: Net::in_memory(Arc::new(move |_| dial(|io| to_cloud.connect(io)))),
            bot: Net::in_memory(Arc::new(move |_| {
                if to_bot.is_up() { dial(|io| to_bot.connect(io)) } else { refused() }
            })),
            clock: Clock::simulated(Timestamp(epoch.try_into().unwrap())),
        };
        Self { cloud, bot, outside, daemon: None }
    }

    /// A world with a daemon that is Online, its settings the defaults but for these lines of TOML.
    pub(crate) async fn online(settings: &str) -> Self {
        let mut world = Self::new();
        world.start(settings).await;
        world.is_online().await;
        world
    }

    /// Starts a daemon of this configuration.
    pub(crate) async fn start(&mut self, settings: &str) {
        assert!(self.daemon.is_none(), "one daemon at a time");
        let text = configuration(settings);
        let loaded = load(&text);
        let outside = Outside {
            cloud: self.outside.cloud.clone(),
            bot: self.outside.bot.clone(),
            clock: self.outside.clock.clone(),
            seed: 7,
            systemd: Systemd::from_environment(),
            logs: None,
            reload: Box::new(move || Ok(load(&text))),
        };
        let daemon = Daemon::build(loaded.config, outside).await.unwrap();
        let ask = daemon.ask();
        let (signals, inbox) = mpsc::channel(4);
        let inbox = Box::pin(stream::unfold(inbox, async |mut inbox| {
            let signal = inbox.recv().await?;
            Some((signal, inbox))
        }));
        let end = tokio::task::spawn_local(daemon.run(inbox));
        self.daemon = Some(Running { signals, ask, end });
    }

    /// Stops the daemon in order and tells how it ended.
    pub(crate) async fn stop(&mut self) -> End {
        let daemon = self.daemon.take().unwrap();
        daemon.signals.send(Signal::Stop).await.unwrap();
        daemon.end.await.unwrap()
    }

    /// Asks the daemon to stop and goes on.
    pub(crate) async fn ask_to_stop(&self) {
        self.daemon.as_ref().unwrap().signals.send(Signal::Stop).await.unwrap();
    }

    /// The daemon is gone from one moment to the next.
    pub(crate) async fn kill(&mut self) {
        let daemon = self.daemon.take().unwrap();
        daemon.end.abort();
        let _ = daemon.end.await;
    }

    /// What `GET /status` would tell.
    pub(crate) async fn status(&self) -> Status {
        let (answer, status) = oneshot::channel();
        self.daemon.as_ref().unwrap().ask.send(Ask::Status(answer)).await.unwrap();
        *status.await.unwrap()
    }

    /// Waits until the daemon is Online.
    pub(crate) async fn is_online(&self) {
        self.until("Online", |status| status.agent_connector.status == ConnectorStatus::Online)
            .await;
    }

    /// Waits until the status is as wanted.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) {
        // Virtual time: a minute passes at once when nothing else happens.
        for _ in 0..60_000 {
            if is_so(&self.status().await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never {what}: {:#?}", self.status().await);
    }

    /// A consumer starts a conversation by saying something.
    pub(crate) fn consumer_starts(&self, text: &str) -> String {
        self.cloud.start(Start::in_skill(BOT_SKILL).saying(text)).unwrap()
    }

    /// Waits until the dialog holds these lines: who (by role, in the wire's word) said what.
    pub(crate) async fn reads(&self, conversation: &str, lines: &[(&str, &str)]) {
        let wanted: Vec<(String, String)> =
            lines.iter().map(|(who, what)| ((*who).to_owned(), (*what).to_owned())).collect();
        let mut seen = Vec::new();
        for _ in 0..60_000 {
            let lines = self.cloud.lines(conversation);
            seen = lines.into_iter().map(|(who, what)| (who.to_owned(), what)).collect();
            if seen == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("wanted {wanted:#?}, the dialog holds {seen:#?}");
    }
}

/// Lets virtual time pass.
pub(crate) async fn after(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// A configuration that fits the simulated world, with `settings` (lines of TOML, tables in brackets) on top.
fn configuration(settings: &str) -> String {
    let mut tables: toml::Table = toml::from_str(BASE).unwrap();
    let own: toml::Table = toml::from_str(settings).unwrap();
    for (name, table) in own {
        let known = tables.entry(name).or_insert_with(|| toml::Table::new().into());
        for (key, value) in table.as_table().unwrap().clone() {
            known.as_table_mut().unwrap().insert(key, value);
        }
    }
    serde_json_to_toml(&tables)
}

/// The TOML writer is not among our dependencies; JSON's strings, numbers and arrays are TOML's too.
fn serde_json_to_toml(tables: &toml::Table) -> String {
    let mut text = String::new();
    for (name, table) in tables {
        text.push_str(&format!("[{name}]\n"));
        for (key, value) in table.as_table().unwrap() {
            text.push_str(&format!("{key} = {}\n", inline(&serde_json::to_value(value).unwrap())));
        }
    }
    text
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn load(text: &str) -> Loaded {
    config::parse(text, Path::new("edge.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn dial(connect: impl FnOnce(DuplexStream)) -> io::Result<DuplexStream> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    connect(theirs);
    Ok(ours)
}

fn refused() -> io::Result<DuplexStream> {
    Err(io::ErrorKind::ConnectionRefused.into())
}

const BASE: &str = r#"
[connector]
name = "edge"
account_id = "12345678"
conversation_type = "messaging"
fallback_skill_id = "4129463410"

[credentials]
username = "support-bot"
app_key = "support-bot-key"
secret = "support-bot-secret"
access_token = "support-bot-token"
access_token_secret = "support-bot-token-secret"

[cloud]
domain_api = "http://127.0.0.1:1"

[bot]
transport = "websocket"
url = "ws://127.0.0.1:2/"

[health]
listen = "off"
"#;
