//! What stands between the connector and the cloud: a CONNECT proxy, and a relay that listens in.

use std::{
    io::{BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::{Listener, read_request};

/// An HTTP proxy that knows CONNECT, wants credentials, and finds every name at one address.
pub(crate) struct Proxy {
    listener: Listener,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// `authorization` is the header's value that it wants.
    pub(crate) fn start(authorization: &'static str, everything_is_at: SocketAddr) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        let listener = Listener::new(move |client| {
            let mut reader = BufReader::new(client.try_clone().unwrap());
            let Some(request) = read_request(&mut reader) else { return };
            let right = request.header("proxy-authorization") == Some(authorization);
            let what = match right {
                true => "",
                false => " without the right credentials",
            };
            notes.lock().unwrap().push(format!("{} {}{what}", request.method, request.path));
            if !right {
                let _ = (&client).write_all(REFUSAL);
                return;
            }
            let server = TcpStream::connect(everything_is_at).unwrap();
            (&client).write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            // The client speaks only after the answer: nothing is left in the reader.
            join(client, server, |_| {});
        });
        Self { listener, asked }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Every request that it got: the method and its target.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Passes bytes on to a server, and keeps what that one sends back.
pub(crate) struct Relay {
    listener: Listener,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Relay {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        let listener = Listener::new(move |client| {
            let notes = Arc::clone(&notes);
            let server = TcpStream::connect(server).unwrap();
            join(client, server, move |bytes| notes.lock().unwrap().extend_from_slice(bytes));
        });
        Self { listener, heard }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What the server has sent.
    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

/// Carries bytes both ways until one side ends; shows what the server sends.
fn join(client: TcpStream, server: TcpStream, show: impl Fn(&[u8]) + Send + 'static) {
    let (to_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let back = thread::spawn(move || carry(from_server, to_client, show));
    carry(client, server, |_| {});
    let _ = back.join();
}

fn carry(mut from: TcpStream, mut to: TcpStream, show: impl Fn(&[u8])) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        show(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

const REFUSAL: &[u8] = b"HTTP/1.1 407 Proxy Authentication Required\r\n\
    Proxy-Authenticate: Basic realm=\"test\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
