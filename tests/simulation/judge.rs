//! What must be true of every run.

use std::collections::{BTreeMap, BTreeSet};

use connectord::ops::status::ConnectorStatus;
use tokio::time::Instant;

use crate::{
    bot::{self, Asked},
    plan::Step,
    run::{Record, Talk, WATCHDOG},
    simulator::{Audience, Event},
    support::BOT_SKILL,
};

/// What became of the consumer messages of a run, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) answered: usize,
    pub(crate) escalated: usize,
    pub(crate) late: usize,
    /// It asked for people, they could not be had, and the bot was told.
    pub(crate) keyword: usize,
    pub(crate) left: usize,
    /// The bot had not a word for it, as often as it was asked, or only said that it has seen it; and went on with what
    /// came after it.
    pub(crate) given_up: usize,
    /// Chat, over a restart: of the answer only a part was said.
    pub(crate) cut: usize,
    /// Chat, over a restart: what was said behind it is taken for its answer.
    pub(crate) taken: usize,
    /// Chat: the cloud has refused a line of the answer, and refuses it for good.
    pub(crate) refused: usize,
    pub(crate) lost: usize,
    pub(crate) repeated: usize,
    pub(crate) reordered: usize,
    pub(crate) wrong: Vec<String>,
}

impl Verdict {
    pub(crate) fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.escalated += other.escalated;
        self.late += other.late;
        self.keyword += other.keyword;
        self.left += other.left;
        self.given_up += other.given_up;
        self.cut += other.cut;
        self.taken += other.taken;
        self.refused += other.refused;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.reordered += other.reordered;
        self.wrong.extend(other.wrong.iter().cloned());
    }
}

/// Looks at a run from all sides.
pub(crate) fn judge(record: &Record) -> Verdict {
    let mut verdict = Verdict { wrong: record.broken.clone(), ..Verdict::default() };
    for talk in &record.talks {
        Case { record, talk, verdict: &mut verdict }.judge();
    }
    ids(record, &mut verdict);
    rings(record, &mut verdict);
    healing(record, &mut verdict);
    service_manager(&record.told, &mut verdict);
    verdict
}

/// One conversation.
struct Case<'a> {
    record: &'a Record,
    talk: &'a Talk,
    verdict: &'a mut Verdict,
}

impl<'a> Case<'a> {
    fn judge(&mut self) {
        let said = self.pieces();
        let whole: BTreeSet<u64> = said
            .iter()
            .filter(|(id, have)| have.len() as u32 == bot::pieces(id))
            .filter_map(|(id, _)| self.record.asked.get(*id))
            .flat_map(|asked| asked.covers.iter().copied())
            .collect();
        for message in self.consumer() {
            let sequence = message.sequence.unwrap();
            if whole.contains(&sequence) {
                self.verdict.answered += 1;
            } else if self.is_with_people() {
                self.verdict.escalated += 1;
            } else if !self.talk.conversation.open || self.found_no_room() {
                self.verdict.left += 1;
            } else if self.is_keyword(message) {
                self.verdict.keyword += 1;
            } else if self.was_given_up(sequence) {
                self.verdict.given_up += 1;
            } else if self.is_late(message) {
                self.verdict.late += 1;
            } else {
                self.verdict.lost += 1;
                self.wrong(format!(
                    "{sequence} ({:?}) is lost",
                    message.text().unwrap_or_default()
                ));
            }
        }
        self.covered_once(&said);
        self.receipts();
    }

    /// The pieces of the bot's answers, as they stand in the dialog: each once, in order, and this dialog's.
    fn pieces(&mut self) -> BTreeMap<&'a str, Vec<u32>> {
        let talk = self.talk;
        let mut said: BTreeMap<&'a str, Vec<u32>> = BTreeMap::new();
        let mut newest = 0;
        for event in &talk.events {
            if event.role.word() == "CONSUMER" || event.audience != Audience::All {
                continue;
            }
            let Some(text) = event.text() else { continue };
            let Some((id, piece)) = text.split_once('/') else {
                self.verdict.wrong.push(format!("{}: nobody says {text:?}", self.talk.id));
                continue;
            };
            let piece: u32 = piece.parse().unwrap();
            let asked_here = |asked: &Asked| asked.conversation == talk.id;
            if !self.record.asked.get(id).is_some_and(asked_here) {
                self.verdict.wrong.push(format!("{text:?} is said in {}", self.talk.id));
            }
            let have = said.entry(id).or_default();
            if have.contains(&piece) {
                self.verdict.repeated += 1;
                self.verdict.wrong.push(format!("{}: {text:?} is said twice", self.talk.id));
            } else if have.last().is_some_and(|last| *last > piece) {
                self.verdict.reordered += 1;
                self.verdict.wrong.push(format!("{}: {text:?} comes too late", self.talk.id));
            }
            have.push(piece);
            // Events are numbered by what they answer.
            let number =
                id[self.talk.id.len()..].split(':').nth(1).and_then(|n| n.parse::<u64>().ok());
            // What the bot has taken its time for, or was asked for once more after all attempts, holds up nothing.
            let attempts = u64::from(self.record.plan.settings.resends()) + 1;
            let may_be_late = |asked: &Asked| asked.seen || asked.attempt > attempts;
            let held_up = !self.record.asked.get(id).is_some_and(may_be_late);
            if let Some(number) = number.filter(|_| held_up) {
                if number < newest {
                    self.verdict.reordered += 1;
                    self.verdict
                        .wrong
                        .push(format!("{}: {text:?} answers out of order", self.talk.id));
                }
                newest = newest.max(number);
            }
        }
        said
    }

    /// No message is in two events that were both answered.
    fn covered_once(&mut self, said: &BTreeMap<&str, Vec<u32>>) {
        let mut by: BTreeMap<u64, &str> = BTreeMap::new();
        for id in said.keys() {
            let covers = self.record.asked.get(*id).map(|asked| asked.covers.as_slice());
            for sequence in covers.unwrap_or_default() {
                if let Some(other) = by.insert(*sequence, id) {
                    self.verdict.repeated += 1;
                    let what = format!("{sequence} is answered by {other} and by {id}");
                    self.wrong(what);
                }
            }
        }
    }

    fn receipts(&mut self) {
        let mut read = BTreeSet::new();
        let talk = self.talk;
        for event in &talk.events {
            if event.event["status"] != "READ" || event.role.word() == "CONSUMER" {
                continue;
            }
            for sequence in event.event["sequenceList"].as_array().unwrap() {
                let sequence = sequence.as_u64().unwrap();
                if !self.record.plan.settings.read_receipts {
                    self.wrong(format!("{sequence} is marked as read"));
                } else if !read.insert(sequence) {
                    self.wrong(format!("{sequence} is marked as read twice"));
                }
            }
        }
    }

    fn consumer(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        let talk = self.talk;
        let events = talk.events.iter().map(|event| &**event);
        events.filter(|event| event.is_content() && event.role.word() == "CONSUMER")
    }

    fn is_with_people(&self) -> bool {
        self.talk.conversation.skill != BOT_SKILL
    }

    /// Whether it waits in the queue, since the connector is full and stays so.
    fn found_no_room(&self) -> bool {
        let limit = self.record.plan.settings.max_conversations;
        let is_full = self.record.last.as_ref().is_some_and(|s| s.conversations.open >= limit);
        is_full && self.talk.conversation.assigned().is_none()
    }

    fn is_keyword(&self, message: &Event) -> bool {
        self.record.plan.settings.fallback && message.text() == Some("people")
    }

    /// Whether the settings' attempts are used up without a word of the bot, or it has said that it has seen the event
    /// and kept its answer until the connector that had asked was gone.
    fn was_given_up(&self, sequence: u64) -> bool {
        let settings = &self.record.plan.settings;
        let here =
            |asked: &&Asked| asked.conversation == self.talk.id && asked.covers.contains(&sequence);
        let asked: Vec<&Asked> = self.record.asked.values().filter(here).collect();
        let was_away = |(step, _): &(Step, f64)| matches!(step, Step::BotAway(_));
        let never_reached = settings.webhook
            && settings.fallback
            && asked.is_empty()
            && self.record.plan.steps.iter().any(was_away);
        never_reached
            || asked.iter().any(|asked| {
                // An attempt may have found nobody at the other end: the bot does not know of it.
                let used_up = settings.fallback || asked.moods.len() > settings.resends() as usize;
                asked.seen || (used_up && asked.moods.iter().all(|mood| mood.is_silent()))
            })
    }

    /// Whether more time has passed than is allowed since the last message that was answered before it.
    fn is_late(&self, message: &Event) -> bool {
        let limit = u64::from(self.record.plan.settings.max_consumer_delay) * 60_000;
        let before = self.consumer().filter(|other| other.sequence < message.sequence);
        before.map(|other| other.time).any(|time| message.time - time > limit)
    }

    fn wrong(&mut self, what: String) {
        self.verdict.wrong.push(format!("{}: {what}", self.talk.id));
    }
}

/// Without a window an id means the same as often as it is asked: the bot may answer it as before.
fn ids(record: &Record, verdict: &mut Verdict) {
    if record.plan.settings.message_delay > 0 {
        return;
    }
    for (id, asked) in &record.asked {
        if !asked.covered_once.is_empty() {
            let Asked { covers, covered_once, .. } = asked;
            verdict.wrong.push(format!("{id} means {covers:?} and once meant {covered_once:?}"));
        }
    }
}

/// No ring is taken while the daemon drains.
fn rings(record: &Record, verdict: &mut Verdict) {
    for (from, to) in &record.drains {
        // One that left before the signal may arrive after it.
        let taken = record.accepted.iter().filter(|at| **at > from + 20 && *at <= to).count();
        if taken > 0 {
            verdict.wrong.push(format!("{taken} rings were taken while draining"));
        }
    }
}

/// When nothing goes wrong any more, everything works again.
fn healing(record: &Record, verdict: &mut Verdict) {
    let Some(status) = &record.last else { return };
    if status.agent_connector.status != ConnectorStatus::Online {
        verdict.wrong.push(format!("not Online again: {status:?}"));
    }
    if status.conversations.waiting_for_bot > 0 {
        verdict.wrong.push(format!("{} still wait", status.conversations.waiting_for_bot));
    }
}

/// READY once per start and per reload, STOPPING before the end, and a sign of life in time.
pub(crate) fn service_manager(told: &[(Instant, String)], verdict: &mut Verdict) {
    let mut alive = None;
    let (mut ready, mut reloading, mut stopping) = (0, 0, false);
    for (at, words) in told {
        if words == "(start)" {
            (ready, reloading, stopping, alive) = (0, 0, false, Some(*at));
            continue;
        }
        if words.contains("WATCHDOG=1") {
            if alive.is_some_and(|last| *at - last > WATCHDOG) {
                verdict.wrong.push("the watchdog would have bitten".to_owned());
            }
            alive = Some(*at);
        }
        reloading += usize::from(words.contains("RELOADING=1"));
        ready += usize::from(words.contains("READY=1"));
        if stopping && words.contains("STOPPING=1") {
            verdict.wrong.push("STOPPING=1 was said twice".to_owned());
        }
        stopping |= words.contains("STOPPING=1");
        if ready > 1 + reloading {
            verdict.wrong.push("READY=1 was said twice".to_owned());
        }
    }
    if ready == 0 {
        verdict.wrong.push("READY=1 was never said".to_owned());
    }
}
