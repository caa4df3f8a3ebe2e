//! Pure: the rules of the protocol that clients have to keep. Breaking one is reported, never refused.

use super::calls::CallName;
use super::timers::alone;
use super::{ChatState, Millis, Part, World};

/// Least time between two reads of one resource, ms: the published 2 s with some tolerance.
const POLL: Millis = 1_900;
/// Longest time between two refreshes of a log-in, ms.
pub(super) const REFRESH: Millis = 330_000;
/// Longest time without a request on a chat, ms.
pub(super) const SILENCE: Millis = 25_000;
/// A client that has sent something within so many ms is alive, and its silence on a chat is a mistake.
const ALIVE: Millis = 10_000;
/// A client that waits so many ms for an answer may give it up at any moment, before its connection is seen to close.
const PATIENCE: Millis = 5_000;

/// Whatever is read so soon after an unclear result, is read to recover from it, ms.
const RECOVERY: Millis = 200;

/// The lines, ends and transfers of a chat that are under way.
#[derive(Debug, Default)]
pub(super) struct Posts {
    under_way: u32,
    /// When the last of them began.
    since: Millis,
}

/// A rule that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Breach {
    pub(crate) time: Millis,
    /// Log-in name.
    pub(crate) agent: String,
    pub(crate) rule: Broken,
    /// The path, or the chat's id.
    pub(crate) place: String,
}

/// The rules that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Broken {
    /// A resource was read again within 1.9 s of the last answer, and that answer was clear.
    FastPoll,
    /// A line, an end or a transfer was posted while another of the same chat was under way.
    TwoPosts,
    /// No refresh of the log-in for 5 min 30 s.
    NoRefresh,
    /// A line of type html has an unescaped `<script`.
    Script,
    /// No request on a chat for 25 s, while its client was alive.
    SilentChat,
}

impl Broken {
    /// The control API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::FastPoll => "fastPoll",
            Self::TwoPosts => "twoPosts",
            Self::NoRefresh => "noRefresh",
            Self::Script => "script",
            Self::SilentChat => "silentChat",
        }
    }
}

impl World {
    /// Checks how soon after the last answer a resource is read again.
    pub(super) fn check_pace(&mut self, session: &str, path: &str, chat: Option<&str>) {
        let here = |id: &str| {
            let found = self.chats.all.get(id);
            found.is_some_and(|one| one.state == ChatState::Chatting && one.is_with(session))
        };
        // A last look at a chat that has gone may come at any time.
        if chat.is_some_and(|id| !here(id)) {
            return;
        }
        let now = self.now;
        let posting = chat.and_then(|chat| self.chats.posting.get(chat));
        let given_up = posting.is_some_and(|posts| posts.since + PATIENCE <= now);
        let Some(found) = self.chats.sessions.get_mut(session) else {
            return;
        };
        let agent = found.agent.clone();
        // Until it is answered, the beginning counts: two reads side by side are too fast as well.
        let last = found.polls.insert(path.to_owned(), now);
        let is_early = last.is_some_and(|last| now < last + POLL);
        // Beside the usual look, which may have come just before.
        let mut recovers = || {
            let unclear = found.unclear.as_mut();
            unclear.is_some_and(|(at, read)| now < *at + RECOVERY && read.insert(path.to_owned()))
        };
        // Whoever has waited in vain for the answer to a post, looks at once what became of it.
        if is_early && !given_up && !recovers() {
            self.report(&agent, Broken::FastPoll, path);
        }
    }

    /// Counts a line, an end or a transfer that begins.
    pub(super) fn begin_post(&mut self, agent: &str, chat: &str) {
        let now = self.now;
        let posts = self.chats.posting.entry(chat.to_owned()).or_default();
        posts.under_way += 1;
        posts.since = now;
        if posts.under_way > 1 {
            self.report(agent, Broken::TwoPosts, chat);
        }
    }

    /// The same for one that is over.
    pub(super) fn end_post(&mut self, chat: &str) {
        if let Some(posts) = self.chats.posting.get_mut(chat) {
            posts.under_way -= 1;
            if posts.under_way == 0 {
                self.chats.posting.remove(chat);
            }
        }
    }

    /// Looks for a script in a line of html.
    pub(super) fn check_markup(&mut self, agent: &str, chat: &str, text_type: &str, text: &str) {
        if text_type == "html" && text.to_ascii_lowercase().contains("<script") {
            self.report(agent, Broken::Script, chat);
        }
    }

    /// Looks for chats on which nothing has come for too long.
    pub(super) fn look_for_silence(&mut self) {
        let now = self.now;
        let silent: Vec<(String, Option<String>)> = self
            .open_chats()
            .filter(|chat| alone(chat, SILENCE).is_some_and(|at| at <= now))
            .filter(|chat| chat.silence_told != Some(chat.last_request))
            .map(|chat| {
                let session = chat.owner.as_ref().and_then(|owner| owner.session.clone());
                (chat.id.clone(), session)
            })
            .collect();
        for (id, session) in silent {
            if let Some(chat) = self.chats.all.get_mut(&id) {
                chat.silence_told = Some(chat.last_request);
            }
            let session = session.and_then(|session| self.chats.sessions.get(&session));
            let alive = session.filter(|session| now < session.last_request + ALIVE);
            if let Some(agent) = alive.map(|session| session.agent.clone()) {
                self.report(&agent, Broken::SilentChat, &id);
            }
        }
    }

    /// Looks for log-ins that serve chats and are not refreshed.
    pub(super) fn look_for_missing_refreshes(&mut self) {
        let now = self.now;
        let sessions: Vec<String> = self.chats.sessions.keys().cloned().collect();
        for id in sessions {
            let agent = self.chats.sessions[&id].agent.clone();
            let Some(refreshed) = self.refreshed(&agent) else {
                continue;
            };
            let Some(session) = self.chats.sessions.get_mut(&id) else {
                continue;
            };
            if refreshed + REFRESH > now || session.refresh_told == Some(refreshed) {
                continue;
            }
            session.refresh_told = Some(refreshed);
            if now < session.last_request + ALIVE {
                self.report(&agent, Broken::NoRefresh, "refresh");
            }
        }
    }

    /// When the log-in of an agent was made or last refreshed.
    pub(super) fn refreshed(&self, agent: &str) -> Option<Millis> {
        let session = self.agents.get(agent)?.session.as_ref()?;
        Some(session.expires.saturating_sub(self.options.session_life))
    }

    fn report(&mut self, agent: &str, rule: Broken, place: &str) {
        let agent = self.agents.get(agent).map(|one| one.login_name.clone()).unwrap_or_default();
        let breach = Breach { time: self.now, agent, rule, place: place.to_owned() };
        self.chats.breaches.push(breach);
        self.parts.insert(Part::Counts);
    }
}

/// Whether a call takes part in "one at a time in a chat".
pub(super) fn one_at_a_time(name: CallName) -> bool {
    matches!(name, CallName::Line | CallName::End | CallName::Transfer)
}
