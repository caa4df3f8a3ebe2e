//! A world for one test: the simulated cloud, a bot that does as it is told, and the daemon between them.

mod bot;
mod webhook;

use std::{
    cell::RefCell, future::Future, io, path::Path, pin::Pin, rc::Rc, sync::Arc, time::Duration,
};

use connectord::{
    config::{self, Loaded, Mistakes},
    conversation::Timestamp,
    daemon::{Daemon, End, Outside},
    net::{MemoryDial, Net},
    ops::{
        clock::Clock,
        health::Ask,
        metrics::Metrics,
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
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use bot::{Bot, text};
pub(crate) use webhook::{Answer, Webhook};

use crate::secrecy;
use crate::simulator::{Event, Options, Received, Simulator, Start, World as Cloud};

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
    /// The bot of a daemon whose transport is `webhook`.
    pub(crate) webhook: Webhook,
    /// How the daemon tells its service manager.
    pub(crate) systemd: fn() -> Systemd,
    outside: Wires,
    daemon: Option<Running>,
}

/// A daemon that runs.
struct Running {
    signals: mpsc::Sender<Signal>,
    ask: mpsc::Sender<Ask>,
    metrics: Arc<Metrics>,
    /// What the file holds when it is read again.
    file: Rc<RefCell<String>>,
    /// Cancelled when all its connections break at once.
    power: CancellationToken,
    end: JoinHandle<End>,
}

/// How daemons are connected to this world.
struct Wires {
    cloud: MemoryDial,
    bot: MemoryDial,
    clock: Clock,
    tasks: TaskTracker,
}

/// Runs a test's story; spawned parts may stay on this thread.
pub(crate) fn story<'a, T>(
    tell: impl Future<Output = T> + 'a,
) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    let tell = Box::pin(tell);
    Box::pin(async move { LocalSet::new().run_until(tell).await })
}

impl World {
    /// A world without a daemon.
    pub(crate) fn new() -> Self {
        Self::with(Options::fixed())
    }

    /// The same, with a cloud of its own options.
    pub(crate) fn with(options: Options) -> Self {
        Self::around(Simulator::new(options))
    }

    /// A sister in the same cloud: a daemon and a bot of its own.
    pub(crate) fn sister(&self) -> Self {
        Self::around(self.cloud.clone())
    }

    fn around(cloud: Simulator) -> Self {
        secrecy::listen();
        let (bot, webhook) = (Bot::new(), Webhook::new());
        let (to_bot, to_webhook) = (bot.clone(), webhook.clone());
        let way_to_bot: MemoryDial = Arc::new(move |target| match target.port_u16() {
            Some(3) if to_webhook.is_up() => dial(|io| to_webhook.connect(io)),
            Some(2) if to_bot.is_up() => dial(|io| to_bot.connect(io)),
            _ => refused(),
        });
        let mut world = Self::between(cloud, way_to_bot);
        (world.bot, world.webhook) = (bot, webhook);
        world
    }

    /// A world between this cloud and a bot of the test's own.
    pub(crate) fn between(cloud: Simulator, bot: MemoryDial) -> Self {
        let epoch = cloud.clock().now();
        let to_cloud = cloud.clone();
        let outside = Wires {
            cloud: Arc::new(move |_| dial(|io| to_cloud.connect(io))),
            bot,
            tasks: TaskTracker::new(),
            clock: Clock::simulated(Timestamp(epoch.try_into().unwrap())),
        };
        let (bot, webhook) = (Bot::new(), Webhook::new());
        let systemd = Systemd::from_environment;
        Self { cloud, bot, webhook, systemd, outside, daemon: None }
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
        let file = Rc::new(RefCell::new(configuration(settings)));
        let loaded = load(&file.borrow()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let text = Rc::clone(&file);
        let power = CancellationToken::new();
        let outside = Outside {
            cloud: self.outside.net(&self.outside.cloud, &power),
            bot: self.outside.net(&self.outside.bot, &power),
            clock: self.outside.clock.clone(),
            seed: 7,
            systemd: (self.systemd)(),
            logs: None,
            reload: Box::new(move || load(&text.borrow())),
        };
        let daemon = Box::pin(Daemon::build(loaded.config, outside)).await.unwrap();
        let (ask, metrics) = (daemon.ask(), daemon.metrics());
        let (signals, inbox) = mpsc::channel(4);
        let inbox = Box::pin(stream::unfold(inbox, async |mut inbox| {
            let signal = inbox.recv().await?;
            Some((signal, inbox))
        }));
        let end = tokio::task::spawn_local(daemon.run(inbox));
        self.daemon = Some(Running { signals, ask, metrics, file, power, end });
    }

    /// Stops the daemon in order and tells how it ended.
    pub(crate) async fn stop(&mut self) -> End {
        let daemon = self.daemon.take().unwrap();
        daemon.signals.send(Signal::Stop).await.unwrap();
        daemon.end.await.unwrap()
    }

    /// Asks the daemon to stop and goes on.
    pub(crate) async fn ask_to_stop(&self) {
        self.running().signals.send(Signal::Stop).await.unwrap();
    }

    /// Waits until a daemon that was asked to stop has ended.
    pub(crate) async fn stops(&mut self) -> End {
        self.daemon.take().unwrap().end.await.unwrap()
    }

    /// The file is changed to these settings, and SIGHUP is sent.
    pub(crate) async fn reload(&self, settings: &str) {
        self.reload_file(configuration(settings)).await;
    }

    /// The file is changed to this text, and SIGHUP is sent.
    pub(crate) async fn reload_file(&self, text: String) {
        let daemon = self.running();
        daemon.file.replace(text);
        daemon.signals.send(Signal::Reload).await.unwrap();
        // The loop has taken the signal when it answers what was asked after it.
        after(0.001).await;
        self.status().await;
    }

    /// The value of a metric's series with this label's value, or of the only series.
    pub(crate) fn count(&self, metric: &str, label: &str) -> f64 {
        let text = self.running().metrics.encode();
        secrecy::search("the metrics", &text);
        let head = format!("connectord_{metric}{{");
        let mut series = text
            .lines()
            .filter(|line| line.starts_with(&head) && line.contains(&format!("\"{label}\"")));
        series.next().map_or(0.0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    }

    fn running(&self) -> &Running {
        self.daemon.as_ref().unwrap()
    }

    /// The daemon is gone from one moment to the next.
    pub(crate) async fn kill(&mut self) {
        let daemon = self.daemon.take().unwrap();
        daemon.power.cancel();
        daemon.end.abort();
        let _ = daemon.end.await;
    }

    /// What `GET /status` would tell.
    pub(crate) async fn status(&self) -> Status {
        let (answer, status) = oneshot::channel();
        self.running().ask.send(Ask::Status(answer)).await.unwrap();
        let status = *status.await.unwrap();
        secrecy::search("the status", &serde_json::to_string(&status).unwrap());
        status
    }

    /// Waits until the daemon is Online.
    pub(crate) async fn is_online(&self) {
        self.until("Online", |status| status.agent_connector.status == ConnectorStatus::Online)
            .await;
    }

    /// Waits until the daemon has noticed that its socket is gone, and is Online again.
    pub(crate) async fn is_back(&self) {
        self.until("away", |status| status.agent_connector.status != ConnectorStatus::Online).await;
        self.is_online().await;
    }

    /// Waits until the status is as wanted.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) {
        // Virtual time: it passes at once when nothing else happens.
        for _ in 0..50_000 {
            if is_so(&self.status().await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
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
        let holds = |cloud: &Cloud| {
            let events = &cloud.conversations[conversation].main().events;
            let lines = events
                .iter()
                .filter_map(|event| Some((event.role.word().to_owned(), event.text()?.to_owned())));
            lines.eq(wanted.iter().cloned())
        };
        if self.cloud.wait_until("the lines", holds).await.is_ok() {
            return;
        }
        let seen = self.cloud.lines(conversation);
        panic!("wanted {wanted:#?}, the dialog holds {seen:#?}");
    }
}

impl Drop for World {
    /// What was told to the bot and published is searched for secrets, and whatever raised an alarm before fails the test.
    fn drop(&mut self) {
        for event in self.bot.events() {
            secrecy::search("a frame to the bot", &event.to_string());
        }
        for request in self.cloud.requests("PublishEvent") {
            secrecy::search("what was published", &request.body.to_string());
        }
        if let Some(daemon) = &self.daemon {
            secrecy::search("the metrics", &daemon.metrics.encode());
        }
        secrecy::check_here();
    }
}

impl Wires {
    /// A way out whose connections break when the power goes.
    fn net(&self, dial: &MemoryDial, power: &CancellationToken) -> Net {
        let (dial, power, tasks) = (Arc::clone(dial), power.clone(), self.tasks.clone());
        Net::in_memory(Arc::new(move |target| {
            if power.is_cancelled() {
                return refused();
            }
            let mut far = dial(target)?;
            let (ours, mut near) = tokio::io::duplex(64 * 1024);
            let power = power.clone();
            tasks.spawn(async move {
                tokio::select! {
                    // Whichever side hangs up first, the other hears of it.
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    () = power.cancelled() => {}
                }
            });
            Ok(ours)
        }))
    }
}

/// What went into the simulated cloud.
impl World {
    /// Waits until the cloud is as wanted.
    pub(crate) async fn cloud_until(&self, what: &str, is_so: impl FnMut(&Cloud) -> bool) {
        self.cloud.wait_until(what, is_so).await.unwrap();
    }

    /// Waits until the conversation waits in a skill's queue.
    pub(crate) async fn is_queued(&self, conversation: &str, skill: &str) {
        let waits = |cloud: &Cloud| {
            cloud.queue().iter().any(|one| one.id == conversation && one.skill == skill)
        };
        self.cloud_until("the conversation to be in the queue", waits).await;
    }

    /// Waits until the daemon's agent has the conversation.
    pub(crate) async fn is_assigned(&self, conversation: &str) {
        let assigned = |cloud: &Cloud| {
            let agent = cloud.agent(AGENT).unwrap().id.clone();
            cloud.conversations[conversation].assigned() == Some(agent.as_str())
        };
        self.cloud_until("the conversation to be assigned", assigned).await;
    }

    /// The sequences that a receipt of agents covers, each time that one does.
    pub(crate) fn receipts(&self, conversation: &str) -> Vec<u64> {
        let transcript = self.cloud.transcript(conversation);
        let receipts = transcript.iter().filter(|event| event.event["status"] == "READ");
        receipts
            .flat_map(|event| event.event["sequenceList"].as_array().unwrap().clone())
            .map(|sequence| sequence.as_u64().unwrap())
            .collect()
    }

    /// What agents and bots have said in the conversation, with all that belongs to it.
    pub(crate) fn said(&self, conversation: &str) -> Vec<Arc<Event>> {
        let mut transcript = self.cloud.transcript(conversation);
        transcript.retain(|event| event.is_content() && event.role.word() != "CONSUMER");
        transcript
    }

    /// The chat states that the daemon has shown, oldest first.
    pub(crate) fn typing(&self) -> Vec<String> {
        let events = self.cloud.requests("PublishEvent").into_iter().map(|one| one.body);
        events.filter_map(|body| Some(body["event"]["chatState"].as_str()?.to_owned())).collect()
    }

    /// The states that the daemon has asked for, oldest first.
    pub(crate) fn states(&self) -> Vec<String> {
        let states = self.cloud.requests("SetAgentState").into_iter();
        states.map(|one| one.body["availability"].as_str().unwrap().to_owned()).collect()
    }

    /// The transfers that the daemon has asked for, oldest first.
    pub(crate) fn transfers(&self) -> Vec<Received> {
        let mut changes = self.cloud.requests("UpdateConversationField");
        changes.retain(|one| one.body.to_string().contains("ParticipantsChange"));
        changes
    }

    /// Lets the daemon settle: nothing that is under way takes longer.
    pub(crate) async fn settles(&self) {
        after(2.0).await;
    }
}

/// Lets virtual time pass.
pub(crate) async fn after(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// A configuration that fits the simulated world, with `settings` (lines of TOML, tables in brackets) on top.
/// `[credentials]` replaces all of the table; an empty text takes a key away.
fn configuration(settings: &str) -> String {
    let mut tables: toml::Table = toml::from_str(BASE).unwrap();
    let own: toml::Table = toml::from_str(settings).unwrap();
    for (name, table) in own {
        let known = tables.entry(name.clone()).or_insert_with(|| toml::Table::new().into());
        let known = known.as_table_mut().unwrap();
        if name == "credentials" {
            known.clear();
        }
        for (key, value) in table.as_table().unwrap().clone() {
            if value.as_str() == Some("") && key != "defaultGreetingMessage" {
                known.remove(&key);
            } else {
                known.insert(key, value);
            }
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

fn load(text: &str) -> Result<Loaded, Mistakes> {
    config::parse(text, Path::new("edge.toml"))
}

pub(crate) fn dial(connect: impl FnOnce(DuplexStream)) -> io::Result<DuplexStream> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    connect(theirs);
    Ok(ours)
}

pub(crate) fn refused() -> io::Result<DuplexStream> {
    Err(io::ErrorKind::ConnectionRefused.into())
}

/// A bot over a webhook, as settings.
pub(crate) const BY_WEBHOOK: &str =
    "[bot]\ntransport = \"webhook\"\nurl = \"http://127.0.0.1:3/bot\"\n";

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
