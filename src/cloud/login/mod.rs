//! IO: logging in, prolonging the session, logging out (agentVep).
//!
//! Nothing is signed: the parts of a key travel in the body of the log-in, over TLS. Secrets are read afresh
//! each time, so that a rotated key works without a restart, and none is ever printed.

mod answer;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use answer::{Answer, Cookies};

use http_body_util::Full;
use hyper::{
    Method, Request, Response,
    body::Bytes,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, USER_AGENT},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Credentials, LoginResult, Settings, domains};
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
    /// Where agent sessions are, if the answer says so.
    agent_vep: Option<String>,
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

    /// The base URL for agent sessions, without a trailing slash: the log-in's answer knows it better than the domain
    /// service, and the vendor's own client takes it from there.
    pub(super) fn agent_vep(&self) -> &str {
        self.agent_vep.as_deref().unwrap_or(&self.base)
    }

    /// Prolongs the session. The bearer stays the same, unless the server says otherwise.
    pub async fn refresh(self, net: &Net, timeout: Duration) -> Result<Self, RefreshError> {
        let Some(body) = self.csrf_body() else {
            return Err(RefreshError::NotRefreshable { username: self.username });
        };
        let url = url(&self.base, &self.account, "refresh");
        let response =
            post(net, &url, body, &self.cookies, timeout).await.map_err(RefreshError::Net)?;
        self.refreshed(&response)
    }

    /// The session after the service has answered so.
    pub(super) fn refreshed(mut self, response: &Response<Bytes>) -> Result<Self, RefreshError> {
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

    /// Who asks, for a request to the host that the log-in is at.
    pub(super) fn authorise(&self, headers: &mut HeaderMap) {
        let bearer = format!("Bearer {}", self.bearer.expose_secret());
        if let Ok(mut bearer) = HeaderValue::from_str(&bearer) {
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        if let Some(cookie) = self.cookies.header() {
            headers.insert(COOKIE, cookie);
        }
    }

    /// The host has set cookies.
    pub(super) fn learn_cookies(&mut self, headers: &HeaderMap) {
        self.cookies.learn(headers);
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

pub(super) fn read_login(
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
    let agent_vep =
        answer.hosts.and_then(|list| domains::agent_vep_beside(base, list.get().as_bytes()));
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
        agent_vep,
        csrf: answer.csrf,
        cookies,
    })
}

/// What people found to be the reason when a log-in that looks right is refused.
fn hint(settings: &Settings) -> String {
    let keys = match &settings.credentials {
        Credentials::ApiKey { .. } => {
            "LivePerson has announced the end of four-part keys: use OAuth 2.0 client credentials \
             (client_id and client_secret)"
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

const LOGOUT: Duration = Duration::from_secs(2);
/// The answer may carry a good deal of the account's data.
const MAX_BODY: usize = 8 << 20;
