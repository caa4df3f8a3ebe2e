//! Pure: agent users, their state and their session.

use super::clock::Millis;
use super::options::Credential;
use serde_json::Value;
use std::collections::BTreeSet;

/// An agent user of an account.
#[derive(Debug)]
pub(crate) struct Agent {
    /// Old agent id, `{account}.{user id}`: the key of everything on the v2 wire.
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) user_id: String,
    /// Public id.
    pub(crate) pid: String,
    pub(crate) login_name: String,
    pub(crate) name: String,
    pub(crate) human: bool,
    pub(crate) manager: bool,
    pub(crate) skills: BTreeSet<String>,
    pub(crate) capacity: usize,
    pub(crate) enabled: bool,
    pub(crate) blocked: bool,
    pub(crate) availability: Availability,
    /// When the state falls back to OFFLINE because no socket is left.
    pub(crate) offline_at: Option<Millis>,
    pub(crate) session: Option<Session>,
    /// Earlier log-ins that still count, where a second one does not void the first.
    pub(super) former_sessions: Vec<Session>,
    pub(crate) last_login: Option<Millis>,
    pub(crate) logins: u32,
    pub(super) credentials: Vec<Credential>,
    /// When routing last offered something, so that agents take turns.
    pub(super) last_offer: u64,
}

/// What a log-in has made.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) bearer: String,
    pub(crate) csrf: String,
    pub(crate) cookie: String,
    pub(crate) expires: Millis,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The states that an agent can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// Rings for everything.
    Online,
    /// Rings for transfers only.
    Occupied,
    /// The same as OCCUPIED.
    BackSoon,
    /// No rings.
    Away,
    /// No rings.
    Offline,
}

impl Availability {
    /// Reads the wire's word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "ONLINE" => Some(Self::Online),
            "OCCUPIED" => Some(Self::Occupied),
            "BACK_SOON" => Some(Self::BackSoon),
            "AWAY" => Some(Self::Away),
            "OFFLINE" => Some(Self::Offline),
            _ => None,
        }
    }

    /// The wire's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Online => "ONLINE",
            Self::Occupied => "OCCUPIED",
            Self::BackSoon => "BACK_SOON",
            Self::Away => "AWAY",
            Self::Offline => "OFFLINE",
        }
    }

    /// Whether a new conversation may ring.
    pub(crate) fn takes_new(self) -> bool {
        self == Self::Online
    }

    /// Whether a conversation that is offered to this very agent may ring.
    pub(crate) fn takes_transfers(self) -> bool {
        match self {
            Self::Online | Self::Occupied | Self::BackSoon => true,
            Self::Away | Self::Offline => false,
        }
    }
}

/// Why a log-in body is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not one of the documented bodies.
    Malformed,
    /// A documented body with wrong values.
    Wrong,
}

impl Agent {
    /// All log-ins that count.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.session.iter().chain(&self.former_sessions)
    }

    /// The same, to change them.
    pub(super) fn sessions_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.session.iter_mut().chain(&mut self.former_sessions)
    }

    /// Checks the body of a log-in against the agent's credentials, with the service's precedence: password, assertion, keys.
    pub(super) fn check(&self, body: &Value) -> Result<(), Refused> {
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        if let Some(given) = text("password") {
            let matches = |one: &Credential| matches!(one, Credential::Password { password } if password == given);
            return self.credentials.iter().any(matches).then_some(()).ok_or(Refused::Wrong);
        }
        let (Some(key), Some(given), Some(token), Some(token_secret)) =
            (text("appKey"), text("secret"), text("accessToken"), text("accessTokenSecret"))
        else {
            return Err(Refused::Malformed);
        };
        let matches = |one: &Credential| match one {
            Credential::ApiKey { app_key, secret, access_token, access_token_secret } => {
                (app_key.as_str(), secret.as_str()) == (key, given)
                    && (access_token.as_str(), access_token_secret.as_str())
                        == (token, token_secret)
            }
            Credential::Oauth2 { client_id, client_secret } => {
                (client_id.as_str(), client_secret.as_str()) == (key, given)
                    && !token.is_empty()
                    && !token_secret.is_empty()
            }
            Credential::Password { .. } => false,
        };
        self.credentials.iter().any(matches).then_some(()).ok_or(Refused::Wrong)
    }
}
