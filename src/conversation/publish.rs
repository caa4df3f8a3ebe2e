//! Pure: an answer on its way to the consumer: one piece after another, each with its mark.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{
    effect::{Body, CallId},
    event::{Action, Audience, EventKey, Intent, Target},
    mark::Mark,
    words::Sequence,
};

/// An answer (or something said unasked) that is being carried out.
#[derive(Clone, Debug)]
pub(super) struct Publication {
    /// The event that it answers.
    pub(super) key: EventKey,
    pub(super) covers: Vec<Sequence>,
    pub(super) intents: Vec<Intent>,
    pub(super) steps: std::collections::VecDeque<Step>,
    /// How many pieces the whole answer has.
    pub(super) count: u32,
    /// What was said before the present step: a copy of it that comes late is not the present piece.
    pub(super) before: Option<Body>,
    pub(super) state: State,
    /// How often the cloud failed at the present piece.
    pub(super) failures: u32,
}

/// Where the present step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It can be begun.
    Ready,
    /// A pause runs.
    Pausing { until: Instant },
    /// It was sent and not acknowledged yet. Own messages above `floor` may be it.
    Sent { id: CallId, since: Instant, floor: Sequence },
    /// It may have been published: the history has to tell.
    Unsure { floor: Sequence },
    /// It is sent again at this time. Should it have been sent before, own messages above `floor` may be it.
    Waiting { until: Instant, floor: Option<Sequence> },
}

/// One step of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Publish something.
    Say {
        index: u32,
        body: Body,
        audience: Audience,
        /// What is said instead if the platform refuses structured content.
        plain: String,
    },
    /// Wait.
    Pause { length: Duration, typing: bool },
    /// Hand the conversation over. Nothing comes after it.
    Transfer { target: Target, reason: Option<String>, by_user: bool },
    /// Close. Nothing comes after it.
    Close { survey: bool },
    /// Change the target time to respond.
    Ttr { ttr_type: String, seconds: u32 },
}

impl Publication {
    /// Plans the steps of an answer, leaving out the pieces that `published` finds in the history. The second value
    /// says in words what of the answer will not be carried out.
    pub(super) fn plan(
        key: EventKey,
        covers: Vec<Sequence>,
        actions: Vec<Action>,
        intents: Vec<Intent>,
        reserved_words: bool,
        published: impl FnOnce(&[Step]) -> BTreeSet<u32>,
    ) -> (Self, Vec<String>) {
        let mut skipped = Vec::new();
        let mut planner = Planner::default();
        let mut actions = actions.into_iter();
        for action in actions.by_ref() {
            planner.add(action, reserved_words, &mut skipped);
            if planner.ended {
                break;
            }
        }
        let rest = actions.count();
        if rest > 0 {
            skipped.push(format!("{rest} more after a transfer or close"));
        }
        let count = planner.pieces;
        let have = published(&planner.steps);
        let steps = planner.without(&have);
        let publication = Self {
            key,
            covers,
            intents,
            steps,
            count,
            before: None,
            state: State::Ready,
            failures: 0,
        };
        (publication, skipped)
    }

    /// The mark of the piece with this index.
    pub(super) fn mark(&self, index: u32) -> Mark {
        let newest = self.covers.len().saturating_sub(Mark::MAX_COVERS);
        Mark { event: self.key, index, count: self.count, covers: self.covers[newest..].to_vec() }
    }

    /// The present step is done.
    pub(super) fn advance(&mut self) {
        if let Some(Step::Say { body, .. }) = self.steps.pop_front() {
            self.before = Some(body);
        }
        self.state = State::Ready;
        self.failures = 0;
    }

    /// When the present step wants attention.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Pausing { until } | State::Waiting { until, .. } => Some(until),
            State::Ready | State::Sent { .. } | State::Unsure { .. } => None,
        }
    }
}

#[derive(Default)]
struct Planner {
    steps: Vec<Step>,
    /// The index of each step that is a piece, at the place of the step.
    indexes: Vec<Option<u32>>,
    pieces: u32,
    ended: bool,
}

impl Planner {
    fn add(&mut self, action: Action, reserved_words: bool, skipped: &mut Vec<String>) {
        match action {
            Action::Text { text, audience, quick_replies } => {
                if reserved_words && audience == Audience::All && quick_replies.is_none() {
                    match reserved(&text) {
                        Some(Reserved::Close { survey }) => {
                            return self.end(Step::Close { survey });
                        }
                        Some(Reserved::Nothing) => return,
                        Some(Reserved::Unsupported(word)) => {
                            return skipped.push(format!("{word} is not supported"));
                        }
                        None => {}
                    }
                }
                if text.trim().is_empty() && quick_replies.is_none() {
                    return skipped.push("an empty text".to_owned());
                }
                let mut pieces = split_text(&text, MAX_TEXT_UNITS);
                let last = pieces.pop().unwrap_or_default();
                for text in pieces {
                    self.say(Body::Text { text, quick_replies: None }, audience, String::new());
                }
                self.say(Body::Text { text: last, quick_replies }, audience, String::new());
            }
            Action::Structured { content, metadata, quick_replies, text } => {
                self.say(Body::Rich { content, metadata, quick_replies }, Audience::All, text);
            }
            Action::Pause { length, typing } => self.push(Step::Pause { length, typing }, false),
            Action::ChangeTtr { ttr_type, seconds } => {
                // It leaves no message, so it is no piece: setting it again does no harm.
                self.push(Step::Ttr { ttr_type, seconds }, false);
            }
            Action::Transfer { target, reason, by_user } => {
                self.end(Step::Transfer { target, reason, by_user });
            }
            Action::Close { survey } => self.end(Step::Close { survey }),
        }
    }

    fn say(&mut self, body: Body, audience: Audience, plain: String) {
        let index = self.pieces;
        self.push(Step::Say { index, body, audience, plain }, true);
    }

    fn end(&mut self, step: Step) {
        self.push(step, true);
        self.ended = true;
    }

    fn push(&mut self, step: Step, is_piece: bool) {
        self.steps.push(step);
        self.indexes.push(is_piece.then_some(self.pieces));
        self.pieces += u32::from(is_piece);
    }

    /// The steps whose pieces are not among `have`, without the pauses before what has been said.
    fn without(self, have: &BTreeSet<u32>) -> std::collections::VecDeque<Step> {
        let said = |index: &Option<u32>| index.is_some_and(|index| have.contains(&index));
        let done = self.indexes.iter().rposition(said).map_or(0, |last| last + 1);
        self.steps
            .into_iter()
            .zip(self.indexes)
            .enumerate()
            .filter(|(place, (_, index))| match index {
                Some(_) => !said(index),
                None => *place >= done,
            })
            .map(|(_, (step, _))| step)
            .collect()
    }
}

enum Reserved {
    Close { survey: bool },
    Nothing,
    Unsupported(&'static str),
}

/// The words that bots made for Conversation Builder use in place of an action (System Patterns).
fn reserved(text: &str) -> Option<Reserved> {
    match text.trim() {
        "LP_CLOSEDIALOG" => Some(Reserved::Close { survey: true }),
        "LP_CLOSECONVERSATION" => Some(Reserved::Close { survey: false }),
        "BLANK_MESSAGE" => Some(Reserved::Nothing),
        other if other.starts_with("SET_USER_PROFILE |") => {
            Some(Reserved::Unsupported("SET_USER_PROFILE"))
        }
        _ => None,
    }
}

/// Cuts `text` into pieces of at most `max` UTF-16 units: at the last sentence end that fits, else at the last
/// white space, else in mid-word.
pub(super) fn split_text(text: &str, max: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while utf16_len(rest) > max {
        let cut = cut_at(rest, max);
        let (piece, tail) = rest.split_at(cut);
        pieces.push(piece.trim_end().to_owned());
        rest = tail.trim_start();
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces
}

/// The byte offset at which to cut; never zero.
fn cut_at(text: &str, max: usize) -> usize {
    let (mut units, mut fits, mut space, mut sentence) = (0, 0, 0, 0);
    let mut previous = ' ';
    for (offset, c) in text.char_indices() {
        if c.is_whitespace() && offset > 0 {
            space = offset;
            if matches!(previous, '.' | '!' | '?' | '…' | '。' | '！' | '？') || c == '\n' {
                sentence = offset;
            }
        }
        units += c.len_utf16();
        if units > max {
            break;
        }
        fits = offset + c.len_utf8();
        previous = c;
    }
    // A sentence end in the first half would leave a stump.
    [sentence, space].into_iter().find(|cut| *cut > fits / 2).unwrap_or(fits).max(1)
}

fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The platform documents no limit for a text; structured content allows 5000, and windows follow it.
pub(super) const MAX_TEXT_UNITS: usize = 5000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_at_the_last_sentence_end_that_fits() {
        let pieces = split_text("One two. Three four. Five six.", 22);
        assert_eq!(pieces, ["One two. Three four.", "Five six."]);
    }

    #[test]
    fn a_text_without_sentences_is_cut_at_a_space_and_one_without_spaces_anywhere() {
        assert_eq!(split_text("aaaa bbbb cccc", 10), ["aaaa bbbb", "cccc"]);
        assert_eq!(split_text("abcdefghij", 4), ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn the_limit_counts_utf16_units_and_never_cuts_a_character() {
        let pieces = split_text(&"😀".repeat(5), 4);
        assert_eq!(pieces, ["😀😀", "😀😀", "😀"]);
    }

    #[test]
    fn nothing_is_lost_by_splitting_but_white_space_at_the_cuts() {
        let text = "Lorem ipsum dolor sit amet. ".repeat(700);
        let pieces = split_text(&text, MAX_TEXT_UNITS);
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeeze(&pieces.join(" ")), squeeze(&text));
        assert!(pieces.iter().all(|piece| utf16_len(piece) <= MAX_TEXT_UNITS));
    }
}
