//! One way out for HTTP and WebSocket: TCP, proxy, TLS.
//!
//! Everything that leaves the machine goes through one [`Net`], so that proxy, roots and time-outs are the same
//! for a log-in, the cloud's socket and a bot. Targets are named by host and port only: a path may hold a bearer,
//! a user part a password, and neither may reach a log line.

mod dial;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod proxy;
mod roots;
mod stream;

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Request, Response, Uri,
    body::{Body, Bytes},
    header::{HeaderValue, RETRY_AFTER, USER_AGENT},
};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::io::DuplexStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, client::IntoClientRequest, protocol::WebSocketConfig},
};

use dial::Dialer;
pub use error::{Cause, NetError};
pub use stream::NetStream;
use stream::host_of;

/// How to leave the machine; one value for the cloud, one for the bot.
#[derive(Clone, Default)]
pub struct Settings {
    /// Trusted beside the system's roots (PEM).
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy for everything; none: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the environment decide.
    pub proxy: Option<String>,
    /// TCP, CONNECT and TLS together.
    pub connect_timeout: Duration,
}

/// Answers a dial with an in-memory stream, for a world without sockets.
///
/// It is asked with `http://host:port/` or `https://host:port/`, for a WebSocket too; nothing is encrypted.
pub type MemoryDial = Arc<dyn Fn(&Uri) -> io::Result<DuplexStream> + Send + Sync>;

/// The bounds of one WebSocket, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// The longest message, and the longest frame, that is taken.
    pub max_message: usize,
    /// How much may wait to be written before writing fails.
    pub max_unsent: usize,
}

impl Default for WebSocketLimits {
    /// 1 MiB to read, 4 MiB to write.
    fn default() -> Self {
        Self { max_message: 1 << 20, max_unsent: 4 << 20 }
    }
}

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Net {
    dialer: Dialer,
    client: Client<Dialer, Full<Bytes>>,
}

impl Net {
    /// Reads the roots and the CA file, parses the proxy.
    ///
    /// # Errors
    /// No certificate to trust at all, a CA file that cannot be used, a proxy that is not an `http://` URL.
    pub fn new(settings: &Settings) -> Result<Self, NetError> {
        let environment = |name: &str| std::env::var(name).ok();
        Self::with_environment(settings, &environment)
    }

    /// A way out that never touches a socket.
    #[must_use]
    pub fn in_memory(dial: MemoryDial) -> Self {
        Self::over(Dialer::memory(dial))
    }

    /// One HTTP exchange within `timeout`, with at most `max_body` bytes of answer. No redirects.
    ///
    /// The request's URI is absolute (`http` or `https`). Connections are kept for the next request.
    pub async fn http(
        &self,
        mut request: Request<Full<Bytes>>,
        timeout: Duration,
        max_body: usize,
    ) -> Result<Response<Bytes>, NetError> {
        let host = host_of(request.uri())?;
        name_us(request.headers_mut());
        let exchange = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| NetError::of_exchange(&host, error))?;
            read_body(&host, response, max_body).await
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(result) => result,
            Err(_) => Err(NetError::Timeout { host: host.clone(), after: timeout }),
        }
    }

    /// Opens a WebSocket (`ws` or `wss`) within `timeout`, sending `headers` with the upgrade request.
    ///
    /// # Errors
    /// [`NetError::UpgradeRefused`] when the server answers with another status than 101. Nothing is redirected.
    pub async fn websocket(
        &self,
        uri: &Uri,
        headers: HeaderMap,
        limits: WebSocketLimits,
        timeout: Duration,
    ) -> Result<WebSocketStream<NetStream>, NetError> {
        let host = host_of(uri)?;
        let mut request =
            uri.into_client_request().map_err(|error| NetError::handshake(&host, error))?;
        request.headers_mut().extend(headers);
        name_us(request.headers_mut());
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(limits.max_unsent.max(2 * WRITE_BUFFER))
            .max_message_size(Some(limits.max_message))
            .max_frame_size(Some(limits.max_message));
        let open = async {
            let stream = self.dialer.dial(uri).await?;
            match client_async_with_config(request, stream, Some(config)).await {
                Ok((socket, _)) => Ok(socket),
                Err(tungstenite::Error::Http(response)) => Err(NetError::UpgradeRefused {
                    host: host.clone(),
                    status: response.status(),
                    retry_after: response
                        .headers()
                        .get(RETRY_AFTER)
                        .and_then(|value| value.to_str().ok())
                        .map(str::to_owned),
                }),
                Err(error) => Err(NetError::handshake(&host, error)),
            }
        };
        match tokio::time::timeout(timeout, Box::pin(open)).await {
            Ok(result) => result,
            Err(_) => Err(NetError::Timeout { host: host.clone(), after: timeout }),
        }
    }

    fn with_environment(
        settings: &Settings,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, NetError> {
        let proxies = match &settings.proxy {
            Some(url) => proxy::Proxies::always(url)?,
            None => proxy::Proxies::from_environment(environment)?,
        };
        let tls = roots::client_config(settings.ca_file.as_deref())?;
        Ok(Self::over(Dialer::system(proxies, tls, settings.connect_timeout)))
    }

    fn over(dialer: Dialer) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .http1_max_buf_size(MAX_HEAD)
            .build(dialer.clone());
        Self { dialer, client }
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").finish_non_exhaustive()
    }
}

impl fmt::Debug for Settings {
    /// Tells that there is a proxy, not which: its URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("ca_file", &self.ca_file)
            .field("proxy", &self.proxy.as_ref().map(|_| "..."))
            .field("connect_timeout", &self.connect_timeout)
            .finish()
    }
}

/// Some firewalls refuse clients without a name.
fn name_us(headers: &mut HeaderMap) {
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
}

async fn read_body<B>(
    host: &str,
    response: Response<B>,
    max_body: usize,
) -> Result<Response<Bytes>, NetError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let too_big = || NetError::BodyTooBig { host: host.to_owned(), limit: max_body };
    // A body that announces its length is refused before any of it is read.
    if usize::try_from(response.body().size_hint().lower()).map_or(true, |size| size > max_body) {
        return Err(too_big());
    }
    let (parts, body) = response.into_parts();
    match Limited::new(body, max_body).collect().await {
        Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(too_big()),
        Err(error) => Err(NetError::Exchange { host: host.to_owned(), source: Arc::from(error) }),
    }
}

/// How the connector names itself to servers.
const AGENT: &str = concat!("connectord/", env!("CARGO_PKG_VERSION"));
/// Many servers close an idle connection after a minute; ours goes first, so that no request meets a closing one.
const IDLE: Duration = Duration::from_secs(20);
/// Idle connections kept for one host.
const MAX_IDLE: usize = 64;
/// The longest head of a response.
const MAX_HEAD: usize = 64 * 1024;
/// Messages are a few kB; tungstenite's own default is 128 KiB for each socket.
const READ_BUFFER: usize = 16 * 1024;
/// How much is gathered before it is written without a flush.
const WRITE_BUFFER: usize = 16 * 1024;

#[cfg(test)]
mod tests;
