//! What happens in a run: all of it follows from the seed.

use fastrand::Rng;

use crate::simulator::{Fault, Mode, Route, Shape, When};

/// A run, before it begins.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) steps: Vec<(Step, f64)>,
}

/// How the connector and its bot are.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: &'static str,
    pub(crate) webhook: bool,
    /// People take over when the bot fails.
    pub(crate) fallback: bool,
    pub(crate) message_delay: u32,
    pub(crate) read_receipts: bool,
    pub(crate) max_conversations: usize,
    /// Minutes.
    pub(crate) max_consumer_delay: u32,
    pub(crate) returns: bool,
    pub(crate) manners: Manners,
}

/// How the bot behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// Some events it never answers; only where somebody else takes over then.
    pub(crate) silent: bool,
    /// It transfers and closes.
    pub(crate) exits: bool,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Starts,
    /// The number picks one of the conversations.
    Says(usize, u32),
    AsksForPeople(usize),
    Closes(usize),
    Kill,
    Stop,
    Reload {
        good: bool,
    },
    BotAway(f64),
    CloseSockets(u16),
    BlackHole,
    Evicted,
    Fault(Fault, u32),
    Waits,
}

impl Plan {
    /// A run of everything.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let settings = Settings::of(&mut rng);
        let causes = causes_for(seed);
        let count = rng.usize(12..40);
        let steps = (0..count).map(|_| (step(&mut rng, &causes), pause(&mut rng))).collect();
        Self { seed, settings, steps }
    }

    /// A run in which one thing goes wrong, again and again, while consumers go on talking.
    pub(crate) fn under(cause: &Cause, settings: Settings, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut steps = vec![(Step::Starts, 0.0), (Step::Starts, pause(&mut rng))];
        for _ in 0..14 {
            if rng.u32(..3) == 0 {
                let wrong = (cause.steps)(&mut rng);
                steps.extend(wrong.into_iter().map(|step| (step, rng.f64())));
            }
            steps.push((Step::Says(rng.usize(..8), rng.u32(1..3)), pause(&mut rng)));
        }
        Self { seed, settings, steps }
    }
}

impl Settings {
    /// The settings of the table.
    pub(crate) fn named() -> Vec<Self> {
        let base = Self {
            name: "default",
            webhook: false,
            fallback: false,
            message_delay: 300,
            read_receipts: true,
            max_conversations: 50,
            max_consumer_delay: 600,
            returns: false,
            manners: Manners { silent: false, exits: false },
        };
        let people = Manners { silent: true, exits: false };
        vec![
            base.clone(),
            Self { name: "no aggregation", message_delay: 0, ..base.clone() },
            Self { name: "webhook", webhook: true, ..base.clone() },
            Self { name: "return at stop", returns: true, ..base.clone() },
            Self { name: "people behind", fallback: true, manners: people, ..base },
        ]
    }

    fn of(rng: &mut Rng) -> Self {
        let fallback = rng.bool();
        Self {
            name: "drawn",
            webhook: rng.u32(..3) == 0,
            fallback,
            message_delay: rng.choice([0, 300, 300, 2_000]).unwrap(),
            read_receipts: rng.u32(..4) > 0,
            max_conversations: rng.choice([2, 50, 50]).unwrap(),
            max_consumer_delay: rng.choice([1, 600, 600]).unwrap(),
            returns: rng.u32(..3) == 0,
            manners: Manners { silent: fallback && rng.bool(), exits: rng.bool() },
        }
    }

    /// How often an event is put to the bot again.
    pub(crate) fn resends(&self) -> u32 {
        if self.fallback { 2 } else { 10 }
    }

    /// As lines of TOML on top of the stage's own.
    pub(crate) fn toml(&self) -> String {
        let Self { message_delay, max_conversations, max_consumer_delay, .. } = self;
        let bot = if self.webhook {
            "[bot]\ntransport = \"webhook\"\nurl = \"http://127.0.0.1:3/bot\"\nrequest_timeout = \"6s\"\n"
        } else {
            ""
        };
        // Without people behind, the bot is asked until it answers: it is never away for so long.
        let (skill, fallback) = if self.fallback { ("4129463410", 45_000) } else { ("", 0) };
        let resends = self.resends();
        let receipts = if self.read_receipts { "READ" } else { "SENT" };
        let on_stop = if self.returns { "return" } else { "keep" };
        let keywords = if self.fallback { "[\"people\"]" } else { "[]" };
        format!(
            "{bot}[connector]\nfallback_skill_id = \"{skill}\"\nmax_conversations = {max_conversations}\n\
             [escalation]\nkeywords = {keywords}\n[shutdown]\non_stop = \"{on_stop}\"\n\
             [custom]\nmessageDelay = {message_delay}\nmaxConsumerMessageDelay = {max_consumer_delay}\n\
             messageResendMaxRetries = {resends}\nretryMessageInterval = 5000\n\
             fallbackEscalationTime = {fallback}\nacceptStatusEventValue = \"{receipts}\"\n"
        )
    }
}

/// Something that goes wrong, by name.
pub(crate) struct Cause {
    pub(crate) name: &'static str,
    pub(crate) steps: fn(&mut Rng) -> Vec<Step>,
}

/// Every row of the table.
pub(crate) fn rows() -> Vec<Cause> {
    causes().into_iter().chain(newer_causes()).chain(causes_without_marks()).collect()
}

/// What goes wrong in a run of everything.
fn causes_for(seed: u64) -> Vec<Cause> {
    let newer = if seed < NEWER_FROM { vec![] } else { newer_causes() };
    causes().into_iter().chain(newer).collect()
}

fn causes() -> Vec<Cause> {
    fn http(rng: &mut Rng, route: Route, codes: &[u16]) -> Vec<Step> {
        let status = rng.choice(codes).copied().unwrap();
        let times = rng.u32(1..4);
        vec![Step::Fault(Fault::Http { route, status }, times), Step::CloseSockets(4401)]
    }
    fn request(rng: &mut Rng) -> Option<String> {
        let names = ["PublishEvent", "PublishEvent", "QueryMessages", "UpdateRingState"];
        rng.choice(names).map(str::to_owned)
    }
    fn drop(rng: &mut Rng, when: When) -> Vec<Step> {
        let fault =
            Fault::CloseAtRequest { request: request(rng), nth: rng.u32(1..4), when, code: 1006 };
        vec![Step::Fault(fault, 1)]
    }
    vec![
        cause("nothing", |_| vec![]),
        cause("socket closed, 1000", |_| closes(1000)),
        cause("socket cut, 1006", |_| closes(1006)),
        cause("server error, 1011", |_| closes(1011)),
        cause("policy, 1008", |_| closes(1008)),
        cause("token ended, 4401", |_| closes(4401)),
        cause("identity ended, 4407", |_| closes(4407)),
        cause("cut after some frames", |rng| {
            vec![Step::Fault(Fault::CloseAfterFrames { frames: rng.u32(1..30), code: 1006 }, 1)]
        }),
        cause("cut before a request is carried out", |rng| drop(rng, When::BeforeHandling)),
        cause("cut before the acknowledgement", |rng| drop(rng, When::BeforeAnswer)),
        cause("cut after the acknowledgement", |rng| drop(rng, When::AfterAnswer)),
        cause("upgrade refused, 401", |rng| http(rng, Route::Upgrade, &[401])),
        cause("upgrade fails, 502", |rng| http(rng, Route::Upgrade, &[502])),
        cause("log-in refused or fails", |rng| http(rng, Route::Login, &[401, 429, 451, 500])),
        cause("domain service fails", |rng| http(rng, Route::Domains, &[500, 0])),
        cause("refresh fails", |rng| {
            let status = rng.choice([401, 500]).unwrap();
            vec![Step::Fault(Fault::Http { route: Route::Refresh, status }, 1), Step::Waits]
        }),
        cause("requests never answered", |rng| {
            vec![Step::Fault(
                Fault::Ignore { request: request(rng), handled: rng.bool() },
                rng.u32(1..4),
            )]
        }),
        cause("requests refused for now, 429", |rng| {
            let fault = Fault::Answer { request: None, code: 429, body: None, handled: false };
            vec![Step::Fault(fault, rng.u32(1..6))]
        }),
        cause("publishing fails, 500", |rng| {
            let request = Some("PublishEvent".to_owned());
            let fault = Fault::Answer { request, code: 500, body: None, handled: rng.bool() };
            vec![Step::Fault(fault, rng.u32(1..3))]
        }),
        cause("answers come late", |rng| {
            vec![Step::Fault(Fault::Slow { request: None, milliseconds: rng.u64(..5_000) }, 5)]
        }),
        cause("black hole", |_| vec![Step::BlackHole]),
        cause("notifications twice", |rng| notifications(rng, Mode::Duplicate)),
        cause("notifications out of order", |rng| notifications(rng, Mode::Reorder)),
        cause("notifications late", |rng| notifications(rng, Mode::Delay)),
        cause("second log-in", |_| vec![Step::Evicted]),
        cause("bare arrays", |_| shape(Shape::BareArrays)),
        cause("unknown enums", |_| shape(Shape::UnknownEnums)),
        cause("unknown members", |_| shape(Shape::UnknownFields)),
        cause("no participants' details", |_| shape(Shape::NoParticipantsDetails)),
        cause("no newest message told", |_| shape(Shape::NoLastContentEvent)),
        cause("bot away", |rng| vec![Step::BotAway(rng.f64() * 20.0)]),
        cause("kill -9", |_| vec![Step::Kill]),
        cause("stop and start", |_| vec![Step::Stop]),
        cause("reload, good and bad", |rng| vec![Step::Reload { good: rng.bool() }]),
    ]
}

/// These are in no run of a small seed: what such a seed once found, it still plays.
fn newer_causes() -> Vec<Cause> {
    vec![
        cause("notifications missing", |rng| notifications(rng, Mode::Suppress)),
        cause("connected but deaf", |_| {
            vec![Step::Fault(Fault::Deaf { notification: None, conversation: None }, 1)]
        }),
    ]
}

/// Rows of the table only: over a restart not everything is promised without marks.
fn causes_without_marks() -> Vec<Cause> {
    vec![
        cause("metadata stripped, socket cut", |_| {
            [shape(Shape::NoMetadata), closes(1006)].concat()
        }),
        cause("metadata stripped, publish unanswered", |rng| {
            let request = Some("PublishEvent".to_owned());
            let ignore = Fault::Ignore { request, handled: rng.bool() };
            [shape(Shape::NoMetadata), vec![Step::Fault(ignore, 1)]].concat()
        }),
    ]
}

fn cause(name: &'static str, steps: fn(&mut Rng) -> Vec<Step>) -> Cause {
    Cause { name, steps }
}

fn closes(code: u16) -> Vec<Step> {
    vec![Step::CloseSockets(code)]
}

fn notifications(rng: &mut Rng, mode: Mode) -> Vec<Step> {
    let milliseconds = Some(1 + rng.u64(..1_500));
    let fault = Fault::Notifications { mode, milliseconds, notification: None, conversation: None };
    vec![Step::Fault(fault, rng.u32(1..6))]
}

fn shape(what: Shape) -> Vec<Step> {
    vec![Step::Fault(Fault::Shape { what, role: None }, 40)]
}

fn step(rng: &mut Rng, causes: &[Cause]) -> Step {
    match rng.u32(..40) {
        0..5 => Step::Starts,
        5..21 => Step::Says(rng.usize(..8), 1),
        21..23 => Step::Says(rng.usize(..8), rng.u32(2..12)),
        23 => Step::AsksForPeople(rng.usize(..8)),
        24 => Step::Closes(rng.usize(..8)),
        25 => Step::Kill,
        26 => Step::Stop,
        27 => Step::Reload { good: rng.bool() },
        28 => Step::BotAway(rng.f64() * 15.0),
        29 if rng.bool() => Step::Waits,
        _ => {
            let cause = rng.choice(causes).unwrap();
            (cause.steps)(rng).into_iter().next().unwrap_or(Step::Waits)
        }
    }
}

fn pause(rng: &mut Rng) -> f64 {
    rng.f64() * rng.f64() * 6.0
}

/// Seeds from here on know the newer causes as well.
const NEWER_FROM: u64 = 1 << 40;
