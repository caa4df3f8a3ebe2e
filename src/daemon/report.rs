//! What conversations report, as log lines: each failure once, here.

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
        Fact::Transferred(reason) => info!(conversation, reason = ?reason, "transferred"),
        Fact::TransferFailed(error) => warn!(conversation, error, "a transfer failed"),
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
        Fact::Ambiguous(what) => warn!(conversation, what, "the history is ambiguous"),
        Fact::HistoryFailed(error) => {
            warn!(conversation, error, "the history could not be read");
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
