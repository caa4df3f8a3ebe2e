//! Pure: where the endpoint listens, as configuration and command line write it.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// `host:port` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host (name, IPv4, or IPv6 in brackets) and a port.
    Tcp(String),
    /// The absolute path of a Unix socket.
    Unix(PathBuf),
}

/// The text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address; write host:port, [ipv6]:port or unix:/absolute/path")]
pub struct AddressError(pub String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() && path.file_name().is_some() {
                Ok(Self::Unix(path))
            } else {
                Err(error())
            };
        }
        if text.parse::<SocketAddr>().is_ok() {
            return Ok(Self::Tcp(text.to_owned()));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || !host.chars().all(is_name) || port.parse::<u16>().is_err() {
            return Err(error());
        }
        Ok(Self::Tcp(text.to_owned()))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address.to_string())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_they_are_written() {
        for text in [
            "127.0.0.1:8790",
            "[::1]:8790",
            "localhost:0",
            "health.internal:80",
            "unix:/run/connectord/a.sock",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_forms_that_are() {
        for text in [
            "",
            "8790",
            ":8790",
            "host",
            "host:",
            "host:99999",
            "::1:8790",
            "a b:1",
            "unix:",
            "unix:a.sock",
            "unix:/",
            "http://host:80",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.to_string().contains("host:port"), "{error}");
        }
    }
}
