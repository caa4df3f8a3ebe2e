use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

use super::{Recipient, Trust, recipient};
use crate::{
    bot::{
        BotError, Callback, Command, Settings, open, start,
        testing::{Hall, event, http_bot, notice, now, question, secret, webhook_settings},
    },
    conversation::{
        Timestamp,
        event::{Action, BotEvent},
    },
    ops::clock::Clock,
};

#[tokio::test]
async fn a_reply_that_comes_later_is_accepted_once() {
    let mut room = Room::with_open_event().await;
    let reply = json!({"inReplyTo": "c:1", "actions": [{"type": "close"}]}).to_string();
    let (status, body) = room.post("/v1/replies", &reply).await;
    assert_eq!((status, &body["accepted"]), (202, &json!(true)));
    let BotEvent::Answered(answer) = room.hall.bot_event().await else {
        panic!();
    };
    assert_eq!(
        (answer.event, answer.actions),
        (event("c", 1), vec![Action::Close { survey: true }])
    );
    assert_eq!(room.post("/v1/replies", &reply).await.0, 409);
}

#[tokio::test]
async fn events_never_asked_or_given_up_are_not_found() {
    let room = Room::with_open_event().await;
    let reply = |id: &str| json!({"inReplyTo": id, "actions": []}).to_string();
    assert_eq!(room.post("/v1/replies", &reply("c:99")).await.0, 404);
    assert_eq!(room.post("/v1/replies", &reply("nonsense")).await.0, 404);
    room.hall.send(Command::Withdraw(event("c", 1)));
    tokio::task::yield_now().await;
    assert_eq!(room.post("/v1/replies", &reply("c:1")).await.0, 404);
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_path_and_the_event_stays_open() {
    let mut room = Room::with_open_event().await;
    let (status, body) =
        room.post("/v1/replies", r#"{"inReplyTo":"c:1","actions":[{"type":"text"}]}"#).await;
    assert_eq!((status, &body["problems"][0]["path"]), (422, &json!("actions[0]")));
    for body in ["", "{", "[]", r#"{"actions":[]}"#, r#"{"inReplyTo":"c:1","actions":"x"}"#] {
        assert_eq!(room.post("/v1/replies", body).await.0, 422, "{body}");
    }
    let mixed = r#"{"inReplyTo":"c:1","actions":[{"type":"dance"},{"type":"close"}]}"#;
    let (status, body) = room.post("/v1/replies", mixed).await;
    assert_eq!((status, &body["problems"][0]["path"]), (202, &json!("actions[0]")));
    assert!(
        matches!(room.hall.bot_event().await, BotEvent::Answered(answer) if answer.actions.len() == 1)
    );
}

#[tokio::test]
async fn the_bot_may_speak_unasked_in_an_open_conversation() {
    let mut room = Room::with_open_event().await;
    let say = r#"{"actions":[{"type":"close"}]}"#;
    assert_eq!(room.post("/v1/conversations/c/say", say).await.0, 202);
    assert_eq!(room.hall.bot_event().await, BotEvent::Says(vec![Action::Close { survey: true }]));
    assert_eq!(room.post("/v1/conversations/other/say", say).await.0, 404);
    assert_eq!(room.post("/v1/conversations/c/say", r#"{"actions":[]}"#).await.0, 422);
    room.hall.send(Command::Notify(Box::new(notice("c:13:ended"))));
    tokio::task::yield_now().await;
    assert_eq!(room.post("/v1/conversations/c/say", say).await.0, 404);
}

#[tokio::test]
async fn only_the_right_bearer_is_let_in() {
    let room = Room::with_open_event().await;
    let reply = r#"{"inReplyTo":"c:1","actions":[]}"#;
    for header in [
        "",
        "authorization: Bearer wrong\r\n",
        "authorization: Basic let-me-in\r\n",
        "authorization: B\r\n",
    ] {
        let request = format!(
            "POST /v1/replies HTTP/1.1\r\nhost: x\r\n{header}content-length: {}\r\nconnection: close\r\n\r\n{reply}",
            reply.len()
        );
        assert_eq!(room.raw(&request).await.0, 401, "{header}");
    }
    assert_eq!(room.post("/v1/replies", reply).await.0, 202);
}

#[tokio::test]
async fn other_methods_paths_and_too_long_bodies_are_refused() {
    let room = Room::with_open_event().await;
    let get = "GET /v1/replies HTTP/1.1\r\nhost: x\r\nauthorization: Bearer let-me-in\r\nconnection: close\r\n\r\n";
    assert_eq!(room.raw(get).await.0, 405);
    assert_eq!(room.post("/v1/elsewhere", "{}").await.0, 404);
    let announced = "POST /v1/replies HTTP/1.1\r\nhost: x\r\nauthorization: Bearer let-me-in\r\ncontent-length: 1048577\r\nconnection: close\r\n\r\n";
    assert_eq!(room.raw(announced).await.0, 413);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_says_nothing_is_hung_up_on() {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let (letters, _receiver) = tokio::sync::mpsc::channel(1);
    let (_sender, token) = tokio::sync::watch::channel(secret("x"));
    let tracker = TaskTracker::new();
    tracker.spawn(super::connection(ours, token, letters, Trust::default()));
    theirs.write_all(b"POST /v1/rep").await.unwrap();
    let start = now();
    let mut answer = Vec::new();
    let _ = theirs.read_to_end(&mut answer).await;
    assert_eq!((now() - start).as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn only_a_caller_with_the_token_keeps_its_connection() {
    for (presented, last_answer) in [("wrong", 7), ("let-me-in", 294)] {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let (letters, _receiver) = tokio::sync::mpsc::channel(1);
        let (_sender, token) = tokio::sync::watch::channel(secret("let-me-in"));
        let tracker = TaskTracker::new();
        tracker.spawn(super::connection(ours, token, letters, Trust::default()));
        let start = now();
        let mut answered = start;
        let request = format!(
            "POST /nowhere HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {presented}\r\n\r\n"
        );
        let mut answer = [0; 1024];
        while theirs.write_all(request.as_bytes()).await.is_ok()
            && theirs.read(&mut answer).await.is_ok_and(|read| read > 0)
        {
            answered = now();
            tokio::time::sleep(Duration::from_secs(7)).await;
        }
        assert_eq!((answered - start).as_secs(), last_answer, "{presented}");
    }
}

#[tokio::test]
async fn a_token_of_a_reload_counts_at_once_and_a_removed_address_is_let_go() {
    let room = Room::with_open_event().await;
    let callback = Callback { listen: room.address, token: secret("new") };
    let settings = Settings { callback: Some(callback), ..webhook_settings() };
    room.hall.send(Command::Reload(Box::new(settings)));
    tokio::task::yield_now().await;
    assert_eq!(room.post("/v1/replies", "{}").await.0, 401);
    room.hall.send(Command::Reload(Box::new(webhook_settings())));
    while TcpListener::bind(room.address).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_reload_moves_to_another_address_and_lets_the_old_one_go() {
    let mut room = Room::with_open_event().await;
    let old = room.address;
    room.address = SocketAddr::from(([127, 0, 0, 2], old.port()));
    let callback = Callback { listen: room.address, token: secret("let-me-in") };
    let settings = Settings { callback: Some(callback), ..webhook_settings() };
    room.hall.send(Command::Reload(Box::new(settings)));
    while TcpStream::connect(room.address).await.is_err() {
        tokio::task::yield_now().await;
    }
    let reply = r#"{"inReplyTo":"c:1","actions":[]}"#;
    assert_eq!(room.post("/v1/replies", reply).await.0, 202);
    while TcpListener::bind(old).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_reload_to_an_address_in_use_keeps_the_old_one() {
    let mut room = Room::with_open_event().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = taken.local_addr().unwrap();
    let callback = Callback { listen, token: secret("let-me-in") };
    let settings = Settings { callback: Some(callback), ..webhook_settings() };
    room.hall.send(Command::Reload(Box::new(settings)));
    let (kind, detail) = room.hall.unusable().await;
    assert_eq!(kind, "callback");
    assert!(detail.contains("the old address stays in use"), "{detail}");
    let reply = r#"{"inReplyTo":"c:1","actions":[]}"#;
    assert_eq!(room.post("/v1/replies", reply).await.0, 202);
}

#[tokio::test]
async fn a_crowd_of_idle_strangers_does_not_lock_the_bot_out() {
    let room = Room::with_open_event().await;
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(TcpStream::connect(room.address).await.unwrap());
    }
    let reply = r#"{"inReplyTo":"c:1","actions":[]}"#;
    let posted = tokio::time::timeout(Duration::from_secs(5), room.post("/v1/replies", reply));
    assert_eq!(posted.await.unwrap().0, 202);
}

#[tokio::test]
async fn an_address_that_is_in_use_is_an_error_at_start() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callback = Callback { listen: taken.local_addr().unwrap(), token: secret("x") };
    let settings = Settings { callback: Some(callback), ..webhook_settings() };
    let (net, _calls) = http_bot();
    let started = start(settings, net, Clock::system(), 1, &TaskTracker::new()).await;
    assert!(
        matches!(started, Err(BotError::Listen { address, .. }) if address == taken.local_addr().unwrap())
    );
}

#[test]
fn paths_name_events_or_a_conversation() {
    assert_eq!(recipient("/v1/replies"), Some(Recipient::Event));
    let conversation = |id: &str| Some(Recipient::Conversation(id.to_owned()));
    assert_eq!(recipient("/v1/conversations/9b1f/say"), conversation("9b1f"));
    assert_eq!(recipient("/v1/conversations/a%3Ab/say"), conversation("a:b"));
    for path in [
        "/",
        "/v1/replies/",
        "/v1/conversations//say",
        "/v1/conversations/a/b/say",
        "/v1/conversations/%ff/say",
    ] {
        assert_eq!(recipient(path), None, "{path}");
    }
}

/// A room with a callback server, whose event `c:1` the bot has seen.
struct Room {
    hall: Hall,
    address: SocketAddr,
}

impl Room {
    async fn with_open_event() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let callback = Callback { listen: address, token: secret("let-me-in") };
        let settings = Settings { callback: Some(callback), ..webhook_settings() };
        let (net, mut calls) = http_bot();
        let tracker = TaskTracker::new();
        let clock = Clock::simulated(Timestamp(0));
        let door = open(settings, net, clock, 1, &tracker, Some(listener));
        let mut hall = Hall { door, tracker };
        hall.ask(question("c", 1, "hi"));
        calls.recv().await.unwrap().respond(202, "");
        let seen = BotEvent::Seen { event: event("c", 1), expects_answer: true };
        assert_eq!(hall.bot_event().await, seen);
        Self { hall, address }
    }

    async fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer let-me-in\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ))
        .await
    }

    async fn raw(&self, request: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(10), read).await.unwrap().unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, serde_json::from_str(body).unwrap())
    }
}
