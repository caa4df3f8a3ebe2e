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
    /// Being taken, which is done one after another.
    taking: Option<RingId>,
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
            taking: None,
            take_from: now,
            moved: false,
        }
    }

    /// The question how many there are leaves now.
    pub(super) fn asked(&mut self) {
        self.moved = self.taking.is_some();
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
        if self.taking.is_some() || self.take_from > now {
            return None;
        }
        self.taking = self.wanted.pop_front();
        self.moved |= self.taking.is_some();
        self.taking.clone()
    }

    /// When the next one is to be taken.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.taking.is_none() && !self.wanted.is_empty()).then_some(self.take_from)
    }

    /// The one being taken leads to this chat, or to none.
    pub(super) fn taken(&mut self, result: Result<ConversationId, CallError>) -> Option<Event> {
        Some(accepted(self.taking.take()?, result))
    }

    /// The server finds that it is too much.
    pub(super) fn again(&mut self, at: Instant) {
        self.wanted.extend(self.taking.take());
        self.wanted.rotate_right(1.min(self.wanted.len()));
        self.take_from = at;
    }

    fn known(&self) -> usize {
        self.waiting.len() + self.wanted.len() + usize::from(self.taking.is_some())
    }
}

fn accepted(ring: RingId, result: Result<ConversationId, CallError>) -> Event {
    Event::RingAccepted { ring, result: result.map(Some) }
}

/// A chat that is not taken within 20 s rings elsewhere, and was there up to one period before it was seen.
const LASTS: Duration = Duration::from_secs(18);
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
    fn one_is_taken_after_another_and_a_count_from_before_is_not_believed() {
        let now = Instant::now();
        let mut rings = Rings::new("7", now);
        rings.asked();
        rings.counted(2, now);
        rings.asked();
        rings.want("7-1".into());
        rings.want("7-2".into());
        assert_eq!(rings.take(now), Some("7-1".into()));
        assert_eq!(rings.take(now), None);
        assert!(rings.counted(2, now).is_empty());
        let chat = ConversationId::from("H1");
        assert_eq!(
            rings.taken(Ok(chat.clone())),
            Some(Event::RingAccepted { ring: "7-1".into(), result: Ok(Some(chat)) })
        );
        rings.asked();
        assert!(rings.counted(1, now).is_empty(), "the one that is wanted still rings");
        assert_eq!(rings.take(now), Some("7-2".into()));
    }

    #[test]
    fn what_is_too_much_is_taken_later_and_first() {
        let now = Instant::now();
        let mut rings = Rings::new("7", now);
        rings.want("a".into());
        rings.want("b".into());
        rings.take(now);
        let later = now + Duration::from_secs(1);
        rings.again(later);
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
