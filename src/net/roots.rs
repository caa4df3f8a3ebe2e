//! Whom to trust: the system's roots and the CA file, read once at start.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_native_certs::CertificateResult;

use super::NetError;

/// A TLS configuration with ring, the system's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured) and those
/// of `ca_file`.
pub(super) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, NetError> {
    trusting(store(rustls_native_certs::load_native_certs(), ca_file)?)
}

fn store(mut system: CertificateResult, ca_file: Option<&Path>) -> Result<RootCertStore, NetError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() {
        let source = system.errors.pop().map(|error| Arc::new(error) as _);
        return Err(NetError::NoRoots { source });
    }
    Ok(roots)
}

/// A TLS configuration that trusts exactly `roots`.
fn trusting(roots: RootCertStore) -> Result<ClientConfig, NetError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| NetError::NoRoots { source: Some(Arc::new(error)) })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), NetError> {
    let failed = |source| NetError::CaFile { path: path.to_owned(), source };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(Arc::new(error)))?;
    if certificates.is_empty() {
        return Err(NetError::CaFileEmpty { path: path.to_owned() });
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|error| failed(Arc::new(error)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_roots_and_a_configuration_without_ca_file_cannot_start() {
        let error = store(CertificateResult::default(), None).unwrap_err();
        assert!(matches!(error, NetError::NoRoots { source: None }), "{error:?}");
        assert!(error.to_string().contains("ca-certificates"), "{error}");
    }
}
