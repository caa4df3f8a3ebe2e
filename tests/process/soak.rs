//! A long time of everything at once: consumers who talk, bots that come and go, sockets that break, requests that fail,
//! reloads, refreshes. Nothing is lost or said twice, and nothing grows: memory, descriptors, threads, tasks.
//!
//! A short one is among the tests. A long one, with quick programs and to be watched:
//!
//! ```sh
//! CONNECTORD_SOAK_MINUTES=60 cargo test --profile soak --test process soak -- --nocapture
//! ```

use std::{collections::BTreeMap, fs, io::Write as _, sync::Arc, thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    Chatbot, Cloud, Connector, Crowd, Folder, Manner, Transport, configuration, until,
};

#[test]
fn soak() {
    let minutes: Option<u64> =
        std::env::var("CONNECTORD_SOAK_MINUTES").ok().map(|minutes| minutes.parse().unwrap());
    let plan = match minutes {
        Some(minutes) => Plan {
            ticks: usize::try_from(minutes * 60 / 10).unwrap(),
            tick: Duration::from_secs(10),
            // The ids of the newest 2,000 answered events are kept, which takes some minutes to fill: a bound, no leak.
            memory_may_grow: 1024,
        },
        // Caches and buffers are still being filled: this only sees that all of it works.
        None => Plan { ticks: 25, tick: Duration::from_secs(1), memory_may_grow: 16 * 1024 },
    };
    let seed = fastrand::u64(..1_000_000);
    say(&format!("soak: {} ticks of {:?}, seed {seed}", plan.ticks, plan.tick));
    let mut world = World::new(seed);
    let crowds =
        [Crowd::talks(&world.cloud, seed, &CALM), Crowd::talks(&world.cloud, seed + 1, &HASTY)];
    for tick in 0..plan.ticks {
        world.something_goes_wrong();
        // Not waiting for anything: this is what takes the hour.
        thread::sleep(plan.tick);
        world.take_samples();
        if tick % 30 == 0 {
            let said: usize = crowds.iter().map(Crowd::said).sum();
            say(&format!("tick {tick}: {said} messages, {}", world.newest_samples()));
        }
        assert!(crowds.iter().all(Crowd::is_content), "a consumer has complained");
    }
    world.all_goes_well();
    let [calm, hasty] = crowds.map(Crowd::was_answered);
    world.nothing_is_open();
    say(&format!(
        "{} conversations, {} messages, each answered once, in order; faults: {:?}; counts: {}",
        calm.conversations + hasty.conversations,
        calm.messages + hasty.messages,
        world.faults,
        world.cloud.get("counts"),
    ));
    let mut grown = Vec::new();
    say("| connector | what | first quarter | median | last quarter | slope per hour |");
    say("|---|---|---|---|---|---|");
    for side in &world.sides {
        for (what, may_grow) in [
            ("resident memory, KiB", plan.memory_may_grow),
            ("open descriptors", 6),
            ("threads", 0),
            ("tasks", 6),
            ("conversations", 12),
            ("waiting for the bot", 12),
        ] {
            let series = &side.samples[what];
            let growth = Growth::of(series, plan.tick);
            let Growth { first, median, last, slope } = growth;
            let name = side.name;
            say(&format!("| {name} | {what} | {first} | {median} | {last} | {slope:+.1} |"));
            if last > first + may_grow {
                grown.push(format!("{name}: {what} from {first} to {last}"));
            }
        }
        say(&format!("{}: {} s of the processor", side.name, side.processor_seconds()));
        assert_eq!(side.bot.complaints(), [""; 0]);
    }
    assert!(grown.is_empty(), "{grown:#?}");
}

struct Plan {
    ticks: usize,
    tick: Duration,
    /// KiB, from the first quarter to the last.
    memory_may_grow: u64,
}

/// A cloud and two connectors of one skill, each with a bot of another transport.
struct World {
    cloud: Arc<Cloud>,
    sides: Vec<Side>,
    rng: fastrand::Rng,
    faults: BTreeMap<&'static str, usize>,
}

/// A connector and its bot.
struct Side {
    name: &'static str,
    agent: &'static str,
    connector: Connector,
    bot: Chatbot,
    text: String,
    samples: BTreeMap<&'static str, Vec<u64>>,
    _folder: Folder,
}

impl World {
    fn new(seed: u64) -> Self {
        let cloud = Arc::new(Cloud::start());
        let side = |name, agent, transport| {
            let folder = Folder::new();
            // Both think alike: whichever has a conversation, its answers are the same.
            let bot = Chatbot::new(transport, seed, 800);
            let text = configuration(
                &folder,
                &cloud.url(),
                "http://127.0.0.1:1",
                &SETTINGS.replace("{bot}", &bot.settings()).replace("{agent}", agent),
            );
            let connector = Connector::start(&folder, &text, &[]);
            connector.is("Online");
            let samples = BTreeMap::new();
            Side { name, agent, connector, bot, text, samples, _folder: folder }
        };
        let sides = vec![
            side("websocket", "support-bot", Transport::WebSocket),
            side("webhook", "support-bot-2", Transport::Webhook),
        ];
        Self { cloud, sides, rng: fastrand::Rng::with_seed(seed), faults: BTreeMap::new() }
    }

    /// What was broken last works again, something else breaks.
    fn something_goes_wrong(&mut self) {
        self.all_goes_well();
        let rng = &mut self.rng;
        let side = rng.choice(self.sides.iter_mut()).unwrap();
        let (cloud, agent) = (&self.cloud, side.agent);
        let fault = |mut fault: Value| {
            fault["agent"] = json!(agent);
            cloud.post("faults", &fault);
        };
        let handled = rng.bool();
        let what = match rng.u8(..24) {
            0 | 1 => {
                let code = *rng.choice(&[1000, 1001, 1006, 1011, 4407, 4999]).unwrap();
                cloud.post("sockets/close", &json!({ "agent": agent, "code": code }));
                "a closed socket"
            }
            2 => {
                let (nth, when) = (
                    rng.u8(1..9),
                    *rng.choice(&["beforeHandling", "beforeAnswer", "afterAnswer"]).unwrap(),
                );
                fault(json!({ "kind": "closeAtRequest", "request": "PublishEvent", "nth": nth,
                    "when": when, "code": 1006 }));
                "a socket closed in a publish"
            }
            3 => {
                cloud.post("sockets/blackhole", &json!({ "agent": agent }));
                "a dead socket"
            }
            4 | 5 => {
                fault(json!({ "kind": "answer", "request": "PublishEvent", "code": 500,
                    "body": "overloaded", "handled": handled, "count": rng.u8(1..4) }));
                "a failed publish"
            }
            6 | 7 => {
                fault(json!({ "kind": "ignore", "request": "PublishEvent", "handled": handled,
                    "count": rng.u8(1..3) }));
                "a publish without an answer"
            }
            8 => {
                fault(json!({ "kind": "slow", "milliseconds": 700, "count": 40 }));
                "a slow cloud"
            }
            9 | 10 => {
                let mode = *rng.choice(&["delay", "duplicate", "reorder"]).unwrap();
                fault(json!({ "kind": "notifications", "mode": mode, "milliseconds": 900,
                    "count": rng.u8(1..20) }));
                "strange notifications"
            }
            11..=13 => {
                side.bot.goes_down();
                "a dead bot"
            }
            14..=16 => {
                let good = side.text.replace("messageDelay = 100", "messageDelay = 150");
                let bad = side.text.replace("messageDelay", "mesageDelay");
                let text = rng.choice([&good, &side.text, &bad]).unwrap();
                fs::write(&side.connector.file, text).unwrap();
                side.connector.program.signal("HUP");
                "a reload"
            }
            17 => {
                let route = *rng.choice(&["refresh", "login", "upgrade", "domains"]).unwrap();
                cloud.post(
                    "faults",
                    &json!({ "kind": "http", "route": route, "status": 503,
                    "agent": agent, "count": 2 }),
                );
                "a refused request"
            }
            18 => {
                let what = *rng.choice(&["unknownNotification", "unknownDialog"]).unwrap();
                cloud.post("sockets/stray", &json!({ "agent": agent, "what": what }));
                "a stray notification"
            }
            // More often, and it would be taken for another program that logs in as this agent.
            19 if rng.u8(..8) == 0 => {
                cloud.post(&format!("agents/{agent}/evict"), &json!({ "code": 4401 }));
                "an ended session"
            }
            _ => "nothing",
        };
        *self.faults.entry(what).or_default() += 1;
    }

    fn all_goes_well(&mut self) {
        for side in &mut self.sides {
            if !side.bot.is_up() {
                side.bot.comes_up();
            }
        }
        let faults = self.cloud.get("faults");
        for fault in faults["faults"].as_array().unwrap() {
            self.cloud.delete(&format!("faults/{}", fault["id"]));
        }
    }

    fn take_samples(&mut self) {
        for side in &mut self.sides {
            assert!(!side.connector.program.has_ended(), "{} has ended", side.name);
            for (what, value) in side.sample() {
                side.samples.entry(what).or_default().push(value);
            }
        }
    }

    fn newest_samples(&self) -> String {
        let newest = |side: &Side| {
            let newest = side.samples.iter().map(|(what, all)| format!("{what} {:?}", all.last()));
            format!("{}: {}", side.name, newest.collect::<Vec<_>>().join(", "))
        };
        self.sides.iter().map(newest).collect::<Vec<_>>().join("; ")
    }

    /// The connectors have noticed that all conversations are closed.
    fn nothing_is_open(&self) {
        for side in &self.sides {
            side.connector.shows("nothing is open", |status| status["conversations"]["open"] == 0);
        }
    }
}

impl Side {
    fn sample(&self) -> Vec<(&'static str, u64)> {
        let id = self.connector.program.id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let descriptors = fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
        let metrics = until("it tells its metrics", || {
            let answer = self.connector.health.get("/metrics").map_err(|why| why.to_string())?;
            // A hall that is busy for two seconds is left out, and would tell old numbers.
            Ok::<_, String>(answer.body)
        });
        let gauge = |name: &str| {
            let line = metrics.lines().find(|line| line.starts_with(&format!("{name}{{"))).unwrap();
            line.rsplit_once(' ').unwrap().1.parse().unwrap()
        };
        let status = self.connector.status().unwrap_or_default();
        vec![
            ("resident memory, KiB", line("VmRSS:")),
            ("threads", line("Threads:")),
            ("open descriptors", u64::try_from(descriptors).unwrap()),
            ("tasks", gauge("connectord_tasks")),
            ("conversations", gauge("connectord_conversations_open")),
            ("waiting for the bot", status["conversations"]["waitingForBot"].as_u64().unwrap_or(0)),
        ]
    }

    /// Time of the processor that the connector has used.
    fn processor_seconds(&self) -> u64 {
        let id = self.connector.program.id();
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        ticks / 100
    }
}

/// How a series went, after a warm-up of a sixth.
#[derive(Debug, PartialEq)]
struct Growth {
    /// The median of the first quarter.
    first: u64,
    median: u64,
    /// The median of the last quarter.
    last: u64,
    /// Of the line that fits best, for each hour.
    slope: f64,
}

impl Growth {
    fn of(series: &[u64], tick: Duration) -> Self {
        let series = &series[series.len() / 6..];
        let quarter = series.len().div_ceil(4);
        let middle = (series.len() as f64 - 1.0) / 2.0;
        let mean = series.iter().sum::<u64>() as f64 / series.len() as f64;
        let (mut rise, mut run) = (0.0, f64::MIN_POSITIVE);
        for (index, value) in series.iter().enumerate() {
            let x = index as f64 - middle;
            rise += x * (*value as f64 - mean);
            run += x * x;
        }
        Self {
            first: median(&series[..quarter]),
            median: median(series),
            last: median(&series[series.len() - quarter..]),
            slope: rise / run * 3600.0 / tick.as_secs_f64(),
        }
    }
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values[values.len() / 2]
}

#[test]
fn growth_is_seen_in_a_series_and_noise_is_not() {
    let minute = Duration::from_secs(60);
    let growing: Vec<u64> = (0..72).map(|n| 1000 + n * 2).collect();
    let Growth { first, last, slope, .. } = Growth::of(&growing, minute);
    assert!(last - first > 80 && (slope - 120.0).abs() < 0.01, "{first} {last} {slope}");
    let noisy: Vec<u64> = (0..72).map(|n| 1000 + n % 3).collect();
    let Growth { first, last, .. } = Growth::of(&noisy, minute);
    assert_eq!((first, last), (1001, 1001));
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Some messages a second in all.
const CALM: Manner =
    Manner { consumers: 10, pause: 200..3_000, messages: 2..12, leaves_some_open: false };
/// One who says much at once.
const HASTY: Manner =
    Manner { consumers: 1, pause: 0..60, messages: 20..60, leaves_some_open: false };

const SETTINGS: &str = r#"
[connector]
fallback_skill_id = "-"
[credentials]
username = "{agent}"
app_key = "{agent}-key"
secret = "{agent}-secret"
access_token = "{agent}-token"
access_token_secret = "{agent}-token-secret"
[cloud]
request_timeout = "2s"
keepalive_interval = "3s"
session_refresh_interval = "15s"
[bot]
{bot}
request_timeout = "5s"
[custom]
messageDelay = 100
# All attempts together outlast a tick on the busiest machine: an event that is out of them holds up no other.
retryMessageInterval = 5000
messageResendMaxRetries = 10
[log]
level = "warn"
"#;
