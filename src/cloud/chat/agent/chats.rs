//! Pure: reading chats: each by itself while they are few, several in one request when they are many.

use super::*;
use crate::{
    cloud::chat::{
        events::{self, Read},
        pace::PERIOD,
        talk::Owner,
        transfer,
        wire::{Authenticated, Chat, Chats, Events, Info, Personal},
    },
    conversation::event::{Departure, History, Message, Profile},
};

impl AgentSession {
    /// Whether each chat is asked for by itself.
    pub(super) fn polls_alone(&self) -> bool {
        self.several.refused
            || self.several.avoided_until.is_some()
            || self.talks.len() <= self.terms.several_above
    }

    /// When a chat is to be read by itself.
    pub(super) fn unread(&self, talk: &Talk) -> Option<(Instant, &'static str)> {
        let due = talk.poll.due().filter(|_| talk.doubt != Doubt::Asked)?;
        (self.polls_alone() || talk.is_alone(due)).then_some((due, "chat"))
    }

    pub(super) fn poll_chats(&mut self, now: Instant, out: &mut Out) {
        if self.several.avoided_until.is_some_and(|until| until <= now) {
            self.several.avoided_until = None;
        }
        let alone = self.polls_alone();
        if !alone {
            self.poll_several(now, out);
        }
        let due: Vec<(ConversationId, String, bool)> = self
            .talks
            .values_mut()
            .filter(|talk| talk.doubt != Doubt::Asked)
            .filter(|talk| alone || talk.is_alone(now))
            .filter_map(|talk| {
                talk.poll.begins(now).then(|| {
                    let whole = talk.whole_at <= now;
                    talk.wants_whole &= !whole;
                    let path = if whole { "" } else { "/events" };
                    let from =
                        if talk.next > 0 { format!("?from={}", talk.next) } else { String::new() };
                    (talk.key.clone(), format!("{}{path}{from}", talk.href), whole)
                })
            })
            .collect();
        for (chat, target, whole) in due {
            self.send(Purpose::Poll { chat, whole }, Method::Get, target, None, out);
        }
        self.raise_alarms(now, out);
    }

    /// When a part of those that are read together is to be read.
    pub(super) fn several_due(&self) -> Option<Instant> {
        if self.polls_alone() {
            return None;
        }
        let parts = self.read_together().count().div_ceil(MOST_AT_ONCE);
        self.several.polls.iter().take(parts).filter_map(Poll::due).min()
    }

    fn read_together(&self) -> impl Iterator<Item = &Talk> {
        self.talks.values().filter(|talk| talk.is_read_with_others())
    }

    fn poll_several(&mut self, now: Instant, out: &mut Out) {
        let parts = self.read_together().count().div_ceil(MOST_AT_ONCE);
        let polls = &mut self.several.polls;
        while polls.len() < parts {
            // Spread over the period, whatever their number.
            let phase = PERIOD * bounded(polls.len()) / bounded(parts);
            polls.push(Poll::new(now + phase));
        }
        let due: Vec<usize> = (0..parts).filter(|part| polls[*part].begins(now)).collect();
        for part in due {
            let talks: Vec<&Talk> =
                self.read_together().skip(part * MOST_AT_ONCE).take(MOST_AT_ONCE).collect();
            let keys: Vec<&str> = talks.iter().map(|talk| talk.key.as_str()).collect();
            // Whether the last id or the next one is meant is not clear; the last one is right in both readings.
            let last = talks.iter().map(|talk| (talk.next - 1).max(0).to_string());
            let ids: Vec<String> = last.collect();
            let target =
                format!("/chat?chatSessionKeys={}&fromEventIds={}", keys.join(","), ids.join(","));
            let chats = talks.iter().map(|talk| talk.key.clone()).collect();
            self.ask(Purpose::Several { part, chats }, Method::Get, &target, out);
        }
    }

    pub(super) fn several_read(
        &mut self,
        part: usize,
        asked: &[ConversationId],
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        // There may be fewer parts than there were.
        let mut own = Poll::new(now);
        let poll = self.several.polls.get_mut(part).unwrap_or(&mut own);
        let body = match result {
            Ok(body) if body.has("chats") => body,
            Ok(_) => return self.no_several("the answer holds no chats", now, out),
            Err(failure) => match failure.kind {
                Trouble::TooMany(retry_after) => {
                    return poll.too_much(now, retry_after);
                }
                Trouble::Failed | Trouble::Unknown => {
                    if poll.failed(now) >= SEVERAL_FAIL_FOR {
                        // The chats must not go without a request for longer.
                        self.several.avoided_until = Some(now + AVOIDED_FOR);
                        self.several.polls.clear();
                        self.spread(now);
                    }
                    return;
                }
                Trouble::Refused | Trouble::Missing | Trouble::Forbidden | Trouble::Expired => {
                    return self.no_several(&failure.detail, now, out);
                }
            },
        };
        poll.answered(now);
        let chats: Chats = body.member("chats");
        let mut missing: BTreeSet<ConversationId> = asked.iter().cloned().collect();
        for chat in chats.chat {
            let Some(key) = chat.info.as_ref().and_then(|info| info.chat_session_key.as_deref())
            else {
                continue;
            };
            let key = ConversationId::from(key);
            if missing.remove(&key) {
                if let Some(talk) = self.talks.get_mut(&key) {
                    talk.read_elsewhere(now);
                }
                self.learn(&key, chat.events.as_ref(), chat.info, now, out);
            }
        }
        // What is not told here is asked for by itself.
        for key in missing {
            if let Some(talk) = self.talks.get_mut(&key) {
                talk.ask_whole(now);
            }
        }
    }

    fn no_several(&mut self, why: &str, now: Instant, out: &mut Out) {
        if !std::mem::replace(&mut self.several.refused, true) {
            let detail =
                format!("several chats cannot be read at once ({why}): each is read by itself");
            Self::complain("several_chats", detail, out);
        }
        self.spread(now);
    }

    /// From now on each chat is read at its own moment.
    fn spread(&mut self, now: Instant) {
        for talk in self.talks.values_mut() {
            let phase = talk.phase();
            talk.poll.hold(now + phase);
        }
    }

    pub(super) fn chat_read(
        &mut self,
        key: &ConversationId,
        whole: bool,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        let result = result.and_then(readable);
        match result {
            Ok(chat) => {
                talk.poll.answered(now);
                if whole && !talk.wants_whole {
                    talk.whole_at = now + WHOLE_EVERY;
                }
                self.learn(key, chat.events.as_ref(), chat.info, now, out);
            }
            Err(failure) => {
                // Should it have been asked for who has the chat, that is not answered.
                talk.wants_whole |= whole && talk.told;
                self.chat_failed(key, &failure, now, out);
            }
        }
    }

    fn chat_failed(
        &mut self,
        key: &ConversationId,
        failure: &Failure,
        now: Instant,
        out: &mut Out,
    ) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        match failure.kind {
            Trouble::TooMany(retry_after) => talk.poll.too_much(now, retry_after),
            Trouble::Missing | Trouble::Forbidden | Trouble::Expired => {
                talk.poll.answered(now);
                self.doubt(key, now, out);
            }
            Trouble::Failed | Trouble::Unknown => {
                if talk.poll.failed(now) >= GIVEN_UP_AFTER {
                    self.doubt(key, now, out);
                }
            }
            Trouble::Refused => {
                talk.poll.answered(now);
                talk.whole_at = now;
                talk.senseless += 1;
                if talk.senseless >= MOST_SENSELESS {
                    talk.senseless = 0;
                    let detail = format!("a chat cannot be read: {}", failure.detail);
                    Self::complain("chat", detail, out);
                    self.doubt(key, now, out);
                }
            }
        }
    }

    /// What a chat says: its events, and perhaps who has it.
    fn learn(
        &mut self,
        key: &ConversationId,
        events: Option<&Events>,
        info: Option<Info>,
        now: Instant,
        out: &mut Out,
    ) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        (talk.heard, talk.alarmed, talk.senseless, talk.doubt) = (now, false, 0, Doubt::None);
        let Read { messages, next, ended, moved, unusable } =
            events::read(events, talk.next, &talk.dialog);
        talk.next = next;
        if unusable > 0 {
            Self::complain("event", format!("{unusable} events of a chat cannot be used"), out);
        }
        // As long as nobody knows the agent's names, its list of chats is believed.
        talk.fresh |= !self.introduced;
        let owner = info.map(|info| talk.learn(info, &self.mine));
        if !talk.told {
            let is_mine = !ended && owner.is_none_or(|owner| owner == Owner::Me);
            return self.first_read(key, messages, moved, is_mine, now, out);
        }
        let (leaving, wants_whole) = (talk.leaving, talk.wants_whole);
        for message in messages {
            let conversation = key.clone();
            Self::tell(Event::Message { conversation, message }, out);
        }
        match owner {
            Some(Owner::Nobody) => self.is_gone(key, Departure::Closed, out),
            Some(Owner::Me | Owner::Other) | None if ended => {
                self.is_gone(key, Departure::Closed, out);
            }
            Some(Owner::Other) => self.is_gone(key, Departure::Moved, out),
            // The server's own words for it, after this agent had asked for it.
            _ if moved.is_some() && leaving => self.is_gone(key, Departure::Moved, out),
            None if moved.is_some() => self.ask_for_owner(key, now),
            // What left before something happened, does not tell what became of it.
            Some(Owner::Me) if wants_whole => {}
            Some(Owner::Me) => self.is_still_here(key, now, out),
            None => {}
        }
    }

    /// A chat has been read for the first time; `is_mine` as far as it tells.
    fn first_read(
        &mut self,
        key: &ConversationId,
        mut messages: Vec<Message>,
        moved: Option<Sequence>,
        is_mine: bool,
        now: Instant,
        out: &mut Out,
    ) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        if !is_mine {
            self.talks.remove(key);
            return self.listed(key, out);
        }
        // What was said before was said to somebody else.
        talk.begins = moved.map_or(0, |moved| moved + 1);
        messages.retain(|message| message.sequence >= talk.begins);
        talk.first = Some(messages);
        talk.told = true;
        // At a moment of its own, so that not all chats are asked for at once.
        talk.poll.hold(now + PERIOD + talk.phase());
        let details = talk.details();
        Self::tell(Event::Conversation { id: key.clone(), details, joined: true }, out);
        self.listed(key, out);
    }

    /// Something in the chat makes it doubtful whose it is.
    pub(super) fn ask_for_owner(&mut self, key: &ConversationId, now: Instant) {
        if let Some(talk) = self.talks.get_mut(key) {
            talk.ask_whole(now);
        }
    }

    /// The chat is not this agent's any more.
    pub(super) fn is_gone(&mut self, key: &ConversationId, how: Departure, out: &mut Out) {
        let Some(mut talk) = self.talks.remove(key) else {
            return;
        };
        if let Some(transfer) = talk.transfer.take() {
            let outcome = match (&transfer.stage, how) {
                (transfer::Stage::Posted | transfer::Stage::Unsure, Departure::Moved) => {
                    Ok(Outcome::Done)
                }
                (_, _) => Err(CallError::NotSent),
            };
            Self::called(key.clone(), transfer.call, outcome, out);
        }
        for post in talk.outbox.drain() {
            let outcome = match post.kind {
                Kind::End => Ok(Outcome::Done),
                Kind::Line => Err(CallError::NotSent),
            };
            Self::called(key.clone(), post.call, outcome, out);
        }
        if talk.told {
            Self::tell(Event::Gone { id: key.clone(), how, csat: None }, out);
        }
        self.listed(key, out);
    }

    fn raise_alarms(&mut self, now: Instant, out: &mut Out) {
        for talk in self.talks.values_mut().filter(|talk| talk.is_silent(now)) {
            talk.alarmed = true;
            let detail = format!(
                "nothing was heard of a chat for {} s; the cloud gives it up after 40",
                now.saturating_duration_since(talk.heard).as_secs()
            );
            Self::complain("chat_silent", detail, out);
        }
    }

    /// What a conversation wants to read: what was just read, or else it is asked for.
    pub(super) fn history(
        &mut self,
        key: ConversationId,
        call: Option<CallId>,
        after: Option<Sequence>,
        now: Instant,
        out: &mut Out,
    ) {
        let Some(talk) = self.talks.get_mut(&key) else {
            return;
        };
        if let Some(mut messages) = talk.first.take() {
            messages.retain(|message| after.is_none_or(|after| message.sequence > after));
            let history = History { messages, truncated: false };
            return Self::called(key, call, Ok(Outcome::History(history)), out);
        }
        // It is the same resource: what is new is not asked for beside it.
        talk.poll.not_before(now + PERIOD);
        let from = after.map_or(talk.begins, |after| (after + 1).max(talk.begins));
        let target = format!("{}/events?from={from}", talk.href);
        self.send(Purpose::History { chat: key, call, after }, Method::Get, target, None, out);
    }

    pub(super) fn history_read(
        &mut self,
        key: &ConversationId,
        call: Option<CallId>,
        after: Option<Sequence>,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        let Some(talk) = self.talks.get_mut(key) else {
            return Self::called(key.clone(), call, Err(CallError::NotSent), out);
        };
        // The same resource is not asked for twice within a period.
        talk.poll.not_before(now + PERIOD);
        let outcome = match result.and_then(readable) {
            Ok(chat) => {
                let from = after.map_or(talk.begins, |after| (after + 1).max(talk.begins));
                let read = events::read(chat.events.as_ref(), from, &talk.dialog);
                Ok(Outcome::History(History { messages: read.messages, truncated: false }))
            }
            Err(failure) => {
                let error = failure.to_call_error("history");
                if matches!(failure.kind, Trouble::Missing | Trouble::Forbidden) {
                    self.doubt(key, now, out);
                }
                Err(error)
            }
        };
        Self::called(key.clone(), call, outcome, out);
    }

    /// Who the visitor is: asked for if they have logged in with the brand.
    pub(super) fn profile(&mut self, key: ConversationId, call: Option<CallId>, out: &mut Out) {
        let Some(talk) = self.talks.get(&key) else {
            return;
        };
        match &talk.info.participant_id {
            Some(participant) if is_plain_id(participant) => {
                let path = format!("/participantExtendedInfo/{participant}");
                self.ask(Purpose::Participant { chat: key, call }, Method::Get, &path, out);
            }
            Some(_) | None => {
                let profile = talk.profile();
                Self::called(key, call, Ok(Outcome::Profile(profile)), out);
            }
        }
    }

    pub(super) fn participant_read(
        &self,
        key: &ConversationId,
        call: Option<CallId>,
        result: Result<Body, Failure>,
        out: &mut Out,
    ) {
        let known = self.talks.get(key).map(Talk::profile).unwrap_or_default();
        // What cannot be read is not known.
        let profile = match result {
            Ok(body) => {
                let personal: Personal = body.member("authenticatedPersonalInfo");
                let participant: Authenticated = body.member("authenticatedParticipantInfo");
                Profile {
                    first_name: personal.name.or(known.first_name),
                    last_name: personal.surname,
                    authenticated: participant.is_user_authenticated,
                }
            }
            Err(_) => known,
        };
        Self::called(key.clone(), call, Ok(Outcome::Profile(profile)), out);
    }
}

/// The chat of a read; its events may come alone.
fn readable(body: Body) -> Result<Chat, Failure> {
    if body.has("chat") {
        Ok(body.member("chat"))
    } else if body.has("events") {
        Ok(Chat { events: Some(body.member("events")), info: None })
    } else {
        // A page of a proxy on the way says nothing about the chat.
        let kind = if body.is_json() { Trouble::Refused } else { Trouble::Failed };
        let detail = "200: the answer holds no events".to_owned();
        Err(Failure { kind, status: Some(200), detail })
    }
}

/// It becomes a part of a URL.
fn is_plain_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Some 3.5 kB of URL.
const MOST_AT_ONCE: usize = 50;
/// When the request for several chats has failed for so long, each is asked by itself: 40 s without a request end it.
const SEVERAL_FAIL_FOR: Duration = Duration::from_secs(5);
/// For how long.
const AVOIDED_FOR: Duration = Duration::from_secs(300);
/// How often to ask who has a chat when nothing happens.
const WHOLE_EVERY: Duration = Duration::from_secs(30);
/// A chat that cannot be read for so long is looked for.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(600);
/// Answers in a row that make no sense.
const MOST_SENSELESS: u32 = 3;

/// A number of parts, for a division of time.
fn bounded(parts: usize) -> u32 {
    u32::try_from(parts).unwrap_or(u32::MAX)
}
