//! What happens in a run of a chat connector: all of it follows from the seed.

use fastrand::Rng;

use crate::{
    plan::Manners,
    simulator::{CallName, Dialect, Trouble},
};

/// A run, before it begins.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) settings: Settings,
    pub(super) steps: Vec<(Step, f64)>,
}

/// How the connector, its bot and the cloud are.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) name: &'static str,
    pub(super) webhook: bool,
    /// People take over when the bot fails.
    pub(super) fallback: bool,
    pub(super) greets: bool,
    pub(super) html: bool,
    /// With more chats than this, one request asks for all of them.
    pub(super) several_above: usize,
    pub(super) max_conversations: usize,
    pub(super) returns: bool,
    /// Other agents serve the bot's skill too: what a lost session leaves behind waits in the queue instead of ending.
    pub(super) colleagues: bool,
    pub(super) dialect: Dialect,
    pub(super) manners: Manners,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A visitor, who says so many lines while waiting.
    Comes(u32),
    /// Many at once.
    Crowd(usize),
    /// The number picks one of the chats.
    Says(usize, u32),
    Types(usize),
    AsksForPeople(usize),
    Leaves(usize),
    Ends(usize),
    /// Whether people are there to take over.
    People(bool),
    Kill,
    Stop,
    Reload {
        good: bool,
    },
    BotAway(f64),
    ForcedAway,
    SessionLost,
    LogInEnded,
    Fault(CallName, Trouble, u32),
    /// The same for whatever call comes next.
    AnyFault(Trouble, u32),
    Waits(f64),
}

impl Plan {
    /// A run of everything.
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let settings = Settings::of(&mut rng);
        let causes = causes();
        let count = rng.usize(12..36);
        let steps = (0..count).map(|_| (step(&mut rng, &causes), pause(&mut rng))).collect();
        Self { seed, settings, steps }
    }

    /// A run in which one thing goes wrong, again and again, while visitors go on talking.
    pub(super) fn under(cause: &Cause, settings: Settings, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut steps = vec![(Step::Comes(0), 0.0), (Step::Comes(1), 2.0 + pause(&mut rng))];
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
    pub(super) fn named() -> Vec<Self> {
        let base = Self {
            name: "default",
            webhook: false,
            fallback: false,
            greets: true,
            html: true,
            several_above: 10,
            max_conversations: 50,
            returns: false,
            colleagues: false,
            dialect: Dialect::Prefixed,
            manners: Manners { silent: false, exits: false },
        };
        let people = Manners { silent: true, exits: false };
        vec![
            base.clone(),
            Self { name: "webhook", webhook: true, ..base.clone() },
            Self {
                name: "asked together",
                several_above: 1,
                html: false,
                dialect: Dialect::Plain,
                ..base.clone()
            },
            Self { name: "return at stop", returns: true, colleagues: true, ..base.clone() },
            Self { name: "people behind", fallback: true, manners: people, ..base },
        ]
    }

    fn of(rng: &mut Rng) -> Self {
        let fallback = rng.bool();
        Self {
            name: "drawn",
            webhook: rng.u32(..3) == 0,
            fallback,
            greets: rng.u32(..4) > 0,
            html: rng.u32(..3) > 0,
            several_above: rng.choice([1, 2, 10]).unwrap(),
            max_conversations: rng.choice([2, 50, 50]).unwrap(),
            returns: rng.u32(..3) == 0,
            colleagues: rng.bool(),
            dialect: rng.choice([Dialect::Prefixed, Dialect::Plain]).unwrap(),
            manners: Manners { silent: fallback && rng.bool(), exits: rng.bool() },
        }
    }

    /// As lines of TOML on top of the stage's own.
    pub(super) fn toml(&self) -> String {
        let bot = if self.webhook {
            "transport = \"webhook\"\nurl = \"http://127.0.0.1:3/bot\"\n"
        } else {
            ""
        };
        let skill = if self.fallback { "4129463410" } else { "" };
        let keywords = if self.fallback { "[\"people\"]" } else { "[]" };
        let on_stop = if self.returns { "return" } else { "keep" };
        let line_format = if self.html { "html" } else { "plain" };
        let Self { max_conversations, several_above, .. } = self;
        format!(
            "[bot]\n{bot}request_timeout = \"6s\"\n\
             [connector]\nconversation_type = \"chat\"\nfallback_skill_id = \"{skill}\"\n\
             max_conversations = {max_conversations}\n\
             [chat]\nline_format = \"{line_format}\"\nmulti_chat_poll_threshold = {several_above}\n\
             [escalation]\nkeywords = {keywords}\n[shutdown]\non_stop = \"{on_stop}\"\n\
             [custom]\ndisableGreetings = {}\n",
            !self.greets
        )
    }
}

/// Something that goes wrong, by name.
pub(super) struct Cause {
    pub(super) name: &'static str,
    pub(super) steps: fn(&mut Rng) -> Vec<Step>,
}

/// Every row of the table.
pub(super) fn causes() -> Vec<Cause> {
    use CallName::{
        Accept, Chat, ChatSessions, Chats, Domains, Events, Line, Login, Refresh, Ring,
        SetAvailability, StartSession, Transfer,
    };
    use Trouble::{
        DropAfter, DropBefore, EmptyBody, ErrorIn200, ExpireBearer, ForceAway, HtmlBody,
        KillSession, Late, OtherDialect, RepeatedEvents, ReversedEvents, Silence, SilenceAfter,
        Slow, Status, StatusAfter, TooMany, UnknownEvents,
    };
    fn some(rng: &mut Rng, call: CallName, what: &[Trouble]) -> Vec<Step> {
        vec![Step::Fault(call, *rng.choice(what).unwrap(), rng.u32(1..3))]
    }
    fn read(rng: &mut Rng) -> CallName {
        rng.choice([Events, Events, Chat, Chats]).unwrap()
    }
    fn any(rng: &mut Rng, what: &[Trouble]) -> Vec<Step> {
        vec![Step::AnyFault(*rng.choice(what).unwrap(), rng.u32(1..5))]
    }
    let cause = |name, steps| Cause { name, steps };
    vec![
        cause("nothing", |_| vec![]),
        cause("line lost on its way", |rng| some(rng, Line, &[DropBefore])),
        cause("line stored, answer lost", |rng| some(rng, Line, &[DropAfter])),
        cause("line never answered", |rng| {
            vec![Step::Fault(Line, rng.choice([Silence, SilenceAfter]).unwrap(), 1)]
        }),
        cause("posting fails, 5xx", |rng| {
            some(rng, Line, &[Status(500), Status(503), StatusAfter(500), StatusAfter(502)])
        }),
        cause("reading fails, 5xx", |rng| {
            let call = read(rng);
            some(rng, call, &[Status(500), Status(503)])
        }),
        cause("events lost on their way", |rng| {
            let call = read(rng);
            some(rng, call, &[DropBefore, DropAfter, SilenceAfter])
        }),
        cause("a chat is not found, 404", |rng| {
            let call = rng.choice([Events, Line, Chat, Chats]).unwrap();
            vec![Step::Fault(call, Status(404), 1)]
        }),
        cause("too many requests, 429", |rng| {
            let seconds = rng.u32(..4);
            any(rng, &[TooMany(seconds)])
        }),
        cause("any call lost", |rng| any(rng, &[DropBefore, DropAfter])),
        cause("any call fails, 5xx", |rng| any(rng, &[Status(500), Status(502), StatusAfter(503)])),
        cause("acceptance carried out, answer lost", |rng| {
            let lost = rng.choice([DropAfter, SilenceAfter, StatusAfter(500)]).unwrap();
            vec![Step::Fault(Accept, lost, 1), Step::Comes(0)]
        }),
        cause("acceptance fails", |rng| {
            let fails = rng.choice([DropBefore, Status(500), Status(404), Silence]).unwrap();
            vec![Step::Fault(Accept, fails, 1), Step::Comes(1)]
        }),
        cause("asking for rings fails", |rng| {
            let fails = rng.choice([Status(503), DropBefore, Silence, ErrorIn200]).unwrap();
            vec![Step::Fault(Ring, fails, rng.u32(1..4)), Step::Comes(0)]
        }),
        cause("bearer void, 401", |_| vec![Step::AnyFault(ExpireBearer, 1)]),
        cause("log-in ended from outside", |_| vec![Step::LogInEnded]),
        cause("agent session killed", |_| vec![Step::SessionLost]),
        cause("agent session killed at a call", |_| vec![Step::AnyFault(KillSession, 1)]),
        cause("forced Away", |rng| match rng.bool() {
            true => vec![Step::ForcedAway, Step::Comes(0)],
            false => vec![Step::AnyFault(ForceAway, 1), Step::Comes(0)],
        }),
        cause("log-in refused or fails", |rng| {
            let status = rng.choice([401, 429, 500]).unwrap();
            vec![Step::Fault(Login, Status(status), rng.u32(1..3)), Step::LogInEnded]
        }),
        cause("log-in or session made, answer lost", |rng| {
            let call = rng.choice([Login, StartSession, Domains]).unwrap();
            let lost = rng.choice([DropAfter, SilenceAfter]).unwrap();
            vec![Step::Fault(call, lost, 1), Step::LogInEnded]
        }),
        cause("domain service fails", |rng| {
            let fails = rng.choice([Status(500), DropBefore]).unwrap();
            vec![Step::Fault(Domains, fails, 1), Step::LogInEnded]
        }),
        cause("refresh fails", |rng| {
            let status = rng.choice([401, 500]).unwrap();
            vec![Step::Fault(Refresh, Status(status), 1), Step::Waits(200.0)]
        }),
        cause("session cannot be started", |rng| {
            let status = rng.choice([500, 404, 429]).unwrap();
            vec![Step::Fault(StartSession, Status(status), 1), Step::LogInEnded]
        }),
        cause("list of chats fails", |rng| {
            let fails = rng.choice([Status(500), DropAfter, ErrorIn200]).unwrap();
            vec![Step::Fault(ChatSessions, fails, rng.u32(1..3)), Step::LogInEnded]
        }),
        cause("availability cannot be set", |rng| {
            let fails = rng.choice([Status(500), DropAfter, DropBefore]).unwrap();
            vec![Step::Fault(SetAvailability, fails, rng.u32(1..3)), Step::ForcedAway]
        }),
        cause("answers slow", |rng| {
            let wait = rng.u64(..5_000);
            any(rng, &[Slow(wait), Late(wait)])
        }),
        cause("errors in a 200", |rng| any(rng, &[ErrorIn200])),
        cause("empty and foreign bodies", |rng| any(rng, &[EmptyBody, HtmlBody])),
        cause("other spelling", |_| vec![Step::AnyFault(OtherDialect, 40)]),
        cause("events repeated", |_| vec![Step::AnyFault(RepeatedEvents, 20)]),
        cause("events reversed", |_| vec![Step::AnyFault(ReversedEvents, 20)]),
        cause("odd events", |_| vec![Step::AnyFault(UnknownEvents, 20)]),
        cause("transfers fail", |rng| {
            let fails = rng.choice([Status(500), StatusAfter(500), DropAfter, ErrorIn200]).unwrap();
            vec![Step::Fault(Transfer, fails, rng.u32(1..3))]
        }),
        cause("nobody to take over", |rng| vec![Step::People(rng.bool())]),
        cause("many at once", |rng| vec![Step::Crowd(rng.usize(3..6))]),
        cause("bot away", |rng| vec![Step::BotAway(rng.f64() * 20.0)]),
        cause("kill -9", |_| vec![Step::Kill]),
        cause("stop and start", |_| vec![Step::Stop]),
        cause("reload, good and bad", |rng| vec![Step::Reload { good: rng.bool() }]),
    ]
}

fn step(rng: &mut Rng, causes: &[Cause]) -> Step {
    match rng.u32(..44) {
        0..5 => Step::Comes(rng.u32(..3)),
        5..19 => Step::Says(rng.usize(..12), 1),
        19..22 => Step::Says(rng.usize(..12), rng.u32(2..8)),
        22 => Step::AsksForPeople(rng.usize(..12)),
        23 => Step::Leaves(rng.usize(..12)),
        24 => Step::Ends(rng.usize(..12)),
        25 => Step::Types(rng.usize(..12)),
        26 => Step::Kill,
        27 => Step::Stop,
        28 => Step::Reload { good: rng.bool() },
        29 => Step::BotAway(rng.f64() * 15.0),
        30 if rng.bool() => Step::Waits(70.0),
        31 if rng.bool() => Step::Crowd(rng.usize(8..12)),
        _ => {
            let cause = rng.choice(causes).unwrap();
            (cause.steps)(rng).into_iter().next().unwrap_or(Step::Waits(20.0))
        }
    }
}

fn pause(rng: &mut Rng) -> f64 {
    rng.f64() * rng.f64() * 8.0
}
