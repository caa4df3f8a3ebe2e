//! IO: the WebSocket that carries a connection, from the opening to the good-bye.
//!
//! Frames are logged at TRACE under the target `wire::cloud`, if that is wanted: they hold what people say, and never the
//! bearer.

#[cfg(test)]
mod tests;

use hyper::Uri;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use secrecy::ExposeSecret;

use super::{
    connection::{Connection, Received},
    socket::Socket,
};
use crate::{
    cloud::{
        Settings,
        domains::{DomainError, Hosts},
        link::{Carried, Carrier, Work, work},
        login::Login,
        session::trouble,
    },
    net::{Net, NetError},
};

/// A WebSocket, or none.
pub(in crate::cloud) struct Line {
    net: Net,
    log_content: bool,
    opening: Option<Work<Result<Socket, NetError>>>,
    socket: Option<Socket>,
    /// A socket that says good-bye.
    closing: Option<Work<()>>,
}

impl Carrier for Line {
    type Connection = Connection;

    fn new(net: Net, log_content: bool) -> Self {
        Self { net, log_content, opening: None, socket: None, closing: None }
    }

    fn base(hosts: &Hosts) -> Result<String, DomainError> {
        hosts.messaging()
    }

    fn open(&mut self, base: &str, login: &Login, settings: &Settings) {
        let uri = address(base, login);
        let (net, timeout) = (self.net.clone(), settings.request_timeout);
        self.opening = Some(Box::pin(async move {
            let uri = uri.ok_or(NetError::Target("it cannot be read"))?;
            Socket::open(&net, &uri, timeout).await
        }));
    }

    fn send(&mut self, text: String) {
        if self.log_content {
            tracing::trace!(target: "wire::cloud", direction = "out", frame = text);
        }
        if let Some(socket) = &mut self.socket {
            socket.send(text);
        }
    }

    fn close(&mut self) {
        self.opening = None;
        if let Some(socket) = self.socket.take() {
            self.closing = Some(Box::pin(socket.close()));
        }
    }

    fn good_bye(&mut self) -> Option<Work<()>> {
        self.closing.take()
    }

    async fn next(&mut self, read: bool) -> Carried<Received> {
        let opened = loop {
            tokio::select! {
                opened = work(&mut self.opening) => break opened,
                received = receive(&mut self.socket, read) => return self.received(received),
                () = work(&mut self.closing) => {}
            }
        };
        Carried::Opened(match opened {
            Ok(socket) => {
                self.socket = Some(socket);
                Ok(())
            }
            Err(error) => Err(trouble::of_opening(&error)),
        })
    }
}

impl Line {
    fn received(&mut self, received: Received) -> Carried<Received> {
        match &received {
            Received::Text(text) if self.log_content => {
                tracing::trace!(target: "wire::cloud", direction = "in", frame = text);
            }
            Received::Text(_) | Received::Other => {}
            // Dropped at once: the other side has gone, or the close was echoed already.
            Received::Closed { .. } => self.socket = None,
        }
        Carried::Received(received)
    }
}

async fn receive(socket: &mut Option<Socket>, read: bool) -> Received {
    match socket {
        Some(socket) => socket.next(read).await,
        None => std::future::pending().await,
    }
}

/// The bearer is a part of the path, so the address is as secret as the bearer; none if it cannot be one.
pub(super) fn address(base: &str, login: &Login) -> Option<Uri> {
    let bearer = utf8_percent_encode(login.bearer.expose_secret(), &NOT_IN_A_SEGMENT);
    format!("{base}/ws_api/account/{}/messaging/brand/{bearer}?v=2.1", login.account).parse().ok()
}

/// What may not stand in a path segment as it is; a hexadecimal bearer stays as it is.
const NOT_IN_A_SEGMENT: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
