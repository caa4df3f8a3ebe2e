//! Pure: what comes from the cloud: the state of the conversation, its history, its messages.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Arrival, Conversation, Phase, ReadState, Reading,
    effect::{Ambiguity, Call, Disposition, Effect, Effects, Fact, Part, Postback},
    event::{
        Audience, CallError, Content, Details, EventKey, EventKind, History, Message, Outcome,
        Speaker,
    },
    gather::{Batch, Item},
    history, postback, publish,
    settings::{LateMessages, Role},
    unheard,
    unheard::Told,
    words::{Sequence, Timestamp},
};

impl Conversation {
    /// The state of the conversation changed: another skill, another consumer id, another main dialog.
    pub(super) fn on_details(&mut self, details: Details, now: Instant, fx: &mut Effects) {
        if matches!(self.phase, Phase::Left) {
            return;
        }
        let stepped_up = !self.known_consumers.contains(&details.consumer);
        let other_dialog = details.dialog != self.about.dialog;
        let about = Arc::make_mut(&mut self.about);
        about.skill = details.skill;
        about.consumer = details.consumer.clone();
        if other_dialog {
            about.dialog = details.dialog;
            self.leave_dialog_behind(fx);
            self.handled = history::Handled::default();
            self.flooded = false;
            self.told = Told::default();
            self.gap_until = None;
            self.journal = history::Journal::default();
            self.leftovers = super::unmarked::Leftovers::default();
            self.receipts = super::receipts::Receipts::default();
            match &mut self.phase {
                Phase::Leaving(leaving) => leaving.other_dialog(),
                Phase::Reading(_) | Phase::Serving | Phase::Offline { .. } | Phase::Left => {
                    self.read_history(Some(Arrival::Assigned), 0, fx);
                }
            }
        }
        if stepped_up {
            self.step_up(details.consumer, now, fx);
        }
    }

    /// Another main dialog has been opened: what the old one still waited for, comes to nothing.
    fn leave_dialog_behind(&mut self, fx: &mut Effects) {
        let messages = self.gather.clear() + self.withdraw_all(fx);
        if messages > 0 {
            fx.push(report(messages, Disposition::LeftBehind));
        }
        self.publication = None;
        self.acknowledged = -1;
        self.unplaced.clear();
        self.answers.clear();
        self.greeting_at = None;
        self.anchor = None;
        self.last_said = None;
    }

    /// The connection is gone: nothing can be done in the cloud, calls under way have an unknown fate.
    pub(super) fn on_link_down(&mut self) {
        if let Some(publication) = &mut self.publication
            && let publish::State::Sent { floor, .. } = publication.state
        {
            publication.state = publish::State::Unsure { floor };
        }
        self.receipts.link_lost();
        match &mut self.phase {
            Phase::Reading(reading) => {
                let begin = reading.begin;
                self.phase = Phase::Offline { begin };
            }
            Phase::Serving => self.phase = Phase::Offline { begin: None },
            Phase::Leaving(leaving) => leaving.link_lost(),
            Phase::Offline { .. } | Phase::Left => {}
        }
    }

    /// The connection is back and the conversation is still this agent's.
    pub(super) fn on_link_up(&mut self, details: Details, now: Instant, fx: &mut Effects) {
        self.on_details(details, now, fx);
        match &mut self.phase {
            Phase::Offline { begin } => {
                let begin = *begin;
                self.show_typing_again(fx);
                self.read_history(begin, 0, fx);
            }
            Phase::Leaving(leaving) => leaving.link_back(now),
            Phase::Reading(_) | Phase::Serving | Phase::Left => {}
        }
    }

    pub(super) fn read_history(&mut self, begin: Option<Arrival>, failures: u32, fx: &mut Effects) {
        let dialog = self.about.dialog.clone();
        // From where something is missing, or from where a piece may stand that is looked for. The piece before it,
        // read again, shows whether marks come back.
        let known = self.handled.floor();
        let from = match self.unsure_above() {
            Some(floor) if self.acknowledged > 0 => known.min(floor).min(self.acknowledged - 1),
            Some(floor) => known.min(floor),
            None => known,
        };
        let after = (begin.is_none() && from >= 0).then_some(from);
        let id = self.call(Call::History { dialog, after }, fx);
        let (live, sought) = match &mut self.phase {
            Phase::Reading(reading) => (std::mem::take(&mut reading.live), reading.sought),
            Phase::Serving | Phase::Offline { .. } | Phase::Leaving(_) | Phase::Left => {
                (Vec::new(), None)
            }
        };
        let state = ReadState::Called(id);
        let reading = Reading { begin, state, failures, live, overflowed: false, sought };
        self.phase = Phase::Reading(Box::new(reading));
    }

    pub(super) fn on_history(
        &mut self,
        outcome: Result<Outcome, CallError>,
        now: Instant,
        fx: &mut Effects,
    ) {
        // Without the first look at its history a conversation would begin deaf, and what may be out already would be
        // said again: a refusal is not believed at once.
        let is_unsure = self.unsure_above().is_some();
        let Phase::Reading(reading) = &mut self.phase else {
            return;
        };
        let matters = reading.begin.is_some() || is_unsure;
        let history = match outcome {
            Ok(Outcome::History(mut history)) => {
                history.messages.retain(|message| {
                    message.dialog == self.about.dialog
                        && self.handled.is_plausible(message.sequence)
                });
                // In order, each once, whatever the cloud says.
                history.messages.sort_by_key(|message| message.sequence);
                history.messages.dedup_by_key(|message| message.sequence);
                history
            }
            Ok(Outcome::Done | Outcome::Published(_) | Outcome::Profile(_)) => History::default(),
            Err(CallError::NotSent) => {
                reading.state = ReadState::Retry(now + NOT_SENT_PAUSE);
                return;
            }
            Err(error @ CallError::Refused { .. }) if !matters || reading.failures >= REFUSALS => {
                // Asking again changes nothing: go on with what arrives live.
                fx.push(Effect::Report(Fact::HistoryFailed(error.to_string())));
                History::default()
            }
            Err(
                error @ (CallError::Refused { .. }
                | CallError::NoAnswer { .. }
                | CallError::Failed { .. }),
            ) => {
                fx.push(Effect::Report(Fact::HistoryFailed(error.to_string())));
                let pause = super::leave::retry_pause(reading.failures);
                reading.failures += 1;
                reading.state = ReadState::Retry(now + pause);
                return;
            }
        };
        let (begin, overflowed, sought) = (reading.begin, reading.overflowed, reading.sought);
        let live = std::mem::take(&mut reading.live);
        self.phase = Phase::Serving;
        self.gap_until = None;
        self.flooded = false;
        for message in &history.messages {
            self.journal.note(message);
            self.marks.read |= message.mark.is_some();
            self.receipts.confirm(history::read_by(message));
        }
        match begin {
            Some(arrival) => self.take_over(&history.messages, arrival, now, fx),
            None => {
                self.report_missed(&history.messages, &live, sought, fx);
                self.receipts.resend_doubtful();
                self.settle(&history.messages, &live, now, fx);
                let newest = history.messages.last().map(|last| last.sequence);
                for message in history.messages {
                    // The reading overlaps with what is known: that is no duplicate worth counting.
                    if !self.handled.knows(message.sequence) {
                        self.take_message(message, now, fx);
                    }
                }
                if let Some(newest) = newest
                    && !self.flooded
                {
                    // What was left out comes with the next reading.
                    self.flooded = history.truncated;
                    self.handled.raise(newest);
                }
                if !self.handled.has_gap() {
                    self.gap_until = None;
                }
            }
        }
        for message in live {
            if !self.handled.knows(message.sequence) {
                self.take_message(message, now, fx);
            }
        }
        self.expect_told(now);
        if overflowed && !self.flooded && self.is_serving() {
            self.read_history(None, 0, fx);
        }
    }

    /// A message arrived.
    pub(super) fn on_message(&mut self, message: Message, now: Instant, fx: &mut Effects) {
        self.marks.heard |= message.mark.is_some();
        match &mut self.phase {
            Phase::Reading(reading) => {
                if reading.live.len() < MAX_LIVE {
                    reading.live.push(message);
                } else {
                    reading.overflowed = true;
                }
            }
            Phase::Serving | Phase::Offline { begin: None } | Phase::Leaving(_) => {
                self.take_message(message, now, fx);
            }
            // The first reading is still to come, and tells whether it was answered long ago.
            Phase::Offline { begin: Some(_) } | Phase::Left => {}
        }
    }

    fn take_message(&mut self, message: Message, now: Instant, fx: &mut Effects) {
        if message.dialog != self.about.dialog {
            return;
        }
        if !self.handled.is_plausible(message.sequence) {
            let (kind, what) = (Ambiguity::StrangeSequence, message.sequence.to_string());
            return fx.push(Effect::Report(Fact::Ambiguous { kind, times: 1, what }));
        }
        if self.is_too_much(&message) {
            return self.take_unnoted(&message, fx);
        }
        if !self.handled.note(message.sequence) {
            if message.from == Speaker::Consumer && history::is_content(&message) {
                fx.push(report(1, Disposition::Duplicate));
            }
            return;
        }
        self.watch_gap(now);
        self.journal.note(&message);
        self.receipts.confirm(history::read_by(&message));
        match message.from {
            Speaker::Me => self.on_echo(&message, fx),
            Speaker::Consumer if history::is_content(&message) => {
                self.take_consumer(message, true, now, fx);
            }
            Speaker::Consumer | Speaker::Agent | Speaker::System => {}
        }
    }

    /// Whether the message has to wait in the history: it, or one before it, finds no room here.
    fn is_too_much(&mut self, message: &Message) -> bool {
        let is_new = !self.handled.knows(message.sequence);
        let waits = message.from == Speaker::Consumer && history::is_content(message);
        self.flooded |= is_new && waits && self.gather.is_full();
        self.flooded && is_new && (waits || message.sequence > self.handled.newest())
    }

    /// What can be told from a message that will be read again.
    fn take_unnoted(&mut self, message: &Message, fx: &mut Effects) {
        self.journal.note(message);
        self.receipts.confirm(history::read_by(message));
        if message.from == Speaker::Me {
            self.on_echo(message, fx);
        }
    }

    /// There is room again for what had to wait in the history.
    pub(super) fn mind_flood(&mut self, now: Instant, fx: &mut Effects) {
        if !self.is_serving() || !self.flooded || !self.gather.has_room() {
            return;
        }
        let from = self.handled.newest();
        if self.flood_read == Some(from) {
            // The reading before brought nothing new: a history that is behind, or tells nonsense, is not asked in a
            // hurry.
            self.gap_until.get_or_insert(now + unheard::GAP_PATIENCE);
        } else {
            self.flood_read = Some(from);
            self.read_history(None, 0, fx);
        }
    }

    /// A consumer message that has not been handled yet.
    pub(super) fn take_consumer(
        &mut self,
        message: Message,
        judge_late: bool,
        now: Instant,
        fx: &mut Effects,
    ) {
        if message.audience == Audience::Agents {
            return;
        }
        heard(fx);
        if self.is_filtered(&message) {
            return fx.push(report(1, Disposition::Filtered));
        }
        if judge_late && self.is_late(message.time) {
            match self.settings.late {
                LateMessages::Ignore => return fx.push(report(1, Disposition::TooLate)),
                LateMessages::NewConversation => {
                    self.anchor = None;
                    self.gather.close_batch();
                    self.greet(now);
                }
                LateMessages::Escalate => {
                    fx.push(report(1, Disposition::TooLate));
                    if self.is_leaving() {
                        return;
                    }
                    return self.fall_back(super::effect::FallbackReason::Late, None, now, fx);
                }
            }
        }
        self.failed_transfers = 0;
        self.greeting_at = None;
        self.last_said = Some((message.sequence, message.time));
        self.mark_unread(message.sequence);
        if self.is_keyword(&message) {
            fx.push(report(1, Disposition::Keyword));
            return self.escalate_by_keyword(message.sequence, now, fx);
        }
        self.gather.add(item(message), now);
    }

    /// When something was last said, for events that are not messages.
    pub(super) fn newest_time(&self) -> Timestamp {
        self.last_said.map_or(self.about.started, |(_, time)| time)
    }

    pub(super) fn is_late(&self, said: Timestamp) -> bool {
        let limit = i64::try_from(self.settings.max_consumer_delay.as_millis()).unwrap_or(i64::MAX);
        !self.is_manager()
            && !self.is_chat()
            && self.anchor.is_some_and(|anchor| said.millis_since(anchor) > limit)
    }

    fn is_filtered(&self, message: &Message) -> bool {
        let Role::Manager(manager) = &self.settings.role else {
            return false;
        };
        if manager.ignore_messages {
            return true;
        }
        let text = match &message.content {
            Content::Text(text) | Content::Rich { text, .. } => text.as_str(),
            Content::File(_) | Content::Receipt { .. } | Content::Unknown => "",
        };
        !manager.filters.is_empty() && !manager.filters.iter().any(|pattern| pattern.is_match(text))
    }

    fn is_keyword(&self, message: &Message) -> bool {
        let Content::Text(text) = &message.content else {
            return false;
        };
        if self.is_manager() || self.is_leaving() || self.settings.fallback_skill.is_none() {
            return false;
        }
        let said = text.trim().to_lowercase();
        let words = said.trim_end_matches(|last: char| !last.is_alphanumeric());
        let is_said = |keyword: &str| keyword == said || keyword == words;
        self.settings.keywords.iter().any(|keyword| is_said(&keyword.trim().to_lowercase()))
    }

    pub(super) fn mark_unread(&mut self, sequence: Sequence) {
        let wanted = self.settings.read_receipts
            && !self.is_chat()
            && match &self.settings.role {
                Role::Agent => true,
                Role::Manager(manager) => !manager.ignore_receipts,
            };
        if wanted {
            self.receipts.want(sequence);
        }
    }

    pub(super) fn send_receipts(&mut self, fx: &mut Effects) {
        let sequences = self.receipts.take_due();
        if !sequences.is_empty() {
            let dialog = self.about.dialog.clone();
            fx.push(Effect::Tell(Call::Receipt { dialog, sequences }));
        }
    }
}

/// A consumer message as it waits for the bot.
fn item(message: Message) -> Item {
    let Message { sequence, time, content, metadata, .. } = message;
    let key = EventKey { sequence, kind: EventKind::Consumer };
    let (text, file, rich) = match content {
        Content::Text(text) => (text, None, None),
        Content::File(file) => (file.caption.clone().unwrap_or_default(), Some(file), None),
        Content::Rich { content, text } => (text, None, Some(content)),
        Content::Receipt { .. } | Content::Unknown => (String::new(), None, None),
    };
    let part = Part { sequence, text: text.clone(), time };
    if file.is_none() && rich.is_none() && metadata.is_none() {
        return Item::Text(part);
    }
    let postback = metadata.map(|metadata| Postback {
        payload: postback::payload(&metadata).unwrap_or_else(|| text.clone()),
        text: text.clone(),
        metadata,
    });
    let (parts, covers) = (vec![part], vec![sequence]);
    Item::Single(Box::new(Batch { key, time, text, parts, covers, postback, file, rich }))
}

/// Counts one more consumer message.
fn heard(fx: &mut Effects) {
    match fx.last_mut() {
        Some(Effect::Report(Fact::Heard(count))) => *count += 1,
        Some(_) | None => fx.push(Effect::Report(Fact::Heard(1))),
    }
}

pub(super) fn report(count: usize, disposition: Disposition) -> Effect {
    Effect::Report(Fact::Consumer(count, disposition))
}

/// How often a look at the history that matters may be refused before the conversation goes on without it.
const REFUSALS: u32 = 3;

/// A call that could not be sent although the connection is thought to be up is made again after this time.
pub(super) const NOT_SENT_PAUSE: Duration = Duration::from_secs(1);

/// How many live messages are kept while the history is read; a second reading tells of the others.
const MAX_LIVE: usize = 1_000;
