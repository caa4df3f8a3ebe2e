//! Why a request or connection failed, and what to do about it.

use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use hyper::StatusCode;

/// What lies below a [`NetError`].
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a request or connection failed. Hosts are named as `host:port`, never with path, query or credentials.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NetError {
    /// There is nothing to trust: every TLS connection would fail.
    #[error(
        "found no root certificates; install ca-certificates, set SSL_CERT_FILE or name a ca_file"
    )]
    NoRoots {
        /// What reading the system's store said, if anything.
        #[source]
        source: Option<Cause>,
    },
    /// The CA file cannot be read or is not PEM.
    #[error("cannot read the CA file {path}; it must be a readable file of PEM certificates")]
    CaFile {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The CA file holds no certificate.
    #[error(
        "the CA file {path} holds no certificate; it must have a BEGIN CERTIFICATE block for each authority"
    )]
    CaFileEmpty {
        /// Which.
        path: PathBuf,
    },
    /// The proxy's URL cannot be used. It is not shown since it may hold a password.
    #[error("{from} is not a proxy that can be used; write http://[user:password@]host:port")]
    ProxyUrl {
        /// The setting or variable that it came from.
        from: &'static str,
    },
    /// The URL to go to cannot be used: no host, or a scheme that is not http, https, ws or wss.
    #[error("not a URL to connect to: {0}")]
    Target(&'static str),
    /// The host could not be reached: name resolution or TCP.
    #[error("cannot reach {host}; check its name, the network and firewalls")]
    Connect {
        /// The target.
        host: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// TCP, CONNECT and TLS together took longer than `connect_timeout`.
    #[error(
        "no connection to {host} within {after:?}; check the network and firewalls, or raise connect_timeout"
    )]
    ConnectTimeout {
        /// The target.
        host: String,
        /// `connect_timeout`
        after: Duration,
    },
    /// The proxy could not be reached, or broke off.
    #[error("cannot reach {host} since the proxy {proxy} fails; check the proxy and its address")]
    Proxy {
        /// The target.
        host: String,
        /// The proxy.
        proxy: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The proxy answered CONNECT with another status than 2xx.
    #[error("the proxy {proxy} refuses to connect to {host} with {status}; {}", proxy_advice(*.status))]
    ProxyRefused {
        /// The target.
        host: String,
        /// The proxy.
        proxy: String,
        /// What it said.
        status: StatusCode,
    },
    /// The TLS handshake failed.
    #[error(
        "TLS with {host} failed; if a private authority signed its certificate, name that in ca_file"
    )]
    Tls {
        /// The target.
        host: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The connection broke, or the server does not speak HTTP; the request may have been carried out.
    #[error("the exchange with {host} broke off; it can be tried again")]
    Exchange {
        /// The target.
        host: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// No complete answer in time; the request may have been carried out.
    #[error("no answer from {host} within {after:?}; it can be tried again")]
    Timeout {
        /// The target.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// The answer is longer than allowed.
    #[error(
        "the answer of {host} is longer than {limit} bytes; check that the URL is the right one"
    )]
    BodyTooBig {
        /// The target.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The server answered a WebSocket upgrade with another status than 101.
    #[error("{host} answers {status} instead of opening a WebSocket; check the URL and the token")]
    UpgradeRefused {
        /// The target.
        host: String,
        /// What it said.
        status: StatusCode,
        /// Its `Retry-After` header, as it came.
        retry_after: Option<String>,
    },
    /// The answer to a WebSocket upgrade broke off or breaks the rules.
    #[error("the WebSocket handshake with {host} failed; check that the URL is the right one")]
    Handshake {
        /// The target.
        host: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl NetError {
    /// True if the request certainly never left, so that it cannot have had an effect.
    #[must_use]
    pub fn never_left(&self) -> bool {
        match self {
            Self::NoRoots { .. }
            | Self::CaFile { .. }
            | Self::CaFileEmpty { .. }
            | Self::ProxyUrl { .. }
            | Self::Target(_)
            | Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Proxy { .. }
            | Self::ProxyRefused { .. }
            | Self::Tls { .. } => true,
            Self::Exchange { .. }
            | Self::Timeout { .. }
            | Self::BodyTooBig { .. }
            | Self::UpgradeRefused { .. }
            | Self::Handshake { .. } => false,
        }
    }

    /// True if time ran out, while connecting or while waiting for the answer.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::ConnectTimeout { .. } | Self::Timeout { .. })
    }

    /// Finds the dialer's own error in what the HTTP client says.
    pub(super) fn of_exchange(host: &str, error: hyper_util::client::legacy::Error) -> Self {
        let mut below: Option<&(dyn Error + 'static)> = error.source();
        while let Some(cause) = below {
            if let Some(own) = cause.downcast_ref::<Self>() {
                return own.clone();
            }
            below = cause.source();
        }
        Self::Exchange {
            host: host.to_owned(),
            source: Arc::new(error),
        }
    }

    pub(super) fn handshake(host: &str, error: tokio_tungstenite::tungstenite::Error) -> Self {
        Self::Handshake {
            host: host.to_owned(),
            source: Arc::new(error),
        }
    }
}

fn proxy_advice(status: StatusCode) -> &'static str {
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        "put user and password into the proxy's URL"
    } else {
        "ask who runs the proxy to allow it"
    }
}
