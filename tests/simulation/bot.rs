//! The modelled bot: it answers an event in one way only, however often it is asked, and is wayward about when.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use fastrand::Rng;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    header::HeaderValue,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{io::DuplexStream, sync::mpsc, time::sleep};
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request as Upgrade, Response as Accepted},
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::plan::Manners;

/// The bot. Cheap to clone: all are the same bot.
#[derive(Clone)]
pub(crate) struct Bot {
    state: Arc<Mutex<State>>,
    tasks: TaskTracker,
}

struct State {
    rng: Rng,
    manners: Manners,
    up: bool,
    /// From now on it answers at once.
    well: bool,
    asked: BTreeMap<String, Asked>,
    connection: Option<(mpsc::Sender<Message>, CancellationToken)>,
    /// What it has to say as soon as somebody listens again.
    unsaid: Vec<Message>,
}

/// An event that was put to the bot.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) conversation: String,
    /// The consumer messages that it covers.
    pub(crate) covers: Vec<u64>,
    /// What it was asked to cover before, under the same id, where that was something else.
    pub(crate) covered_once: BTreeSet<Vec<u64>>,
    /// The bot has said that it will take its time: nobody waits for the answer to keep the order.
    pub(crate) seen: bool,
    /// The number of the last attempt that reached it.
    pub(crate) attempt: u64,
    /// What it did with it, each time.
    pub(crate) moods: Vec<Mood>,
}

/// What it does with an event this time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    Answers(f64),
    Twice,
    /// First words that nobody asked for, in another's name.
    Confused,
    SeenFirst,
    Silent,
    Dies,
    Fails(u16),
}

impl Mood {
    /// Nobody hears of an answer.
    pub(crate) fn is_silent(self) -> bool {
        match self {
            Self::Silent | Self::Dies | Self::Fails(_) => true,
            Self::Answers(_) | Self::Twice | Self::Confused | Self::SeenFirst => false,
        }
    }
}

impl Bot {
    pub(crate) fn new(seed: u64, manners: Manners) -> Self {
        let state = State {
            rng: Rng::with_seed(seed),
            manners,
            up: true,
            well: false,
            asked: BTreeMap::new(),
            connection: None,
            unsaid: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), tasks: TaskTracker::new() }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state().up
    }

    pub(crate) fn goes_down(&self) {
        let mut state = self.state();
        state.up = false;
        if let Some((_, gone)) = state.connection.take() {
            gone.cancel();
        }
    }

    pub(crate) fn comes_up(&self) {
        self.state().up = true;
    }

    /// It is there, and answers everything at once from now on.
    pub(crate) fn recovers(&self) {
        let mut state = self.state();
        state.up = true;
        state.well = true;
    }

    /// Every event that it was ever asked.
    pub(crate) fn asked(&self) -> BTreeMap<String, Asked> {
        self.state().asked.clone()
    }

    pub(crate) fn connect_websocket(&self, io: DuplexStream) {
        self.tasks.spawn(self.clone().serve_websocket(io));
    }

    pub(crate) fn connect_webhook(&self, io: DuplexStream) {
        let bot = self.clone();
        self.tasks.spawn(async move {
            let service = service_fn(|request| bot.answer_request(request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(io), service).await;
        });
    }

    async fn serve_websocket(self, io: DuplexStream) {
        #[expect(clippy::result_large_err, reason = "the shape of the callback is tungstenite's")]
        let name_protocol = |_: &Upgrade, mut response: Accepted| {
            let protocol = HeaderValue::from_static("connectord.bot.v1");
            response.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
            Ok(response)
        };
        let Ok(mut socket) = accept_hdr_async(io, name_protocol).await else { return };
        let (sender, mut outbox) = mpsc::channel(1_024);
        let gone = CancellationToken::new();
        {
            let mut state = self.state();
            for message in std::mem::take(&mut state.unsaid) {
                let _ = sender.try_send(message);
            }
            state.connection = Some((sender, gone.clone()));
        }
        loop {
            tokio::select! {
                biased;
                () = gone.cancelled() => return,
                message = outbox.recv() => match message {
                    Some(message) => if socket.send(message).await.is_err() { return },
                    None => return,
                },
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => self.hears(text.as_str(), &gone),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
            }
        }
    }

    fn hears(&self, text: &str, gone: &CancellationToken) {
        let frame: Value = serde_json::from_str(text).unwrap();
        let event = frame["event"].clone();
        if frame["type"] != "event" || event["type"] != "message" {
            return;
        }
        let mood = self.is_asked(&event);
        let id = event["id"].as_str().unwrap().to_owned();
        match mood {
            Mood::Answers(seconds) => self.replies(id, seconds),
            Mood::Twice => {
                self.replies(id.clone(), 0.2);
                self.replies(id, 1.5);
            }
            Mood::Confused => {
                self.sends(reply("no-such-dialog:3", &[json!({"type": "text", "text": "lost"})]));
                self.sends(json!({"type": "say", "conversationId": "no-such-conversation",
                    "actions": [{"type": "text", "text": "lost"}]}));
                self.replies(id, 0.5);
            }
            Mood::SeenFirst => {
                self.sends(json!({"type": "seen", "id": id}));
                self.replies(id, 4.0);
            }
            Mood::Silent | Mood::Fails(_) => {}
            Mood::Dies => gone.cancel(),
        }
    }

    /// Notes the event and tells what to do with it.
    fn is_asked(&self, event: &Value) -> Mood {
        let mut state = self.state();
        let message = &event["message"];
        let parts = message["parts"].as_array().cloned().unwrap_or_default();
        let covers: Vec<u64> = parts.iter().filter_map(|part| part["sequence"].as_u64()).collect();
        let conversation = event["conversation"]["id"].as_str().unwrap().to_owned();
        let id = event["id"].as_str().unwrap().to_owned();
        let mood = state.mood();
        tracing::debug!(id, ?covers, ?mood, "the bot is asked");
        let (mut moods, mut covered_once) = (Vec::new(), BTreeSet::new());
        if let Some(before) = state.asked.remove(&id) {
            (moods, covered_once) = (before.moods, before.covered_once);
            if before.covers != covers {
                covered_once.insert(before.covers);
            }
        }
        moods.push(mood);
        let seen = moods.iter().any(|mood| matches!(mood, Mood::SeenFirst));
        let attempt = event["attempt"].as_u64().unwrap();
        let asked = Asked { conversation, covers, covered_once, seen, attempt, moods };
        state.asked.insert(id, asked);
        mood
    }

    fn replies(&self, id: String, seconds: f64) {
        let bot = self.clone();
        self.tasks.spawn(async move {
            sleep(Duration::from_secs_f64(seconds)).await;
            bot.sends(reply(&id, &actions(&id, bot.exits())));
        });
    }

    fn sends(&self, frame: Value) {
        let mut state = self.state();
        let message = Message::text(frame.to_string());
        let open = state
            .connection
            .as_ref()
            .filter(|(sender, gone)| !gone.is_cancelled() && !sender.is_closed());
        match open {
            Some((sender, _)) => drop(sender.try_send(message)),
            None => state.unsaid.push(message),
        }
    }

    fn exits(&self) -> bool {
        self.state().manners.exits
    }

    async fn answer_request(
        &self,
        request: Request<Incoming>,
    ) -> io::Result<Response<Full<Bytes>>> {
        if !self.is_up() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let (head, body) = request.into_parts();
        if head.method == Method::OPTIONS {
            return Ok(respond(204, String::new()));
        }
        let Ok(body) = body.collect().await else {
            return Err(io::ErrorKind::ConnectionReset.into());
        };
        let event: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
        if event["type"] != "message" {
            return Ok(respond(204, String::new()));
        }
        let mood = self.is_asked(&event);
        let id = event["id"].as_str().unwrap();
        let seconds = match mood {
            Mood::Answers(seconds) => seconds,
            Mood::Twice | Mood::Confused | Mood::SeenFirst => 2.0,
            Mood::Silent => return std::future::pending().await,
            Mood::Dies => return Err(io::ErrorKind::ConnectionReset.into()),
            Mood::Fails(status) => return Ok(respond(status, String::new())),
        };
        sleep(Duration::from_secs_f64(seconds)).await;
        let actions = actions(id, self.exits());
        Ok(respond(200, json!({"inReplyTo": id, "actions": actions}).to_string()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn mood(&mut self) -> Mood {
        if self.well {
            return Mood::Answers(0.05);
        }
        match self.rng.u32(..100) {
            0..5 => Mood::Twice,
            5..10 => Mood::Confused,
            10..16 => Mood::SeenFirst,
            16..20 => Mood::Dies,
            20..24 => Mood::Fails(self.rng.choice([500, 503, 429]).unwrap()),
            24..34 if self.manners.silent => Mood::Silent,
            _ => Mood::Answers(self.rng.f64() * self.rng.f64() * 4.0),
        }
    }
}

/// How the answer to this event ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Stays,
    Transfers,
    Closes,
}

/// How many texts the answer to this event has.
pub(crate) fn pieces(id: &str) -> u32 {
    1 + hash(id) % 3
}

pub(crate) fn ending(id: &str) -> Ending {
    match hash(id) % 41 {
        7 => Ending::Transfers,
        19 => Ending::Closes,
        _ => Ending::Stays,
    }
}

fn actions(id: &str, exits: bool) -> Vec<Value> {
    let mut actions: Vec<Value> = (0..pieces(id))
        .map(|piece| json!({"type": "text", "text": format!("{id}/{piece}")}))
        .collect();
    match ending(id) {
        Ending::Transfers if exits => {
            actions.push(json!({"type": "transfer", "skillId": "4129463410"}))
        }
        Ending::Closes if exits => actions.push(json!({"type": "close", "survey": false})),
        Ending::Stays | Ending::Transfers | Ending::Closes => {}
    }
    actions
}

fn reply(id: &str, actions: &[Value]) -> Value {
    json!({"type": "reply", "reply": {"inReplyTo": id, "actions": actions}})
}

fn respond(status: u16, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status.try_into().unwrap();
    response
}

/// The same in every run (FNV-1a).
fn hash(text: &str) -> u32 {
    text.bytes().fold(2_166_136_261, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}
