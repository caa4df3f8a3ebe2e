//! Pure: carrying out answers: one step after another, each only when the one before it is known to be done.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Instant,
};

use super::{
    Conversation, Phase,
    effect::{Ambiguity, Body, Call, CallId, Effect, Effects, Fact},
    event::{Audience, CallError, EventKind, Message, Outcome, Speaker},
    intake::NOT_SENT_PAUSE,
    leave::retry_pause,
    publish::{self, Publication, State, Step},
    unmarked,
};

impl Conversation {
    /// Goes on with the present answer, or begins the next one.
    pub(super) fn deliver(&mut self, now: Instant, fx: &mut Effects) {
        while self.is_serving() {
            let Some(publication) = &mut self.publication else {
                if self.begin_answer(fx) {
                    continue;
                }
                return;
            };
            match publication.state {
                State::Pausing { until } if until <= now => publication.advance(),
                State::Waiting { until, .. } if until <= now => publication.state = State::Ready,
                State::Pausing { .. } | State::Waiting { .. } | State::Sent { .. } => return,
                // The history has to tell whether it is out.
                State::Unsure { .. } => return self.read_history(None, 0, fx),
                State::Ready => match publication.steps.front().cloned() {
                    Some(step) => self.carry_out(step, now, fx),
                    None => self.end_answer(fx),
                },
            }
        }
    }

    fn begin_answer(&mut self, fx: &mut Effects) -> bool {
        let Some((answer, covers)) = self.answers.pop_front() else {
            return false;
        };
        let key = answer.event.key;
        let pieces = self.journal.pieces(key);
        let mut have = pieces.map(|pieces| pieces.have.clone()).unwrap_or_default();
        let leftovers = &mut self.leftovers;
        let first = covers.first().copied();
        let mut claimed = 0;
        let published = |steps: &[Step]| {
            if key.kind == EventKind::Consumer
                && let Some(first) = first
                && have.is_empty()
            {
                have = leftovers.claim(steps, first);
                claimed = have.len();
            }
            have
        };
        let (publication, skipped) = Publication::plan(
            key,
            covers,
            answer.actions,
            answer.intents,
            self.settings.reserved_words,
            published,
        );
        if let Some(pieces) = pieces
            && pieces.count != publication.count
        {
            let what = format!(
                "the answer to {key} had {} pieces, {} of them published, and has {} now",
                pieces.count,
                pieces.have.len(),
                publication.count
            );
            fx.push(ambiguous(Ambiguity::OtherPieces, what));
        }
        for _ in 0..claimed {
            let what = format!("a piece of the answer to {key}");
            fx.push(ambiguous(Ambiguity::PublishedByText, what));
        }
        fx.extend(skipped.into_iter().map(|what| Effect::Report(Fact::ActionSkipped(what))));
        self.publication = Some(Box::new(publication));
        true
    }

    fn end_answer(&mut self, fx: &mut Effects) {
        self.publication = None;
        if self.answers.is_empty() && self.turns.under_way().is_none() {
            self.show_typing(false, fx);
        }
    }

    fn carry_out(&mut self, step: Step, now: Instant, fx: &mut Effects) {
        let floor = self.handled.newest().max(self.acknowledged);
        let dialog = self.about.dialog.clone();
        match step {
            Step::Say { index, body, audience, .. } => {
                let Some(publication) = &self.publication else {
                    return;
                };
                let mark = Some(publication.mark(index));
                let intents = publication.intents.clone();
                let id = self.call(Call::Publish { dialog, body, audience, mark, intents }, fx);
                self.sent(id, now, floor);
            }
            Step::Ttr { ttr_type, seconds } => {
                let id = self.call(Call::Ttr { ttr_type, seconds }, fx);
                self.sent(id, now, floor);
            }
            Step::Pause { length, typing } => {
                self.show_typing(typing, fx);
                if let Some(publication) = &mut self.publication {
                    publication.state = State::Pausing { until: now + length };
                }
            }
            Step::Transfer { target, reason, by_user } => {
                let covers = self.publication.take().map(|of| of.covers).unwrap_or_default();
                self.transfer_for_bot(target, reason, by_user, covers, now, fx);
            }
            Step::Close { survey } => {
                self.publication = None;
                self.close_for_bot(survey, fx);
            }
        }
    }

    fn sent(&mut self, id: CallId, since: Instant, floor: super::Sequence) {
        if let Some(publication) = &mut self.publication {
            publication.state = State::Sent { id, since, floor };
        }
    }

    pub(super) fn on_publish_called(
        &mut self,
        call: CallId,
        outcome: Result<Outcome, CallError>,
        now: Instant,
        fx: &mut Effects,
    ) {
        let Some(publication) = &mut self.publication else {
            return;
        };
        let State::Sent { id, since, floor } = publication.state else {
            return;
        };
        if id != call {
            return;
        }
        match outcome {
            Ok(Outcome::Published(sequence)) => {
                self.acknowledged = self.acknowledged.max(sequence);
                fx.push(Effect::Report(Fact::Published(now.duration_since(since))));
                self.piece_done();
            }
            Ok(Outcome::Done | Outcome::History(_) | Outcome::Profile(_)) => {
                if let Some(Step::Say { body, audience, .. }) = publication.steps.front()
                    && self.unplaced.len() < MAX_UNPLACED
                {
                    self.unplaced.push_back((body.clone(), *audience));
                }
                publication.advance();
            }
            Err(CallError::NotSent) => {
                publication.state = State::Waiting { until: now + NOT_SENT_PAUSE, floor: None }
            }
            Err(CallError::NoAnswer { .. }) => publication.state = State::Unsure { floor },
            Err(error @ CallError::Failed { .. }) => {
                publication.failures += 1;
                publication.state = State::Unsure { floor };
                fx.push(Effect::Report(Fact::PublishFailed(error.to_string())));
            }
            Err(error @ CallError::Refused { .. }) => self.on_refused(&error, fx),
        }
    }

    /// The platform will not have it: say the texts of structured content, give anything else up.
    fn on_refused(&mut self, error: &CallError, fx: &mut Effects) {
        let Some(publication) = &mut self.publication else {
            return;
        };
        match publication.steps.front_mut() {
            Some(Step::Say { body: body @ Body::Rich { .. }, plain, .. }) if !plain.is_empty() => {
                // One piece stays one piece: what is beyond the limit of a text is cut off.
                let text = publish::split_text(plain, publish::MAX_TEXT_UNITS).swap_remove(0);
                *body = Body::Text { text, quick_replies: None };
                publication.state = State::Ready;
                fx.push(Effect::Report(Fact::ContentRefused(error.to_string())));
            }
            Some(Step::Say { body: Body::Text { quick_replies, .. }, .. })
                if quick_replies.is_some() =>
            {
                *quick_replies = None;
                publication.state = State::Ready;
                fx.push(Effect::Report(Fact::ContentRefused(error.to_string())));
            }
            Some(
                Step::Say { .. }
                | Step::Ttr { .. }
                | Step::Pause { .. }
                | Step::Transfer { .. }
                | Step::Close { .. },
            )
            | None => {
                publication.advance();
                fx.push(Effect::Report(Fact::PublishFailed(error.to_string())));
            }
        }
    }

    /// The present piece is out.
    fn piece_done(&mut self) {
        let Some(publication) = &mut self.publication else {
            return;
        };
        if let Some(Step::Say { index, .. }) = publication.steps.front()
            && !matches!(publication.key.kind, EventKind::Say(_))
        {
            self.journal.done(publication.key, *index, publication.count);
        }
        publication.advance();
    }

    /// An own message came back. While the cloud's answer is awaited, that one decides; once it is known to be lost,
    /// the echo is as good.
    pub(super) fn on_echo(&mut self, message: &Message, fx: &mut Effects) {
        if self.is_present_piece(message) {
            return self.piece_done();
        }
        if let Some(place) = unplaced(&self.unplaced, message) {
            self.unplaced.remove(place);
            self.acknowledged = self.acknowledged.max(message.sequence);
        } else if let Some(kind) = self.stands_for_present_piece(message, self.marks.heard) {
            self.found(kind, fx);
        }
    }

    /// The dialog was read while it was not known whether the present piece is out: `read`, and what was `heard`
    /// meanwhile.
    pub(super) fn settle(
        &mut self,
        read: &[Message],
        heard: &[Message],
        now: Instant,
        fx: &mut Effects,
    ) {
        if read.iter().chain(heard).any(|message| self.is_present_piece(message)) {
            return self.piece_done();
        }
        let marks = self.marks;
        // What was said before the present piece, and was not heard yet, is not the present piece.
        let mut before = self.unplaced.clone();
        let read = read.iter().map(|message| (message, marks.read));
        let heard = heard.iter().map(|message| (message, marks.heard));
        let mut seen = BTreeSet::new();
        let candidates = read
            .chain(heard)
            .filter(|(message, _)| message.sequence > self.acknowledged)
            .filter(|(message, _)| seen.insert(message.sequence))
            .filter(|(message, _)| match unplaced(&before, message) {
                Some(place) => before.remove(place).is_none(),
                None => true,
            });
        let kinds =
            candidates.filter_map(|(message, come)| self.stands_for_present_piece(message, come));
        // The text is the better witness.
        if let Some(kind) = kinds.min() {
            return self.found(kind, fx);
        }
        if let Some(publication) = &mut self.publication
            && let State::Unsure { floor } = publication.state
        {
            publication.state = match publication.failures {
                0 => State::Ready,
                failures => {
                    State::Waiting { until: now + retry_pause(failures - 1), floor: Some(floor) }
                }
            };
        }
    }

    /// The mark of the present piece did not come back; something else in its place is taken for it.
    fn found(&mut self, kind: Ambiguity, fx: &mut Effects) {
        if let Some(publication) = &self.publication {
            let what = format!("a piece of the answer to {}", publication.key);
            fx.push(ambiguous(kind, what));
        }
        self.piece_done();
    }

    /// Whether `message`, which carries no mark, has to be the piece whose acknowledgement was lost: pieces go out
    /// one after another, so nothing else of this agent can stand there. Where marks do come back, an unmarked
    /// message is somebody else's.
    fn stands_for_present_piece(&self, message: &Message, marks_come: bool) -> Option<Ambiguity> {
        let publication = self.publication.as_ref()?;
        let (State::Unsure { floor } | State::Waiting { floor: Some(floor), .. }) =
            publication.state
        else {
            return None;
        };
        let Some(Step::Say { body, audience, .. }) = publication.steps.front() else {
            return None;
        };
        let is_copy = |before: &Body| unmarked::is_said(before, *audience, message);
        if message.sequence <= floor.max(self.acknowledged) || !unmarked::is_own(message, *audience)
        {
            None
        } else if unmarked::is_said(body, *audience, message) {
            Some(Ambiguity::FoundByText)
        } else if marks_come || publication.before.as_ref().is_some_and(is_copy) {
            None
        } else {
            Some(Ambiguity::FoundByPosition)
        }
    }

    /// The present piece, should it be out, stands above this sequence; none if that is no question.
    pub(super) fn unsure_above(&self) -> Option<super::Sequence> {
        match self.publication.as_ref()?.state {
            State::Unsure { floor } => Some(floor),
            State::Ready | State::Pausing { .. } | State::Sent { .. } | State::Waiting { .. } => {
                None
            }
        }
    }

    /// Whether `message` is the piece whose acknowledgement was lost.
    fn is_present_piece(&self, message: &Message) -> bool {
        let (Some(publication), Some(mark)) = (&self.publication, &message.mark) else {
            return false;
        };
        match (publication.state, publication.steps.front()) {
            (State::Unsure { .. } | State::Waiting { .. }, Some(Step::Say { index, .. })) => {
                message.from == Speaker::Me && mark.event == publication.key && mark.index == *index
            }
            _ => false,
        }
    }

    pub(super) fn is_serving(&self) -> bool {
        matches!(self.phase, Phase::Serving)
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving(_))
    }

    /// Whether something may still be said in the conversation: now, when the connection is back, or when a transfer
    /// has failed.
    pub(super) fn can_publish(&self) -> bool {
        !matches!(self.phase, Phase::Left)
    }
}

/// Which of those that have no place yet `message` is.
fn unplaced(waiting: &VecDeque<(Body, Audience)>, message: &Message) -> Option<usize> {
    waiting.iter().position(|(body, audience)| unmarked::is_said(body, *audience, message))
}

/// How many own messages without a place are remembered. They are heard within seconds.
const MAX_UNPLACED: usize = 64;

fn ambiguous(kind: Ambiguity, what: String) -> Effect {
    Effect::Report(Fact::Ambiguous { kind, times: 1, what })
}
