//! A run: the daemon as chat connector between the simulated cloud and the modelled bot, on virtual time.

use std::{collections::BTreeMap, fmt::Write as _};

use connectord::{
    daemon::End,
    ops::status::{ConnectorStatus, Status},
};
use tokio::time::Instant;

use super::plan::{Plan, Settings, Step};
use crate::{
    bot::{Asked, Bot},
    run::{bug, note_start, on_virtual_time, told, world},
    simulator::{
        Breach, CallName, Chat, ChatAvailability, ChatCall, ChatOptions, ChatStart, ChatState,
        Fault, Millis, Options, Simulator,
    },
    support::{AGENT, BOT_SKILL, World, after},
};

/// All that can be said about a run afterwards.
pub(super) struct Record {
    pub(super) plan: Plan,
    pub(super) chats: Vec<Chat>,
    pub(super) asked: BTreeMap<String, Asked>,
    /// What broke while it ran.
    pub(super) broken: Vec<String>,
    /// When the daemon was draining, from and to.
    pub(super) drains: Vec<(Millis, Millis)>,
    /// When the bot was away, from and to.
    pub(super) away: Vec<(Millis, Millis)>,
    /// When a daemon was gone.
    pub(super) ends: Vec<Millis>,
    /// When the agent's session was ended from outside, or may have been.
    pub(super) losses: Vec<Millis>,
    /// Every request to an agent session.
    pub(super) calls: Vec<ChatCall>,
    /// Rules of the Chat Agent API that were broken.
    pub(super) breaches: Vec<Breach>,
    pub(super) told: Vec<(Instant, String)>,
    pub(super) last: Status,
}

/// Plays it on this thread.
pub(super) fn play(plan: &Plan) -> Record {
    on_virtual_time(plan.seed, perform(plan.clone()))
}

async fn perform(plan: Plan) -> Record {
    let mut options = Options {
        seed: plan.seed,
        chat: ChatOptions { dialect: plan.settings.dialect, ..ChatOptions::default() },
        ..Options::fixed()
    };
    if plan.settings.colleagues {
        let people = options.accounts[0].agents.iter_mut().filter(|agent| agent.human);
        people.for_each(|agent| agent.skills.push(BOT_SKILL.to_owned()));
    }
    let bot = Bot::new(plan.seed, plan.settings.manners);
    let mut stage = Stage {
        settings: plan.settings.clone(),
        world: world(Simulator::new(options), &bot),
        bot,
        chats: Vec::new(),
        drains: Vec::new(),
        away: Vec::new(),
        ends: Vec::new(),
        losses: Vec::new(),
        calls: Vec::new(),
        broken: Vec::new(),
        words: 0,
    };
    stage.start().await;
    for (step, pause) in &plan.steps {
        tracing::debug!(?step, "a step");
        stage.take(step).await;
        after(*pause).await;
        stage.keeps_its_limits().await;
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
    chats: Vec<String>,
    drains: Vec<(Millis, Millis)>,
    away: Vec<(Millis, Millis)>,
    ends: Vec<Millis>,
    losses: Vec<Millis>,
    calls: Vec<ChatCall>,
    broken: Vec<String>,
    words: u32,
}

impl Stage {
    async fn start(&mut self) {
        note_start();
        self.world.start(&self.settings.toml()).await;
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Comes(lines) => self.comes(*lines),
            Step::Crowd(count) => (0..*count).for_each(|_| self.comes(0)),
            Step::Says(which, count) => {
                for _ in 0..*count {
                    let word = self.word();
                    self.visitor(*which, |cloud, chat| cloud.visitor(chat).says(&word).is_ok());
                }
            }
            Step::Types(which) => {
                self.visitor(*which, |cloud, chat| cloud.visitor(chat).types(true).is_ok());
            }
            Step::AsksForPeople(which) => {
                self.visitor(*which, |cloud, chat| cloud.visitor(chat).says("people").is_ok());
            }
            Step::Leaves(which) => {
                self.visitor(*which, |cloud, chat| cloud.visitor(chat).leaves().is_ok());
            }
            Step::Ends(which) => {
                self.visitor(*which, |cloud, chat| cloud.visitor(chat).ends().is_ok());
            }
            Step::People(there) => self.people_are(*there),
            Step::Kill => {
                self.looks_for_bugs();
                self.world.kill().await;
                self.ends.push(self.now());
                self.start().await;
            }
            Step::Stop => self.stops().await,
            Step::Reload { good: true } => self.world.reload(&self.settings.toml()).await,
            Step::Reload { good: false } => {
                self.world.reload_file("[connector]\nname = 5".to_owned()).await;
            }
            Step::BotAway(seconds) => {
                let from = self.now();
                self.bot.goes_down();
                after(*seconds).await;
                self.bot.comes_up();
                self.away.push((from, self.now()));
            }
            Step::ForcedAway => {
                let agent = self.world.cloud.agent(AGENT);
                // Whoever is not there, cannot be put away.
                let _ = agent.is_set_in_chat(ChatAvailability::Away);
            }
            Step::SessionLost => {
                self.losses.push(self.now());
                let _ = self.world.cloud.agent(AGENT).loses_chat_session();
            }
            Step::LogInEnded => {
                let _ = self.world.cloud.act(|world| world.evict(AGENT, None));
            }
            Step::Fault(call, what, times) => {
                self.world.cloud.inject(Fault::chat(*call, *what).times(*times));
            }
            Step::AnyFault(what, times) => {
                self.losses.push(self.now());
                let fault = Fault::Chat { call: None, path: None, what: *what };
                self.world.cloud.inject(fault.times(*times));
            }
            Step::Waits(seconds) => after(*seconds).await,
        }
    }

    fn comes(&mut self, lines: u32) {
        let mut start = ChatStart::in_skill(BOT_SKILL);
        for _ in 0..lines {
            start = start.saying(&self.word());
        }
        if self.chats.len() < MOST_CHATS {
            self.chats.push(self.world.cloud.chat_starts(start).unwrap());
        }
    }

    fn visitor(&self, which: usize, act: impl FnOnce(&Simulator, &str) -> bool) {
        if !self.chats.is_empty() {
            // Whoever has gone, says no more.
            act(&self.world.cloud, &self.chats[which % self.chats.len()]);
        }
    }

    fn people_are(&self, there: bool) {
        let state = if there { ChatAvailability::Online } else { ChatAvailability::Away };
        self.world.cloud.agent("hannah").is_set_in_chat(state).unwrap();
    }

    fn looks_for_bugs(&mut self) {
        self.broken.extend(bug(&self.world));
    }

    async fn stops(&mut self) {
        self.looks_for_bugs();
        let from = self.now();
        if self.world.stop().await != End::Stopped {
            self.broken.push("the daemon broke".to_owned());
        }
        self.drains.push((from, self.now()));
        self.ends.push(self.now());
        if self.settings.returns {
            self.losses.push(self.now());
        }
        self.start().await;
    }

    fn word(&mut self) -> String {
        self.words += 1;
        format!("w{}", self.words)
    }

    fn now(&self) -> Millis {
        self.world.cloud.clock().now()
    }

    async fn keeps_its_limits(&mut self) {
        let status = self.world.status().await;
        let limit = self.settings.max_conversations;
        if status.conversations.open > limit {
            self.broken.push(format!("{} chats are open", status.conversations.open));
        }
        let has = self.world.cloud.read(|world| {
            let agent = world.agent(AGENT).unwrap().id.clone();
            world.chats_of(&agent).count()
        });
        // A chat that the cloud denies twice is taken for gone, as the platform wants it.
        let denied = |call: &ChatCall| call.answered == Some(404);
        if has > limit && !self.calls.iter().any(denied) {
            self.broken.push(format!("the agent has {has} chats"));
        }
        if self.world.count("protocol_errors_total", "queue_full") > 0.0 {
            self.broken.push("a queue was full".to_owned());
        }
        self.keep_calls();
    }

    fn keep_calls(&mut self) {
        let last = self.calls.last().map_or(0, |call| call.number);
        let now = self.now();
        self.world.cloud.read(|world| {
            // What is under way has no outcome yet.
            let settled = |call: &&ChatCall| call.answered.is_some() || call.time + 20_000 < now;
            let new = world.chats.calls.iter().filter(|call| call.number > last);
            self.calls.extend(new.take_while(settled).cloned());
        });
    }

    /// Nothing goes wrong any more; all that is under way comes to its end.
    async fn heals(&mut self) {
        self.world.cloud.clear_faults();
        self.people_are(true);
        self.bot.recovers();
        for round in 0..HEALING {
            after(10.0).await;
            self.keep_calls();
            let status = self.world.status().await.conversations;
            let is_full = status.open >= self.settings.max_conversations;
            let online = self.world.status().await.agent_connector.status;
            if online == ConnectorStatus::Online
                && (status.waiting_for_bot == 0 || round > PATIENT)
                && (is_full || !self.somebody_waits())
            {
                break;
            }
        }
        after(SETTLING).await;
        self.keep_calls();
        // The last ones are without an outcome for good.
        after(1.0).await;
        self.keep_calls();
    }

    fn somebody_waits(&self) -> bool {
        self.chats.iter().any(|id| {
            let chat = self.world.cloud.chat(id).unwrap();
            chat.state == ChatState::Waiting && chat.skill == BOT_SKILL
        })
    }

    fn end(self, plan: Plan, last: Status) -> Record {
        Record {
            plan,
            chats: self.chats.iter().map(|id| self.world.cloud.chat(id).unwrap()).collect(),
            asked: self.bot.asked(),
            broken: self.broken,
            drains: self.drains,
            away: self.away,
            ends: self.ends,
            losses: self.losses,
            calls: self.calls,
            breaches: self.world.cloud.breaches(),
            told: told(),
            last,
        }
    }
}

impl Record {
    /// Everything that can be seen of the run, byte for byte.
    pub(super) fn transcript(&self) -> String {
        let mut text = format!("{:#?}\n", self.plan);
        for chat in &self.chats {
            let Chat { id, skill, state, end, .. } = chat;
            let _ = writeln!(text, "--- {id}: {state:?} {end:?}, skill {skill}");
            for event in &chat.events {
                let said = event.line().map(|line| (line.source.word(), line.text.as_str()));
                let private = event.line().is_some_and(|line| line.private);
                let private = if private { "private" } else { "" };
                let (who, what) = said.unwrap_or(("state", ""));
                let what = if said.is_none() { format!("{:?}", event.what) } else { what.into() };
                let _ = writeln!(text, "{} {:>4} {who:8}{private} {what}", event.time, event.id);
            }
        }
        for (id, asked) in &self.asked {
            let _ = writeln!(text, "asked {id} covers {:?}: {:?}", asked.covers, asked.moods);
        }
        for end in &self.ends {
            let _ = writeln!(text, "the daemon ended at {end}");
        }
        for breach in &self.breaches {
            let _ = writeln!(text, "{breach:?}");
            let just_before = |call: &&ChatCall| {
                call.path == breach.place
                    && (breach.time - 5_000..=breach.time).contains(&call.time)
            };
            for ChatCall { time, name, query, answered, .. } in
                self.calls.iter().filter(just_before)
            {
                let _ = writeln!(text, "    {time} {name:?} {query}: {answered:?}");
            }
        }
        let mut calls: BTreeMap<CallName, usize> = BTreeMap::new();
        for call in &self.calls {
            *calls.entry(call.name).or_default() += 1;
            if call.answered.is_none_or(|status| status >= 300) {
                let ChatCall { time, name, path, answered, .. } = call;
                let _ = writeln!(text, "{time} {name:?} {path}: {answered:?}");
            }
        }
        let _ = writeln!(text, "{calls:?}");
        text
    }
}

const MOST_CHATS: usize = 12;
/// In tens of seconds: longer than the longest pause before another try.
const HEALING: u32 = 200;
/// Events that the bot has kept silent about may wait for ever.
const PATIENT: u32 = 12;
const SETTLING: f64 = 50.0;
