//! A conversation on stage: the harness plays the cloud (a real dialog with sequences, echoes, marks and receipts), the
//! door to the bot and the clock; a test says what happens and asks what was done.

mod cloud;
mod looks;
mod words;

use std::{
    collections::VecDeque,
    mem::take,
    sync::Arc,
    time::{Duration, Instant},
};

use connectord::conversation::{
    Arrival, Call, CallError, CallId, Conversation, Event, Json, Sequence, Settings, Timestamp,
    effect::{Fact, Notice, Question},
    event::{
        Action, Answer, BotEvent, Content, Departure, Details, EventId, File, Message, Outcome,
        Profile, Reach, Speaker,
    },
};

use crate::trace;
pub(crate) use words::*;

/// What the cloud does with what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Publishing {
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
pub(crate) enum Exits {
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
pub(crate) enum Door {
    /// A WebSocket: the frame is written at once.
    Writes,
    /// No connection.
    Down,
    /// A webhook: the attempt runs until the test says how it ended.
    Attempts,
}

/// A conversation, its cloud, its bot and its time.
pub(crate) struct Talk {
    conversation: Option<Conversation>,
    pub(crate) settings: Settings,
    pub(crate) dialog: Vec<Message>,
    pub(crate) next_sequence: Sequence,
    pub(crate) details: Details,
    pub(crate) publishing: Publishing,
    pub(crate) exits: Exits,
    pub(crate) door: Door,
    pub(crate) marks_come_back: bool,
    /// Echoes and receipts arrive live.
    pub(crate) echoes: bool,
    pub(crate) online: bool,
    pub(crate) history_held: bool,
    pub(crate) history_fails: Option<CallError>,
    pub(crate) profile_held: bool,
    pub(crate) profile: Profile,
    pub(crate) gone: bool,
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
    pub(crate) calls: Vec<Call>,
    facts: Vec<Fact>,
    notices: Vec<Notice>,
    withdrawn: Vec<String>,
    pub(crate) trace: Vec<String>,
}

impl Talk {
    /// The agent has just been assigned to a conversation with this history.
    pub(crate) fn assigned(history: impl IntoIterator<Item = Message>) -> Self {
        Self::assigned_with(history, |_| {})
    }

    pub(crate) fn assigned_with(
        history: impl IntoIterator<Item = Message>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut talk = Self::prepared(history, change);
        talk.begin(Arrival::Assigned);
        talk
    }

    /// A conversation whose bot has been greeted in silence, so that it is quiet and served.
    pub(crate) fn quiet() -> Self {
        Self::quiet_with(|_| {})
    }

    pub(crate) fn quiet_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::assigned_with([], |settings| {
            settings.greeting = None;
            change(settings);
        })
    }

    /// Nothing has happened yet: for tests that begin with something special.
    pub(crate) fn prepared(
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

    pub(crate) fn begin(&mut self, arrival: Arrival) {
        self.trace.push(format!("{} begins, {arrival:?}", self.clock()));
        let settings = Arc::new(self.settings.clone());
        let (id, details) = ("c".into(), self.details.clone());
        let (conversation, effects) =
            Conversation::begin(id, details, arrival, settings, Reach::Up, self.now);
        self.conversation = Some(conversation);
        self.carry_out(effects);
    }

    /// kill -9, and a new process finds the conversation as the cloud has it.
    pub(crate) fn restarts(&mut self) {
        self.trace.push(format!("{} restart", self.clock()));
        self.held.clear();
        self.conversation = None;
        self.last_asked = None;
        self.begin(Arrival::Found);
    }

    // ---- the cloud and the consumer ----

    /// The consumer says something that arrives at once; tells its sequence.
    pub(crate) fn consumer(&mut self, text: &str) -> Sequence {
        self.sends(Speaker::Consumer, Content::Text(text.to_owned()), None)
    }

    pub(crate) fn consumer_clicks(&mut self, text: &str, metadata: &str) -> Sequence {
        let content = Content::Text(text.to_owned());
        self.sends(Speaker::Consumer, content, Some(json(metadata)))
    }

    pub(crate) fn consumer_sends_a_file(&mut self, caption: &str) -> Sequence {
        let file = File {
            caption: Some(caption.to_owned()),
            file_type: "JPEG".to_owned(),
            relative_path: "/a.jpeg".to_owned(),
        };
        self.sends(Speaker::Consumer, Content::File(file), None)
    }

    pub(crate) fn agent(&mut self, text: &str) -> Sequence {
        self.sends(Speaker::Agent, Content::Text(text.to_owned()), None)
    }

    /// Something is stored in the dialog and arrives at once.
    pub(crate) fn sends(
        &mut self,
        from: Speaker,
        content: Content,
        metadata: Option<Json>,
    ) -> Sequence {
        let sequence = self.stores(from, content, metadata);
        self.arrives(sequence);
        sequence
    }

    /// Something is stored in the dialog and does not arrive yet.
    pub(crate) fn stores(
        &mut self,
        from: Speaker,
        content: Content,
        metadata: Option<Json>,
    ) -> Sequence {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let time = self.server_time();
        let message = Message { metadata, ..message(sequence, from, content, time) };
        self.dialog.push(message);
        sequence
    }

    /// What is stored under this sequence arrives (again).
    pub(crate) fn arrives(&mut self, sequence: Sequence) {
        let message = self.dialog.iter().find(|m| m.sequence == sequence).unwrap().clone();
        self.step(Event::Message(message));
    }

    pub(crate) fn details(&mut self, change: impl FnOnce(&mut Details)) {
        change(&mut self.details);
        self.step(Event::Details(self.details.clone()));
    }

    /// The cloud answers the oldest call that it has held: it works.
    pub(crate) fn acknowledges(&mut self) {
        let (id, call) = self.held.pop_front().unwrap();
        let outcome = self.works(&call);
        self.step(Event::Called { id, outcome: Ok(outcome) });
        self.after_call(&call);
    }

    /// The oldest held call works, and the cloud does not say where the message stands.
    pub(crate) fn acknowledges_without_a_place(&mut self) {
        let (id, call) = self.held.pop_front().unwrap();
        self.works(&call);
        self.step(Event::Called { id, outcome: Ok(Outcome::Done) });
    }

    /// The oldest held call works with the dialog as it is; then the dialog changes, before anything else is done.
    pub(crate) fn acknowledges_then(&mut self, change: impl FnOnce(&mut Self)) {
        let (id, call) = self.held.pop_front().unwrap();
        let outcome = self.works(&call);
        change(self);
        self.step(Event::Called { id, outcome: Ok(outcome) });
    }

    /// The cloud answers the oldest call that it has held: with this error.
    pub(crate) fn errs(&mut self, error: CallError) {
        let (id, _) = self.held.pop_front().unwrap();
        self.step(Event::Called { id, outcome: Err(error) });
    }

    pub(crate) fn held_calls(&self) -> Vec<&'static str> {
        self.held.iter().map(|(_, call)| call.name()).collect()
    }

    /// The connection is lost: calls that wait for their answer get none.
    pub(crate) fn link_down(&mut self) {
        self.online = false;
        self.step(Event::LinkDown);
        for (id, call) in take(&mut self.held) {
            self.step(Event::Called { id, outcome: Err(no_answer(&call)) });
        }
    }

    pub(crate) fn link_up(&mut self) {
        self.online = true;
        self.step(Event::LinkUp(self.details.clone()));
    }

    pub(crate) fn leaves(&mut self, how: Departure) {
        self.gone = true;
        self.step(Event::Left(how));
    }

    // ---- the bot ----

    /// The bot answers the newest question.
    pub(crate) fn answers(&mut self, actions: impl IntoIterator<Item = Action>) {
        let event = self.last_asked.clone().expect("a question");
        self.answers_event(&event.to_string(), actions);
    }

    pub(crate) fn answers_event(&mut self, event: &str, actions: impl IntoIterator<Item = Action>) {
        let answer = Answer {
            event: EventId::parse(event).unwrap(),
            actions: actions.into_iter().collect(),
            intents: Vec::new(),
        };
        self.bot(BotEvent::Answered(answer));
    }

    pub(crate) fn sees(&mut self) {
        let event = self.last_asked.clone().expect("a question");
        self.bot(BotEvent::Seen { event, expects_answer: true });
    }

    pub(crate) fn is_silent(&mut self) {
        let event = self.last_asked.clone().expect("a question");
        let attempt = self.last_attempt;
        self.bot(BotEvent::Silent { event, attempt, retry_after: None });
    }

    pub(crate) fn faults(&mut self) {
        let event = self.last_asked.clone().expect("a question");
        self.bot(BotEvent::Fault { event, why: "404".to_owned() });
    }

    pub(crate) fn bot(&mut self, event: BotEvent) {
        self.step(Event::Bot(event));
    }

    pub(crate) fn reach(&mut self, reach: Reach) {
        self.door = if reach == Reach::Up { Door::Writes } else { Door::Down };
        self.step(Event::Reach(reach));
    }

    // ---- time ----

    /// Time passes; the conversation is woken when it wants to be.
    pub(crate) fn after(&mut self, span: Duration) {
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
    pub(crate) fn sleeps(&mut self, span: Duration) {
        self.skipped += span;
    }

    pub(crate) fn conversation(&self) -> &Conversation {
        self.conversation.as_ref().unwrap()
    }

    // ---- the machinery ----

    pub(crate) fn step(&mut self, event: Event) {
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

    fn server_time(&self) -> Timestamp {
        let passed = self.now.duration_since(self.start) + self.skipped;
        Timestamp(EPOCH + i64::try_from(passed.as_millis()).unwrap())
    }

    fn clock(&self) -> String {
        format!("{:>7.3}s", self.now.duration_since(self.start).as_secs_f64())
    }
}
