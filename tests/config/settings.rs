//! Good files, and the settings that they mean.

use std::{path::Path, time::Duration};

use connectord::{
    bot::{Dialect, Transport},
    cloud::{ChatSettings, Credentials},
    config::{self, Config, Listen, OnStop},
    conversation::{
        self, SkillId,
        settings::{Kind, LateMessages, ManagerSettings, Pattern, Role},
    },
    secret::Secret,
};

use crate::SHORTEST;

#[test]
fn the_shortest_file_means_the_documented_defaults() {
    let config = good(SHORTEST);
    let expected = conversation::Settings {
        fallback_skill: Some(SkillId::from("4129463410")),
        ..conversation::Settings::default()
    };
    assert_eq!(config.conversation, expected);
    assert_eq!(config.name, "bot-1");
    assert_eq!(config.environment.as_str(), "production");
    assert_eq!(config.max_conversations, 50);
    assert_eq!(config.cloud.domain_api, "https://api.liveperson.net");
    assert_eq!(config.cloud.keepalive_interval, Duration::from_secs(30));
    assert_eq!(config.cloud.refresh_interval, Duration::from_secs(240));
    assert_eq!(config.cloud_net.connect_timeout, Duration::from_secs(10));
    assert!(!config.cloud.manager);
    assert_eq!(config.bot.transport, Transport::WebSocket);
    assert_eq!(config.bot.gone_after, Duration::from_secs(30));
    assert_eq!(config.bot.max_in_flight, 256);
    assert_eq!(config.bot.connector.name, "bot-1");
    assert_eq!(config.ring_wait, Duration::from_millis(100));
    assert_eq!(config.health, Listen::Tcp("127.0.0.1:8790".parse().unwrap()));
    assert_eq!(config.log.level, "info");
    assert_eq!(config.shutdown.drain_timeout, Duration::from_secs(30));
    assert_eq!(config.shutdown.on_stop, OnStop::Keep);
}

#[test]
fn each_key_reaches_the_setting_that_it_names() {
    let config = good(EVERYTHING);
    let conversation = &config.conversation;
    assert!(matches!(config.cloud.credentials, Credentials::OAuth2 { .. }));
    assert_eq!(conversation.late, LateMessages::Escalate);
    assert!(
        !conversation.read_receipts
            && !conversation.reserved_words
            && conversation.skip_agent_message
    );
    assert_eq!(conversation.greeting, None);
    assert_eq!(conversation.fallback_after, None);
    assert_eq!(conversation.max_consumer_delay, Duration::from_secs(3600));
    assert_eq!(conversation.gather, Duration::ZERO);
    assert_eq!(conversation.max_resends, 0);
    assert_eq!(conversation.resend_after, Duration::from_secs(5));
    assert_eq!(conversation.skills["human"], SkillId::from("12"));
    assert_eq!(conversation.keywords, ["agent"]);
    assert_eq!(conversation.escalation_failed, "__agent_escalation_failed__");
    assert!(conversation.stuck.retry);
    assert_eq!(conversation.stuck.escalate_to, Some(SkillId::from("99")));
    assert_eq!(config.bot.transport, Transport::Webhook(Dialect::Native));
    let content = &config.bot.content;
    assert!(content.horizontal_tiles && content.button_text_on_postback && content.tooltips);
    let callback = config.bot.callback.unwrap();
    assert_eq!(callback.listen, "127.0.0.1:0".parse().unwrap());
    assert!(matches!(callback.token, Secret::Credential(name) if name == "cb"));
    assert_eq!(config.bot.gone_after, Duration::from_secs(5));
    assert_eq!(config.bot.connector.environment, "demo");
    assert_eq!(config.cloud.domain_api, "http://127.0.0.1:4000");
    assert_eq!(config.cloud.request_timeout, Duration::from_millis(250));
    assert_eq!(config.cloud_net.connect_timeout, Duration::from_secs(2));
    assert_eq!(config.max_conversations, 7);
    assert_eq!(config.ring_wait, Duration::from_millis(59_999));
    assert_eq!(config.health, Listen::Unix("/run/connectord/a.sock".into()));
    assert_eq!(config.shutdown.on_stop, OnStop::Return);
}

#[test]
fn a_manager_has_fields_of_its_own() {
    let text = SHORTEST.replace("[credentials]", "role = \"manager\"\n[credentials]")
        + "[custom]\nfilterPatterns = \"^help, a{1,3}\"\nignoreAcceptStatusEvent = \"false\"\n";
    let config = good(&text);
    assert!(config.cloud.manager);
    let expected = ManagerSettings {
        filters: vec![Pattern::new("^help").unwrap(), Pattern::new("a{1,3}").unwrap()],
        ignore_receipts: false,
        ..ManagerSettings::default()
    };
    assert_eq!(config.conversation.role, Role::Manager(expected));
}

#[test]
fn a_chat_connector_has_only_what_chat_knows() {
    let config = good(CHAT);
    let conversation = &config.conversation;
    assert_eq!(conversation.kind, Kind::Chat);
    assert_eq!(conversation.greeting.as_deref(), Some("hello"));
    assert_eq!(conversation.gather, Duration::ZERO);
    assert!(!conversation.read_receipts && conversation.skip_agent_message);
    assert!(!conversation.stuck.retry);
    assert_eq!(conversation.late, LateMessages::Ignore);
    assert_eq!(conversation.unavailable.as_deref(), Some("Nobody is here now."));
    assert_eq!(conversation.fallback_skill, Some(SkillId::from("4129463410")));
    assert_eq!(config.cloud.chat, ChatSettings { html: false, several_above: 3 });
    assert_eq!(config.bot.gone_after, Duration::from_secs(30));
    assert!(!config.bot.content.horizontal_tiles);
    // A webhook is asked again after 5, 10 and 15 s; a websocket is not.
    assert_eq!(conversation.max_resends, 3);
    assert_eq!(conversation.fallback_after, Some(Duration::from_secs(28)));
    let websocket = good(&CHAT.replace("webhook", "websocket").replace("https", "wss"));
    assert_eq!(websocket.conversation.max_resends, 0);
    assert_eq!(websocket.conversation.fallback_after, Some(Duration::from_secs(7)));
    let silent = good(&CHAT.replace("messageDelay", "disableGreetings = true\nmessageDelay"));
    assert_eq!(silent.conversation.greeting, None);
    let alone = good(&CHAT.replace("threshold = 3", "threshold = 0"));
    assert_eq!(alone.cloud.chat.several_above, usize::MAX);
}

#[test]
fn what_has_no_effect_in_chat_changes_nothing_there() {
    let plain = SHORTEST.replace("\"messaging\"", "\"chat\"");
    let idle = plain.replace(
        "[credentials]",
        "role = \"manager\"\nlate_messages = \"escalate\"\n[credentials]",
    ) + "[custom]\nretryMessageInterval = 1000\nfallbackEscalationTime = 0\nmessageResendMaxRetries = 9\n\
           maxEscalationRetries = 9\nringAcceptWait = 9\nenableButtonTextOnPostback = true\n";
    let (plain, idle) = (good(&plain), good(&idle));
    assert_eq!(plain.conversation, idle.conversation);
    assert_eq!(plain.conversation.role, Role::Agent);
    assert!(!idle.cloud.manager);
    assert_eq!(plain.bot.content, idle.bot.content);
    assert_eq!(plain.bot.gone_after, idle.bot.gone_after);
    assert_eq!(plain.custom_fingerprint, idle.custom_fingerprint);
    assert_eq!(plain.cloud.chat, ChatSettings::default());
}

#[test]
fn file_names_are_relative_to_the_file_that_names_them() {
    let text = SHORTEST.replace("{ env = \"APP_KEY\" }", "{ file = \"keys/app\" }")
        + "token = { file = \"/run/token\" }\nca_file = \"ca.pem\"\n";
    let config = good(&text);
    let Credentials::ApiKey { app_key, .. } = config.cloud.credentials else {
        panic!("not an API key");
    };
    assert!(matches!(app_key, Secret::File(path) if path == Path::new("etc/keys/app")));
    assert!(
        matches!(config.bot.token, Some(Secret::File(path)) if path == Path::new("/run/token"))
    );
    assert_eq!(config.bot_net.ca_file.as_deref(), Some(Path::new("etc/ca.pem")));
}

#[test]
fn the_fingerprint_differs_if_and_only_if_a_custom_field_does() {
    let plain = good(SHORTEST).custom_fingerprint;
    assert_eq!(plain.len(), 8);
    for same in [
        "[custom]\nmessageDelay = \"300\"\n",
        "[custom]\ndefaultGreetingMessage = \"hi\"\nskipAgentMessage = \"False\"\n",
        "[custom]\nlpAppKey = \"x\"\n",
        "[log]\nlevel = \"debug\"\n[skills]\na = \"1\"\n",
    ] {
        assert_eq!(good(&format!("{SHORTEST}{same}")).custom_fingerprint, plain, "{same}");
    }
    let mut seen = vec![plain];
    for other in
        ["messageDelay = 301", "defaultGreetingMessage = \"hi\\nthere\"", "skipAgentMessage = true"]
    {
        let print = good(&format!("{SHORTEST}[custom]\n{other}\n")).custom_fingerprint;
        assert!(!seen.contains(&print), "{other}");
        seen.push(print);
    }
}

#[test]
fn a_reload_names_the_keys_that_need_a_restart() {
    let old = good(SHORTEST);
    let changed =
        |from: &str, to: &str| Config::needs_restart(&old, &good(&SHORTEST.replace(from, to)));
    assert_eq!(changed("12345678", "12345678"), Vec::<&str>::new());
    assert_eq!(changed("12345678", "87654321"), ["connector.account_id"]);
    assert_eq!(
        changed(
            "[bot]",
            "[health]\nlisten = \"off\"\n[log]\nformat = \"json\"\nlevel = \"debug\"\n[bot]"
        ),
        ["health.listen", "log.format"]
    );
    assert_eq!(
        changed("[bot]", "[custom]\nmessageDelay = 1\n[bot]\ntoken = \"t\""),
        Vec::<&str>::new()
    );
    assert_eq!(changed("[connector]", "[connector]\nname = \"bot-1\""), Vec::<&str>::new());
    assert_eq!(changed("[connector]", "[connector]\nname = \"bot-2\""), ["connector.name"]);
}

#[cfg(unix)]
#[test]
fn a_literal_secret_in_a_file_for_all_eyes_is_warned_of() {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    let folder = std::env::temp_dir().join(format!("connectord-config-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("bot.toml");
    let warnings = |text: &str, mode| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let loaded = config::load(&file).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        loaded.warnings.into_iter().map(|warning| warning.message).collect::<Vec<_>>()
    };
    let literal = format!("{SHORTEST}token = \"open sesame\"\n");
    assert_eq!(warnings(&literal, 0o644), ["a secret stands in a file that other users can read"]);
    assert_eq!(warnings(&literal, 0o640).len(), 1);
    assert!(warnings(&literal, 0o600).is_empty());
    let simulated = format!("{literal}[cloud]\ndomain_api = \"http://127.0.0.1:8788\"\n");
    assert!(warnings(&simulated, 0o644).is_empty());
    assert!(warnings(SHORTEST, 0o644).is_empty());
    let missing = format!("{SHORTEST}token = {{ file = \"token\" }}\n");
    assert!(warnings(&missing, 0o644)[0].starts_with("cannot read "));
    fs::remove_dir_all(&folder).unwrap();
}

fn good(text: &str) -> Config {
    config::parse(text, Path::new("etc/bot-1.toml"))
        .unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
        .config
}

/// A webhook bot, and hardly a default left.
const EVERYTHING: &str = r#"
[connector]
account_id = "12345678"
conversation_type = "messaging"
fallback_skill_id = "4129463410"
late_messages = "escalate"
accessibility = true
max_conversations = 7
environment = "demo"

[credentials]
username = "support-bot"
client_id = { env = "CLIENT_ID" }
client_secret = { env = "CLIENT_SECRET" }

[cloud]
domain_api = "http://127.0.0.1:4000/"
request_timeout = "250ms"
connect_timeout = "2s"

[bot]
transport = "webhook"
url = "https://bots.example.com/support"
callback_listen = "127.0.0.1:0"
callback_token = { credential = "cb" }
escalation_failed_text = "__agent_escalation_failed__"
reserved_words = false

[skills]
human = "12"

[escalation]
keywords = ["agent"]

[custom]
acceptStatusEventValue = "SENT"
disableGreetings = "TRUE"
fallbackEscalationTime = "0"
maxConsumerMessageDelay = 60
messageDelay = 0
messageResendMaxRetries = 0
retryMessageInterval = "5000"
ringAcceptWait = 59999
skipAgentMessage = true
tileDisplay = "horizontal"
enableButtonTextOnPostback = "true"
userRetryOnStuckConversation = true
escalateOnStuckConversation = true
escalationSkillIdOnStuckConversation = 99

[health]
listen = "unix:/run/connectord/a.sock"

[shutdown]
on_stop = "return"
"#;

/// A chat connector that says much that only messaging heeds.
const CHAT: &str = r#"
[connector]
account_id = "12345678"
conversation_type = "chat"
role = "manager"
late_messages = "escalate"
fallback_skill_id = "4129463410"

[credentials]
username = "support-bot"
client_id = { env = "CLIENT_ID" }
client_secret = { env = "CLIENT_SECRET" }

[bot]
transport = "webhook"
url = "https://bots.example.com/support"
request_timeout = "7s"

[escalation]
unavailable_text = "Nobody is here now."

[chat]
line_format = "plain"
multi_chat_poll_threshold = 3

[custom]
defaultGreetingMessage = "hello"
messageDelay = 300
messageResendMaxRetries = 9
retryMessageInterval = 1000
fallbackEscalationTime = 1
skipAgentMessage = true
tileDisplay = "horizontal"
userRetryOnStuckConversation = true
"#;
