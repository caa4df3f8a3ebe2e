//! Whatever happens in whatever order: nothing is lost, nothing is said twice.
//!
//! The model is one idea: a consumer message is *settled* when the bot has answered an event that holds it (or was
//! certainly wrong about it), or, after a restart, when the dialog holds a complete answer to it or to a later one.
//! After any course of events, once everything works again and the bot answers what it is asked, every consumer
//! message is settled, and every piece of every answer stands in the dialog once and in order.

use std::collections::{BTreeMap, BTreeSet};

use connectord::conversation::{
    Event, Mark, Sequence,
    event::{
        Action, Audience, BotEvent, Content, EventId, EventKey, EventKind, Message, Reach, Speaker,
    },
    settings::Kind,
};
use proptest::{prelude::*, sample::Index, test_runner::FileFailurePersistence};

use crate::support::{Exits, Publishing, Talk, consumer, ms, secs, text, transfer};

/// One thing that may happen.
#[derive(Clone, Debug)]
enum Happens {
    Says,
    Clicks,
    /// Stored, but the live event is on its way, perhaps for ever.
    SaysUnheard,
    /// One that was on its way arrives.
    Arrives(Index),
    /// An event of the dialog arrives again.
    ArrivesAgain(Index),
    /// The cloud tells which message is the newest.
    NewestIsTold,
    AgentSays,
    Passes(u64),
    Answers(Index),
    AnswersAgain(Index),
    WantsTransfer(Index),
    SpeaksUnasked,
    Sees(Index),
    Faults(Index),
    LinkDown,
    LinkUp,
    Restart,
    BotDown,
    BotGone,
    BotUp,
    StepsUp,
    Publishing(Publishing),
    Exits(Exits),
}

fn happens() -> impl Strategy<Value = Happens> {
    let index = any::<Index>;
    prop_oneof![
        4 => Just(Happens::Says),
        1 => Just(Happens::Clicks),
        2 => Just(Happens::SaysUnheard),
        2 => index().prop_map(Happens::Arrives),
        1 => index().prop_map(Happens::ArrivesAgain),
        2 => Just(Happens::NewestIsTold),
        1 => Just(Happens::AgentSays),
        4 => prop_oneof![Just(100), Just(300), Just(5_000), Just(31_000), Just(200_000)]
            .prop_map(Happens::Passes),
        5 => index().prop_map(Happens::Answers),
        1 => index().prop_map(Happens::AnswersAgain),
        1 => index().prop_map(Happens::WantsTransfer),
        1 => Just(Happens::SpeaksUnasked),
        2 => index().prop_map(Happens::Sees),
        1 => index().prop_map(Happens::Faults),
        1 => Just(Happens::LinkDown),
        1 => Just(Happens::LinkUp),
        1 => Just(Happens::Restart),
        1 => Just(Happens::BotDown),
        1 => Just(Happens::BotGone),
        1 => Just(Happens::BotUp),
        1 => Just(Happens::StepsUp),
        2 => prop_oneof![
            Just(Publishing::Works),
            Just(Publishing::AckLost),
            Just(Publishing::Lost),
            Just(Publishing::Fails),
            Just(Publishing::Held),
        ].prop_map(Happens::Publishing),
        1 => prop_oneof![Just(Exits::Refused), Just(Exits::TimeOut), Just(Exits::Held), Just(Exits::AgreedOnly)].prop_map(Happens::Exits),
    ]
}

proptest! {
    // PROPTEST_CASES=100000 for a long look.
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_lost_and_nothing_is_said_twice(
        events in prop::collection::vec(happens(), 1..60),
        fallback in any::<bool>(),
        window in prop_oneof![Just(0), Just(300), Just(3_000)],
        marks in prop::bool::weighted(0.8),
        told in any::<bool>(),
        chat in prop::bool::weighted(0.3),
    ) {
        let mut world = World::new(fallback, window, chat);
        world.talk.marks_come_back = marks && !chat;
        for event in events {
            world.happens(event);
            if world.talk.gone {
                break;
            }
        }
        world.heals(told);
        world.judge();
    }
}

/// The stage, and what the model knows.
struct World {
    talk: Talk,
    on_the_way: Vec<Sequence>,
    /// Asked and not answered, by this process.
    open: BTreeMap<String, BTreeSet<Sequence>>,
    answered: Vec<String>,
    settled: BTreeSet<Sequence>,
    logins: u32,
}

impl World {
    fn new(fallback: bool, window: u64, chat: bool) -> Self {
        let talk = Talk::assigned_with([consumer(0, "0")], |settings| {
            settings.gather = ms(window);
            settings.max_consumer_delay = secs(1_000_000);
            settings.fallback_skill = fallback.then(|| "900".into());
            if chat {
                *settings = std::mem::take(settings).in_chat(secs(30), 3);
            }
        });
        let (open, settled) = (BTreeMap::new(), BTreeSet::new());
        let mut world =
            Self { talk, on_the_way: Vec::new(), open, answered: Vec::new(), settled, logins: 0 };
        world.hears_questions();
        world
    }

    fn happens(&mut self, event: Happens) {
        let talk = &mut self.talk;
        let chat = talk.settings.kind == Kind::Chat;
        match event {
            // Of a chat only what this agent has to do with is told, and its visitor keeps one id.
            Happens::AgentSays | Happens::StepsUp if chat => {}
            Happens::Says | Happens::Clicks | Happens::SaysUnheard | Happens::AgentSays => {
                let words = Content::Text(talk.next_sequence.to_string());
                let agent = matches!(event, Happens::AgentSays);
                let from = if agent { Speaker::Agent } else { Speaker::Consumer };
                let click = matches!(event, Happens::Clicks);
                let metadata = click.then(|| crate::support::json("[]"));
                let sequence = talk.stores(from, words, metadata);
                if matches!(event, Happens::SaysUnheard) {
                    self.on_the_way.push(sequence);
                } else if talk.online {
                    talk.arrives(sequence);
                }
            }
            Happens::Arrives(index) if !self.on_the_way.is_empty() && talk.online => {
                let index = index.index(self.on_the_way.len());
                talk.arrives(self.on_the_way.remove(index));
            }
            Happens::ArrivesAgain(index) if talk.online => {
                let sequence = talk.dialog[index.index(talk.dialog.len())].sequence;
                if !self.on_the_way.contains(&sequence) {
                    talk.arrives(sequence);
                }
            }
            Happens::NewestIsTold if talk.online => self.tells_newest(),
            Happens::Passes(millis) => talk.after(ms(millis)),
            Happens::Answers(index) => self.with_open(index, |world, id| world.answers(&id)),
            Happens::AnswersAgain(index) if !self.answered.is_empty() => {
                let id = self.answered[index.index(self.answered.len())].clone();
                self.answers(&id);
            }
            Happens::WantsTransfer(index) => self.with_open(index, |world, id| {
                world.settle(&id);
                world.talk.answers_event(&id, [text(&words(&id, 0)), transfer("200")]);
            }),
            Happens::SpeaksUnasked => talk.bot(BotEvent::Says(vec![text("news")])),
            Happens::Sees(index) => self.with_open(index, |world, id| {
                let event = EventId::parse(&id).unwrap();
                world.talk.bot(BotEvent::Seen { event, expects_answer: true });
            }),
            Happens::Faults(index) => self.with_open(index, |world, id| {
                world.settle(&id);
                let event = EventId::parse(&id).unwrap();
                world.talk.bot(BotEvent::Fault { event, why: "404".to_owned() });
            }),
            Happens::LinkDown if talk.online => talk.link_down(),
            Happens::LinkUp if !talk.online => talk.link_up(),
            // Without marks a new process has to guess by position, and may ask again what was half said.
            Happens::Restart if talk.marks_come_back => {
                talk.online = true;
                talk.restarts();
                self.open.clear();
                self.settled = settled_by(&self.talk);
            }
            Happens::BotDown => talk.reach(Reach::Down),
            Happens::BotGone => talk.reach(Reach::Gone),
            Happens::BotUp => talk.reach(Reach::Up),
            Happens::StepsUp if talk.online => {
                self.logins += 1;
                let name = format!("consumer {}", self.logins);
                talk.details(|details| details.consumer = name.as_str().into());
            }
            Happens::Publishing(how) => talk.publishing = how,
            Happens::Exits(how) => talk.exits = how,
            Happens::Arrives(_)
            | Happens::Restart
            | Happens::ArrivesAgain(_)
            | Happens::NewestIsTold
            | Happens::AnswersAgain(_)
            | Happens::LinkDown
            | Happens::LinkUp
            | Happens::StepsUp => {}
        }
        self.hears_questions();
    }

    fn tells_newest(&mut self) {
        let dialog = self.talk.details.dialog.clone();
        let sequence = self.talk.next_sequence - 1;
        self.talk.step(Event::Newest { dialog, sequence });
    }

    /// Everything works from now on, and the bot answers whatever it is asked. What has not arrived is found by
    /// another connection, or by nothing but being `told` which message is the newest.
    fn heals(&mut self, told: bool) {
        self.talk.publishing = Publishing::Works;
        self.talk.exits = Exits::Work;
        let stuck = !self.talk.held_calls().is_empty();
        if self.talk.online && !self.talk.gone && (stuck || !told) {
            self.talk.link_down();
        }
        if !self.talk.gone {
            if self.talk.online {
                self.tells_newest();
            } else {
                self.talk.link_up();
            }
            self.talk.reach(Reach::Up);
        }
        for _ in 0..100 {
            self.hears_questions();
            for id in self.open.keys().cloned().collect::<Vec<_>>() {
                self.answers(&id);
            }
            self.talk.after(secs(31));
        }
    }

    fn judge(&self) {
        let mut pieces: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let own_words = self.talk.own_words();
        for (id, index) in own_words.iter().filter_map(|words| words.split_once('/')) {
            pieces.entry(id).or_default().push(index);
        }
        for (id, indexes) in &pieces {
            let ordered = indexes.windows(2).all(|pair| pair[0] < pair[1]);
            assert!(ordered, "{id}: {indexes:?}\n{}", self.talk.trace.join("\n"));
        }
        let mut read = BTreeSet::new();
        for message in &self.talk.dialog {
            if let Content::Receipt { sequences, .. } = &message.content {
                for sequence in sequences {
                    assert!(read.insert(*sequence), "{sequence} was read twice");
                }
            }
        }
        if self.talk.gone {
            return;
        }
        assert!(!self.talk.conversation().is_busy(), "{}", self.talk.trace.join("\n"));
        for message in self.talk.dialog.iter().filter(|m| m.from == Speaker::Consumer) {
            let (sequence, trace) = (message.sequence, self.talk.trace.join("\n"));
            assert!(self.settled.contains(&sequence), "{sequence} is not settled\n{trace}");
            let is_chat = self.talk.settings.kind == Kind::Chat;
            assert_ne!(read.contains(&sequence), is_chat, "the receipt of {sequence}\n{trace}");
        }
    }

    fn hears_questions(&mut self) {
        for question in self.talk.questions() {
            let parts = question.parts.iter().map(|part| part.sequence).collect();
            let id = question.event.to_string();
            if question.attempt > 1 {
                assert_eq!(self.open.get(&id), Some(&parts), "a resend is unchanged");
            }
            self.open.insert(id, parts);
        }
    }

    fn with_open(&mut self, index: Index, act: impl FnOnce(&mut Self, String)) {
        let ids: Vec<String> = self.open.keys().cloned().collect();
        if !ids.is_empty() {
            act(self, ids[index.index(ids.len())].clone());
        }
    }

    fn answers(&mut self, id: &str) {
        self.settle(id);
        let key = EventId::parse(id).unwrap().key;
        let pieces: Vec<Action> =
            (0..=key.sequence % 3).map(|index| text(&words(id, index))).collect();
        self.talk.answers_event(id, pieces);
    }

    fn settle(&mut self, id: &str) {
        self.settled.extend(self.open.remove(id).unwrap_or_default());
        self.answered.push(id.to_owned());
    }
}

fn is_spoken(message: &Message) -> bool {
    message.audience == Audience::All && matches!(message.content, Content::Text(_))
}

fn words(id: &str, index: Sequence) -> String {
    format!("{id}/{index}")
}

fn marks(talk: &Talk) -> impl Iterator<Item = &Mark> {
    talk.dialog.iter().filter(|m| m.from == Speaker::Me).filter_map(|m| m.mark.as_ref())
}

/// What a new process may take for answered: everything up to the newest complete answer, and up to the newest
/// transfer whose failure the bot has answered.
fn settled_by(talk: &Talk) -> BTreeSet<Sequence> {
    let mut have: BTreeMap<EventKey, (BTreeSet<u32>, u32)> = BTreeMap::new();
    let (mut up_to, mut half) = (-1, -1);
    let covers = |mark: &Mark| mark.covers.iter().copied().max().unwrap_or(-1);
    for mark in marks(talk) {
        let pieces = have.entry(mark.event).or_default();
        pieces.0.insert(mark.index);
        pieces.1 = pieces.1.max(mark.count);
        if mark.event.kind == EventKind::Consumer {
            half = half.max(mark.event.sequence);
        } else if matches!(mark.event.kind, EventKind::EscalationFailed(_)) {
            up_to = up_to.max(half).max(covers(mark));
        } else if matches!(mark.event.kind, EventKind::Say(_))
            && pieces.0.len() == pieces.1 as usize
        {
            up_to = up_to.max(covers(mark));
        }
    }
    let answers = |kind: &EventKind| matches!(kind, EventKind::Consumer | EventKind::Agent);
    let complete = have
        .iter()
        .filter(|(key, (have, count))| answers(&key.kind) && have.len() == *count as usize)
        .map(|(key, _)| key.sequence);
    let mut up_to = complete.max().unwrap_or(-1).max(up_to);
    let spoken = |from: Speaker| move |m: &&Message| m.from == from && is_spoken(m);
    if !talk.dialog.iter().any(|m| spoken(Speaker::Me)(&m)) {
        // The bot has not spoken: the conversation is taken over anew, and an agent's words end what was before.
        up_to = talk.dialog.iter().rev().find(spoken(Speaker::Agent)).map_or(-1, |m| m.sequence);
    }
    let consumer = talk.dialog.iter().filter(|m| m.from == Speaker::Consumer);
    consumer.map(|m| m.sequence).filter(|sequence| *sequence <= up_to).collect()
}
