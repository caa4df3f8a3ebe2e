//! `serve`: the simulator on a TCP port, until Ctrl-C.

use super::simulator::{Options, Simulator};
use super::{ServeArguments, say};
use futures_util::StreamExt as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Serves until a signal asks to stop.
pub(super) async fn run(arguments: ServeArguments) -> Result<(), String> {
    let mut options = match &arguments.config {
        Some(path) => read_options(path)?,
        None => Options::default(),
    };
    if let Some(seed) = arguments.seed {
        options.seed = seed;
    }
    if arguments.print_config {
        let world = serde_json::to_string_pretty(&options)
            .map_err(|why| format!("cannot print the world: {why}"))?;
        say(&world);
        return Ok(());
    }
    let tls = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(cert), Some(key)) => Some(acceptor(cert, key)?),
        _ => None,
    };
    let listener = TcpListener::bind(arguments.listen).await.map_err(|why| {
        format!(
            "cannot listen on {}: {why}; choose another address with --listen",
            arguments.listen
        )
    })?;
    let address = listener.local_addr().map_err(|why| format!("cannot tell the address: {why}"))?;
    let mut signals = signals()?;
    let simulator = Simulator::new(options);
    let scheme = if tls.is_some() { "https" } else { "http" };
    say(&format!("The simulated cloud listens on {scheme}://{address}"));
    tokio::select! {
        () = simulator.serve(listener, tls) => {}
        _ = signals.next() => {}
    }
    simulator.stop();
    Ok(())
}

/// The signals that ask to stop.
fn signals() -> Result<Signals, String> {
    Signals::new([SIGINT, SIGTERM]).map_err(|why| format!("cannot listen to signals: {why}"))
}

fn read_options(path: &Path) -> Result<Options, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| format!("cannot read {}: {why}", path.display()))?;
    serde_json::from_str(&text).map_err(|why| {
        format!("{}: {why}; --print-config shows how a world is written", path.display())
    })
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|why| format!("{}: no certificate: {why}", cert.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|why| format!("{}: no private key: {why}", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| format!("TLS versions: {why}"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|why| format!("certificate and key do not fit together: {why}"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
