//! How small and quick the connector is: `cargo bench --bench footprint`.
//!
//! Runs the released binary against the simulated cloud on this machine and prints one table. Nothing is asserted:
//! the numbers depend on the machine; sizes and memory hardly do.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a measurement, not the daemon"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How many conversations are held at rest, and how many arrive at once.
const CONVERSATIONS: usize = 900;
const BATCH: usize = 50;

fn main() {
    let folder = std::env::temp_dir().join(format!("connectord-footprint-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for this run");
    let (simulator, cloud) = start_simulator();
    let bot = start_bot();
    let health = free_port();
    let config = write_config(&folder, cloud, bot, health);

    let size = stripped_size(&folder);
    let begin = Instant::now();
    let connector = Process(
        Command::new(env!("CARGO_BIN_EXE_connectord"))
            .arg("--config")
            .arg(&config)
            .stdout(Stdio::null())
            .spawn()
            .expect("the connector starts"),
    );
    wait_until(|| get(health, "/readyz").is_some_and(|answer| answer.contains("200 OK")));
    let ready = begin.elapsed();
    thread::sleep(Duration::from_secs(2));
    let idle = resident(&connector);

    // The first ones fill buffers that all share; the price of one is what the others add.
    post(cloud, "/simulator/agents/support-bot/limits", r#"{"capacity": 999}"#);
    arrive(cloud, health, 0, BATCH);
    let first = resident(&connector);
    for done in (BATCH..CONVERSATIONS).step_by(BATCH) {
        arrive(cloud, health, done, BATCH);
    }
    let full = resident(&connector);
    let each = full.saturating_sub(first) * 1024 / (CONVERSATIONS - BATCH) as u64;

    println!("| what | measured | goal |");
    println!("|---|---|---|");
    println!("| stripped release binary | {:.2} MB | under 6 MB |", size as f64 / 1e6);
    println!("| ready after start (loopback) | {} ms | within 100 ms |", ready.as_millis());
    println!("| resident memory, idle | {:.1} MB | under 8 MB |", idle as f64 / 1024.0);
    println!("| one conversation at rest (of {CONVERSATIONS}) | {each} bytes | under 4096 |");
    println!("| threads, idle | {} | one |", threads(&connector));
    drop((connector, simulator));
    let _ = fs::remove_dir_all(folder);
}

/// `more` conversations arrive after `done` others, and the bot has heard all of them.
fn arrive(cloud: u16, health: u16, done: usize, more: usize) {
    let crowd = format!(r#"{{"count": {more}, "agent": "support-bot", "text": "hello"}}"#);
    post(cloud, "/simulator/crowd", &crowd);
    let asked = format!(" {}", done + more);
    wait_until(|| {
        get(health, "/metrics").is_some_and(|metrics| {
            metrics
                .lines()
                .filter(|line| line.starts_with("connectord_consumer_messages_total{"))
                .any(|line| line.contains("\"asked\"") && line.ends_with(&asked))
        })
    });
    thread::sleep(Duration::from_millis(500));
}

/// A child that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_simulator() -> (Process, u16) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cloud-simulator"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the simulator starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("the simulator tells its address");
    let port = line
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse::<u16>().ok())
        .find(|port| *port > 1024)
        .expect("an address in the first line");
    (Process(child), port)
}

/// A webhook bot that has nothing to say to anything.
fn start_bot() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the bot");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve_bot(stream));
        }
    });
    port
}

fn serve_bot(stream: TcpStream) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err()
            || writer.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err()
        {
            return;
        }
    }
}

fn write_config(folder: &Path, cloud: u16, bot: u16, health: u16) -> PathBuf {
    let text = format!(
        r#"
[connector]
name = "footprint"
account_id = "12345678"
conversation_type = "messaging"
max_conversations = 999
fallback_skill_id = "4129463410"
[credentials]
username = "support-bot"
app_key = "support-bot-key"
secret = "support-bot-secret"
access_token = "support-bot-token"
access_token_secret = "support-bot-token-secret"
[cloud]
domain_api = "http://127.0.0.1:{cloud}"
[bot]
transport = "webhook"
url = "http://127.0.0.1:{bot}/"
[health]
listen = "127.0.0.1:{health}"
"#
    );
    let path = folder.join("footprint.toml");
    fs::write(&path, text).expect("the configuration is written");
    path
}

fn stripped_size(folder: &Path) -> u64 {
    let copy = folder.join("connectord");
    let status =
        Command::new("strip").arg("-o").arg(&copy).arg(env!("CARGO_BIN_EXE_connectord")).status();
    let measured = if status.is_ok_and(|status| status.success()) {
        copy
    } else {
        PathBuf::from(env!("CARGO_BIN_EXE_connectord"))
    };
    fs::metadata(measured).map_or(0, |metadata| metadata.len())
}

/// Resident memory in KiB.
fn resident(process: &Process) -> u64 {
    status_line(process, "VmRSS:")
}

fn threads(process: &Process) -> u64 {
    status_line(process, "Threads:")
}

fn status_line(process: &Process, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < limit, "waited two minutes in vain");
        thread::sleep(Duration::from_millis(2));
    }
}

fn get(port: u16, path: &str) -> Option<String> {
    exchange(port, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

fn post(port: u16, path: &str, body: &str) {
    let length = body.len();
    let answer = exchange(
        port,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
    .unwrap_or_default();
    assert!(answer.starts_with("HTTP/1.1 20"), "{path}: {answer}");
}

fn exchange(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
