//! Pure: everything that a session can want done.

use crate::cloud::Event;

/// What a session wants done; `S` is what its connection sends. A new host search, log-in or connection replaces one that is under way.
#[derive(Debug, PartialEq)]
pub(crate) enum Output<S> {
    /// Ask the domain service.
    FindHosts,
    /// Log in; a refresh under way is of no interest any more.
    LogIn,
    /// Open the connection with the token of the last log-in.
    Connect,
    /// Send this.
    Send(S),
    /// Close the connection, if it is open or being opened.
    Disconnect,
    /// Prolong the token.
    Refresh,
    /// End the session on the server, within a short time.
    LogOut,
    /// Tell the hall.
    Tell(Event),
}
