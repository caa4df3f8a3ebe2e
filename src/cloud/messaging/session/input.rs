//! Pure: everything that a session can be told.

use crate::cloud::{Command, LoginResult, messaging::identity::Identity};

/// What can happen to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// Begin.
    Start,
    /// The hall wants something.
    Command(Command),
    /// [`super::Output::FindHosts`] ended.
    Hosts(Result<(), Trouble>),
    /// [`super::Output::LogIn`] ended.
    LoggedIn(Result<Account, Trouble>),
    /// [`super::Output::Connect`] ended.
    Connected(Result<(), Trouble>),
    /// A text frame arrived.
    Frame(&'a str),
    /// Any other frame arrived.
    Alive,
    /// The socket closed.
    Closed {
        /// The code of the close frame; none if the connection broke without one.
        code: Option<u16>,
        /// What is known about it, for people.
        detail: String,
    },
    /// [`super::Output::Refresh`] ended.
    Refreshed(Result<(), Trouble>),
    /// [`super::Output::LogOut`] ended.
    LoggedOut,
    /// The moment that [`super::Session::wake`] named has come.
    Elapsed,
}

/// Who a log-in made of us.
#[derive(Clone, Debug)]
pub struct Account {
    /// The agent.
    pub identity: Identity,
    /// Whether the token can be prolonged.
    pub refreshable: bool,
}

/// Why a step on the way up failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What can be done about it.
    pub kind: TroubleKind,
    /// For people, without secrets.
    pub detail: String,
}

/// Failures by what can be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// Wrong credentials, user or account, or a token that is not good (any more).
    Refused,
    /// The account or user is blocked.
    Blocked,
    /// Too often.
    Throttled,
    /// A secret could not be read.
    Secret,
    /// Network, time-out, server error, unusable answer: it may work next time.
    Failed,
}

impl TroubleKind {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Refused | Self::Blocked | Self::Secret => "refused",
            Self::Throttled => "throttled",
            Self::Failed => "network",
        }
    }

    pub(super) fn login_result(self) -> LoginResult {
        match self {
            Self::Refused => LoginResult::Refused,
            Self::Blocked => LoginResult::Blocked,
            Self::Throttled => LoginResult::Throttled,
            Self::Secret => LoginResult::Secret,
            Self::Failed => LoginResult::Failed,
        }
    }
}
