//! No secret is ever said: not in logs at their most talkative, not in the status, the metrics, the page or a check.

use serde_json::{Value, json};

use crate::support::{
    Bot, Cloud, Connector, Folder, Program, Proxy, Relay, Stream, configuration, connectord, reply,
    text, until,
};

#[test]
fn the_parts_of_an_api_key_and_everything_around_them_are_never_said() {
    let settings = r#"
        [credentials]
        app_key = "canary-app-key"
        secret = "canary-secret"
        access_token = "canary-access-token"
        access_token_secret = "canary-token-secret"
    "#;
    let canaries =
        ["canary-app-key", "canary-secret", "canary-access-token", "canary-token-secret"];
    assert_kept(settings, &canaries);
}

#[test]
fn a_password_is_never_said() {
    let settings = r#"
        [credentials]
        app_key = "-"
        secret = "-"
        access_token = "-"
        access_token_secret = "-"
        password = "canary-password"
    "#;
    assert_kept(settings, &["canary-password"]);
}

#[test]
fn an_oauth_client_is_never_said() {
    let settings = r#"
        [credentials]
        app_key = "-"
        secret = "-"
        access_token = "-"
        access_token_secret = "-"
        client_id = "canary-client-id"
        client_secret = "canary-client-secret"
    "#;
    assert_kept(settings, &["canary-client-id", "canary-client-secret"]);
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated_in_the_complaint() {
    let folder = Folder::new();
    let wrong = r#"
        [credentials]
        secret = { file = "file-1", env = "VARIABLE_2" }
        pasword = "canary-3"
        app_key = ["canary-4"]
        access_token = 777000777
        [bot]
        token = ""
        signing_secret = "canary-5"
        [cloud]
        proxy = "https://ann:canary-6@proxy:1"
    "#;
    let text =
        configuration(&folder, "https://a.example", "https://bot:canary-7@b.example/", wrong);
    // A line that is no TOML, too.
    for text in [text.clone(), format!("{text}\n[credentials.more\nsecret = \"canary-8\"")] {
        let file = folder.write("wrong.toml", &text);
        for verb in ["check", "run"] {
            let ended =
                Program::start(connectord(&[verb, "--config", file.to_str().unwrap()])).ends();
            assert_eq!(ended.code, Some(78), "{ended:?}");
            let said = ended.out + &ended.err;
            for canary in ["canary-3", "canary-4", "canary-5", "canary-6", "canary-7", "canary-8"] {
                assert!(!said.contains(canary), "{canary}: {said}");
            }
            assert!(!said.contains("777000777"), "{said}");
        }
    }
}

#[test]
fn a_program_that_says_a_secret_fails_its_test() {
    for words in ["canary-bearer-1", "Basic YW5uOmNhbmFyeS1wcm94eQ==", "brand/canary%2Dbearer"] {
        let outcome = std::panic::catch_unwind(|| {
            let mut command = std::process::Command::new("sh");
            command.args(["-c", &format!("echo '{words}' >&2")]);
            drop(Program::start_discreet(command).ends());
        });
        assert!(outcome.is_err(), "{words} went by unheard");
    }
}

/// Lets a connector with these credentials live through good and bad times, and searches everything that it says.
fn assert_kept(credentials: &str, canaries: &[&str]) {
    let folder = Folder::new();
    let cloud = Cloud::start_with(&["--config", world(&folder).to_str().unwrap()]);
    let relay = Relay::to(cloud.address());
    let proxy = Proxy::start(PROXY_BASIC, relay.address());
    let mut bot = Bot::answering(|event| match event["message"]["text"].as_str() {
        Some("fail") => (500, json!({ "error": "out of order" })),
        Some("rubbish") => (200, json!("rubbish")),
        _ => (200, reply(event, &[text("hello"), json!({ "type": "unheard of" })])),
    });
    let around = format!(
        r#"
        [connector]
        name = "secrets"
        [cloud]
        proxy = "http://ann:{PROXY_PASSWORD}@{}"
        [bot]
        token = "{BOT_TOKEN}"
        signing_secret = "{SIGNING_SECRET}"
        callback_listen = "127.0.0.1:0"
        callback_token = "{CALLBACK_TOKEN}"
        [custom]
        retryMessageInterval = 1000
        [log]
        level = "trace"
        message_content = true
        "#,
        proxy.address(),
    );
    let url = format!("http://{}", relay.address());
    let text = configuration(&folder, &url, &bot.url(), &(around + credentials));
    let mut connector = Connector::start(&folder, &text, &[]);
    connector.is("Online");

    // Good times, then a lost connection, a bot that fails, refused credentials, and a reload.
    let conversation = cloud.consumer_starts("hi");
    cloud.reads(&conversation, &["consumer: hi", "agent: hello"]);
    assert_eq!(bot.last_header("authorization").unwrap(), format!("Bearer {BOT_TOKEN}"));
    assert!(bot.last_header("webhook-signature").is_some());
    cloud.post("sockets/send", &json!({ "agent": "support-bot", "text": "no JSON" }));
    cloud.post("agents/support-bot/evict", &json!({}));
    until("it has come back", || match &cloud.get("counts")["upgrades"] {
        two if *two == 2 => Ok(()),
        other => Err(other.to_string()),
    });
    connector.is("Online");
    for words in ["fail", "rubbish"] {
        cloud.consumer_starts(words);
        bot.hears(words);
    }
    bot.goes_down();
    cloud.post("agents/support-bot/limits", &json!({ "enabled": false }));
    cloud.post("agents/support-bot/evict", &json!({}));
    connector.shows("the log-in is refused", |status| {
        let last = status["conversationalCloud"]["lastError"]["message"].as_str();
        status["conversationalCloud"]["status"] == "Not Connected"
            && last.is_some_and(|message| message.contains("refuse"))
    });
    connector.program.signal("HUP");
    connector.program.signal("USR1");

    let mut said = String::new();
    for path in ["/", "/status", "/metrics", "/readyz"] {
        said += &connector.health.get(path).unwrap().body;
    }
    for arguments in [&["check"][..], &["check", "--online"], &["status"], &["status", "--json"]] {
        let mut command = connectord(arguments);
        command.args(["--config", connector.file.to_str().unwrap()]);
        let ended = Program::start(command).ends();
        said += &(ended.out + &ended.err);
    }
    connector.program.signal("TERM");
    let ended = connector.program.ends();
    assert_eq!(ended.code, Some(0), "{}", connector.program.said(Stream::Out));
    assert!(ended.out.contains("support-bot"), "the log tells something: {}", ended.out);
    said += &(ended.out + &ended.err);

    let handed_out = handed_out(&relay.heard());
    for kind in ["bearer", "csrf", "cookie"] {
        let found = handed_out.iter().filter(|(name, _)| name == kind).count();
        assert!(found >= 2, "the relay saw {found} of {kind}");
    }
    let fixed = [PROXY_PASSWORD, PROXY_BASIC, BOT_TOKEN, SIGNING_SECRET, CALLBACK_TOKEN]
        .into_iter()
        .chain(canaries.iter().copied())
        .map(|canary| ("setting".to_owned(), canary.to_owned()));
    for (kind, canary) in fixed.chain(handed_out) {
        let found = said.lines().find(|line| line.contains(&canary));
        assert_eq!(found, None, "{kind} {canary} is said");
    }
}

/// The default world with canaries for the secrets of support-bot.
fn world(folder: &Folder) -> std::path::PathBuf {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cloud-simulator"));
    command.args(["serve", "--print-config"]);
    let mut world: Value = serde_json::from_str(&Program::start(command).ends().out).unwrap();
    world["accounts"][0]["agents"][0]["credentials"] = json!([
        {
            "kind": "apiKey", "appKey": "canary-app-key", "secret": "canary-secret",
            "accessToken": "canary-access-token", "accessTokenSecret": "canary-token-secret"
        },
        { "kind": "oauth2", "clientId": "canary-client-id", "clientSecret": "canary-client-secret" },
        { "kind": "password", "password": "canary-password" }
    ]);
    folder.write("world.json", &world.to_string())
}

/// The bearers, csrf tokens and cookies in what the cloud has sent.
fn handed_out(heard: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in ["bearer", "csrf"] {
        let sign = format!("\"{name}\":\"");
        let values = heard.split(sign.as_str()).skip(1);
        found.extend(values.map(|rest| (name.to_owned(), until_any(rest, "\""))));
    }
    for line in heard.lines() {
        if let Some((name, cookie)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("set-cookie")
        {
            let (_, value) = cookie.split_once('=').unwrap();
            found.push(("cookie".to_owned(), until_any(value, ";\r")));
        }
    }
    found.retain(|(_, value)| !value.is_empty());
    found
}

fn until_any(text: &str, ends: &str) -> String {
    text.split(|letter| ends.contains(letter)).next().unwrap().to_owned()
}

const PROXY_PASSWORD: &str = "canary-proxy";
/// `ann:canary-proxy` in base64.
const PROXY_BASIC: &str = "Basic YW5uOmNhbmFyeS1wcm94eQ==";
const BOT_TOKEN: &str = "canary-bot-token";
/// `canary-signing-secret-of-a-bot!` in base64.
const SIGNING_SECRET: &str = "whsec_Y2FuYXJ5LXNpZ25pbmctc2VjcmV0LW9mLWEtYm90IQ==";
const CALLBACK_TOKEN: &str = "canary-callback";
