//! Pure: the start of an agent session, up to the moment when all its chats are told.

use super::*;
use crate::cloud::chat::wire::AgentInfo;

impl AgentSession {
    pub(super) fn start(&mut self, out: &mut Out) {
        let target = format!("/api/account/{}/agentSession", self.terms.account);
        // The member has to be there, and nobody reads it (Chat Agent API, start agent session).
        let body = json!({"loginData": ""}).to_string();
        self.send(Purpose::Start, Method::Post, target, Some(body), out);
    }

    pub(super) fn started(&mut self, result: Result<Body, Failure>, now: Instant, out: &mut Out) {
        let body = match result {
            Ok(body) => body,
            Err(failure) => {
                self.forbidden = failure.kind == Trouble::Forbidden;
                self.lose(start_failed(&failure, self.terms.forbidden));
                return;
            }
        };
        let Some(href) = body.location("agentSessionLocation") else {
            let detail = "the answer to the start of the agent session tells no session".to_owned();
            self.lose(Loss::Broken { reason: "refused", detail });
            return;
        };
        self.href = without_query(&href).to_owned();
        self.stage = Stage::Asking;
        self.rings = Rings::new(last_segment(&href), now);
        self.presence.begin(now);
        // No ring is wanted before the old chats are served. They have to be asked for at once: they are there only
        // as long as the session before this one.
        self.looks.at = Some(now);
        self.ask(Purpose::Info, Method::Get, "/info", out);
        self.set_state(Availability::Away, false, now, out);
    }

    pub(super) fn introduced(&mut self, result: Result<Body, Failure>) {
        let Ok(body) = result else {
            // It is good to know, no more.
            return;
        };
        let info: AgentInfo = body.member("info");
        self.introduced = info.id.is_some();
        self.mine.extend(info.id.into_iter().chain(info.agent_name).filter(|it| !it.is_empty()));
        let most = match info.max_chats {
            Some(most @ 0..) => format!("{most} chats at most"),
            Some(_) => "any number of chats".to_owned(),
            None => return,
        };
        let skills: Vec<String> = info
            .skills_info
            .unwrap_or_default()
            .skill
            .into_iter()
            .filter_map(|skill| skill.name.or(skill.id))
            .take(MOST_SKILLS)
            .collect();
        self.remark = if skills.is_empty() {
            format!("{most}, no skill")
        } else {
            format!("{most}, skills: {}", skills.join(", "))
        };
    }

    /// The chats that the agent has are known.
    pub(super) fn is_up_with(&mut self, found: BTreeSet<ConversationId>, out: &mut Out) {
        Self::tell(Event::Up { agent: self.terms.user.clone() }, out);
        self.stage = Stage::Listing(found);
        self.notice_listed(out);
    }

    /// One more of the found chats has been read, or is not there any more.
    pub(super) fn listed(&mut self, chat: &ConversationId, out: &mut Out) {
        if let Stage::Listing(missing) = &mut self.stage
            && missing.remove(chat)
        {
            self.notice_listed(out);
        }
    }

    fn notice_listed(&mut self, out: &mut Out) {
        if self.stage == Stage::Listing(BTreeSet::new()) {
            self.stage = Stage::Listed;
            Self::tell(Event::Listed { heard: true }, out);
        }
    }
}

fn start_failed(failure: &Failure, forbidden: bool) -> Loss {
    let detail = format!("the agent session could not be started: {}", failure.detail);
    match failure.kind {
        Trouble::Expired => Loss::Expired { evicted: true, detail },
        // The account's host or the log-in may be out of date.
        Trouble::Missing => Loss::Expired { evicted: false, detail },
        Trouble::Forbidden if !forbidden => Loss::Expired { evicted: false, detail },
        Trouble::Forbidden | Trouble::Refused => Loss::Refused {
            detail: format!("{detail}; check that the user is an enabled bot user with chat slots"),
        },
        Trouble::TooMany(_) => Loss::Throttled { detail },
        Trouble::Failed | Trouble::Unknown => Loss::Broken { reason: "network", detail },
    }
}

const MOST_SKILLS: usize = 10;
