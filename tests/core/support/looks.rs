//! What was done since the last look: each look takes what it shows.

use std::mem::take;

use connectord::conversation::{
    Sequence,
    effect::{Disposition, Fact, Question},
    event::Speaker,
};

use super::Talk;
use crate::trace;

impl Talk {
    /// The texts that the bot was asked.
    pub(crate) fn asked(&mut self) -> Vec<String> {
        take(&mut self.asked).into_iter().map(|question| question.text).collect()
    }

    pub(crate) fn questions(&mut self) -> Vec<Question> {
        take(&mut self.asked)
    }

    /// The ids and attempts of the questions: `12#1`.
    pub(crate) fn asked_ids(&mut self) -> Vec<String> {
        let asked = take(&mut self.asked).into_iter();
        asked.map(|question| format!("{}#{}", question.event.key, question.attempt)).collect()
    }

    /// The id of the newest question.
    pub(crate) fn last_id(&self) -> String {
        self.last_asked.as_ref().unwrap().to_string()
    }

    /// What the consumer or the agents have got to see.
    pub(crate) fn said(&mut self) -> Vec<String> {
        take(&mut self.said)
    }

    pub(crate) fn receipts(&mut self) -> Vec<Sequence> {
        take(&mut self.receipts)
    }

    pub(crate) fn typing(&mut self) -> Vec<&'static str> {
        take(&mut self.typing)
    }

    /// Transfers, closes and returns, in words.
    pub(crate) fn exits(&mut self) -> Vec<String> {
        take(&mut self.exited).iter().map(trace::call).collect()
    }

    pub(crate) fn facts(&mut self) -> Vec<Fact> {
        take(&mut self.facts)
    }

    /// What became of consumer messages.
    pub(crate) fn dispositions(&mut self) -> Vec<(usize, Disposition)> {
        let facts = take(&mut self.facts).into_iter();
        facts
            .filter_map(
                |fact| if let Fact::Consumer(n, how) = fact { Some((n, how)) } else { None },
            )
            .collect()
    }

    pub(crate) fn notices(&mut self) -> Vec<String> {
        take(&mut self.notices).into_iter().map(|notice| notice.event.to_string()).collect()
    }

    pub(crate) fn withdrawn(&mut self) -> Vec<String> {
        take(&mut self.withdrawn)
    }

    /// The own messages in the dialog: what everybody can still see of the bot.
    pub(crate) fn own_words(&self) -> Vec<String> {
        let own = self.dialog.iter().filter(|m| m.from == Speaker::Me);
        own.filter_map(|m| trace::words(&m.content)).collect()
    }

    pub(crate) fn forget_all(&mut self) {
        let _ = (self.asked(), self.said(), self.receipts(), self.typing(), self.exits());
        let _ = (self.facts(), self.notices(), self.withdrawn());
        self.calls.clear();
    }
}
