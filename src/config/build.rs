//! Pure: checked values into the settings of the rooms.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    Config, Environment, Listen, OnStop, Shutdown, chat,
    finding::Notes,
    keys::{self, Form},
    values::Values,
};
use crate::{
    bot::{self, Dialect, Transport},
    cloud::{self, Credentials},
    conversation::{
        self, SkillId,
        settings::{Kind, LateMessages, ManagerSettings, Pattern, Role, Stuck},
    },
    net,
    ops::logs,
};

/// The configuration, if nothing is wrong; else there are errors in `notes`.
pub(super) fn build(values: &Values, path: &Path, notes: &mut Notes) -> Option<Config> {
    let name = name(values, path, notes);
    let made = || {
        Some(Config {
            name: name.clone()?,
            environment: environment(values),
            max_conversations: usize::try_from(values.count("connector.max_conversations")).ok()?,
            cloud: cloud(values)?,
            cloud_net: net::Settings {
                ca_file: values.path("cloud.ca_file").cloned(),
                proxy: values.filled("cloud.proxy").map(str::to_owned),
                connect_timeout: values.span("cloud.connect_timeout"),
            },
            bot: bot(values, name.clone()?)?,
            bot_net: net::Settings {
                ca_file: values.path("bot.ca_file").cloned(),
                proxy: None,
                connect_timeout: values.span("cloud.connect_timeout"),
            },
            conversation: conversation(values)?,
            ring_wait: values.millis("custom.ringAcceptWait"),
            health: listen(values.text("health.listen"))?,
            log: log(values),
            shutdown: Shutdown {
                drain_timeout: values.span("shutdown.drain_timeout"),
                on_stop: match values.text("shutdown.on_stop") {
                    "return" => OnStop::Return,
                    _ => OnStop::Keep,
                },
            },
            custom_fingerprint: fingerprint(values),
            fixed: fixed(values, name.clone()?),
        })
    };
    if notes.has_errors() {
        return None;
    }
    let config = made();
    if config.is_none() {
        notes.error(None, "the settings could not be put together; this is a bug of connectord");
    }
    config
}

fn name(values: &Values, path: &Path, notes: &mut Notes) -> Option<String> {
    if values.has("connector.name") {
        return values.filled("connector.name").map(str::to_owned);
    }
    let stem = path.file_stem()?.to_string_lossy();
    if Form::Name.allows(&stem) {
        return Some(stem.into_owned());
    }
    notes.error_with_help(
        values.section_at("connector"),
        "the file's name does not make a name for the connector",
        format!("add `name` to [connector]; expected {}", Form::Name.expected()),
    );
    None
}

fn environment(values: &Values) -> Environment {
    match values.text("connector.environment") {
        "demo" => Environment::Demo,
        _ => Environment::Production,
    }
}

fn cloud(values: &Values) -> Option<cloud::Settings> {
    Some(cloud::Settings {
        account: values.text("connector.account_id").to_owned(),
        username: values.text("credentials.username").to_owned(),
        credentials: credentials(values)?,
        domain_api: values.text("cloud.domain_api").trim_end_matches('/').to_owned(),
        request_timeout: values.span("cloud.request_timeout"),
        keepalive_interval: values.span("cloud.keepalive_interval"),
        refresh_interval: values.span("cloud.session_refresh_interval"),
        manager: is_manager(values),
        chat: cloud::ChatSettings {
            html: values.text("chat.line_format") != "plain",
            several_above: match values.count("chat.multi_chat_poll_threshold") {
                0 => usize::MAX,
                count => usize::try_from(count).ok()?,
            },
        },
    })
}

fn credentials(values: &Values) -> Option<Credentials> {
    let secret = |path| values.secret(path).cloned();
    if let Some(password) = secret("credentials.password") {
        return Some(Credentials::Password(password));
    }
    if let Some(client_id) = secret("credentials.client_id") {
        return Some(Credentials::OAuth2 {
            client_id,
            client_secret: secret("credentials.client_secret")?,
        });
    }
    Some(Credentials::ApiKey {
        app_key: secret("credentials.app_key")?,
        secret: secret("credentials.secret")?,
        access_token: secret("credentials.access_token")?,
        access_token_secret: secret("credentials.access_token_secret")?,
    })
}

fn bot(values: &Values, name: String) -> Option<bot::Settings> {
    let webhook = values.text("bot.transport") == "webhook";
    let callback = values.filled("bot.callback_listen").filter(|_| webhook);
    Some(bot::Settings {
        transport: if webhook { Transport::Webhook(Dialect::Native) } else { Transport::WebSocket },
        url: values.text("bot.url").parse().ok()?,
        token: values.secret("bot.token").cloned(),
        signing_secret: values.secret("bot.signing_secret").cloned().filter(|_| webhook),
        request_timeout: values.span("bot.request_timeout"),
        max_in_flight: usize::try_from(values.count("bot.max_in_flight")).ok()?,
        callback: match callback {
            Some(listen) => Some(bot::Callback {
                listen: listen.parse().ok()?,
                token: values.secret("bot.callback_token").cloned()?,
            }),
            None => None,
        },
        content: bot::ContentSettings {
            horizontal_tiles: values.text("custom.tileDisplay") == "horizontal",
            button_text_on_postback: values.flag("custom.enableButtonTextOnPostback"),
            tooltips: values.flag("connector.accessibility"),
            chat: chat::is_meant(values),
        },
        connector: bot::Connector {
            name,
            account_id: values.text("connector.account_id").to_owned(),
            agent_id: None,
            environment: values.text("connector.environment").to_owned(),
            conversation_type: kind(values),
        },
        gone_after: values.millis("custom.retryMessageInterval"),
    })
}

fn kind(values: &Values) -> Kind {
    match values.text("connector.conversation_type") {
        "chat" => Kind::Chat,
        _ => Kind::Messaging,
    }
}

fn conversation(values: &Values) -> Option<conversation::Settings> {
    let text = |path| values.text(path).to_owned();
    let number = |path| u32::try_from(values.count(path)).ok();
    let skill = |path| values.filled(path).map(SkillId::from);
    let settings = conversation::Settings {
        read_receipts: values.text("custom.acceptStatusEventValue") == "READ",
        greeting: values
            .filled("custom.defaultGreetingMessage")
            .filter(|_| !values.flag("custom.disableGreetings"))
            .map(str::to_owned),
        step_up: text("custom.defaultStepupMessage"),
        fallback_after: Some(values.millis("custom.fallbackEscalationTime"))
            .filter(|time| !time.is_zero()),
        max_consumer_delay: Duration::from_secs(
            60 * values.count("custom.maxConsumerMessageDelay"),
        ),
        max_escalation_retries: number("custom.maxEscalationRetries")?,
        gather: values.millis("custom.messageDelay"),
        max_resends: number("custom.messageResendMaxRetries")?,
        resend_after: values.millis("custom.retryMessageInterval"),
        skip_agent_message: values.flag("custom.skipAgentMessage"),
        late: match values.text("connector.late_messages") {
            "new_conversation" => LateMessages::NewConversation,
            "escalate" => LateMessages::Escalate,
            _ => LateMessages::Ignore,
        },
        fallback_skill: skill("connector.fallback_skill_id"),
        skills: values
            .skills()
            .iter()
            .map(|(name, id)| (name.clone(), SkillId::from(id.as_str())))
            .collect(),
        escalation_failed: text("bot.escalation_failed_text"),
        unavailable: values.filled("escalation.unavailable_text").map(str::to_owned),
        keywords: values.texts("escalation.keywords").to_vec(),
        reserved_words: values.flag("bot.reserved_words"),
        stuck: Stuck {
            retry: values.flag("custom.userRetryOnStuckConversation"),
            notification: text("custom.userNotificationMessageOnStuckConversation"),
            escalate_to: skill("custom.escalationSkillIdOnStuckConversation")
                .filter(|_| values.flag("custom.escalateOnStuckConversation")),
            escalation_message: text("custom.escalationMessageOnStuckConversation"),
        },
        kind: kind(values),
        role: if is_manager(values) {
            Role::Manager(ManagerSettings {
                filters: values
                    .texts("custom.filterPatterns")
                    .iter()
                    // The rules have refused what does not compile.
                    .filter_map(|text| Pattern::new(text).ok())
                    .collect(),
                ignore_receipts: values.flag("custom.ignoreAcceptStatusEvent"),
                ignore_messages: values.flag("custom.ignoreSubscribeMessagingEvents"),
                main_dialog_only: values.flag("custom.subscribeToMainDialogOnly"),
            })
        } else {
            Role::Agent
        },
    };
    Some(if chat::is_meant(values) { chat::settings(settings, values) } else { settings })
}

fn is_manager(values: &Values) -> bool {
    values.text("connector.role") == "manager"
}

/// Where to listen, of a text that has been checked.
fn listen(text: &str) -> Option<Listen> {
    if text == "off" {
        return Some(Listen::Off);
    }
    match text.strip_prefix("unix:") {
        Some(path) => Some(Listen::Unix(PathBuf::from(path))),
        None => text.parse().ok().map(Listen::Tcp),
    }
}

fn log(values: &Values) -> logs::Settings {
    logs::Settings {
        level: values.text("log.level").to_owned(),
        format: match values.text("log.format") {
            "journald" => logs::Format::Journald,
            "text" => logs::Format::Text,
            "json" => logs::Format::Json,
            _ => logs::Format::Auto,
        },
        message_content: values.flag("log.message_content"),
    }
}

/// The keys that need a restart, in one spelling.
fn fixed(values: &Values, name: String) -> BTreeMap<&'static str, String> {
    let mut fixed: BTreeMap<_, _> = keys::all()
        .filter(|key| key.restart)
        .filter_map(|key| Some((key.path, values.canonical(key.path)?)))
        .collect();
    fixed.insert("connector.name", name);
    fixed
}

/// Equal for two connectors if and only if all fields of `[custom]` have the same effective values.
fn fingerprint(values: &Values) -> String {
    let mut hash = Sha256::new();
    for key in keys::section("custom").map_or(&[][..], keys::Section::known) {
        let value = values.canonical(key.path).unwrap_or_default();
        hash.update(format!("{}={value}\n", key.name()));
    }
    hash.finalize().iter().take(4).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
