//! Pure: what waits to be put to the bot, and how several consumer messages become one batch.

use std::{collections::VecDeque, time::Duration, time::Instant};

use super::{
    effect::{CallId, Part, Postback},
    event::{EventKey, EventKind, File},
    words::{Json, Sequence, Timestamp},
};

/// What is put to the bot as one event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    pub(super) key: EventKey,
    pub(super) time: Timestamp,
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
    /// The sequences that an answer to it settles.
    pub(super) covers: Vec<Sequence>,
    pub(super) postback: Option<Postback>,
    pub(super) file: Option<File>,
    pub(super) rich: Option<Json>,
}

/// One thing that waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A consumer's text; merges with its neighbours.
    Text(Part),
    /// A click, file or rich content: always alone.
    Single(Box<Batch>),
    /// Greeting, step-up, escalation failed, or an agent's last utterance: always alone, in its place.
    Special(Box<Batch>),
    /// A step-up whose profile is still being read by this call: nothing passes it.
    Barrier(CallId),
}

/// The queue of what waits for the bot, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Gather {
    items: VecDeque<Waiting>,
}

#[derive(Clone, Debug)]
struct Waiting {
    item: Item,
    arrived: Instant,
    /// What comes after this belongs to the next batch.
    ends_batch: bool,
    /// What comes after this belongs to the same batch, even without a window.
    joined: bool,
}

impl Gather {
    /// Adds a consumer's item; one that overtook its predecessors on the way is put in its place.
    pub(super) fn add(&mut self, item: Item, arrived: Instant) {
        let place = match item.sequence() {
            Some(sequence) => self
                .items
                .iter()
                .rposition(|w| w.item.sequence().is_none_or(|other| other < sequence))
                .map_or(0, |before| before + 1),
            None => self.items.len(),
        };
        self.items.insert(place, Waiting { item, arrived, ends_batch: false, joined: false });
    }

    /// Closes the window: what comes later belongs to another batch.
    pub(super) fn close_batch(&mut self) {
        if let Some(last) = self.items.back_mut() {
            last.ends_batch = true;
        }
    }

    /// Makes one batch of the texts that wait from this sequence on, whatever the window: they were said together.
    pub(super) fn join_from(&mut self, first: Sequence) {
        let later = |w: &&mut Waiting| w.item.sequence().is_some_and(|sequence| sequence >= first);
        for waiting in self.items.iter_mut().filter(later) {
            waiting.joined = true;
        }
    }

    /// Whether a barrier waits for this call.
    pub(super) fn awaits(&self, call: CallId) -> bool {
        self.items.iter().any(|waiting| waiting.item == Item::Barrier(call))
    }

    /// Puts `batch` where the barrier stood.
    pub(super) fn replace_barrier(&mut self, call: CallId, batch: Batch) {
        if let Some(waiting) = self.items.iter_mut().find(|w| w.item == Item::Barrier(call)) {
            waiting.item = Item::Special(Box::new(batch));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether no more is taken in for now.
    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= MAX_WAITING
    }

    /// Whether there is room for what could not be taken in.
    pub(super) fn has_room(&self) -> bool {
        self.items.len() <= MAX_WAITING / 2
    }

    /// How many consumer messages wait.
    pub(super) fn messages(&self) -> usize {
        self.items.iter().filter(|w| w.item.sequence().is_some()).count()
    }

    /// When the first batch is ready; none if there is none, or a barrier stands before it.
    pub(super) fn ready_at(&self, window: Duration) -> Option<Instant> {
        let first = self.items.front()?;
        match &first.item {
            Item::Barrier(_) => None,
            Item::Single(_) | Item::Special(_) => Some(first.arrived),
            Item::Text(_) => {
                let run = self.run(window);
                let closed = run < self.items.len() || self.items[run - 1].ends_batch;
                // The first of them to arrive opened the window, wherever its place is.
                let opened = self.items.iter().take(run).map(|w| w.arrived).min()?;
                Some(if closed { opened } else { opened + window })
            }
        }
    }

    /// Takes the first batch, if it is ready.
    pub(super) fn take(&mut self, window: Duration, now: Instant) -> Option<Batch> {
        if self.ready_at(window)? > now {
            return None;
        }
        let run = self.run(window);
        let mut parts = Vec::new();
        for waiting in self.items.drain(..run) {
            match waiting.item {
                Item::Text(part) => parts.push(part),
                Item::Single(batch) | Item::Special(batch) => return Some(*batch),
                Item::Barrier(_) => return None,
            }
        }
        Batch::of_parts(parts)
    }

    /// Takes everything, for a conversation that is left; tells how many consumer messages there were.
    pub(super) fn clear(&mut self) -> usize {
        let messages = self.messages();
        self.items.clear();
        messages
    }

    /// How many items the first batch takes.
    fn run(&self, window: Duration) -> usize {
        let mut chars = 0;
        let mut run = 0;
        for waiting in &self.items {
            let Item::Text(part) = &waiting.item else {
                break;
            };
            chars += part.text.len();
            if run > 0 && chars > MAX_BATCH_BYTES {
                break;
            }
            run += 1;
            let alone = window.is_zero() && !waiting.joined;
            if waiting.ends_batch || run == MAX_PARTS || alone {
                break;
            }
        }
        run.max(1)
    }
}

impl Item {
    fn sequence(&self) -> Option<Sequence> {
        match self {
            Self::Text(part) => Some(part.sequence),
            Self::Single(batch) => Some(batch.key.sequence),
            Self::Special(_) | Self::Barrier(_) => None,
        }
    }
}

impl Batch {
    /// One batch of several texts, joined by one space; none of nothing.
    pub(super) fn of_parts(parts: Vec<Part>) -> Option<Self> {
        let last = parts.last()?;
        let key = EventKey { sequence: last.sequence, kind: EventKind::Consumer };
        let time = last.time;
        let text = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ");
        let covers = parts.iter().map(|part| part.sequence).collect();
        Some(Self { key, time, text, parts, covers, postback: None, file: None, rich: None })
    }

    /// An event that is not a consumer message.
    pub(super) fn special(key: EventKey, text: String, time: Timestamp) -> Self {
        let (parts, covers) = (Vec::new(), Vec::new());
        Self { key, time, text, parts, covers, postback: None, file: None, rich: None }
    }
}

/// How many items wait here; the history keeps the others.
const MAX_WAITING: usize = 1_000;

/// A batch has at most this many messages and bytes of text, so that one event fits every transport; the rest
/// is the next batch.
pub(super) const MAX_PARTS: usize = 100;
const MAX_BATCH_BYTES: usize = 64 * 1024;
