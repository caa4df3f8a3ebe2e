//! A bot at the other end of a WebSocket that does as the test says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt as _, DuplexStream},
    sync::{Notify, mpsc},
};
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::HeaderValue,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};
use tokio_util::task::TaskTracker;

/// The bot. Cheap to clone: all are the same bot.
#[derive(Clone)]
pub(crate) struct Bot {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    news: Notify,
    tasks: TaskTracker,
}

struct State {
    up: bool,
    /// Answers every message by itself with what this makes of its text.
    answer: Option<Answering>,
    /// Frames that have come and nobody has looked at.
    frames: VecDeque<Value>,
    /// Every event that has ever come.
    events: Vec<Value>,
    connection: Option<mpsc::Sender<Act>>,
    connections: usize,
}

type Answering = Box<dyn Fn(&str) -> Vec<Value> + Send>;

/// What a connection is to do.
enum Act {
    Send(Message),
    /// Ends what it sends; it still reads.
    EndSending,
    /// Takes nothing from the wire any more.
    EndReading,
}

impl Bot {
    pub(crate) fn new() -> Self {
        let state = State {
            up: true,
            answer: None,
            frames: VecDeque::new(),
            events: Vec::new(),
            connection: None,
            connections: 0,
        };
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                news: Notify::new(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// From now on every message is answered at once by `prefix` and its text.
    pub(crate) fn echoes(&self, prefix: &str) {
        let prefix = prefix.to_owned();
        self.answers_by(move |text| format!("{prefix}{text}"));
    }

    /// From now on every message is answered at once by what `answer` makes of its text.
    pub(crate) fn answers_by(&self, answer: impl Fn(&str) -> String + Send + 'static) {
        self.answers_with(move |said| vec![text(&answer(said))]);
    }

    /// The same with several actions.
    pub(crate) fn answers_with(&self, answer: impl Fn(&str) -> Vec<Value> + Send + 'static) {
        self.state().answer = Some(Box::new(answer));
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state().up
    }

    /// The bot's server goes away: connections end, new ones are refused.
    pub(crate) fn goes_down(&self) {
        let mut state = self.state();
        state.up = false;
        state.connection = None;
    }

    /// It comes back.
    pub(crate) fn comes_up(&self) {
        self.state().up = true;
    }

    /// The next event of this type; waits a day of virtual time at most.
    pub(crate) async fn next(&self, kind: &str) -> Value {
        let wait = async {
            loop {
                let news = self.inner.news.notified();
                let found = {
                    let mut state = self.state();
                    let place = state
                        .frames
                        .iter()
                        .position(|f| f["type"] == "event" && f["event"]["type"] == kind);
                    place.and_then(|place| state.frames.remove(place))
                };
                if let Some(frame) = found {
                    return frame["event"].clone();
                }
                news.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(86_400), wait)
            .await
            .unwrap_or_else(|_| panic!("the bot never got a {kind} event: {:#?}", self.events()))
    }

    /// The next frame of this type; waits a minute of virtual time at most.
    pub(crate) async fn frame(&self, kind: &str) -> Value {
        for _ in 0..60 {
            let found = {
                let frames = &mut self.state().frames;
                let place = frames.iter().position(|frame| frame["type"] == kind);
                place.and_then(|place| frames.remove(place))
            };
            if let Some(frame) = found {
                return frame;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("the bot never got a {kind} frame")
    }

    /// The next message event, by its text.
    pub(crate) async fn hears(&self, text: &str) -> Value {
        let event = self.next("message").await;
        assert_eq!(event["message"]["text"], text, "{event:#}");
        event
    }

    /// Everything that it was ever told.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.state().events.clone()
    }

    /// The texts of the message events that nobody has looked at.
    pub(crate) fn unheard(&self) -> Vec<String> {
        let frames = &self.state().frames;
        let messages = frames.iter().filter(|f| f["event"]["type"] == "message");
        messages.map(|f| f["event"]["message"]["text"].as_str().unwrap().to_owned()).collect()
    }

    /// What it was told could not be used.
    pub(crate) fn errors(&self) -> Vec<String> {
        let frames = &self.state().frames;
        let errors = frames.iter().filter(|frame| frame["type"] == "error");
        errors.map(|frame| frame["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Answers an event.
    pub(crate) fn answers(&self, event: &Value, actions: &[Value]) {
        self.send(json!({
            "type": "reply",
            "reply": { "inReplyTo": event["id"], "actions": actions }
        }));
    }

    /// Says that it has an event.
    pub(crate) fn has_seen(&self, event: &Value) {
        self.send(json!({ "type": "seen", "id": event["id"] }));
    }

    /// Speaks unasked.
    pub(crate) fn says(&self, conversation: &str, actions: &[Value]) {
        self.send(json!({ "type": "say", "conversationId": conversation, "actions": actions }));
    }

    /// Sends any frame.
    pub(crate) fn send(&self, frame: Value) {
        self.send_text(&frame.to_string());
    }

    /// Sends any text.
    pub(crate) fn send_text(&self, text: &str) {
        self.act(Act::Send(Message::text(text)));
    }

    /// Sends the beginning of a text frame whose end never comes.
    pub(crate) fn sends_a_beginning(&self, text: &str) {
        let kind = OpCode::Data(Data::Text);
        self.act(Act::Send(Message::Frame(Frame::message(text.to_owned(), kind, false))));
    }

    /// Sends these frames as fast as they are taken, while the connection lasts; tells how many were.
    pub(crate) async fn floods(&self, frames: impl IntoIterator<Item = Value>) -> usize {
        let connection = self.state().connection.clone().expect("the bot is not connected");
        let mut sent = 0;
        for frame in frames {
            if connection.send(Act::Send(Message::text(frame.to_string()))).await.is_err() {
                break;
            }
            sent += 1;
        }
        sent
    }

    /// Shuts its side of the connection; the other side stays open.
    pub(crate) fn ends_sending(&self) {
        self.act(Act::EndSending);
    }

    /// Takes nothing from this connection any more, as if it hung.
    pub(crate) fn ends_reading(&self) {
        self.act(Act::EndReading);
    }

    fn act(&self, act: Act) {
        let connection = self.state().connection.clone();
        connection
            .expect("the bot is not connected")
            .try_send(act)
            .expect("the bot's connection is full or gone");
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.state().connections
    }

    /// Serves one connection.
    pub(crate) fn connect(&self, io: DuplexStream) {
        let bot = self.clone();
        self.inner.tasks.spawn(async move { bot.serve(io).await });
    }

    async fn serve(self, io: DuplexStream) {
        #[expect(clippy::result_large_err, reason = "the shape of the callback is tungstenite's")]
        let name_protocol = |_: &Request, mut response: Response| {
            let protocol = HeaderValue::from_static("connectord.bot.v1");
            response.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
            Ok(response)
        };
        let Ok(mut socket) = accept_hdr_async(io, name_protocol).await else { return };
        let (sender, mut outbox) = mpsc::channel(64);
        {
            let mut state = self.state();
            state.connection = Some(sender);
            state.connections += 1;
        }
        let mut reads = true;
        loop {
            tokio::select! {
                frame = socket.next(), if reads => match frame {
                    Some(Ok(Message::Text(text))) => self.take(text.as_str()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
                act = outbox.recv() => match act {
                    Some(Act::Send(message)) => if socket.send(message).await.is_err() { return },
                    Some(Act::EndSending) => if socket.get_mut().shutdown().await.is_err() { return },
                    Some(Act::EndReading) => reads = false,
                    None => return,
                },
            }
        }
    }

    fn take(&self, text: &str) {
        let frame: Value = serde_json::from_str(text).expect("a frame that is not JSON");
        let answer = {
            let mut state = self.state();
            if frame["type"] == "event" {
                state.events.push(frame["event"].clone());
            }
            match (&state.answer, frame["event"]["type"] == "message") {
                (Some(answer), true) => {
                    let said = frame["event"]["message"]["text"].as_str().unwrap_or_default();
                    Some(answer(said))
                }
                _ => {
                    state.frames.push_back(frame.clone());
                    None
                }
            }
        };
        self.inner.news.notify_waiters();
        if let Some(actions) = answer {
            self.answers(&frame["event"], &actions);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner.state.lock().unwrap()
    }
}

/// A text action.
pub(crate) fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}
