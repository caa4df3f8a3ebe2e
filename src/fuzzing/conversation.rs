//! A conversation, led by a script of bytes: whatever the cloud, the bot, the clock and the operator can do to it, in
//! any order, right and wrong.
//!
//! The stage keeps the rules of a driver (see `conversation`), and the cloud on it keeps a dialog. As long as the
//! script does nothing that no cloud may do (the stage is `honest`), what was published must never be published again.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    conversation::{
        Arrival, Call, CallError, CallId, Conversation, Effect, Effects, Event, Json, Mark,
        Sequence, Settings, Timestamp,
        effect::Body,
        event::{
            Action, Answer, Audience, BotEvent, Content, Departure, Details, EventId, EventKey,
            EventKind, File, History, Intent, Message, Outcome, Profile, Reach, ReceiptStatus,
            SkillRef, Speaker, Target,
        },
        settings::{Kind, LateMessages, ManagerSettings, Role},
    },
    ops::clock::Clock,
};

/// A conversation from its beginning to the end of the script, and then until it is quiet.
pub fn conversation(data: &[u8]) {
    let mut script = Script(data.get(..SCRIPT_MAX).unwrap_or(data));
    let mut stage = Stage::new(&mut script);
    while !script.0.is_empty() && stage.conversation.is_some() {
        stage.act(&mut script);
    }
    stage.ends();
}

/// What the fuzzer says, byte by byte; zeros after its end.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                *first
            }
            [] => 0,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    fn yes(&mut self) -> bool {
        self.byte() % 2 == 1
    }
}

struct Stage {
    conversation: Option<Conversation>,
    settings: Arc<Settings>,
    details: Details,
    start: Instant,
    now: Instant,
    online: bool,
    bot: Reach,
    /// The cloud has done nothing yet that no cloud may do.
    honest: bool,
    dialog: Vec<Message>,
    open: BTreeMap<CallId, Call>,
    asked: VecDeque<(EventId, u32)>,
    /// The marks of what the dialog holds.
    said: BTreeSet<String>,
    forgotten: bool,
}

impl Stage {
    fn new(script: &mut Script<'_>) -> Self {
        let start = Clock::system().now();
        let details = Details {
            dialog: "d".into(),
            skill: Some("100".into()),
            consumer: "visitor".into(),
            started: Timestamp(EPOCH),
        };
        let mut stage = Self {
            conversation: None,
            settings: Arc::new(settings(script)),
            details,
            start,
            now: start,
            online: true,
            bot: Reach::Up,
            honest: true,
            dialog: Vec::new(),
            open: BTreeMap::new(),
            asked: VecDeque::new(),
            said: BTreeSet::new(),
            forgotten: false,
        };
        for _ in 0..script.below(8) {
            stage.stores_something(script);
        }
        stage.begins(if script.yes() { Arrival::Assigned } else { Arrival::Found });
        stage
    }

    fn begins(&mut self, arrival: Arrival) {
        let (id, details, settings) = ("c".into(), self.details.clone(), self.settings.clone());
        let (conversation, effects) =
            Conversation::begin(id, details, arrival, settings, self.bot, self.now);
        self.conversation = Some(conversation);
        self.carry_out(effects);
    }

    /// One thing happens.
    fn act(&mut self, script: &mut Script<'_>) {
        match script.below(32) {
            0..=2 => {
                let sequence = self.stores(Speaker::Consumer, content(script));
                self.arrives(sequence);
            }
            3 => drop(self.stores(Speaker::Consumer, content(script))),
            4 => {
                let index = script.below(self.dialog.len());
                if let Some(message) = self.dialog.get(index).cloned()
                    && self.online
                {
                    self.step(Event::Message(message));
                }
            }
            5 => {
                let sequence = self.stores_something(script);
                self.arrives(sequence);
            }
            6..=9 => {
                let id = self.open.keys().next().copied();
                self.ends_call(id, Ending::Good, script);
            }
            10 => {
                let id = self.open.keys().nth(script.below(self.open.len())).copied();
                let ending = match script.below(4) {
                    0 => Ending::Good,
                    1 => Ending::DoneUnheard,
                    2 => Ending::Lost,
                    _ => Ending::Refused,
                };
                self.ends_call(id, ending, script);
            }
            11 => {
                let id = self.open.keys().next().copied();
                self.ends_call(id, Ending::Nonsense, script);
            }
            12 | 13 => self.passes(Duration::from_millis(TIMES[script.below(TIMES.len())])),
            14..=17 => {
                if let Some((event, _)) = self.asked.get(script.below(self.asked.len())).cloned() {
                    let actions = actions(script);
                    self.bot(BotEvent::Answered(Answer { event, actions, intents: intents() }));
                }
            }
            18 => {
                let event = event_id(script);
                let actions = actions(script);
                self.bot(BotEvent::Answered(Answer { event, actions, intents: Vec::new() }));
            }
            19 | 20 => {
                let known = self.asked.get(script.below(self.asked.len())).cloned();
                let (event, attempt) =
                    known.unwrap_or_else(|| (event_id(script), u32::from(script.byte())));
                self.bot(match script.below(5) {
                    0 => BotEvent::HandedOver { event, attempt },
                    1 => BotEvent::Undelivered { event, attempt },
                    2 => BotEvent::Seen { event, expects_answer: script.yes() },
                    3 => {
                        let wait = Duration::from_secs(u64::from(script.byte()));
                        let retry_after = script.yes().then_some(wait);
                        BotEvent::Silent { event, attempt, retry_after }
                    }
                    _ => BotEvent::Fault { event, why: "404".to_owned() },
                });
            }
            21 => self.bot(BotEvent::Says(actions(script))),
            22 => self.link_down(),
            23 => self.link_up(),
            24 => {
                self.bot = [Reach::Up, Reach::Down, Reach::Gone][script.below(3)];
                self.step(Event::Reach(self.bot));
            }
            25 => {
                match script.below(3) {
                    0 => self.details.consumer = format!("consumer {}", script.byte()).into(),
                    1 => self.details.skill = script.yes().then(|| "200".into()),
                    _ => self.details.dialog = format!("d{}", script.below(2)).into(),
                }
                // Whether a survey's dialog may become the main one is the cloud's business, but it keeps the words.
                self.honest &= self.details.dialog.as_str() == "d";
                if self.online {
                    self.step(Event::Details(self.details.clone()));
                }
            }
            26 => self.ends_it(script),
            27 => self.restarts(script),
            28 => self.dishonestly(script),
            29 => {
                for _ in 0..script.byte() {
                    let sequence = self.stores(Speaker::Consumer, Content::Text("b".to_owned()));
                    self.arrives(sequence);
                }
            }
            30 => {
                self.settings = Arc::new(settings(script));
                self.step(Event::Settings(self.settings.clone()));
            }
            _ => self.step(Event::Elapsed),
        }
    }

    fn ends_it(&mut self, script: &mut Script<'_>) {
        match script.below(8) {
            0 => self.step(Event::Left(Departure::Closed)),
            1 => self.step(Event::Left(Departure::Moved)),
            2 => self.step(Event::Return),
            _ => self.step(Event::Drain),
        }
    }

    /// kill -9: what was under way may have happened.
    fn restarts(&mut self, script: &mut Script<'_>) {
        for (_, call) in std::mem::take(&mut self.open) {
            if script.yes() {
                self.works(&call);
            }
        }
        // A greeting or words unasked are said anew by a new process if the old one's are not complete.
        self.honest = false;
        self.said.clear();
        self.asked.clear();
        self.online = true;
        self.conversation = None;
        self.begins(Arrival::Found);
    }

    /// What no cloud should do.
    fn dishonestly(&mut self, script: &mut Script<'_>) {
        self.honest = false;
        let key = event_id(script).key;
        let mark = Mark {
            event: key,
            index: 0,
            count: 1 + u32::from(script.byte() % 3),
            covers: vec![key.sequence],
        };
        let mut message = Message {
            mark: script.yes().then_some(mark),
            ..self.message(ODD[script.below(ODD.len())], speaker(script), content(script))
        };
        if script.yes() {
            message.dialog = "elsewhere".into();
        }
        if script.yes() {
            message.time = Timestamp(ODD[script.below(ODD.len())]);
        }
        if script.yes() {
            self.dialog.push(message.clone());
        }
        self.step(Event::Message(message));
    }

    // ---- the cloud ----

    fn stores_something(&mut self, script: &mut Script<'_>) -> Sequence {
        let (speaker, content) = (speaker(script), content(script));
        let sequence = self.stores(speaker, content);
        if let Some(last) = self.dialog.last_mut() {
            last.audience = if script.yes() { Audience::Agents } else { Audience::All };
            last.metadata = script.yes().then(|| Json::from_value(&[0; 0]));
        }
        // Own words without a mark are from before this connector.
        self.honest &= speaker != Speaker::Me;
        sequence
    }

    fn stores(&mut self, from: Speaker, content: Content) -> Sequence {
        let newest = self.dialog.iter().map(|message| message.sequence).max().unwrap_or(-1);
        let sequence = newest.saturating_add(1).max(0);
        let message = self.message(sequence, from, content);
        self.dialog.push(message);
        sequence
    }

    fn message(&self, sequence: Sequence, from: Speaker, content: Content) -> Message {
        Message {
            dialog: self.details.dialog.clone(),
            sequence,
            time: self.server_time(),
            from,
            audience: Audience::All,
            content,
            metadata: None,
            mark: None,
        }
    }

    fn arrives(&mut self, sequence: Sequence) {
        let found = self.dialog.iter().rev().find(|message| message.sequence == sequence).cloned();
        if let Some(message) = found
            && self.online
        {
            self.step(Event::Message(message));
        }
    }

    fn link_down(&mut self) {
        if !self.online {
            return;
        }
        self.online = false;
        // Messaging tells the fates of calls first, chat last.
        let first = self.settings.kind == Kind::Messaging;
        let calls = std::mem::take(&mut self.open);
        if !first {
            self.step(Event::LinkDown);
        }
        for (id, call) in calls {
            let outcome = Err(CallError::NoAnswer { call: call.name() });
            self.step(Event::Called { id, outcome });
        }
        if first {
            self.step(Event::LinkDown);
        }
    }

    fn link_up(&mut self) {
        if !self.online {
            self.online = true;
            self.step(Event::LinkUp(self.details.clone()));
        }
    }

    /// A call ends, and if it should be, in a good way.
    fn ends_call(&mut self, id: Option<CallId>, ending: Ending, script: &mut Script<'_>) {
        let Some((id, call)) = id.and_then(|id| Some((id, self.open.remove(&id)?))) else { return };
        let name = call.name();
        let outcome = match ending {
            Ending::Good => Ok(self.works(&call)),
            Ending::DoneUnheard => {
                self.works(&call);
                Err(CallError::NoAnswer { call: name })
            }
            Ending::Lost => match script.below(3) {
                0 => Err(CallError::NoAnswer { call: name }),
                1 => Err(CallError::NotSent),
                _ => Err(CallError::Failed { call: name, code: 503, message: String::new() }),
            },
            Ending::Refused => {
                Err(CallError::Refused { call: name, code: 400, message: "no".to_owned() })
            }
            Ending::Nonsense => {
                self.honest = false;
                Ok(match script.below(4) {
                    0 => Outcome::Done,
                    1 => Outcome::Published(ODD[script.below(ODD.len())]),
                    2 => {
                        let mut messages = self.dialog.clone();
                        messages.reverse();
                        Outcome::History(History { messages, truncated: script.yes() })
                    }
                    _ => Outcome::Profile(Profile::default()),
                })
            }
        };
        let is_exit = matches!(call, Call::Transfer { .. } | Call::Return | Call::Close { .. });
        let worked = outcome.is_ok();
        let echo = matches!(outcome, Ok(Outcome::Published(_))) && script.yes();
        self.step(Event::Called { id, outcome });
        if echo && let Some(message) = self.dialog.last().cloned() {
            self.step(Event::Message(message));
        }
        if is_exit && worked && script.yes() {
            let closed = matches!(call, Call::Close { .. });
            let how = if closed { Departure::Closed } else { Departure::Moved };
            self.step(Event::Left(how));
        }
    }

    /// The call happens.
    fn works(&mut self, call: &Call) -> Outcome {
        match call {
            Call::Publish { body, audience, mark, .. } => {
                let content = match body {
                    Body::Text { text, .. } => Content::Text(text.clone()),
                    Body::Rich { content, .. } => {
                        Content::Rich { content: content.clone(), text: "card".to_owned() }
                    }
                };
                let sequence = self.stores(Speaker::Me, content);
                if let Some(stored) = self.dialog.last_mut() {
                    stored.audience = *audience;
                    stored.mark.clone_from(mark);
                }
                self.said.extend(mark.as_ref().map(Mark::interaction_id));
                Outcome::Published(sequence)
            }
            Call::History { after, .. } => {
                let from = after.map_or(0, |after| after - 1);
                let known = self.dialog.iter().filter(|message| message.sequence >= from);
                let mut messages: Vec<_> = known.cloned().collect();
                let too_many = messages.len().saturating_sub(HISTORY_MAX);
                if after.is_some() {
                    messages.truncate(HISTORY_MAX);
                } else {
                    messages.drain(..too_many);
                }
                Outcome::History(History { messages, truncated: too_many > 0 })
            }
            Call::Profile(_) => Outcome::Profile(Profile::default()),
            Call::Receipt { sequences, .. } => {
                let (status, sequences) = (ReceiptStatus::Read, sequences.clone());
                self.stores(Speaker::Me, Content::Receipt { status, sequences });
                Outcome::Done
            }
            Call::Typing { .. }
            | Call::Transfer { .. }
            | Call::Return
            | Call::Close { .. }
            | Call::Join
            | Call::Ttr { .. } => Outcome::Done,
        }
    }

    // ---- the driver ----

    fn bot(&mut self, event: BotEvent) {
        self.step(Event::Bot(event));
    }

    /// Time passes, and the conversation is woken whenever it wants to be.
    fn passes(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some((at, _)) = self.conversation.as_ref().and_then(Conversation::wake)
            && at <= end
        {
            self.now = self.now.max(at);
            self.step(Event::Elapsed);
        }
        self.now = end;
    }

    fn step(&mut self, event: Event) {
        let Some(conversation) = self.conversation.take() else { return };
        let leaving = conversation.exit().is_some();
        let (conversation, effects) = conversation.step(event, self.now);
        let asks = effects.iter().any(|effect| matches!(effect, Effect::Ask(_)));
        let still = leaving && conversation.exit().is_some();
        assert!(!(asks && still), "asked on the way out: {effects:?}");
        self.conversation = Some(conversation);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Effects) {
        // A long history that is read may tell something of each message.
        let deeds = effects.iter().filter(|effect| !matches!(effect, Effect::Report(_))).count();
        assert!(deeds < DEEDS_MAX, "{deeds} things to do at once");
        let mut outcomes = Vec::new();
        for effect in effects {
            assert!(!self.forgotten, "after the end: {effect:?}");
            match effect {
                Effect::Call { id, call } => {
                    self.check_call(&call);
                    if self.online {
                        assert!(self.open.insert(id, call).is_none(), "{id:?} is in use");
                        assert!(self.open.len() < CALLS_MAX, "{} calls at once", self.open.len());
                    } else {
                        outcomes.push(Event::Called { id, outcome: Err(CallError::NotSent) });
                    }
                }
                Effect::Tell(call) => drop(self.works(&call)),
                Effect::Ask(question) => {
                    let (event, attempt) = (question.event.clone(), question.attempt);
                    self.asked.push_front((event.clone(), attempt));
                    self.asked.truncate(ASKED_MAX);
                    if self.bot != Reach::Up {
                        outcomes.push(Event::Bot(BotEvent::Undelivered { event, attempt }));
                    }
                }
                Effect::Forget => self.forgotten = true,
                Effect::Withdraw(_) | Effect::Notify(_) | Effect::Report(_) => {}
            }
        }
        if self.forgotten {
            self.conversation = None;
        }
        if let Some(conversation) = &self.conversation {
            let wake = conversation.wake();
            assert!(wake.is_none_or(|(at, _)| at > self.now), "{wake:?} is not in the future");
            let _ = (conversation.is_busy(), conversation.is_rebuilt(), conversation.exit());
        }
        for outcome in outcomes {
            self.step(outcome);
        }
    }

    fn check_call(&self, call: &Call) {
        // Notes to agents carry no mark and may go out beside an answer.
        if let Call::Publish { mark: Some(mark), .. } = call {
            let is_piece = |open: &&Call| matches!(open, Call::Publish { mark: Some(_), .. });
            let other = self.open.values().find(is_piece);
            assert!(other.is_none(), "two pieces at once: {call:?} and {other:?}");
            let again = self.said.contains(&mark.interaction_id());
            assert!(!(again && self.honest), "said before: {call:?}");
        }
    }

    /// From now on everything works, and the bot has nothing more to say: it comes to rest.
    fn ends(&mut self) {
        self.link_down();
        self.link_up();
        self.bot = Reach::Up;
        self.step(Event::Reach(Reach::Up));
        let mut nothing = Script(&[]);
        for _ in 0..ROUNDS {
            let mut calls = 0;
            while let Some(id) = self.open.keys().next().copied() {
                calls += 1;
                assert!(calls < CALLS_IN_A_ROW_MAX, "it never stops to call: {:?}", self.open);
                self.ends_call(Some(id), Ending::Good, &mut nothing);
            }
            while let Some((event, _)) = self.asked.pop_back() {
                let answer = Answer { event, actions: Vec::new(), intents: Vec::new() };
                self.bot(BotEvent::Answered(answer));
            }
            self.passes(Duration::from_secs(31));
        }
        if let Some(conversation) = &self.conversation {
            let leaving = conversation.exit().is_some();
            assert!(leaving || !conversation.is_busy(), "it does not come to rest");
            assert!(format!("{conversation:?}").len() < SIZE_MAX, "it has become too big");
        }
    }

    fn server_time(&self) -> Timestamp {
        let passed = self.now.duration_since(self.start).as_millis();
        Timestamp(EPOCH + i64::try_from(passed).unwrap_or_default())
    }
}

/// How a call ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Good,
    /// It works, and nobody hears of it.
    DoneUnheard,
    /// It does not work, and may have.
    Lost,
    Refused,
    /// A good answer to another question.
    Nonsense,
}

fn settings(script: &mut Script<'_>) -> Settings {
    let bits = script.byte();
    let bit = |n: u8| bits & (1 << n) != 0;
    let mut settings = Settings {
        greeting: bit(0).then(|| "hi".to_owned()),
        gather: Duration::from_millis(if bit(1) { 300 } else { 0 }),
        fallback_skill: bit(2).then(|| "900".into()),
        read_receipts: !bit(3),
        skip_agent_message: bit(4),
        keywords: if bit(5) { vec!["b".to_owned()] } else { Vec::new() },
        ..Settings::default()
    };
    settings.skills.insert("people".to_owned(), "200".into());
    if bit(6) {
        settings.stuck.retry = true;
        settings.stuck.escalate_to = Some("300".into());
        settings.late = LateMessages::NewConversation;
        settings.kind = Kind::Chat;
    }
    if bit(7) {
        settings.late = LateMessages::Escalate;
        let ignore_messages = script.yes();
        settings.role =
            Role::Manager(ManagerSettings { ignore_messages, ..ManagerSettings::default() });
    }
    settings
}

fn speaker(script: &mut Script<'_>) -> Speaker {
    [Speaker::Consumer, Speaker::Me, Speaker::Agent, Speaker::System][script.below(4)]
}

fn content(script: &mut Script<'_>) -> Content {
    match script.below(8) {
        0 => Content::File(File {
            caption: script.yes().then(|| "look".to_owned()),
            file_type: "JPEG".to_owned(),
            relative_path: "/a.jpeg".to_owned(),
        }),
        1 => Content::Rich { content: Json::from_value(&"card"), text: "card".to_owned() },
        2 => {
            let sequences = (0..script.below(4)).map(|_| Sequence::from(script.byte())).collect();
            Content::Receipt { status: ReceiptStatus::Read, sequences }
        }
        3 => Content::Unknown,
        _ => Content::Text(["a", "b", "", "LP_CLOSEDIALOG", "x"][script.below(5)].to_owned()),
    }
}

fn actions(script: &mut Script<'_>) -> Vec<Action> {
    (0..script.below(5)).map(|_| action(script)).collect()
}

fn action(script: &mut Script<'_>) -> Action {
    match script.below(8) {
        0 => Action::Pause {
            length: Duration::from_millis(u64::from(script.byte()) * 100),
            typing: script.yes(),
        },
        1 => Action::Structured {
            content: Json::from_value(&"card"),
            metadata: None,
            quick_replies: None,
            text: ["card", ""][script.below(2)].to_owned(),
        },
        2 => {
            let skill = [
                None,
                Some(SkillRef::Id("200".to_owned())),
                Some(SkillRef::Id("nonsense".to_owned())),
                Some(SkillRef::Name("people".to_owned())),
                Some(SkillRef::Name("nobody".to_owned())),
                Some(SkillRef::Id("100".to_owned())),
            ];
            let target = Target { skill: skill[script.below(6)].clone(), agent: None };
            Action::Transfer { target, reason: None, by_user: script.yes() }
        }
        3 => Action::Close { survey: script.yes() },
        4 => Action::ChangeTtr { ttr_type: "URGENT".to_owned(), seconds: 60 },
        _ => Action::Text {
            text: ["a", "b", "LP_CLOSEDIALOG", "c"][script.below(4)].to_owned(),
            audience: if script.below(8) == 0 { Audience::Agents } else { Audience::All },
            quick_replies: None,
        },
    }
}

fn event_id(script: &mut Script<'_>) -> EventId {
    let number = script.byte();
    let kind = match number % 8 {
        0 => EventKind::Agent,
        1 => EventKind::Greeting,
        2 => EventKind::StepUp,
        3 => EventKind::EscalationFailed(u32::from(number)),
        4 => EventKind::Say(u32::from(number)),
        5 => EventKind::Ended,
        _ => EventKind::Consumer,
    };
    let sequence = ODD[script.below(ODD.len())];
    EventId { dialog: "d".into(), key: EventKey { sequence, kind } }
}

fn intents() -> Vec<Intent> {
    vec![Intent { id: "i".to_owned(), name: None, confidence: Some(0.5) }]
}

/// Half an hour is `maxConsumerMessageDelay`; three minutes `fallbackEscalationTime`.
const TIMES: [u64; 9] = [0, 1, 100, 300, 3_000, 5_000, 31_000, 181_000, 1_900_000];
const ODD: [i64; 10] = [0, 1, 2, 3, 5, 8, 40, -1, i64::MIN, i64::MAX];
const EPOCH: i64 = 1_700_000_000_000;
const SCRIPT_MAX: usize = 2_048;
const HISTORY_MAX: usize = 2_000;
const DEEDS_MAX: usize = 100;
const CALLS_MAX: usize = 20;
/// A flood is read in parts, and what waits is published piece by piece.
const CALLS_IN_A_ROW_MAX: u32 = 1_000;
const ASKED_MAX: usize = 8;
const ROUNDS: u32 = 30;
const SIZE_MAX: usize = 4 << 20;
