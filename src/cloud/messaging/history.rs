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
        event::{History, Message},
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
                    if self.messages.len() > MOST_MESSAGES {
                        if self.keeps_oldest {
                            self.messages.pop_last();
                        } else {
                            self.messages.pop_first();
                        }
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
            _ => Next::Done(History {
                messages: std::mem::take(&mut self.messages).into_values().collect(),
                truncated: self.truncated,
            }),
        }
    }
}

/// Conversations may last for years; what decides is at their end.
const MOST_MESSAGES: usize = 2_000;
/// Should a server hand out its history in single messages, it gets tired before we do.
const MOST_ANSWERS: usize = 200;

#[cfg(test)]
mod tests {
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
        let all: Vec<Sequence> = (0..2_500).collect();
        let Next::Done(history) = take(&mut reader, &all, None) else {
            panic!("one answer is enough");
        };
        assert!(history.truncated);
        assert_eq!(sequences(&history), (500..2_500).collect::<Vec<_>>());
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
        let events: Vec<_> = sequences
            .iter()
            .map(|sequence| {
                serde_json::json!({"sequence": sequence, "dialogId": "d",
                    "event": {"type": "ContentEvent", "message": "x"}})
            })
            .collect();
        let body = serde_json::value::to_raw_value(&events).unwrap();
        reader.answer(Some(&body), &me(), newest, Timestamp(0))
    }

    fn sequences(history: &History) -> Vec<Sequence> {
        history.messages.iter().map(|m| m.sequence).collect()
    }

    fn me() -> Identity {
        Identity::new("1", "2", None, "bot")
    }
}
