//! IO: logging in, prolonging the session, logging out (agentVep).
//!
//! Nothing is signed: the parts of a key travel in the body of the log-in, over TLS. Secrets are read afresh
//! each time, so that a rotated key works without a restart, and none is ever printed.

use std::{collections::BTreeMap, fmt, time::Duration};

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response,
    body::Bytes,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE, USER_AGENT},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{Credentials, LoginResult, Settings, lenient, report};
use crate::{
    net::{Net, NetError},
    secret::SecretError,
};

/// A session on the log-in service.
#[derive(Clone)]
pub struct Login {
    /// The account that it belongs to.
    pub account: String,
    /// The user that it belongs to.
    pub username: String,
    /// The agent's numeric id.
    pub user_id: String,
    /// The agent's public id, if told.
    pub user_pid: Option<String>,
    /// Opens the WebSocket and authorises REST calls.
    pub bearer: SecretString,
    /// Where it was made.
    base: String,
    csrf: Option<SecretString>,
    cookies: Cookies,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A secret could not be read.
    #[error("cannot log in as {username}: {name} cannot be read")]
    Secret {
        /// The user.
        username: String,
        /// The key in `[credentials]`.
        name: &'static str,
        /// Why.
        #[source]
        source: SecretError,
    },
    /// 400, 401, 403: wrong account, user or credentials.
    #[error("the cloud refuses to log in {username} ({status}{words}); {hint}")]
    Refused {
        /// The user.
        username: String,
        /// The status code.
        status: u16,
        /// What the server said, with a leading colon, or nothing.
        words: String,
        /// What may be the reason.
        hint: String,
    },
    /// 451.
    #[error(
        "LivePerson has blocked this account or user from logging in (451{words}); contact its support"
    )]
    Blocked {
        /// What the server said.
        words: String,
    },
    /// 429.
    #[error("too many log-ins of {username}; does another program use the same user?")]
    Throttled {
        /// The user.
        username: String,
    },
    /// The service could not be asked.
    #[error("the log-in service could not be asked")]
    Net(#[source] NetError),
    /// 5xx, a redirect, an error in a good answer.
    #[error("the log-in service failed with {status}{words}")]
    Failed {
        /// The status code.
        status: u16,
        /// What the server said.
        words: String,
    },
    /// A good answer without what is needed.
    #[error("the log-in service's answer has no {missing}; check [cloud] domain_api")]
    Incomplete {
        /// What is missing.
        missing: &'static str,
    },
}

/// Why a session could not be prolonged.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// 401: the session is gone, or was replaced by another log-in.
    #[error("the session of {username} was ended on the server (401{words})")]
    Ended {
        /// The user.
        username: String,
        /// What the server said.
        words: String,
    },
    /// The log-in gave no token to refresh with.
    #[error("the log-in of {username} cannot be refreshed")]
    NotRefreshable {
        /// The user.
        username: String,
    },
    /// The service could not be asked; the next period may go better.
    #[error("the session could not be refreshed")]
    Net(#[source] NetError),
    /// Another status.
    #[error("the session could not be refreshed ({status}{words})")]
    Failed {
        /// The status code.
        status: u16,
        /// What the server said.
        words: String,
    },
}

/// Logs in at `base` (`https://host`).
pub async fn log_in(net: &Net, settings: &Settings, base: &str) -> Result<Login, LoginError> {
    let body = credentials(settings)?;
    let url = url(base, &settings.account, "login");
    let response = post(net, &url, body, &Cookies::default(), settings.request_timeout)
        .await
        .map_err(LoginError::Net)?;
    read_login(settings, base, &response)
}

impl Login {
    /// Whether the session can be prolonged.
    #[must_use]
    pub fn is_refreshable(&self) -> bool {
        self.csrf.is_some()
    }

    /// Prolongs the session. The bearer stays the same, unless the server says otherwise.
    pub async fn refresh(mut self, net: &Net, timeout: Duration) -> Result<Self, RefreshError> {
        let Some(body) = self.csrf_body() else {
            return Err(RefreshError::NotRefreshable { username: self.username });
        };
        let url = url(&self.base, &self.account, "refresh");
        let response =
            post(net, &url, body, &self.cookies, timeout).await.map_err(RefreshError::Net)?;
        let answer = Answer::read(response.body());
        let status = response.status().as_u16();
        match (status, &answer.error) {
            (200..=299, None) => {
                self.cookies.learn(response.headers());
                self.bearer = answer.bearer.unwrap_or(self.bearer);
                self.csrf = answer.csrf.or(self.csrf);
                Ok(self)
            }
            (401, _) => Err(RefreshError::Ended { words: answer.words(), username: self.username }),
            (200..=299, Some(error)) if error.is_unauthorized() => {
                Err(RefreshError::Ended { words: answer.words(), username: self.username })
            }
            _ => Err(RefreshError::Failed { status, words: answer.words() }),
        }
    }

    /// Ends the session, at most within 2 s; that it fails is of no interest.
    pub async fn log_out(self, net: &Net) {
        if let Some(body) = self.csrf_body() {
            let url = url(&self.base, &self.account, "logout");
            let _ = post(net, &url, body, &self.cookies, LOGOUT).await;
        }
    }

    fn csrf_body(&self) -> Option<String> {
        let csrf = self.csrf.as_ref()?;
        Some(json!({"csrf": csrf.expose_secret()}).to_string())
    }
}

impl fmt::Debug for Login {
    /// Who, and nothing that opens anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("account", &self.account)
            .field("username", &self.username)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

impl LoginError {
    /// For the metric, and for what to do next.
    #[must_use]
    pub fn result(&self) -> LoginResult {
        match self {
            Self::Secret { .. } => LoginResult::Secret,
            Self::Refused { .. } => LoginResult::Refused,
            Self::Blocked { .. } => LoginResult::Blocked,
            Self::Throttled { .. } => LoginResult::Throttled,
            Self::Net(_) | Self::Failed { .. } | Self::Incomplete { .. } => LoginResult::Failed,
        }
    }
}

fn credentials(settings: &Settings) -> Result<String, LoginError> {
    let username = &settings.username;
    let read = |secret: &crate::secret::Secret, name| {
        secret.read().map_err(|source| LoginError::Secret {
            username: username.clone(),
            name,
            source,
        })
    };
    let body = match &settings.credentials {
        Credentials::ApiKey { app_key, secret, access_token, access_token_secret } => json!({
            "username": username,
            "appKey": read(app_key, "app_key")?.expose_secret(),
            "secret": read(secret, "secret")?.expose_secret(),
            "accessToken": read(access_token, "access_token")?.expose_secret(),
            "accessTokenSecret": read(access_token_secret, "access_token_secret")?.expose_secret(),
        }),
        // The platform takes client credentials in the body of the older keys, with placeholders for the rest.
        Credentials::OAuth2 { client_id, client_secret } => json!({
            "username": username,
            "appKey": read(client_id, "client_id")?.expose_secret(),
            "secret": read(client_secret, "client_secret")?.expose_secret(),
            "accessToken": "dummy",
            "accessTokenSecret": "dummy",
        }),
        Credentials::Password(password) => json!({
            "username": username,
            "password": read(password, "password")?.expose_secret(),
        }),
    };
    Ok(body.to_string())
}

fn read_login(
    settings: &Settings,
    base: &str,
    response: &Response<Bytes>,
) -> Result<Login, LoginError> {
    let status = response.status().as_u16();
    let answer = Answer::read(response.body());
    let words = answer.words();
    let username = settings.username.clone();
    let refused = |words| LoginError::Refused {
        hint: hint(settings),
        username: settings.username.clone(),
        status,
        words,
    };
    match status {
        200..=299 => match &answer.error {
            None => {}
            Some(error) if error.is_unauthorized() => return Err(refused(words)),
            Some(_) => return Err(LoginError::Failed { status, words }),
        },
        400 | 401 | 403 => return Err(refused(words)),
        429 => return Err(LoginError::Throttled { username }),
        451 => return Err(LoginError::Blocked { words }),
        _ => return Err(LoginError::Failed { status, words }),
    }
    let config = answer.config.unwrap_or_default();
    let missing = |missing| LoginError::Incomplete { missing };
    let mut cookies = Cookies::default();
    cookies.learn(response.headers());
    Ok(Login {
        account: settings.account.clone(),
        username,
        user_id: config
            .user_id
            .filter(|id| !id.is_empty())
            .ok_or_else(|| missing("config.userId"))?,
        user_pid: config.user_pid.filter(|id| !id.is_empty()),
        bearer: answer.bearer.ok_or_else(|| missing("bearer"))?,
        base: base.to_owned(),
        csrf: answer.csrf,
        cookies,
    })
}

/// What people found to be the reason when a log-in that looks right is refused.
fn hint(settings: &Settings) -> String {
    let keys = match &settings.credentials {
        Credentials::ApiKey { .. } => {
            "the four-part API keys (OAuth1) are announced to end on 2026-04-30: \
             try client_id and client_secret (OAuth 2.0) instead"
        }
        Credentials::OAuth2 { .. } => {
            "the client must be allowed to log users in, and the bot user must use it as its log-in method"
        }
        Credentials::Password(_) => {
            "the password may have expired, or the account may demand single sign-on"
        }
    };
    format!(
        "check [connector] account_id and [credentials]. Other known reasons: the user is disabled (often after \
         log-ins from addresses outside the account's IP restrictions), the bot user was created by somebody \
         else than the owner of the key, {keys}"
    )
}

fn url(base: &str, account: &str, action: &str) -> String {
    format!("{base}/api/account/{account}/{action}?v=1.3")
}

async fn post(
    net: &Net,
    url: &str,
    body: String,
    cookies: &Cookies,
    timeout: Duration,
) -> Result<Response<Bytes>, NetError> {
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() =
        url.parse().map_err(|_| NetError::Target("the log-in service's host cannot be read"))?;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("connectord/", env!("CARGO_PKG_VERSION"))),
    );
    if let Some(cookie) = cookies.header() {
        headers.insert(COOKIE, cookie);
    }
    net.http(request, timeout, MAX_BODY).await
}

/// Whatever cookies the service sets; they go back to the same host only, since each log-in has its own.
#[derive(Clone, Default)]
struct Cookies(BTreeMap<String, SecretString>);

impl Cookies {
    fn learn(&mut self, headers: &HeaderMap) {
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

    fn header(&self) -> Option<HeaderValue> {
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
struct Answer {
    #[serde(deserialize_with = "secret")]
    bearer: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    csrf: Option<SecretString>,
    #[serde(deserialize_with = "lenient::maybe")]
    config: Option<Config>,
    #[serde(deserialize_with = "lenient::maybe")]
    error: Option<ErrorBody>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    #[serde(deserialize_with = "lenient::text")]
    user_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    user_pid: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ErrorBody {
    #[serde(deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    internal_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    response_status: Option<String>,
}

impl Answer {
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// What the server said, with a leading colon; nothing if it said nothing. Only the members that are meant for
    /// people are told, since a whole body might echo a secret.
    fn words(&self) -> String {
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
    fn is_unauthorized(&self) -> bool {
        self.response_status.as_deref() == Some("UNAUTHORIZED")
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(lenient::text(from)?.filter(|text| !text.is_empty()).map(SecretString::from))
}

const LOGOUT: Duration = Duration::from_secs(2);
/// The answer may carry a good deal of the account's data.
const MAX_BODY: usize = 8 << 20;
/// The service sets one.
const MOST_COOKIES: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        cloud::fake::{self, Answer as FakeAnswer, Asked, BEARER, CSRF, Cloud, SECRETS, settings},
        secret::Secret,
    };

    const BASE: &str = "https://vep.test";

    #[tokio::test]
    async fn the_three_ways_to_log_in_have_their_bodies() {
        let secret = |text: &str| Secret::Literal(SecretString::from(text));
        for (credentials, expected) in [
            (
                settings().credentials,
                json!({"username": "bot-greeter", "appKey": "app-k3y", "secret": "s3cret",
                    "accessToken": "t0ken", "accessTokenSecret": "t0ken-s3cret"}),
            ),
            (
                Credentials::OAuth2 { client_id: secret("id"), client_secret: secret("cs") },
                json!({"username": "bot-greeter", "appKey": "id", "secret": "cs",
                    "accessToken": "dummy", "accessTokenSecret": "dummy"}),
            ),
            (
                Credentials::Password(secret("pw")),
                json!({"username": "bot-greeter", "password": "pw"}),
            ),
        ] {
            let cloud = Cloud::new(fake::healthy);
            let settings = Settings { credentials, ..settings() };
            log_in(&cloud.net, &settings, BASE).await.unwrap();
            let asked = &cloud.asked()[0];
            assert_eq!(asked.method, "POST");
            assert_eq!(asked.url, "/api/account/12345678/login?v=1.3");
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            assert_eq!(body, expected);
        }
    }

    #[tokio::test]
    async fn the_golden_answer_is_read() {
        let login =
            answered(200, include_str!("../../tests/data/messaging/login.json")).await.unwrap();
        assert_eq!(login.user_id, "4102938475");
        assert_eq!(login.user_pid.as_deref(), Some("0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2"));
        assert!(login.bearer.expose_secret().starts_with("5b1e0c2d"));
        assert!(login.is_refreshable());
    }

    #[tokio::test]
    async fn a_sparse_answer_is_enough_and_a_lacking_one_is_not() {
        let login = answered(200, r#"{"bearer":"b","config":{"userId":7}}"#).await.unwrap();
        assert_eq!(login.user_id, "7");
        assert_eq!(login.user_pid, None);
        assert!(!login.is_refreshable());
        for (body, missing) in [
            (r#"{"bearer":"b","config":{}}"#, "config.userId"),
            (r#"{"bearer":"b"}"#, "config.userId"),
            (r#"{"config":{"userId":"7"}}"#, "bearer"),
            ("<html>", "config.userId"),
        ] {
            let error = answered(200, body).await.unwrap_err();
            assert!(error.to_string().contains(missing), "{error}");
            assert_eq!(error.result(), LoginResult::Failed);
        }
    }

    #[tokio::test]
    async fn failures_are_sorted_and_refusals_come_with_hints() {
        let body = r#"{"error":{"message":"who are you","internalCode":10,"responseStatus":"UNAUTHORIZED"}}"#;
        for (status, result) in [
            (400, LoginResult::Refused),
            (401, LoginResult::Refused),
            (403, LoginResult::Refused),
            (200, LoginResult::Refused),
            (429, LoginResult::Throttled),
            (451, LoginResult::Blocked),
            (500, LoginResult::Failed),
            (503, LoginResult::Failed),
            (302, LoginResult::Failed),
        ] {
            let error = answered(status, body).await.unwrap_err();
            assert_eq!(error.result(), result, "{status}");
            if result == LoginResult::Refused {
                let text = error.to_string();
                for hint in [
                    "who are you, code 10",
                    "IP restrictions",
                    "disabled",
                    "created by somebody else",
                    "2026-04-30",
                ] {
                    assert!(text.contains(hint), "{hint} in {text}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_is_named_by_its_key() {
        let cloud = Cloud::new(fake::healthy);
        let settings = Settings {
            credentials: Credentials::Password(Secret::File("/nonexistent/password".into())),
            ..settings()
        };
        let error = log_in(&cloud.net, &settings, BASE).await.unwrap_err();
        assert_eq!(error.result(), LoginResult::Secret);
        assert!(error.to_string().contains("password cannot be read"));
        assert!(cloud.asked().is_empty());
    }

    #[tokio::test]
    async fn refresh_and_log_out_carry_cookies_and_csrf() {
        let cloud = Cloud::new(|asked| {
            if asked.url.contains("/refresh") {
                FakeAnswer {
                    cookies: vec!["Session_id=n3w", "extra=1", "gone="],
                    ..fake::json(200, &json!(null))
                }
            } else {
                fake::healthy(asked)
            }
        });
        let login = log_in(&cloud.net, &settings(), BASE).await.unwrap();
        let login = login.refresh(&cloud.net, Duration::from_secs(1)).await.unwrap();
        assert_eq!(login.bearer.expose_secret(), BEARER, "the bearer stays");
        login.log_out(&cloud.net).await;
        let asked = cloud.asked();
        assert_eq!(asked[1].url, "/api/account/12345678/refresh?v=1.3");
        assert_eq!(asked[1].cookie.as_deref(), Some("Session_id=s3ss10n"));
        assert_eq!(asked[1].body, json!({"csrf": CSRF}).to_string());
        assert_eq!(asked[2].url, "/api/account/12345678/logout?v=1.3");
        assert_eq!(asked[2].cookie.as_deref(), Some("Session_id=n3w; extra=1"));
        assert_eq!(asked[2].body, json!({"csrf": CSRF}).to_string());
    }

    #[tokio::test]
    async fn a_refused_refresh_is_told_from_one_that_fails() {
        let refreshed = |status: u16, body: Value| async move {
            let cloud = Cloud::new(move |asked: &Asked| {
                if asked.url.contains("/refresh") {
                    fake::json(status, &body)
                } else {
                    fake::healthy(asked)
                }
            });
            let login = log_in(&cloud.net, &settings(), BASE).await.unwrap();
            login.refresh(&cloud.net, Duration::from_secs(1)).await.unwrap_err()
        };
        let unauthorized = json!({"error": {"responseStatus": "UNAUTHORIZED"}});
        for ended in [refreshed(401, json!(null)).await, refreshed(200, unauthorized).await] {
            assert!(matches!(ended, RefreshError::Ended { .. }), "{ended}");
        }
        let failed = refreshed(500, json!(null)).await;
        assert!(matches!(failed, RefreshError::Failed { status: 500, .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_out_that_is_not_answered_takes_two_seconds_at_most() {
        let cloud = Cloud::new(fake::healthy);
        let login = log_in(&cloud.net, &settings(), BASE).await.unwrap();
        let silent = Net::in_memory(std::sync::Arc::new(|_: &hyper::Uri| {
            let (ours, theirs) = tokio::io::duplex(1024);
            std::mem::forget(theirs);
            Ok(ours)
        }));
        tokio::time::timeout(Duration::from_millis(2_100), login.log_out(&silent)).await.unwrap();
    }

    #[tokio::test]
    async fn nothing_secret_is_ever_printed() {
        let cloud = Cloud::new(fake::healthy);
        let login = log_in(&cloud.net, &settings(), BASE).await.unwrap();
        let refused = answered(401, r#"{"error":{"message":"no"},"bearer":"5b1e0c2d4f6a8b9c"}"#)
            .await
            .unwrap_err();
        let printed = format!("{login:?} {refused:?} {refused} {:?}", settings());
        for secret in SECRETS {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }

    async fn answered(status: u16, body: &str) -> Result<Login, LoginError> {
        let body = body.to_owned();
        let cloud = Cloud::new(move |_| FakeAnswer { status, cookies: vec![], body: body.clone() });
        log_in(&cloud.net, &settings(), BASE).await
    }
}
