//! A cloud for tests, in memory: HTTP answers from a function, each WebSocket handed to the test.

use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, Uri,
    body::{Bytes, Incoming},
    header::SET_COOKIE,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{io::DuplexStream, sync::mpsc};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::handshake::server::{ErrorResponse, Request as Upgrade, Response as Accepted},
};
use tokio_util::task::TaskTracker;

use super::{ChatSettings, Credentials, Settings};
use crate::{net::Net, secret::Secret};

/// What was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

/// What to answer; a WebSocket is accepted with 101.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) cookies: Vec<&'static str>,
    pub(crate) body: String,
}

pub(crate) type Server = WebSocketStream<DuplexStream>;

/// The cloud.
pub(crate) struct Cloud {
    pub(crate) net: Net,
    pub(crate) tracker: TaskTracker,
    /// The server's end of each WebSocket.
    pub(crate) sockets: mpsc::Receiver<Server>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Answers = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

impl Cloud {
    /// `answers` decides about every HTTP request and every WebSocket upgrade (to a host `ws.test`).
    pub(crate) fn new(answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let answers: Answers = Arc::new(answers);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let tracker = TaskTracker::new();
        let (accepted, sockets) = mpsc::channel(16);
        let (log, tasks) = (Arc::clone(&asked), tracker.clone());
        let net = Net::in_memory(Arc::new(move |uri: &Uri| {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
            let answer = move |asked: Asked| {
                let answer = answers(&asked);
                log.lock().unwrap().push(asked);
                answer
            };
            if uri.host() == Some("ws.test") {
                tasks.spawn(serve_socket(theirs, answer, accepted.clone()));
            } else {
                tasks.spawn(serve_http(theirs, answer));
            }
            Ok(ours)
        }));
        Self { net, tracker, sockets, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) async fn socket(&mut self) -> Server {
        self.sockets.recv().await.unwrap()
    }
}

/// Answers as a healthy cloud does.
pub(crate) fn healthy(asked: &Asked) -> Answer {
    if asked.url.contains("baseURI") {
        json(
            200,
            &json!({"baseURIs": [
                {"service": "agentVep", "baseURI": "vep.test"},
                {"service": "facadeMsg", "baseURI": "ws.test"},
            ]}),
        )
    } else if asked.url.contains("/login") {
        Answer {
            cookies: vec!["Session_id=s3ss10n; Path=/; HttpOnly"],
            ..json(
                200,
                &json!({"bearer": BEARER, "csrf": CSRF, "config": {"userId": "4102938475",
                    "userPid": "0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2"}}),
            )
        }
    } else if asked.url.contains("/ws_api") {
        json(101, &json!(null))
    } else {
        json(200, &json!(null))
    }
}

pub(crate) fn json(status: u16, body: &Value) -> Answer {
    Answer {
        status,
        cookies: vec![],
        body: if body.is_null() { String::new() } else { body.to_string() },
    }
}

pub(crate) fn settings() -> Settings {
    let secret = |text: &str| Secret::Literal(SecretString::from(text));
    Settings {
        account: "12345678".into(),
        username: "bot-greeter".into(),
        credentials: Credentials::ApiKey {
            app_key: secret("app-k3y"),
            secret: secret("s3cret"),
            access_token: secret("t0ken"),
            access_token_secret: secret("t0ken-s3cret"),
        },
        domain_api: "https://api.test".into(),
        request_timeout: std::time::Duration::from_secs(10),
        keepalive_interval: std::time::Duration::from_secs(30),
        refresh_interval: std::time::Duration::from_secs(240),
        manager: false,
        chat: ChatSettings::default(),
    }
}

pub(crate) const BEARER: &str = "5b1e0c2d4f6a8b9c";
pub(crate) const CSRF: &str = "8f7e6d5c4b3a2918";
/// Nothing of this may ever be printed.
pub(crate) const SECRETS: [&str; 7] =
    [BEARER, CSRF, "s3ss10n", "app-k3y", "s3cret", "t0ken", "t0ken-s3cret"];

async fn serve_http(stream: DuplexStream, answer: impl Fn(Asked) -> Answer + Clone) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let answer = answer(Asked {
                method: head.method.to_string(),
                url: head.uri.to_string(),
                cookie: head.headers.get("cookie").map(|value| value.to_str().unwrap().to_owned()),
                body: String::from_utf8(body.to_vec()).unwrap(),
            });
            let mut response = Response::builder().status(answer.status);
            for cookie in answer.cookies {
                response = response.header(SET_COOKIE, cookie);
            }
            let body = Full::new(Bytes::from(answer.body));
            Ok::<_, hyper::Error>(response.body(body).unwrap())
        }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn serve_socket(
    stream: DuplexStream,
    answer: impl Fn(Asked) -> Answer,
    accepted: mpsc::Sender<Server>,
) {
    #[expect(clippy::result_large_err, reason = "the callback's type is given")]
    let decide = |request: &Upgrade, response: Accepted| -> Result<Accepted, ErrorResponse> {
        let answer = answer(Asked {
            method: "UPGRADE".into(),
            url: request.uri().to_string(),
            ..Asked::default()
        });
        if answer.status == 101 {
            Ok(response)
        } else {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = answer.status.try_into().unwrap();
            Err(refusal)
        }
    };
    if let Ok(socket) = accept_hdr_async(stream, decide).await {
        let _ = accepted.send(socket).await;
    }
}
