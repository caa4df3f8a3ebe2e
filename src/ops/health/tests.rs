use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::TcpStream,
    task::JoinSet,
};

use super::*;
use crate::{
    conversation::Timestamp,
    ops::status::{ConnectorStatus, tests::example},
};

// --- what is answered ---

#[tokio::test]
async fn a_connector_that_is_online_is_alive_and_ready() {
    let running = Running::new(online()).await;
    for path in ["/livez", "/healthz", "/readyz"] {
        let answer = running.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"), "{path}");
    }
}

#[tokio::test]
async fn a_connector_that_is_not_online_is_alive_but_not_ready_and_says_why() {
    let running = Running::new(example()).await;
    assert_eq!(running.get("/livez").await.status, 200);
    let answer = running.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, "Not Connected: bot server: connection refused; start the bot\n");
}

#[tokio::test]
async fn the_status_is_json_and_a_query_does_not_matter() {
    let running = Running::new(example()).await;
    let answer = running.get("/status?pretty=1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(serde_json::from_str::<Status>(&answer.body).unwrap(), example());
}

#[tokio::test]
async fn metrics_show_the_status_of_this_moment() {
    let running = Running::new(example()).await;
    let answer = running.get("/metrics").await;
    assert_eq!(answer.header("content-type"), Some(crate::ops::metrics::CONTENT_TYPE));
    assert!(answer.body.contains("connectord_conversations_open{"), "{}", answer.body);
    assert!(
        answer.body.lines().any(|line| line.starts_with("connectord_conversations_open{") && line.ends_with(" 12")),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn the_page_is_html_with_a_strict_policy() {
    let running = Running::new(example()).await;
    let answer = running.get("/").await;
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(answer.body.starts_with("<!DOCTYPE html>"));
}

#[tokio::test]
async fn head_gets_the_head_of_get_without_a_body() {
    let running = Running::new(example()).await;
    for path in ["/", "/livez", "/readyz", "/status", "/metrics"] {
        let (get, head) = (running.get(path).await, running.send("HEAD", path).await);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert!(head.header("content-length").is_some(), "{path}");
        assert_eq!(head.body, "", "{path}");
    }
}

#[tokio::test]
async fn other_paths_are_not_found_and_other_methods_not_allowed() {
    let running = Running::new(example()).await;
    for path in ["/nope", "/status/", "/..", "/favicon.ico", "*"] {
        assert_eq!(running.get(path).await.status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let answer = running.send(method, "/status").await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
    }
}

// --- a hall that is wedged ---

#[tokio::test(start_paused = true)]
async fn a_hall_that_does_not_answer_in_two_seconds_is_dead_but_metrics_still_come() {
    let clock = Clock::simulated(Timestamp(0));
    // The channel's one place is taken, and the question in it is never answered.
    let (asks, _full) = mpsc::channel(1);
    asks.try_send(Ask::Status(oneshot::channel().0)).unwrap();
    for (path, status) in [("/livez", 503), ("/readyz", 503), ("/", 503), ("/metrics", 200)] {
        let room = room(asks.clone());
        let before = clock.now();
        let answer = in_memory(room, &format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!((clock.now() - before).as_secs(), 2, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hall_that_has_gone_is_dead_at_once() {
    let clock = Clock::simulated(Timestamp(0));
    let before = clock.now();
    let room = room(mpsc::channel(1).0);
    let answer = in_memory(room, "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(answer.status, 503);
    assert_eq!(clock.now(), before);
}

// --- hostile clients ---

#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_its_request_is_cut_off() {
    for request in ["", "GET /livez HT", "GET /livez HTTP/1.1\r\nhost: a\r\n"] {
        let (mut near, far) = tokio::io::duplex(1024);
        near.write_all(request.as_bytes()).await.unwrap();
        let lasted = lifetime(far, room(hall(example()))).await;
        assert_eq!(lasted, HEAD_TIME.as_secs(), "{request:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_drips_its_request_is_cut_off_all_the_same() {
    let (mut near, far) = tokio::io::duplex(1024);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while near.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert!(lifetime(far, room(hall(example()))).await <= LIFETIME.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let (mut near, far) = tokio::io::duplex(64);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        near.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(lifetime(far, room(hall(example()))).await, LIFETIME.as_secs());
}

#[tokio::test(start_paused = true)]
async fn nonsense_and_endless_heads_get_no_more_than_an_error() {
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(MAX_HEAD));
    for request in [
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &endless,
    ] {
        let (mut near, far) = tokio::io::duplex(64 * 1024);
        near.write_all(request.as_bytes()).await.unwrap();
        near.shutdown().await.unwrap();
        serve(far, room(hall(example()))).await;
        let mut answer = String::new();
        near.read_to_string(&mut answer).await.unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_not_read() {
    let running = Running::new(example()).await;
    let mut stream = running.connect().await;
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\nhello")
        .await
        .unwrap();
    let answer = Answer::read(&mut stream).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_newest_connection_pushes_out_the_oldest() {
    let running = Running::new(online()).await;
    let mut idle = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        idle.push(running.connect().await);
    }
    assert_eq!(running.get("/livez").await.status, 200);
    // The oldest has been closed although its time was not up; the second one has not.
    assert_eq!(idle[0].read(&mut [0; 1]).await.unwrap_or(0), 0);
    idle[1].write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert_eq!(Answer::read(&mut idle[1]).await.status, 200);
}

// --- binding and stopping ---

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_it() {
    let first = Server::bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = Server::bind(&first.address()).await.unwrap_err();
    assert!(error.to_string().contains(&first.address().to_string()), "{error}");
}

#[tokio::test]
async fn a_unix_socket_is_for_owner_and_group_and_goes_with_the_server() {
    let folder = Folder::new();
    let (path, address) = folder.socket();
    let running = Running::at(online(), &address).await;
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let fetched = fetch_status(&address, SOON).await.unwrap();
    assert_eq!(fetched.status, online());
    running.stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_stale_unix_socket_is_replaced_and_a_living_one_is_not() {
    let folder = Folder::new();
    let (path, address) = folder.socket();
    // Dropping a plain listener leaves its file, as a killed process does.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = Server::bind(&address).await.unwrap();
    let error = Server::bind(&address).await.unwrap_err();
    assert_eq!(error.source.kind(), std::io::ErrorKind::AddrInUse);
    assert!(path.exists());
    drop(server);
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let folder = Folder::new();
    let (path, address) = folder.socket();
    std::fs::write(&path, "precious").unwrap();
    let error = Server::bind(&address).await.unwrap_err();
    assert_eq!(error.source.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_stop_closes_the_port() {
    let running = Running::new(online()).await;
    let address = running.address.clone();
    running.stop().await;
    let error = fetch_status(&address, SOON).await.unwrap_err();
    assert!(matches!(error, FetchError::Connect { .. }), "{error:?}");
}

// --- the client ---

#[tokio::test]
async fn the_client_brings_the_status_and_its_text() {
    let running = Running::new(example()).await;
    let fetched = fetch_status(&running.address, SOON).await.unwrap();
    assert_eq!(fetched.status, example());
    assert!(fetched.json.starts_with("{\n  \"name\": \"support-bot-1\""), "{}", fetched.json);
}

#[tokio::test]
async fn the_client_tells_apart_what_can_go_wrong() {
    let (answer_of, scripted) = scripted().await;
    answer_of.send("HTTP/1.1 503 No\r\ncontent-length: 7\r\n\r\nnot\nyou").await.unwrap();
    let error = fetch_status(&scripted, SOON).await.unwrap_err();
    assert!(error.to_string().ends_with("503 Service Unavailable: not"), "{error}");

    answer_of.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    let error = fetch_status(&scripted, SOON).await.unwrap_err();
    assert!(matches!(error, FetchError::Json { .. }), "{error:?}");

    answer_of.send("220 mail.example ESMTP\r\n").await.unwrap();
    let error = fetch_status(&scripted, SOON).await.unwrap_err();
    assert!(matches!(error, FetchError::Exchange { .. }), "{error:?}");

    answer_of.send("").await.unwrap();
    let error = fetch_status(&scripted, Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, FetchError::Timeout { .. }), "{error:?}");
}

// --- helpers ---

/// Long enough for a busy machine; no test waits for it.
const SOON: Duration = Duration::from_secs(20);

fn online() -> Status {
    let mut status = example();
    status.agent_connector.status = ConnectorStatus::Online;
    status
}

/// A hall that always answers with `status`; it ends with its last question.
#[expect(clippy::disallowed_methods, reason = "the task ends with the test's runtime")]
fn hall(status: Status) -> mpsc::Sender<Ask> {
    let (asks, mut asked) = mpsc::channel(4);
    tokio::spawn(async move {
        while let Some(Ask::Status(reply)) = asked.recv().await {
            let _ = reply.send(Box::new(status.clone()));
        }
    });
    asks
}

fn room(asks: mpsc::Sender<Ask>) -> Arc<Room> {
    let metrics = Arc::new(Metrics::new("a", "demo", "0"));
    Arc::new(Room::new(asks, metrics, Clock::system()))
}

/// A server on an address of its own.
struct Running {
    address: Address,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    async fn new(status: Status) -> Self {
        Self::at(status, &"127.0.0.1:0".parse().unwrap()).await
    }

    async fn at(status: Status, address: &Address) -> Self {
        let server = Server::bind(address).await.unwrap();
        let address = server.address();
        let stop = CancellationToken::new();
        let metrics = Arc::new(Metrics::new("a", "demo", "0"));
        let mut tasks = JoinSet::new();
        tasks.spawn(server.run(hall(status), metrics, Clock::system(), stop.clone()));
        Self { address, stop, tasks }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address.to_string()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path).await
    }

    async fn send(&self, method: &str, path: &str) -> Answer {
        let mut stream = self.connect().await;
        let request = format!("{method} {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Answer::read(&mut stream).await
    }

    async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    /// Reads to the end: the server closes after each answer.
    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Self {
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text).await;
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

async fn in_memory(room: Arc<Room>, request: &str) -> Answer {
    let (mut near, far) = tokio::io::duplex(64 * 1024);
    near.write_all(request.as_bytes()).await.unwrap();
    serve(far, room).await;
    Answer::read(&mut near).await
}

/// How many seconds the server bears a client.
async fn lifetime(stream: DuplexStream, room: Arc<Room>) -> u64 {
    let clock = Clock::simulated(Timestamp(0));
    let before = clock.now();
    serve(stream, room).await;
    (clock.now() - before).as_secs()
}

/// A server that answers each connection with the next text, and holds the connection open.
async fn scripted() -> (mpsc::Sender<&'static str>, Address) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().into();
    let (answers, mut script) = mpsc::channel(1);
    #[expect(clippy::disallowed_methods, reason = "the task ends with the test's runtime")]
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Some(answer) = script.recv().await {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let text: &str = answer;
            stream.write_all(text.as_bytes()).await.unwrap();
            open.push(stream);
        }
    });
    (answers, address)
}

/// A folder that is removed with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("connectord-health-{}-{}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> (PathBuf, Address) {
        let path = self.0.join("a.sock");
        let address = Address::Unix(path.clone());
        (path, address)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
