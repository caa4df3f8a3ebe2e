//! The official SDK, a client that nobody here wrote, is served by the simulated cloud.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

use crate::support::{Authority, Cloud, HUMAN_SKILL, Program, Stream, example, skipped, until};

#[test]
fn the_sdk_logs_in_by_api_key_and_does_all_that_an_agent_does() {
    let Some(modules) = installed() else { return };
    let authority = Authority::new("sdk");
    let cloud = Cloud::start_tls(&authority, &["127.0.0.1"]);
    let agent = Sdk::start(&cloud, &authority, modules, &[]);
    let connected = agent.tells("connected", |_| true);
    assert_eq!(connected["agentId"], cloud.agent("support-bot")["pid"]);
    assert!(agent.tells("clock", |_| true)["answer"]["currentTime"].is_u64());
    agent.tells("online", |_| true);
    cloud.agent_is("support-bot", "ONLINE");

    let first = cloud.consumer_starts("hello");
    agent.tells("accepted", |told| told["conversation"] == *first);
    let joined = agent.tells("joined", |told| told["conversation"] == *first);
    assert_eq!(joined["role"], "ASSIGNED_AGENT");
    let name = &joined["profile"][0]["personal"]["firstname"];
    assert_eq!(*name, cloud.conversation(&first)["consumer"]["firstName"], "{joined}");
    cloud.reads(&first, &["consumer: hello", "agent: You said: hello"]);
    cloud.consumer_says(&first, "and again");
    cloud.reads(
        &first,
        &[
            "consumer: hello",
            "agent: You said: hello",
            "consumer: and again",
            "agent: You said: and again",
        ],
    );
    cloud.sees(&first, "what the consumer said is marked as read", |found| {
        let events = found["dialogs"][0]["events"].as_array().unwrap();
        let agent = connected["agentId"].as_str().unwrap();
        let said = events.iter().filter(|event| event["role"] == "CONSUMER");
        said.filter(|event| event["event"]["type"] == "ContentEvent").all(|event| {
            let receipts = event["receipts"].as_object().unwrap();
            let read = |receipts: &Value| receipts.as_array().unwrap().contains(&"READ".into());
            receipts.get(agent).is_some_and(read) || receipts.values().any(read)
        })
    });

    cloud.consumer_says(&first, "history");
    let texts = ["hello", "You said: hello", "and again", "You said: and again", "history"];
    agent.tells("history", |told| {
        told["conversation"] == *first && told["texts"] == serde_json::json!(texts)
    });

    cloud.consumer_says(&first, "human");
    agent.tells("updated", |told| told["message"] == "human");
    cloud.waits_for_a_human(&first);
    let moved = cloud.conversation(&first);
    let reason = &moved["transfers"][0]["metadata"][0]["reason"];
    assert_eq!(*reason, "escalated_by_bot", "{moved:#}");
    agent.tells("left", |told| told["conversation"] == *first);

    let second = cloud.consumer_starts("card");
    cloud.reads(&second, &["consumer: card", "agent: (a card)"]);
    cloud.consumer_says(&second, "close");
    agent.tells("updated", |told| told["message"] == "close");
    let closed = cloud.sees(&second, "it is closed", |found| found["state"] == "CLOSE");
    assert_eq!(closed["closeReason"], "AGENT");
    let events = closed["dialogs"][0]["events"].to_string();
    assert!(events.contains("\"ExternalId\""), "the card has its metadata: {events}");
    agent.has_no_errors();
}

#[test]
fn the_sdk_logs_in_by_password() {
    let Some(modules) = installed() else { return };
    let authority = Authority::new("sdk");
    let cloud = Cloud::start_tls(&authority, &["127.0.0.1"]);
    let agent = Sdk::start(&cloud, &authority, modules, &[("PASSWORD", "support-bot-password")]);
    agent.tells("online", |_| true);
    let conversation = cloud.consumer_starts("hello");
    cloud.reads(&conversation, &["consumer: hello", "agent: You said: hello"]);
    agent.has_no_errors();

    let refused = Sdk::start(&cloud, &authority, modules, &[("PASSWORD", "wrong")]);
    refused.tells("error", |told| told["during"] == "the session");
}

/// A bot that is written with the SDK.
struct Sdk(Program);

impl Sdk {
    fn start(
        cloud: &Cloud,
        authority: &Authority,
        modules: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new("node");
        command
            .arg(modules.join("sdk.js"))
            .env("CLOUD", cloud.address().to_string())
            .env("NODE_EXTRA_CA_CERTS", &authority.file)
            .env("ACCOUNT", "12345678")
            .env("USERNAME", "support-bot")
            .env("HUMAN_SKILL", HUMAN_SKILL)
            .envs(variables.iter().copied());
        Self(Program::start(command))
    }

    /// Waits until it tells this.
    fn tells(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(&format!("the SDK tells {what:?}"), || {
            let told = self.told();
            let found = told.iter().find(|told| told["what"] == what && is_so(told)).cloned();
            found.ok_or_else(|| format!("{told:#?}"))
        })
    }

    fn has_no_errors(&self) {
        let errors: Vec<Value> =
            self.told().into_iter().filter(|told| told["what"] == "error").collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }

    fn told(&self) -> Vec<Value> {
        let said = self.0.said(Stream::Out);
        said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// The folder with the script and, beside it, the SDK; none where it cannot be had. It is kept between runs.
fn installed() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER
        .get_or_init(|| match install() {
            Ok(folder) => Some(folder),
            Err(why) => {
                skipped(&format!("the official SDK: {why}"));
                None
            }
        })
        .as_deref()
}

fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk");
    fs::create_dir_all(&folder).map_err(|why| why.to_string())?;
    for name in ["package.json", "package-lock.json", "sdk.js"] {
        let text = fs::read(example("tests/sdk").join(name)).map_err(|why| why.to_string())?;
        fs::write(folder.join(name), text).map_err(|why| why.to_string())?;
    }
    works("node", &["--version"], &folder)?;
    // What was installed for this very lock is good.
    let lock = fs::read_to_string(folder.join("package-lock.json")).unwrap_or_default();
    let done = folder.join("installed");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == lock) {
        return Ok(folder);
    }
    works("npm", &["ci", "--no-audit", "--no-fund", "--ignore-scripts"], &folder)?;
    fs::write(done, lock).map_err(|why| why.to_string())?;
    Ok(folder)
}

fn works(program: &str, arguments: &[&str], folder: &Path) -> Result<(), String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.map_err(|why| format!("{program} does not run: {why}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}
