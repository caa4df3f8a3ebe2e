//! A bot that takes its time: it answers in pieces, sometimes not at first, and the same event always the same.

use std::{
    collections::BTreeMap,
    io::{BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Sender},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Error, Message, accept_hdr,
    handshake::server::{Request, Response},
    http::HeaderValue,
};

use super::{Listener, pieces, read_request, reply, text};

/// The bot, by the transport of its choice. When it goes down, its open connections break as well.
pub(crate) struct Chatbot {
    transport: Transport,
    listener: Option<Listener>,
    address: SocketAddr,
    mind: Arc<Mind>,
}

/// How it is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    WebSocket,
    Webhook,
}

struct Mind {
    seed: u64,
    /// The longest that it thinks, ms.
    thinks: u64,
    /// Now and then it does not answer at first.
    is_absent_minded: bool,
    /// The most pieces that an answer has.
    most_pieces: usize,
    /// The text of each event that it has heard.
    heard: Mutex<BTreeMap<String, String>>,
    /// What was wrong with events.
    complaints: Mutex<Vec<String>>,
    /// How often it has gone down.
    deaths: AtomicUsize,
}

/// What it does about an event.
enum Reaction {
    /// Nothing, as if it had not heard.
    Silence,
    /// It has heard, and nothing is to be said.
    Nothing,
    /// The reply, after so many milliseconds.
    Answer(u64, Value),
}

impl Chatbot {
    pub(crate) fn new(transport: Transport, seed: u64, thinks: u64) -> Self {
        Self::with(transport, seed, thinks, true, 3)
    }

    /// One that answers whatever it is asked, in so many pieces at most.
    pub(crate) fn attentive(transport: Transport, seed: u64, most_pieces: usize) -> Self {
        Self::with(transport, seed, 400, false, most_pieces)
    }

    fn with(
        transport: Transport,
        seed: u64,
        thinks: u64,
        is_absent_minded: bool,
        most_pieces: usize,
    ) -> Self {
        let mind = Arc::new(Mind {
            seed,
            thinks,
            is_absent_minded,
            most_pieces,
            heard: Mutex::default(),
            complaints: Mutex::default(),
            deaths: AtomicUsize::new(0),
        });
        let listener = mind.listens(transport, ([127, 0, 0, 1], 0).into());
        Self { transport, address: listener.address(), listener: Some(listener), mind }
    }

    /// The table `[bot]`'s lines.
    pub(crate) fn settings(&self) -> String {
        let (transport, scheme) = match self.transport {
            Transport::WebSocket => ("websocket", "ws"),
            Transport::Webhook => ("webhook", "http"),
        };
        format!("transport = \"{transport}\"\nurl = \"{scheme}://{}/\"\n", self.address)
    }

    /// What was wrong with what it has heard: it must be the same event at every attempt.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.mind.complaints.lock().unwrap().clone()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.listener.is_some()
    }

    pub(crate) fn goes_down(&mut self) {
        self.listener = None;
        self.mind.deaths.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn comes_up(&mut self) {
        self.listener = Some(self.mind.listens(self.transport, self.address));
    }
}

impl Mind {
    fn listens(self: &Arc<Self>, transport: Transport, at: SocketAddr) -> Listener {
        let mind = Arc::clone(self);
        Listener::at(at, move |stream| match transport {
            Transport::WebSocket => mind.serve_socket(stream),
            Transport::Webhook => mind.serve_request(&stream),
        })
    }

    fn react(&self, event: &Value) -> Reaction {
        if event["type"] != "message" {
            return Reaction::Nothing;
        }
        if event["message"]["origin"] != "consumer" {
            return Reaction::Answer(0, reply(event, &[]));
        }
        let id = event["id"].as_str().unwrap();
        let said = event["message"]["text"].as_str().unwrap();
        let mut heard = self.heard.lock().unwrap();
        let known = heard.entry(id.to_owned()).or_insert_with(|| said.to_owned());
        if known != said {
            let complaint = format!("an event that was {known:?} is heard again as {event:#}");
            self.complaints.lock().unwrap().push(complaint);
        }
        drop(heard);
        let bytes = id.bytes().fold(self.seed, |hash, byte| hash.rotate_left(9) ^ u64::from(byte));
        let mut rng = fastrand::Rng::with_seed(bytes);
        let count = rng.usize(1..=self.most_pieces);
        // Not for ever: at the next attempt it hears.
        if rng.u8(..16) == 0 && event["attempt"] == 1 && self.is_absent_minded {
            return Reaction::Silence;
        }
        let actions: Vec<Value> = pieces(said, count).iter().map(|piece| text(piece)).collect();
        Reaction::Answer(rng.u64(..=self.thinks), reply(event, &actions))
    }

    fn serve_request(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let Some(request) = read_request(&mut reader) else { return };
        let (status, body) = match request.method.as_str() {
            "POST" => match self.react(&serde_json::from_str(&request.body).unwrap()) {
                Reaction::Silence => ("503 Service Unavailable", String::new()),
                Reaction::Nothing => ("204 No Content", String::new()),
                Reaction::Answer(after, reply) => {
                    thread::sleep(Duration::from_millis(after));
                    ("200 OK", reply.to_string())
                }
            },
            _ => ("204 No Content", String::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        let length = format!("Content-Type: application/json\r\nContent-Length: {}", body.len());
        // Whoever asked may have gone.
        let _ = { stream }.write_all(format!("{head}{length}\r\n\r\n{body}").as_bytes());
    }

    fn serve_socket(&self, stream: TcpStream) {
        let Ok(watched) = stream.try_clone() else { return };
        let Ok(mut socket) = accept_hdr(stream, speaks_our_protocol) else { return };
        // Answers wait for their moment in threads of their own, and are sent between two reads.
        watched.set_read_timeout(Some(Duration::from_millis(4))).unwrap();
        let (answers, due) = mpsc::channel();
        let born = self.deaths.load(Ordering::Relaxed);
        while self.deaths.load(Ordering::Relaxed) == born {
            match socket.read() {
                Ok(Message::Text(frame)) => self.hear(&frame, &answers),
                Ok(_) => {}
                Err(Error::Io(why)) if is_time_out(&why) => {}
                Err(_) => return,
            }
            while let Ok(frame) = due.try_recv() {
                if socket.send(Message::text(frame)).is_err() {
                    return;
                }
            }
        }
    }

    fn hear(&self, frame: &str, answers: &Sender<String>) {
        let frame: Value = serde_json::from_str(frame).unwrap();
        if frame["type"] != "event" {
            assert_eq!(frame["type"], "hello", "{frame:#}");
            return;
        }
        match self.react(&frame["event"]) {
            Reaction::Silence | Reaction::Nothing => {}
            Reaction::Answer(after, reply) => {
                let frame = json!({ "type": "reply", "reply": reply }).to_string();
                let answers = answers.clone();
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(after));
                    // The connection may be gone by now; whoever comes back asks again.
                    let _ = answers.send(frame);
                });
            }
        }
    }
}

#[expect(clippy::result_large_err, reason = "the library wants it so")]
fn speaks_our_protocol(
    request: &Request,
    mut response: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    let name = "sec-websocket-protocol";
    assert_eq!(request.headers().get(name).unwrap(), "connectord.bot.v1");
    response.headers_mut().insert(name, HeaderValue::from_static("connectord.bot.v1"));
    Ok(response)
}

fn is_time_out(why: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
