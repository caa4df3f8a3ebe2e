//! The connector as a child process, and its configuration.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use super::{Address, Bot, Cloud, Folder, Program, Stream, until};

/// A connector with a folder of its own: `connector.toml` and, for its health requests, the socket `h`.
pub(crate) struct Connector {
    pub(crate) program: Program,
    pub(crate) health: Address,
    pub(crate) file: PathBuf,
}

impl Connector {
    /// Starts one between this cloud and bot, and waits until it is Online. `settings` are lines of TOML on top.
    pub(crate) fn online(folder: &Folder, cloud: &Cloud, bot: &Bot, settings: &str) -> Self {
        let text = configuration(folder, &cloud.url(), &bot.url(), settings);
        let connector = Self::start(folder, &text, &[]);
        connector.is("Online");
        connector
    }

    /// Starts one with this file and these variables.
    pub(crate) fn start(folder: &Folder, text: &str, variables: &[(&str, &str)]) -> Self {
        let file = folder.write("connector.toml", text);
        let mut command = connectord(&["run", "--config", file.to_str().unwrap()]);
        command.envs(variables.iter().copied());
        let program = Program::start(command);
        Self { program, health: Address::Unix(folder.path().join("h")), file }
    }

    /// What `GET /status` tells.
    pub(crate) fn status(&self) -> Result<Value, String> {
        let answer = self.health.get("/status").map_err(|why| {
            let said = self.program.said(Stream::Out) + &self.program.said(Stream::Err);
            format!("no status yet: {why}; it said:\n{said}")
        })?;
        serde_json::from_str(&answer.body).map_err(|why| format!("{why}: {}", answer.body))
    }

    /// Waits until the connector's own status is this word.
    pub(crate) fn is(&self, word: &str) -> Value {
        self.shows(&format!("it is {word}"), |status| status["agentConnector"]["status"] == word)
    }

    /// Waits until the status is as wanted, and tells it.
    pub(crate) fn shows(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        until(what, || {
            let status = self.status()?;
            if is_so(&status) { Ok(status) } else { Err(format!("{status:#}")) }
        })
    }

    /// Waits until a GET of this path has this status, and tells the body.
    pub(crate) fn answers(&self, path: &str, status: u16) -> String {
        until(&format!("{path} answers {status}"), || {
            let answer = self.health.get(path).map_err(|why| why.to_string())?;
            match answer.status == status {
                true => Ok(answer.body),
                false => Err(format!("{} {}", answer.status, answer.body)),
            }
        })
    }
}

/// The program with these arguments.
pub(crate) fn connectord(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_connectord"));
    command.args(arguments);
    command
}

/// A file of the repository.
pub(crate) fn example(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A configuration that fits the simulated world, with `settings` (lines of TOML, tables in brackets) on top.
/// A key whose value is `"-"` is taken out.
pub(crate) fn configuration(folder: &Folder, cloud: &str, bot: &str, settings: &str) -> String {
    let base = BASE.replace("{folder}", folder.path().to_str().unwrap());
    let mut tables: toml::Table = toml::from_str(&base).unwrap();
    let ends = format!("[cloud]\ndomain_api = \"{cloud}\"\n[bot]\nurl = \"{bot}\"\n");
    merge(&mut tables, toml::from_str(&ends).unwrap());
    merge(&mut tables, toml::from_str(settings).unwrap());
    let mut text = String::new();
    for (name, table) in &tables {
        text.push_str(&format!("[{name}]\n"));
        for (key, value) in table.as_table().unwrap() {
            text.push_str(&format!("{key} = {}\n", inline(&serde_json::to_value(value).unwrap())));
        }
    }
    text
}

fn merge(tables: &mut toml::Table, with: toml::Table) {
    for (name, table) in with {
        let known = tables.entry(name).or_insert_with(|| toml::Table::new().into());
        let known = known.as_table_mut().unwrap();
        for (key, value) in table.as_table().unwrap() {
            match value.as_str() {
                Some("-") => known.remove(key),
                Some(_) | None => known.insert(key.clone(), value.clone()),
            };
        }
    }
}

/// The TOML writer is not among our dependencies; JSON's texts, numbers and arrays are TOML's too.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

const BASE: &str = r#"
[connector]
name = "process"
account_id = "12345678"
conversation_type = "messaging"
fallback_skill_id = "4129463410"

[credentials]
username = "support-bot"
app_key = "support-bot-key"
secret = "support-bot-secret"
access_token = "support-bot-token"
access_token_secret = "support-bot-token-secret"

[bot]
transport = "webhook"

[custom]
messageDelay = 0
ringAcceptWait = 0
disableGreetings = true

[health]
listen = "unix:{folder}/h"
"#;
