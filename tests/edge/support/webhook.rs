//! A bot behind a webhook that answers as the test has written down.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    HeaderMap, Method, Request, Response,
    body::{Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{io::DuplexStream, sync::Notify, time::Instant};
use tokio_util::task::TaskTracker;

/// The bot. Cheap to clone: all are the same bot.
#[derive(Clone)]
pub(crate) struct Webhook {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    news: Notify,
    tasks: TaskTracker,
}

struct State {
    up: bool,
    /// What the next requests are answered.
    script: VecDeque<Answer>,
    /// What requests beyond the script are answered.
    otherwise: Answer,
    /// Events that nobody has looked at.
    asked: VecDeque<Asked>,
    /// Requests that asked for nothing.
    probes: usize,
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// 200 with these actions.
    Actions(Vec<Value>),
    /// 200 with this body.
    Body(String),
    /// This status and no body.
    Status(u16),
    /// This status, and how many seconds to wait.
    Later(u16, u32),
    /// 200 and the first half of this body; then the connection breaks.
    Cut(String),
    /// 200 and this body, a byte a second.
    Trickle(String),
    /// 200 with the words that were said, after so many seconds.
    EchoAfter(f64),
    /// None at all.
    Never,
}

/// An event as it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) headers: HeaderMap,
    /// The body as it came.
    pub(crate) body: String,
    pub(crate) event: Value,
}

impl Asked {
    /// How long ago that was.
    #[expect(clippy::disallowed_methods, reason = "the test's own clock")]
    pub(crate) fn ago(&self) -> Duration {
        Instant::now() - self.at
    }
}

impl Webhook {
    pub(crate) fn new() -> Self {
        let state = State {
            up: true,
            script: VecDeque::new(),
            otherwise: Answer::Actions(Vec::new()),
            asked: VecDeque::new(),
            probes: 0,
        };
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                news: Notify::new(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// What the next events are answered, one after another.
    pub(crate) fn will(&self, script: impl IntoIterator<Item = Answer>) {
        self.state().script.extend(script);
    }

    /// What all events beyond the script are answered.
    pub(crate) fn always(&self, answer: Answer) {
        self.state().otherwise = answer;
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state().up
    }

    /// Connections are refused; those that are open end with their next request.
    pub(crate) fn goes_down(&self) {
        self.state().up = false;
    }

    /// Connections are taken again.
    pub(crate) fn comes_up(&self) {
        self.state().up = true;
    }

    /// The next event of this type; waits a day of virtual time at most.
    pub(crate) async fn next(&self, kind: &str) -> Asked {
        let wait = async {
            loop {
                let news = self.inner.news.notified();
                let found = {
                    let asked = &mut self.state().asked;
                    let place = asked.iter().position(|asked| asked.event["type"] == kind);
                    place.and_then(|place| asked.remove(place))
                };
                if let Some(asked) = found {
                    return asked;
                }
                news.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(86_400), wait)
            .await
            .unwrap_or_else(|_| panic!("the webhook was never asked a {kind} event"))
    }

    /// The next message event, by its text.
    pub(crate) async fn hears(&self, text: &str) -> Asked {
        let asked = self.next("message").await;
        assert_eq!(asked.event["message"]["text"], text, "{:#}", asked.event);
        asked
    }

    /// The message events that nobody has looked at, in the order in which they came.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let state = self.state();
        let events = state.asked.iter().map(|asked| &asked.event);
        events.filter(|event| event["type"] == "message").cloned().collect()
    }

    /// How many message events nobody has looked at.
    pub(crate) fn unheard(&self) -> usize {
        self.state().asked.iter().filter(|asked| asked.event["type"] == "message").count()
    }

    /// How often it was looked whether somebody is there.
    pub(crate) fn probes(&self) -> usize {
        self.state().probes
    }

    /// Serves one connection.
    pub(crate) fn connect(&self, io: DuplexStream) {
        let bot = self.clone();
        let serve = async move {
            let service = service_fn(|request| bot.answer(request));
            // A client may hang up in the middle of an exchange.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(io), service).await;
        };
        self.inner.tasks.spawn(serve);
    }

    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        if !self.is_up() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let (head, body) = request.into_parts();
        if head.method == Method::OPTIONS {
            self.state().probes += 1;
            return Ok(respond(204, None, ""));
        }
        let body = body.collect().await.expect("a whole request").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("a text");
        let event: Value = serde_json::from_str(&body).expect("JSON");
        let id = event["id"].clone();
        let answer = {
            let mut state = self.state();
            let is_message = event["type"] == "message";
            #[expect(clippy::disallowed_methods, reason = "the test's own clock")]
            let at = Instant::now();
            state.asked.push_back(Asked { at, headers: head.headers, body, event: event.clone() });
            if is_message {
                state.script.pop_front().unwrap_or_else(|| state.otherwise.clone())
            } else {
                Answer::Status(204)
            }
        };
        self.inner.news.notify_waiters();
        Ok(match answer {
            Answer::Actions(actions) => {
                respond(200, None, &json!({ "inReplyTo": id, "actions": actions }).to_string())
            }
            Answer::Body(body) => respond(200, None, &body),
            Answer::Status(status) => respond(status, None, ""),
            Answer::Later(status, seconds) => respond(status, Some(seconds), ""),
            Answer::Cut(body) => {
                let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
                let broken = Err(io::ErrorKind::ConnectionReset.into());
                stream_of(stream::iter([Ok(half), broken]))
            }
            Answer::Trickle(body) => {
                let bytes = stream::iter(body.into_bytes());
                stream_of(bytes.then(|byte| async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(Bytes::copy_from_slice(&[byte]))
                }))
            }
            Answer::EchoAfter(seconds) => {
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
                let actions = json!([{ "type": "text", "text": event["message"]["text"] }]);
                respond(200, None, &json!({ "inReplyTo": id, "actions": actions }).to_string())
            }
            Answer::Never => std::future::pending().await,
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner.state.lock().unwrap()
    }
}

type Body = BoxBody<Bytes, io::Error>;

fn respond(status: u16, retry_after: Option<u32>, body: &str) -> Response<Body> {
    let body = Full::from(body.to_owned()).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().unwrap();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

fn stream_of(
    pieces: impl stream::Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
) -> Response<Body> {
    let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data)));
    Response::new(BoxBody::new(body))
}
