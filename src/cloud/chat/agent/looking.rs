//! Pure: the list of the chats that the agent has: at the start, and wherever it is in doubt whether a chat is there.

use super::*;
use crate::{
    cloud::chat::{pace, wire::ChatSessions},
    conversation::event::Departure,
};

impl AgentSession {
    pub(super) fn look_if_due(&mut self, now: Instant, out: &mut Out) {
        if self.looks.due().is_some_and(|at| at <= now) {
            self.looks.at = None;
            self.looks.under_way = true;
            self.looks.for_rings = self.rings.can_be_looked_for();
            self.ask(Purpose::Look, Method::Get, "/chatSessions", out);
        }
    }

    /// The server says that there is no such chat: the list tells. Should it tell otherwise, the next such answer is
    /// believed.
    pub(super) fn doubt(&mut self, chat: &ConversationId, now: Instant, out: &mut Out) {
        let Some(talk) = self.talks.get_mut(chat) else {
            return;
        };
        match talk.doubt {
            Doubt::None => {
                talk.doubt = Doubt::Asked;
                self.looks.at.get_or_insert(now);
            }
            Doubt::Asked => {}
            Doubt::Listed => self.is_gone(chat, Departure::Moved, out),
        }
    }

    pub(super) fn looked(&mut self, result: Result<Body, Failure>, now: Instant, out: &mut Out) {
        self.looks.under_way = false;
        self.looks.rests_until = Some(now + pace::PERIOD);
        let body = match result {
            // A page of a proxy on the way says nothing about chats; an empty list may have no body at all.
            Ok(body) if !body.is_json() && self.looks.failures < TRIES => {
                let detail = "200: the answer holds no list".to_owned();
                let failure = Failure { kind: Trouble::Failed, status: Some(200), detail };
                return self.look_failed(&failure, now, out);
            }
            Ok(body) => body,
            Err(failure) => return self.look_failed(&failure, now, out),
        };
        self.looks.failures = 0;
        let listed = self.listed_chats(&body);
        for (key, talk) in &mut self.talks {
            if let Some(href) = listed.get(key) {
                talk.href.clone_from(href);
            }
        }
        self.ask_doubtful(now, |key| listed.contains_key(key));
        let doubted = self.talks.values().filter(|talk| talk.doubt == Doubt::Asked);
        let gone: Vec<ConversationId> = doubted.map(|talk| talk.key.clone()).collect();
        for key in gone {
            self.is_gone(&key, Departure::Moved, out);
        }
        let unknown: Vec<(ConversationId, String)> =
            listed.into_iter().filter(|(key, _)| !self.talks.contains_key(key)).collect();
        let found: BTreeSet<ConversationId> = unknown.iter().map(|(key, _)| key.clone()).collect();
        let mut accepted = Vec::new();
        if self.looks.for_rings {
            accepted.extend(found.iter().take(self.rings.lost()).cloned());
            self.find_lost_rings(&accepted, now, out);
        }
        for (key, href) in unknown {
            let mut talk = Talk::new(key.clone(), href, now);
            talk.fresh = accepted.contains(&key);
            self.talks.insert(key, talk);
        }
        if self.stage == Stage::Asking {
            self.is_up_with(found, out);
        }
    }

    fn look_failed(&mut self, failure: &Failure, now: Instant, out: &mut Out) {
        if failure.kind == Trouble::Missing {
            return self.session_is_gone(failure);
        }
        if self.looks.failures >= TRIES && self.stage == Stage::Asking {
            let detail = format!("the agent's chats could not be listed: {}", failure.detail);
            return self.lose(Loss::Broken { reason: "network", detail });
        }
        if self.rings.can_be_looked_for() {
            // Other rings do not wait for the list; what it tells when it can be had again is taken over then.
            self.find_lost_rings(&[], now, out);
        }
        if self.looks.failures > 0 {
            // Neither do chats, which end when nothing is heard of them: those in doubt are asked themselves, once more.
            self.ask_doubtful(now, |_| true);
        }
        let wait = match failure.kind {
            Trouble::TooMany(retry_after) => {
                retry_after.unwrap_or_default().clamp(pace::PERIOD, pace::SLOWEST)
            }
            Trouble::Expired
            | Trouble::Forbidden
            | Trouble::Missing
            | Trouble::Refused
            | Trouble::Failed
            | Trouble::Unknown => pace::pause(self.looks.failures),
        };
        self.looks.failures = self.looks.failures.saturating_add(1);
        self.looks.at = Some(now + wait);
    }

    /// Those of the chats in doubt are asked once more; the next answer is believed.
    fn ask_doubtful(&mut self, now: Instant, which: impl Fn(&ConversationId) -> bool) {
        let doubtful = self.talks.iter_mut().filter(|(_, talk)| talk.doubt == Doubt::Asked);
        for (_, talk) in doubtful.filter(|(key, _)| which(key)) {
            talk.doubt = Doubt::Listed;
            talk.poll = Poll::new(now);
            talk.whole_at = now;
        }
    }

    /// The chats that lost acceptances have led to are among those that nobody knew, or the acceptances were lost on
    /// their way there.
    fn find_lost_rings(&mut self, chats: &[ConversationId], now: Instant, out: &mut Out) {
        let mut events = Vec::new();
        if self.rings.found(chats, &mut events) {
            // They may still be on their way.
            self.looks.at = Some(now + LATE_ACCEPTANCE);
        }
        out.extend(events.into_iter().map(Output::Tell));
    }

    fn listed_chats(&self, body: &Body) -> BTreeMap<ConversationId, String> {
        let sessions: ChatSessions = body.member("chatSessions");
        let chats = sessions.chat_session.into_iter().filter_map(|session| {
            let href = session.link.into_iter().find_map(|link| link.href);
            let href = href.map(|href| without_query(&href).to_owned());
            let key = session.chat_session_key;
            let key = key.or_else(|| href.as_deref().map(last_segment).map(str::to_owned))?;
            let href = href.unwrap_or_else(|| format!("{}/chat/{key}", self.href));
            Some((ConversationId::from(key), href))
        });
        chats.filter(|(key, _)| !key.as_str().is_empty()).collect()
    }
}

/// After so many failures another agent session is tried, if it has not come up for want of the list.
const TRIES: u32 = 3;
/// When the list is looked at once more for a chat that an acceptance without an answer has led to.
const LATE_ACCEPTANCE: Duration = Duration::from_secs(10);
