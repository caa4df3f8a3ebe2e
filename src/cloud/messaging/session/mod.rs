//! Pure: the session of messaging: what it is told and what it wants, over one WebSocket.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use led::*;
#[cfg(test)]
mod tests;

/// For those who lead a session by hand.
#[cfg(any(test, feature = "fuzzing"))]
mod led {
    use crate::cloud::{messaging::connection::Connection, session};
    pub(crate) use crate::cloud::{
        messaging::{Output, connection::Received},
        session::{Account, Trouble, TroubleKind},
    };

    pub(crate) type Session = session::Session<Connection>;
    pub(crate) type Input = session::Input<Received>;
}
