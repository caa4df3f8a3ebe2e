//! `demo`: the simulated cloud and a bot in this process, the connector as a child, one address to open.

use super::simulator::{Availability, ChatAvailability, Options, Simulator, World};
use super::{demo_bot, say};
use futures_util::StreamExt as _;
use serde::Deserialize;
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use std::env;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// The agent that the demo's connector logs in as.
const AGENT: &str = "support-bot";
/// How long the connector may take to come up before the address is shown all the same.
const COMES_UP_WITHIN: Duration = Duration::from_secs(20);
/// How long the connector may take to stop; its own drain is shorter.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// Runs until Ctrl-C, or until the connector ends by itself, which is a failure.
pub(super) async fn run(config: &Path) -> Result<ExitCode, String> {
    let config = find(config);
    let addresses = Addresses::read(&config)?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGCHLD])
        .map_err(|why| format!("cannot listen to signals: {why}"))?;
    let cloud = bind(&addresses.cloud, "the simulated cloud").await?;
    // Bound here once, so that a port in use is reported before anything starts.
    drop(bind(&addresses.bot, "the demo's bot").await?);

    match build(&mut signals).await? {
        Ended::Asked => return Ok(ExitCode::SUCCESS),
        Ended::ByItself(status) if !status.success() => {
            return Err(format!("building the connector failed ({status})"));
        }
        Ended::ByItself(_) => {}
    }

    let simulator = Simulator::new(Options::default());
    let tasks = TaskTracker::new();
    let server = simulator.clone();
    tasks.spawn(async move { server.serve(cloud, None).await });
    let mode = simulator.attach_bot();
    tasks.spawn(demo_bot::run(addresses.bot.clone(), mode, simulator.clone()));

    let program = sibling("connectord")?;
    let mut connector = Command::new(&program)
        .arg("run")
        .arg("--config")
        .arg(&config)
        // Ctrl-C in a terminal reaches the whole group; the connector is to hear of it once, from here.
        .process_group(0)
        .spawn()
        .map_err(|why| {
            format!(
                "cannot start {}: {why}; build it with `cargo build --bin connectord`",
                program.display()
            )
        })?;
    let page = format!("http://{}/", addresses.cloud);
    let announced = simulator.clone();
    tasks.spawn(async move {
        let online = |world: &World| is_online(world).then_some(());
        match announced.wait_at_most(COMES_UP_WITHIN, "the connector to be online", online).await {
            Ok(()) => {
                say(&format!("\nThe demo runs. Open {page} and say something. Ctrl-C ends it.\n"))
            }
            Err(_) => say(&format!(
                "\nThe connector is not online yet. Watch it at {page} (Ctrl-C ends the demo).\n"
            )),
        }
    });

    let ended = wait(&mut connector, &mut signals, None).await?;
    let code = match ended {
        Ended::Asked => {
            stop(&mut connector, &mut signals).await?;
            ExitCode::SUCCESS
        }
        Ended::ByItself(status) => {
            say(&format!("The connector has ended by itself ({status}); the demo ends with it."));
            ExitCode::FAILURE
        }
    };
    simulator.stop();
    Ok(code)
}

/// Whether the demo's agent takes conversations, of whichever kind.
fn is_online(world: &World) -> bool {
    let Ok(agent) = world.agent(AGENT) else {
        return false;
    };
    agent.availability == Availability::Online
        || world.chat_availability(&agent.id) == Some(ChatAvailability::Online)
}

/// How a wait for a child ended.
enum Ended {
    /// Someone asked this process to stop.
    Asked,
    /// The child has ended.
    ByItself(ExitStatus),
}

/// Where the demo's parts listen, read from the connector's own configuration.
struct Addresses {
    cloud: String,
    bot: String,
}

impl Addresses {
    fn read(path: &Path) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Config {
            cloud: Cloud,
            bot: Bot,
        }
        #[derive(Deserialize)]
        struct Cloud {
            domain_api: String,
        }
        #[derive(Deserialize)]
        struct Bot {
            url: String,
        }
        let text = std::fs::read_to_string(path).map_err(|why| {
            format!("cannot read {}: {why}; run the demo in the project's folder, or name its file with --config", path.display())
        })?;
        let config: Config =
            toml::from_str(&text).map_err(|why| format!("{}: {why}", path.display()))?;
        let address = |url: &str, scheme: &str| {
            let rest = url
                .strip_prefix(scheme)
                .ok_or_else(|| format!("{}: {url} must start with {scheme}", path.display()))?;
            Ok::<_, String>(rest.split('/').next().unwrap_or_default().to_owned())
        };
        Ok(Self {
            cloud: address(&config.cloud.domain_api, "http://")?,
            bot: address(&config.bot.url, "ws://")?,
        })
    }
}

/// The file as given or, where that does not exist, in the folder of the package that cargo runs.
fn find(config: &Path) -> PathBuf {
    match env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) if !config.exists() => Path::new(&folder).join(config),
        _ => config.to_owned(),
    }
}

async fn bind(address: &str, what: &str) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).await;
    listener
        .map_err(|why| format!("{what} cannot listen on {address}: {why}; does another demo run?"))
}

/// Builds the connector with the cargo that runs this program, in the same profile; without cargo there is nothing to do.
async fn build(signals: &mut Signals) -> Result<Ended, String> {
    let Some(cargo) = env::var_os("CARGO") else {
        return Ok(Ended::ByItself(ExitStatus::default()));
    };
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--bin", "connectord"]);
    if let Some(folder) = env::var_os("CARGO_MANIFEST_DIR") {
        command.arg("--manifest-path").arg(Path::new(&folder).join("Cargo.toml"));
    }
    let program = sibling("connectord")?;
    let profile = program
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str())
        .unwrap_or("debug");
    if profile != "debug" {
        command.args(["--profile", profile]);
    }
    say("Building the connector ...");
    let mut child =
        command.spawn().map_err(|why| format!("cannot run cargo to build the connector: {why}"))?;
    let ended = wait(&mut child, signals, None).await?;
    if matches!(ended, Ended::Asked) {
        // Half a build harms nobody; cargo takes it up again.
        let _ = child.kill();
        let _ = child.wait();
    }
    Ok(ended)
}

/// Asks the connector to stop, waits for it, and ends it by force if it does not.
async fn stop(connector: &mut Child, signals: &mut Signals) -> Result<(), String> {
    let pid = connector.id().to_string();
    // The standard library can only kill; the shell's own `kill` is there wherever a shell is.
    let asked = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status();
    let in_time = match asked {
        Ok(status) if status.success() => matches!(
            tokio::time::timeout(STOPS_WITHIN, wait(connector, signals, Some(Ignore))).await,
            Ok(Ok(Ended::ByItself(_)))
        ),
        _ => connector.try_wait().is_ok_and(|status| status.is_some()),
    };
    if !in_time {
        say("The connector does not stop; it is ended by force.");
        connector.kill().map_err(|why| format!("cannot end the connector: {why}"))?;
        connector.wait().map_err(|why| format!("cannot wait for the connector: {why}"))?;
    }
    Ok(())
}

/// Requests to stop are not listened to: one is being carried out.
struct Ignore;

/// Waits until a child ends or someone asks this process to stop.
async fn wait(
    child: &mut Child,
    signals: &mut Signals,
    ignore: Option<Ignore>,
) -> Result<Ended, String> {
    loop {
        if let Some(status) =
            child.try_wait().map_err(|why| format!("cannot wait for a child: {why}"))?
        {
            return Ok(Ended::ByItself(status));
        }
        match signals.next().await {
            Some(SIGINT | SIGTERM) if ignore.is_none() => return Ok(Ended::Asked),
            Some(_) => {}
            None => return Err("the signals have ended".into()),
        }
    }
}

/// The path of a program beside this one.
fn sibling(name: &str) -> Result<PathBuf, String> {
    let own =
        env::current_exe().map_err(|why| format!("cannot tell where this program is: {why}"))?;
    Ok(own.with_file_name(name))
}
