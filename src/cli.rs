//! The command line: what can be asked of the program, and with which exit code it answers.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, CommandFactory as _, Parser, Subcommand, error::ErrorKind};

use crate::config::{self, Config};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the connector of this file.
    Run {
        /// The configuration file.
        config: PathBuf,
    },
    /// Say all that is wrong with this file.
    Check {
        /// The configuration file.
        config: PathBuf,
        /// Also log in, open the socket and reach the bot.
        online: bool,
    },
    /// Ask a running connector how it is.
    Status {
        /// Which.
        of: StatusOf,
        /// As JSON.
        json: bool,
    },
    /// Print the JSON Schema of the configuration file.
    Schema,
    /// Print the completions of a shell.
    Completions(clap_complete::Shell),
}

/// Where to find the connector whose status is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusOf {
    /// Where the `[health] listen` of this file says.
    Config(PathBuf),
    /// At this `HOST:PORT`.
    Address(String),
}

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or stopped as asked.
    Ok,
    /// `status`: the connector is not Online, or does not answer.
    NotOnline,
    /// Wrong usage (`EX_USAGE`).
    Usage,
    /// The health address could not be bound (`EX_UNAVAILABLE`).
    Unavailable,
    /// An internal error, a bug (`EX_SOFTWARE`).
    Internal,
    /// The configuration cannot be used (`EX_CONFIG`).
    Config,
}

/// The program has nothing to do but to say something: help, its version, or what is wrong with the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What to say.
    pub text: String,
    /// How to end; [`Exit::Ok`] belongs on standard output, all others on standard error.
    pub exit: Exit,
}

/// Understands the arguments, the program's name among them. `env` looks a variable of the environment up.
pub fn parse<I, T>(args: I, env: impl Fn(&str) -> Option<OsString>) -> Result<Command, Answer>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments = Arguments::try_parse_from(args).map_err(|error| Answer {
        exit: if error.use_stderr() {
            Exit::Usage
        } else {
            Exit::Ok
        },
        text: error.render().to_string(),
    })?;
    let from_env = || {
        env(CONFIG_VARIABLE)
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
    };
    let file = |given: Option<PathBuf>| {
        given.or_else(from_env).ok_or_else(|| {
            wrong(&format!(
                "no configuration file: use --config FILE or set {CONFIG_VARIABLE}"
            ))
        })
    };
    match arguments.verb {
        None => Ok(Command::Run {
            config: file(arguments.run.config)?,
        }),
        Some(Verb::Run(run)) => Ok(Command::Run {
            config: file(run.config)?,
        }),
        Some(Verb::Check { config, online }) => Ok(Command::Check {
            config: file(config)?,
            online,
        }),
        Some(Verb::Status {
            config,
            address,
            json,
        }) => {
            let of = match (address, config.or_else(from_env)) {
                (Some(address), _) => StatusOf::Address(address),
                (None, Some(config)) => StatusOf::Config(config),
                (None, None) => StatusOf::Address(DEFAULT_ADDRESS.to_owned()),
            };
            Ok(Command::Status { of, json })
        }
        Some(Verb::Schema) => Ok(Command::Schema),
        Some(Verb::Completions { shell }) => Ok(Command::Completions(shell)),
    }
}

/// `check` without `--online`: writes all mistakes and warnings, or that all is well.
pub fn check(path: &Path, out: &mut impl Write) -> io::Result<Exit> {
    match config::load(path) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                writeln!(out, "{warning}")?;
            }
            writeln!(out, "{}: ok, {}", path.display(), summary(&loaded.config))?;
            Ok(Exit::Ok)
        }
        Err(mistakes) => {
            writeln!(out, "{mistakes}")?;
            Ok(Exit::Config)
        }
    }
}

/// `schema`: writes the JSON Schema of the configuration file.
pub fn schema(out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &config::schema())?;
    writeln!(out)
}

/// `completions`: writes the completions of a shell.
pub fn completions(shell: clap_complete::Shell, out: &mut impl Write) -> io::Result<()> {
    // The generator panics when it cannot write: let it write to memory.
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(shell, &mut command, "connectord", &mut script);
    out.write_all(&script)
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::NotOnline => 1,
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The variable that names the file when `--config` does not.
const CONFIG_VARIABLE: &str = "CONNECTORD_CONFIG";

/// Where a connector listens when its file does not say otherwise.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8790";

/// An agent connector between Conversational Cloud and a bot.
#[derive(Debug, Parser)]
#[command(
    name = "connectord",
    version,
    about,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 stopped as asked, 64 wrong usage, 69 health address in use, 70 internal error, 78 configuration."
)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Args)]
struct Run {
    #[arg(
 long,
 value_name = "FILE",
 value_hint = clap::ValueHint::FilePath,
 help = "The configuration file [env: CONNECTORD_CONFIG]"
)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the connector (also without this word)
    Run(Run),
    /// Read the file and say all that is wrong with it
    Check {
        #[arg(
 long,
 value_name = "FILE",
 value_hint = clap::ValueHint::FilePath,
 help = "The configuration file [env: CONNECTORD_CONFIG]"
)]
        config: Option<PathBuf>,
        /// Also log in, open the socket and reach the bot; changes nothing, takes no ring
        #[arg(long)]
        online: bool,
    },
    /// Ask a running connector how it is; exit 0 if it is Online
    Status {
        #[arg(
 long,
 value_name = "FILE",
 value_hint = clap::ValueHint::FilePath,
 help = "The configuration file of the connector [env: CONNECTORD_CONFIG]"
)]
        config: Option<PathBuf>,
        /// The address of its health endpoint
        #[arg(long, value_name = "HOST:PORT", conflicts_with = "config")]
        address: Option<String>,
        /// Print the whole status as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the configuration file
    Schema,
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

fn wrong(message: &str) -> Answer {
    let error = Arguments::command().error(ErrorKind::MissingRequiredArgument, message);
    Answer {
        text: error.render().to_string(),
        exit: Exit::Usage,
    }
}

fn summary(config: &Config) -> String {
    use crate::{
        bot::{Dialect, Transport},
        conversation::settings::{Kind, Role},
    };
    let kind = match config.conversation.kind {
        Kind::Messaging => "messaging",
        Kind::Chat => "chat",
    };
    let role = match config.conversation.role {
        Role::Agent => "agent",
        Role::Manager(_) => "manager",
    };
    let transport = match config.bot.transport {
        Transport::WebSocket => "websocket",
        Transport::Webhook(Dialect::Native) => "webhook",
    };
    format!(
        "connector {}, account {}, {kind} {role}, {transport} bot, custom fields {}",
        config.name, config.cloud.account, config.custom_fingerprint
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_is_what_is_done_when_no_word_says_otherwise() {
        let run = Command::Run {
            config: "a.toml".into(),
        };
        assert_eq!(ask(&["--config", "a.toml"]), Ok(run.clone()));
        assert_eq!(ask(&["run", "--config", "a.toml"]), Ok(run.clone()));
        assert_eq!(ask_with_env(&[], "a.toml"), Ok(run.clone()));
        assert_eq!(ask_with_env(&["run"], "a.toml"), Ok(run));
    }

    #[test]
    fn the_argument_is_stronger_than_the_environment() {
        let check = Command::Check {
            config: "b.toml".into(),
            online: true,
        };
        assert_eq!(
            ask_with_env(&["check", "--online", "--config", "b.toml"], "a.toml"),
            Ok(check)
        );
    }

    #[test]
    fn status_asks_the_address_or_the_file_or_the_default_address() {
        let of = |command| match command {
            Ok(Command::Status { of, .. }) => of,
            other => panic!("{other:?}"),
        };
        let address = |text: &str| StatusOf::Address(text.to_owned());
        assert_eq!(of(ask(&["status"])), address("127.0.0.1:8790"));
        assert_eq!(
            of(ask_with_env(&["status"], "a")),
            StatusOf::Config("a".into())
        );
        assert_eq!(
            of(ask_with_env(&["status", "--address", "h:1"], "a")),
            address("h:1")
        );
        assert_eq!(
            of(ask(&["status", "--config", "b"])),
            StatusOf::Config("b".into())
        );
    }

    #[test]
    fn wrong_usage_ends_with_64_and_help_with_0() {
        for wrong in [
            &["--confg", "a"][..],
            &["fly"],
            &["run"],
            &[],
            &["check"],
            &["--config", "a", "check"],
            &["status", "--config", "a", "--address", "b:1"],
            &["completions"],
            &["completions", "cmd"],
        ] {
            let answer = ask(wrong).unwrap_err();
            assert_eq!(answer.exit.code(), 64, "{wrong:?}");
            assert!(!answer.text.is_empty());
        }
        for fine in [
            &["--help"][..],
            &["-h"],
            &["--version"],
            &["check", "--help"],
            &["help"],
        ] {
            assert_eq!(ask(fine).unwrap_err().exit, Exit::Ok, "{fine:?}");
        }
        let version = format!("connectord {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(ask(&["--version"]).unwrap_err().text, version);
    }

    #[test]
    fn check_says_what_is_wrong_and_ends_with_78() {
        let mut out = Vec::new();
        let exit = check(Path::new("/nonexistent/x.toml"), &mut out).unwrap();
        assert_eq!(exit.code(), 78);
        assert!(
            String::from_utf8(out)
                .unwrap()
                .starts_with("/nonexistent/x.toml: error: cannot read")
        );
    }

    #[test]
    fn check_says_that_a_good_file_is_good() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/connector.toml");
        let mut out = Vec::new();
        assert_eq!(check(&file, &mut out).unwrap(), Exit::Ok);
        let said = String::from_utf8(out).unwrap();
        assert!(
            said.contains("ok, connector connector, account 12345678, messaging agent"),
            "{said}"
        );
    }

    #[test]
    fn the_schema_is_written_as_json() {
        let mut out = Vec::new();
        schema(&mut out).unwrap();
        let schema: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(schema, config::schema());
    }

    #[test]
    fn completions_know_the_words() {
        use clap_complete::Shell;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut out = Vec::new();
            completions(shell, &mut out).unwrap();
            assert!(
                String::from_utf8(out).unwrap().contains("completions"),
                "{shell}"
            );
        }
    }

    fn ask(args: &[&str]) -> Result<Command, Answer> {
        parse([&["connectord"], args].concat(), |_| None)
    }

    fn ask_with_env(args: &[&str], file: &str) -> Result<Command, Answer> {
        parse([&["connectord"], args].concat(), |name| {
            (name == "CONNECTORD_CONFIG").then(|| file.into())
        })
    }
}
