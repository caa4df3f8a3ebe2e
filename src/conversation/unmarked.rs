//! Pure: own messages that carry no mark, because the platform did not give it back. Position and text decide, and
//! where they leave a choice the bot is rather asked again than a message lost.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    effect::Body,
    event::{Audience, Content, Message, Speaker},
    gather,
    publish::Step,
    words::{Sequence, Timestamp},
};

/// Follows a dialog without marks as the process must have served it: one batch at a time, each answered by at least
/// one own message, what is said meanwhile is the next batch.
///
/// Own messages with nothing of the consumer between them may all be one answer: they settle one batch. Not so in
/// chat, where lines are short, come in quick succession, and are never batched: there each own line settles one, but
/// for the first, which answers the greeting.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// `messageDelay`, ms.
    window: i64,
    /// Each own line settles a line.
    in_chat: bool,
    /// What the agent says first answers a greeting.
    greets: bool,
    /// What no answer is known to, oldest first.
    waiting: VecDeque<Said>,
    /// Something waited when the agent spoke last, then: it was put to the bot at once.
    asked: Option<Timestamp>,
    /// The agent has spoken before.
    has_spoken: bool,
    /// The newest message is the agent's, and what it answers has been settled.
    speaking: bool,
    answered: BTreeSet<Sequence>,
    batches: usize,
    leftovers: Leftovers,
}

/// How a dialog is served.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manner {
    /// `messageDelay` makes batches of what the consumer says.
    Messaging { window: Duration },
    /// Each line is a turn; `greets`: the first turn is a greeting.
    Chat { greets: bool },
}

impl Manner {
    /// Whether each message is an event of its own.
    pub(super) fn is_one_by_one(self) -> bool {
        match self {
            Self::Messaging { window } => window.is_zero(),
            Self::Chat { .. } => true,
        }
    }
}

/// A consumer message.
#[derive(Debug)]
struct Said {
    sequence: Sequence,
    time: Timestamp,
    /// A click, a file, structured content.
    alone: bool,
}

impl Course {
    pub(super) fn new(manner: Manner) -> Self {
        match manner {
            Manner::Messaging { window } => {
                let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
                Self { window, ..Self::default() }
            }
            Manner::Chat { greets } => Self { in_chat: true, greets, ..Self::default() },
        }
    }

    /// The consumer said this.
    pub(super) fn consumer(&mut self, message: &Message) {
        let alone = !matches!(message.content, Content::Text(_)) || message.metadata.is_some();
        self.waiting.push_back(Said { sequence: message.sequence, time: message.time, alone });
        self.speaking = false;
    }

    /// The agent said this.
    pub(super) fn own(&mut self, message: &Message) {
        self.leftovers.keep(message);
        if !self.speaking && self.is_too_soon(message.time) {
            return;
        }
        let answers_greeting = std::mem::take(&mut self.greets);
        if (self.in_chat || !self.speaking) && !answers_greeting {
            self.settle_batch();
        }
        self.speaking = true;
        self.has_spoken = true;
        self.asked = (!self.waiting.is_empty()).then_some(message.time);
    }

    /// The agent said this to other agents.
    pub(super) fn own_private(&mut self, message: &Message) {
        self.leftovers.keep(message);
    }

    /// What came of it: the consumer messages that are taken as answered, in how many batches, and the own messages
    /// that may be answers to others.
    pub(super) fn end(self) -> (BTreeSet<Sequence>, usize, Leftovers) {
        (self.answered, self.batches, self.leftovers)
    }

    /// The last sequence of the batch that was with the bot at the end.
    pub(super) fn batch_at_the_bot(&self) -> Option<Sequence> {
        self.asked?;
        Some(self.waiting.get(self.first_batch().checked_sub(1)?)?.sequence)
    }

    fn settle_batch(&mut self) {
        let count = self.first_batch();
        self.batches += usize::from(count > 0);
        self.answered.extend(self.waiting.drain(..count).map(|said| said.sequence));
    }

    /// Whether the window of what waits was still open then: nothing could be asked yet, so what was said is more of
    /// the answer before.
    fn is_too_soon(&self, then: Timestamp) -> bool {
        let closes = |first: &Said| !first.alone && then.millis_since(first.time) < self.window;
        self.has_spoken
            && self.asked.is_none()
            && self.waiting.front().is_some_and(closes)
            && self.first_batch() == self.waiting.len()
    }

    /// How many messages the next batch has.
    fn first_batch(&self) -> usize {
        let Some(first) = self.waiting.front() else {
            return 0;
        };
        if first.alone || self.window == 0 {
            return 1;
        }
        let belongs = |said: &&Said| {
            !said.alone
                && (said.time.millis_since(first.time) < self.window
                    || self.asked.is_some_and(|asked| said.time <= asked))
        };
        self.waiting.iter().take(gather::MAX_PARTS).take_while(belongs).count()
    }
}

/// Own messages found without a mark that no event has claimed: when an event is asked again, what its answer says
/// may stand among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftovers(VecDeque<Message>);

impl Leftovers {
    fn keep(&mut self, message: &Message) {
        if self.0.len() == MAX_LEFTOVERS {
            self.0.pop_front();
        }
        self.0.push_back(message.clone());
    }

    /// The pieces among `steps` that stand in the dialog above `above`, in order. Each message is found once.
    pub(super) fn claim(&mut self, steps: &[Step], above: Sequence) -> BTreeSet<u32> {
        let mut claimed = BTreeSet::new();
        let mut place = self.0.iter().take_while(|message| message.sequence <= above).count();
        for step in steps {
            let Step::Say { index, body, audience, .. } = step else {
                continue;
            };
            let found = self.0.iter().skip(place).position(|m| is_said(body, *audience, m));
            if let Some(further) = found {
                place += further;
                self.0.remove(place);
                claimed.insert(*index);
            }
        }
        claimed
    }
}

/// Whether `message` is an own, unmarked message for this audience.
pub(super) fn is_own(message: &Message, audience: Audience) -> bool {
    message.from == Speaker::Me
        && message.mark.is_none()
        && message.audience == audience
        && match message.content {
            Content::Text(_) | Content::Rich { .. } => true,
            Content::File(_) | Content::Receipt { .. } | Content::Unknown => false,
        }
}

/// Whether `message` is an own, unmarked message that says just this.
pub(super) fn is_said(body: &Body, audience: Audience, message: &Message) -> bool {
    is_own(message, audience)
        && match (body, &message.content) {
            (Body::Text { text, .. }, Content::Text(said)) => text.trim() == said.trim(),
            (Body::Rich { content, .. }, Content::Rich { content: said, .. }) => {
                content == said || content.to_value() == said.to_value()
            }
            (Body::Text { .. } | Body::Rich { .. }, _) => false,
        }
}

/// How many own messages are kept to be claimed; older ones have been answered to for long.
const MAX_LEFTOVERS: usize = 256;
