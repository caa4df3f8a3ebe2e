//! Pure: what must hold between keys, and what is allowed but odd.

use std::{net::IpAddr, ops::Range};

use super::{chat, finding::Notes, keys, values::Values};

/// Checks all rules.
pub(super) fn check(values: &Values, notes: &mut Notes) {
    credentials(values, notes);
    cloud_url(values, notes);
    bot_url(values, notes);
    callback(values, notes);
    without_effect_on_bot(values, notes);
    if chat::is_meant(values) {
        in_chat(values, notes);
    } else {
        without_chat(values, notes);
        fallback(values, notes);
        resends(values, notes);
        stuck(values, notes);
        longest_delay(values, notes);
    }
    manager_fields(values, notes);
}

/// A way to log in: its name and its keys.
pub(super) const WAYS: [(&str, &[&str]); 3] = [
    (
        "an API key",
        &[
            "credentials.app_key",
            "credentials.secret",
            "credentials.access_token",
            "credentials.access_token_secret",
        ],
    ),
    ("OAuth 2.0 client credentials", &["credentials.client_id", "credentials.client_secret"]),
    ("a password", &["credentials.password"]),
];

fn credentials(values: &Values, notes: &mut Notes) {
    let Some(section) = values.section_at("credentials") else {
        return;
    };
    let begun: Vec<_> =
        WAYS.iter().filter(|(_, keys)| keys.iter().any(|key| values.has(key))).collect();
    match begun[..] {
        [] => notes.error_with_help(
            Some(section),
            "[credentials] has no way to log in",
            "add app_key, secret, access_token and access_token_secret, or client_id and client_secret, or password",
        ),
        [(way, keys)] => {
            let missing: Vec<_> = keys.iter().filter(|key| !values.has(key)).map(name).collect();
            if !missing.is_empty() {
                let all: Vec<_> = keys.iter().map(name).collect();
                notes.error_with_help(
                    Some(section),
                    format!("[credentials] lacks {}", missing.join(", ")),
                    format!("{way} has {} parts: {}", all.len(), all.join(", ")),
                );
            }
        }
        [(first, _), ..] => {
            for (way, keys) in &begun[1..] {
                let given: Vec<_> = keys.iter().filter(|key| values.has(key)).collect();
                notes.error_with_help(
                    given.first().and_then(|key| values.at(key)),
                    format!(
                        "[credentials] mixes {first} and {way} ({})",
                        given.into_iter().map(name).collect::<Vec<_>>().join(", ")
                    ),
                    "keep exactly one of the three ways to log in",
                );
            }
        }
    }
    if values.has("credentials.password") {
        notes.warn(
            values.at("credentials.password"),
            "log-in with a password",
            "prefer an API key, as the platform recommends for bot users",
        );
    }
}

fn cloud_url(values: &Values, notes: &mut Notes) {
    let url = Url::new(values.text("cloud.domain_api"));
    let at = values.at("cloud.domain_api");
    if url.has_login || url.has_query {
        let message = "`domain_api`: a URL without user name, password and query is expected";
        notes.error(at, message);
    } else if url.scheme == "http" && !url.is_loopback {
        notes.error_with_help(
            at,
            "`domain_api`: http is for a loopback address only",
            "write https://",
        );
    }
}

fn bot_url(values: &Values, notes: &mut Notes) {
    let text = values.text("bot.url");
    if text.is_empty() {
        return;
    }
    let url = Url::new(text);
    let at = values.at("bot.url");
    if url.has_login {
        notes.error_with_help(
            at.clone(),
            "`url`: user name and password do not belong in the URL",
            "use `token`, which is sent as Authorization: Bearer",
        );
    }
    let fitting = match values.text("bot.transport") {
        "websocket" => ["wss", "ws"],
        "webhook" => ["https", "http"],
        _ => return,
    };
    if !fitting.contains(&url.scheme.as_str()) {
        notes.error_with_help(
            at,
            format!(
                "`url`: {} does not go with transport {}",
                url.scheme,
                values.text("bot.transport")
            ),
            format!("write {}://, or change `transport`", fitting[0]),
        );
    } else if url.scheme == fitting[1] && !url.is_loopback {
        if values.flag("bot.allow_plaintext") {
            notes.warn(
                at,
                format!("`url`: {} carries what people say without encryption", url.scheme),
                format!("use {}:// as soon as the bot can", fitting[0]),
            );
        } else {
            notes.error_with_help(
                at,
                format!("`url`: {} is for a loopback address only", url.scheme),
                format!("write {}://, or set allow_plaintext = true", fitting[0]),
            );
        }
    }
}

fn callback(values: &Values, notes: &mut Notes) {
    let (listen, token) = ("bot.callback_listen", "bot.callback_token");
    match (values.has(listen), values.has(token)) {
        (true, false) => notes.error_with_help(
            values.at(listen),
            "`callback_listen` needs `callback_token`",
            "add callback_token = { file = \"...\" }: who delivers answers must prove to be the bot",
        ),
        (false, true) => notes.error_with_help(
            values.at(token),
            "`callback_token` needs `callback_listen`",
            "add callback_listen = \"127.0.0.1:8791\", or remove the token",
        ),
        (true, true) | (false, false) => {}
    }
}

fn without_effect_on_bot(values: &Values, notes: &mut Notes) {
    if values.text("bot.transport") == "websocket" {
        for key in ["bot.dialect", "bot.signing_secret", "bot.callback_listen"] {
            if values.has(key) && !(key == "bot.dialect" && values.text(key) == "native") {
                notes.warn(
                    values.at(key),
                    format!("`{}` has no effect with transport websocket", name(&key)),
                    "remove it, or set transport = \"webhook\"",
                );
            }
        }
    }
    for (table, dialect) in
        [("bot.custom_endpoint", "custom-endpoint"), ("bot.rasa", "rasa"), ("bot.openai", "openai")]
    {
        let at = values.section_at(table);
        if at.is_some() && values.text("bot.dialect") != dialect {
            notes.warn(
                at,
                format!("[{table}] has no effect"),
                format!("remove it, or set dialect = \"{dialect}\" in [bot]"),
            );
        }
    }
}

fn in_chat(values: &Values, notes: &mut Notes) {
    let idle: Vec<_> = chat::idle()
        .filter(|key| key.path.starts_with("custom.") && values.has(key.path))
        .map(keys::Key::name)
        .collect();
    if !idle.is_empty() {
        notes.warn(
            values.section_at("custom"),
            format!("without effect in chat: {}", idle.join(", ")),
            "of [custom] only defaultGreetingMessage and disableGreetings have an effect in chat; remove the others",
        );
    }
    if values.text("connector.role") == "manager" {
        notes.warn(
            values.at("connector.role"),
            "role manager has no effect in chat: the connector works as an agent",
            "remove it; the Chat Agent API has no managers",
        );
    }
    if values.has("connector.late_messages") {
        notes.warn(
            values.at("connector.late_messages"),
            "`late_messages` has no effect in chat",
            "remove it; no line of a chat is too late",
        );
    }
    let connector = values.section_at("connector");
    if connector.is_some() && !values.has("connector.fallback_skill_id") {
        notes.warn(
            connector,
            "no fallback skill: when the bot fails, a chat stays unanswered",
            "add `fallback_skill_id` to [connector]",
        );
    }
}

fn without_chat(values: &Values, notes: &mut Notes) {
    idle(
        values.section_at("chat"),
        "[chat] has no effect in messaging",
        "remove it, or set conversation_type = \"chat\" in [connector]",
        notes,
    );
    idle(
        values.at("escalation.unavailable_text"),
        "`unavailable_text` has no effect in messaging",
        "remove it; a conversation in messaging waits in its queue until somebody is there",
        notes,
    );
}

/// Warns where something stands that has no effect.
fn idle(at: Option<Range<usize>>, message: &str, help: &str, notes: &mut Notes) {
    if at.is_some() {
        notes.warn(at, message, help);
    }
}

fn fallback(values: &Values, notes: &mut Notes) {
    let connector = values.section_at("connector");
    if connector.is_none()
        || values.has("connector.fallback_skill_id")
        || values.text("connector.role") == "manager"
    {
        return;
    }
    if values.count("custom.fallbackEscalationTime") > 0 {
        notes.warn(
            values.at("custom.fallbackEscalationTime").or(connector),
            "no fallback skill: when the bot fails, a conversation stays unanswered",
            "add `fallback_skill_id` to [connector], or set fallbackEscalationTime = 0 in [custom]",
        );
    }
    if values.text("connector.late_messages") == "escalate" {
        notes.warn(
            values.at("connector.late_messages"),
            "late messages have nowhere to go",
            "add `fallback_skill_id` to [connector]",
        );
    }
}

fn resends(values: &Values, notes: &mut Notes) {
    let (interval, resends, fallback) = (
        "custom.retryMessageInterval",
        "custom.messageResendMaxRetries",
        "custom.fallbackEscalationTime",
    );
    let last = values.count(interval).saturating_mul(values.count(resends));
    let limit = values.count(fallback);
    if limit > 0 && values.count(resends) > 0 && last >= limit {
        let at = [interval, resends, fallback].into_iter().find_map(|key| values.at(key));
        notes.warn(
            at,
            format!(
                "the last resend would come after {last} ms, but the conversation is escalated after {limit} ms"
            ),
            "keep retryMessageInterval × messageResendMaxRetries below fallbackEscalationTime",
        );
    }
}

fn stuck(values: &Values, notes: &mut Notes) {
    let (escalate, retry, skill) = (
        "custom.escalateOnStuckConversation",
        "custom.userRetryOnStuckConversation",
        "custom.escalationSkillIdOnStuckConversation",
    );
    if values.flag(escalate) && !values.has(skill) {
        notes.warn(
            values.at(escalate),
            "a stuck conversation has nowhere to go",
            "add `escalationSkillIdOnStuckConversation`",
        );
    }
    if values.flag(escalate) && !values.flag(retry) {
        notes.warn(
            values.at(escalate),
            "escalateOnStuckConversation acts only after userRetryOnStuckConversation",
            "set userRetryOnStuckConversation = true",
        );
    }
    if values.has(skill) && values.filled(skill).is_some() && !values.flag(escalate) {
        notes.warn(
            values.at(skill),
            "escalationSkillIdOnStuckConversation has no effect",
            "set escalateOnStuckConversation = true",
        );
    }
}

fn longest_delay(values: &Values, notes: &mut Notes) {
    const ADVISED: u64 = 7 * 24 * 60;
    let key = "custom.maxConsumerMessageDelay";
    if values.count(key) > ADVISED {
        notes.warn(
            values.at(key),
            "maxConsumerMessageDelay is longer than seven days",
            format!("it counts minutes; the platform advises at most {ADVISED}"),
        );
    }
}

fn manager_fields(values: &Values, notes: &mut Notes) {
    if values.text("connector.role") == "manager" {
        return;
    }
    for key in [
        "custom.filterPatterns",
        "custom.ignoreAcceptStatusEvent",
        "custom.ignoreSubscribeMessagingEvents",
        "custom.subscribeToMainDialogOnly",
    ] {
        if values.has(key) && !chat::is_meant(values) {
            notes.warn(
                values.at(key),
                format!("`{}` has no effect on an agent", name(&key)),
                "remove it, or set role = \"manager\" in [connector]",
            );
        }
    }
}

/// What the rules ask of a URL; of one that cannot be parsed, nothing holds.
#[derive(Debug, Default)]
struct Url {
    scheme: String,
    is_loopback: bool,
    has_login: bool,
    has_query: bool,
}

impl Url {
    fn new(text: &str) -> Self {
        let Ok(uri) = text.parse::<hyper::Uri>() else {
            return Self::default();
        };
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        Self {
            scheme: uri.scheme_str().unwrap_or_default().to_owned(),
            is_loopback: bare.eq_ignore_ascii_case("localhost")
                || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            has_login: uri.authority().is_some_and(|whole| whole.as_str().contains('@')),
            has_query: uri.query().is_some(),
        }
    }
}

/// A key without its section.
pub(super) fn name<'a>(path: &&'a str) -> &'a str {
    path.rsplit_once('.').map_or(*path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognised_in_all_its_spellings() {
        for url in ["http://localhost:1", "ws://127.9.9.9/x", "http://[::1]:80", "http://LOCALHOST"]
        {
            assert!(Url::new(url).is_loopback, "{url}");
        }
        for url in
            ["http://localhost.example.com", "http://10.0.0.1", "http://127.0.0.1.example.com"]
        {
            assert!(!Url::new(url).is_loopback, "{url}");
        }
    }
}
