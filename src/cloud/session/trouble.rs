//! Pure: which failures mean what to a session.

use hyper::StatusCode;

use crate::{
    cloud::{
        LoginResult,
        domains::DomainError,
        login::{LoginError, RefreshError},
        report,
        session::{Trouble, TroubleKind},
    },
    net::NetError,
};

pub(in crate::cloud) fn of_domains(error: &DomainError) -> Trouble {
    let kind = match error {
        DomainError::Url { .. }
        | DomainError::UnknownAccount { .. }
        | DomainError::NoService { .. } => TroubleKind::Refused,
        DomainError::Throttled => TroubleKind::Throttled,
        DomainError::Net(_) | DomainError::Failed { .. } | DomainError::Empty { .. } => {
            TroubleKind::Failed
        }
    };
    Trouble { kind, detail: report::chain(error) }
}

pub(in crate::cloud) fn of_login(error: &LoginError) -> Trouble {
    let kind = match error.result() {
        LoginResult::Refused => TroubleKind::Refused,
        LoginResult::Throttled => TroubleKind::Throttled,
        LoginResult::Blocked => TroubleKind::Blocked,
        LoginResult::Secret => TroubleKind::Secret,
        LoginResult::Failed | LoginResult::Ok => TroubleKind::Failed,
    };
    Trouble { kind, detail: report::chain(error) }
}

/// HTTP 401 at the handshake is the clearest word about a token; everything else is tried again with it.
pub(in crate::cloud) fn of_opening(error: &NetError) -> Trouble {
    let status = match error {
        NetError::UpgradeRefused { status, .. } => Some(*status),
        NetError::NoRoots { .. }
        | NetError::CaFile { .. }
        | NetError::CaFileEmpty { .. }
        | NetError::ProxyUrl { .. }
        | NetError::Target(_)
        | NetError::Connect { .. }
        | NetError::ConnectTimeout { .. }
        | NetError::Proxy { .. }
        | NetError::ProxyRefused { .. }
        | NetError::Tls { .. }
        | NetError::Exchange { .. }
        | NetError::Timeout { .. }
        | NetError::BodyTooBig { .. }
        | NetError::Handshake { .. } => None,
    };
    let kind = match status {
        Some(StatusCode::UNAUTHORIZED) => TroubleKind::Refused,
        Some(StatusCode::TOO_MANY_REQUESTS) => TroubleKind::Throttled,
        Some(_) | None => TroubleKind::Failed,
    };
    Trouble { kind, detail: report::chain(error) }
}

pub(in crate::cloud) fn of_refresh(error: &RefreshError) -> Trouble {
    let kind = match error {
        RefreshError::Ended { .. } => TroubleKind::Refused,
        RefreshError::NotRefreshable { .. }
        | RefreshError::Net(_)
        | RefreshError::Failed { .. } => TroubleKind::Failed,
    };
    Trouble { kind, detail: report::chain(error) }
}
