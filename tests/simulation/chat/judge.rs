//! What must be true of every run of a chat connector.

use std::collections::{BTreeMap, BTreeSet};

use connectord::ops::status::ConnectorStatus;

use super::{plan::Step, run::Record};
use crate::{
    bot::{self, Asked},
    judge::{Verdict, service_manager},
    simulator::{
        Breach, Broken, CallName, Chat, ChatEnd, ChatEvent, ChatState, Line, Millis, Source,
    },
    support::BOT_SKILL,
};

/// Looks at a run from all sides.
pub(super) fn judge(record: &Record) -> Verdict {
    let mut verdict = Verdict { wrong: record.broken.clone(), ..Verdict::default() };
    for chat in &record.chats {
        Case { record, chat, verdict: &mut verdict }.judge();
    }
    ids(record, &mut verdict);
    rings(record, &mut verdict);
    breaches(record, &mut verdict);
    healing(record, &mut verdict);
    service_manager(&record.told, &mut verdict);
    verdict
}

/// One chat.
struct Case<'a> {
    record: &'a Record,
    chat: &'a Chat,
    verdict: &'a mut Verdict,
}

/// A piece of the bot's answer in the chat.
#[derive(Clone, Copy, Debug)]
struct Piece {
    number: u32,
    event: u64,
    time: Millis,
}

type Said<'a> = BTreeMap<&'a str, Vec<Piece>>;

impl<'a> Case<'a> {
    fn judge(&mut self) {
        let said = self.pieces();
        for (event, line) in self.visitors() {
            let (id, text) = (event.id, line.text.clone());
            match self.fate(event, line, &said) {
                Fate::Answered => self.verdict.answered += 1,
                Fate::Escalated => self.verdict.escalated += 1,
                Fate::Left => self.verdict.left += 1,
                Fate::Keyword => self.verdict.keyword += 1,
                Fate::Cut => self.verdict.cut += 1,
                Fate::Kept => self.verdict.given_up += 1,
                Fate::Taken => self.verdict.taken += 1,
                Fate::Refused => self.verdict.refused += 1,
                Fate::Lost => {
                    self.verdict.lost += 1;
                    self.wrong(format!("{id} ({text:?}) is lost"));
                }
            }
        }
        self.covered_once(&said);
        self.greetings(&said);
        self.end();
    }

    fn fate(&self, event: &ChatEvent, line: &Line, said: &Said<'_>) -> Fate {
        let covers = |id: &&str| {
            let asked = self.record.asked.get(*id);
            asked.is_some_and(|asked| asked.covers.contains(&event.id))
        };
        let answers: Vec<&str> = said.keys().copied().filter(covers).collect();
        let is_whole = |id: &&str| said[*id].len() as u32 == bot::pieces(id);
        if answers.iter().any(is_whole) {
            Fate::Answered
        } else if self.is_with_people() {
            Fate::Escalated
        } else if self.chat.is_over() || self.was_handed_on(event.id) || self.found_no_room() {
            Fate::Left
        } else if self.record.plan.settings.fallback && line.text == "people" {
            Fate::Keyword
        } else if answers.iter().any(|id| self.was_cut(&said[id])) {
            Fate::Cut
        } else if self.was_kept(event.id) {
            Fate::Kept
        } else if self.was_taken(event, said) {
            Fate::Taken
        } else if self.was_refused(event.time) {
            Fate::Refused
        } else {
            Fate::Lost
        }
    }

    /// The pieces of the bot's answers, as they stand in the chat: each once, in order, and this chat's.
    fn pieces(&mut self) -> Said<'a> {
        let chat = self.chat;
        let mut said: Said<'a> = BTreeMap::new();
        let mut newest = 0;
        for event in &chat.events {
            let Some(line) = event.line().filter(|line| line.source == Source::Agent) else {
                continue;
            };
            if line.private {
                continue;
            }
            let text = spoken(&line.text);
            let Some((id, number)) = text.rsplit_once('/') else {
                self.wrong(format!("nobody says {text:?}"));
                continue;
            };
            let number: u32 = number.parse().unwrap();
            let asked = self.record.asked.get(id);
            if asked.is_none_or(|asked| asked.conversation != chat.id) {
                self.wrong(format!("{text:?} was not said for this chat"));
            }
            let have = said.entry(id).or_default();
            if have.iter().any(|piece| piece.number == number) {
                self.verdict.repeated += 1;
                self.verdict.wrong.push(format!("{}: {text:?} is said twice", chat.id));
            } else if have.last().is_some_and(|last| last.number > number) {
                self.verdict.reordered += 1;
                self.verdict.wrong.push(format!("{}: {text:?} comes too late", chat.id));
            }
            have.push(Piece { number, event: event.id, time: event.time });
            // A visitor's lines are numbered as they came; what else the bot is asked has a name behind its number.
            let place =
                id.strip_prefix(chat.id.as_str()).and_then(|id| id[1..].parse::<u64>().ok());
            let late = asked.is_some_and(|asked| self.has_taken_its_time(asked, event.time));
            if let Some(place) = place.filter(|_| !late) {
                if place < newest {
                    self.verdict.reordered += 1;
                    self.verdict.wrong.push(format!("{}: {text:?} answers out of order", chat.id));
                }
                newest = newest.max(place);
            }
        }
        said
    }

    /// Whether nobody waited for this answer any more: the bot has said that it will take its time, has let the event's
    /// time pass, or was away.
    fn has_taken_its_time(&self, asked: &Asked, answered: Millis) -> bool {
        let lines = self.chat.events.iter().filter(|event| asked.covers.contains(&event.id));
        let said = lines.map(|event| event.time).min().unwrap_or_default();
        let mut away = self.record.away.iter();
        let was_away = away.any(|(from, to)| said <= *to + BOT_RECONNECTS && *from <= answered);
        // While it is found out that nobody can take over, answers come as they come.
        let failed = format!("{}:", self.chat.id);
        let mut others = self.record.asked.keys();
        let nobody = others.any(|id| id.starts_with(&failed) && id.contains(":escalationFailed"));
        was_away || nobody || asked.seen || asked.moods.iter().any(|mood| mood.is_silent())
    }

    /// No line is in two events that were both answered.
    fn covered_once(&mut self, said: &Said<'_>) {
        let mut by: BTreeMap<u64, &str> = BTreeMap::new();
        for id in said.keys() {
            let covers = self.record.asked.get(*id).map(|asked| asked.covers.as_slice());
            for line in covers.unwrap_or_default() {
                if let Some(other) = by.insert(*line, id) {
                    self.verdict.repeated += 1;
                    self.wrong(format!("{line} is answered by {other} and by {id}"));
                }
            }
        }
    }

    /// Once for each time that the agent gets the chat, and whole.
    fn greetings(&mut self, said: &Said<'_>) {
        let settings = &self.record.plan.settings;
        let greetings: Vec<(&str, &[Piece])> = said
            .iter()
            .filter(|(id, _)| id.ends_with(":greeting"))
            .map(|(id, pieces)| (*id, pieces.as_slice()))
            .collect();
        if !settings.greets && !greetings.is_empty() {
            self.wrong("it was greeted".to_owned());
        }
        let joined: Vec<u64> = self.system(&[3]).collect();
        for (place, from) in joined.iter().enumerate() {
            let to = joined.get(place + 1).copied().unwrap_or(u64::MAX);
            let here: Vec<&(&str, &[Piece])> = greetings
                .iter()
                .filter(|(_, pieces)| (*from..to).contains(&pieces[0].event))
                .collect();
            if here.len() > 1 {
                self.wrong(format!("greeted {} times: {here:?}", here.len()));
            }
            let moves = place + 1 < joined.len() || self.is_with_people() || self.chat.is_over();
            let moves = moves || self.chat.state != ChatState::Chatting;
            match here.first() {
                None if settings.greets
                    && !moves
                    && !self.kept_greeting()
                    && !self.was_refused(0) =>
                {
                    self.wrong("it was not greeted".to_owned());
                }
                Some((id, pieces))
                    if !moves
                        && pieces.len() as u32 != bot::pieces(id)
                        && !self.was_cut(pieces)
                        && !self.was_refused(0) =>
                {
                    self.wrong(format!("of the greeting there is only {pieces:?}"));
                }
                Some(_) | None => {}
            }
        }
    }

    /// No chat ends because the connector did not look after it.
    fn end(&mut self) {
        let ended = self.chat.ended.unwrap_or_default();
        let window = match self.chat.end {
            Some(ChatEnd::Timeout) => 42_000,
            Some(ChatEnd::SessionLost) => 62_000,
            Some(ChatEnd::Agent) => {
                if !self.may_be_closed_by_the_bot() {
                    self.wrong("the connector has ended it".to_owned());
                }
                return;
            }
            Some(ChatEnd::Visitor | ChatEnd::VisitorGone | ChatEnd::Reset) | None => return,
        };
        if !trouble(self.record, &self.chat.id, ended.saturating_sub(window), ended) {
            let how = self.chat.end;
            self.wrong(format!("{how:?} at {ended}, and nothing was wrong"));
        }
    }

    fn may_be_closed_by_the_bot(&self) -> bool {
        let asked = self.record.asked.iter();
        let mut here = asked.filter(|(_, asked)| asked.conversation == self.chat.id);
        self.record.plan.settings.manners.exits
            && here.any(|(id, _)| bot::ending(id) == bot::Ending::Closes)
    }

    fn visitors(&self) -> impl Iterator<Item = (&'a ChatEvent, &'a Line)> + use<'a> {
        let chat = self.chat;
        let lines = chat.events.iter().filter_map(|event| Some((event, event.line()?)));
        lines.filter(|(_, line)| line.source == Source::Visitor)
    }

    /// The system lines with one of these ids.
    fn system(&self, ids: &'static [u32]) -> impl Iterator<Item = u64> + use<'a> {
        let events = self.chat.events.iter();
        events
            .filter(move |event| {
                event.line().and_then(|line| line.system).is_some_and(|id| ids.contains(&id))
            })
            .map(|event| event.id)
    }

    fn is_with_people(&self) -> bool {
        self.chat.skill != BOT_SKILL
    }

    /// It was somebody else's to answer: the chat went back to the queue, or to other people, after the line.
    fn was_handed_on(&self, line: u64) -> bool {
        self.system(&[13, 15, 23]).any(|moved| moved > line)
    }

    /// Whether it waits in the queue, since the connector is full and stays so.
    fn found_no_room(&self) -> bool {
        let limit = self.record.plan.settings.max_conversations;
        self.record.last.conversations.open >= limit && self.chat.owner.is_none()
    }

    /// The connector ended after some of it was said: the rest may be missing, since nothing in the chat tells how much
    /// there was to say.
    fn was_cut(&self, pieces: &[Piece]) -> bool {
        pieces.first().is_some_and(|first| self.record.ends.iter().any(|end| *end >= first.time))
    }

    /// The bot has said that it has seen the line, or had no word for it as often as it was asked.
    fn was_kept(&self, line: u64) -> bool {
        let here =
            |asked: &&Asked| asked.conversation == self.chat.id && asked.covers.contains(&line);
        let asked: Vec<&Asked> = self.record.asked.values().filter(here).collect();
        asked.iter().any(|asked| is_kept(asked))
    }

    fn kept_greeting(&self) -> bool {
        let mut greetings =
            self.record.asked.iter().filter(|(id, asked)| {
                asked.conversation == self.chat.id && id.ends_with(":greeting")
            });
        greetings.any(|(_, asked)| is_kept(asked))
    }

    /// Without marks, position tells after a restart: something else that was said behind the line before the connector
    /// ended may be taken for its answer.
    fn was_taken(&self, line: &ChatEvent, said: &Said<'_>) -> bool {
        let behind = said.values().flatten().filter(|piece| piece.event > line.id);
        behind.into_iter().any(|piece| self.record.ends.iter().any(|end| *end >= piece.time))
    }

    /// The cloud has refused a line of this chat since then. An error is for good, also in an answer whose status is
    /// good: 201 tells that a line stands in the chat, 200 that it does not. What is refused is reported and given up,
    /// as the platform wants it, and the answer goes on behind it.
    fn was_refused(&self, since: Millis) -> bool {
        let lines = self.record.calls.iter().filter(|call| call.name == CallName::Line);
        let mut here = lines.filter(|call| call.time >= since && call.path.contains(&self.chat.id));
        here.any(|call| matches!(call.answered, Some(200 | 400 | 403 | 404 | 410)))
    }

    fn wrong(&mut self, what: String) {
        self.verdict.wrong.push(format!("{}: {what}", self.chat.id));
    }
}

/// What became of a line.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    Escalated,
    Left,
    Keyword,
    Cut,
    Kept,
    Taken,
    Refused,
    Lost,
}

/// The bot said only that it has seen the event, or not a word when it was asked last.
fn is_kept(asked: &Asked) -> bool {
    // An answer that an earlier process was given is as good as none.
    asked.seen || asked.moods.last().is_none_or(|mood| mood.is_silent())
}

/// An id means the same as often as it is asked: the bot may answer it as before.
fn ids(record: &Record, verdict: &mut Verdict) {
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
        let taken = |call: &&crate::simulator::ChatCall| {
            call.name == CallName::Accept && call.time > from + 20 && call.time <= *to
        };
        let taken = record.calls.iter().filter(taken).count();
        if taken > 0 {
            verdict.wrong.push(format!("{taken} rings were taken while draining"));
        }
    }
}

/// No rule of the Chat Agent API is broken, but where the cloud itself was in the way.
fn breaches(record: &Record, verdict: &mut Verdict) {
    for breach in &record.breaches {
        let Breach { time, rule, place, .. } = breach;
        let planned = match rule {
            Broken::SilentChat => trouble(record, place, time.saturating_sub(27_000), *time),
            Broken::NoRefresh => record
                .plan
                .steps
                .iter()
                .any(|(step, _)| matches!(step, Step::Fault(CallName::Refresh, ..))),
            // Reads that are to tell what became of a line, or of a chat in a new session, are no polls, and may be
            // tried again beside them.
            Broken::FastPoll => record.calls.iter().any(|call| {
                let is_unclear = call.answered.is_none_or(|status| status >= 500);
                let is_line = call.name == CallName::Line && call.path == *place;
                let begins = call.name == CallName::StartSession && place.ends_with("/events");
                let matters = (is_line && is_unclear) || begins;
                matters && (time.saturating_sub(RECOVERY)..=*time).contains(&call.time)
            }),
            Broken::TwoPosts | Broken::Script => false,
        };
        if !planned {
            verdict.wrong.push(format!("{breach:?}"));
        }
    }
}

/// Whether something was in the way of looking after this chat at that time: a request failed that has to do with it, the
/// agent's session was ended from outside, or there was no connector. A lost acceptance is no excuse: the list of chats
/// tells of it.
fn trouble(record: &Record, chat: &str, from: Millis, to: Millis) -> bool {
    let then = from..=to;
    let mut ends = record.ends.iter().chain(&record.losses);
    let failed = |call: &crate::simulator::ChatCall| {
        then.contains(&call.time)
            && call.name != CallName::Accept
            && call.answered.is_none_or(|status| status >= 300)
            && (!call.path.contains("/chat/") || call.path.contains(chat))
    };
    let logs_in = |step: &Step| {
        matches!(
            step,
            Step::LogInEnded
                | Step::Fault(
                    CallName::Login
                        | CallName::Domains
                        | CallName::StartSession
                        | CallName::Refresh,
                    ..
                )
        )
    };
    ends.any(|end| then.contains(end))
        || record.calls.iter().any(failed)
        || record.plan.steps.iter().any(|(step, _)| logs_in(step))
}

/// When nothing goes wrong any more, everything works again.
fn healing(record: &Record, verdict: &mut Verdict) {
    let status = &record.last;
    if status.agent_connector.status != ConnectorStatus::Online {
        verdict.wrong.push(format!("not Online again: {status:?}"));
    }
    let kept: BTreeSet<&str> = record
        .asked
        .values()
        .filter(|asked| is_kept(asked))
        .map(|asked| asked.conversation.as_str())
        .collect();
    if status.conversations.waiting_for_bot > kept.len() {
        verdict.wrong.push(format!("{} still wait", status.conversations.waiting_for_bot));
    }
    let full = status.conversations.open >= record.plan.settings.max_conversations;
    for chat in &record.chats {
        let waits = chat.state == ChatState::Waiting && chat.skill == BOT_SKILL;
        if waits && !full {
            verdict.wrong.push(format!("{} is not taken", chat.id));
        }
    }
}

/// The longest pause before the next try to reach a bot that is back.
const BOT_RECONNECTS: Millis = 40_000;
/// The pauses between reads that are to tell whether a line is out: 5, 10 and 15 s.
const RECOVERY: Millis = 35_000;

/// The text of a line of html; what the bot says here needs no escaping.
fn spoken(text: &'_ str) -> &'_ str {
    let inner = text.strip_prefix("<div dir='ltr' style='direction:ltr;text-align:left;'>");
    inner.and_then(|rest| rest.strip_suffix("</div>")).unwrap_or(text)
}
