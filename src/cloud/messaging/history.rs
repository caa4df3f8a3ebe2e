//! Pure: reading a dialog's history, in as many answers as the server needs for it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{
    identity::Identity,
    messages::{self, Reading},
};
use crate::{
    cloud::lenient,
    conversation::{
        DialogId, Sequence, Timestamp,
        event::{Content, EventKind, History, Message, ReceiptStatus, Speaker},
    },
};

/// A dialog's history on its way in.
///
/// No page size is documented, so the whole dialog is expected in one answer. If something newer was known
/// when the question left than the answer brings, the rest is asked for.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    dialog: DialogId,
    messages: BTreeMap<Sequence, Message>,
    truncated: bool,
    /// What is too much is left out at the end, not at the beginning.
    keeps_oldest: bool,
    /// The newest sequence known when the last question left.
    expected: Option<Sequence>,
    highest: Option<Sequence>,
    answers: usize,
}

/// What to do after an answer.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Ask again, from this sequence on.
    Ask(Sequence),
    /// All is there.
    Done(History),
}

impl Reader {
    /// Begins to read `dialog`.
    #[must_use]
    pub(super) fn new(dialog: DialogId, expected: Option<Sequence>) -> Self {
        Self {
            dialog,
            messages: BTreeMap::new(),
            truncated: false,
            keeps_oldest: false,
            expected,
            highest: None,
            answers: 0,
        }
    }

    /// Goes on from what is known: what comes next is wanted first, the rest can be read later.
    #[must_use]
    pub(super) fn keeping_oldest(self) -> Self {
        Self { keeps_oldest: true, ..self }
    }

    /// The dialog that is read.
    #[must_use]
    pub(super) fn dialog(&self) -> &DialogId {
        &self.dialog
    }

    /// Takes one answer. `newest` is the newest sequence known now, `now` stands in for missing server times.
    pub(super) fn answer(
        &mut self,
        body: Option<&RawValue>,
        me: &Identity,
        newest: Option<Sequence>,
        now: Timestamp,
    ) -> Next {
        let before = self.highest;
        for raw in body.map(lenient::elements).unwrap_or_default() {
            match messages::read(raw, me, now) {
                Reading::Message { message, .. } if message.dialog == self.dialog => {
                    self.highest = self.highest.max(Some(message.sequence));
                    self.messages.insert(message.sequence, message);
                    if self.keeps_oldest && self.messages.len() > MOST_MESSAGES {
                        self.messages.pop_last();
                        self.truncated = true;
                    } else if self.messages.len() > MOST_UNANSWERED {
                        self.messages.pop_first();
                        self.truncated = true;
                    }
                }
                Reading::Message { .. } | Reading::Passing | Reading::Unusable(_) => {}
            }
        }
        self.answers += 1;
        match (self.highest, self.expected) {
            (Some(highest), Some(expected))
                if highest < expected && self.highest > before && self.answers < MOST_ANSWERS =>
            {
                self.expected = newest.max(Some(expected));
                Next::Ask(highest)
            }
            _ => {
                self.leave_out_what_is_settled();
                Next::Done(History {
                    messages: std::mem::take(&mut self.messages).into_values().collect(),
                    truncated: self.truncated,
                })
            }
        }
    }

    /// Only the newest are needed, and of what is older that which the bot has not answered yet.
    fn leave_out_what_is_settled(&mut self) {
        let older = self.messages.len().saturating_sub(MOST_MESSAGES);
        let Some(newest) = self.messages.keys().nth(older).copied().filter(|_| older > 0) else {
            return;
        };
        let answered = self.messages.values().filter_map(answers).max().unwrap_or(-1);
        let before = self.messages.len();
        self.messages.retain(|sequence, message| *sequence >= newest || is_open(message, answered));
        self.truncated |= self.messages.len() < before;
    }
}

/// Up to which sequence an own message tells that the consumer has been answered: marks tell it, with the last piece.
fn answers(message: &Message) -> Option<Sequence> {
    let mark = message.mark.as_ref().filter(|mark| mark.index + 1 == mark.count)?;
    let is_answer = matches!(mark.event.kind, EventKind::Consumer | EventKind::Agent);
    (is_answer && message.from == Speaker::Me).then_some(mark.event.sequence)
}

/// Whether something above `answered` is said, or is said to have been read.
fn is_open(message: &Message, answered: Sequence) -> bool {
    match &message.content {
        Content::Receipt { status: ReceiptStatus::Read, sequences } => {
            sequences.iter().any(|sequence| *sequence > answered)
        }
        Content::Receipt { .. } | Content::Unknown => false,
        Content::Text(_) | Content::File(_) | Content::Rich { .. } => {
            // What this agent said without a mark may be the answer to what stands before it.
            let tells = match message.from {
                Speaker::Consumer => true,
                Speaker::Me => message.mark.is_none(),
                Speaker::Agent | Speaker::System => false,
            };
            tells && message.sequence > answered
        }
    }
}

/// Conversations may last for years; what decides is at their end.
const MOST_MESSAGES: usize = 2_000;
/// A consumer may have said more than that before the bot could answer.
const MOST_UNANSWERED: usize = 20_000;
/// Should a server hand out its history in single messages, it gets tired before we do.
const MOST_ANSWERS: usize = 200;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn messages_are_ordered_and_told_once() {
        let mut reader = Reader::new("d".into(), None);
        let Next::Done(history) = take(&mut reader, &[3, 1, 3, 2], None) else {
            panic!("one answer is enough");
        };
        assert_eq!(sequences(&history), [1, 2, 3]);
        assert!(!history.truncated);
    }

    #[test]
    fn the_rest_is_asked_for_as_long_as_something_newer_was_known() {
        let mut reader = Reader::new("d".into(), Some(4));
        assert_eq!(take(&mut reader, &[0, 1], Some(5)), Next::Ask(1));
        // By now 5 is known too.
        assert_eq!(take(&mut reader, &[1, 2, 3, 4], Some(9)), Next::Ask(4));
        let Next::Done(history) = take(&mut reader, &[4, 5, 6, 7, 8, 9], Some(9)) else {
            panic!("all there");
        };
        assert_eq!(sequences(&history), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn an_answer_that_brings_nothing_newer_ends_the_reading() {
        let mut reader = Reader::new("d".into(), Some(9));
        assert_eq!(take(&mut reader, &[0, 1], Some(9)), Next::Ask(1));
        assert!(matches!(take(&mut reader, &[0, 1], Some(9)), Next::Done(_)));
    }

    #[test]
    fn what_arrives_while_the_answer_is_under_way_is_no_reason_to_ask_again() {
        let mut reader = Reader::new("d".into(), Some(1));
        assert!(matches!(take(&mut reader, &[0, 1], Some(2)), Next::Done(_)));
    }

    #[test]
    fn only_the_newest_are_kept() {
        let mut reader = Reader::new("d".into(), None);
        let all: Vec<Value> = (0..2_500).map(|n| said(n, "agent")).collect();
        let history = take_events(&mut reader, &all);
        assert!(history.truncated);
        assert_eq!(sequences(&history), (500..2_500).collect::<Vec<_>>());
    }

    #[test]
    fn of_what_is_older_the_unanswered_is_kept_with_its_receipts() {
        let mut reader = Reader::new("d".into(), None);
        let mut all: Vec<Value> = (0..3_000).map(|n| said(n, "consumer")).collect();
        let read = |sequence, sequences: &[i64]| {
            json!({"sequence": sequence, "dialogId": "d", "originatorId": "1.2",
                "event": {"type": "AcceptStatusEvent", "status": "READ", "sequenceList": sequences}})
        };
        all.extend([read(3_000, &[98, 99]), read(3_001, &[100])]);
        let answer = json!({"sequence": 3_002, "dialogId": "d", "originatorId": "1.2",
            "event": {"type": "ContentEvent", "message": "x"}, "metadata": [{"type": "BotResponse",
            "botInteractionId": "cd1:99:0/1", "consumerUtteranceSequenceNumbers": [99]}]});
        all.push(answer);
        all.extend((3_003..5_500).map(|n| said(n, "agent")));
        let history = take_events(&mut reader, &all);
        assert!(history.truncated);
        let wanted: Vec<Sequence> = (100..3_000).chain([3_001]).chain(3_500..5_500).collect();
        assert_eq!(sequences(&history), wanted);
    }

    #[test]
    fn own_messages_without_a_mark_are_kept_with_what_they_may_answer() {
        let mut reader = Reader::new("d".into(), None);
        let answer = json!({"sequence": 1, "dialogId": "d", "originatorId": "1.2",
            "event": {"type": "ContentEvent", "message": "x"}});
        let mut all = vec![said(0, "consumer"), answer];
        all.extend((2..2_500).map(|n| said(n, "agent")));
        let history = take_events(&mut reader, &all);
        assert_eq!(sequences(&history), [0, 1].into_iter().chain(500..2_500).collect::<Vec<_>>());
    }

    #[test]
    fn even_the_unanswered_has_a_bound() {
        let mut reader = Reader::new("d".into(), None);
        let all: Vec<Value> = (0..25_000).map(|n| said(n, "consumer")).collect();
        let history = take_events(&mut reader, &all);
        assert!(history.truncated);
        assert_eq!(sequences(&history), (5_000..25_000).collect::<Vec<_>>());
    }

    #[test]
    fn going_on_from_what_is_known_the_oldest_are_kept() {
        let mut reader = Reader::new("d".into(), None).keeping_oldest();
        let all: Vec<Sequence> = (0..2_500).collect();
        let Next::Done(history) = take(&mut reader, &all, None) else {
            panic!("one answer is enough");
        };
        assert!(history.truncated);
        assert_eq!(sequences(&history), (0..2_000).collect::<Vec<_>>());
    }

    #[test]
    fn other_dialogs_typing_and_rubbish_are_left_out() {
        let mut reader = Reader::new("d".into(), None);
        let body: Box<RawValue> = serde_json::from_str(
            r#"["x",{"sequence":1,"dialogId":"e","event":{"type":"ContentEvent","message":"x"}},
                {"dialogId":"d","event":{"type":"ChatStateEvent"}},{"dialogId":"d","event":{}}]"#,
        )
        .unwrap();
        assert_eq!(
            reader.answer(Some(&body), &me(), None, Timestamp(0)),
            Next::Done(History::default())
        );
    }

    fn take(reader: &mut Reader, sequences: &[Sequence], newest: Option<Sequence>) -> Next {
        let events: Vec<_> = sequences.iter().map(|sequence| said(*sequence, "consumer")).collect();
        let body = serde_json::value::to_raw_value(&events).unwrap();
        reader.answer(Some(&body), &me(), newest, Timestamp(0))
    }

    fn take_events(reader: &mut Reader, events: &[Value]) -> History {
        let body = serde_json::value::to_raw_value(events).unwrap();
        match reader.answer(Some(&body), &me(), None, Timestamp(0)) {
            Next::Done(history) => history,
            Next::Ask(_) => panic!("one answer is enough"),
        }
    }

    fn said(sequence: Sequence, by: &str) -> Value {
        let role = if by == "agent" { "ASSIGNED_AGENT" } else { "CONSUMER" };
        json!({"sequence": sequence, "dialogId": "d", "originatorId": by,
            "originatorMetadata": {"id": by, "role": role},
            "event": {"type": "ContentEvent", "message": "x"}})
    }

    fn sequences(history: &History) -> Vec<Sequence> {
        history.messages.iter().map(|m| m.sequence).collect()
    }

    fn me() -> Identity {
        Identity::new("1", "2", None, "bot")
    }
}
