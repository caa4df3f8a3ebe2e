//! Pure: rings, from the offer to the assignment.
//!
//! A ring is accepted after `ringAcceptWait`, unless it has gone, expired, or there is no room. The acknowledgement of
//! an acceptance is not assignment: the conversation begins when the cloud says that the agent is in it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    cloud::Ring,
    conversation::{CallError, ConversationId, RingId},
    ops::metrics::RingResult,
};

/// The rings that this agent knows of.
#[derive(Debug)]
pub struct Rings {
    /// `ringAcceptWait`
    wait: Duration,
    known: BTreeMap<RingId, Known>,
}

#[derive(Debug)]
struct Known {
    /// None until it is known where it leads.
    conversation: Option<ConversationId>,
    expires: Option<Instant>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// `held`: it was due, and there was no room.
    Waiting { accept_at: Instant, held: bool },
    /// The acceptance is on its way.
    Accepting,
    /// It was acknowledged, or `unsure`: nobody knows whether it arrived. The assignment has to follow by then.
    Accepted { until: Instant, unsure: bool },
}

/// What [`Rings::advance`] finds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// To be accepted now.
    pub accept: Vec<RingId>,
    /// Over.
    pub ended: Vec<RingResult>,
}

impl Rings {
    /// No rings yet.
    #[must_use]
    pub fn new(wait: Duration) -> Self {
        Self { wait, known: BTreeMap::new() }
    }

    /// `ringAcceptWait` changed; rings that wait already keep theirs.
    pub fn set_wait(&mut self, wait: Duration) {
        self.wait = wait;
    }

    /// A ring is offered, or still offered. What it says of others: an earlier acceptance for the same conversation
    /// has led nowhere if it rings anew.
    #[must_use]
    pub fn offered(&mut self, ring: Ring, now: Instant) -> Vec<RingResult> {
        if let Some(known) = self.known.get_mut(&ring.id) {
            if matches!(known.state, State::Accepted { unsure: true, .. }) {
                // It still waits, so the acceptance did not arrive.
                known.state = State::Waiting { accept_at: now, held: false };
            }
            return Vec::new();
        }
        let before = self.known.len();
        self.known.retain(|_, known| {
            ring.conversation.is_none()
                || known.conversation != ring.conversation
                || !matches!(known.state, State::Accepted { .. })
        });
        let nowhere = vec![RingResult::Nowhere; before - self.known.len()];
        let state = State::Waiting { accept_at: now + self.wait, held: false };
        let known = Known { conversation: ring.conversation, expires: ring.expires, state };
        self.known.insert(ring.id, known);
        nowhere
    }

    /// A ring is not waiting any more. What has been accepted is judged by whether the assignment follows.
    pub fn gone(&mut self, id: &RingId) -> Option<RingResult> {
        match self.known.get(id)?.state {
            State::Waiting { held, .. } => {
                self.known.remove(id);
                Some(missed(held))
            }
            State::Accepting | State::Accepted { .. } => None,
        }
    }

    /// The answer to an acceptance, with the conversation that it leads to if that is told.
    pub fn acknowledged(
        &mut self,
        id: &RingId,
        result: Result<Option<&ConversationId>, &CallError>,
        now: Instant,
    ) -> Option<RingResult> {
        let ring = self.known.get_mut(id)?;
        match result {
            Ok(conversation) => {
                let within = match (&ring.conversation, conversation) {
                    // Where only the answer tells of it, the agent has it already, and it takes up room until it can be
                    // read.
                    (None, Some(_)) => READ_WITHIN,
                    (_, _) => ASSIGNED_WITHIN,
                };
                if ring.conversation.is_none() {
                    ring.conversation = conversation.cloned();
                }
                ring.state = State::Accepted { until: now + within, unsure: false };
                None
            }
            Err(CallError::NoAnswer { .. }) => {
                // It may have worked: the assignment would tell.
                ring.state = State::Accepted { until: now + ASSIGNED_WITHIN, unsure: true };
                None
            }
            Err(CallError::NotSent | CallError::Refused { .. } | CallError::Failed { .. }) => {
                self.known.remove(id);
                Some(RingResult::Failed)
            }
        }
    }

    /// A conversation was assigned to this agent; true if one of its rings led there.
    pub fn assigned(&mut self, conversation: &ConversationId) -> bool {
        let before = self.known.len();
        self.known.retain(|_, ring| ring.conversation.as_ref() != Some(conversation));
        self.known.len() < before
    }

    /// The connection was lost: rings are told again with the next one.
    pub fn link_down(&mut self) {
        self.known.retain(|_, ring| matches!(ring.state, State::Accepted { .. }));
    }

    /// Accepts what is due as far as there is `room`, and ends what is over.
    pub fn advance(&mut self, now: Instant, room: usize) -> Due {
        let mut due = Due::default();
        self.known.retain(|_, ring| match ring.state {
            State::Waiting { held, .. } if ring.expires.is_some_and(|at| at <= now) => {
                due.ended.push(missed(held));
                false
            }
            State::Accepted { until, .. } if until <= now => {
                due.ended.push(RingResult::Nowhere);
                false
            }
            State::Waiting { .. } | State::Accepting | State::Accepted { .. } => true,
        });
        // Those that are accepted already take up room as well.
        let mut room = room.saturating_sub(self.accepting());
        for (id, ring) in &mut self.known {
            let State::Waiting { accept_at, .. } = ring.state else { continue };
            if accept_at > now {
                continue;
            }
            if room > 0 {
                ring.state = State::Accepting;
                room -= 1;
                due.accept.push(id.clone());
            } else {
                ring.state = State::Waiting { accept_at, held: true };
            }
        }
        due
    }

    /// When to advance next; `room` as for [`Rings::advance`].
    #[must_use]
    pub fn wake(&self, room: usize) -> Option<Instant> {
        let room = room > self.accepting();
        self.known
            .values()
            .filter_map(|ring| match ring.state {
                State::Waiting { accept_at, .. } if room => {
                    Some(ring.expires.map_or(accept_at, |expires| expires.min(accept_at)))
                }
                State::Waiting { .. } => ring.expires,
                State::Accepted { until, .. } => Some(until),
                State::Accepting => None,
            })
            .min()
    }

    fn accepting(&self) -> usize {
        let taken = |ring: &&Known| !matches!(ring.state, State::Waiting { .. });
        self.known.values().filter(taken).count()
    }
}

/// A ring that was never accepted: it was left to others on purpose, or it went before its time came.
fn missed(held: bool) -> RingResult {
    if held { RingResult::Left } else { RingResult::Gone }
}

/// An acceptance that is not followed by the assignment within this time led nowhere (the protocol's own samples show
/// it within a second).
const ASSIGNED_WITHIN: Duration = Duration::from_secs(10);
/// A chat of which nothing could be read for so long is over (Chat Agent API, chat information).
const READ_WITHIN: Duration = Duration::from_secs(40);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_accepted_after_the_wait_and_not_before() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        assert_eq!(rings.advance(t0 + ms(99), 5).accept, []);
        assert_eq!(rings.wake(5), Some(t0 + ms(100)));
        assert_eq!(rings.advance(t0 + ms(100), 5).accept, [id("r1")]);
        assert_eq!(rings.advance(t0 + ms(101), 5).accept, [], "only once");
    }

    #[test]
    fn a_ring_that_is_told_again_keeps_its_wait() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0 + ms(90)), []);
        assert_eq!(rings.advance(t0 + ms(100), 5).accept, [id("r1")]);
    }

    #[test]
    fn waits_of_several_rings_run_side_by_side() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        assert_eq!(rings.offered(ring("r2", "c2", t0), t0 + ms(50)), []);
        assert_eq!(rings.advance(t0 + ms(100), 5).accept, [id("r1")]);
        assert_eq!(rings.advance(t0 + ms(150), 5).accept, [id("r2")]);
    }

    #[test]
    fn a_ring_that_has_gone_is_not_accepted_and_counts_as_missed() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        assert_eq!(rings.gone(&id("r1")), Some(RingResult::Gone));
        assert_eq!(rings.advance(t0 + ms(100), 5), Due::default());
    }

    #[test]
    fn a_ring_that_goes_while_there_was_no_room_counts_as_left_to_others() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        assert_eq!(rings.advance(t0 + ms(100), 0), Due::default());
        assert_eq!(rings.gone(&id("r1")), Some(RingResult::Left));
    }

    #[test]
    fn an_expired_ring_is_not_accepted() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        let due = rings.advance(t0 + Duration::from_secs(72), 5);
        assert_eq!(due, Due { accept: vec![], ended: vec![RingResult::Gone] });
    }

    #[test]
    fn without_room_a_ring_waits_and_is_accepted_when_there_is_room_again() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        assert_eq!(rings.offered(ring("r2", "c2", t0), t0), []);
        assert_eq!(
            rings.advance(t0 + ms(100), 1).accept,
            [id("r1")],
            "the accepted one takes room"
        );
        assert_eq!(rings.advance(t0 + ms(200), 1).accept, []);
        assert!(rings.assigned(&ConversationId::from("c1")));
        assert_eq!(rings.advance(t0 + ms(300), 0).accept, []);
        assert_eq!(rings.advance(t0 + ms(400), 1).accept, [id("r2")]);
    }

    #[test]
    fn an_acknowledgement_is_not_assignment() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        let _ = rings.advance(t0 + ms(100), 5);
        assert_eq!(rings.acknowledged(&id("r1"), Ok(None), t0 + ms(100)), None);
        let end = rings.advance(t0 + ms(100) + ASSIGNED_WITHIN, 5).ended;
        assert_eq!(end, [RingResult::Nowhere]);
    }

    #[test]
    fn where_only_the_answer_tells_of_the_conversation_it_takes_up_room_until_it_can_be_read() {
        let (mut rings, t0) = rings();
        for name in ["r1", "r2"] {
            assert_eq!(rings.offered(Ring { conversation: None, ..ring(name, "", t0) }, t0), []);
        }
        assert_eq!(rings.advance(t0 + ms(100), 1).accept, [id("r1")]);
        let chat = ConversationId::from("c1");
        assert_eq!(rings.acknowledged(&id("r1"), Ok(Some(&chat)), t0 + ms(100)), None);
        assert_eq!(rings.advance(t0 + ms(100) + ASSIGNED_WITHIN, 1), Due::default());
        assert!(rings.assigned(&chat));
    }

    #[test]
    fn a_refused_acceptance_ends_the_ring_and_an_unanswered_one_waits_for_the_assignment() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        assert_eq!(rings.offered(ring("r2", "c2", t0), t0), []);
        let _ = rings.advance(t0 + ms(100), 5);
        let refused = CallError::Refused { call: "ring", code: 400, message: "expired".to_owned() };
        assert_eq!(rings.acknowledged(&id("r1"), Err(&refused), t0), Some(RingResult::Failed));
        let silence = CallError::NoAnswer { call: "ring" };
        assert_eq!(rings.acknowledged(&id("r2"), Err(&silence), t0), None);
        assert!(rings.assigned(&ConversationId::from("c2")));
    }

    #[test]
    fn a_conversation_that_rings_anew_shows_that_the_acceptance_led_nowhere() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        let _ = rings.advance(t0 + ms(100), 5);
        assert_eq!(rings.acknowledged(&id("r1"), Ok(None), t0 + ms(100)), None);
        assert_eq!(rings.offered(ring("r2", "c1", t0), t0 + ms(200)), [RingResult::Nowhere]);
        assert_eq!(rings.advance(t0 + ms(300), 1).accept, [id("r2")], "it takes up no room");
    }

    #[test]
    fn a_ring_that_still_waits_after_an_acceptance_without_answer_is_accepted_again() {
        let (mut rings, t0) = rings();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0), []);
        let _ = rings.advance(t0 + ms(100), 5);
        let silence = CallError::NoAnswer { call: "ring" };
        assert_eq!(rings.acknowledged(&id("r1"), Err(&silence), t0 + ms(200)), None);
        rings.link_down();
        assert_eq!(rings.offered(ring("r1", "c1", t0), t0 + ms(5_000)), []);
        assert_eq!(rings.advance(t0 + ms(5_000), 5).accept, [id("r1")]);
    }

    fn rings() -> (Rings, Instant) {
        let t0 = crate::ops::clock::Clock::system().now();
        (Rings::new(ms(100)), t0)
    }

    fn ring(ring: &str, conversation: &str, t0: Instant) -> Ring {
        Ring {
            id: id(ring),
            conversation: Some(ConversationId::from(conversation)),
            skill: None,
            expires: Some(t0 + Duration::from_secs(72)),
        }
    }

    fn id(text: &str) -> RingId {
        RingId::from(text)
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }
}
