//! What the health endpoint tells while things happen. In real time: sockets of the system wait for no virtual clock.

use std::path::Path;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use crate::{
    simulator::Fault,
    support::{AGENT, World, after, story, text},
};

#[tokio::test]
async fn the_endpoint_follows_a_connector_from_not_ready_over_a_conversation_to_its_end() {
    let folder = tempfile();
    let socket = folder.join("health.sock");
    story(async {
        let mut world = World::new();
        let subscribe = Some("SubscribeExConversations".to_owned());
        let slow = world.cloud.inject(Fault::Slow { request: subscribe, milliseconds: 500 });
        world.start(&format!("[health]\nlisten = \"unix:{}\"", socket.display())).await;
        let (code, why) = get(&socket, "/readyz").await;
        assert_eq!(code, 503, "{why}");
        assert_eq!(get(&socket, "/livez").await.0, 200);
        world.cloud.remove_fault(slow);
        world.is_online().await;
        assert_eq!(get(&socket, "/readyz").await.0, 200);

        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        let status: Value = serde_json::from_str(&get(&socket, "/status").await.1).unwrap();
        assert_eq!(status["conversations"]["open"], 1);
        assert_eq!(status["conversations"]["waitingForBot"], 1);
        world.bot.answers(&event, &[text("hi")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
        world.until("idle", |status| status.totals.bot_replies == 1).await;
        let published = "publish_seconds_count{connector=\"edge\",environment=\"production\"} 1";
        let metrics =
            until(&socket, "/metrics", |code, text| code == 200 && text.contains(published)).await;
        assert!(!metrics.contains("reconnects_total{"), "nothing was lost so far");
        for (metric, label, value) in [
            ("rings_total", "result=\"accepted\"", "1"),
            ("logins_total", "result=\"ok\"", "1"),
            ("consumer_messages_total", "disposition=\"asked\"", "1"),
            ("conversations_open", "", "1"),
            ("conversations_limit", "", "50"),
            ("bot_response_seconds_count", "", "1"),
            ("publish_seconds_count", "", "1"),
            ("relay_seconds_count", "direction=\"to_bot\"", "1"),
            ("relay_seconds_count", "direction=\"to_cloud\"", "1"),
            ("status", "component=\"agent_connector\",status=\"Online\"", "1"),
            ("status", "component=\"agent_connector\",status=\"Not Connected\"", "0"),
            ("build_info", "version=", "1"),
        ] {
            let head = format!("connectord_{metric}{{");
            let found = metrics
                .lines()
                .find(|line| line.starts_with(&head) && line.contains(label))
                .unwrap_or_else(|| panic!("no {metric} {label} in {metrics}"));
            assert_eq!(found.rsplit_once(' ').unwrap().1, value, "{found}");
        }
        assert!(!metrics.contains(&talk), "no id of a conversation in a label");

        let (code, page) = get(&socket, "/").await;
        assert_eq!(code, 200);
        assert!(page.contains("Online") && page.contains("<html"), "{page}");
        assert!(!page.contains("<script src"), "no script from elsewhere");

        world.cloud.agent(AGENT).is_enabled(false).unwrap();
        world.cloud.close_sockets(Some(AGENT), 4401, "");
        let why = until(&socket, "/readyz", |code, _| code == 503).await;
        assert!(why.contains("Conversational Cloud") && why.contains("4401"), "{why}");
        until(&socket, "/status", |_, text| text.contains("4401")).await;
        world.stop().await;
        assert!(UnixStream::connect(&socket).await.is_err(), "nobody listens any more");
    })
    .await;
    std::fs::remove_dir_all(folder).unwrap();
}

/// Asks until the answer is as wanted; its body.
async fn until(socket: &Path, path: &str, is_so: impl Fn(u16, &str) -> bool) -> String {
    for _ in 0..500 {
        let (code, body) = get(socket, path).await;
        if is_so(code, &body) {
            return body;
        }
        after(0.02).await;
    }
    panic!("never so: {:?}", get(socket, path).await)
}

async fn get(socket: &Path, path: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    (code, body.to_owned())
}

/// A folder of this process alone.
fn tempfile() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("connectord-edge-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
