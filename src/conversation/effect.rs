//! Pure: everything that a conversation can ask for.

use std::{sync::Arc, time::Duration};

use super::{
    event::{Audience, EventId, EventKind, File, Intent, Profile},
    mark::Mark,
    words::{AgentId, ConsumerId, ConversationId, DialogId, Json, Sequence, SkillId, Timestamp},
};

/// The effects of one step, in the order in which they are to be carried out.
pub type Effects = Vec<Effect>;

/// Names a call within its conversation, so that the outcome finds its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One thing that a conversation wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make a call to the cloud and tell the outcome.
    Call {
        /// Comes back with the outcome.
        id: CallId,
        /// The call.
        call: Call,
    },
    /// Tell the cloud something whose outcome nobody waits for: receipts, typing.
    Tell(Call),
    /// Ask the bot.
    Ask(Question),
    /// An event was given up: a queued question to the bot need not go out any more.
    Withdraw(EventId),
    /// Tell the bot how the conversation ended; no answer is wanted.
    Notify(Notice),
    /// Count and log.
    Report(Fact),
    /// The conversation is over and can be forgotten.
    Forget,
}

/// A call to the cloud.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Publish a message.
    Publish {
        /// The dialog.
        dialog: DialogId,
        /// What to publish.
        body: Body,
        /// Who sees it.
        audience: Audience,
        /// The journal mark; none for notes of the connector's own.
        mark: Option<Mark>,
        /// The bot's intents.
        intents: Vec<Intent>,
    },
    /// Publish a READ receipt.
    Receipt {
        /// The dialog.
        dialog: DialogId,
        /// The messages that were read.
        sequences: Vec<Sequence>,
    },
    /// Show or end the typing indicator.
    Typing {
        /// The dialog.
        dialog: DialogId,
        /// COMPOSING, or ACTIVE.
        composing: bool,
    },
    /// Read the dialog's history.
    History {
        /// The dialog.
        dialog: DialogId,
        /// Only what is newer than about this sequence; none: all of it.
        after: Option<Sequence>,
    },
    /// Read the consumer's profile.
    Profile(ConsumerId),
    /// Leave and move the conversation to a skill, or to an agent within it.
    Transfer {
        /// The skill; none keeps the present one.
        skill: Option<SkillId>,
        /// The agent it is suggested to.
        agent: Option<AgentId>,
        /// Why.
        reason: TransferReason,
        /// The words for why.
        words: Option<String>,
    },
    /// Leave; the conversation goes back to its skill's queue.
    Return,
    /// Close the dialog (a survey may follow) or the conversation.
    Close {
        /// The dialog.
        dialog: DialogId,
        /// Whether a survey may follow.
        survey: bool,
    },
    /// Join as manager.
    Join,
    /// Change the target time to respond.
    Ttr {
        /// The platform's word.
        ttr_type: String,
        /// Seconds.
        seconds: u32,
    },
}

impl Call {
    /// A short name for logs and errors.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Publish { .. } => "publish",
            Self::Receipt { .. } => "receipt",
            Self::Typing { .. } => "typing",
            Self::History { .. } => "history",
            Self::Profile(_) => "profile",
            Self::Transfer { .. } => "transfer",
            Self::Return => "return",
            Self::Close { .. } => "close",
            Self::Join => "join",
            Self::Ttr { .. } => "ttr",
        }
    }
}

/// What can be published.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A text, perhaps with quick replies.
    Text {
        /// The text.
        text: String,
        /// Quick replies below it.
        quick_replies: Option<Json>,
    },
    /// Structured content.
    Rich {
        /// The content.
        content: Json,
        /// Envelope metadata (an array).
        metadata: Option<Json>,
        /// Quick replies below it.
        quick_replies: Option<Json>,
    },
}

/// Why a conversation is transferred, as the platform's `ActionReason` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransferReason {
    /// `escalated_by_bot`
    Bot,
    /// `escalated_by_user`
    User,
    /// `escalated_by_error`
    Error,
    /// `escalated_by_configuration`
    Configuration,
}

/// A question to the bot: one event of the bot protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The event's id.
    pub event: EventId,
    /// From 1.
    pub attempt: u32,
    /// When what it is about was said, server time.
    pub time: Timestamp,
    /// The conversation, as the bot sees it.
    pub about: Arc<About>,
    /// The texts joined by one space.
    pub text: String,
    /// The messages that were aggregated.
    pub parts: Vec<Part>,
    /// The click that it is.
    pub postback: Option<Postback>,
    /// The file that it is.
    pub file: Option<File>,
    /// Structured content from the consumer.
    pub rich: Option<Json>,
}

/// One consumer message within a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its sequence.
    pub sequence: Sequence,
    /// Its text.
    pub text: String,
    /// When the server took it.
    pub time: Timestamp,
}

/// A click on a button or quick reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Postback {
    /// The button's payload, from the metadata; else the text.
    pub payload: String,
    /// The published text.
    pub text: String,
    /// The metadata as it came.
    pub metadata: Json,
}

/// What the bot is told about the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its main dialog.
    pub dialog: DialogId,
    /// The skill, if any.
    pub skill: Option<SkillId>,
    /// The consumer.
    pub consumer: ConsumerId,
    /// When it began.
    pub started: Timestamp,
    /// The consumer's profile, once it has been read.
    pub profile: Option<Profile>,
}

/// News for the bot that want no answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The event's id; its kind is `Ended` or `Transferred`.
    pub event: EventId,
    /// The conversation.
    pub about: Arc<About>,
    /// When, server time as far as known.
    pub time: Timestamp,
}

/// What is worth counting or logging; the hall turns it into metrics and log lines.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// So many consumer messages came in; what becomes of them is told later. Each message is told once.
    Heard(usize),
    /// What became of consumer messages: the count, and how.
    Consumer(usize, Disposition),
    /// An event was put to the bot again.
    Resent(EventId),
    /// The bot's answer was accepted; how long the bot took.
    Answered(Duration),
    /// The answer was not used.
    AnswerDropped(DropReason),
    /// An action was not carried out, and why.
    ActionSkipped(String),
    /// A message was published; how long the cloud took.
    Published(Duration),
    /// The platform refused structured content, its texts were said instead.
    ContentRefused(String),
    /// A message could not be published for good, and why.
    PublishFailed(String),
    /// People are wanted; whether they come is told later.
    Escalating(Escalation),
    /// The conversation was transferred.
    Transferred(TransferReason),
    /// A transfer failed, and why.
    TransferFailed(String),
    /// The conversation could not be given back to its queue, and why.
    ReturnFailed(String),
    /// The fallback escalation fired; `done` tells whether there was somewhere to go.
    Fallback {
        /// What set it off.
        reason: FallbackReason,
        /// False when no fallback skill is configured.
        possible: bool,
    },
    /// All attempts are used up and the bot has not answered.
    Stuck,
    /// The dialog or conversation was closed on the bot's wish.
    Closed,
    /// The dialog left a choice, and a rule decided.
    Ambiguous {
        /// Which rule.
        kind: Ambiguity,
        /// How often.
        times: usize,
        /// What it was about, in words.
        what: String,
    },
    /// Something the history could not be read for; it is tried again.
    HistoryFailed(CallErrorText),
    /// So many messages did not arrive by themselves; the history had them.
    Missed(usize),
    /// The transfer's target is a skill that rings this very agent.
    SelfTransfer(SkillId),
    /// An event of this kind was put to the bot.
    Asked(EventKind),
    /// A step failed by a bug; the conversation was given to people.
    Broken(String),
}

/// What people are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Escalation {
    /// The consumer said one of the escalation keywords.
    Keyword,
    /// The bot decided so.
    Bot,
    /// The bot passed on what the consumer wished.
    User,
    /// The bot, the way to it, or the connector failed.
    Error,
    /// A setting asks for it: a late message, the stuck fields.
    Configuration,
}

/// What the dialog did not tell for certain, and how it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ambiguity {
    /// A publish without acknowledgement was found in the dialog by what it says.
    FoundByText,
    /// The same, by its place alone: what it says is different.
    FoundByPosition,
    /// A batch was taken as answered because an own message without a mark stands behind it.
    AnsweredByPosition,
    /// A consumer message that an own message without a mark may have answered was put to the bot again.
    AskedAgain,
    /// A piece of an answer was taken as published because an own message without a mark says the same.
    PublishedByText,
    /// An answer of which a part is published has another number of pieces now.
    OtherPieces,
    /// A message's sequence cannot be; it was passed over.
    StrangeSequence,
}

impl Ambiguity {
    /// The case in words, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::FoundByText => "a message was found to be published by its text",
            Self::FoundByPosition => "a message was found to be published by its place",
            Self::AnsweredByPosition => "consumer messages are taken as answered",
            Self::AskedAgain => "consumer messages may be answered, the bot is asked again",
            Self::PublishedByText => "a piece of an answer is taken as published by its text",
            Self::OtherPieces => "a half-published answer has other pieces now",
            Self::StrangeSequence => "a message was passed over",
        }
    }
}

/// A call error in words.
pub type CallErrorText = String;

/// What became of consumer messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// Handed to the bot.
    Asked,
    /// Came later than `maxConsumerMessageDelay` and was ignored.
    TooLate,
    /// Was an escalation keyword.
    Keyword,
    /// Arrived again and was passed over.
    Duplicate,
    /// The bot was given up on and people have it now.
    Escalated,
    /// Left unanswered because the conversation left this agent.
    LeftBehind,
    /// Not meant for the bot (manager filter).
    Filtered,
}

/// Why an answer was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The event had been answered already.
    AlreadyAnswered,
    /// The event had been given up.
    GivenUp,
    /// No such event.
    Unknown,
    /// The agent is not in the conversation any more.
    NotAssigned,
}

/// What set off a fallback escalation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FallbackReason {
    /// `fallbackEscalationTime` passed.
    Silence,
    /// The bot was certainly wrong.
    Fault,
    /// The bot has been unreachable for long.
    Unreachable,
    /// The bot's own escalations failed too often.
    EscalationFailures,
    /// The stuck fields ask for it.
    Stuck,
    /// The connector itself failed at this conversation.
    Internal,
    /// A late message, with `late_messages = "escalate"`.
    Late,
}
