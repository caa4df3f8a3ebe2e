//! Pure: what a socket brings, and why a connection over it can end.

use std::time::Duration;

use crate::cloud::{
    messaging::close::{self, Verdict},
    session,
};

/// What a socket brings.
#[derive(Debug)]
pub(crate) enum Received {
    /// A text frame.
    Text(String),
    /// Any other frame.
    Other,
    /// It is closed; nothing follows.
    Closed {
        /// The code of the close frame, if there was one.
        code: Option<u16>,
        /// What else is known, for people.
        detail: String,
    },
}

/// Why a connection cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// No frame for so long.
    Silent(Duration),
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
    /// The socket closed.
    Closed {
        /// The code of the close frame, if there was one.
        code: Option<u16>,
        /// What else is known, for people.
        detail: String,
    },
}

impl From<Loss> for session::Loss {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Silent(length) => Self::Broken {
                reason: "dead",
                detail: format!(
                    "nothing was received for {length:?}, twice the keepalive_interval"
                ),
            },
            Loss::Unanswered(what) => Self::Broken {
                reason: "dead",
                detail: format!("the subscription to {what} was not answered"),
            },
            Loss::Deaf => Self::Deaf {
                detail: "the connection answers, but does not tell what it has to".to_owned(),
            },
            Loss::Refused { what, code, words } => {
                let detail = format!(
                    "the subscription to {what} was refused with {code}: {words}; \
                     check the permissions of the agent's profile"
                );
                match code {
                    401 => Self::Expired { evicted: false, detail },
                    ..500 => Self::Refused { detail },
                    500.. => Self::Broken { reason: "closed", detail },
                }
            }
            Loss::Closed { code, detail } => closed(code, &detail),
        }
    }
}

fn closed(code: Option<u16>, detail: &str) -> session::Loss {
    let detail = match code {
        Some(code) if detail.is_empty() => format!("the cloud closed the connection with {code}"),
        Some(code) => format!("the cloud closed the connection with {code}: {detail}"),
        None => format!("the connection broke: {detail}"),
    };
    match close::from_close_code(code) {
        Verdict::Reconnect => {
            session::Loss::Closed { unexplained: matches!(code, None | Some(1006)), detail }
        }
        Verdict::LogIn { evicted } => session::Loss::Expired { evicted, detail },
        Verdict::Throttle => session::Loss::Throttled { detail },
    }
}
