//! A conversation on stage: the harness plays the cloud (a real dialog with sequences, echoes, marks and receipts), the
//! door to the bot and the clock; a test says what happens and asks what was done.

use std::{
    collections::VecDeque,
    mem::take,
    sync::Arc,
    time::{Duration, Instant},
};

use connectord::conversation::{
    Arrival, Call, CallError, CallId, Conversation, Effect, Event, Json, Mark, Sequence, Settings,
    SkillId, Timestamp,
    effect::{Body, Disposition, Fact, Notice, Question},
    event::{
        Action, Answer, Audience, BotEvent, Content, Departure, Details, EventId, File, History,
        Message, Outcome, Profile, Reach, ReceiptStatus, SkillRef, Speaker, Target,
    },
};

use crate::trace;

/// What the cloud does with what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publishing {
    /// Takes it and says so.
    Works,
    /// Takes it, and the acknowledgement is lost; the echo too.
    AckLost,
    /// It never arrives, and nobody says so; the next one works.
    Lost,
    /// Says nothing until [`Talk::acknowledges`].
    Held,
    /// 400.
    Refused,
    /// 400 for structured content and quick replies only.
    RefusesRich,
    /// 500.
    Fails,
}

/// What the cloud does with a transfer, a close, a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exits {
    /// Agrees, and the conversation is gone.
    Work,
    /// Agrees, and the news that the conversation is gone takes its time.
    AgreedOnly,
    /// 400.
    Refused,
    /// No answer, and the conversation stays.
    TimeOut,
    /// Says nothing until told to.
    Held,
}

/// How the way to the bot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A WebSocket: the frame is written at once.
    Writes,
    /// No connection.
    Down,
    /// A webhook: the attempt runs until the test says how it ended.
    Attempts,
}

/// A conversation, its cloud, its bot and its time.
pub struct Talk {
    conversation: Option<Conversation>,
    pub settings: Settings,
    pub dialog: Vec<Message>,
    pub next_sequence: Sequence,
    pub details: Details,
    pub publishing: Publishing,
    pub exits: Exits,
    pub door: Door,
    pub marks_come_back: bool,
    /// Echoes and receipts arrive live.
    pub echoes: bool,
    pub online: bool,
    pub history_held: bool,
    pub history_fails: Option<CallError>,
    pub profile_held: bool,
    pub profile: Profile,
    pub gone: bool,
    held: VecDeque<(CallId, Call)>,
    start: Instant,
    now: Instant,
    skipped: Duration,
    asked: Vec<Question>,
    last_asked: Option<EventId>,
    last_attempt: u32,
    said: Vec<String>,
    receipts: Vec<Sequence>,
    typing: Vec<&'static str>,
    exited: Vec<Call>,
    pub calls: Vec<Call>,
    facts: Vec<Fact>,
    notices: Vec<Notice>,
    withdrawn: Vec<String>,
    pub trace: Vec<String>,
}

impl Talk {
    /// The agent has just been assigned to a conversation with this history.
    pub fn assigned(history: impl IntoIterator<Item = Message>) -> Self {
        Self::assigned_with(history, |_| {})
    }

    pub fn assigned_with(
        history: impl IntoIterator<Item = Message>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut talk = Self::prepared(history, change);
        talk.begin(Arrival::Assigned);
        talk
    }

    /// A conversation whose bot has been greeted in silence, so that it is quiet and served.
    pub fn quiet() -> Self {
        Self::quiet_with(|_| {})
    }

    pub fn quiet_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::assigned_with([], |settings| {
            settings.greeting = None;
            change(settings);
        })
    }

    /// Nothing has happened yet: for tests that begin with something special.
    pub fn prepared(
        history: impl IntoIterator<Item = Message>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let dialog: Vec<Message> = history.into_iter().collect();
        let start = an_instant();
        Self {
            conversation: None,
            settings,
            next_sequence: dialog.last().map_or(0, |last| last.sequence + 1),
            dialog,
            details: Details {
                dialog: "d".into(),
                skill: Some("100".into()),
                consumer: "visitor".into(),
                started: Timestamp(EPOCH),
            },
            publishing: Publishing::Works,
            exits: Exits::Work,
            door: Door::Writes,
            marks_come_back: true,
            echoes: true,
            online: true,
            history_held: false,
            history_fails: None,
            profile_held: false,
            profile: Profile::default(),
            gone: false,
            held: VecDeque::new(),
            start,
            now: start,
            skipped: Duration::ZERO,
            asked: Vec::new(),
            last_asked: None,
            last_attempt: 0,
            said: Vec::new(),
            receipts: Vec::new(),
            typing: Vec::new(),
            exited: Vec::new(),
            calls: Vec::new(),
            facts: Vec::new(),
            notices: Vec::new(),
            withdrawn: Vec::new(),
            trace: Vec::new(),
        }
    }

    pub fn begin(&mut self, arrival: Arrival) {
        self.trace.push(format!("{} begins, {arrival:?}", self.clock()));
        let settings = Arc::new(self.settings.clone());
        let (id, details) = ("c".into(), self.details.clone());
        let (conversation, effects) =
            Conversation::begin(id, details, arrival, settings, Reach::Up, self.now);
        self.conversation = Some(conversation);
        self.carry_out(effects);
    }

    /// kill -9, and a new process finds the conversation as the cloud has it.
    pub fn restarts(&mut self) {
        self.trace.push(format!("{} restart", self.clock()));
        self.held.clear();
        self.conversation = None;
        self.last_asked = None;
        self.begin(Arrival::Found);
    }

    // ---- the cloud and the consumer ----

    /// The consumer says something that arrives at once; tells its sequence.
    pub fn consumer(&mut self, text: &str) -> Sequence {
        self.sends(Speaker::Consumer, Content::Text(text.to_owned()), None)
    }

    pub fn consumer_clicks(&mut self, text: &str, metadata: &str) -> Sequence {
        let content = Content::Text(text.to_owned());
        self.sends(Speaker::Consumer, content, Some(json(metadata)))
    }

    pub fn consumer_sends_a_file(&mut self, caption: &str) -> Sequence {
        let file = File {
            caption: Some(caption.to_owned()),
            file_type: "JPEG".to_owned(),
            relative_path: "/a.jpeg".to_owned(),
        };
        self.sends(Speaker::Consumer, Content::File(file), None)
    }

    pub fn agent(&mut self, text: &str) -> Sequence {
        self.sends(Speaker::Agent, Content::Text(text.to_owned()), None)
    }

    /// Something is stored in the dialog and arrives at once.
    pub fn sends(&mut self, from: Speaker, content: Content, metadata: Option<Json>) -> Sequence {
        let sequence = self.stores(from, content, metadata);
        self.arrives(sequence);
        sequence
    }

    /// Something is stored in the dialog and does not arrive yet.
    pub fn stores(&mut self, from: Speaker, content: Content, metadata: Option<Json>) -> Sequence {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let time = self.server_time();
        let message = Message { metadata, ..message(sequence, from, content, time) };
        self.dialog.push(message);
        sequence
    }

    /// What is stored under this sequence arrives (again).
    pub fn arrives(&mut self, sequence: Sequence) {
        let message = self.dialog.iter().find(|m| m.sequence == sequence).unwrap().clone();
        self.step(Event::Message(message));
    }

    pub fn details(&mut self, change: impl FnOnce(&mut Details)) {
        change(&mut self.details);
        self.step(Event::Details(self.details.clone()));
    }

    /// The cloud answers the oldest call that it has held: it works.
    pub fn acknowledges(&mut self) {
        let (id, call) = self.held.pop_front().unwrap();
        let outcome = self.works(&call);
        self.step(Event::Called { id, outcome: Ok(outcome) });
        self.after_call(&call);
    }

    /// The oldest held call works with the dialog as it is; then the dialog changes, before anything else is done.
    pub fn acknowledges_then(&mut self, change: impl FnOnce(&mut Self)) {
        let (id, call) = self.held.pop_front().unwrap();
        let outcome = self.works(&call);
        change(self);
        self.step(Event::Called { id, outcome: Ok(outcome) });
    }

    /// The cloud answers the oldest call that it has held: with this error.
    pub fn errs(&mut self, error: CallError) {
        let (id, _) = self.held.pop_front().unwrap();
        self.step(Event::Called { id, outcome: Err(error) });
    }

    pub fn held_calls(&self) -> Vec<&'static str> {
        self.held.iter().map(|(_, call)| call.name()).collect()
    }

    /// The connection is lost: calls that wait for their answer get none.
    pub fn link_down(&mut self) {
        self.online = false;
        self.step(Event::LinkDown);
        for (id, call) in take(&mut self.held) {
            self.step(Event::Called { id, outcome: Err(no_answer(&call)) });
        }
    }

    pub fn link_up(&mut self) {
        self.online = true;
        self.step(Event::LinkUp(self.details.clone()));
    }

    pub fn leaves(&mut self, how: Departure) {
        self.gone = true;
        self.step(Event::Left(how));
    }

    // ---- the bot ----

    /// The bot answers the newest question.
    pub fn answers(&mut self, actions: impl IntoIterator<Item = Action>) {
        let event = self.last_asked.clone().expect("a question");
        self.answers_event(&event.to_string(), actions);
    }

    pub fn answers_event(&mut self, event: &str, actions: impl IntoIterator<Item = Action>) {
        let answer = Answer {
            event: EventId::parse(event).unwrap(),
            actions: actions.into_iter().collect(),
            intents: Vec::new(),
        };
        self.bot(BotEvent::Answered(answer));
    }

    pub fn sees(&mut self) {
        let event = self.last_asked.clone().expect("a question");
        self.bot(BotEvent::Seen { event, expects_answer: true });
    }

    pub fn is_silent(&mut self) {
        let event = self.last_asked.clone().expect("a question");
        let attempt = self.last_attempt;
        self.bot(BotEvent::Silent { event, attempt, retry_after: None });
    }

    pub fn faults(&mut self) {
        let event = self.last_asked.clone().expect("a question");
        self.bot(BotEvent::Fault { event, why: "404".to_owned() });
    }

    pub fn bot(&mut self, event: BotEvent) {
        self.step(Event::Bot(event));
    }

    pub fn reach(&mut self, reach: Reach) {
        self.door = if reach == Reach::Up { Door::Writes } else { Door::Down };
        self.step(Event::Reach(reach));
    }

    // ---- time ----

    /// Time passes; the conversation is woken when it wants to be.
    pub fn after(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some((at, timer)) = self.conversation.as_ref().and_then(Conversation::wake) {
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            self.step(Event::Elapsed);
            let again = self.conversation.as_ref().and_then(Conversation::wake);
            assert!(
                again.is_none_or(|next| next != (at, timer)),
                "{timer:?} does not go away by stepping at its time"
            );
        }
        self.now = end;
    }

    /// Server time goes on while the process is down.
    pub fn sleeps(&mut self, span: Duration) {
        self.skipped += span;
    }

    pub fn wake(&self) -> Option<Duration> {
        let (at, _) = self.conversation.as_ref()?.wake()?;
        Some(at.saturating_duration_since(self.now))
    }

    pub fn conversation(&self) -> &Conversation {
        self.conversation.as_ref().unwrap()
    }

    // ---- what was done since the last look ----

    /// The texts that the bot was asked.
    pub fn asked(&mut self) -> Vec<String> {
        take(&mut self.asked).into_iter().map(|question| question.text).collect()
    }

    pub fn questions(&mut self) -> Vec<Question> {
        take(&mut self.asked)
    }

    /// The ids and attempts of the questions: `12#1`.
    pub fn asked_ids(&mut self) -> Vec<String> {
        let asked = take(&mut self.asked).into_iter();
        asked.map(|question| format!("{}#{}", question.event.key, question.attempt)).collect()
    }

    /// The id of the newest question.
    pub fn last_id(&self) -> String {
        self.last_asked.as_ref().unwrap().to_string()
    }

    /// What the consumer or the agents have got to see.
    pub fn said(&mut self) -> Vec<String> {
        take(&mut self.said)
    }

    pub fn receipts(&mut self) -> Vec<Sequence> {
        take(&mut self.receipts)
    }

    pub fn typing(&mut self) -> Vec<&'static str> {
        take(&mut self.typing)
    }

    /// Transfers, closes and returns, in words.
    pub fn exits(&mut self) -> Vec<String> {
        take(&mut self.exited).iter().map(trace::call).collect()
    }

    pub fn facts(&mut self) -> Vec<Fact> {
        take(&mut self.facts)
    }

    /// What became of consumer messages.
    pub fn dispositions(&mut self) -> Vec<(usize, Disposition)> {
        let facts = take(&mut self.facts).into_iter();
        facts
            .filter_map(
                |fact| if let Fact::Consumer(n, how) = fact { Some((n, how)) } else { None },
            )
            .collect()
    }

    pub fn notices(&mut self) -> Vec<String> {
        take(&mut self.notices).into_iter().map(|notice| notice.event.to_string()).collect()
    }

    pub fn withdrawn(&mut self) -> Vec<String> {
        take(&mut self.withdrawn)
    }

    /// The own messages in the dialog: what everybody can still see of the bot.
    pub fn own_words(&self) -> Vec<String> {
        let own = self.dialog.iter().filter(|m| m.from == Speaker::Me);
        own.filter_map(|m| trace::words(&m.content)).collect()
    }

    pub fn forget_all(&mut self) {
        let _ = (self.asked(), self.said(), self.receipts(), self.typing(), self.exits());
        let _ = (self.facts(), self.notices(), self.withdrawn());
        self.calls.clear();
    }

    // ---- the machinery ----

    pub fn step(&mut self, event: Event) {
        if let Some(line) = trace::event(&event) {
            self.trace.push(format!("{} {line}", self.clock()));
        }
        let Some(conversation) = self.conversation.take() else {
            return;
        };
        let (conversation, effects) = conversation.step(event, self.now);
        self.conversation = Some(conversation);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        self.check(&effects);
        let mut outcomes = Vec::new();
        for effect in effects {
            if let Some(line) = trace::effect(&effect) {
                self.trace.push(format!("         {line}"));
            }
            match effect {
                Effect::Call { id, call } => self.take_call(id, call, &mut outcomes),
                Effect::Tell(call) => self.take_tell(call, &mut outcomes),
                Effect::Ask(question) => {
                    let (event, attempt) = (question.event.clone(), question.attempt);
                    self.last_asked = Some(event.clone());
                    self.last_attempt = attempt;
                    self.asked.push(question);
                    match self.door {
                        Door::Writes => {
                            outcomes.push(Event::Bot(BotEvent::HandedOver { event, attempt }));
                        }
                        Door::Down => {
                            outcomes.push(Event::Bot(BotEvent::Undelivered { event, attempt }));
                        }
                        Door::Attempts => {}
                    }
                }
                Effect::Withdraw(event) => self.withdrawn.push(event.to_string()),
                Effect::Notify(notice) => self.notices.push(notice),
                Effect::Report(fact) => self.facts.push(fact),
                Effect::Forget => self.conversation = None,
            }
        }
        for outcome in outcomes {
            self.step(outcome);
        }
    }

    /// What must hold after every step.
    fn check(&self, effects: &[Effect]) {
        assert!(effects.len() < 100, "too many effects: {effects:?}");
        let Some(conversation) = &self.conversation else {
            return;
        };
        let wake = conversation.wake();
        assert!(wake.is_none_or(|(at, _)| at > self.now), "{wake:?} is not in the future");
        let asks = effects.iter().any(|effect| matches!(effect, Effect::Ask(_)));
        let over = effects.contains(&Effect::Forget) || conversation.exit().is_some();
        assert!(!(asks && over), "the bot is asked about a conversation that is being left");
    }

    fn take_call(&mut self, id: CallId, call: Call, outcomes: &mut Vec<Event>) {
        self.calls.push(call.clone());
        if !self.online {
            return outcomes.push(Event::Called { id, outcome: Err(CallError::NotSent) });
        }
        let reply = self.reply(&call);
        match reply {
            None => self.held.push_back((id, call)),
            Some(Ok(())) => {
                let outcome = self.works(&call);
                outcomes.push(Event::Called { id, outcome: Ok(outcome) });
                outcomes.extend(self.news_of(&call));
            }
            Some(Err(error)) => {
                if self.publishing == Publishing::AckLost && call.name() == "publish" {
                    self.works(&call);
                }
                outcomes.push(Event::Called { id, outcome: Err(error) });
            }
        }
    }

    /// What the cloud says to a call; none if nothing yet.
    fn reply(&mut self, call: &Call) -> Option<Result<(), CallError>> {
        match call {
            Call::Publish { body, .. } => {
                let rich = !matches!(body, Body::Text { quick_replies: None, .. });
                match self.publishing {
                    Publishing::Works => Some(Ok(())),
                    Publishing::Held => None,
                    Publishing::Refused => Some(Err(refused(call))),
                    Publishing::RefusesRich if rich => Some(Err(refused(call))),
                    Publishing::RefusesRich => Some(Ok(())),
                    Publishing::Fails => Some(Err(failed(call))),
                    Publishing::AckLost => Some(Err(no_answer(call))),
                    Publishing::Lost => {
                        self.publishing = Publishing::Works;
                        Some(Err(no_answer(call)))
                    }
                }
            }
            Call::History { .. } if self.history_held => None,
            Call::History { .. } => Some(self.history_fails.clone().map_or(Ok(()), Err)),
            Call::Profile(_) if self.profile_held => None,
            Call::Transfer { .. } | Call::Return | Call::Close { .. } => {
                self.exited.push(call.clone());
                match self.exits {
                    Exits::Work | Exits::AgreedOnly => Some(Ok(())),
                    Exits::Refused => Some(Err(refused(call))),
                    Exits::TimeOut => Some(Err(no_answer(call))),
                    Exits::Held => None,
                }
            }
            Call::Profile(_) | Call::Receipt { .. } | Call::Typing { .. } => Some(Ok(())),
            Call::Join | Call::Ttr { .. } => Some(Ok(())),
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
                self.said.extend(trace::words(&content));
                let sequence = self.stores(Speaker::Me, content, None);
                let stored = self.dialog.last_mut().unwrap();
                stored.audience = *audience;
                stored.mark = mark.clone().filter(|_| self.marks_come_back);
                Outcome::Published(sequence)
            }
            Call::History { after, .. } => {
                let from = after.map_or(0, |after| (after - 1).max(0));
                let known = self.dialog.iter().filter(|m| m.sequence >= from);
                Outcome::History(History { messages: known.cloned().collect(), truncated: false })
            }
            Call::Profile(_) => Outcome::Profile(self.profile.clone()),
            Call::Transfer { .. }
            | Call::Return
            | Call::Close { .. }
            | Call::Receipt { .. }
            | Call::Typing { .. }
            | Call::Join
            | Call::Ttr { .. } => Outcome::Done,
        }
    }

    /// What everybody hears of a call that worked.
    fn news_of(&mut self, call: &Call) -> Option<Event> {
        match call {
            _ if self.exits == Exits::AgreedOnly => None,
            Call::Publish { .. } if self.echoes => self.dialog.last().cloned().map(Event::Message),
            Call::Transfer { .. } | Call::Return => {
                self.gone = true;
                Some(Event::Left(Departure::Moved))
            }
            Call::Close { .. } => {
                self.gone = true;
                Some(Event::Left(Departure::Closed))
            }
            Call::Publish { .. }
            | Call::History { .. }
            | Call::Profile(_)
            | Call::Receipt { .. }
            | Call::Typing { .. }
            | Call::Join
            | Call::Ttr { .. } => None,
        }
    }

    fn after_call(&mut self, call: &Call) {
        if let Some(news) = self.news_of(call) {
            self.step(news);
        }
    }

    fn take_tell(&mut self, call: Call, outcomes: &mut Vec<Event>) {
        self.calls.push(call.clone());
        match call {
            Call::Receipt { sequences, .. } => {
                self.receipts.extend(&sequences);
                if self.online {
                    let content = Content::Receipt { status: ReceiptStatus::Read, sequences };
                    self.stores(Speaker::Me, content, None);
                    if self.echoes {
                        outcomes.extend(self.dialog.last().cloned().map(Event::Message));
                    }
                }
            }
            Call::Typing { composing, .. } => {
                self.typing.push(if composing { "COMPOSING" } else { "ACTIVE" });
            }
            Call::Publish { .. }
            | Call::History { .. }
            | Call::Profile(_)
            | Call::Transfer { .. }
            | Call::Return
            | Call::Close { .. }
            | Call::Join
            | Call::Ttr { .. } => {}
        }
    }

    fn server_time(&self) -> Timestamp {
        let passed = self.now.duration_since(self.start) + self.skipped;
        Timestamp(EPOCH + i64::try_from(passed.as_millis()).unwrap())
    }

    fn clock(&self) -> String {
        format!("{:>7.3}s", self.now.duration_since(self.start).as_secs_f64())
    }
}

// ---- small words for tests ----

pub fn text(text: &str) -> Action {
    Action::Text { text: text.to_owned(), audience: Audience::All, quick_replies: None }
}

pub fn for_agents(text: &str) -> Action {
    Action::Text { text: text.to_owned(), audience: Audience::Agents, quick_replies: None }
}

pub fn card(texts: &str) -> Action {
    Action::Structured {
        content: json(r#"{"type":"vertical"}"#),
        metadata: None,
        quick_replies: None,
        text: texts.to_owned(),
    }
}

pub fn pause(length: Duration) -> Action {
    Action::Pause { length, typing: true }
}

pub fn transfer(skill: &str) -> Action {
    let target = Target { skill: Some(SkillRef::Id(skill.to_owned())), agent: None };
    Action::Transfer { target, reason: None, by_user: false }
}

pub fn transfer_to_name(name: &str) -> Action {
    let target = Target { skill: Some(SkillRef::Name(name.to_owned())), agent: None };
    Action::Transfer { target, reason: None, by_user: false }
}

pub fn close() -> Action {
    Action::Close { survey: true }
}

pub fn fallback_to(skill: &str) -> impl FnOnce(&mut Settings) {
    let skill = SkillId::from(skill);
    move |settings| settings.fallback_skill = Some(skill)
}

pub fn consumer(sequence: Sequence, text: &str) -> Message {
    message(sequence, Speaker::Consumer, Content::Text(text.to_owned()), Timestamp(EPOCH))
}

pub fn agent(sequence: Sequence, text: &str) -> Message {
    message(sequence, Speaker::Agent, Content::Text(text.to_owned()), Timestamp(EPOCH))
}

/// An own message; `interaction` is the journal mark's text, empty for none.
pub fn me(sequence: Sequence, text: &str, interaction: &str) -> Message {
    let said = message(sequence, Speaker::Me, Content::Text(text.to_owned()), Timestamp(EPOCH));
    Message { mark: Mark::parse(interaction, Vec::new()), ..said }
}

pub fn read(sequence: Sequence, sequences: &[Sequence]) -> Message {
    let sequences = sequences.to_vec();
    let content = Content::Receipt { status: ReceiptStatus::Read, sequences };
    message(sequence, Speaker::Me, content, Timestamp(EPOCH))
}

pub fn message(sequence: Sequence, from: Speaker, content: Content, time: Timestamp) -> Message {
    Message {
        dialog: "d".into(),
        sequence,
        time,
        from,
        audience: Audience::All,
        content,
        metadata: None,
        mark: None,
    }
}

pub fn json(text: &str) -> Json {
    Json::from_value(&serde_json::from_str::<serde_json::Value>(text).unwrap())
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

pub fn no_answer(call: &Call) -> CallError {
    CallError::NoAnswer { call: call.name() }
}

pub fn refused(call: &Call) -> CallError {
    CallError::Refused { call: call.name(), code: 400, message: "no".to_owned() }
}

pub fn failed(call: &Call) -> CallError {
    CallError::Failed { call: call.name(), code: 500, message: "oh".to_owned() }
}

/// Some instant; which one does not matter, time is moved by hand from here.
pub fn an_instant() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for hand-moved time")]
    Instant::now()
}

/// Server time when a test begins.
pub const EPOCH: i64 = 1_700_000_000_000;
