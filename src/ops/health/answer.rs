//! From method and path to a response.

use std::{sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::ops::{
    clock::Clock,
    metrics::{self, Metrics},
    status::{Status, readiness},
};

use super::{Ask, page};

/// Where requests are answered.
pub(super) struct Room {
    asks: mpsc::Sender<Ask>,
    metrics: Arc<Metrics>,
    clock: Clock,
    page_policy: String,
}

type Answer = Response<Full<Bytes>>;

impl Room {
    pub(super) fn new(asks: mpsc::Sender<Ask>, metrics: Arc<Metrics>, clock: Clock) -> Self {
        Self { asks, metrics, clock, page_policy: page::security_policy() }
    }

    /// Answers one request. The bodies of answers to HEAD are left out by hyper.
    pub(super) async fn answer(&self, method: &Method, path: &str) -> Answer {
        let Some(endpoint) = Endpoint::find(path) else {
            return plain(StatusCode::NOT_FOUND, "no such page; see /\n");
        };
        if method != Method::GET && method != Method::HEAD {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(header::ALLOW, allowed);
            return answer;
        }
        let status = self.ask().await;
        match (endpoint, status) {
            (Endpoint::Metrics, status) => {
                if let Some(status) = status {
                    self.metrics.status(&status);
                }
                self.metrics.usage(Handle::current().metrics().num_alive_tasks());
                answer(StatusCode::OK, metrics::CONTENT_TYPE, self.metrics.encode())
            }
            (Endpoint::Live | Endpoint::Ready | Endpoint::Status | Endpoint::Page, None) => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "the connector's main loop does not answer\n",
            ),
            (Endpoint::Live, Some(_)) => plain(StatusCode::OK, "ok\n"),
            (Endpoint::Ready, Some(status)) => match readiness(&status) {
                Ok(()) => plain(StatusCode::OK, "ok\n"),
                Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, why + "\n"),
            },
            (Endpoint::Status, Some(status)) => match serde_json::to_string_pretty(&status) {
                Ok(json) => answer(StatusCode::OK, "application/json", json + "\n"),
                Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "cannot write the status\n"),
            },
            (Endpoint::Page, Some(status)) => self.page(&status),
        }
    }

    fn page(&self, status: &Status) -> Answer {
        let html = page::page(status, self.clock.wall());
        let mut answer = answer(StatusCode::OK, "text/html; charset=utf-8", html);
        if let Ok(policy) = HeaderValue::from_str(&self.page_policy) {
            answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        answer
    }

    async fn ask(&self) -> Option<Box<Status>> {
        let (reply, answer) = oneshot::channel();
        let exchange = async {
            self.asks.send(Ask::Status(reply)).await.ok()?;
            answer.await.ok()
        };
        tokio::time::timeout(PATIENCE, exchange).await.ok()?
    }
}

#[derive(Clone, Copy)]
enum Endpoint {
    Page,
    Live,
    Ready,
    Status,
    Metrics,
}

impl Endpoint {
    fn find(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Page),
            "/livez" | "/healthz" => Some(Self::Live),
            "/readyz" => Some(Self::Ready),
            "/status" => Some(Self::Status),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    answer(status, "text/plain; charset=utf-8", text)
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// A hall that does not answer within this time is wedged.
const PATIENCE: Duration = Duration::from_secs(2);
