//! The demo's bot: a WebSocket server that speaks the connector's native bot protocol and shows what it can do.

use super::simulator::{BotMode, Simulator};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// The subprotocol of the native bot protocol.
const PROTOCOL: &str = "connectord.bot.v1";
/// How long to wait before trying a port again.
const PAUSE: Duration = Duration::from_millis(500);

/// Serves on `address` as `mode` says, until its sender is gone.
pub(super) async fn run(address: String, mut mode: watch::Receiver<BotMode>, simulator: Simulator) {
    let (tally, mut told) = watch::channel(Tally::default());
    let mut connections = JoinSet::new();
    loop {
        if *mode.borrow_and_update() == BotMode::Stopped {
            connections.shutdown().await;
            tally.send_modify(|tally| tally.connections = 0);
            told.borrow_and_update().show(&simulator);
            if mode.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Ok(listener) = TcpListener::bind(&address).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while *mode.borrow_and_update() != BotMode::Stopped {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(talk(stream, mode.clone(), tally.clone()));
                    }
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
                changed = mode.changed() => if changed.is_err() { return },
                Ok(()) = told.changed() => told.borrow_and_update().show(&simulator),
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// What the bot has done so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    connections: u64,
    events: u64,
    replies: u64,
}

impl Tally {
    fn show(self, simulator: &Simulator) {
        simulator.show_bot(self.connections, self.events, self.replies);
    }
}

/// Talks over one connection until it ends.
async fn talk<S>(stream: S, mode: watch::Receiver<BotMode>, tally: watch::Sender<Tally>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    #[expect(clippy::result_large_err, reason = "the shape of the callback is tungstenite's")]
    let subprotocol = |request: &Request, mut response: Response| {
        let name = "sec-websocket-protocol";
        if request.headers().get(name).is_some_and(|offered| offered == PROTOCOL) {
            response.headers_mut().insert(name, HeaderValue::from_static(PROTOCOL));
        }
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, subprotocol).await else {
        return;
    };
    tally.send_modify(|tally| tally.connections += 1);
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let Ok(frame) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        if frame["type"] != "event" {
            continue;
        }
        tally.send_modify(|tally| tally.events += 1);
        if *mode.borrow() != BotMode::Answering {
            continue;
        }
        let Some(actions) = answer(&frame["event"]) else {
            continue;
        };
        let reply = json!({ "type": "reply", "reply": { "inReplyTo": frame["event"]["id"], "actions": actions } });
        if socket.send(Message::text(reply.to_string())).await.is_err() {
            break;
        }
        tally.send_modify(|tally| tally.replies += 1);
    }
    tally.send_modify(|tally| tally.connections = tally.connections.saturating_sub(1));
}

/// What the bot does about an event; `None` for those that want no reply.
fn answer(event: &Value) -> Option<Vec<Value>> {
    if event["type"] != "message" {
        return None;
    }
    let message = &event["message"];
    let said = message["text"].as_str().unwrap_or_default();
    Some(match message["origin"].as_str().unwrap_or_default() {
        "greeting" => welcome("Hello! I am the demo's bot."),
        "stepUp" => vec![text("You have logged in. Nice to know you.")],
        "escalationFailed" => vec![text("I could not reach a person. Let us go on together.")],
        _ if message["file"].is_object() => {
            vec![text("Thank you for the file. I cannot look into it, though.")]
        }
        _ => match message["postback"]["payload"].as_str() {
            Some(payload) if payload.starts_with("coupon-") || payload.starts_with("plan-") => {
                vec![text(&format!(
                    "You have chosen \"{said}\". The button's payload is {payload}."
                ))]
            }
            _ => small_talk(said),
        },
    })
}

fn small_talk(said: &str) -> Vec<Value> {
    let has = |words: &[&str]| {
        let said = said.to_lowercase();
        said.split(|letter: char| !letter.is_alphanumeric()).any(|word| words.contains(&word))
    };
    if has(&["agent", "human", "person"]) {
        vec![
            text("I hand you over to a person. Look at the agent's side of this page."),
            json!({ "type": "transfer", "skill": "human", "reason": "consumer asked for a human" }),
        ]
    } else if has(&["bye", "goodbye"]) {
        vec![text("Goodbye!"), json!({ "type": "close", "survey": true })]
    } else if has(&["card"]) {
        vec![json!({ "type": "structured", "content": card() })]
    } else if has(&["tiles"]) {
        vec![json!({ "type": "tiles", "tiles": [
            tile("Headphones", "Quiet, wherever you are", "coupon-10", "10 % off"),
            tile("Speakers", "Loud, wherever you are", "coupon-20", "20 % off"),
        ] })]
    } else if has(&["buttons"]) {
        vec![json!({ "type": "buttons", "text": "Which discount would you like?", "buttons": [
            { "title": "10 % off", "payload": "coupon-10" }, { "title": "20 % off", "payload": "coupon-20" },
        ] })]
    } else if has(&["wait", "pause"]) {
        vec![
            text("Let me think ..."),
            json!({ "type": "pause", "milliseconds": 1500, "typing": true }),
            text("... and here I am again."),
        ]
    } else if has(&["note"]) {
        vec![
            json!({ "type": "text", "text": "The consumer asked for a note.", "audience": "agents" }),
            text("I have left a note that only agents can read."),
        ]
    } else if has(&["hello", "hi", "help", "menu"]) {
        welcome("Hello! I am the demo's bot.")
    } else {
        vec![text(&format!("You said: {said}"))]
    }
}

fn welcome(greeting: &str) -> Vec<Value> {
    let reply = |title: &str| {
        json!({
            "type": "button", "title": title, "tooltip": title,
            "click": { "actions": [{ "type": "publishText", "text": title }] },
        })
    };
    let replies: Vec<Value> =
        ["card", "tiles", "buttons", "wait", "note", "agent", "bye"].map(reply).to_vec();
    let intro = format!("{greeting} I repeat what you say, and know a few words:");
    vec![json!({
        "type": "structured",
        "content": { "type": "vertical", "elements": [{ "type": "text", "text": intro }] },
        "quickReplies": { "type": "quickReplies", "itemsPerRow": 4, "replies": replies },
    })]
}

fn card() -> Value {
    let button = |title: &str, payload: &str| {
        json!({
            "type": "button", "title": title, "tooltip": title,
            "click": {
                "actions": [{ "type": "publishText", "text": title }],
                "metadata": [{ "type": "ExternalId", "id": payload }],
            },
        })
    };
    json!({ "type": "vertical", "elements": [
        { "type": "text", "text": "Pick a plan", "tooltip": "Pick a plan", "style": { "bold": true, "size": "large" } },
        { "type": "text", "text": "Both can be cancelled at any time.", "tooltip": "Both can be cancelled at any time." },
        button("Unlimited", "plan-unlimited"),
        button("Pay as you go", "plan-payg"),
        { "type": "button", "title": "Read more", "tooltip": "Read more",
          "click": { "actions": [{ "type": "link", "name": "site", "uri": "https://www.example.com/plans" }] } },
    ] })
}

fn tile(title: &str, subtitle: &str, payload: &str, button: &str) -> Value {
    json!({ "title": title, "subtitle": subtitle, "buttons": [{ "title": button, "payload": payload }] })
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

    fn kinds(event: &Value) -> Vec<String> {
        let actions = answer(event).unwrap();
        actions.iter().map(|action| action["type"].as_str().unwrap().to_owned()).collect()
    }

    fn consumer(text: &str) -> Value {
        json!({ "type": "message", "message": { "origin": "consumer", "text": text } })
    }

    #[tokio::test(start_paused = true)]
    async fn it_replies_over_its_socket_and_is_silent_when_told() {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (mode, behaviour) = watch::channel(BotMode::Answering);
        let (tally, told) = watch::channel(Tally::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(talk(far, behaviour, tally));
        let mut request = "ws://bot/".into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
        let (mut socket, response) = tokio_tungstenite::client_async(request, near).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], PROTOCOL);

        let event = |id: &str| {
            let message = json!({ "origin": "consumer", "text": "good morning" });
            let event = json!({ "id": id, "type": "message", "message": message });
            Message::text(json!({ "type": "event", "event": event }).to_string())
        };
        socket.send(Message::text(r#"{"type":"hello","version":1}"#)).await.unwrap();
        socket.send(event("d:1")).await.unwrap();
        let reply = socket.next().await.unwrap().unwrap().into_text().unwrap();
        let reply: Value = serde_json::from_str(&reply).unwrap();
        let expected = json!({ "inReplyTo": "d:1", "actions": [text("You said: good morning")] });
        assert_eq!(reply, json!({ "type": "reply", "reply": expected }));

        mode.send_replace(BotMode::Silent);
        socket.send(event("d:2")).await.unwrap();
        let silence = tokio::time::timeout(Duration::from_secs(60), socket.next()).await;
        assert!(silence.is_err());
        let tally = *told.borrow();
        assert_eq!((tally.connections, tally.events, tally.replies), (1, 2, 1));
    }

    #[test]
    fn it_greets_answers_transfers_and_closes() {
        assert_eq!(
            kinds(&json!({ "type": "message", "message": { "origin": "greeting", "text": "hi" } })),
            ["structured"]
        );
        assert_eq!(answer(&consumer("good morning")).unwrap(), [text("You said: good morning")]);
        assert_eq!(kinds(&consumer("I want an AGENT!")), ["text", "transfer"]);
        assert_eq!(kinds(&consumer("bye")), ["text", "close"]);
        assert_eq!(kinds(&consumer("wait")), ["text", "pause", "text"]);
        assert_eq!(kinds(&consumer("tiles")), ["tiles"]);
        assert_eq!(answer(&json!({ "type": "conversationEnded" })), None);
    }

    #[test]
    fn its_cards_are_within_the_limits() {
        for said in ["card", "hello"] {
            for action in answer(&consumer(said)).unwrap() {
                assert_eq!(crate::simulator::check_card(&action["content"]), Ok(()));
                if action["quickReplies"].is_object() {
                    assert_eq!(
                        crate::simulator::check_quick_replies(&action["quickReplies"]),
                        Ok(())
                    );
                }
            }
        }
    }
}
