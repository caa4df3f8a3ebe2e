//! Pure: one chat that the agent has: how far it was read, what is to be said in it, who has it.

use std::{
    collections::{BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::{
    events,
    pace::{PERIOD, Poll},
    transfer::Transfer,
    wire::Info,
};
use crate::conversation::{
    CallId, ConsumerId, ConversationId, DialogId, Sequence, SkillId, Timestamp,
    event::{Details, Message, Profile},
};

/// A chat.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) key: ConversationId,
    /// Its only dialog, which has its id.
    pub(super) dialog: DialogId,
    /// Its URL, without a query.
    pub(super) href: String,
    /// This session has accepted it, so it is this agent's whatever it says.
    pub(super) fresh: bool,
    /// The hall knows of it.
    pub(super) told: bool,
    pub(super) info: Info,
    /// Who had it when it was read first: this agent.
    owner: Option<String>,
    /// Events from here on are this agent's; what stands before was said to somebody else.
    pub(super) begins: Sequence,
    /// Events from here on have not been seen.
    pub(super) next: Sequence,
    /// What was read first, until a conversation asks for it.
    pub(super) first: Option<Vec<Message>>,
    pub(super) poll: Poll,
    /// When not only the events are to be read, but also who has the chat.
    pub(super) whole_at: Instant,
    /// That is because something has happened, and no question that left since then tells yet.
    pub(super) wants_whole: bool,
    pub(super) heard: Instant,
    /// It has been told that it was not heard of for too long.
    pub(super) alarmed: bool,
    /// Answers in a row that made no sense.
    pub(super) senseless: u32,
    pub(super) doubt: Doubt,
    pub(super) outbox: Outbox,
    pub(super) typing: Typing,
    pub(super) transfer: Option<Transfer>,
    /// When the skills that can take it were told last.
    pub(super) targets_read: Option<Instant>,
    /// The server has agreed to a transfer or an end: nothing is said any more.
    pub(super) leaving: bool,
    /// When it agreed.
    pub(super) left_at: Option<Instant>,
}

/// Whether the chat is still there, after the server said that there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    None,
    /// The list of chats is being asked for.
    Asked,
    /// The list had it; the next such answer is believed.
    Listed,
}

/// Who has a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Me,
    /// Another agent, or nobody: it waits.
    Other,
    /// It is over.
    Nobody,
}

impl Talk {
    /// A chat that has not been read.
    pub(super) fn new(key: ConversationId, href: String, now: Instant) -> Self {
        Self {
            dialog: DialogId::from(key.as_str()),
            key,
            href,
            fresh: false,
            told: false,
            info: Info::default(),
            owner: None,
            begins: 0,
            next: 0,
            first: None,
            poll: Poll::new(now),
            whole_at: now,
            wants_whole: false,
            heard: now,
            alarmed: false,
            senseless: 0,
            doubt: Doubt::None,
            outbox: Outbox::new(now),
            typing: Typing::new(now),
            transfer: None,
            targets_read: None,
            leaving: false,
            left_at: None,
        }
    }

    /// Takes in what is known of the chat now, and tells whose it is. `mine` are the names that this agent goes by.
    pub(super) fn learn(&mut self, info: Info, mine: &BTreeSet<String>) -> Owner {
        let owner = match (info.state.as_deref(), &info.agent_id, &self.owner) {
            (Some("ended"), _, _) => Owner::Nobody,
            (Some("waiting"), _, _) => Owner::Other,
            (_, Some(id), Some(owner)) if id == owner => Owner::Me,
            (_, Some(_), Some(_)) => Owner::Other,
            // It may be any of the agent's ids, and the documents' examples agree on none.
            (_, Some(_), None) if self.fresh => Owner::Me,
            (_, Some(id), None) => {
                let by_name = info.agent_name.as_ref().is_some_and(|name| mine.contains(name));
                if mine.contains(id) || by_name { Owner::Me } else { Owner::Other }
            }
            (_, None, _) => Owner::Me,
        };
        if owner == Owner::Me && info.agent_id.is_some() {
            self.owner.clone_from(&info.agent_id);
        }
        self.info = info;
        owner
    }

    /// What the hall is told.
    pub(super) fn details(&self) -> Details {
        let start = self.info.start_time.as_deref().and_then(events::time);
        let consumer = self.info.visitor_id.as_deref().unwrap_or(self.key.as_str());
        Details {
            dialog: self.dialog.clone(),
            skill: self.info.skill_id.as_deref().filter(|id| *id != "-1").map(SkillId::from),
            consumer: ConsumerId::from(consumer),
            started: start.unwrap_or(Timestamp(0)),
        }
    }

    /// What is known of the visitor without asking.
    pub(super) fn profile(&self) -> Profile {
        let name =
            self.info.visitor_name.as_deref().filter(|name| !matches!(*name, "" | "visitor"));
        Profile { first_name: name.map(str::to_owned), last_name: None, authenticated: false }
    }

    /// The moment within a period at which this chat is asked for, so that not all are asked for at once.
    pub(super) fn phase(&self) -> Duration {
        let hash = self
            .key
            .as_str()
            .bytes()
            .fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        PERIOD.mul_f64(f64::from(hash % 1_000) / 1_000.0)
    }

    /// Whether a request for several chats does not do for this one at `now`.
    pub(super) fn is_alone(&self, now: Instant) -> bool {
        !self.told || self.doubt != Doubt::None || (self.wants_whole && self.whole_at <= now)
    }

    /// Whether a request for several chats asks for this one too.
    pub(super) fn is_read_with_others(&self) -> bool {
        self.told && self.doubt == Doubt::None
    }

    /// Who has it is to be asked soon.
    pub(super) fn ask_whole(&mut self, now: Instant) {
        self.whole_at = now;
        self.wants_whole = true;
        self.poll.hurry(now);
    }

    /// A request for several chats has brought it.
    pub(super) fn read_elsewhere(&mut self, now: Instant) {
        if !self.wants_whole {
            // Should it be asked for by itself again, then at its own moment.
            self.poll.hold(now + PERIOD + self.phase());
        }
    }

    /// Nothing was heard of it for so long that the server is about to give it up.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        !self.alarmed && self.heard + ALARM <= now
    }

    /// Whether something can leave now.
    pub(super) fn has_something_to_say(&self, now: Instant) -> bool {
        let transfer = self.transfer.as_ref().is_some_and(|transfer| transfer.is_due(now));
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        (transfer && self.outbox.is_idle()) || due(self.post_due()) || due(self.typing.due())
    }

    /// The next post to leave, if it is time. A transfer is a post as well: none leaves beside another.
    pub(super) fn take_post(&mut self, now: Instant) -> Option<Post> {
        self.post_due()?;
        self.outbox.take(now)
    }

    fn post_due(&self) -> Option<Instant> {
        let transfers = self.transfer.as_ref().is_some_and(Transfer::is_under_way);
        self.outbox.due().filter(|_| !transfers)
    }

    /// When something is to be done here besides polling, and what.
    pub(super) fn wake(&self) -> Option<(Instant, &'static str)> {
        let silence = (!self.alarmed).then_some((self.heard + ALARM, "silence"));
        if !self.may_speak() {
            return silence;
        }
        let transfer = self.transfer.as_ref().and_then(Transfer::due);
        [
            silence,
            transfer.filter(|_| self.outbox.is_idle()).map(|at| (at, "transfer")),
            self.post_due().map(|at| (at, "line")),
            self.typing.due().map(|at| (at, "typing")),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether anything is said in it now.
    pub(super) fn may_speak(&self) -> bool {
        !self.leaving && self.doubt != Doubt::Asked
    }
}

/// What is to be posted, one after another: the order is the server's order of arrival.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Post>,
    under_way: bool,
    not_before: Instant,
}

/// A line, or the end of the chat.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Post {
    /// Whose outcome is awaited.
    pub(super) call: Option<CallId>,
    pub(super) kind: Kind,
    pub(super) body: String,
    /// The same in plain text, should the server refuse it as it is.
    pub(super) plain: Option<String>,
    /// How often it has failed.
    pub(super) failures: u32,
}

/// What is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Line,
    End,
}

impl Kind {
    /// The name of the call.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Line => "publish",
            Self::End => "close",
        }
    }
}

impl Outbox {
    fn new(now: Instant) -> Self {
        Self { waiting: VecDeque::new(), under_way: false, not_before: now }
    }

    pub(super) fn push(&mut self, post: Post) {
        self.waiting.push_back(post);
    }

    /// The next post to leave, if it is time.
    pub(super) fn take(&mut self, now: Instant) -> Option<Post> {
        if self.under_way || self.not_before > now {
            return None;
        }
        let post = self.waiting.pop_front()?;
        self.under_way = true;
        Some(post)
    }

    /// The post under way was answered: the next one leaves a moment later, so that lines can be told apart.
    pub(super) fn settled(&mut self, now: Instant) {
        self.under_way = false;
        self.not_before = now + BETWEEN_LINES;
    }

    /// The post under way has to leave again, before all others, but not before then.
    pub(super) fn again(&mut self, post: Post, at: Instant) {
        self.under_way = false;
        self.waiting.push_front(post);
        self.not_before = at;
    }

    /// What has not left.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Post> + '_ {
        self.waiting.drain(..)
    }

    /// Whether all that was to be posted has been, and was answered.
    pub(super) fn is_idle(&self) -> bool {
        !self.under_way && self.waiting.is_empty()
    }

    fn due(&self) -> Option<Instant> {
        (!self.under_way && !self.waiting.is_empty()).then_some(self.not_before)
    }
}

/// Whether the visitor sees that something is being typed.
#[derive(Debug)]
pub(super) struct Typing {
    wanted: bool,
    shown: bool,
    under_way: bool,
    not_before: Instant,
}

impl Typing {
    fn new(now: Instant) -> Self {
        Self { wanted: false, shown: false, under_way: false, not_before: now }
    }

    /// From now on, or not any more.
    pub(super) fn want(&mut self, typing: bool) {
        self.wanted = typing;
    }

    /// What to tell the server now, if anything.
    pub(super) fn take(&mut self, now: Instant) -> Option<bool> {
        let due = self.due().is_some_and(|at| at <= now);
        if due {
            self.under_way = true;
            self.shown = self.wanted;
        }
        due.then_some(self.wanted)
    }

    /// It was answered; how is of no interest.
    pub(super) fn settled(&mut self, now: Instant) {
        self.under_way = false;
        self.not_before = now + BETWEEN_TYPING;
    }

    fn due(&self) -> Option<Instant> {
        (!self.under_way && self.wanted != self.shown).then_some(self.not_before)
    }
}

/// So that lines can be told apart.
const BETWEEN_LINES: Duration = Duration::from_millis(300);
/// One change a second is enough for people.
const BETWEEN_TYPING: Duration = Duration::from_secs(1);
/// The server gives a chat up after 40 s without a request (Chat Agent API, chat information).
const ALARM: Duration = Duration::from_secs(25);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
mod tests {
    use super::*;

    #[test]
    fn one_post_is_under_way_and_what_has_to_leave_again_leaves_first() {
        let now = Instant::now();
        let mut outbox = Outbox::new(now);
        for text in ["one", "two"] {
            outbox.push(post(text));
        }
        let first = outbox.take(now).unwrap();
        assert_eq!(outbox.take(now), None);
        let later = now + Duration::from_secs(1);
        outbox.again(first.clone(), later);
        assert_eq!(outbox.take(now), None);
        assert_eq!(outbox.take(later), Some(first));
        outbox.settled(later);
        assert_eq!(outbox.take(later), None, "a moment between two lines");
        assert_eq!(outbox.take(later + BETWEEN_LINES), Some(post("two")));
    }

    #[test]
    fn typing_is_told_once_a_second_and_only_as_it_is_at_last() {
        let now = Instant::now();
        let mut typing = Typing::new(now);
        typing.want(true);
        assert_eq!(typing.take(now), Some(true));
        typing.want(false);
        typing.want(true);
        typing.want(false);
        assert_eq!(typing.take(now), None, "the first is not answered");
        typing.settled(now);
        assert_eq!(typing.take(now), None);
        assert_eq!(typing.take(now + BETWEEN_TYPING), Some(false));
        typing.settled(now);
        typing.want(true);
        typing.want(false);
        assert_eq!(typing.due(), None);
    }

    #[test]
    fn whose_a_chat_is_is_told_by_state_and_agent() {
        let mine = BTreeSet::from(["17".to_owned(), "Bot One".to_owned()]);
        let info = |state: &str, agent: Option<&str>, name: Option<&str>| Info {
            state: Some(state.to_owned()),
            agent_id: agent.map(str::to_owned),
            agent_name: name.map(str::to_owned),
            ..Info::default()
        };
        for (info, owner) in [
            (info("chatting", Some("17"), None), Owner::Me),
            (info("chatting", Some("311"), Some("Bot One")), Owner::Me),
            (info("chatting", Some("311"), Some("Ada")), Owner::Other),
            (info("chatting", None, None), Owner::Me),
            (info("waiting", Some("17"), None), Owner::Other),
            (info("ended", Some("17"), None), Owner::Nobody),
        ] {
            assert_eq!(talk().learn(info.clone(), &mine), owner, "{info:?}");
        }
        let mut talk = talk();
        talk.fresh = true;
        assert_eq!(talk.learn(info("chatting", Some("9"), None), &mine), Owner::Me);
        assert_eq!(talk.learn(info("chatting", Some("10"), None), &mine), Owner::Other);
    }

    fn talk() -> Talk {
        Talk::new(ConversationId::from("H1"), "https://x.test/chat/H1".to_owned(), Instant::now())
    }

    fn post(text: &str) -> Post {
        Post { call: None, kind: Kind::Line, body: text.to_owned(), plain: None, failures: 0 }
    }
}
