//! A run: the daemon between the simulated cloud and the modelled bot, on virtual time.

use std::{
    cell::RefCell, collections::BTreeMap, fmt::Write as _, future::Future, io, sync::Arc,
    time::Duration,
};

use connectord::{
    daemon::End,
    ops::{
        status::{ConnectorStatus, Status},
        systemd::{NotifyState, Systemd},
    },
};
use tokio::{runtime::RngSeed, time::Instant};

use crate::{
    bot::{Asked, Bot},
    plan::{Plan, Settings, Step},
    simulator::{Conversation, Event, Fault, Mode, Options, Scope, Simulator},
    support::{AGENT, BOT_SKILL, World, after, dial, refused, story},
};

/// All that can be said about a run afterwards.
pub(crate) struct Record {
    pub(crate) plan: Plan,
    pub(crate) talks: Vec<Talk>,
    pub(crate) asked: BTreeMap<String, Asked>,
    /// What broke while it ran.
    pub(crate) broken: Vec<String>,
    /// When the daemon was draining, from and to.
    pub(crate) drains: Vec<(u64, u64)>,
    /// When rings were accepted, by server time.
    pub(crate) accepted: Vec<u64>,
    pub(crate) told: Vec<(Instant, String)>,
    pub(crate) last: Option<Status>,
}

/// A conversation as the cloud has it in the end.
pub(crate) struct Talk {
    pub(crate) id: String,
    pub(crate) events: Vec<Arc<Event>>,
    pub(crate) conversation: Conversation,
}

/// Plays it on this thread.
pub(crate) fn play(plan: &Plan) -> Record {
    on_virtual_time(plan.seed, perform(plan.clone()))
}

/// Tells a story on this thread, in which all that is left to chance follows from the seed.
pub(crate) fn on_virtual_time<T>(seed: u64, tell: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .rng_seed(RngSeed::from_bytes(&seed.to_le_bytes()))
        .build()
        .unwrap();
    TOLD.with_borrow_mut(Vec::clear);
    runtime.block_on(story(tell))
}

/// A world between this cloud and this bot, with a service manager that notes what it is told.
pub(crate) fn world(cloud: Simulator, bot: &Bot) -> World {
    let to_bot = bot.clone();
    let way = Arc::new(move |target: &hyper::Uri| match target.port_u16() {
        Some(3) if to_bot.is_up() => dial(|io| to_bot.connect_webhook(io)),
        Some(2) if to_bot.is_up() => dial(|io| to_bot.connect_websocket(io)),
        _ => refused(),
    });
    let mut world = World::between(cloud, way);
    world.systemd = || Systemd::new(record, Some(WATCHDOG));
    world
}

/// A daemon is about to be started.
#[expect(clippy::disallowed_methods, reason = "the stage's own clock")]
pub(crate) fn note_start() {
    TOLD.with_borrow_mut(|told| told.push((Instant::now(), "(start)".to_owned())));
}

/// A step that panics takes its conversation down and nothing else: that it is served anew hides it.
pub(crate) fn bug(world: &World) -> Option<String> {
    let broken = world.count("incidents_total", "broken") > 0.0;
    broken.then(|| "a bug ended the service of a conversation".to_owned())
}

/// What the service manager was told, and when.
pub(crate) fn told() -> Vec<(Instant, String)> {
    TOLD.take()
}

async fn perform(plan: Plan) -> Record {
    let cloud = Simulator::new(Options { seed: plan.seed, ..Options::fixed() });
    let bot = Bot::new(plan.seed, plan.settings.manners);
    let mut stage = Stage {
        settings: plan.settings.clone(),
        world: world(cloud, &bot),
        bot,
        talks: Vec::new(),
        drains: Vec::new(),
        broken: Vec::new(),
        words: 0,
        told_less: false,
    };
    stage.start().await;
    for (step, pause) in &plan.steps {
        tracing::debug!(?step, "a step");
        stage.take(step).await;
        after(*pause).await;
        stage.keeps_its_limit().await;
    }
    stage.heals().await;
    let last = stage.world.status().await;
    stage.looks_for_bugs();
    stage.end(plan, last)
}

struct Stage {
    settings: Settings,
    world: World,
    bot: Bot,
    talks: Vec<String>,
    drains: Vec<(u64, u64)>,
    broken: Vec<String>,
    words: u32,
    /// The cloud has kept news to itself, or told it in its own time.
    told_less: bool,
}

impl Stage {
    async fn start(&mut self) {
        note_start();
        self.world.start(&self.settings.toml()).await;
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Starts => {
                let word = self.word();
                if self.talks.len() < 6 {
                    self.talks.push(self.world.consumer_starts(&word));
                }
            }
            Step::Says(which, count) => {
                for _ in 0..*count {
                    let word = self.word();
                    self.consumer(*which, |world, talk| {
                        world.cloud.consumer(talk).says(&word).is_ok()
                    });
                }
            }
            Step::AsksForPeople(which) => {
                self.consumer(*which, |world, talk| {
                    world.cloud.consumer(talk).says("people").is_ok()
                });
            }
            Step::Closes(which) => {
                self.consumer(*which, |world, talk| {
                    world.cloud.consumer(talk).closes(Scope::Conversation).is_ok()
                });
            }
            Step::Kill => {
                self.looks_for_bugs();
                self.world.kill().await;
                self.start().await;
            }
            Step::Stop => {
                self.looks_for_bugs();
                let from = self.world.cloud.clock().now();
                let end = self.world.stop().await;
                if end != End::Stopped {
                    self.broken.push("the daemon broke".to_owned());
                }
                self.drains.push((from, self.world.cloud.clock().now()));
                self.start().await;
            }
            Step::Reload { good: true } => self.world.reload(&self.settings.toml()).await,
            Step::Reload { good: false } => {
                self.world.reload_file("[connector]\nname = 5".to_owned()).await;
            }
            Step::BotAway(seconds) => {
                self.bot.goes_down();
                after(*seconds).await;
                self.bot.comes_up();
            }
            Step::CloseSockets(code) => {
                self.world.cloud.close_sockets(Some(AGENT), *code, "");
            }
            Step::BlackHole => {
                self.world.cloud.black_hole(Some(AGENT));
            }
            Step::Evicted => {
                let _ = self.world.cloud.act(|world| world.evict(AGENT, None));
            }
            Step::Fault(fault, times) => {
                self.told_less |= matches!(
                    fault,
                    Fault::Notifications { mode: Mode::Suppress | Mode::Delay | Mode::Reorder, .. }
                        | Fault::Deaf { .. }
                );
                self.world.cloud.inject(fault.clone().times(*times));
            }
            Step::Waits => after(70.0).await,
        }
    }

    fn consumer(&self, which: usize, act: impl FnOnce(&World, &str) -> bool) {
        if !self.talks.is_empty() {
            // Whoever has closed the conversation, says no more.
            act(&self.world, &self.talks[which % self.talks.len()]);
        }
    }

    fn word(&mut self) -> String {
        self.words += 1;
        format!("w{}", self.words)
    }

    async fn keeps_its_limit(&mut self) {
        let status = self.world.status().await;
        // From news that comes in place of the list, the connector concludes for a while that the others have gone.
        if status.conversations.open > self.settings.max_conversations && !self.told_less {
            self.broken.push(format!("{} conversations are open", status.conversations.open));
        }
        if status.conversations.waiting_for_bot > status.conversations.open {
            self.broken.push("more conversations wait than are open".to_owned());
        }
    }

    fn looks_for_bugs(&mut self) {
        self.broken.extend(bug(&self.world));
    }

    /// Nothing goes wrong any more; all that is under way comes to its end.
    async fn heals(&self) {
        self.world.cloud.clear_faults();
        self.bot.recovers();
        for _ in 0..HEALING {
            after(10.0).await;
            let status = self.world.status().await;
            let is_full = status.conversations.open >= self.settings.max_conversations;
            if status.agent_connector.status == ConnectorStatus::Online
                && status.conversations.waiting_for_bot == 0
                && (is_full || self.world.cloud.queue(BOT_SKILL).is_empty())
            {
                break;
            }
        }
        // A dead socket is found within a minute, and what it hid within another.
        after(SETTLING).await;
    }

    fn end(self, plan: Plan, last: Status) -> Record {
        let talks = self.talks.iter().map(|id| Talk {
            id: id.clone(),
            events: self.world.cloud.transcript(id),
            conversation: self.world.cloud.conversation(id).unwrap(),
        });
        let rings = self.world.cloud.requests("UpdateRingState");
        Record {
            plan,
            talks: talks.collect(),
            asked: self.bot.asked(),
            broken: self.broken,
            drains: self.drains,
            accepted: rings
                .iter()
                .filter(|ring| ring.answered.is_some())
                .map(|ring| ring.time)
                .collect(),
            told: told(),
            last: Some(last),
        }
    }
}

impl Record {
    /// Everything that can be seen of the run, byte for byte.
    pub(crate) fn transcript(&self) -> String {
        let mut text = format!("{:#?}\n", self.plan);
        for talk in &self.talks {
            let _ = writeln!(text, "--- {}", talk.id);
            for event in &talk.events {
                let said = event.text().map_or_else(|| event.event.to_string(), str::to_owned);
                let sequence = event.sequence.map_or_else(String::new, |number| number.to_string());
                let _ =
                    writeln!(text, "{} {sequence:>4} {:15} {said}", event.time, event.role.word());
            }
        }
        for (id, asked) in &self.asked {
            let _ = writeln!(text, "asked {id} covers {:?}: {:?}", asked.covers, asked.moods);
        }
        text
    }
}

thread_local! {
    /// What systemd was told in the run on this thread, and when.
    static TOLD: RefCell<Vec<(Instant, String)>> = const { RefCell::new(Vec::new()) };
}

#[expect(clippy::disallowed_methods, reason = "the stage's own clock")]
#[expect(clippy::unnecessary_wraps, reason = "the shape is the notifier's")]
fn record(state: &[NotifyState<'_>]) -> io::Result<()> {
    let words: Vec<String> = state.iter().map(ToString::to_string).collect();
    TOLD.with_borrow_mut(|told| told.push((Instant::now(), words.join(" "))));
    Ok(())
}

/// What the unit asks for.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(30);
/// In tens of seconds: longer than the longest pause before another try.
const HEALING: u32 = 200;
const SETTLING: f64 = 130.0;
