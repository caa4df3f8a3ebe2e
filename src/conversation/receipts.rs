//! Pure: READ receipts: one for each consumer message, never two.

use std::collections::BTreeSet;

use super::words::Sequence;

/// Which consumer messages have their receipt.
#[derive(Clone, Debug, Default)]
pub(super) struct Receipts {
    /// They have one, or it is on its way.
    known: BTreeSet<Sequence>,
    /// It is on its way, and the dialog has not shown it yet.
    unconfirmed: BTreeSet<Sequence>,
    /// It was on its way when the connection was lost.
    doubtful: BTreeSet<Sequence>,
    /// They get one with this step.
    due: Vec<Sequence>,
}

impl Receipts {
    /// A message wants a receipt.
    pub(super) fn want(&mut self, sequence: Sequence) {
        if self.known.insert(sequence) {
            self.due.push(sequence);
        }
        while self.known.len() > REMEMBERED {
            self.known.pop_first();
        }
    }

    /// The dialog shows receipts.
    pub(super) fn confirm(&mut self, sequences: impl Iterator<Item = Sequence>) {
        for sequence in sequences {
            self.known.insert(sequence);
            self.unconfirmed.remove(&sequence);
            self.doubtful.remove(&sequence);
        }
    }

    /// The receipts to send now.
    pub(super) fn take_due(&mut self) -> Vec<Sequence> {
        self.unconfirmed.extend(&self.due);
        while self.unconfirmed.len() > REMEMBERED {
            self.unconfirmed.pop_first();
        }
        std::mem::take(&mut self.due)
    }

    /// The connection was lost: receipts that the dialog has not shown may be lost with it.
    pub(super) fn link_lost(&mut self) {
        self.doubtful.append(&mut self.unconfirmed);
    }

    /// The history has been read: what was doubtful and is not in it, was lost, and is sent again.
    pub(super) fn resend_doubtful(&mut self) {
        self.due.extend(std::mem::take(&mut self.doubtful));
        self.due.sort_unstable();
        self.due.dedup();
    }
}

/// Older messages do not come again.
const REMEMBERED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_gets_one_receipt_however_often_it_arrives() {
        let mut receipts = Receipts::default();
        receipts.want(4);
        receipts.want(4);
        assert_eq!(receipts.take_due(), [4]);
        receipts.want(4);
        assert!(receipts.take_due().is_empty());
    }

    #[test]
    fn a_receipt_that_the_history_does_not_show_is_sent_again_and_one_that_it_shows_is_not() {
        let mut receipts = Receipts::default();
        receipts.want(4);
        receipts.want(6);
        assert_eq!(receipts.take_due(), [4, 6]);
        receipts.link_lost();
        receipts.confirm([4].into_iter());
        receipts.resend_doubtful();
        assert_eq!(receipts.take_due(), [6]);
    }

    #[test]
    fn a_receipt_that_is_still_on_its_way_is_not_sent_again() {
        let mut receipts = Receipts::default();
        receipts.want(4);
        receipts.take_due();
        receipts.resend_doubtful();
        assert!(receipts.take_due().is_empty());
    }
}
