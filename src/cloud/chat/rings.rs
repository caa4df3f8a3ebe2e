//! Pure: chats that ring. The server tells how many, not which: who takes one gets the next (Chat Agent API, incoming
//! requests), so rings get names of this connector's own.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::pace::Poll;
use crate::{
    cloud::{Event, Ring},
    conversation::{CallError, ConversationId, RingId},
};

/// The rings of one agent session.
#[derive(Debug)]
pub(super) struct Rings {
    pub(super) poll: Poll,
    session: String,
    count: u64,
    /// Told and not wanted yet.
    waiting: Vec<RingId>,
    /// Wanted.
    wanted: VecDeque<RingId>,
    /// Being taken, a few at once.
    taking: Vec<RingId>,
    /// Their acceptance had no answer that tells: the list of chats will.
    lost: Vec<RingId>,
    take_from: Instant,
    /// A ring was taken since the question that is being answered left: its count is out of date.
    moved: bool,
}

impl Rings {
    /// None yet; `session` keeps the names of two sessions apart.
    pub(super) fn new(session: &str, now: Instant) -> Self {
        Self {
            poll: Poll::new(now),
            session: session.to_owned(),
            count: 0,
            waiting: Vec::new(),
            wanted: VecDeque::new(),
            taking: Vec::new(),
            lost: Vec::new(),
            take_from: now,
            moved: false,
        }
    }

    /// The question how many there are leaves now.
    pub(super) fn asked(&mut self) {
        self.moved = self.taking.len() + self.lost.len() > 0;
    }

    /// So many ring.
    pub(super) fn counted(&mut self, ringing: usize, now: Instant) -> Vec<Event> {
        if self.moved {
            return Vec::new();
        }
        let ringing = ringing.min(MOST_RINGS);
        let mut events = Vec::new();
        while self.known() > ringing {
            // Nobody knows which of them has gone.
            let Some(gone) = self.waiting.pop() else { break };
            events.push(Event::RingGone(gone));
        }
        while self.known() < ringing {
            self.count += 1;
            let id = RingId::from(format!("{}-{}", self.session, self.count));
            self.waiting.push(id.clone());
            let expires = Some(now + LASTS);
            events.push(Event::Ring(Ring { id, conversation: None, skill: None, expires }));
        }
        events
    }

    /// The hall wants one.
    pub(super) fn want(&mut self, ring: RingId) {
        self.waiting.retain(|waiting| *waiting != ring);
        self.wanted.push_back(ring);
    }

    /// The agent is to be away: what has not been asked for is not taken any more.
    pub(super) fn unwant(&mut self) -> Vec<Event> {
        let not_taken = |ring| accepted(ring, Err(CallError::NotSent));
        self.wanted.drain(..).map(not_taken).collect()
    }

    /// The next one to take, if it is time.
    pub(super) fn take(&mut self, now: Instant) -> Option<RingId> {
        if !self.may_take() || self.take_from > now {
            return None;
        }
        let ring = self.wanted.pop_front()?;
        self.moved = true;
        self.taking.push(ring.clone());
        Some(ring)
    }

    /// When the next one is to be taken.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.may_take() && !self.wanted.is_empty()).then_some(self.take_from)
    }

    /// One that was being taken leads to this chat, or to none.
    pub(super) fn taken(
        &mut self,
        ring: RingId,
        result: Result<ConversationId, CallError>,
    ) -> Event {
        self.taking.retain(|taking| *taking != ring);
        accepted(ring, result)
    }

    /// The acceptance of one had no answer that tells.
    pub(super) fn lose(&mut self, ring: RingId) {
        self.taking.retain(|taking| *taking != ring);
        self.lost.push(ring);
    }

    /// Whether what the lost ones have led to can be told from the others: none is being taken meanwhile.
    pub(super) fn can_be_looked_for(&self) -> bool {
        self.taking.is_empty() && !self.lost.is_empty()
    }

    /// The lost ones lead to these chats; true if there are fewer chats than rings.
    pub(super) fn found(&mut self, chats: &[ConversationId], events: &mut Vec<Event>) -> bool {
        let lost = std::mem::take(&mut self.lost);
        let is_short = chats.len() < lost.len();
        for (place, ring) in lost.into_iter().enumerate() {
            let chat = chats.get(place).cloned();
            events.push(accepted(ring, chat.ok_or(CallError::NoAnswer { call: "accept" })));
        }
        is_short
    }

    /// How many are lost.
    pub(super) fn lost(&self) -> usize {
        self.lost.len()
    }

    /// The server finds that it is too much.
    pub(super) fn again(&mut self, ring: RingId, at: Instant) {
        self.taking.retain(|taking| *taking != ring);
        self.wanted.push_front(ring);
        self.take_from = at;
    }

    fn may_take(&self) -> bool {
        self.lost.is_empty() && self.taking.len() < MOST_AT_ONCE
    }

    fn known(&self) -> usize {
        self.waiting.len() + self.wanted.len() + self.taking.len() + self.lost.len()
    }
}

fn accepted(ring: RingId, result: Result<ConversationId, CallError>) -> Event {
    Event::RingAccepted { ring, result: result.map(Some) }
}

/// A chat that is not taken within 20 s rings elsewhere, and was there up to one period before it was seen.
const LASTS: Duration = Duration::from_secs(18);
/// So many acceptances are under way at once: one after another, a crowd would not be taken in time. As many as a
/// browser would send.
const MOST_AT_ONCE: usize = 6;
/// No server is believed to ring more often than this at once.
const MOST_RINGS: usize = 1_000;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
mod tests {
    use super::*;

    #[test]
    fn rings_are_told_as_they_come_and_go() {
        let now = Instant::now();
        let mut rings = Rings::new("7", now);
        rings.asked();
        assert_eq!(names(&rings.counted(2, now)), ["+7-1", "+7-2"]);
        assert_eq!(names(&rings.counted(2, now)), [""; 0]);
        assert_eq!(names(&rings.counted(1, now)), ["-7-2"]);
        assert_eq!(names(&rings.counted(2, now)), ["+7-3"]);
    }

    #[test]
    fn a_few_are_taken_at_once_and_a_count_from_before_is_not_believed() {
        let now = Instant::now();
        let mut rings = Rings::new("7", now);
        rings.asked();
        rings.counted(2, now);
        rings.asked();
        rings.want("7-1".into());
        rings.want("7-2".into());
        assert_eq!(rings.take(now), Some("7-1".into()));
        assert!(rings.counted(2, now).is_empty());
        let chat = ConversationId::from("H1");
        assert_eq!(
            rings.taken("7-1".into(), Ok(chat.clone())),
            Event::RingAccepted { ring: "7-1".into(), result: Ok(Some(chat)) }
        );
        rings.asked();
        assert!(rings.counted(1, now).is_empty(), "the one that is wanted still rings");
        assert_eq!(rings.take(now), Some("7-2".into()));
        (0..MOST_AT_ONCE).for_each(|ring| rings.want(RingId::from(ring.to_string())));
        let more = std::iter::from_fn(|| rings.take(now)).count();
        assert_eq!(more, MOST_AT_ONCE - 1);
    }

    #[test]
    fn lost_ones_are_looked_for_when_no_other_is_being_taken() {
        let now = Instant::now();
        let mut rings = Rings::new("7", now);
        ["a", "b", "c"].into_iter().for_each(|ring| rings.want(ring.into()));
        assert_eq!([rings.take(now), rings.take(now)], [Some("a".into()), Some("b".into())]);
        rings.lose("a".into());
        assert_eq!(rings.take(now), None);
        assert!(!rings.can_be_looked_for());
        rings.lose("b".into());
        assert!(rings.can_be_looked_for());
        let mut events = Vec::new();
        assert!(rings.found(&["H1".into()], &mut events));
        let no_answer = Err(CallError::NoAnswer { call: "accept" });
        assert_eq!(
            events,
            [accepted("a".into(), Ok("H1".into())), accepted("b".into(), no_answer)]
        );
        assert_eq!(rings.take(now), Some("c".into()));
    }

    #[test]
    fn what_is_too_much_is_taken_later_and_first() {
        let now = Instant::now();
        let mut rings = Rings::new("7", now);
        rings.want("a".into());
        rings.want("b".into());
        rings.take(now);
        let later = now + Duration::from_secs(1);
        rings.again("a".into(), later);
        assert_eq!(rings.take(now), None);
        assert_eq!(rings.take(later), Some("a".into()));
    }

    fn names(events: &[Event]) -> Vec<String> {
        let name = |event: &Event| {
            if let Event::Ring(ring) = event {
                format!("+{}", ring.id)
            } else if let Event::RingGone(ring) = event {
                format!("-{ring}")
            } else {
                format!("{event:?}")
            }
        };
        events.iter().map(name).collect()
    }
}
