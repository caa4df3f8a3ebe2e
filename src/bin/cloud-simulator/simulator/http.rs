//! HTTP: the REST services, the upgrade to a WebSocket, the file store, the control API and the page.

use super::chat::{CallName, Dropped};
use super::faults::{Fault, Route};
use super::session::Reply;
use super::{Simulator, chat, control, files, page, stream, websocket};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Body of every answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// How long a request with status 0 is kept waiting.
const NEVER: Duration = Duration::from_secs(3600);

/// Serves one connection until it ends.
pub(super) async fn serve<S>(simulator: Simulator, io: S, scheme: &'static str)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |request| {
        let simulator = simulator.clone();
        async move { answer(&simulator, request, scheme).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    // A client that breaks off is its own affair.
    let _ = connection.await;
}

/// A JSON answer.
pub(super) fn json(status: u16, body: &Value) -> Response<Body> {
    plain(status, "application/json", body.to_string())
}

async fn answer(
    simulator: &Simulator,
    mut request: Request<Incoming>,
    scheme: &str,
) -> Result<Response<Body>, Dropped> {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let method = request.method().clone();
    Ok(match segments.as_slice() {
        ["simulator", "stream"] if method == Method::GET => events(simulator),
        ["simulator", rest @ ..] => {
            let query = request.uri().query().unwrap_or_default().to_owned();
            match read(&mut request).await {
                Ok(body) => control::answer(simulator, &method, rest, &query, &body),
                Err(response) => response,
            }
        }
        ["api" | "csdr", "account", account, "service", "baseURI.json"] => {
            directory(simulator, &method, &request, account, None).await?
        }
        ["api" | "csdr", "account", account, "service", service, "baseURI.json"] => {
            directory(simulator, &method, &request, account, Some(service)).await?
        }
        ["api", "account", account, verb @ ("login" | "refresh" | "logout")] => {
            session(simulator, &method, &mut request, account, verb).await?
        }
        ["api", "account", account, "agentSession" | "agentSession.json", rest @ ..] => {
            chat::answer(simulator, &mut request, account, rest, scheme).await?
        }
        ["ws_api", "account", account, "messaging", "brand", bearer] => {
            upgrade(simulator, &mut request, account, bearer).await
        }
        ["v1", ..] => file(simulator, &method, &mut request, &path).await,
        _ => match page::file(&path) {
            Some((kind, text)) if method == Method::GET => plain(200, kind, text),
            Some(_) => error(405, "only GET"),
            None => error(404, &format!("there is nothing at {path}")),
        },
    })
}

async fn directory(
    simulator: &Simulator,
    method: &Method,
    request: &Request<Incoming>,
    account: &str,
    service: Option<&str>,
) -> Result<Response<Body>, Dropped> {
    if let Some(response) = fail(simulator, Route::Domains, "").await {
        return Ok(response);
    }
    if method != Method::GET {
        return Ok(error(405, "only GET"));
    }
    if query_value(request, "version").is_none() {
        return Ok(reply(Reply::error(400, "version is required", 11)));
    }
    let host = host(request);
    let path = request.uri().path();
    let look = || simulator.act(|world| world.domains(account, service, &host));
    chat::around(simulator, "", CallName::Domains, path, look).await
}

async fn session(
    simulator: &Simulator,
    method: &Method,
    request: &mut Request<Incoming>,
    account: &str,
    verb: &str,
) -> Result<Response<Body>, Dropped> {
    if method != Method::POST {
        return Ok(error(405, "only POST"));
    }
    let path = request.uri().path().to_owned();
    let host = host(request);
    let cookies = text_header(request.headers(), &header::COOKIE);
    let kind = text_header(request.headers(), &header::CONTENT_TYPE);
    let version = query_value(request, "v");
    let body = match read(request).await {
        Ok(body) => body,
        Err(response) => return Ok(response),
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (route, name) = match verb {
        "login" => (Route::Login, CallName::Login),
        "refresh" => (Route::Refresh, CallName::Refresh),
        _ => (Route::Logout, CallName::Logout),
    };
    let named = body["username"].as_str().map(str::to_owned);
    let login =
        named.unwrap_or_else(|| simulator.read(|world| world.login_of_cookie(account, &cookies)));
    if let Some(response) = fail(simulator, route, &login).await {
        return Ok(response);
    }
    if !kind.starts_with("application/json") || !body.is_object() {
        let text = "the body must be a JSON object of type application/json";
        return Ok(reply(Reply::error(400, text, 12)));
    }
    let versions = ["1.1", "1.2", "1.3"];
    if !version.as_deref().map_or(route != Route::Login, |version| versions.contains(&version)) {
        return Ok(reply(Reply::error(400, "v must be 1.1, 1.2 or 1.3", 13)));
    }
    let handle = || {
        simulator.act(|world| match route {
            Route::Login => world.login(account, &body, &host),
            Route::Refresh => world.refresh(account, &cookies, &body),
            Route::Domains | Route::Logout | Route::Upgrade | Route::Upload | Route::Download => {
                world.logout(account, &cookies, &body)
            }
        })
    };
    chat::around(simulator, &login, name, &path, handle).await
}

async fn upgrade(
    simulator: &Simulator,
    request: &mut Request<Incoming>,
    account: &str,
    bearer: &str,
) -> Response<Body> {
    let refused = |status, text: &str| {
        simulator.act(|world| world.counts.refused_upgrades += 1);
        error(status, text)
    };
    let login =
        simulator.read(|world| world.bearer(account, bearer).map(|agent| agent.login_name.clone()));
    if let Some(response) =
        fail(simulator, Route::Upgrade, login.as_deref().unwrap_or_default()).await
    {
        simulator.act(|world| world.counts.refused_upgrades += 1);
        return response;
    }
    let version = query_value(request, "v").unwrap_or_default();
    if !["2", "2.0", "2.1"].contains(&version.as_str()) {
        return refused(400, "v must be 2, 2.0 or 2.1");
    }
    let headers = request.headers();
    let asks = text_header(headers, &header::UPGRADE).eq_ignore_ascii_case("websocket")
        && text_header(headers, &header::CONNECTION).to_ascii_lowercase().contains("upgrade")
        && text_header(headers, &header::SEC_WEBSOCKET_VERSION) == "13";
    let key = text_header(headers, &header::SEC_WEBSOCKET_KEY);
    if !asks || key.is_empty() || request.method() != Method::GET {
        return refused(400, "this is the address of a WebSocket");
    }
    let id = simulator.act(|world| {
        let agent = world.bearer(account, bearer).map(|agent| agent.id.clone())?;
        Some(world.open_socket(&agent, &version))
    });
    let Some(id) = id else {
        return refused(401, "bearer not accepted");
    };
    let socket = websocket::run(simulator.clone(), hyper::upgrade::on(request), id);
    simulator.inner.tasks.spawn(socket);
    let mut response = empty(101);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    set(headers, header::SEC_WEBSOCKET_ACCEPT, &derive_accept_key(key.as_bytes()));
    response
}

async fn file(
    simulator: &Simulator,
    method: &Method,
    request: &mut Request<Incoming>,
    path: &str,
) -> Response<Body> {
    let route = if method == Method::PUT { Route::Upload } else { Route::Download };
    if let Some(response) = fail(simulator, route, "").await {
        return response;
    }
    let signature = query_value(request, "temp_url_sig").unwrap_or_default();
    if route == Route::Upload {
        let bytes = match read(request).await {
            Ok(bytes) => bytes.to_vec(),
            Err(response) => return response,
        };
        return match simulator.act(|world| world.files.upload(path, &signature, bytes, world.now)) {
            Ok(()) => empty(201),
            Err(why) => error(401, &why),
        };
    }
    if method != Method::GET {
        return error(405, "only GET and PUT");
    }
    match simulator.act(|world| world.files.download(path, &signature, world.now)) {
        Ok(bytes) => plain(200, "application/octet-stream", bytes),
        Err(why) => error(401, &why),
    }
}

/// The answer of a fault in force, if there is one for this route.
async fn fail(simulator: &Simulator, route: Route, login: &str) -> Option<Response<Body>> {
    let status = simulator.act(|world| {
        world.faults.take(login, |fault| {
            let Fault::Http { route: meant, status } = fault else {
                return None;
            };
            (*meant == route).then_some(*status)
        })
    })?;
    if status == 0 {
        tokio::time::sleep(NEVER).await;
    }
    Some(reply(Reply::error(if status == 0 { 504 } else { status }, "simulated failure", 99)))
}

fn events(simulator: &Simulator) -> Response<Body> {
    let mut response =
        Response::new(StreamBody::new(stream::body(simulator.clone())).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn reply(reply: Reply) -> Response<Body> {
    let mut response =
        if reply.body.is_null() { empty(reply.status) } else { json(reply.status, &reply.body) };
    if let Some(cookie) = reply.cookie {
        set(response.headers_mut(), header::SET_COOKIE, &format!("{cookie}; Path=/; HttpOnly"));
    }
    response
}

fn error(status: u16, text: &str) -> Response<Body> {
    json(status, &serde_json::json!({ "error": text }))
}

pub(super) fn plain(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn empty(status: u16) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

pub(super) async fn read(request: &mut Request<Incoming>) -> Result<Bytes, Response<Body>> {
    let limited = Limited::new(request.body_mut(), files::LIMIT + 1024 * 1024);
    match tokio::time::timeout(Duration::from_secs(30), limited.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(why)) => Err(error(400, &format!("cannot read the body: {why}"))),
        Err(_) => Err(error(408, "the body did not come")),
    }
}

pub(super) fn host(request: &Request<Incoming>) -> String {
    let named = text_header(request.headers(), &header::HOST);
    if named.is_empty() {
        request.uri().authority().map(ToString::to_string).unwrap_or_default()
    } else {
        named
    }
}

/// A value of the query, as it was sent; the ones that matter here need no decoding.
fn query_value(request: &Request<Incoming>, key: &str) -> Option<String> {
    let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).next()
}

pub(super) fn text_header(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
