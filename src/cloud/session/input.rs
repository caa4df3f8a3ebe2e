//! Pure: everything that a session can be told.

use crate::cloud::{Command, LoginResult, identity::Identity};

/// What can happen to a session; `A` is what its connection brings.
#[derive(Debug)]
pub(crate) enum Input<A> {
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
    /// The connection brought something.
    Arrived(A),
    /// [`super::Output::Refresh`] ended.
    Refreshed(Result<(), Trouble>),
    /// [`super::Output::LogOut`] ended.
    LoggedOut,
    /// The moment that [`super::Session::wake`] named has come.
    Elapsed,
}

/// Who a log-in made of us.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The agent.
    pub(crate) identity: Identity,
    /// Whether the token can be prolonged.
    pub(crate) refreshable: bool,
}

/// Why a step on the way up failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What can be done about it.
    pub(crate) kind: TroubleKind,
    /// For people, without secrets.
    pub(crate) detail: String,
}

/// Failures by what can be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TroubleKind {
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
