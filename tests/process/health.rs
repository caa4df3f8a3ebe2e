//! The health endpoint of a running connector, as probes, scrapers, people and enemies use it.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{
    Address, Bot, Cloud, Connector, Folder, configuration, free_port, reply, text, until,
};

#[test]
fn all_paths_are_answered_over_tcp_and_over_a_unix_socket() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let over_socket = Connector::online(&folder, &cloud, &bot, "");
    assert_paths(&over_socket.health);
    drop(over_socket);
    let (_connector, address) = over_tcp(&folder, &cloud, &bot, "");
    assert_paths(&Address::Tcp(address));
}

#[test]
fn the_status_has_everything_that_it_promises() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let connector = Connector::online(&folder, &cloud, &bot, "");
    let conversation = cloud.consumer_starts("hello");
    cloud.reads(&conversation, &["consumer: hello", "agent: You said: hello"]);
    let status = connector.shows("the reply is counted", |status| {
        status["totals"]["botReplies"] == 1 && status["botServer"]["status"] == "Connected"
    });
    let expected = json!({
        "name": "process", "version": env!("CARGO_PKG_VERSION"), "accountId": "12345678",
        "environment": "production", "conversationType": "messaging",
        "agentConnector": { "status": "Online", "detail": "" },
        "conversationalCloud": {
            "status": "Connected", "agentState": "ONLINE", "lastError": null, "reconnects": 0
        },
        "botServer": { "status": "Connected", "lastError": null },
        "conversations": { "open": 1, "limit": 50, "waitingForBot": 0 },
        "totals": {
            "accepted": 1, "resolved": 0, "transferred": 0, "fallbackEscalations": 0,
            "consumerMessages": 1, "botReplies": 1, "tooLate": 0
        }
    });
    assert_within(&expected, &status, "");
    for part in ["agentConnector", "conversationalCloud", "botServer"] {
        let since = status[part]["since"].as_str().unwrap();
        assert!(since.ends_with('Z') && since.len() == "2026-11-20T20:06:11.042Z".len(), "{since}");
    }
    assert_eq!(status["customFingerprint"].as_str().unwrap().len(), 8);
}

#[test]
fn readiness_is_refused_with_the_reason_while_the_cloud_or_the_bot_is_down() {
    let folder = Folder::new();
    let (mut cloud, mut bot) = (Cloud::start(), Bot::echoing());
    let settings = "[custom]\nretryMessageInterval = 1000\nmessageResendMaxRetries = 10";
    let connector = Connector::online(&folder, &cloud, &bot, settings);
    assert_eq!(connector.answers("/readyz", 200), "ok\n");

    bot.goes_down();
    let conversation = cloud.consumer_starts("hello");
    let why = connector.answers("/readyz", 503);
    assert!(why.to_lowercase().contains("bot"), "{why}");
    connector.answers("/livez", 200);
    bot.comes_up();
    connector.answers("/readyz", 200);
    cloud.reads(&conversation, &["consumer: hello", "agent: You said: hello"]);

    cloud.program().kill();
    let why = connector.answers("/readyz", 503);
    assert!(why.contains("Cloud"), "{why}");
    connector.answers("/livez", 200);
}

#[test]
fn the_metrics_can_be_read_and_have_every_name_after_some_traffic() {
    let folder = Folder::new();
    let cloud = Cloud::start();
    let bot = Bot::answering(|event| match event["message"]["text"].as_str() {
        Some("fail") => (500, Value::Null),
        _ => (200, reply(event, &[text("hello")])),
    });
    let settings = "[custom]\nretryMessageInterval = 1000\nfallbackEscalationTime = 4000";
    let connector = Connector::online(&folder, &cloud, &bot, settings);
    let conversation = cloud.consumer_starts("hi");
    cloud.reads(&conversation, &["consumer: hi", "agent: hello"]);
    // A resend and a fallback escalation, a frame that is none, and a connection that is lost.
    cloud.waits_for_a_human(&cloud.consumer_starts("fail"));
    cloud.post("sockets/send", &json!({ "agent": "support-bot", "text": "no JSON" }));
    cloud.post("sockets/close", &json!({ "agent": "support-bot", "code": 1011 }));
    connector.shows("it has come back", |status| {
        status["conversationalCloud"]["reconnects"] == 1
            && status["agentConnector"]["status"] == "Online"
    });
    let text = connector.answers("/metrics", 200);
    let samples = samples(&text);
    for (name, kind) in METRICS {
        // OpenMetrics declares a family by its name without the ending that its samples have.
        let family = name.trim_end_matches("_total").trim_end_matches("_info");
        let declared = format!("# TYPE connectord_{family} {kind}");
        assert!(text.lines().any(|line| line == declared), "no {declared:?} in\n{text}");
    }
    let is = |name: &str, label: &str, value: f64| {
        let name = format!("connectord_{name}{{");
        let mut of_it = samples.iter().filter(|(found, _)| found.starts_with(&name));
        let found = of_it.find(|(found, _)| found.contains(label));
        let (sample, found) = found.unwrap_or_else(|| panic!("no {name}{label} in\n{text}"));
        assert!((found - value).abs() < 1e-9, "{sample} {found}");
    };
    is("build_info", env!("CARGO_PKG_VERSION"), 1.0);
    is("status", "component=\"agent_connector\",status=\"Online\"", 1.0);
    is("conversations_open", "", 1.0);
    is("conversations_limit", "", 50.0);
    is("rings_total", "result=\"accepted\"", 2.0);
    is("consumer_messages_total", "disposition=\"asked\"", 2.0);
    is("resends_total", "", 1.0);
    is("protocol_errors_total", "peer=\"cloud\"", 1.0);
    let sum = |prefix: &str| -> f64 {
        let of_it = samples.iter().filter(|(name, _)| name.starts_with(prefix));
        of_it.map(|(_, value)| value).sum()
    };
    assert!(sum("connectord_bot_requests_total") >= 1.0, "{text}");
    assert!(sum("connectord_logins_total") >= 1.0, "{text}");
    assert!(sum("connectord_publish_seconds_count") >= 1.0, "{text}");
    assert!(sum("connectord_relay_seconds_count") >= 1.0, "{text}");
    assert!(!text.contains(&conversation), "no label holds the id of a conversation");
}

#[test]
fn clients_that_idle_dawdle_or_talk_rubbish_harm_nobody() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let (mut connector, address) = over_tcp(&folder, &cloud, &bot, "");
    let honest = Address::Tcp(address);

    let idle: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert_eq!(honest.get("/livez").unwrap().status, 200, "beside 100 idle connections");

    let mut slow = TcpStream::connect(address).unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: slow\r\nX-Sl").unwrap();
    assert_eq!(honest.get("/status").unwrap().status, 200, "beside a slow header");

    for rubbish in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"GET /%00%ff/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        // It may be cut off in the middle.
        let _ = stream.write_all(rubbish);
    }
    let mut endless = TcpStream::connect(address).unwrap();
    let line = [b'a'; 16 * 1024];
    let _ = endless.write_all(b"GET / HTTP/1.1\r\nX-Long: ");
    until("a header without an end is cut off", || match endless.write_all(&line) {
        Err(_) => Ok(()),
        Ok(()) => Err("it is still read".to_owned()),
    });
    assert_eq!(honest.get("/readyz").unwrap().status, 200);

    slow.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut rest = Vec::new();
    // Cut off, with or without a word about it; what matters is that it does not last.
    let _ = slow.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "a request without an end is not answered");

    let conversation = cloud.consumer_starts("hello");
    cloud.reads(&conversation, &["consumer: hello", "agent: You said: hello"]);
    drop(idle);
    assert!(!connector.program.has_ended());
}

#[test]
fn the_page_brings_no_script_and_shows_hostile_texts_as_texts() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let connector = Connector::online(&folder, &cloud, &bot, "");
    // The reason of a close ends up in the status: others write it.
    let close = json!({ "agent": "support-bot", "code": 1011, "reason": HOSTILE });
    cloud.post("sockets/close", &close);
    connector.shows("it has come back", |status| {
        status["conversationalCloud"]["reconnects"] == 1
            && status["agentConnector"]["status"] == "Online"
    });
    let answer = connector.health.get("/").unwrap();
    assert_eq!(answer.status, 200);
    let page = &answer.body;
    assert!(page.contains("Agent") && page.contains("Online"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)"), "the reason is shown as a text: {page}");
    for sign in ["<script", "<img", "javascript:", "src=\"http", "href=\"http", "@import", "url("] {
        assert!(!page.to_lowercase().contains(sign), "{sign} in\n{page}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!policy.contains("script-src"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

const HOSTILE: &str = "</td><script>alert(1)</script><img src=x onerror=alert(1)>";

/// The metrics of the operators' page, and what kind each is.
const METRICS: &[(&str, &str)] = &[
    ("build_info", "info"),
    ("status", "gauge"),
    ("conversations_open", "gauge"),
    ("conversations_limit", "gauge"),
    ("tasks", "gauge"),
    ("rings_total", "counter"),
    ("conversations_total", "counter"),
    ("transfers_total", "counter"),
    ("consumer_messages_total", "counter"),
    ("bot_requests_total", "counter"),
    ("bot_response_seconds", "histogram"),
    ("publish_seconds", "histogram"),
    ("relay_seconds", "histogram"),
    ("reconnects_total", "counter"),
    ("logins_total", "counter"),
    ("resends_total", "counter"),
    ("fallback_escalations_total", "counter"),
    ("protocol_errors_total", "counter"),
];

/// An Online connector that listens on a TCP port.
fn over_tcp(folder: &Folder, cloud: &Cloud, bot: &Bot, settings: &str) -> (Connector, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let settings = format!("{settings}\n[health]\nlisten = \"{address}\"");
    let text = configuration(folder, &cloud.url(), &bot.url(), &settings);
    let mut connector = Connector::start(folder, &text, &[]);
    connector.health = Address::Tcp(address);
    connector.is("Online");
    (connector, address)
}

fn assert_paths(address: &Address) {
    for (path, status, kind) in [
        ("/livez", 200, "text/plain"),
        ("/healthz", 200, "text/plain"),
        ("/readyz", 200, "text/plain"),
        ("/status", 200, "application/json"),
        ("/metrics", 200, "text/plain"),
        ("/", 200, "text/html"),
        ("/nothing", 404, "text/plain"),
    ] {
        let answer = address.get(path).unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        let found = answer.header("content-type").unwrap();
        // Prometheus knows OpenMetrics by its own type.
        let fits = found.starts_with(kind) || path == "/metrics" && found.contains("openmetrics");
        assert!(fits, "{path}: {found}");
    }
    let refused = address.ask("POST", "/livez", &[], "").unwrap();
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
}

/// Every sample by its name and labels. Fails at a line that is none.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let bare = name.split('{').next().unwrap();
            let is_name = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let ours = bare.starts_with("connectord_") || bare.starts_with("process_");
            assert!(is_name && ours, "{line}");
            assert_eq!(name.contains('{'), name.ends_with('}'), "{line}");
            (name, value.parse().unwrap_or_else(|why| panic!("{line}: {why}")))
        })
        .collect()
}

/// Every value of `expected` is in `found`.
fn assert_within(expected: &Value, found: &Value, at: &str) {
    match expected.as_object() {
        Some(entries) => {
            for (key, value) in entries {
                assert_within(value, &found[key], &format!("{at}/{key}"));
            }
        }
        None => assert_eq!(found, expected, "{at}"),
    }
}
