use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
};

use futures_util::{SinkExt, StreamExt};
use hyper::{Method, StatusCode};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;

use super::*;

// --- plain HTTP ---

#[tokio::test]
async fn an_exchange_brings_status_headers_and_body() {
    let (server, mut heads) =
        Server::answering("HTTP/1.1 201 Created\r\nx-a: b\r\ncontent-length: 2\r\n\r\nhi");
    let request = post(&format!("http://{}/hush?q=1", server.address), "body");
    let response = direct().http(request, SOON, 100).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["x-a"], "b");
    assert_eq!(response.body(), "hi");
    let head = heads.recv().await.unwrap();
    assert!(head.starts_with("POST /hush?q=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nuser-agent: {AGENT}\r\n")), "{head}");
    assert!(head.contains(&format!("\r\nhost: {}\r\n", server.address)), "{head}");
}

#[tokio::test]
async fn a_connection_is_used_again_and_the_callers_own_name_is_kept() {
    let (connections, mut opened) = mpsc::channel(4);
    let server = Server::each(move |mut stream| {
        let connections = connections.clone();
        async move {
            connections.send(()).await.unwrap();
            let head = read_head(&mut stream).await;
            assert!(head.contains("user-agent: me\r\n"), "{head}");
            for _ in 0..2 {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                read_head(&mut stream).await;
            }
        }
    });
    let net = direct();
    for _ in 0..2 {
        let mut request = get(&format!("http://{}/", server.address));
        request.headers_mut().insert("user-agent", HeaderValue::from_static("me"));
        net.http(request, SOON, 10).await.unwrap();
    }
    assert!(opened.try_recv().is_ok());
    assert!(opened.try_recv().is_err(), "a second connection was opened");
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let (server, _heads) = Server::answering(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    );
    let request = get(&format!("http://{}/", server.address));
    let response = direct().http(request, SOON, 100).await.unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn the_body_bound_holds_for_announced_and_for_chunked_bodies() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhello \r\n6\r\nworld!\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello world, this has no end",
    ] {
        let (server, _heads) = Server::answering(answer);
        let request = get(&format!("http://{}/hush", server.address));
        let error = direct().http(request, SOON, 10).await.unwrap_err();
        assert!(matches!(error, NetError::BodyTooBig { limit: 10, .. }), "{error:?}");
        names_only_the_host(&error, server.address);
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_bound_passes() {
    let (server, _heads) = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    let request = get(&format!("http://{}/", server.address));
    let response = direct().http(request, SOON, 5).await.unwrap();
    assert_eq!(response.body(), "hello");
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_time_out() {
    let (server, mut heads) = Server::answering("");
    let request = get(&format!("http://{}/hush", server.address));
    let net = direct();
    let error = net.http(request, SHORT, 10).await.unwrap_err();
    assert!(matches!(error, NetError::Timeout { .. }), "{error:?}");
    assert!(error.is_timeout() && !error.never_left());
    assert!(heads.recv().await.is_some());
    names_only_the_host(&error, server.address);
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up_after_the_time_out() {
    let (server, _heads) = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
    let request = get(&format!("http://{}/", server.address));
    let error = direct().http(request, SHORT, 10).await.unwrap_err();
    assert!(matches!(error, NetError::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_a_connect_error_and_nothing_left() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let request = get(&format!("http://{address}/hush"));
    let error = direct().http(request, SOON, 10).await.unwrap_err();
    assert!(matches!(error, NetError::Connect { .. }), "{error:?}");
    assert!(error.never_left());
    names_only_the_host(&error, address);
}

#[tokio::test]
async fn garbage_instead_of_http_is_an_exchange_error() {
    let (server, _heads) = Server::answering("SSH-2.0-OpenSSH_9.9\r\n\r\n");
    let request = get(&format!("http://{}/hush", server.address));
    let error = direct().http(request, SOON, 10).await.unwrap_err();
    assert!(matches!(error, NetError::Exchange { .. }), "{error:?}");
    names_only_the_host(&error, server.address);
}

#[tokio::test]
async fn a_url_without_host_or_with_a_foreign_scheme_is_refused() {
    for url in ["/path", "ftp://host/", "host:80"] {
        let error = direct().http(get(url), SOON, 10).await.unwrap_err();
        assert!(matches!(error, NetError::Target(_)), "{url}: {error:?}");
    }
}

// --- TLS ---

#[tokio::test]
async fn a_certificate_of_the_ca_file_is_trusted() {
    let authority = Authority::new();
    let server = authority.serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    let net = trusting(&authority.file);
    let url = format!("https://localhost:{}/", server.address.port());
    let response = net.http(get(&url), SOON, 10).await.unwrap();
    assert_eq!(response.body(), "hi");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_a_tls_error() {
    let server = Authority::new().serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    let net = trusting(&Authority::new().file);
    let url = format!("https://localhost:{}/hush", server.address.port());
    let error = net.http(get(&url), SOON, 10).await.unwrap_err();
    assert!(matches!(error, NetError::Tls { .. }), "{error:?}");
    assert!(error.never_left());
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("UnknownIssuer"), "{cause}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_a_tls_error() {
    let authority = Authority::new();
    let server = authority.serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    let net = trusting(&authority.file);
    let error = net.http(get(&format!("https://{}/", server.address)), SOON, 10).await.unwrap_err();
    assert!(matches!(error, NetError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn connecting_is_bounded_even_when_tls_hangs() {
    // The listener's backlog takes the connection; nobody answers the client's hello.
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let net = with(Settings { connect_timeout: SHORT, ..settings() }, &[]);
    let error = net.http(get(&format!("https://{address}/hush")), SOON, 10).await.unwrap_err();
    assert!(matches!(error, NetError::ConnectTimeout { .. }), "{error:?}");
    assert!(error.is_timeout() && error.never_left());
    names_only_the_host(&error, address);
}

#[test]
fn a_ca_file_that_cannot_be_used_is_an_error_at_construction() {
    let missing = Net::new(&Settings { ca_file: Some("/nonexistent/ca.pem".into()), ..settings() });
    assert!(matches!(missing, Err(NetError::CaFile { .. })), "{missing:?}");
    let file = TempFile::new("no certificate here");
    let empty = Net::new(&Settings { ca_file: Some(file.0.clone()), ..settings() });
    assert!(matches!(empty, Err(NetError::CaFileEmpty { .. })), "{empty:?}");
    let file = TempFile::new("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let broken = Net::new(&Settings { ca_file: Some(file.0.clone()), ..settings() });
    assert!(matches!(broken, Err(NetError::CaFile { .. })), "{broken:?}");
}

// --- proxy ---

#[tokio::test]
async fn http_and_https_go_through_the_proxy_by_connect_with_its_credentials() {
    let authority = Authority::new();
    let tls = authority.serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    let (plain, _heads) = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nho");
    let (proxy, mut heads) = proxy("HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n");
    let net = with(
        Settings {
            proxy: Some(format!("http://user:p%40ss@{}", proxy.address)),
            ca_file: Some(authority.file.0.clone()),
            ..settings()
        },
        &[],
    );
    for (url, body) in [
        (format!("https://localhost:{}/", tls.address.port()), "hi"),
        (format!("http://{}/", plain.address), "ho"),
    ] {
        let response = net.http(get(&url), SOON, 10).await.unwrap();
        assert_eq!(response.body(), body);
        let head = heads.recv().await.unwrap();
        let host = url.split('/').nth(2).unwrap();
        assert_eq!(
            head,
            format!(
                "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nProxy-Authorization: Basic dXNlcjpwQHNz\r\n\r\n"
            )
        );
    }
}

#[tokio::test]
async fn a_proxy_of_the_environment_without_credentials_sends_none() {
    let (proxy, mut heads) = proxy("HTTP/1.1 200 OK\r\n\r\n");
    let url = format!("http://{}", proxy.address);
    let net = with(settings(), &[("HTTP_PROXY", &url)]);
    // The name is the proxy's to resolve; the scripted one hangs up.
    let error = net.http(get("http://bot.invalid:8080/x"), SOON, 10).await.unwrap_err();
    assert!(matches!(error, NetError::Exchange { .. }), "{error:?}");
    let head = heads.recv().await.unwrap();
    assert_eq!(head, "CONNECT bot.invalid:8080 HTTP/1.1\r\nHost: bot.invalid:8080\r\n\r\n");
}

#[tokio::test]
async fn a_refusal_of_the_proxy_names_proxy_status_and_remedy_but_no_credentials() {
    for (answer, status, advice) in [
        ("HTTP/1.1 407 Nope\r\n\r\n", 407, "put user and password"),
        ("HTTP/1.0 403 Forbidden\r\ncontent-length: 3\r\n\r\nno!", 403, "ask who runs"),
    ] {
        let (proxy, _heads) = proxy(answer);
        let net = with(
            Settings {
                proxy: Some(format!("http://user:hunter2@{}", proxy.address)),
                ..settings()
            },
            &[],
        );
        let error = net.http(get("https://api.invalid/hush"), SOON, 10).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            matches!(&error, NetError::ProxyRefused { status: s, .. } if s.as_u16() == status),
            "{text}"
        );
        assert!(text.contains(advice) && text.contains("api.invalid:443"), "{text}");
        assert!(text.contains(&proxy.address.to_string()), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("hush"), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_none_is_a_proxy_error() {
    for answer in ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nearly", "HTTP/1.1 200"] {
        let (proxy, _heads) = proxy(answer);
        let net =
            with(Settings { proxy: Some(format!("http://{}", proxy.address)), ..settings() }, &[]);
        let error = net.http(get("https://api.invalid/"), SOON, 10).await.unwrap_err();
        assert!(matches!(error, NetError::Proxy { .. }), "{error:?}");
    }
}

#[test]
fn debug_of_settings_shows_no_proxy_credentials() {
    let shown =
        format!("{:?}", Settings { proxy: Some("http://u:hunter2@p".to_owned()), ..settings() });
    assert!(!shown.contains("hunter2"), "{shown}");
}

// --- WebSocket ---

#[tokio::test]
async fn a_websocket_opens_with_the_given_headers_and_carries_messages() {
    let (server, mut heads) = websocket_echo();
    let uri: Uri = format!("ws://{}/ws_api/bearer?v=3", server.address).parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer t".parse().unwrap());
    let mut socket =
        direct().websocket(&uri, headers, WebSocketLimits::default(), SOON).await.unwrap();
    assert_eq!(heads.recv().await.unwrap(), "/ws_api/bearer?v=3 Bearer t");
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
}

#[tokio::test]
async fn a_message_above_the_limit_is_an_error_not_a_heap() {
    let (server, _heads) = websocket_echo();
    let uri: Uri = format!("ws://{}/", server.address).parse().unwrap();
    let limits = WebSocketLimits { max_message: 8, ..WebSocketLimits::default() };
    let mut socket = direct().websocket(&uri, HeaderMap::new(), limits, SOON).await.unwrap();
    socket.send(Message::text("longer than eight")).await.unwrap();
    let error = socket.next().await.unwrap().unwrap_err();
    assert!(matches!(error, tungstenite::Error::Capacity(_)), "{error:?}");
}

#[tokio::test]
async fn a_refused_upgrade_tells_the_status_and_never_the_path() {
    for (answer, status, retry_after) in [
        ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 4\r\n\r\nhush", 401, None),
        ("HTTP/1.1 502 Bad Gateway\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n", 502, Some("7")),
        ("HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\n\r\n", 302, None),
    ] {
        let (server, _heads) = Server::answering(answer);
        let uri: Uri = format!("ws://{}/hush?k=hush", server.address).parse().unwrap();
        let error = open(&direct(), &uri, SOON).await.unwrap_err();
        names_only_the_host(&error, server.address);
        let NetError::UpgradeRefused { status: s, retry_after: r, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!((s.as_u16(), r.as_deref()), (status, retry_after));
    }
}

#[tokio::test]
async fn an_upgrade_without_proof_or_without_end_fails() {
    let (server, _heads) = Server::answering(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: AAAA\r\n\r\n",
    );
    let uri: Uri = format!("ws://{}/hush", server.address).parse().unwrap();
    let error = open(&direct(), &uri, SOON).await.unwrap_err();
    assert!(matches!(error, NetError::Handshake { .. }), "{error:?}");
    names_only_the_host(&error, server.address);

    let (server, _heads) = Server::answering("");
    let uri: Uri = format!("ws://{}/hush", server.address).parse().unwrap();
    let error = open(&direct(), &uri, SHORT).await.unwrap_err();
    assert!(matches!(error, NetError::Timeout { .. }), "{error:?}");
    names_only_the_host(&error, server.address);
}

#[tokio::test]
async fn a_websocket_goes_through_the_proxy_too() {
    let (server, _heads) = websocket_echo();
    let (proxy, mut heads) = proxy("HTTP/1.1 200 OK\r\n\r\n");
    let net =
        with(Settings { proxy: Some(format!("http://{}", proxy.address)), ..settings() }, &[]);
    let uri: Uri = format!("ws://{}/hush", server.address).parse().unwrap();
    let mut socket = open(&net, &uri, SOON).await.unwrap();
    assert!(heads.recv().await.unwrap().starts_with(&format!("CONNECT {} ", server.address)));
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
}

// --- in memory ---

#[tokio::test(start_paused = true)]
async fn in_memory_serves_http_and_websocket_without_a_socket() {
    let (ends, mut peers) = mpsc::channel(4);
    let net = Net::in_memory(Arc::new(move |uri: &Uri| {
        if uri.host() == Some("down.example") {
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        }
        let (near, far) = tokio::io::duplex(4096);
        ends.try_send((uri.to_string(), far)).map_err(io::Error::other)?;
        Ok(near)
    }));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (uri, mut stream) = peers.recv().await.unwrap();
        assert_eq!(uri, "https://api.example:443/");
        read_head(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        stream.write_all(answer).await.unwrap();
        let (uri, stream) = peers.recv().await.unwrap();
        assert_eq!(uri, "https://api.example:443/");
        echo(stream, &mpsc::channel(1).0).await;
    });
    let response = net.http(get("https://api.example/x"), SOON, 10).await.unwrap();
    assert_eq!(response.body(), "hi");
    let uri = Uri::from_static("wss://api.example/ws");
    let mut socket = open(&net, &uri, SOON).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    let error = net.http(get("http://down.example/"), SOON, 10).await.unwrap_err();
    assert!(matches!(error, NetError::Connect { .. }), "{error:?}");
}

// --- helpers ---

/// Long enough for a busy machine; no test waits for it.
const SOON: Duration = Duration::from_secs(20);
/// For tests in which time has to run out.
const SHORT: Duration = Duration::from_millis(60);

fn settings() -> Settings {
    Settings { connect_timeout: SOON, ..Settings::default() }
}

fn with(settings: Settings, environment: &[(&str, &str)]) -> Net {
    let lookup = |name: &str| {
        let found = environment.iter().find(|(key, _)| *key == name)?;
        Some(found.1.to_owned())
    };
    Net::with_environment(&settings, &lookup).unwrap()
}

fn direct() -> Net {
    with(settings(), &[])
}

fn trusting(file: &TempFile) -> Net {
    with(Settings { ca_file: Some(file.0.clone()), ..settings() }, &[])
}

fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

fn post(url: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::builder().method(Method::POST).uri(url).body(Full::from(body)).unwrap()
}

async fn open(
    net: &Net,
    uri: &Uri,
    timeout: Duration,
) -> Result<WebSocketStream<NetStream>, NetError> {
    net.websocket(uri, HeaderMap::new(), WebSocketLimits::default(), timeout).await
}

/// Errors must not show paths and queries; the tests call them "hush".
fn names_only_the_host(error: &NetError, address: SocketAddr) {
    let text = format!("{error} {error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{text}");
    assert!(!text.contains("hush"), "{text}");
}

/// A listener on loopback; it ends with the test.
struct Server {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Server {
    /// For each connection: reads one head, tells it, writes `answer`, stays open until the client closes.
    fn answering(answer: &'static str) -> (Self, mpsc::Receiver<String>) {
        let (heads, received) = mpsc::channel(16);
        let server = Self::each(move |mut stream| {
            let heads = heads.clone();
            async move {
                let head = read_head(&mut stream).await;
                heads.send(head).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                if answer.contains("connection: close") || answer.ends_with("HTTP/1.1 200") {
                    return;
                }
                let _ = stream.read(&mut [0; 16]).await;
            }
        });
        (server, received)
    }

    fn each<F, H>(handle: H) -> Self
    where
        H: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(handle(stream));
            }
        });
        Self { address, _tasks: tasks }
    }
}

/// A CONNECT proxy that answers with `answer` and, if that is a success, joins both ends. Hosts that cannot be
/// reached are hung up on.
fn proxy(answer: &'static str) -> (Server, mpsc::Receiver<String>) {
    let (heads, received) = mpsc::channel(16);
    let server = Server::each(move |mut stream| {
        let heads = heads.clone();
        async move {
            let head = read_head(&mut stream).await;
            let host = head.split(' ').nth(1).unwrap().to_owned();
            heads.send(head).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            if !answer.contains(" 200 ") || host.contains(".invalid") {
                return;
            }
            let mut target = TcpStream::connect(&host).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut target).await;
        }
    });
    (server, received)
}

fn websocket_echo() -> (Server, mpsc::Receiver<String>) {
    let (heads, received) = mpsc::channel(16);
    let server = Server::each(move |stream| {
        let heads = heads.clone();
        async move { echo(stream, &heads).await }
    });
    (server, received)
}

#[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: S, heads: &mpsc::Sender<String>) {
    use tungstenite::handshake::server::{Request, Response};
    let note = |request: &Request, response: Response| {
        let token = request.headers().get("authorization").map(|value| value.to_str().unwrap());
        let _ = heads.try_send(format!("{} {}", request.uri(), token.unwrap_or_default()));
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, note).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        if !message.is_text() || socket.send(message).await.is_err() {
            break;
        }
    }
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// A certificate authority whose root is in a PEM file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: TempFile,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = format!("authority {}", fastrand::u64(..));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = TempFile::new(&issuer.pem());
        Self { issuer, file }
    }

    /// A TLS server for `localhost` that answers each connection's first head.
    fn serve(&self, answer: &'static str) -> Server {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Server::each(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                // The client may well hang up: it need not like the certificate.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                read_head(&mut stream).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.read(&mut [0; 16]).await;
            }
        })
    }
}

/// A file that is removed with the value.
struct TempFile(PathBuf);

impl TempFile {
    fn new(content: &str) -> Self {
        let name = format!("connectord-net-{}-{}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        let mut file = std::fs::File::create_new(&path).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
