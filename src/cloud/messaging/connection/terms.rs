//! Pure: what a connection begins with, and why it can end.

use std::time::{Duration, Instant};

use crate::cloud::messaging::identity::Identity;

/// What a connection needs to know when it begins.
#[derive(Debug)]
pub(in crate::cloud::messaging) struct Terms {
    /// Who this is.
    pub(in crate::cloud::messaging) me: Identity,
    /// A manager sees all conversations and takes no rings.
    pub(in crate::cloud::messaging) manager: bool,
    /// How long a request may take.
    pub(in crate::cloud::messaging) request_timeout: Duration,
    /// How often the server is asked for its time.
    pub(in crate::cloud::messaging) keepalive: Duration,
    /// How long until the first time, so that not all connectors ask at once.
    pub(in crate::cloud::messaging) first_keepalive: Duration,
    /// How often to look whether all is told that should be.
    pub(in crate::cloud::messaging) look_every: Duration,
    /// From when on lists that do not come count as a loss of the connection; none: never.
    pub(in crate::cloud::messaging) deaf_from: Option<Instant>,
}

/// Why a connection cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cloud::messaging) enum Loss {
    /// No frame for too long.
    Silent,
    /// A subscription was not answered.
    Unanswered(&'static str),
    /// It answers, and does not tell what it has to.
    Deaf,
    /// A subscription was refused.
    Refused {
        /// Which.
        what: &'static str,
        /// The status code.
        code: u16,
        /// The server's words.
        words: String,
    },
}
