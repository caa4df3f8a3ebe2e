//! Where a webhook bot brings answers that come later, and says things unasked.
//!
//! | request | body | answers |
//! |---|---|---|
//! | `POST /v1/replies` | a reply | 202, 404 no such event, 409 already answered, 422 what is wrong |
//! | `POST /v1/conversations/{id}/say` | `{"actions": [...]}` | 202, 404 no such conversation, 422 what is wrong |
//!
//! Besides: 401 without the right bearer, 405 for another method, 408 for a body that does not come, 413 for
//! more than 1 MiB, 503 when the hall does not keep up. The server trusts nobody: connections, heads, bodies, times and requests are
//! bounded, and a caller that has not presented the token is soon hung up on, so that strangers cannot lock the bot out.

use std::{convert::Infallible, pin::pin, time::Duration};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes},
    header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use super::{content::Problem, protocol::BODY_MAX};
use crate::{
    ops::connections::{Connections, Trust},
    secret::Secret,
};

/// A request that passed the door; the room decides about it.
#[derive(Debug)]
pub(super) struct Letter {
    /// To what.
    pub(super) to: Recipient,
    /// The body, unread.
    pub(super) body: Bytes,
    /// Where the decision goes.
    pub(super) verdict: oneshot::Sender<Verdict>,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Recipient {
    /// The event that the body names.
    Event,
    /// This conversation.
    Conversation(String),
}

/// What the room decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is being carried out; some of it may have been skipped.
    Accepted(Vec<Problem>),
    /// No such event or conversation.
    Unknown(String),
    /// Already answered.
    Answered,
    /// Nothing of it can be used.
    Unusable(Vec<Problem>),
}

/// Serves `listener` for as long as it is polled.
pub(super) async fn serve(
    listener: TcpListener,
    token: watch::Receiver<Secret>,
    letters: mpsc::Sender<Letter>,
) {
    let mut connections = Connections::new(CONNECTIONS);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let trust = Trust::default();
                let connection = connection(stream, token.clone(), letters.clone(), trust.clone());
                connections.add(trust, connection);
            }
            // Out of file descriptors, or a connection that went while it waited.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One connection, until it is idle for too long or too old; a stranger's does not get old. `trust` is earned by the token.
pub(super) async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    token: watch::Receiver<Secret>,
    letters: mpsc::Sender<Letter>,
    trust: Trust,
) {
    let service =
        service_fn(|request| answer(request, token.clone(), letters.clone(), trust.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // How it ends is the caller's trouble: there is nobody here to tell.
    if timeout(STRANGER_MAX, connection.as_mut()).await.is_err() && trust.is_earned() {
        let _ = timeout(CONNECTION_MAX.saturating_sub(STRANGER_MAX), connection).await;
    }
}

async fn answer<B>(
    request: Request<B>,
    token: watch::Receiver<Secret>,
    letters: mpsc::Sender<Letter>,
    trust: Trust,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let decision = decide(request, &token, &letters, &trust);
    Ok(match timeout(REQUEST_TIMEOUT, Box::pin(decision)).await {
        Ok(response) => response,
        Err(_) => busy(),
    })
}

async fn decide<B>(
    request: Request<B>,
    token: &watch::Receiver<Secret>,
    letters: &mpsc::Sender<Letter>,
    trust: &Trust,
) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !is_authorized(request.headers().get(AUTHORIZATION), &token.borrow()) {
        let mut response =
            problem(StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong");
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        return response;
    }
    trust.earn();
    let Some(to) = recipient(request.uri().path()) else {
        let what = "no such path; known: /v1/replies and /v1/conversations/{id}/say";
        return problem(StatusCode::NOT_FOUND, what);
    };
    if request.method() != Method::POST {
        let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "only POST is allowed here");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let body = match timeout(BODY_TIMEOUT, read(request.into_body())).await {
        Ok(Ok(body)) => body,
        Ok(Err(response)) => return response,
        Err(_) => return problem(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
    };
    let (verdict, decided) = oneshot::channel();
    if letters.send(Letter { to, body, verdict }).await.is_err() {
        return busy();
    }
    match decided.await {
        Ok(verdict) => respond(verdict),
        Err(_) => busy(),
    }
}

async fn read<B>(body: B) -> Result<Bytes, Response<Full<Bytes>>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let too_long = || {
        let what = format!("the body is longer than {BODY_MAX} bytes");
        problem(StatusCode::PAYLOAD_TOO_LARGE, &what)
    };
    // A body that announces its length is refused before any of it is read.
    if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > BODY_MAX) {
        return Err(too_long());
    }
    match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(_) => Err(problem(StatusCode::BAD_REQUEST, "the body broke off")),
    }
}

pub(super) fn recipient(path: &str) -> Option<Recipient> {
    if path == "/v1/replies" {
        return Some(Recipient::Event);
    }
    let id = path.strip_prefix("/v1/conversations/")?.strip_suffix("/say")?;
    let id = percent_decode_str(id).decode_utf8().ok()?;
    (!id.is_empty() && !id.contains('/')).then(|| Recipient::Conversation(id.into_owned()))
}

/// Compares in constant time: digests, not texts, so that not even the length shows.
pub(super) fn is_authorized(header: Option<&HeaderValue>, token: &Secret) -> bool {
    // A token that cannot be read lets nobody in.
    let (Some(header), Ok(token)) = (header, token.read()) else {
        return false;
    };
    let Some((scheme, presented)) = header.as_bytes().split_at_checked("Bearer ".len()) else {
        return false;
    };
    let presented = Sha256::digest(presented);
    let expected = Sha256::digest(token.expose_secret().as_bytes());
    let difference = presented.iter().zip(expected.iter()).fold(0, |sum, (a, b)| sum | (a ^ b));
    scheme.eq_ignore_ascii_case(b"Bearer ") & (difference == 0)
}

fn respond(verdict: Verdict) -> Response<Full<Bytes>> {
    match verdict {
        Verdict::Accepted(problems) => {
            let body = json!({ "accepted": true, "problems": words(problems) });
            response(StatusCode::ACCEPTED, &body)
        }
        Verdict::Unknown(what) => problem(StatusCode::NOT_FOUND, &what),
        Verdict::Answered => problem(StatusCode::CONFLICT, "the event has already been answered"),
        Verdict::Unusable(problems) => {
            let body = json!({ "error": "nothing of it can be used", "problems": words(problems) });
            response(StatusCode::UNPROCESSABLE_ENTITY, &body)
        }
    }
}

fn words(problems: Vec<Problem>) -> Vec<Value> {
    (problems.into_iter())
        .map(|Problem { path, what }| json!({ "path": path, "what": what }))
        .collect()
}

fn busy() -> Response<Full<Bytes>> {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "busy; try again");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn problem(status: StatusCode, what: &str) -> Response<Full<Bytes>> {
    response(status, &json!({ "error": what }))
}

fn response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Connections at once; then the newest pushes out the oldest stranger.
const CONNECTIONS: usize = 64;
/// The longest head of a request.
const HEAD_MAX: usize = 16 * 1024;
/// From the first byte, or the end of the request before, to the end of the head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// For the whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Head's end to answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// For the right token to be presented.
const STRANGER_MAX: Duration = Duration::from_secs(10);
/// However busy it is, a connection is not kept longer, so that no client holds a place for good.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// After a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
