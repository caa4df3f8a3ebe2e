//! Pure: the knobs of a conversation. The names of the file's keys are in the docs of the fields.

use std::{collections::BTreeMap, time::Duration};

use super::words::SkillId;

/// How conversations behave; one value for all conversations of a connector.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `acceptStatusEventValue`: publish READ receipts (`READ`), or none (`SENT`).
    pub read_receipts: bool,
    /// `defaultGreetingMessage`, none if it is empty or `disableGreetings` is true.
    pub greeting: Option<String>,
    /// `defaultStepupMessage`: what the bot is told when the consumer logs in.
    pub step_up: String,
    /// `fallbackEscalationTime`, none for 0: how long the oldest unanswered batch may wait for the bot.
    pub fallback_after: Option<Duration>,
    /// `maxConsumerMessageDelay`: the longest time from an answered consumer message to the next one.
    pub max_consumer_delay: Duration,
    /// `maxEscalationRetries`: how often the bot is told that a transfer failed, since the last consumer message.
    pub max_escalation_retries: u32,
    /// `messageDelay`: how long a batch collects consumer messages, from its first one. Zero: not at all.
    pub gather: Duration,
    /// `messageResendMaxRetries`: how often an event is put to the bot again.
    pub max_resends: u32,
    /// `retryMessageInterval`: how long to wait before that.
    pub resend_after: Duration,
    /// `skipAgentMessage`: pass over what agents said when a conversation is taken over.
    pub skip_agent_message: bool,
    /// `late_messages`: what to do with a message after `maxConsumerMessageDelay`.
    pub late: LateMessages,
    /// `fallback_skill_id`: where a conversation goes when the bot fails.
    pub fallback_skill: Option<SkillId>,
    /// `[skills]`: names that bots may use.
    pub skills: BTreeMap<String, SkillId>,
    /// `[bot] escalation_failed_text`
    pub escalation_failed: String,
    /// `[escalation] unavailable_text`: what the consumer is told in chat when nobody can take over.
    pub unavailable: Option<String>,
    /// `[escalation] keywords`: consumer messages that escalate without the bot.
    pub keywords: Vec<String>,
    /// `[bot] reserved_words`: whether `LP_CLOSEDIALOG` and its like have their meaning.
    pub reserved_words: bool,
    /// The five stuck fields.
    pub stuck: Stuck,
    /// `conversation_type`
    pub kind: Kind,
    /// `role`, and the fields that only managers have.
    pub role: Role,
}

/// What to do with a consumer message that comes too late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LateMessages {
    /// Stay silent.
    #[default]
    Ignore,
    /// Begin again: greet the bot, then ask it.
    NewConversation,
    /// Transfer to the fallback skill.
    Escalate,
}

/// `userRetryOnStuckConversation` and its sisters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// `userRetryOnStuckConversation`: ask the consumer to say it again.
    pub retry: bool,
    /// `userNotificationMessageOnStuckConversation`: in these words.
    pub notification: String,
    /// `escalateOnStuckConversation` with `escalationSkillIdOnStuckConversation`: transfer there when still stuck.
    pub escalate_to: Option<SkillId>,
    /// `escalationMessageOnStuckConversation`: after saying this.
    pub escalation_message: String,
}

/// Which of the platform's two kinds of conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Asynchronous messaging.
    #[default]
    Messaging,
    /// Live chat.
    Chat,
}

/// What the agent is in its conversations.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Role {
    /// The assigned agent.
    #[default]
    Agent,
    /// A manager that joins every open conversation.
    Manager(ManagerSettings),
}

/// The fields that only managers have.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagerSettings {
    /// `filterPatterns`: only messages that match one of them reach the bot; empty: all do.
    pub filters: Vec<Pattern>,
    /// `ignoreAcceptStatusEvent`: publish no receipts.
    pub ignore_receipts: bool,
    /// `ignoreSubscribeMessagingEvents`: hear nothing of what is said.
    pub ignore_messages: bool,
    /// `subscribeToMainDialogOnly`: not the survey dialog.
    pub main_dialog_only: bool,
}

/// A regular expression that is known to be one.
#[derive(Clone, Debug)]
pub struct Pattern(regex_lite::Regex);

impl Pattern {
    /// Compiles `text`; the error says in words what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        regex_lite::Regex::new(text).map(Self).map_err(|error| error.to_string())
    }

    /// Whether some part of `text` matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Default for ManagerSettings {
    fn default() -> Self {
        Self {
            filters: Vec::new(),
            ignore_receipts: true,
            ignore_messages: false,
            main_dialog_only: false,
        }
    }
}

impl Default for Stuck {
    fn default() -> Self {
        Self {
            retry: false,
            notification: "I'm sorry. Something went wrong, so let's start fresh. \
                           Could you restate your question in a few words?"
                .to_owned(),
            escalate_to: None,
            escalation_message: "I'm having some trouble. Let me connect you with an agent."
                .to_owned(),
        }
    }
}

impl Settings {
    /// The same for live chat: each line is a turn of its own, at once and without a receipt. A bot is given `attempt`
    /// for an answer, and after an attempt that failed `resends` more.
    #[must_use]
    pub fn in_chat(self, attempt: Duration, resends: u32) -> Self {
        Self {
            read_receipts: false,
            gather: Duration::ZERO,
            max_resends: resends,
            resend_after: attempt,
            fallback_after: Some(attempt * (1 + resends)),
            skip_agent_message: true,
            kind: Kind::Chat,
            ..self
        }
    }

    /// How long to wait before an event is put to the bot again that has been `resends` times already.
    pub(super) fn pause_before_resend(&self, resends: u32) -> Duration {
        match self.kind {
            Kind::Messaging => self.resend_after,
            Kind::Chat => super::leave::retry_pause(resends),
        }
    }
}

impl Default for Settings {
    /// The documented defaults of the configuration file.
    fn default() -> Self {
        Self {
            read_receipts: true,
            greeting: Some("hi".to_owned()),
            step_up: "_STEPUP_".to_owned(),
            fallback_after: Some(Duration::from_millis(180_000)),
            max_consumer_delay: Duration::from_secs(30 * 60),
            max_escalation_retries: 5,
            gather: Duration::from_millis(300),
            max_resends: 1,
            resend_after: Duration::from_millis(30_000),
            skip_agent_message: false,
            late: LateMessages::Ignore,
            fallback_skill: None,
            skills: BTreeMap::new(),
            escalation_failed: "_agent_escalation_failed_".to_owned(),
            unavailable: None,
            keywords: Vec::new(),
            reserved_words: true,
            stuck: Stuck::default(),
            kind: Kind::Messaging,
            role: Role::Agent,
        }
    }
}
