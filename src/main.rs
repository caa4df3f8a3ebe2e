//! The `connectord` program: from the arguments to an exit code.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use connectord::{
    cli::{self, Command, Exit, StatusOf},
    cloud::{Step, probe},
    config::{self, Config, Listen},
    daemon::{BuildError, Daemon, End, Outside},
    ops::{
        clock::Clock,
        health::{Address, fetch_status},
        logs::{Logs, chain},
        signals::Signals,
        status::{readiness, text},
    },
};
use tracing::{error, warn};

fn main() -> ExitCode {
    let command = match cli::parse(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(command) => command,
        Err(answer) => {
            let text = answer.text.as_bytes();
            let _ = match answer.exit {
                Exit::Ok => io::stdout().write_all(text),
                Exit::NotOnline
                | Exit::Usage
                | Exit::Unavailable
                | Exit::Internal
                | Exit::Config => io::stderr().write_all(text),
            };
            return answer.exit.into();
        }
    };
    let mut out = io::stdout().lock();
    match command {
        Command::Run { config } => run(&config),
        Command::Check { config, online } => match cli::check(&config, &mut out) {
            Ok(Exit::Ok) if online => check_online(&config, &mut out),
            Ok(exit) => exit,
            Err(_) => Exit::Internal,
        },
        Command::Status { of, json } => status(&of, json, &mut out),
        Command::Schema => written(&cli::schema(&mut out)),
        Command::Completions(shell) => written(&cli::completions(shell, &mut out)),
    }
    .into()
}

/// A reader that goes away early (`| head`) is no error.
fn written(result: &io::Result<()>) -> Exit {
    match result {
        Ok(()) => Exit::Ok,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(_) => Exit::Internal,
    }
}

/// Runs the connector of a file until it is stopped.
fn run(path: &Path) -> Exit {
    let loaded = match config::load(path) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            let _ = writeln!(io::stderr(), "{mistakes}");
            return Exit::Config;
        }
    };
    let logs = match Logs::init(&loaded.config.log, &loaded.config.name, Clock::system()) {
        Ok(logs) => Some(logs),
        Err(error) => {
            let _ = writeln!(io::stderr(), "the log cannot be set up: {}", chain(&error));
            return Exit::Internal;
        }
    };
    for warning in &loaded.warnings {
        warn!(warning = %warning, "configuration");
    }
    let Ok(runtime) = runtime() else { return Exit::Internal };
    runtime.block_on(async {
        // Before anything else starts: from here on a signal is never lost.
        let signals = match Signals::install() {
            Ok(signals) => signals,
            Err(error) => {
                error!(error = %chain(&error), "signals cannot be listened to");
                return Exit::Internal;
            }
        };
        let file = path.to_owned();
        let reload = Box::new(move || config::load(&file));
        let built = match Outside::real(&loaded.config, logs, reload) {
            Ok(outside) => Daemon::build(loaded.config, outside).await,
            Err(error) => Err(error),
        };
        match built {
            Ok(daemon) => match daemon.run(signals).await {
                End::Stopped => Exit::Ok,
                End::Broken => Exit::Internal,
            },
            Err(error) => {
                error!(error = %chain(&error), "connectord cannot start");
                match error {
                    BuildError::Health(_) => Exit::Unavailable,
                    BuildError::Net { .. } | BuildError::Bot(_) => Exit::Config,
                }
            }
        }
    })
}

/// `check --online`: a line for each step.
fn check_online(path: &Path, out: &mut impl io::Write) -> Exit {
    let Ok(loaded) = config::load(path) else { return Exit::Config };
    let Ok(runtime) = runtime() else { return Exit::Internal };
    let Config { cloud, bot, .. } = &loaded.config;
    let reload_path = path.to_owned();
    let reload = Box::new(move || config::load(&reload_path));
    let outside = match Outside::real(&loaded.config, None, reload) {
        Ok(outside) => outside,
        Err(error) => {
            let _ = writeln!(out, "failed  network: {}", chain(&error));
            return Exit::Config;
        }
    };
    let mut all_well = true;
    runtime.block_on(async {
        let clock = Clock::system();
        let mut say = |step: &str, result: Result<String, String>| {
            let line = match result {
                Ok(detail) => format!("ok      {step}: {detail}"),
                Err(detail) => {
                    all_well = false;
                    format!("failed  {step}: {detail}")
                }
            };
            let _ = writeln!(out, "{line}");
        };
        let kind = loaded.config.conversation.kind;
        let tell = |step: Step| say(step.name, step.result);
        probe(kind, cloud, &outside.cloud, &clock, tell).await;
        say("bot", connectord::bot::probe(bot.clone(), outside.bot.clone()).await);
    });
    if all_well { Exit::Ok } else { Exit::Config }
}

/// `status`: asks a running connector.
fn status(of: &StatusOf, json: bool, out: &mut impl io::Write) -> Exit {
    let address = match of {
        StatusOf::Address(text) => match text.parse::<Address>() {
            Ok(address) => address,
            Err(error) => {
                let _ = writeln!(io::stderr(), "{error}");
                return Exit::Usage;
            }
        },
        StatusOf::Config(path) => match config::load(path) {
            Ok(loaded) => match loaded.config.health {
                Listen::Tcp(address) => address.into(),
                Listen::Unix(path) => Address::Unix(path),
                Listen::Off => {
                    let _ = writeln!(io::stderr(), "[health] listen is \"off\" in this file");
                    return Exit::Config;
                }
            },
            Err(mistakes) => {
                let _ = writeln!(io::stderr(), "{mistakes}");
                return Exit::Config;
            }
        },
    };
    let Ok(runtime) = runtime() else { return Exit::Internal };
    match runtime.block_on(fetch_status(&address, STATUS_WAIT)) {
        Ok(fetched) => {
            let shown =
                if json { fetched.json } else { text(&fetched.status, Clock::system().wall()) };
            let _ = writeln!(out, "{}", shown.trim_end());
            if readiness(&fetched.status).is_ok() { Exit::Ok } else { Exit::NotOnline }
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}", chain(&error));
            Exit::NotOnline
        }
    }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Err(error) = &runtime {
        let _ = writeln!(io::stderr(), "the runtime cannot be set up: {error}");
    }
    runtime
}

/// How long a connector may take to tell its status.
const STATUS_WAIT: Duration = Duration::from_secs(5);
