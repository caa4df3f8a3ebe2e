//! Pure: the labels' words. They are part of what dashboards and alerts rely on.

use crate::{
    cloud::{LoginResult, Missed},
    conversation::{
        effect::{Ambiguity, Disposition, DropReason, Escalation, FallbackReason, TransferReason},
        event::EventKind,
    },
};

/// What became of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RingResult {
    /// Accepted, and the conversation came.
    Accepted,
    /// The cloud refused the acceptance, or did not answer.
    Failed,
    /// The acceptance was acknowledged, and no conversation came.
    Nowhere,
    /// It was withdrawn or expired, or another agent took it, before it could be accepted.
    Gone,
    /// Left for other agents: at the limit, away or draining.
    Left,
}

/// How a conversation ended for this connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConversationOutcome {
    /// It was closed.
    Resolved,
    /// This connector transferred it.
    Transferred,
    /// This connector returned it to its skill's queue.
    Returned,
    /// It was taken away: by a manager, another agent, a rule of the cloud.
    Moved,
}

/// Which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// Conversational Cloud.
    Cloud,
    /// The bot.
    Bot,
}

/// Which way a message goes through the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the cloud's event to the request to the bot.
    ToBot,
    /// From the bot's reply to the publish.
    ToCloud,
}

/// What went wrong within a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incident {
    /// The fallback fired and there was no skill to go to.
    FallbackWithoutSkill,
    /// An action of the bot was not carried out.
    ActionSkipped,
    /// The platform refused structured content.
    ContentRefused,
    /// A message could not be published for good.
    PublishFailed,
    /// A conversation could not be given back to its queue.
    ReturnFailed,
    /// All attempts were used up.
    Stuck,
    /// The history could not be read.
    HistoryFailed,
    /// A transfer to a skill that rings this very agent.
    SelfTransfer,
    /// A bug ended the service of a conversation.
    Broken,
}

/// A value of a label, with all that there are.
pub(super) trait Label: Copy + 'static {
    const ALL: &'static [Self];
    fn label(self) -> &'static str;
}

/// Writes the list of all values beside a match that must be exhaustive.
macro_rules! label {
    ($type:ident { $($variant:ident => $word:literal),* $(,)? }) => {
        impl Label for $type {
            const ALL: &'static [Self] = &[$(Self::$variant),*];
            fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

label!(RingResult {
    Accepted => "accepted",
    Failed => "failed",
    Nowhere => "nowhere",
    Gone => "gone",
    Left => "left",
});
label!(ConversationOutcome {
    Resolved => "resolved",
    Transferred => "transferred",
    Returned => "returned",
    Moved => "moved",
});
label!(Peer {
    Cloud => "cloud",
    Bot => "bot",
});
label!(Incident {
    FallbackWithoutSkill => "fallback_without_skill",
    ActionSkipped => "action_skipped",
    ContentRefused => "content_refused",
    PublishFailed => "publish_failed",
    ReturnFailed => "return_failed",
    Stuck => "stuck",
    HistoryFailed => "history_failed",
    SelfTransfer => "self_transfer",
    Broken => "broken",
});
label!(Missed {
    Message => "message",
    Conversation => "conversation",
    Ring => "ring",
    Gone => "gone",
});
label!(Direction {
    ToBot => "to_bot",
    ToCloud => "to_cloud",
});
label!(LoginResult {
    Ok => "ok",
    Refused => "refused",
    Throttled => "throttled",
    Blocked => "blocked",
    Failed => "failed",
    Secret => "secret",
});
label!(Disposition {
    Asked => "asked",
    TooLate => "too_late",
    Keyword => "keyword",
    Duplicate => "duplicate",
    Escalated => "escalated",
    LeftBehind => "left_behind",
    Filtered => "filtered",
});
label!(Ambiguity {
    FoundByText => "found_by_text",
    FoundByPosition => "found_by_position",
    AnsweredByPosition => "answered_by_position",
    AskedAgain => "asked_again",
    PublishedByText => "published_by_text",
    OtherPieces => "other_pieces",
    StrangeSequence => "strange_sequence",
});
label!(DropReason {
    AlreadyAnswered => "already_answered",
    GivenUp => "given_up",
    Unknown => "unknown",
    NotAssigned => "not_assigned",
});
label!(Escalation {
    Keyword => "keyword",
    Bot => "bot",
    User => "user",
    Error => "error",
    Configuration => "configuration",
});
label!(TransferReason {
    Bot => "escalated_by_bot",
    User => "escalated_by_user",
    Error => "escalated_by_error",
    Configuration => "escalated_by_configuration",
});
label!(FallbackReason {
    Silence => "silence",
    Fault => "fault",
    Unreachable => "unreachable",
    EscalationFailures => "escalation_failures",
    Stuck => "stuck",
    Internal => "internal",
    Late => "late",
});

impl Peer {
    /// As `component` of the status names it.
    pub(super) fn component(self) -> &'static str {
        match self {
            Self::Cloud => "conversational_cloud",
            Self::Bot => "bot_server",
        }
    }
}

/// The number of a failure is no label: it would make series without end.
pub(super) fn event_kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Consumer => "consumer",
        EventKind::Agent => "agent",
        EventKind::Greeting => "greeting",
        EventKind::StepUp => "step_up",
        EventKind::EscalationFailed(_) => "escalation_failed",
        EventKind::Say(_) => "say",
        EventKind::Ended => "ended",
        EventKind::Transferred => "transferred",
    }
}
