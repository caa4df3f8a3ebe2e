use std::{sync::atomic::Ordering, time::Duration};

use hyper::Method;
use serde_json::json;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::task::TaskTracker;

use crate::{
    bot::{
        Command, Event, Settings,
        testing::{
            Hall, event, http_bot, http_bot_that_goes_away, notice, now, question, secret,
            serve_http, webhook_settings,
        },
    },
    conversation::{
        ConversationId,
        event::{Action, Answer, Audience, BotEvent},
    },
    net::{self, Net},
};

#[tokio::test(start_paused = true)]
async fn a_question_is_posted_with_the_contracts_headers_and_answered_by_the_response() {
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(webhook_settings(), net).await;
    assert_eq!(hall.link().await.connected, None);
    hall.ask(question("c", 12, "hi"));
    let call = calls.recv().await.unwrap();
    assert_eq!((&call.method, &*call.target), (&Method::POST, "/support?x=1"));
    let header = |name: &str| call.headers[name].to_str().unwrap();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("authorization"), "Bearer hush");
    assert_eq!(header("idempotency-key"), "c:12");
    assert_eq!(header("traceparent").len(), 55);
    assert_eq!(header("host"), "bot.example");
    assert!(!call.headers.contains_key("webhook-signature"));
    assert_eq!(call.json()["id"], "c:12");
    assert_eq!(call.json()["message"]["text"], "hi");
    call.respond(200, r#"{"inReplyTo":"c:12","actions":[{"type":"text","text":"Hello!"}]}"#);
    assert_eq!(hall.link().await.connected, Some(true));
    assert_eq!(hall.next().await, Event::Attempt("answered"));
    let Event::Conversation { id, event: answer, .. } = hall.next().await else {
        panic!();
    };
    assert_eq!(id, ConversationId::from("c"));
    let text =
        Action::Text { text: "Hello!".to_owned(), audience: Audience::All, quick_replies: None };
    let expected = Answer { event: event("c", 12), actions: vec![text], intents: vec![] };
    assert_eq!(answer, BotEvent::Answered(expected));
    hall.stop().await;
}

#[tokio::test(start_paused = true)]
async fn with_a_signing_secret_the_receiver_can_verify_id_time_and_body() {
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let settings = Settings { signing_secret: Some(secret(key)), ..webhook_settings() };
    let (net, mut calls) = http_bot();
    let hall = Hall::open(settings, net).await;
    hall.ask(question("c", 12, "hi"));
    let call = calls.recv().await.unwrap();
    assert_eq!(call.headers["webhook-id"], "c:12");
    assert_eq!(call.headers["webhook-timestamp"], "1700000000");
    let body = std::str::from_utf8(&call.body).unwrap();
    let expected = super::SigningKey::new(&key.into()).unwrap().sign("c:12", 1_700_000_000, body);
    assert_eq!(call.headers["webhook-signature"], expected);
}

#[tokio::test(start_paused = true)]
async fn every_end_of_an_attempt_reaches_the_core_and_the_metric() {
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(webhook_settings(), net).await;
    let c12 = || event("c", 12);
    let silent = |retry_after| BotEvent::Silent { event: c12(), attempt: 1, retry_after };
    for (status, word, expected) in [
        (202, "seen", BotEvent::Seen { event: c12(), expects_answer: true }),
        (204, "seen", BotEvent::Seen { event: c12(), expects_answer: false }),
        (429, "retry", silent(Some(Duration::from_secs(40)))),
        (503, "retry", silent(Some(Duration::from_secs(40)))),
        (
            400,
            "fault",
            BotEvent::Fault { event: c12(), why: "the bot answers 400 Bad Request".to_owned() },
        ),
    ] {
        hall.ask(question("c", 12, "hi"));
        let call = calls.recv().await.unwrap();
        call.respond_with(status, &[("retry-after", "40")], "");
        let word_told = loop {
            if let Event::Attempt(word) = hall.next().await {
                break word;
            }
        };
        assert_eq!(word_told, word, "{status}");
        assert_eq!(hall.bot_event().await, expected, "{status}");
    }
    // No answer at all.
    hall.ask(question("c", 12, "hi"));
    let call = calls.recv().await.unwrap();
    assert_eq!(hall.bot_event().await, silent(None));
    drop(call);
    // An answer without end.
    hall.ask(question("c", 12, "hi"));
    calls.recv().await.unwrap().respond(200, &" ".repeat((1 << 20) + 1));
    assert!(matches!(hall.bot_event().await, BotEvent::Fault { .. }));
    // A connection that breaks.
    hall.ask(question("c", 12, "hi"));
    drop(calls.recv().await.unwrap());
    assert_eq!(hall.bot_event().await, silent(None));
    hall.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_than_max_in_flight_are_under_way_and_a_waiting_one_can_be_withdrawn() {
    let settings = Settings { max_in_flight: 2, ..webhook_settings() };
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(settings, net).await;
    for conversation in ["a", "b", "c", "d"] {
        hall.ask(question(conversation, 1, "hi"));
    }
    let first = calls.recv().await.unwrap();
    let second = calls.recv().await.unwrap();
    hall.send(Command::Withdraw(event("c", 1)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(calls.try_recv().is_err(), "a third is under way");
    first.respond(204, "");
    hall.bot_event().await;
    let third = calls.recv().await.unwrap();
    assert_eq!(third.json()["id"], "d:1");
    assert_eq!(third.connection, 1, "the connection is used again");
    second.respond(204, "");
    third.respond(204, "");
    hall.stop().await;
    assert!(calls.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn actions_that_cannot_be_used_are_reported_and_the_others_carried_out() {
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(webhook_settings(), net).await;
    hall.ask(question("c", 1, "hi"));
    let reply = json!({"actions": [{"type": "dance"}, {"type": "close"}]});
    calls.recv().await.unwrap().respond(200, &reply.to_string());
    let (kind, detail) = hall.unusable().await;
    assert_eq!(kind, "action");
    assert!(detail.starts_with("reply to c:1: actions[0]: unknown type \"dance\""), "{detail}");
    let BotEvent::Answered(answer) = hall.bot_event().await else {
        panic!();
    };
    assert_eq!(answer.actions, vec![Action::Close { survey: true }]);
}

#[tokio::test(start_paused = true)]
async fn three_failures_disconnect_and_a_probe_finds_the_bot_again() {
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(webhook_settings(), net).await;
    hall.link().await;
    for n in 1..=3 {
        hall.ask(question("c", n, "hi"));
        calls.recv().await.unwrap().respond(500, "");
    }
    assert_eq!(hall.link().await.connected, None);
    let state = hall.link().await;
    assert_eq!(state.connected, Some(false));
    assert_eq!(state.error.unwrap(), "the bot answers 500 Internal Server Error");
    let down = now();
    let probe = calls.recv().await.unwrap();
    assert_eq!((now() - down).as_secs(), 30);
    assert_eq!(
        (&probe.method, &probe.headers["authorization"]),
        (&Method::OPTIONS, &"Bearer hush".parse().unwrap())
    );
    probe.respond(502, "");
    let probe = calls.recv().await.unwrap();
    assert_eq!((now() - down).as_secs(), 40);
    // Python's http.server says so to a method that it has no handler for.
    probe.respond(501, "");
    assert_eq!(hall.link().await.connected, Some(true));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(calls.try_recv().is_err(), "a bot that is back is not probed");
    hall.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_cannot_be_reached_is_gone_when_an_early_probe_fails_too() {
    let (net, mut calls, away) = http_bot_that_goes_away();
    let mut hall = Hall::open(webhook_settings(), net).await;
    hall.link().await;
    away.store(true, Ordering::Relaxed);
    hall.ask(question("c", 1, "hi"));
    assert_eq!(hall.link().await.connected, None);
    let failed = now();
    let state = hall.link().await;
    assert_eq!(state.connected, Some(false));
    assert!(state.error.unwrap().contains("bot.example"));
    assert_eq!((now() - failed).as_secs(), 5);
    away.store(false, Ordering::Relaxed);
    calls.recv().await.unwrap().respond(501, "");
    assert_eq!(hall.link().await.connected, Some(true));
    assert_eq!((now() - failed).as_secs(), 15);
    hall.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_answers_the_early_probe_is_connected() {
    let (net, mut calls, away) = http_bot_that_goes_away();
    let mut hall = Hall::open(webhook_settings(), net).await;
    hall.link().await;
    away.store(true, Ordering::Relaxed);
    hall.ask(question("c", 1, "hi"));
    assert_eq!(hall.link().await.connected, None);
    away.store(false, Ordering::Relaxed);
    let probe = calls.recv().await.unwrap();
    assert_eq!(probe.method, Method::OPTIONS);
    probe.respond(501, "");
    let state = hall.link().await;
    assert_eq!((state.connected, state.error), (Some(true), None));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(calls.try_recv().is_err(), "a bot that is there is not probed");
    hall.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_is_told_and_the_next_success_takes_it_back() {
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(webhook_settings(), net).await;
    hall.link().await;
    for (status, connected, error) in [
        (500, None, Some("the bot answers 500 Internal Server Error")),
        (401, None, Some("the bot answers 401 Unauthorized")),
        (204, Some(true), None),
        (500, Some(true), Some("the bot answers 500 Internal Server Error")),
        (204, Some(true), None),
    ] {
        hall.ask(question("c", 1, "hi"));
        calls.recv().await.unwrap().respond(status, "");
        let state = hall.link().await;
        assert_eq!((state.connected, state.error.as_deref()), (connected, error), "{status}");
        assert!(!state.detail.contains("not been called"), "{status}: {}", state.detail);
    }
    hall.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_answer_is_counted_once_and_is_nothing_that_the_bot_sent() {
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(webhook_settings(), net).await;
    for (status, word) in [(Some(503), "retry"), (None, "timeout")] {
        hall.ask(question("c", 1, "hi"));
        let call = calls.recv().await.unwrap();
        let _unanswered = match status {
            Some(status) => {
                call.respond(status, "");
                None
            }
            None => Some(call),
        };
        let mut told = Vec::new();
        while !matches!(told.last(), Some(Event::Conversation { .. })) {
            told.push(hall.next().await);
        }
        assert!(told.contains(&Event::Attempt(word)), "{told:?}");
        let unusable = told.iter().find(|event| matches!(event, Event::Unusable { .. }));
        assert_eq!(unusable, None);
    }
    hall.stop().await;
}

#[tokio::test(start_paused = true)]
async fn news_are_posted_once_and_want_no_reply() {
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(webhook_settings(), net).await;
    hall.link().await;
    hall.send(Command::Notify(Box::new(notice("c:13:ended"))));
    let call = calls.recv().await.unwrap();
    assert_eq!(call.json()["type"], "conversationEnded");
    assert_eq!(call.json().get("message"), None);
    call.respond(200, "whatever");
    assert_eq!(hall.link().await.connected, Some(true));
    assert_eq!(hall.next().await, Event::Attempt("seen"));
    hall.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_the_next_request_and_lets_the_running_one_finish() {
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(webhook_settings(), net).await;
    hall.ask(question("a", 1, "hi"));
    let running = calls.recv().await.unwrap();
    let settings = Settings {
        url: "http://other.example/".parse().unwrap(),
        token: None,
        ..webhook_settings()
    };
    hall.send(Command::Reload(Box::new(settings)));
    hall.send(Command::Agent("77".to_owned()));
    hall.ask(question("b", 1, "hi"));
    let next = calls.recv().await.unwrap();
    assert_eq!(next.headers["host"], "other.example");
    assert!(!next.headers.contains_key("authorization"));
    assert_eq!(next.json()["connector"]["agentId"], "77");
    running.respond(204, "");
    assert!(
        matches!(hall.bot_event().await, BotEvent::Seen { event: id, .. } if id == event("a", 1))
    );
    next.respond(204, "");
    hall.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_up_the_questions_that_wait_or_are_under_way() {
    let settings = Settings { max_in_flight: 1, ..webhook_settings() };
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(settings, net).await;
    hall.link().await;
    hall.ask(question("a", 1, "hi"));
    hall.ask(question("b", 1, "hi"));
    let _call = calls.recv().await.unwrap();
    hall.send(Command::Stop);
    let start = now();
    assert_eq!(hall.next().await, Event::Stopped);
    assert_eq!((now() - start).as_millis(), 0);
    assert!(calls.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_news_out_but_does_not_wait_long_for_them() {
    let (net, mut calls) = http_bot();
    let mut hall = Hall::open(webhook_settings(), net).await;
    hall.send(Command::Notify(Box::new(notice("c:13:ended"))));
    hall.send(Command::Notify(Box::new(notice("d:13:ended"))));
    hall.send(Command::Stop);
    let start = now();
    calls.recv().await.unwrap().respond(200, "");
    let _call = calls.recv().await.unwrap();
    while hall.next().await != Event::Stopped {}
    assert_eq!((now() - start).as_millis(), 1000);
}

#[tokio::test]
async fn over_real_sockets_a_question_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings {
        url: format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap(),
        ..webhook_settings()
    };
    let (calls, mut receiver) = mpsc::channel(1);
    let tracker = TaskTracker::new();
    tracker.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve_http(stream, 1, calls).await;
    });
    let net = Net::new(&net::Settings {
        connect_timeout: Duration::from_secs(10),
        ..net::Settings::default()
    });
    let mut hall = Hall::open(settings, net.unwrap()).await;
    hall.ask(question("c", 1, "hi"));
    receiver.recv().await.unwrap().respond(200, r#"{"actions":[]}"#);
    assert!(
        matches!(hall.bot_event().await, BotEvent::Answered(answer) if answer.actions.is_empty())
    );
    hall.stop().await;
}
