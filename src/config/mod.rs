//! TOML text in, a configuration whose every value is legal out.
//!
//! [`load`] reads a file, [`parse`] a text. Either all is well, and there is a [`Config`] with perhaps some
//! warnings, or there are [`Mistakes`]: all of them, in the order of the file. The keys stand in one table
//! (`keys.rs`), from which the JSON Schema ([`schema()`]) and the reference ([`reference()`]) come too.

mod build;
mod chat;
mod files;
mod finding;
mod keys;
mod nearest;
mod patterns;
mod read;
mod reference;
mod rules;
mod schema;
mod sources;
mod unavailable;
mod value;
mod values;
mod words;

pub use finding::{Finding, Severity};
pub use reference::reference;
pub use schema::schema;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    bot, cloud,
    conversation::{self, settings::Role},
    net,
    ops::logs,
};

/// All settings of a connector: the sum of what its rooms want to know.
#[derive(Clone)]
pub struct Config {
    /// `[connector] name`
    pub name: String,
    /// `[connector] environment`
    pub environment: Environment,
    /// `[connector] max_conversations`
    pub max_conversations: usize,
    /// `[connector] account_id` and `role`, `[credentials]`, `[cloud]`
    pub cloud: cloud::Settings,
    /// `[cloud] ca_file`, `proxy`, `connect_timeout`
    pub cloud_net: net::Settings,
    /// `[bot]` and what of `[custom]` concerns the door to the bot
    pub bot: bot::Settings,
    /// `[bot] ca_file`, `[cloud] connect_timeout`
    pub bot_net: net::Settings,
    /// `[custom]` and what else concerns conversations
    pub conversation: conversation::Settings,
    /// `ringAcceptWait`
    pub ring_wait: Duration,
    /// `[health] listen`
    pub health: Listen,
    /// `[log]`
    pub log: logs::Settings,
    /// `[shutdown]`
    pub shutdown: Shutdown,
    /// Eight hexadecimal digits that differ when the effective values of `[custom]` differ.
    pub custom_fingerprint: String,
    /// The keys that need a restart, with their values in one spelling.
    fixed: BTreeMap<&'static str, String>,
}

/// `[connector] environment`: a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// `production`
    Production,
    /// `demo`
    Demo,
}

/// Where the health endpoint listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// On a TCP address.
    Tcp(SocketAddr),
    /// On a Unix socket.
    Unix(PathBuf),
}

/// `[shutdown]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// `drain_timeout`
    pub drain_timeout: Duration,
    /// `on_stop`
    pub on_stop: OnStop,
}

/// `[shutdown] on_stop`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStop {
    /// Conversations stay with the agent for the next start.
    Keep,
    /// Conversations go back to the queue of their skill.
    Return,
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What is odd, in the order of the file.
    pub warnings: Vec<Finding>,
}

/// All that is wrong with a file. Its `Display` shows the mistakes and the warnings.
#[derive(Clone, Debug)]
pub struct Mistakes {
    /// What is wrong, in the order of the file; never empty.
    pub mistakes: Vec<Finding>,
    /// What is odd beside it.
    pub warnings: Vec<Finding>,
}

/// Reads a file and all that can be said about it on this machine: whether other users can read its
/// secrets, and whether the files that it names are there.
pub fn load(path: &Path) -> Result<Loaded, Mistakes> {
    let text = files::read(path)
        .map_err(|finding| Mistakes { mistakes: vec![*finding], warnings: Vec::new() })?;
    examine(&text, path, files::look)
}

/// Reads a text that stands in the file `path`. It touches no file.
pub fn parse(text: &str, path: &Path) -> Result<Loaded, Mistakes> {
    examine(text, path, |_, _, _| {})
}

impl Config {
    /// The keys that differ between two configurations and cannot change while the connector runs.
    #[must_use]
    pub fn needs_restart(old: &Self, new: &Self) -> Vec<&'static str> {
        keys::all()
            .filter(|key| key.restart && old.fixed.get(key.path) != new.fixed.get(key.path))
            .map(|key| key.path)
            .collect()
    }

    /// What a connector that runs with `old` can change to at once: `new`, but for the keys that take a restart.
    #[must_use]
    pub fn without_restart(old: &Self, new: Self) -> Self {
        let Self { cloud, bot, conversation, log, .. } = new.clone();
        let role = match (&old.conversation.role, conversation.role.clone()) {
            (Role::Manager(_), new @ Role::Manager(_)) => new,
            (old, _) => old.clone(),
        };
        Self {
            name: old.name.clone(),
            environment: old.environment,
            cloud: cloud::Settings {
                account: old.cloud.account.clone(),
                username: old.cloud.username.clone(),
                manager: old.cloud.manager,
                ..cloud
            },
            cloud_net: old.cloud_net.clone(),
            bot: bot::Settings { connector: old.bot.connector.clone(), ..bot },
            bot_net: old.bot_net.clone(),
            conversation: conversation::Settings {
                kind: old.conversation.kind,
                role,
                ..conversation
            },
            health: old.health.clone(),
            log: logs::Settings { format: old.log.format, ..log },
            fixed: old.fixed.clone(),
            ..new
        }
    }
}

impl Environment {
    /// The word of the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Demo => "demo",
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in self.mistakes.iter().chain(&self.warnings) {
            writeln!(f, "{finding}")?;
        }
        match self.mistakes.len() {
            1 => write!(f, "1 mistake"),
            many => write!(f, "{many} mistakes"),
        }
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Debug for Config {
    /// All but the password that a proxy's URL may hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |settings: &net::Settings| net::Settings {
            proxy: settings.proxy.as_ref().map(|url| match url.rsplit_once('@') {
                Some((_, host)) => format!("http://***@{host}"),
                None => url.clone(),
            }),
            ..settings.clone()
        };
        f.debug_struct("Config")
            .field("name", &self.name)
            .field("environment", &self.environment)
            .field("max_conversations", &self.max_conversations)
            .field("cloud", &self.cloud)
            .field("cloud_net", &plain(&self.cloud_net))
            .field("bot", &self.bot)
            .field("bot_net", &plain(&self.bot_net))
            .field("conversation", &self.conversation)
            .field("ring_wait", &self.ring_wait)
            .field("health", &self.health)
            .field("log", &self.log)
            .field("shutdown", &self.shutdown)
            .field("custom_fingerprint", &self.custom_fingerprint)
            .finish_non_exhaustive()
    }
}

fn examine(
    text: &str,
    path: &Path,
    look: impl FnOnce(&Path, &values::Values, &mut finding::Notes),
) -> Result<Loaded, Mistakes> {
    let read::Reading { mut values, mut notes, visible, broken, .. } = read::read(text);
    values.resolve(path.parent().unwrap_or_else(|| Path::new("")));
    let mut config = None;
    if !broken {
        unavailable::refuse(&values, &mut notes);
        rules::check(&values, &mut notes);
        look(path, &values, &mut notes);
        chat::reset_idle(&mut values);
        config = build::build(&values, path, &mut notes);
    }
    let source = finding::Source { path, text, visible };
    let (mistakes, warnings) = notes.show(&source);
    match config {
        Some(config) if mistakes.is_empty() => Ok(Loaded { config, warnings }),
        Some(_) | None => Err(Mistakes { mistakes, warnings }),
    }
}
