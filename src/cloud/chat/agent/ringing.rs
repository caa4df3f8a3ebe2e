//! Pure: asking whether chats ring, and taking them: nothing that goes wrong with a chat or the bot holds this up.

use super::*;
use crate::cloud::chat::wire::Incoming;

impl AgentSession {
    pub(super) fn poll_rings(&mut self, now: Instant, out: &mut Out) {
        if self.rings.poll.begins(now) {
            self.rings.asked();
            self.ask(Purpose::Rings, Method::Get, "/incomingRequests", out);
        }
    }

    pub(super) fn rings_counted(
        &mut self,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        let failure = match result {
            Ok(body) => {
                if self.rings.poll.is_failing() {
                    self.presence.doubt(now);
                }
                self.rings.poll.answered(now);
                let incoming: Incoming = body.member("incomingRequests");
                let ringing = incoming.ringing_count.unwrap_or_default();
                // Before all chats are told, none is taken: the next question finds it.
                if self.stage == Stage::Listed {
                    let ringing = usize::try_from(ringing).unwrap_or_default();
                    out.extend(self.rings.counted(ringing, now).into_iter().map(Output::Tell));
                }
                return;
            }
            Err(failure) => failure,
        };
        match failure.kind {
            Trouble::Missing => self.session_is_gone(&failure),
            Trouble::Expired | Trouble::Forbidden => {
                self.forbidden = true;
                let detail = format!("asking for rings is forbidden ({})", failure.detail);
                self.lose(Loss::Expired { evicted: false, detail });
            }
            Trouble::TooMany(retry_after) => self.rings.poll.too_much(now, retry_after),
            Trouble::Refused => {
                Self::complain("rings", format!("incomingRequests: {}", failure.detail), out);
                self.rings.poll.answered(now);
            }
            Trouble::Failed | Trouble::Unknown => {
                if self.rings.poll.failed(now) >= GIVEN_UP_AFTER {
                    let detail = format!(
                        "for two minutes nothing was heard from the cloud; last: {}",
                        failure.detail
                    );
                    self.lose(Loss::Broken { reason: "dead", detail });
                }
            }
        }
    }

    pub(super) fn take_ring(&mut self, now: Instant, out: &mut Out) {
        while let Some(ring) = self.rings.take(now) {
            let target = format!("{}/incomingRequests", self.href);
            self.send(Purpose::Take(ring), Method::Post, target, Some("{}".to_owned()), out);
        }
    }

    pub(super) fn ring_taken(
        &mut self,
        ring: RingId,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        let failure = match result {
            Ok(body) => match body.location("chatLocation") {
                Some(href) => return self.ring_leads_to(ring, &href, now, out),
                // Nothing was there to accept, or the answer was mangled on its way.
                None => return self.look_for_lost_ring(ring, now),
            },
            Err(failure) => failure,
        };
        match failure.kind {
            Trouble::TooMany(retry_after) => {
                let wait = retry_after.unwrap_or_default().clamp(SECOND, 5 * SECOND);
                self.rings.again(ring, now + wait);
                self.look_for_lost_rings(now);
            }
            // Asking again could take another chat: the list of chats tells whether it was taken.
            Trouble::Failed | Trouble::Unknown => self.look_for_lost_ring(ring, now),
            Trouble::Refused | Trouble::Missing | Trouble::Forbidden | Trouble::Expired => {
                let error = failure.to_call_error("accept");
                out.push(Output::Tell(self.rings.taken(ring, Err(error))));
                self.presence.doubt(now);
                self.look_for_lost_rings(now);
            }
        }
    }

    fn look_for_lost_ring(&mut self, ring: RingId, now: Instant) {
        self.rings.lose(ring);
        self.presence.doubt(now);
        self.look_for_lost_rings(now);
    }

    /// As soon as no other acceptance is under way, whose chat would be on the list as well.
    fn look_for_lost_rings(&mut self, now: Instant) {
        if self.rings.can_be_looked_for() {
            self.looks.at = Some(now);
        }
    }

    fn ring_leads_to(&mut self, ring: RingId, href: &str, now: Instant, out: &mut Out) {
        let key = ConversationId::from(last_segment(href));
        out.push(Output::Tell(self.rings.taken(ring, Ok(key.clone()))));
        let talk = Talk::new(key.clone(), without_query(href).to_owned(), now);
        self.talks.entry(key).or_insert(talk).fresh = true;
        self.look_for_lost_rings(now);
    }
}

/// The agent session is given up and a new one started when nothing was heard for so long.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(120);
const SECOND: Duration = Duration::from_secs(1);
