//! What systemd hears, and what it hands over.

use std::{cell::RefCell, os::unix::net::UnixDatagram, time::Duration};

use crate::support::{Bot, Cloud, Connector, Folder, Program, configuration, connectord, until};

#[test]
fn systemd_hears_when_it_is_ready_how_it_is_and_when_it_stops() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let manager = Manager::new(&folder);
    let text = configuration(&folder, &cloud.url(), &bot.url(), "");
    let mut connector = Connector::start(&folder, &text, &[("NOTIFY_SOCKET", &manager.path)]);
    let before_ready = manager.hears("READY=1");
    assert!(before_ready.iter().all(|one| !one.contains("WATCHDOG=1")), "there is no watchdog");
    assert!(before_ready.iter().any(|one| one.contains("STATUS=Online")), "{before_ready:#?}");
    cloud.agent_is("support-bot", "ONLINE");
    connector.is("Online");
    manager.shows("Online");

    connector.program.signal("HUP");
    let reloading = manager.hears("RELOADING=1").pop().unwrap();
    let time = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(time.parse::<u64>().unwrap() > 0);
    manager.hears("READY=1");

    connector.program.signal("TERM");
    manager.hears("STOPPING=1");
    assert_eq!(connector.program.ends().code, Some(0));
}

#[test]
fn it_is_ready_once_it_has_settled_on_why_it_cannot_connect() {
    let folder = Folder::new();
    let manager = Manager::new(&folder);
    let text = configuration(&folder, "http://127.0.0.1:1", "http://127.0.0.1:1/", "");
    let connector = Connector::start(&folder, &text, &[("NOTIFY_SOCKET", &manager.path)]);
    manager.hears("READY=1");
    connector.is("Not Connected");
    manager.shows("Not Connected");
}

#[test]
fn the_watchdog_is_fed_for_as_long_as_the_loop_turns() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let manager = Manager::new(&folder);
    let text = configuration(&folder, &cloud.url(), &bot.url(), "");
    let variables = [("NOTIFY_SOCKET", manager.path.as_str()), ("WATCHDOG_USEC", "200000")];
    let connector = Connector::start(&folder, &text, &variables);
    for _ in 0..5 {
        manager.hears("WATCHDOG=1");
    }
    // A process that is held does not feed it: nothing beside the loop does.
    connector.program.signal("STOP");
    until("silence", || match manager.next(Duration::from_secs(2)) {
        None => Ok(()),
        Some(message) => Err(message),
    });
    connector.program.signal("CONT");
    manager.hears("WATCHDOG=1");
}

#[test]
fn secrets_come_from_the_credentials_folder() {
    let folder = Folder::new();
    let credentials = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    for part in ["key", "secret", "token", "token-secret"] {
        credentials.write(&format!("bot.{part}"), &format!("support-bot-{part}\n"));
    }
    let settings = r#"
        [credentials]
        app_key = { credential = "bot.key" }
        secret = { credential = "bot.secret" }
        access_token = { credential = "bot.token" }
        access_token_secret = { credential = "bot.token-secret" }
    "#;
    let text = configuration(&folder, &cloud.url(), &bot.url(), settings);
    let directory = credentials.path().to_str().unwrap();
    let connector = Connector::start(&folder, &text, &[("CREDENTIALS_DIRECTORY", directory)]);
    connector.is("Online");
    drop(connector);

    // Without the folder it says so, and goes on.
    let file = folder.write("connector.toml", &text);
    let mut command = connectord(&["run", "--config", file.to_str().unwrap()]);
    command.env_remove("CREDENTIALS_DIRECTORY");
    let mut without = Program::start(command);
    without.says("CREDENTIALS_DIRECTORY");
    assert!(!without.has_ended());
}

/// The service manager's end.
struct Manager {
    socket: UnixDatagram,
    path: String,
    /// The last `STATUS=`.
    status: RefCell<String>,
}

impl Manager {
    fn new(folder: &Folder) -> Self {
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, path: path.to_str().unwrap().to_owned(), status: RefCell::default() }
    }

    /// Everything up to the next message with this line.
    fn hears(&self, line: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let Some(message) = self.next(Duration::from_secs(60)) else {
                panic!("no {line:?} after {heard:#?}");
            };
            heard.push(message);
            if heard.last().is_some_and(|message| message.lines().any(|one| one == line)) {
                return heard;
            }
        }
    }

    /// Waits until the last status holds these words.
    fn shows(&self, words: &str) {
        until(&format!("systemd shows {words:?}"), || {
            let _ = self.next(Duration::from_millis(10));
            let status = self.status.borrow();
            if status.contains(words) { Ok(()) } else { Err(status.clone()) }
        });
    }

    fn next(&self, within: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(within)).unwrap();
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
        if let Some(status) = message.lines().find_map(|line| line.strip_prefix("STATUS=")) {
            status.clone_into(&mut self.status.borrow_mut());
        }
        Some(message)
    }
}
