//! TCP or Unix socket, taken once and given back.

use std::{
    io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::Address;

/// The address could not be taken.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address} for health requests; free the address or change [health] listen"
)]
pub struct BindError {
    /// Which.
    pub address: Address,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener, Address),
    Unix(UnixListener, SocketFile),
}

/// An accepted connection.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    pub(super) async fn bind(address: &Address) -> Result<Self, BindError> {
        let bound = match address {
            Address::Tcp(text) => bind_tcp(text).await,
            Address::Unix(path) => bind_unix(path).await,
        };
        bound.map_err(|source| BindError { address: address.clone(), source })
    }

    pub(super) fn address(&self) -> Address {
        match self {
            Self::Tcp(_, address) => address.clone(),
            Self::Unix(_, file) => Address::Unix(file.path.clone()),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener, _) => Ok(Stream::Tcp(listener.accept().await?.0)),
            Self::Unix(listener, _) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

async fn bind_tcp(text: &str) -> io::Result<Listener> {
    let listener = TcpListener::bind(text).await?;
    let address = listener.local_addr()?.into();
    Ok(Listener::Tcp(listener, address))
}

/// The socket gets its final name only when its mode is right: nobody can connect before.
async fn bind_unix(path: &Path) -> io::Result<Listener> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is a file of that name which is not a socket",
            ));
        }
        Ok(_) if is_alive(path).await => {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another process listens on that socket",
            ));
        }
        Ok(_) => {}
    }
    let new = path.with_extension(format!("{}~", std::process::id()));
    // Left by a process of the same id that died here.
    let _ = std::fs::remove_file(&new);
    let listener = UnixListener::bind(&new)?;
    let named = std::fs::set_permissions(&new, std::fs::Permissions::from_mode(MODE))
        .and_then(|()| std::fs::rename(&new, path));
    if let Err(error) = named {
        let _ = std::fs::remove_file(&new);
        return Err(error);
    }
    let file = SocketFile { path: path.to_owned(), inode: path.symlink_metadata()?.ino() };
    Ok(Listener::Unix(listener, file))
}

async fn is_alive(path: &Path) -> bool {
    match tokio::time::timeout(Duration::from_secs(1), UnixStream::connect(path)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => error.kind() != io::ErrorKind::ConnectionRefused,
        // Its queue is full: somebody is there, if not well.
        Err(_) => true,
    }
}

/// Removes the socket's file with the listener, unless another one has taken the name.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = |found: &std::fs::Metadata| found.ino() == self.inode;
        if self.path.symlink_metadata().as_ref().is_ok_and(is_ours) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// For the user and the group that the service runs as.
const MODE: u32 = 0o660;
