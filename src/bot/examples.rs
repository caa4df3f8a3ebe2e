//! The example bots in `docs/examples` really run and answer as the contract says.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{
    Settings,
    testing::{Hall, question, secret, webhook_settings, websocket_settings},
};
use crate::{
    conversation::event::{Action, BotEvent},
    net::{self, Net},
    ops::clock::Clock,
};

#[tokio::test]
async fn the_python_webhook_bot_verifies_the_signature_and_answers() {
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let Some(bot) = Example::run("python3", "bot.py", &[("BOT_SIGNING_SECRET", key)]) else {
        return;
    };
    let settings = Settings { signing_secret: Some(secret(key)), ..webhook_settings() };
    bot.converse(settings).await;
}

#[tokio::test]
async fn the_javascript_websocket_bot_answers() {
    let Some(bot) = Example::run("node", "bot.mjs", &[]) else {
        return;
    };
    bot.converse(websocket_settings()).await;
}

/// A running example; it ends with the test.
struct Example {
    process: Child,
    url: String,
}

impl Example {
    /// None, with a word about it, where the interpreter is not installed.
    fn run(interpreter: &str, file: &str, environment: &[(&str, &str)]) -> Option<Self> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples");
        let mut command = Command::new(interpreter);
        command
            .arg(format!("{folder}/{file}"))
            .env("PORT", "0")
            .env("BOT_TOKEN", "hush")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = match command.spawn() {
            Ok(process) => process,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                use std::io::Write as _;
                let _ = writeln!(
                    std::io::stderr(),
                    "{interpreter} is not installed, {file} is not tested"
                );
                return None;
            }
            Err(error) => panic!("{interpreter}: {error}"),
        };
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Some(Self { process, url })
    }

    async fn converse(&self, settings: Settings) {
        let settings =
            Settings { url: self.url.parse().unwrap(), token: Some(secret("hush")), ..settings };
        let websocket = settings.transport == super::Transport::WebSocket;
        let net = Net::new(&net::Settings {
            connect_timeout: Duration::from_secs(10),
            ..net::Settings::default()
        });
        let mut hall = Hall::open_at(settings, net.unwrap(), Clock::system()).await;
        while websocket && hall.link().await.connected != Some(true) {}
        let hello = answer(&mut hall, 1, "hi").await;
        assert!(
            matches!(&hello[..], [Action::Text { text, quick_replies: Some(_), .. }] if text.starts_with("Hello"))
        );
        let menu = answer(&mut hall, 2, "menu").await;
        assert!(
            matches!(&menu[..], [Action::Structured { text, .. }] if text.contains("- A human"))
        );
        let tiles = answer(&mut hall, 3, "tiles").await;
        assert!(
            matches!(&tiles[..], [Action::Structured { text, .. }] if text.contains("Headphones"))
        );
        let pause = answer(&mut hall, 4, "pause").await;
        assert!(matches!(&pause[..], [_, Action::Pause { .. }, _]));
        let agent = answer(&mut hall, 5, "agent").await;
        assert!(matches!(&agent[..], [_, _, Action::Transfer { by_user: true, .. }]));
        let bye = answer(&mut hall, 6, "bye").await;
        assert!(matches!(&bye[..], [_, Action::Close { survey: true }]));
        let echo = answer(&mut hall, 7, &"ü".repeat(70_000)).await;
        assert!(matches!(&echo[..], [Action::Text { text, .. }] if text.chars().count() == 70_010));
        hall.stop().await;
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn answer(hall: &mut Hall, sequence: i64, text: &str) -> Vec<Action> {
    hall.ask(question("c", sequence, text));
    loop {
        let event = hall.bot_event().await;
        if let BotEvent::Answered(answer) = event {
            return answer.actions;
        }
        let underway = matches!(event, BotEvent::HandedOver { .. } | BotEvent::Seen { .. });
        assert!(underway, "{event:?}");
    }
}
