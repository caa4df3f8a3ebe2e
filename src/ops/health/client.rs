//! Asks a running connector for its status, for `connectord status`.

use std::{io, time::Duration};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

use crate::ops::status::Status;

use super::Address;

/// A status as it came, and as it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The JSON text.
    pub json: String,
    /// The same, read.
    pub status: Status,
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nobody listens there.
    #[error(
        "cannot reach a connector at {address}; is it running, and is this its [health] listen?"
    )]
    Connect {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody listens, and is slow or wedged.
    #[error(
        "no answer from {address} within {after:?}; the process hangs or the machine is overloaded"
    )]
    Timeout {
        /// Where.
        address: Address,
        /// How long was waited.
        after: Duration,
    },
    /// The connection broke, or what came is not HTTP, or too long.
    #[error("the answer of {address} cannot be read; is it a connector?")]
    Exchange {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another status than 200.
    #[error("{address} answers {status}: {text}")]
    Refused {
        /// Where.
        address: Address,
        /// Which.
        status: StatusCode,
        /// The first line of the answer, shortened.
        text: String,
    },
    /// The JSON is not a status.
    #[error(
        "what {address} answers is not a connector's status; is it a connector of this version?"
    )]
    Json {
        /// Where.
        address: Address,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// `GET /status`, all within `timeout`. No proxy, no TLS: the endpoint is on this machine or in this pod.
pub async fn fetch_status(address: &Address, timeout: Duration) -> Result<Fetched, FetchError> {
    let fetched = async {
        match address {
            Address::Tcp(text) => match TcpStream::connect(text).await {
                Ok(stream) => exchange(stream, address).await,
                Err(source) => Err(connect_error(address, source)),
            },
            Address::Unix(path) => match UnixStream::connect(path).await {
                Ok(stream) => exchange(stream, address).await,
                Err(source) => Err(connect_error(address, source)),
            },
        }
    };
    tokio::time::timeout(timeout, Box::pin(fetched))
        .await
        .unwrap_or_else(|_| Err(FetchError::Timeout { address: address.clone(), after: timeout }))
}

async fn exchange<S>(stream: S, address: &Address) -> Result<Fetched, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (status, body) = get(stream, address)
        .await
        .map_err(|source| FetchError::Exchange { address: address.clone(), source })?;
    let json = String::from_utf8_lossy(&body).into_owned();
    if status != StatusCode::OK {
        let line = json.lines().next().unwrap_or_default();
        return Err(FetchError::Refused {
            address: address.clone(),
            status,
            text: line.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect(),
        });
    }
    let status = serde_json::from_str(&json)
        .map_err(|source| FetchError::Json { address: address.clone(), source })?;
    Ok(Fetched { json, status })
}

async fn get<S>(
    stream: S,
    address: &Address,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let host = match address {
        Address::Tcp(text) => text,
        Address::Unix(_) => "localhost",
    };
    let request = Request::get("/status")
        .header(header::HOST, host)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await?;
        Ok((status, body.to_bytes()))
    };
    // The connection's own end says nothing that the answer does not.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}

fn connect_error(address: &Address, source: io::Error) -> FetchError {
    FetchError::Connect { address: address.clone(), source }
}

/// A status is about 1 kB.
const MAX_BODY: usize = 1 << 20;
/// So much of an error's text is shown.
const MAX_LINE: usize = 200;
