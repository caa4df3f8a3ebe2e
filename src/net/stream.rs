//! The one stream type below HTTP and WebSocket, and the name of its other end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::NetError;

/// A connection that has been made: plain, encrypted or in memory.
#[derive(Debug)]
pub struct NetStream(Kind);

#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Memory(DuplexStream),
}

impl From<TcpStream> for NetStream {
    fn from(stream: TcpStream) -> Self {
        Self(Kind::Plain(stream))
    }
}

impl From<TlsStream<TcpStream>> for NetStream {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self(Kind::Tls(Box::new(stream)))
    }
}

impl From<DuplexStream> for NetStream {
    fn from(stream: DuplexStream) -> Self {
        Self(Kind::Memory(stream))
    }
}

/// `host:port` of an absolute URI, as errors name it.
pub(super) fn host_of(uri: &Uri) -> Result<String, NetError> {
    let host = uri.host().unwrap_or_default();
    if host.is_empty() {
        return Err(NetError::Target("it has no host"));
    }
    let port = port_of(uri)?;
    Ok(format!("{host}:{port}"))
}

/// The port, or the scheme's own one.
pub(super) fn port_of(uri: &Uri) -> Result<u16, NetError> {
    let default = if is_encrypted(uri)? { 443 } else { 80 };
    Ok(uri.port_u16().unwrap_or(default))
}

/// Whether the scheme asks for TLS.
pub(super) fn is_encrypted(uri: &Uri) -> Result<bool, NetError> {
    match uri.scheme_str() {
        Some("https" | "wss") => Ok(true),
        Some("http" | "ws") => Ok(false),
        Some(_) | None => Err(NetError::Target(
            "its scheme must be http, https, ws or wss",
        )),
    }
}

impl AsyncRead for NetStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
            Kind::Memory(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for NetStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => Pin::new(stream).poll_write(cx, data),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, data),
            Kind::Memory(stream) => Pin::new(stream).poll_write(cx, data),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, data),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, data),
            Kind::Memory(stream) => Pin::new(stream).poll_write_vectored(cx, data),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Kind::Plain(stream) => stream.is_write_vectored(),
            Kind::Tls(stream) => stream.is_write_vectored(),
            Kind::Memory(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            Kind::Memory(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Kind::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl Connection for NetStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
