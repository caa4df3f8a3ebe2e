//! `cloud-simulator`: a simulated Conversational Cloud, for tests, for trying things out and for the demo.
//!
//! Here is only the command line; what it does is in [`simulator`] and [`demo`].

mod demo;
mod demo_bot;
mod serve;
mod simulator;
#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// A simulated Conversational Cloud.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the simulated cloud, its control API and its page until Ctrl-C.
    Serve(ServeArguments),
    /// Shows a whole conversation chain: cloud, connector and a small bot; prints one address to open.
    Demo(DemoArguments),
}

#[derive(clap::Args)]
struct ServeArguments {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8788")]
    listen: SocketAddr,
    /// JSON file that describes the world.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// PEM file with the certificate chain: serves HTTPS and WSS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Seed of all made-up ids, instead of the file's.
    #[arg(long)]
    seed: Option<u64>,
    /// Prints the world as a file for --config, and ends.
    #[arg(long)]
    print_config: bool,
}

#[derive(clap::Args)]
struct DemoArguments {
    /// Shows live chat instead of messaging.
    #[arg(long)]
    chat: bool,
    /// The connector's configuration; it says where the simulated cloud and the bot listen. Left out: the demo's own.
    #[arg(long, value_name = "FILE", conflicts_with = "chat")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return complain(&format!("cannot start the runtime: {why}")),
    };
    let done = runtime.block_on(async {
        match Arguments::parse().command {
            Command::Serve(arguments) => serve::run(arguments).await.map(|()| ExitCode::SUCCESS),
            Command::Demo(DemoArguments { chat, config }) => {
                let own = if chat { "config/demo-chat.toml" } else { "config/demo.toml" };
                demo::run(&config.unwrap_or_else(|| own.into())).await
            }
        }
    });
    done.unwrap_or_else(|why| complain(&why))
}

/// Says on standard output what people are waiting to read.
fn say(line: &str) {
    // Nobody is left to read it if this fails.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn complain(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "cloud-simulator: {why}");
    ExitCode::FAILURE
}
