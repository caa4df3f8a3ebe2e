//! Pure: what the log-in service answers, and the cookies that it sets.

use std::collections::BTreeMap;

use hyper::{
    HeaderMap,
    header::{HeaderValue, SET_COOKIE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cloud::{lenient, report};

/// Whatever cookies the service sets; they go back to the same host only, since each log-in has its own.
#[derive(Clone, Default)]
pub(super) struct Cookies(BTreeMap<String, SecretString>);

impl Cookies {
    pub(super) fn learn(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            let Ok(text) = header.to_str() else { continue };
            let pair = text.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            if value.is_empty() {
                self.0.remove(name);
            } else if !name.is_empty() && (self.0.len() < MOST_COOKIES || self.0.contains_key(name))
            {
                self.0.insert(name.to_owned(), value.into());
            }
        }
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={}", value.expose_secret()))
            .collect();
        let mut header = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        header.set_sensitive(true);
        (!pairs.is_empty()).then_some(header)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Answer {
    #[serde(deserialize_with = "secret")]
    pub(super) bearer: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    pub(super) csrf: Option<SecretString>,
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) config: Option<Config>,
    /// The account's hosts once more, as the domain service lists them.
    #[serde(rename = "csdsCollectionResponse")]
    pub(super) hosts: Option<Box<RawValue>>,
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) error: Option<ErrorBody>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Config {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) user_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) user_pid: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ErrorBody {
    #[serde(deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    internal_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    response_status: Option<String>,
}

impl Answer {
    pub(super) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// What the server said, with a leading colon; nothing if it said nothing. Only the members that are meant for
    /// people are told, since a whole body might echo a secret.
    pub(super) fn words(&self) -> String {
        let Some(error) = &self.error else {
            return String::new();
        };
        let code = error.internal_code.as_ref().map(|code| format!(", code {code}"));
        match &error.message {
            Some(message) => {
                format!(": {}{}", report::shortened(message, 200), code.unwrap_or_default())
            }
            None => code.unwrap_or_default(),
        }
    }
}

impl ErrorBody {
    pub(super) fn is_unauthorized(&self) -> bool {
        self.response_status.as_deref() == Some("UNAUTHORIZED")
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(lenient::text(from)?.filter(|text| !text.is_empty()).map(SecretString::from))
}

/// The service sets one.
const MOST_COOKIES: usize = 32;
