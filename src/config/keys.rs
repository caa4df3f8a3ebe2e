//! Pure: every key of the file, once. The parser, the JSON Schema, the suggestions and the reference all read this table.

use std::time::Duration;

/// A table of the file.
#[derive(Debug)]
pub(super) struct Section {
    /// Its name in brackets: `bot`, `bot.openai`.
    pub(super) name: &'static str,
    /// What it is for, as a sentence.
    pub(super) doc: &'static str,
    /// What may stand in it.
    pub(super) keys: Keys,
}

/// What may stand in a table.
#[derive(Debug)]
pub(super) enum Keys {
    /// These, and nothing else.
    Known(&'static [Key]),
    /// Any name; all values are of one kind.
    Free(Kind),
}

/// A key and all there is to know about it.
#[derive(Debug)]
pub(super) struct Key {
    /// Section and name: `connector.account_id`.
    pub(super) path: &'static str,
    /// What its value may be.
    pub(super) kind: Kind,
    /// Whether it must be there, and what holds if it is not.
    pub(super) presence: Presence,
    /// Whether a change needs a restart; all others change at SIGHUP.
    pub(super) restart: bool,
    /// What it does, as a sentence without its full stop.
    pub(super) doc: &'static str,
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Presence {
    /// It must.
    Required,
    /// It need not; this holds then, written as in the file.
    Default(&'static str),
    /// It need not; what holds then is said in words.
    Optional(&'static str),
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A text of a certain form.
    Text(Form),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number in this range.
    Count(u64, u64),
    /// A text with a unit, in this range.
    Span(Duration, Duration),
    /// A URL with one of these schemes.
    Url(&'static [&'static str]),
    /// An http URL that may hold a password, so that it is never shown.
    Proxy,
    /// A file; relative to the folder of the configuration file.
    Path,
    /// `off`, `HOST:PORT` with a numeric host, or `unix:/path`.
    Listen,
    /// `HOST:PORT` with a numeric host.
    Address,
    /// A level, or a list of `target=level`.
    LogFilter,
    /// A text, or a table that says where it comes from.
    Secret,
    /// The same, and a text must be a Standard Webhooks secret.
    SigningSecret,
    /// A list of texts.
    Texts,
    /// Regular expressions with commas between them.
    Patterns,
}

/// Which texts are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// All.
    Any,
    /// All but the empty one.
    Filled,
    /// Digits.
    Digits,
    /// Digits or nothing.
    DigitsOrEmpty,
    /// A connector's name.
    Name,
}

/// A field of `[custom]` from old connectors, that has a better place in this file.
#[derive(Debug)]
pub(super) struct Moved {
    /// Its name in `[custom]`.
    pub(super) name: &'static str,
    /// The key to use instead; none if nothing takes its place.
    pub(super) to: Option<&'static str>,
}

impl Key {
    /// The name without its section.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// Whether numbers and booleans may be written as texts, as Conversation Builder stores them.
    pub(super) fn is_loose(&self) -> bool {
        self.path.starts_with("custom.")
    }

    const fn new(path: &'static str, kind: Kind, presence: Presence, doc: &'static str) -> Self {
        Self { path, kind, presence, restart: false, doc }
    }

    const fn restart(mut self) -> Self {
        self.restart = true;
        self
    }
}

impl Kind {
    /// Whether a value must never be shown.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::SigningSecret | Self::Proxy)
    }
}

/// All tables of the file, in the order of the reference.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "connector",
        doc: "Who this connector is and which conversations it takes.",
        keys: Keys::Known(CONNECTOR),
    },
    Section {
        name: "credentials",
        doc: "The bot agent's login name, and exactly one of three ways to log in: an API key \
              (`app_key`, `secret`, `access_token`, `access_token_secret`), OAuth 2.0 client credentials \
              (`client_id`, `client_secret`), or a `password`.",
        keys: Keys::Known(CREDENTIALS),
    },
    Section { name: "cloud", doc: "How to reach Conversational Cloud.", keys: Keys::Known(CLOUD) },
    Section {
        name: "bot",
        doc: "How to reach the bot and how to speak with it.",
        keys: Keys::Known(BOT),
    },
    Section {
        name: "bot.custom_endpoint",
        doc: "For `dialect = \"custom-endpoint\"`.",
        keys: Keys::Known(CUSTOM_ENDPOINT),
    },
    Section {
        name: "bot.rasa",
        doc: "For `dialect = \"rasa\"`. It has no keys yet.",
        keys: Keys::Known(&[]),
    },
    Section { name: "bot.openai", doc: "For `dialect = \"openai\"`.", keys: Keys::Known(OPENAI) },
    Section {
        name: "skills",
        doc: "Names that the bot may use instead of skill ids, for instance `human = \"4129463410\"`. \
              A name has at least one character that is not a digit.",
        keys: Keys::Free(Kind::Text(Form::Digits)),
    },
    Section {
        name: "escalation",
        doc: "When people take over without the bot's word, and what is said when nobody can.",
        keys: Keys::Known(ESCALATION),
    },
    Section {
        name: "chat",
        doc: "What only a chat has; in messaging these keys have no effect.",
        keys: Keys::Known(CHAT),
    },
    Section {
        name: "custom",
        doc: "The custom configuration fields of Conversation Builder, letter for letter. Numbers and booleans \
              may be written as texts too (`\"300\"`, `\"TRUE\"`). In chat only `defaultGreetingMessage` and `disableGreetings` \
              have an effect.",
        keys: Keys::Known(CUSTOM),
    },
    Section {
        name: "health",
        doc: "The health endpoint, with status and metrics.",
        keys: Keys::Known(HEALTH),
    },
    Section { name: "log", doc: "What is logged, and how.", keys: Keys::Known(LOG) },
    Section { name: "shutdown", doc: "What a stop does.", keys: Keys::Known(SHUTDOWN) },
];

/// Fields of older connectors that belong elsewhere in this file. They are accepted with a warning, and have no effect.
pub(super) const MOVED: &[Moved] = &[
    moved("csdsDomain", "[cloud] domain_api"),
    moved("lpAccountId", "[connector] account_id"),
    moved("lpAccountUser", "[credentials] username"),
    moved("lpPassword", "[credentials] password"),
    moved("lpAppKey", "[credentials] app_key"),
    moved("lpAppSecret", "[credentials] secret"),
    moved("lpAccessToken", "[credentials] access_token"),
    moved("lpAccessTokenSecret", "[credentials] access_token_secret"),
    moved("lpUserRole", "[connector] role"),
    moved("enableAccessibility", "[connector] accessibility"),
    moved("fallbackSkillId", "[connector] fallback_skill_id"),
    moved("externalWebhookUrl", "[bot] url"),
    moved("externalWebhookAPIKey", "[bot] token"),
    Moved { name: "useRedis", to: None },
];

/// The section of that name.
pub(super) fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// Whether this is a part of a section's name, or the name of a key.
pub(super) fn is_known_word(word: &str) -> bool {
    SECTIONS
        .iter()
        .flat_map(|section| section.name.split('.'))
        .chain(all().map(Key::name))
        .any(|known| known == word)
}

/// All keys of all sections.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.known())
}

impl Section {
    /// The keys that it knows by name.
    pub(super) fn known(&self) -> &'static [Key] {
        match self.keys {
            Keys::Known(keys) => keys,
            Keys::Free(_) => &[],
        }
    }
}

use Presence::{Default, Optional, Required};

const CONNECTOR: &[Key] = &[
    Key::new(
        "connector.name",
        Kind::Text(Form::Name),
        Optional("the file's name without its extension"),
        "the connector's name in logs, metrics, the status, and to the bot",
    )
    .restart(),
    Key::new(
        "connector.account_id",
        Kind::Text(Form::Digits),
        Required,
        "the account (site id)",
    )
    .restart(),
    Key::new(
        "connector.conversation_type",
        Kind::Choice(&["messaging", "chat"]),
        Required,
        "which of the two kinds of conversation the account has",
    )
    .restart(),
    Key::new(
        "connector.role",
        Kind::Choice(&["agent", "manager"]),
        Default("\"agent\""),
        "`agent` takes rings; `manager` stays away and joins every open conversation of the account; \
         without effect in chat",
    )
    .restart(),
    Key::new(
        "connector.environment",
        Kind::Choice(&["production", "demo"]),
        Default("\"production\""),
        "a label on logs, metrics and the status",
    )
    .restart(),
    Key::new(
        "connector.max_conversations",
        Kind::Count(1, 999),
        Default("50"),
        "how many conversations are held at once; rings above it are left for other agents",
    ),
    Key::new(
        "connector.fallback_skill_id",
        Kind::Text(Form::Digits),
        Optional("a conversation stays here when the bot fails"),
        "the skill that takes a conversation when the bot does not answer",
    ),
    Key::new(
        "connector.accessibility",
        Kind::Flag,
        Default("false"),
        "elements of structured content carry a tooltip, which screen readers read",
    ),
    Key::new(
        "connector.late_messages",
        Kind::Choice(&["ignore", "new_conversation", "escalate"]),
        Default("\"ignore\""),
        "what to do with a consumer message that comes after `maxConsumerMessageDelay`; without effect in chat",
    ),
];

const CREDENTIALS: &[Key] = &[
    Key::new(
        "credentials.username",
        Kind::Text(Form::Filled),
        Required,
        "the bot agent's login name",
    )
    .restart(),
    Key::new(
        "credentials.app_key",
        Kind::Secret,
        Optional(""),
        "the application key of an API key",
    ),
    Key::new(
        "credentials.secret",
        Kind::Secret,
        Optional(""),
        "the application secret of an API key",
    ),
    Key::new(
        "credentials.access_token",
        Kind::Secret,
        Optional(""),
        "the access token of an API key",
    ),
    Key::new(
        "credentials.access_token_secret",
        Kind::Secret,
        Optional(""),
        "the access token secret of an API key",
    ),
    Key::new(
        "credentials.client_id",
        Kind::Secret,
        Optional(""),
        "the client id of OAuth 2.0 client credentials",
    ),
    Key::new(
        "credentials.client_secret",
        Kind::Secret,
        Optional(""),
        "the client secret of OAuth 2.0 client credentials",
    ),
    Key::new(
        "credentials.password",
        Kind::Secret,
        Optional(""),
        "the bot agent's password; an API key is better",
    ),
];

const CLOUD: &[Key] = &[
    Key::new(
        "cloud.domain_api",
        Kind::Url(&["https", "http"]),
        Default("\"https://api.liveperson.net\""),
        "the domain service, which names all other hosts; http only for a loopback address",
    ),
    Key::new(
        "cloud.ca_file",
        Kind::Path,
        Optional("the system's roots only"),
        "certificates (PEM) that are trusted beside the system's roots",
    )
    .restart(),
    Key::new(
        "cloud.proxy",
        Kind::Proxy,
        Optional("`HTTPS_PROXY` and `NO_PROXY` of the environment decide"),
        "an HTTP proxy for all connections to the cloud",
    )
    .restart(),
    Key::new(
        "cloud.connect_timeout",
        Kind::Span(millis(10), secs(300)),
        Default("\"10s\""),
        "TCP, proxy and TLS together; holds for the bot too",
    )
    .restart(),
    Key::new(
        "cloud.request_timeout",
        Kind::Span(millis(10), secs(600)),
        Default("\"10s\""),
        "one request to the cloud, from sending it to its whole answer",
    ),
    Key::new(
        "cloud.keepalive_interval",
        Kind::Span(millis(10), secs(60)),
        Default("\"30s\""),
        "how often the connection is asked for a sign of life; silent for twice this long it counts as dead",
    ),
    Key::new(
        "cloud.session_refresh_interval",
        Kind::Span(millis(10), secs(3600)),
        Default("\"4m\""),
        "how often the log-in is refreshed",
    ),
];

const BOT: &[Key] = &[
    Key::new(
        "bot.transport",
        Kind::Choice(&["websocket", "webhook"]),
        Required,
        "one connection with frames both ways, or one request for each event",
    ),
    Key::new(
        "bot.url",
        Kind::Url(&["wss", "ws", "https", "http"]),
        Required,
        "where the bot is: wss or ws for a websocket, https or http for a webhook; without TLS only to a \
         loopback address, unless `allow_plaintext` is true",
    ),
    Key::new(
        "bot.allow_plaintext",
        Kind::Flag,
        Default("false"),
        "allow ws and http to an address that is not loopback",
    ),
    Key::new(
        "bot.dialect",
        Kind::Choice(&["native", "custom-endpoint", "rasa", "openai"]),
        Default("\"native\""),
        "what a webhook bot understands",
    ),
    Key::new(
        "bot.token",
        Kind::Secret,
        Optional("none is sent"),
        "sent to the bot as `Authorization: Bearer`",
    ),
    Key::new(
        "bot.signing_secret",
        Kind::SigningSecret,
        Optional("requests are not signed"),
        "webhook: signs requests as Standard Webhooks say; `whsec_` and base64 of 24 to 64 bytes",
    ),
    Key::new(
        "bot.request_timeout",
        Kind::Span(millis(10), secs(600)),
        Default("\"30s\""),
        "webhook: one attempt; websocket: opening the connection; in chat a line that is not answered within \
         this time, or within four times of it for a webhook, goes to the fallback skill",
    ),
    Key::new(
        "bot.max_in_flight",
        Kind::Count(1, 10_000),
        Default("256"),
        "requests to the bot at once, over all conversations",
    ),
    Key::new(
        "bot.ca_file",
        Kind::Path,
        Optional("the system's roots only"),
        "certificates (PEM) that are trusted for the bot beside the system's roots",
    )
    .restart(),
    Key::new(
        "bot.callback_listen",
        Kind::Address,
        Optional("answers come with the response only"),
        "webhook: the address where the bot may deliver answers later; needs `callback_token`",
    ),
    Key::new(
        "bot.callback_token",
        Kind::Secret,
        Optional(""),
        "the bearer token that callers of `callback_listen` must present",
    ),
    Key::new(
        "bot.escalation_failed_text",
        Kind::Text(Form::Filled),
        Default("\"_agent_escalation_failed_\""),
        "the text of the event that tells the bot of a failed transfer; bots trained in Conversation Builder \
         may want `__agent_escalation_failed__`",
    ),
    Key::new(
        "bot.reserved_words",
        Kind::Flag,
        Default("true"),
        "`LP_CLOSEDIALOG`, `LP_CLOSECONVERSATION` and `BLANK_MESSAGE` as a whole text have their known meaning",
    ),
];

const CUSTOM_ENDPOINT: &[Key] = &[
    Key::new(
        "bot.custom_endpoint.bot_id",
        Kind::Text(Form::Filled),
        Optional(""),
        "the bot's id at the endpoint",
    ),
    Key::new(
        "bot.custom_endpoint.environment",
        Kind::Text(Form::Filled),
        Default("\"draft\""),
        "the bot's environment at the endpoint",
    ),
    Key::new(
        "bot.custom_endpoint.client_id",
        Kind::Secret,
        Optional(""),
        "the client id of OAuth 2.0 client credentials",
    ),
    Key::new(
        "bot.custom_endpoint.client_secret",
        Kind::Secret,
        Optional(""),
        "the client secret of OAuth 2.0 client credentials",
    ),
];

const OPENAI: &[Key] = &[
    Key::new("bot.openai.model", Kind::Text(Form::Filled), Optional(""), "the model's name"),
    Key::new(
        "bot.openai.system_prompt",
        Kind::Text(Form::Any),
        Default("\"\""),
        "what the model is told first",
    ),
    Key::new(
        "bot.openai.history_messages",
        Kind::Count(1, 1000),
        Default("50"),
        "how many messages of the conversation the model sees",
    ),
];

const ESCALATION: &[Key] = &[
    Key::new(
        "escalation.keywords",
        Kind::Texts,
        Default("[]"),
        "a consumer message that is exactly one of these is escalated without asking the bot; upper and lower case \
         are the same, and punctuation at its end does not count",
    ),
    Key::new(
        "escalation.unavailable_text",
        Kind::Text(Form::Any),
        Default("\"\""),
        "chat: what the consumer is told when neither the skill nor the fallback skill can take the chat, which \
         then stays with the bot; empty: nothing",
    ),
];

const CHAT: &[Key] = &[
    Key::new(
        "chat.line_format",
        Kind::Choice(&["html", "plain"]),
        Default("\"html\""),
        "html: a line goes out escaped and wrapped as the platform's chat window wants it; plain: as it is",
    ),
    Key::new(
        "chat.multi_chat_poll_threshold",
        Kind::Count(0, 999),
        Default("10"),
        "with more open chats than this, one request asks for the news of several; 0: each chat is asked alone",
    ),
];

const CUSTOM: &[Key] = &[
    Key::new(
        "custom.acceptStatusEventValue",
        Kind::Choice(&["READ", "SENT"]),
        Default("\"READ\""),
        "READ: each consumer message shows as read on arrival; SENT: no receipts",
    ),
    Key::new(
        "custom.defaultGreetingMessage",
        Kind::Text(Form::Any),
        Default("\"hi\""),
        "what the bot is told when the consumer says nothing first; empty: nothing",
    ),
    Key::new(
        "custom.defaultStepupMessage",
        Kind::Text(Form::Filled),
        Default("\"_STEPUP_\""),
        "what the bot is told when the consumer logs in during the conversation",
    ),
    Key::new(
        "custom.enableButtonTextOnPostback",
        Kind::Flag,
        Default("false"),
        "a pressed button shows its title instead of its payload; only in content that the connector builds",
    ),
    Key::new(
        "custom.fallbackEscalationTime",
        Kind::Count(0, 604_800_000),
        Default("180000"),
        "ms that the oldest unanswered batch waits for the bot before it goes to the fallback skill; 0: for ever",
    ),
    Key::new(
        "custom.maxConsumerMessageDelay",
        Kind::Count(1, 525_600),
        Default("30"),
        "minutes from an answered consumer message to the next one; later ones are `late_messages`",
    ),
    Key::new(
        "custom.maxEscalationRetries",
        Kind::Count(0, 100),
        Default("5"),
        "how often the bot is told that a transfer failed, since the last consumer message",
    ),
    Key::new(
        "custom.messageDelay",
        Kind::Count(0, 60_000),
        Default("300"),
        "ms during which consumer messages become one; 0: each goes alone",
    ),
    Key::new(
        "custom.messageResendMaxRetries",
        Kind::Count(0, 10),
        Default("1"),
        "how often an event is put to a silent bot again; 0: never",
    ),
    Key::new(
        "custom.retryMessageInterval",
        Kind::Count(1, 3_600_000),
        Default("30000"),
        "ms to wait for an answer before an event is put to the bot again",
    ),
    Key::new(
        "custom.ringAcceptWait",
        Kind::Count(0, 59_999),
        Default("100"),
        "ms to wait before a ring is accepted; a ring lives little more than a minute",
    ),
    Key::new(
        "custom.skipAgentMessage",
        Kind::Flag,
        Default("false"),
        "pass over what agents said when a conversation is taken over: the bot sees the last consumer message",
    ),
    Key::new(
        "custom.tileDisplay",
        Kind::Choice(&["vertical", "horizontal"]),
        Default("\"vertical\""),
        "tiles stand one under the other, or side by side; only in content that the connector builds",
    ),
    Key::new("custom.disableGreetings", Kind::Flag, Default("false"), "no greeting"),
    Key::new(
        "custom.userRetryOnStuckConversation",
        Kind::Flag,
        Default("false"),
        "when the bot stays silent after all resends, ask the consumer to say it again",
    ),
    Key::new(
        "custom.userNotificationMessageOnStuckConversation",
        Kind::Text(Form::Filled),
        Default(
            "\"I'm sorry. Something went wrong, so let's start fresh. Could you restate your question in a few words?\"",
        ),
        "what the consumer is told then",
    ),
    Key::new(
        "custom.escalateOnStuckConversation",
        Kind::Flag,
        Default("false"),
        "when it is silent again within ten minutes, transfer to `escalationSkillIdOnStuckConversation`",
    ),
    Key::new(
        "custom.escalationSkillIdOnStuckConversation",
        Kind::Text(Form::DigitsOrEmpty),
        Default("\"\""),
        "the skill that takes a stuck conversation; empty: none",
    ),
    Key::new(
        "custom.escalationMessageOnStuckConversation",
        Kind::Text(Form::Filled),
        Default("\"I'm having some trouble. Let me connect you with an agent.\""),
        "what the consumer is told just before",
    ),
    Key::new(
        "custom.filterPatterns",
        Kind::Patterns,
        Default("\"\""),
        "manager: regular expressions with commas between them; only messages that match one reach the bot; empty: all",
    ),
    Key::new(
        "custom.ignoreAcceptStatusEvent",
        Kind::Flag,
        Default("true"),
        "manager: publish no receipts",
    ),
    Key::new(
        "custom.ignoreSubscribeMessagingEvents",
        Kind::Flag,
        Default("false"),
        "manager: hear nothing of what is said",
    ),
    Key::new(
        "custom.subscribeToMainDialogOnly",
        Kind::Flag,
        Default("false"),
        "manager: not the survey dialog; the connector serves main dialogs only, whatever stands here",
    ),
];

const HEALTH: &[Key] = &[Key::new(
    "health.listen",
    Kind::Listen,
    Default("\"127.0.0.1:8790\""),
    "where the endpoint listens: `IP:PORT`, `unix:/path`, or `off`",
)
.restart()];

const LOG: &[Key] = &[
    Key::new(
        "log.level",
        Kind::LogFilter,
        Default("\"info\""),
        "error, warn, info, debug, trace or off, or a list such as `connectord=debug,info`",
    ),
    Key::new(
        "log.format",
        Kind::Choice(&["auto", "journald", "text", "json"]),
        Default("\"auto\""),
        "auto: journald under systemd, text on a terminal, json otherwise",
    )
    .restart(),
    Key::new(
        "log.message_content",
        Kind::Flag,
        Default("false"),
        "log what consumers and bots say too, at debug",
    ),
];

const SHUTDOWN: &[Key] = &[
    Key::new(
        "shutdown.drain_timeout",
        Kind::Span(millis(0), secs(3600)),
        Default("\"30s\""),
        "how long a stop waits for answers under way",
    ),
    Key::new(
        "shutdown.on_stop",
        Kind::Choice(&["keep", "return"]),
        Default("\"keep\""),
        "keep: conversations stay with the agent for the next start; return: back to the queue of their skill",
    ),
];

const fn moved(name: &'static str, to: &'static str) -> Moved {
    Moved { name, to: Some(to) }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lives_in_the_section_that_its_path_names() {
        for section in SECTIONS {
            for key in section.known() {
                assert_eq!(key.path, format!("{}.{}", section.name, key.name()));
            }
        }
    }

    #[test]
    fn no_key_is_listed_twice() {
        let mut paths: Vec<_> = all().map(|key| key.path).collect();
        paths.extend(MOVED.iter().map(|moved| moved.name));
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), count);
    }

    #[test]
    fn every_moved_field_points_to_a_key_that_exists() {
        for to in MOVED.iter().filter_map(|moved| moved.to) {
            let path = to.replace('[', "").replace("] ", ".");
            assert!(all().any(|key| key.path == path), "{to}");
        }
    }
}
