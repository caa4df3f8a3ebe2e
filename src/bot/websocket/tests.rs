use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream},
    net::TcpListener,
    sync::mpsc,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use tokio_util::task::TaskTracker;

use crate::{
    bot::{
        Command, Event, Settings,
        protocol::SUBPROTOCOL,
        testing::{
            Hall, event, notice, now, question, secret, serve_http, webhook_settings,
            websocket_settings, wire,
        },
    },
    conversation::event::{Action, BotEvent},
    net::{self, Net},
};

#[tokio::test(start_paused = true)]
async fn a_connection_begins_with_the_contracts_headers_and_hello() {
    let (net, mut dials) = wire();
    let mut hall = Hall::open(websocket_settings(), net).await;
    assert_eq!(hall.link().await.connected, Some(false));
    let mut bot = Bot::accept(dials.recv().await.unwrap()).await;
    assert_eq!(bot.request["authorization"], "Bearer hush");
    assert_eq!(bot.request["sec-websocket-protocol"], SUBPROTOCOL);
    let hello = bot.next().await;
    assert_eq!(
        hello,
        json!({"type": "hello", "version": 1, "connector": {
            "name": "support-bot-1", "accountId": "12345678", "agentId": "4102938475", "environment": "production"
        }})
    );
    assert_eq!(hall.link().await.connected, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_question_is_handed_over_seen_and_answered() {
    let (mut hall, mut bot, _dials) = connected().await;
    hall.ask(question("c", 12, "hi"));
    let c12 = || event("c", 12);
    assert_eq!(hall.bot_event().await, BotEvent::HandedOver { event: c12(), attempt: 1 });
    let frame = bot.next().await;
    assert_eq!((&frame["type"], &frame["event"]["id"]), (&json!("event"), &json!("c:12")));
    bot.say(json!({"type": "seen", "id": "c:12"})).await;
    assert_eq!(hall.bot_event().await, BotEvent::Seen { event: c12(), expects_answer: true });
    bot.say(json!({"type": "reply", "reply": {
        "inReplyTo": "c:12",
        "actions": [{"type": "close"}],
        "context": {"intents": [{"id": "bye", "confidenceScore": 0.5}]}
    }}))
    .await;
    let BotEvent::Answered(answer) = hall.bot_event().await else {
        panic!();
    };
    assert_eq!((answer.event, answer.actions), (c12(), vec![Action::Close { survey: true }]));
    assert_eq!(answer.intents[0].confidence, Some(0.5));
}

#[tokio::test(start_paused = true)]
async fn the_bot_may_speak_first_in_open_conversations_only() {
    let (mut hall, mut bot, _dials) = connected().await;
    let say =
        |id: &str| json!({"type": "say", "conversationId": id, "actions": [{"type": "close"}]});
    bot.say(say("c")).await;
    assert_eq!(bot.next().await["type"], "error");
    assert_eq!(hall.unusable().await.0, "unknown_conversation");
    hall.send(Command::Opened("c".into()));
    tokio::task::yield_now().await;
    bot.say(say("c")).await;
    assert_eq!(hall.bot_event().await, BotEvent::Says(vec![Action::Close { survey: true }]));
    hall.send(Command::Notify(Box::new(notice("c:13:transferred"))));
    assert_eq!(bot.next().await["event"]["type"], "conversationTransferred");
    bot.say(say("c")).await;
    assert_eq!(bot.next().await["id"], "c");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_used_is_told_to_the_bot_and_to_the_hall() {
    let (mut hall, mut bot, _dials) = connected().await;
    for (frame, id, kind) in [
        ("not json".to_owned(), json!(null), "frame"),
        ("[]".to_owned(), json!(null), "frame"),
        (r#"{"type":"dance"}"#.to_owned(), json!(null), "frame"),
        (r#"{"type":"reply","reply":{"actions":[]}}"#.to_owned(), json!(null), "frame"),
        (
            r#"{"type":"reply","reply":{"inReplyTo":"c:99","actions":[]}}"#.to_owned(),
            json!("c:99"),
            "unknown_event",
        ),
        (r#"{"type":"seen","id":"c:99"}"#.to_owned(), json!("c:99"), "unknown_event"),
    ] {
        bot.socket.send(Message::text(frame.clone())).await.unwrap();
        let error = bot.next().await;
        assert_eq!((&error["type"], &error["id"]), (&json!("error"), &id), "{frame}");
        assert_eq!(hall.unusable().await.0, kind, "{frame}");
    }
    bot.socket.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(bot.next().await["type"], "error");
    assert_eq!(hall.unusable().await.0, "binary");
    // The bot's own complaint is logged and not answered.
    bot.say(json!({"type": "error", "id": "c:1", "message": "what?"})).await;
    assert_eq!(hall.unusable().await, ("told_by_bot", "event c:1: what?".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn skipped_actions_are_told_with_the_events_id_and_the_others_carried_out() {
    let (mut hall, mut bot, _dials) = connected().await;
    hall.ask(question("c", 1, "hi"));
    bot.next().await;
    bot.say(json!({"type": "reply", "reply": {"inReplyTo": "c:1", "actions": [
        {"type": "text"}, {"type": "close", "survey": false}
    ]}}))
    .await;
    let error = bot.next().await;
    assert_eq!(error["id"], "c:1");
    assert!(
        error["message"].as_str().unwrap().starts_with("actions[0]: missing field `text`"),
        "{error}"
    );
    hall.bot_event().await;
    let BotEvent::Answered(answer) = hall.bot_event().await else {
        panic!();
    };
    assert_eq!(answer.actions, vec![Action::Close { survey: false }]);
}

#[tokio::test(start_paused = true)]
async fn a_second_answer_is_told_to_the_bot_and_left_to_the_core() {
    let (mut hall, mut bot, _dials) = connected().await;
    hall.ask(question("c", 1, "hi"));
    bot.next().await;
    hall.bot_event().await;
    for _ in 0..2 {
        bot.say(json!({"type": "reply", "reply": {"inReplyTo": "c:1", "actions": []}})).await;
        assert!(matches!(hall.bot_event().await, BotEvent::Answered(_)));
    }
    assert_eq!(bot.next().await["message"], "the event has already been answered");
}

#[tokio::test(start_paused = true)]
async fn questions_given_while_down_come_back_at_once() {
    let (net, _dials) = wire();
    let mut hall = Hall::open(websocket_settings(), net).await;
    hall.ask(question("c", 1, "hi"));
    assert_eq!(hall.bot_event().await, BotEvent::Undelivered { event: event("c", 1), attempt: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_told_before_the_questions_that_it_could_not_take() {
    let (mut hall, bot, mut dials) = connected().await;
    // A question longer than all buffers of the wire: it cannot be written through.
    hall.ask(question("c", 1, &"x".repeat(300_000)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(bot);
    assert_eq!(hall.link().await.connected, Some(false));
    assert_eq!(hall.bot_event().await, BotEvent::Undelivered { event: event("c", 1), attempt: 1 });
    let mut bot = Bot::accept(dials.recv().await.unwrap()).await;
    assert_eq!(hall.link().await.connected, Some(true));
    assert_eq!(bot.next().await["type"], "hello");
    tokio::time::sleep(Duration::from_secs(10)).await;
    hall.ask(question("c", 2, "hi"));
    assert_eq!(bot.next().await["event"]["id"], "c:2", "nothing is sent again by itself");
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_question_that_still_waits_is_not_sent() {
    let (mut hall, mut bot, _dials) = connected().await;
    let long = "x".repeat(300_000);
    for n in 1..=3 {
        hall.ask(question("c", n, &long));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    hall.send(Command::Withdraw(event("c", 3)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    hall.ask(question("c", 4, "hi"));
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(bot.next().await["event"]["id"].clone());
    }
    assert_eq!(ids, ["c:1", "c:2", "c:4"]);
    assert_eq!(hall.bot_event().await, BotEvent::HandedOver { event: event("c", 1), attempt: 1 });
}

#[tokio::test(start_paused = true)]
async fn failed_connections_are_tried_again_after_growing_waits() {
    let (net, mut dials) = wire();
    let mut hall = Hall::open(websocket_settings(), net).await;
    let start = now();
    let mut waits = Vec::new();
    let mut last = start;
    for _ in 0..8 {
        drop(dials.recv().await.unwrap());
        waits.push((now() - last).as_secs_f64());
        last = now();
    }
    for (wait, about) in waits[1..].iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]) {
        assert!((about * 0.79..about * 1.21).contains(wait), "{waits:?}");
    }
    let state = loop {
        let state = hall.link().await;
        if state.error.is_some() {
            break state;
        }
    };
    assert!(state.error.unwrap().starts_with("the WebSocket handshake with bot.example:80 failed"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_upgrade_is_told_and_its_retry_after_honoured() {
    let (net, mut dials) = wire();
    let mut hall = Hall::open(websocket_settings(), net).await;
    hall.link().await;
    let mut stream = dials.recv().await.unwrap();
    let refusal = b"HTTP/1.1 503 Down\r\nretry-after: 100\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(refusal).await.unwrap();
    let refused = now();
    let error = hall.link().await.error.unwrap();
    assert!(error.contains("answers 503"), "{error}");
    dials.recv().await.unwrap();
    assert_eq!((now() - refused).as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn pings_go_out_every_20_s_and_any_frame_is_a_sign_of_life() {
    let (mut hall, mut bot, _dials) = connected().await;
    let start = now();
    for n in 1..=6 {
        // The library answers the ping when it is read.
        let ping = bot.socket.next().await.unwrap().unwrap();
        assert!(ping.is_ping());
        assert_eq!((now() - start).as_secs(), 20 * n);
    }
    bot.say(json!({"type": "seen", "id": "c:1"})).await;
    assert_eq!(hall.unusable().await.0, "unknown_event");
}

#[tokio::test(start_paused = true)]
async fn a_bot_silent_for_60_s_is_dead() {
    let (mut hall, _bot, mut dials) = connected().await;
    let start = now();
    let state = hall.link().await;
    assert_eq!((now() - start).as_secs(), 60);
    assert_eq!(state.error.unwrap(), "nothing heard from the bot for 60 s");
    dials.recv().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_speaks_and_never_reads_is_dead_too() {
    let (mut hall, mut bot, _dials) = connected().await;
    let start = now();
    hall.ask(question("c", 1, &"x".repeat(300_000)));
    let state = loop {
        tokio::select! {
            state = hall.link() => break state,
            () = tokio::time::sleep(Duration::from_secs(10)) => {
                bot.socket.send(Message::Pong(Vec::new().into())).await.unwrap();
            }
        }
    };
    assert_eq!(state.error.unwrap(), "the bot has read nothing for 60 s");
    assert_eq!((now() - start).as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_closes_is_told_with_its_reason() {
    let (mut hall, mut bot, mut dials) = connected().await;
    let frame = CloseFrame { code: CloseCode::Restart, reason: "deploy".into() };
    bot.socket.send(Message::Close(Some(frame))).await.unwrap();
    assert_eq!(hall.link().await.error.unwrap(), "the bot closed with 1012: deploy");
    assert!(
        matches!(bot.socket.next().await, Some(Ok(Message::Close(_)))),
        "the close is answered"
    );
    Bot::accept(dials.recv().await.unwrap()).await;
    assert_eq!(hall.link().await.connected, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_frame_beyond_1_mib_ends_the_connection() {
    let (mut hall, mut bot, _dials) = connected().await;
    let feed = bot.socket.send(Message::text("x".repeat((1 << 20) + 1)));
    let (_, state) = tokio::join!(feed, hall.link());
    assert_eq!(state.connected, Some(false));
    assert!(state.error.unwrap().contains("too long"));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unusable_frames_is_hung_up_on() {
    let (mut hall, bot, _dials) = connected().await;
    let (mut sink, mut stream) = bot.socket.split();
    let flood = async {
        for _ in 0..1000 {
            if sink.send(Message::text("{}")).await.is_err() {
                break;
            }
        }
    };
    let read = async {
        let mut errors = 0;
        while let Some(Ok(message)) = stream.next().await {
            if message.is_text() {
                errors += 1;
            }
            if let Message::Close(frame) = message {
                return (errors, frame.unwrap().code);
            }
        }
        (errors, CloseCode::Abnormal)
    };
    let (_, read, state) = tokio::join!(flood, read, hall.link());
    assert_eq!(state.error.unwrap(), "too many frames that cannot be used");
    assert_eq!(read, (100, CloseCode::Policy));
}

#[tokio::test(start_paused = true)]
async fn a_hall_that_does_not_listen_slows_the_bot_down() {
    let (hall, mut bot, _dials) = connected().await;
    hall.send(Command::Opened("c".into()));
    tokio::task::yield_now().await;
    let say = json!({"type": "say", "conversationId": "c", "actions": [{"type": "text", "text": "x".repeat(1000)}]});
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_secs(1), bot.say(say.clone())).await.is_ok() {
        sent += 1;
        assert!(sent < 5000, "nothing holds the bot back");
    }
    assert!(sent > 1000);
}

#[tokio::test(start_paused = true)]
async fn a_stop_says_goodbye_hears_the_last_words_and_ends() {
    let (mut hall, mut bot, _dials) = connected().await;
    hall.ask(question("c", 1, "hi"));
    bot.next().await;
    hall.bot_event().await;
    hall.send(Command::Stop);
    let Message::Close(Some(frame)) = bot.socket.next().await.unwrap().unwrap() else {
        panic!();
    };
    assert_eq!(frame.code, CloseCode::Away);
    drop(bot);
    while hall.next().await != Event::Stopped {}
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_bot_that_keeps_its_half_open() {
    let (mut hall, _bot, _dials) = connected().await;
    hall.send(Command::Stop);
    let start = now();
    while hall.next().await != Event::Stopped {}
    assert_eq!((now() - start).as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reload_with_another_token_connects_anew_and_one_without_change_does_not() {
    let (mut hall, mut bot, mut dials) = connected().await;
    hall.send(Command::Reload(Box::new(websocket_settings())));
    hall.ask(question("c", 1, "hi"));
    assert_eq!(bot.next().await["event"]["id"], "c:1");
    let settings = Settings { token: Some(secret("new")), ..websocket_settings() };
    hall.send(Command::Reload(Box::new(settings)));
    assert!(matches!(bot.socket.next().await, Some(Ok(Message::Close(_)))));
    drop(bot);
    let bot = Bot::accept(dials.recv().await.unwrap()).await;
    assert_eq!(bot.request["authorization"], "Bearer new");
    assert_eq!(hall.link().await.connected, Some(false));
    assert_eq!(hall.link().await.connected, Some(true));
    hall.stop_with(bot).await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_to_the_other_transport_loses_nothing() {
    let (calls, mut posted) = mpsc::channel(10);
    let (dials, mut accepted) = mpsc::channel(10);
    let tracker = TaskTracker::new();
    let net = Net::in_memory(Arc::new(move |uri| {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        if uri.host() == Some("webhook.example") {
            tracker.spawn(serve_http(theirs, 1, calls.clone()));
        } else {
            dials.try_send(theirs).unwrap();
        }
        Ok(ours)
    }));
    let webhook = Settings {
        url: "http://webhook.example/".parse().unwrap(),
        max_in_flight: 1,
        ..webhook_settings()
    };
    let mut hall = Hall::open(webhook.clone(), net).await;
    hall.ask(question("a", 1, "hi"));
    hall.ask(question("b", 1, "hi"));
    let running = posted.recv().await.unwrap();
    hall.send(Command::Reload(Box::new(websocket_settings())));
    let back = BotEvent::Undelivered { event: event("b", 1), attempt: 1 };
    assert_eq!(hall.bot_event().await, back, "what waited comes back");
    let mut bot = Bot::accept(accepted.recv().await.unwrap()).await;
    while hall.link().await.connected != Some(true) {}
    running.respond(204, "");
    assert!(matches!(hall.bot_event().await, BotEvent::Seen { .. }));
    assert_eq!(bot.next().await["type"], "hello");
    hall.ask(question("b", 1, "hi"));
    assert_eq!(bot.next().await["event"]["id"], "b:1");
    assert!(matches!(hall.bot_event().await, BotEvent::HandedOver { .. }));
    hall.send(Command::Reload(Box::new(webhook)));
    assert_eq!(hall.link().await.connected, None);
    hall.ask(question("c", 1, "hi"));
    let call = posted.recv().await.unwrap();
    assert_eq!(call.json()["id"], "c:1");
    // The old connection is closing, and its last words still count.
    bot.say(json!({"type": "reply", "reply": {"inReplyTo": "b:1", "actions": []}})).await;
    assert!(matches!(hall.bot_event().await, BotEvent::Answered(_)));
    call.respond(204, "");
    hall.stop_with(bot).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_name_the_subprotocol_is_used_all_the_same() {
    let (net, mut dials) = wire();
    let mut hall = Hall::open(websocket_settings(), net).await;
    let plain = |stream| tokio_tungstenite::accept_async(stream);
    let _first = plain(dials.recv().await.unwrap()).await.unwrap();
    let mut socket = plain(dials.recv().await.unwrap()).await.unwrap();
    assert_eq!(hall.unusable().await.0, "subprotocol");
    assert_eq!(hall.link().await.connected, Some(true));
    assert!(socket.next().await.unwrap().unwrap().is_text());
}

#[tokio::test]
async fn over_real_sockets_a_question_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings {
        url: format!("ws://{}/", listener.local_addr().unwrap()).parse().unwrap(),
        ..websocket_settings()
    };
    let net = Net::new(&net::Settings {
        connect_timeout: Duration::from_secs(10),
        ..net::Settings::default()
    });
    let mut hall = Hall::open(settings, net.unwrap()).await;
    let mut bot = Bot::accept(listener.accept().await.unwrap().0).await;
    assert_eq!(bot.next().await["type"], "hello");
    hall.ask(question("c", 1, "hi"));
    let id = bot.next().await["event"]["id"].clone();
    bot.say(json!({"type": "reply", "reply": {"inReplyTo": id, "actions": []}})).await;
    hall.bot_event().await;
    assert!(matches!(hall.bot_event().await, BotEvent::Answered(_)));
    hall.stop_with(bot).await;
}

/// A hall and a bot that have met: `hello` is read, the link is known to be up.
async fn connected() -> (Hall, Bot<DuplexStream>, mpsc::Receiver<DuplexStream>) {
    let (net, mut dials) = wire();
    let mut hall = Hall::open(websocket_settings(), net).await;
    let mut bot = Bot::accept(dials.recv().await.unwrap()).await;
    assert_eq!(bot.next().await["type"], "hello");
    while hall.link().await.connected != Some(true) {}
    (hall, bot, dials)
}

/// A bot's server with one connection.
struct Bot<S> {
    socket: WebSocketStream<S>,
    request: hyper::HeaderMap,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Bot<S> {
    async fn accept(stream: S) -> Self {
        let mut headers = None;
        #[expect(clippy::result_large_err, reason = "the library's own signature")]
        let callback =
            |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
                headers = Some(request.headers().clone());
                let name = "sec-websocket-protocol";
                if let Some(protocol) = request.headers().get(name) {
                    response.headers_mut().insert(name, protocol.clone());
                }
                Ok(response)
            };
        let socket = accept_hdr_async(stream, callback).await.unwrap();
        Self { socket, request: headers.unwrap() }
    }

    /// The next text frame; pings are passed over.
    async fn next(&mut self) -> Value {
        loop {
            let message = self.socket.next().await.expect("closed").unwrap();
            if let Message::Text(text) = message {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    async fn say(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }
}

impl Hall {
    /// Stops while the bot answers the close.
    async fn stop_with<S: AsyncRead + AsyncWrite + Unpin>(self, mut bot: Bot<S>) {
        let close =
            async { while bot.socket.next().await.is_some_and(|message| message.is_ok()) {} };
        tokio::join!(close, self.stop());
    }
}
