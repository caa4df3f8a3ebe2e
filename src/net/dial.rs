//! From a URI to a connected stream: TCP, then CONNECT through a proxy, then TLS.
//!
//! CONNECT is written by hand rather than with hyper-util's `Tunnel`, which does not tell the status that the
//! proxy answered with; an operator needs to know 407 from 502.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{StatusCode, Uri};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::{
    MemoryDial, NetError, NetStream,
    proxy::{Proxies, Proxy},
    stream::{host_of, is_encrypted, port_of},
};

/// Makes connections; as a tower service, it does so for the HTTP client's pool.
#[derive(Clone)]
pub(super) struct Dialer(Kind);

#[derive(Clone)]
enum Kind {
    System(Arc<System>),
    Memory(MemoryDial),
}

struct System {
    proxies: Proxies,
    tls: TlsConnector,
    tcp: HttpConnector,
    timeout: Duration,
}

impl Dialer {
    pub(super) fn system(proxies: Proxies, tls: ClientConfig, timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self(Kind::System(Arc::new(System {
            proxies,
            tls: TlsConnector::from(Arc::new(tls)),
            tcp,
            timeout,
        })))
    }

    pub(super) fn memory(dial: MemoryDial) -> Self {
        Self(Kind::Memory(dial))
    }

    /// Connects to the URI's host. Its path is neither used nor kept.
    pub(super) async fn dial(&self, uri: &Uri) -> Result<NetStream, NetError> {
        let host = host_of(uri)?;
        let target = bare(uri)?;
        match &self.0 {
            Kind::Memory(dial) => {
                dial(&target)
                    .map(NetStream::from)
                    .map_err(|error| NetError::Connect {
                        host,
                        source: Arc::new(error),
                    })
            }
            Kind::System(system) => {
                match tokio::time::timeout(system.timeout, system.connect(&target, &host)).await {
                    Ok(result) => result,
                    Err(_) => Err(NetError::ConnectTimeout {
                        host,
                        after: system.timeout,
                    }),
                }
            }
        }
    }
}

impl System {
    async fn connect(&self, target: &Uri, host: &str) -> Result<NetStream, NetError> {
        let stream = match self.proxies.find(target) {
            None => self
                .tcp(target.clone())
                .await
                .map_err(|source| NetError::Connect {
                    host: host.to_owned(),
                    source,
                })?,
            Some(proxy) => self.tunnel(&proxy, host).await?,
        };
        if is_encrypted(target)? {
            let tls = self.encrypt(stream, target, host).await?;
            Ok(NetStream::from(tls))
        } else {
            Ok(NetStream::from(stream))
        }
    }

    async fn tcp(&self, uri: Uri) -> Result<TcpStream, super::Cause> {
        match self.tcp.clone().call(uri).await {
            Ok(stream) => Ok(stream.into_inner()),
            Err(error) => Err(Arc::new(error)),
        }
    }

    async fn tunnel(&self, proxy: &Proxy, host: &str) -> Result<TcpStream, NetError> {
        let broken = |source| NetError::Proxy {
            host: host.to_owned(),
            proxy: proxy.host(),
            source,
        };
        let mut stream = self.tcp(proxy.uri().clone()).await.map_err(broken)?;
        let status = connect_through(&mut stream, host, proxy.authorization())
            .await
            .map_err(|error| broken(Arc::new(error)))?;
        if status.is_success() {
            Ok(stream)
        } else {
            Err(NetError::ProxyRefused {
                host: host.to_owned(),
                proxy: proxy.host(),
                status,
            })
        }
    }

    async fn encrypt(
        &self,
        stream: TcpStream,
        target: &Uri,
        host: &str,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, NetError> {
        let failed = |source| NetError::Tls {
            host: host.to_owned(),
            source,
        };
        let name = target.host().unwrap_or_default();
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let name =
            ServerName::try_from(name.to_owned()).map_err(|error| failed(Arc::new(error)))?;
        self.tls
            .connect(name, stream)
            .await
            .map_err(|error| failed(Arc::new(error)))
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<NetStream>;
    type Error = NetError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NetError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { dialer.dial(&uri).await.map(TokioIo::new) })
    }
}

/// Asks an HTTP proxy for a tunnel to `host` (`name:port`) and tells the status of its answer.
async fn connect_through(
    stream: &mut TcpStream,
    host: &str,
    authorization: Option<&str>,
) -> io::Result<StatusCode> {
    let mut request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n");
    if let Some(value) = authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(value);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;

    // Neither TLS nor HTTP servers speak first, so nothing of the tunnel can follow the head.
    let mut head = Vec::with_capacity(512);
    let end = loop {
        if let Some(at) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if head.len() >= MAX_PROXY_HEAD {
            return Err(not_http("the head of its answer is too long"));
        }
        if stream.read_buf(&mut head).await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it closed the connection before it answered CONNECT",
            ));
        }
    };
    let status = status_of(&head).ok_or_else(|| not_http("its answer is not HTTP/1"))?;
    if status.is_success() && head.len() > end {
        return Err(not_http("it sent data before the tunnel was used"));
    }
    Ok(status)
}

fn status_of(head: &[u8]) -> Option<StatusCode> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let code = rest.get(2..5)?;
    if rest.get(1) != Some(&b' ') {
        return None;
    }
    StatusCode::from_bytes(code).ok()
}

fn not_http(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// `http(s)://host:port/`: what dialling needs, and nothing that could be a secret.
fn bare(uri: &Uri) -> Result<Uri, NetError> {
    let scheme = if is_encrypted(uri)? { "https" } else { "http" };
    let host = uri.host().unwrap_or_default();
    let port = port_of(uri)?;
    Uri::builder()
        .scheme(scheme)
        .authority(format!("{host}:{port}"))
        .path_and_query("/")
        .build()
        .map_err(|_| NetError::Target("its host cannot be read"))
}

/// The longest head of a proxy's answer.
const MAX_PROXY_HEAD: usize = 8 * 1024;
