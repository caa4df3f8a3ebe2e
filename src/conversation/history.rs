//! Pure: what the history tells. It is the journal: which events were answered, which pieces are missing, what
//! the first utterance is, from when `maxConsumerMessageDelay` counts.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    event::{Audience, Content, EventKey, EventKind, Message, ReceiptStatus, Speaker},
    mark::Mark,
    unmarked::{Course, Leftovers, Manner},
    words::{Sequence, Timestamp},
};

/// Which sequences of a dialog have been handled: everything up to the newest, but for those that are missing.
#[derive(Clone, Debug)]
pub(super) struct Handled {
    newest: Sequence,
    missing: BTreeSet<Sequence>,
}

impl Default for Handled {
    fn default() -> Self {
        // Sequences begin at 0.
        Self { newest: -1, missing: BTreeSet::new() }
    }
}

impl Handled {
    /// Notes a sequence; false if it was known already.
    pub(super) fn note(&mut self, sequence: Sequence) -> bool {
        if sequence <= self.newest {
            return self.missing.remove(&sequence);
        }
        let skipped =
            self.newest.saturating_add(1).max(sequence.saturating_sub(MAX_MISSING as Sequence));
        self.missing.extend(skipped..sequence);
        self.newest = sequence;
        while self.missing.len() > MAX_MISSING {
            self.missing.pop_first();
        }
        true
    }

    /// Whether a dialog that has got this far can have this sequence next: one that cannot be would make everything
    /// after it look old.
    pub(super) fn is_plausible(&self, sequence: Sequence) -> bool {
        (0..=self.newest.saturating_add(MAX_LEAP)).contains(&sequence)
    }

    /// Whether this sequence has been noted.
    pub(super) fn knows(&self, sequence: Sequence) -> bool {
        sequence <= self.newest && !self.missing.contains(&sequence)
    }

    /// The highest sequence known; -1 for none.
    pub(super) fn newest(&self) -> Sequence {
        self.newest
    }

    /// Whether a sequence is missing below the newest one.
    pub(super) fn has_gap(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Everything up to here is known; -1 for nothing.
    pub(super) fn floor(&self) -> Sequence {
        self.missing.first().map_or(self.newest, |first| first - 1)
    }

    /// The history has been read up to here: what is missing below, is nothing that could be handled.
    pub(super) fn raise(&mut self, sequence: Sequence) {
        self.newest = self.newest.max(sequence);
        self.missing = self.missing.split_off(&sequence.saturating_add(1));
    }
}

/// Which pieces of which answers the dialog holds, for the newest events.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    events: BTreeMap<EventKey, Pieces>,
}

/// The pieces of one answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    pub(super) have: BTreeSet<u32>,
    pub(super) count: u32,
}

impl Journal {
    /// Notes an own message's mark.
    pub(super) fn note(&mut self, message: &Message) {
        let (Speaker::Me, Some(mark)) = (message.from, &message.mark) else {
            return;
        };
        let pieces = self.events.entry(mark.event).or_default();
        pieces.have.insert(mark.index);
        pieces.count = pieces.count.max(mark.count);
        while self.events.len() > REMEMBERED_EVENTS {
            self.events.pop_first();
        }
    }

    /// Notes that a step without a message of its own (transfer, close) or a piece was done.
    pub(super) fn done(&mut self, key: EventKey, index: u32, count: u32) {
        let pieces = self.events.entry(key).or_default();
        pieces.have.insert(index);
        pieces.count = pieces.count.max(count);
    }

    pub(super) fn pieces(&self, key: EventKey) -> Option<&Pieces> {
        self.events.get(&key)
    }
}

impl Pieces {
    fn is_complete(&self) -> bool {
        (0..self.count).all(|index| self.have.contains(&index))
    }
}

/// Whether marks come back from the platform: an unmarked own message is somebody else's where they do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    /// A history held one.
    pub(super) read: bool,
    /// A live message carried one.
    pub(super) heard: bool,
}

/// What is to be done with a conversation that this process has not known before.
#[derive(Clone, Debug, Default)]
pub(super) struct Takeover {
    /// The messages to hand to the bot, in order: consumer messages, or one agent's utterance.
    pub(super) messages: Vec<Message>,
    /// Batches end with these sequences; the rest collects behind them.
    pub(super) batch_ends: BTreeSet<Sequence>,
    /// What was said from the one to the other was, or may have been, one event: it has to be one again, whatever the
    /// window, or the same id would mean something else.
    pub(super) one_event: Option<(Sequence, Sequence)>,
    /// An event that is not a consumer message whose answer is incomplete: ask again.
    pub(super) repeat: Option<EventKey>,
    /// When the newest consumer message was said that this agent has answered.
    pub(super) anchor: Option<Timestamp>,
    /// This agent has spoken in the conversation.
    pub(super) spoken: bool,
    /// Consumer messages for which there is no READ receipt.
    pub(super) unread: Vec<Sequence>,
    /// Transfers that failed since the last consumer message.
    pub(super) failed_transfers: u32,
    /// How many times an own message without a mark was taken for the answer to what stands before it.
    pub(super) answered_by_position: usize,
    /// Those of `messages` that an own message without a mark may have answered.
    pub(super) asked_again: BTreeSet<Sequence>,
    /// Own messages without a mark that may be part of the answers to those.
    pub(super) leftovers: Leftovers,
}

/// Reads a history for the first time.
///
/// `fresh`: the conversation has just been assigned, so its last utterance is the bot's first input. Otherwise it
/// was this agent's already before the process started (or the connection was lost): what is unanswered goes on.
pub(super) fn take_over(
    messages: &[Message],
    journal: &Journal,
    fresh: bool,
    skip_agent_message: bool,
    manner: Manner,
) -> Takeover {
    let answered = Answered::read(messages, journal, manner);
    let utterances: Vec<&Message> = messages.iter().filter(|m| is_utterance(m)).collect();
    let foreign = |m: &&&Message| matches!(m.from, Speaker::Consumer | Speaker::Agent);
    let (picked, batch_ends, one_event) = if fresh || !answered.spoken {
        let candidate = utterances
            .iter()
            .filter(foreign)
            .rev()
            .find(|m| !skip_agent_message || m.from == Speaker::Consumer);
        let picked = candidate.map(|m| preceding(&utterances, m, &answered)).unwrap_or_default();
        let half = answered.half.filter(|key| picked.iter().any(|m| m.sequence == key.sequence));
        let one_event = match (half, picked.as_slice()) {
            (Some(half), _) => Some((answered.half_begins, half.sequence)),
            // The agent was here before, and a restart cannot tell that it was away meanwhile: without a window, each
            // message is an event in either case.
            (None, _) if answered.spoken && manner.is_one_by_one() => None,
            // What the consumer said while waiting.
            (None, [first, .., last]) => Some((first.sequence, last.sequence)),
            (None, [only]) => Some((only.sequence, only.sequence)),
            (None, []) => None,
        };
        (picked, one_event.iter().map(|(_, last)| *last).collect(), one_event)
    } else {
        let open: Vec<&Message> = utterances
            .iter()
            .copied()
            .filter(|m| m.from == Speaker::Consumer && m.sequence > answered.sisters_up_to)
            .filter(|m| !answered.is_answered(m.sequence))
            .collect();
        let half = answered.half.filter(|key| key.kind == EventKind::Consumer);
        let first = half
            .map(|key| key.sequence)
            .or_else(|| open.iter().rev().map(|m| m.sequence).find(|s| *s < answered.last_own));
        let one_event = half.map(|key| (answered.half_begins, key.sequence));
        (open, first.into_iter().chain(answered.at_the_bot).collect(), one_event)
    };
    // What was half said when the conversation was another's meanwhile, is not taken up again.
    let repeat = answered.half.filter(|key| !fresh && key.kind != EventKind::Consumer);
    let repeat_agent = repeat.filter(|key| key.kind == EventKind::Agent);
    let mut picked = picked;
    if let Some(key) = repeat_agent {
        let again = utterances.iter().copied().find(|m| m.sequence == key.sequence);
        picked.splice(0..0, again.filter(|m| m.from == Speaker::Agent));
    }
    let doubtful = |m: &&&Message| !fresh && !answered.marks && m.sequence < answered.last_own;
    let asked_again = picked.iter().filter(doubtful).map(|m| m.sequence).collect();
    let read: BTreeSet<Sequence> = messages.iter().flat_map(read_by).collect();
    let unread = messages
        .iter()
        .filter(|m| m.from == Speaker::Consumer && is_content(m) && !read.contains(&m.sequence))
        .map(|m| m.sequence)
        .collect();
    Takeover {
        messages: picked.into_iter().cloned().collect(),
        batch_ends,
        one_event,
        repeat,
        anchor: if fresh { None } else { answered.anchor },
        spoken: answered.spoken,
        unread,
        failed_transfers: if fresh { 0 } else { answered.failed_transfers },
        answered_by_position: answered.by_position,
        asked_again,
        leftovers: if fresh { Leftovers::default() } else { answered.leftovers },
    }
}

/// The sequences that a receipt of an agent marks as read.
pub(super) fn read_by(message: &Message) -> impl Iterator<Item = Sequence> + '_ {
    let sequences: &[Sequence] = match &message.content {
        Content::Receipt { status: ReceiptStatus::Read, sequences }
            if matches!(message.from, Speaker::Me | Speaker::Agent) =>
        {
            sequences
        }
        Content::Receipt { .. }
        | Content::Text(_)
        | Content::File(_)
        | Content::Rich { .. }
        | Content::Unknown => &[],
    };
    sequences.iter().copied()
}

/// The candidate, and if it is the consumer's, the consumer messages before it that nobody answered.
///
/// Position tells: what stands before an agent's words was answered by them. Not so where these words are marked as
/// a bot's answer to something earlier: the consumer may have said more before they were published.
fn preceding<'m>(
    utterances: &[&'m Message],
    candidate: &'m Message,
    answered: &Answered,
) -> Vec<&'m Message> {
    let told = answered.marked_up_to.max(answered.sisters_up_to);
    let before = utterances.iter().rev().skip_while(|m| m.sequence > candidate.sequence).copied();
    let mut picked: Vec<&Message> = before
        .take_while(|m| m.from == Speaker::Consumer || m.mark.is_some())
        .filter(|m| m.from == Speaker::Consumer && m.sequence > told)
        .collect();
    picked.reverse();
    match candidate.from {
        // The last word of a bot before this one that is asked for the consumer's last message whoever answered it.
        Speaker::Consumer if picked.is_empty() && candidate.sequence > answered.marked_up_to => {
            vec![candidate]
        }
        Speaker::Agent | Speaker::Me | Speaker::System if picked.is_empty() => vec![candidate],
        Speaker::Consumer | Speaker::Agent | Speaker::Me | Speaker::System => picked,
    }
}

/// What this agent has answered.
struct Answered {
    /// Consumer messages up to here are answered.
    up_to: Sequence,
    /// The same, by marks alone.
    marked_up_to: Sequence,
    /// Consumer messages up to here were answered by another agent's bot, as its marks tell.
    sisters_up_to: Sequence,
    anchor: Option<Timestamp>,
    /// The newest event whose answer is incomplete.
    half: Option<EventKey>,
    /// The first message of that event, as far as its mark tells.
    half_begins: Sequence,
    /// Consumer messages up to here need no answer of their own: the bot spoke to them unasked, or its transfer
    /// failed and it has spoken to that.
    settled: Sequence,
    last_own: Sequence,
    spoken: bool,
    /// Some own message carries a mark: one without is an earlier connector's or a person's.
    marks: bool,
    /// Taken as answered because of own messages without a mark.
    without_mark: BTreeSet<Sequence>,
    by_position: usize,
    /// The batch that the bot must have had at the end, without marks, ends here.
    at_the_bot: Option<Sequence>,
    leftovers: Leftovers,
    failed_transfers: u32,
}

impl Answered {
    fn read(messages: &[Message], journal: &Journal, manner: Manner) -> Self {
        let mut answered = Self {
            up_to: -1,
            marked_up_to: -1,
            sisters_up_to: -1,
            anchor: None,
            half: None,
            half_begins: -1,
            settled: -1,
            last_own: -1,
            spoken: false,
            marks: messages.iter().any(|m| m.from == Speaker::Me && m.mark.is_some()),
            without_mark: BTreeSet::new(),
            by_position: 0,
            at_the_bot: None,
            leftovers: Leftovers::default(),
            failed_transfers: 0,
        };
        let mut last_consumer = -1;
        let mut sisters = Journal::default();
        for message in messages.iter().filter(|m| is_utterance(m)) {
            match message.from {
                Speaker::Consumer => {
                    last_consumer = message.sequence;
                    answered.failed_transfers = 0;
                }
                Speaker::Agent => answered.sisters(message, &mut sisters),
                Speaker::System => {}
                Speaker::Me => answered.own(message, journal, last_consumer),
            }
        }
        if !answered.marks {
            answered.follow(messages, manner);
        }
        answered.half = answered.half.filter(|key| key.sequence > answered.up_to);
        let settled = match answered.half {
            // What was being said when the process ended, is completed, whatever was said before.
            Some(half) if half.kind == EventKind::Consumer => {
                answered.settled.min(answered.half_begins - 1)
            }
            Some(_) | None => answered.settled,
        };
        answered.up_to = answered.up_to.max(settled);
        answered.marked_up_to = answered.marked_up_to.max(settled);
        answered.anchor = messages
            .iter()
            .rev()
            .find(|m| {
                m.from == Speaker::Consumer && is_content(m) && answered.is_answered(m.sequence)
            })
            .map(|m| m.time);
        answered
    }

    /// Without any mark the dialog is gone through as it must have been served.
    fn follow(&mut self, messages: &[Message], manner: Manner) {
        let mut course = Course::new(manner);
        for message in messages.iter().filter(|m| is_content(m)) {
            match (message.from, message.audience) {
                (Speaker::Consumer, _) => course.consumer(message),
                (Speaker::Me, Audience::All) => course.own(message),
                (Speaker::Me, Audience::Agents) => course.own_private(message),
                (Speaker::Agent | Speaker::System, _) => {}
            }
        }
        self.at_the_bot = course.batch_at_the_bot();
        (self.without_mark, self.by_position, self.leftovers) = course.end();
    }

    fn is_answered(&self, sequence: Sequence) -> bool {
        sequence <= self.up_to || self.without_mark.contains(&sequence)
    }

    fn own(&mut self, message: &Message, journal: &Journal, last_consumer: Sequence) {
        self.spoken = true;
        self.last_own = self.last_own.max(message.sequence);
        let Some(mark) = &message.mark else {
            // Marks come back, and this has none: an earlier connector or a person has answered what stands before.
            if self.marks && last_consumer > self.up_to {
                self.by_position += 1;
                self.up_to = last_consumer;
            }
            return;
        };
        let complete = journal.pieces(mark.event).is_some_and(Pieces::is_complete);
        match mark.event.kind {
            EventKind::Consumer if complete => {
                self.up_to = self.up_to.max(mark.event.sequence);
                self.marked_up_to = self.marked_up_to.max(mark.event.sequence);
            }
            // The bot took the conversation over at this utterance: what stands before it was another's to answer.
            EventKind::Agent if complete => self.up_to = self.up_to.max(mark.event.sequence),
            EventKind::Say(_) if complete => self.settle(mark),
            EventKind::Say(_) => {}
            EventKind::EscalationFailed(failures) => {
                self.failed_transfers = self.failed_transfers.max(failures);
                // The transfer that was to come after the half answer before it, was made and failed.
                if let Some(half) = self.half.take()
                    && half.kind == EventKind::Consumer
                {
                    self.settled = self.settled.max(half.sequence);
                }
                self.settle(mark);
                self.half = (!complete).then_some(mark.event);
            }
            EventKind::Consumer
            | EventKind::Agent
            | EventKind::Greeting
            | EventKind::StepUp
            | EventKind::Ended
            | EventKind::Transferred => {
                if !complete {
                    self.half = Some(mark.event);
                    self.half_begins = mark.covers.first().copied().unwrap_or(mark.event.sequence);
                }
            }
        }
    }

    /// Another connector's answer.
    fn sisters(&mut self, message: &Message, journal: &mut Journal) {
        let Some(mark) = &message.mark else {
            return;
        };
        journal.done(mark.event, mark.index, mark.count);
        let complete = journal.pieces(mark.event).is_some_and(Pieces::is_complete);
        if complete && mark.event.kind == EventKind::Consumer {
            self.sisters_up_to = self.sisters_up_to.max(mark.event.sequence);
        }
    }

    fn settle(&mut self, mark: &Mark) {
        self.settled = self.settled.max(mark.covers.iter().copied().max().unwrap_or(-1));
    }
}

/// Content that the consumer can see.
fn is_utterance(message: &Message) -> bool {
    message.audience == Audience::All && message.from != Speaker::System && is_content(message)
}

/// Text, a file, or structured content; an agent's structured content counts only if it has text.
pub(super) fn is_content(message: &Message) -> bool {
    match &message.content {
        Content::Text(_) | Content::File(_) => true,
        Content::Rich { text, .. } => {
            !text.is_empty() || message.from == Speaker::Consumer || message.from == Speaker::Me
        }
        Content::Receipt { .. } | Content::Unknown => false,
    }
}

/// How many missing sequences are remembered, to be found by the next reading or to arrive late.
const MAX_MISSING: usize = 256;

/// No dialog gets on by this many sequences unheard.
const MAX_LEAP: Sequence = 1_000_000;

/// How many events the journal keeps; older ones are answered for good.
const REMEMBERED_EVENTS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_sequence_is_new_once_however_late_it_comes() {
        let mut handled = Handled::default();
        assert!(handled.note(0));
        assert!((2..200).all(|sequence| handled.note(sequence)));
        assert_eq!((handled.floor(), handled.newest()), (0, 199));
        assert!(handled.note(1));
        assert!(!handled.note(1));
        assert_eq!(handled.floor(), 199);
    }

    #[test]
    fn a_great_leap_costs_no_more_than_the_bound() {
        let mut handled = Handled::default();
        assert!(handled.note(Sequence::MAX));
        assert_eq!(handled.missing.len(), MAX_MISSING);
    }

    #[test]
    fn a_reading_settles_everything_below_its_end() {
        let mut handled = Handled::default();
        handled.note(7);
        handled.raise(6);
        assert_eq!(handled.floor(), 7);
        assert!(handled.knows(3));
    }
}
