//! Pure: what the end of a socket means for the session.

/// What to do after a socket was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Connect again with the same token.
    Reconnect,
    /// The token is not good any more: log in again, then connect.
    LogIn {
        /// Whether it looks as if another log-in of the same user had ended this session.
        evicted: bool,
    },
    /// Too much was asked: wait a good while, then connect with the same token.
    Throttle,
}

/// Messaging Agent API, close codes; none is a connection that broke without a close frame (1006).
///
/// This is the only place where a code becomes a decision. A broken connection may also be a revoked token;
/// only several of them in a row tell, which is for the session to count.
#[must_use]
pub(super) fn from_close_code(code: Option<u16>) -> Verdict {
    match code {
        // The token is missing, expired or revoked.
        Some(4401) => Verdict::LogIn { evicted: true },
        // The identity must be renewed; server errors that the platform classes with authentication.
        Some(4407 | 1008 | 1011) => Verdict::LogIn { evicted: false },
        // Documented nowhere, and its meaning is plain.
        Some(4429) => Verdict::Throttle,
        // Restart, load balancing, network loss, unknown.
        Some(_) | None => Verdict::Reconnect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_verdict() {
        for (code, verdict) in [
            (Some(4401), Verdict::LogIn { evicted: true }),
            (Some(4407), Verdict::LogIn { evicted: false }),
            (Some(1011), Verdict::LogIn { evicted: false }),
            (Some(1008), Verdict::LogIn { evicted: false }),
            (Some(4429), Verdict::Throttle),
            (Some(1000), Verdict::Reconnect),
            (Some(1001), Verdict::Reconnect),
            (Some(1004), Verdict::Reconnect),
            (Some(1006), Verdict::Reconnect),
            (Some(1012), Verdict::Reconnect),
            (Some(4999), Verdict::Reconnect),
            (None, Verdict::Reconnect),
        ] {
            assert_eq!(from_close_code(code), verdict, "{code:?}");
        }
    }
}
