//! What conversations report, as log lines: each failure once, here.

use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};

use crate::conversation::{ConversationId, effect::Fact};

/// Logs a fact, at the level of who has to know: an operator (warn, error) or somebody who looks closely.
pub(super) fn log(id: &ConversationId, fact: &Fact) {
    let conversation = tracing::field::display(id);
    match fact {
        Fact::Heard(count) => debug!(conversation, count, "consumer messages came in"),
        Fact::Consumer(count, disposition) => {
            debug!(conversation, count, disposition = ?disposition, "consumer messages");
        }
        Fact::Asked(kind) => debug!(conversation, kind = ?kind, "the bot is asked"),
        Fact::Resent(event) => {
            info!(conversation, event = %event, "the bot is silent, the event is sent again");
        }
        Fact::Answered(took) => {
            debug!(conversation, duration_ms = took.as_millis(), "the bot answered");
        }
        Fact::AnswerDropped(reason) => {
            warn!(conversation, reason = ?reason, "an answer of the bot was dropped");
        }
        Fact::ActionSkipped(what) => {
            warn!(conversation, what, "part of an answer was not carried out");
        }
        Fact::Published(took) => {
            debug!(conversation, duration_ms = took.as_millis(), "published");
        }
        Fact::ContentRefused(error) => {
            warn!(conversation, error, "structured content was refused, its texts are said");
        }
        Fact::PublishFailed(error) => {
            warn!(conversation, error, "a message could not be published");
        }
        Fact::Escalating(why) => debug!(conversation, why = ?why, "people are wanted"),
        Fact::Transferred(reason) => info!(conversation, reason = ?reason, "transferred"),
        Fact::TransferFailed(error) => warn!(conversation, error, "a transfer failed"),
        Fact::ReturnFailed(error) => {
            warn!(conversation, error, "the conversation could not be given back to its queue");
        }
        Fact::Fallback { reason, possible: true } => {
            warn!(conversation, reason = reason.words(), "fallback escalation");
        }
        Fact::Fallback { reason, possible: false } => warn!(
            conversation,
            reason = reason.words(),
            "nobody to escalate to: set fallback_skill_id to another skill"
        ),
        Fact::Stuck => warn!(conversation, "the bot has not answered after all attempts"),
        Fact::Closed => info!(conversation, "closed as the bot wished"),
        Fact::Ambiguous { kind, times, what } => {
            warn!(conversation, times, what, "the dialog is ambiguous: {}", kind.words());
        }
        Fact::HistoryFailed(error) => {
            warn!(conversation, error, "the history could not be read");
        }
        Fact::Missed(count) => {
            warn!(
                conversation,
                count, "messages did not arrive by themselves, the history had them"
            );
        }
        Fact::SelfTransfer(skill) => warn!(
            conversation,
            skill = %skill,
            "the transfer's skill is the one that this conversation came by: it may ring the same bot"
        ),
        Fact::Broken(panic) => {
            error!(conversation, panic, "a bug ended the service of this conversation");
        }
    }
}

/// The last failure that was complained of: the same one is not worth a warning each time.
#[derive(Debug, Default)]
pub(super) struct Complaint(Option<(String, Instant)>);

impl Complaint {
    /// Whether the same was complained of within the last minute.
    pub(super) fn is_repeated(&mut self, error: &str, now: Instant) -> bool {
        let repeated = self.0.as_ref().is_some_and(|(last, at)| {
            last == error && now.saturating_duration_since(*at) < ONCE_IN
        });
        if !repeated {
            self.0 = Some((error.to_owned(), now));
        }
        repeated
    }
}

/// How often the same failure is a warning.
const ONCE_IN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_is_a_warning_once_a_minute_and_another_one_at_once() {
        let start = crate::ops::clock::Clock::system().now();
        let mut complaint = Complaint::default();
        assert!(!complaint.is_repeated("refused", start));
        assert!(complaint.is_repeated("refused", start + ONCE_IN / 2));
        assert!(!complaint.is_repeated("refused", start + ONCE_IN));
        assert!(!complaint.is_repeated("silence", start + ONCE_IN));
    }
}
