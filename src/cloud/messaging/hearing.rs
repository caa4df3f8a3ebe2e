//! Pure: whether a socket still tells what it should: a look once a minute.
//!
//! A socket can answer every question and tell nothing any more, or not all of it; signs of life never show that. So
//! the subscriptions are made anew on the same socket, which brings lists of what there is, and these are compared with
//! what was told unasked. Whatever a list says is taken like any other notification, so a look is its own repair.
//!
//! | request | how often |
//! | --- | --- |
//! | `SubscribeExConversations` | each look: those changed since the last one; all of them in every tenth |
//! | `SubscribeRoutingTasks` | each look; with the looks 1, 2, 4, 8 ... if the cloud refuses to end it (see below) |
//! | `GetClock` | each look, behind the lists; the next sign of life is due that much later |
//! | `UnsubscribeExConversations` | for both of them, when the lists are in |
//! | `QueryMessages` | for conversations that a list tells without their newest message, at most 20 in a look |
//!
//! Nothing is documented that ends a subscription to rings. The request that ends one to conversations is tried, since
//! all it names is a subscription; where it is refused, what has been subscribed stays, harmless but for repeating
//! things, so that it is done ever more rarely.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{news::Seen, purpose::Subscription};
use crate::{
    cloud::Missed,
    conversation::{ConversationId, DialogId, RingId, Timestamp},
};

/// How often a look begins; sessions add a jitter of a tenth. With the waits below, what was not told is found within
/// about 90 seconds.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What one socket tells and what it does not.
#[derive(Debug)]
pub(super) struct Hearing {
    every: Duration,
    manager: bool,
    /// The subscriptions that are not a look's.
    lasting: BTreeMap<Subscription, String>,
    /// Subscriptions of looks that have not been ended (yet).
    left_behind: BTreeSet<String>,
    rings_can_end: bool,
    /// The cloud tells a list of rings, even an empty one, when it is subscribed to.
    lists_rings: bool,
    /// The same for an empty list of conversations.
    lists_nothing: bool,
    /// A look's list has come on this socket.
    heard_once: bool,
    looks: u32,
    /// Looks in a row of which a subscription was refused or not answered.
    refusals: u32,
    /// The last look's beginning by the server's time.
    looked: Timestamp,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The connection's own lists are not in.
    Arriving,
    /// Looking has been given up.
    Off,
    Resting {
        until: Instant,
    },
    Looking(Box<Look>),
}

#[derive(Debug)]
struct Look {
    began: Instant,
    server: Timestamp,
    full: bool,
    lists: BTreeMap<Subscription, List>,
    progress: Progress,
    /// Conversations that this agent was in when a full look began.
    before: BTreeSet<ConversationId>,
    /// Conversations that the look's own list told, and those that anything else did.
    listed: BTreeSet<ConversationId>,
    stirred: BTreeSet<ConversationId>,
    /// Told by the look, and not (yet) by what should have.
    suspects: BTreeSet<Suspect>,
    /// Conversations told without their newest message.
    bare: BTreeMap<ConversationId, DialogId>,
    /// The question behind the lists was not answered: they may still be under way.
    doubtful: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Suspect {
    Conversation(ConversationId),
    Ring(RingId),
}

#[derive(Debug)]
struct List {
    answer: Answer,
    /// It came.
    heard: bool,
    /// Something of its kind came by another way.
    elsewhere: bool,
}

#[derive(Debug)]
enum Answer {
    Awaited,
    /// Subscribed, under this id if it was told.
    Subscribed(Option<String>),
    Refused,
}

#[derive(Debug)]
enum Progress {
    /// Until then, once all subscriptions are answered.
    Listening { until: Option<Instant> },
    /// The question behind the lists is on its way.
    Asked,
    /// What was told meanwhile may still be told by itself.
    Judging { at: Instant },
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// To begin a look.
    Look,
    /// To put the question behind the lists.
    Question,
    /// To judge.
    Verdict,
}

/// What a look asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asking {
    /// What to subscribe to.
    pub(super) subscription: Subscription,
    /// Only what has changed since, server time.
    pub(super) since: Option<Timestamp>,
}

/// What a look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What should have been told and was not.
    pub(super) missed: Vec<Missed>,
    /// Conversations that this agent is not in any more.
    pub(super) gone: Vec<ConversationId>,
    /// Conversations whose newest message was not told.
    pub(super) bare: BTreeMap<ConversationId, DialogId>,
    /// A list that had to come did not.
    pub(super) deaf: bool,
    /// Looking is given up on this socket.
    pub(super) given_up: bool,
}

impl Hearing {
    /// A socket is open; a look begins `every` so often.
    pub(super) fn new(every: Duration, manager: bool) -> Self {
        Self {
            every,
            manager,
            lasting: BTreeMap::new(),
            left_behind: BTreeSet::new(),
            rings_can_end: true,
            lists_rings: false,
            lists_nothing: false,
            heard_once: false,
            looks: 0,
            refusals: 0,
            looked: Timestamp(0),
            stage: Stage::Arriving,
        }
    }

    /// A subscription that is to last was answered.
    pub(super) fn lasts(&mut self, subscription: Subscription, id: Option<String>) {
        if let Some(id) = id {
            self.lasting.insert(subscription, id);
        }
    }

    /// The connection's own lists are in.
    pub(super) fn begin(&mut self, now: Instant, server: Timestamp) {
        if let Stage::Arriving = self.stage {
            self.looked = server;
            self.stage = Stage::Resting { until: now + self.every };
        }
    }

    /// Whether a look's list has ever come on this socket.
    pub(super) fn heard_once(&self) -> bool {
        self.heard_once
    }

    /// How many looks have begun.
    pub(super) fn looks(&self) -> u32 {
        self.looks
    }

    /// What there is to do by now.
    pub(super) fn due(&self, now: Instant) -> Option<Due> {
        match &self.stage {
            Stage::Arriving | Stage::Off => None,
            Stage::Resting { until } => (*until <= now).then_some(Due::Look),
            Stage::Looking(look) => match look.progress {
                Progress::Listening { until } => {
                    let over = until.is_some_and(|until| until <= now || look.is_told());
                    over.then_some(Due::Question)
                }
                Progress::Asked => None,
                Progress::Judging { at } => (at <= now).then_some(Due::Verdict),
            },
        }
    }

    /// When to look again what is due.
    pub(super) fn wake(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Arriving | Stage::Off => None,
            Stage::Resting { until } => Some(*until),
            Stage::Looking(look) => match look.progress {
                Progress::Listening { until } => until,
                Progress::Asked => None,
                Progress::Judging { at } => Some(at),
            },
        }
    }

    /// Begins a look: what to subscribe to. `here` are the conversations that this agent is in.
    pub(super) fn look(
        &mut self,
        here: impl Iterator<Item = ConversationId>,
        now: Instant,
        server: Timestamp,
    ) -> Vec<Asking> {
        self.looks = self.looks.saturating_add(1);
        let full = self.looks.is_multiple_of(FULL_EVERY);
        let since = (!full).then(|| Timestamp(self.looked.0.saturating_sub(OVERLAP)));
        let mut asking = vec![Asking { subscription: Subscription::Conversations, since }];
        if !self.manager && (self.rings_can_end || self.looks.is_power_of_two()) {
            asking.push(Asking { subscription: Subscription::Rings, since: None });
        }
        let list = || List { answer: Answer::Awaited, heard: false, elsewhere: false };
        self.stage = Stage::Looking(Box::new(Look {
            began: now,
            server,
            full,
            lists: asking.iter().map(|asked| (asked.subscription, list())).collect(),
            progress: Progress::Listening { until: None },
            before: if full { here.collect() } else { BTreeSet::new() },
            listed: BTreeSet::new(),
            stirred: BTreeSet::new(),
            suspects: BTreeSet::new(),
            bare: BTreeMap::new(),
            doubtful: false,
        }));
        asking
    }

    /// A subscription of the look was answered.
    pub(super) fn subscribed(
        &mut self,
        subscription: Subscription,
        id: Option<String>,
        now: Instant,
    ) {
        self.answered(subscription, Answer::Subscribed(id), now);
    }

    /// A subscription of the look was refused, or not answered: that says nothing about what is told.
    pub(super) fn refused(&mut self, subscription: Subscription, now: Instant) {
        self.answered(subscription, Answer::Refused, now);
    }

    fn answered(&mut self, subscription: Subscription, answer: Answer, now: Instant) {
        let Stage::Looking(look) = &mut self.stage else {
            return;
        };
        if let Some(list) = look.lists.get_mut(&subscription) {
            list.answer = answer;
        }
        let all = look.lists.values().all(|list| !matches!(list.answer, Answer::Awaited));
        if let Progress::Listening { until } = &mut look.progress
            && all
        {
            *until = Some(now + LIST_PATIENCE);
        }
    }

    /// A notification came, by this subscription if it named one. `seen` is what it told of; none of it for an empty
    /// list.
    pub(super) fn hear(&mut self, kind: Subscription, by: Option<&str>, seen: &[Seen]) {
        match kind {
            Subscription::Rings => self.lists_rings = true,
            Subscription::Conversations => self.lists_nothing |= by.is_some() && seen.is_empty(),
            Subscription::AgentState => return,
        }
        let Stage::Looking(look) = &mut self.stage else {
            return;
        };
        let Some(list) = look.lists.get_mut(&kind) else {
            return;
        };
        let lasting = self.lasting.get(&kind).map(String::as_str);
        let own = by.is_some_and(|by| match &list.answer {
            Answer::Subscribed(Some(id)) => by == id && lasting != Some(by),
            // The list may be faster than the answer.
            Answer::Subscribed(None) | Answer::Awaited => {
                lasting.is_some_and(|lasting| lasting != by) && !self.left_behind.contains(by)
            }
            Answer::Refused => false,
        });
        if own {
            list.heard = true;
            self.heard_once = true;
        } else {
            list.elsewhere = true;
        }
        for seen in seen {
            look.see(seen, own);
        }
    }

    /// The question is on its way.
    pub(super) fn asked(&mut self) {
        if let Stage::Looking(look) = &mut self.stage {
            look.progress = Progress::Asked;
        }
    }

    /// The question was `answered`, or never will be: the subscriptions that are to be ended.
    pub(super) fn list_is_in(
        &mut self,
        answered: bool,
        now: Instant,
    ) -> Vec<(Subscription, String)> {
        let Stage::Looking(look) = &mut self.stage else {
            return Vec::new();
        };
        look.doubtful = !answered;
        look.progress = Progress::Judging { at: now + GRACE };
        let lists = look.lists.iter();
        let ids = lists.filter_map(|(kind, list)| match &list.answer {
            Answer::Subscribed(Some(id)) => Some((*kind, id.clone())),
            Answer::Subscribed(None) | Answer::Awaited | Answer::Refused => None,
        });
        // Should the cloud name both alike, ending one would end the other.
        let mut ids: Vec<_> =
            ids.filter(|(_, id)| !self.lasting.values().any(|lasting| lasting == id)).collect();
        self.left_behind.extend(ids.iter().map(|(_, id)| id.clone()));
        ids.retain(|(kind, _)| self.rings_can_end || *kind != Subscription::Rings);
        ids
    }

    /// A subscription of a look has ended.
    pub(super) fn ended(&mut self, id: &str) {
        self.left_behind.remove(id);
    }

    /// The cloud refuses to end such a subscription.
    pub(super) fn cannot_end(&mut self, subscription: Subscription) {
        self.rings_can_end &= subscription != Subscription::Rings;
    }

    /// Nothing was read for a while: what was told meanwhile is still to come.
    pub(super) fn resumed(&mut self, now: Instant) {
        if let Stage::Looking(look) = &mut self.stage
            && let Progress::Judging { at } = &mut look.progress
        {
            *at = now + GRACE;
        }
    }

    /// Judges the look, and rests until the next one.
    pub(super) fn judge(&mut self, now: Instant) -> Verdict {
        let Stage::Looking(look) = std::mem::replace(&mut self.stage, Stage::Off) else {
            return Verdict::default();
        };
        let refused = look.lists.values().any(|list| matches!(list.answer, Answer::Refused));
        self.refusals = if refused { self.refusals + 1 } else { 0 };
        let given_up = self.refusals >= REFUSALS || self.left_behind.len() >= MOST_LEFT_BEHIND;
        if !given_up {
            self.stage = Stage::Resting { until: now.max(look.began + self.every) };
        }
        let owed = |kind: Subscription| match kind {
            Subscription::Conversations => self.lists_nothing || !look.before.is_empty(),
            Subscription::Rings => self.lists_rings,
            Subscription::AgentState => false,
        };
        let subscribed = |list: &List| matches!(list.answer, Answer::Subscribed(_));
        let silent = |list: &List| subscribed(list) && !list.heard && !list.elsewhere;
        let deaf =
            !look.doubtful && look.lists.iter().any(|(kind, list)| owed(*kind) && silent(list));
        let conversations = look.lists.get(&Subscription::Conversations);
        if conversations.is_some_and(subscribed) {
            self.looked = look.server;
        }
        let complete = look.full
            && !look.doubtful
            && conversations.is_some_and(|list| subscribed(list) && list.heard)
            && look.listed.len() < LONGEST_LIST;
        let Look { before, listed, stirred, suspects, bare, .. } = *look;
        let gone: Vec<ConversationId> = if complete {
            let told = |id: &ConversationId| listed.contains(id) || stirred.contains(id);
            before.into_iter().filter(|id| !told(id)).collect()
        } else {
            Vec::new()
        };
        let untold = suspects.into_iter().map(|suspect| match suspect {
            Suspect::Conversation(_) => Missed::Conversation,
            Suspect::Ring(_) => Missed::Ring,
        });
        let missed = untold.chain(gone.iter().map(|_| Missed::Gone)).collect();
        Verdict { missed, gone, bare, deaf, given_up }
    }
}

impl Look {
    /// Whether every list that was subscribed to has come, as far as it can be told.
    fn is_told(&self) -> bool {
        self.lists.values().all(|list| match list.answer {
            Answer::Subscribed(_) => list.heard,
            Answer::Refused => true,
            Answer::Awaited => false,
        })
    }

    fn see(&mut self, seen: &Seen, own: bool) {
        let (suspect, appeared) = match seen {
            Seen::Conversation { id, appeared, bare } => {
                let told = if own { &mut self.listed } else { &mut self.stirred };
                told.insert(id.clone());
                match bare {
                    Some(dialog) if own => {
                        self.bare.insert(id.clone(), dialog.clone());
                    }
                    Some(_) | None => {}
                }
                (Suspect::Conversation(id.clone()), *appeared)
            }
            Seen::Ring { id, appeared } => (Suspect::Ring(id.clone()), *appeared),
        };
        if !own {
            self.suspects.remove(&suspect);
        } else if appeared {
            self.suspects.insert(suspect);
        }
    }
}

/// Every tenth list is a full one: what a missed departure costs at most is ten minutes.
const FULL_EVERY: u32 = 10;
/// Lists overlap by this, in milliseconds: no two clocks agree, and a server may be late to note a change.
const OVERLAP: i64 = 120_000;
/// How long a list may take after its subscription was answered.
const LIST_PATIENCE: Duration = Duration::from_secs(5);
/// How much later than in the list a thing may be told by itself.
const GRACE: Duration = Duration::from_secs(2);
/// After this many looks in a row that were refused there are no more of them on a socket.
const REFUSALS: u32 = 3;
/// A cloud that ends no subscriptions is not to be burdened with ever more of them.
const MOST_LEFT_BEHIND: usize = 24;
/// Lists of this length are cut (Messaging Agent API: 1 000 or 1 001 conversations).
const LONGEST_LIST: usize = 1_000;
