//! TLS 1.2 and 1.3 with AEAD suites alone (rustls has no others), and certificates that are read again when they change.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use anyhow::{Context, Result};
use openssl::{asn1::Asn1Time, x509::X509};
use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// The certificate in use.
#[derive(Debug)]
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<(Arc<CertifiedKey>, Option<SystemTime>)>,
}

/// Reads chain and key.
///
/// # Errors
/// A sentence naming the file and its fault.
pub fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey> {
    let chain = chain(certificate)?;
    let private = PrivateKeyDer::from_pem_slice(&bytes(key)?)
        .ok()
        .with_context(|| format!("{} has no private key in it", key.display()))?;
    let certified = CertifiedKey::from_der(chain, private, &ring::default_provider())
        .with_context(|| {
            format!(
                "{} and {} do not belong together",
                certificate.display(),
                key.display()
            )
        })?;
    certified.keys_match().with_context(|| {
        format!(
            "{} and {} do not belong together",
            certificate.display(),
            key.display()
        )
    })?;
    Ok(certified)
}

fn bytes(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// The certificates of a PEM file, one at least.
///
/// # Errors
/// A sentence naming the file and its fault.
pub fn chain(certificate: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes(certificate)?)
        .collect::<std::result::Result<_, _>>()
        .with_context(|| format!("{} is no PEM certificate", certificate.display()))?;
    anyhow::ensure!(
        !chain.is_empty(),
        "{} has no certificate in it",
        certificate.display()
    );
    Ok(chain)
}

/// Whole days until the first certificate of the chain ends; negative once it has.
///
/// # Errors
/// A sentence naming the file and its fault.
pub fn days_left(certificate: &Path) -> Result<i64> {
    let chain = chain(certificate)?;
    let own = X509::from_der(&chain[0])
        .with_context(|| format!("{} cannot be read", certificate.display()))?;
    let left = Asn1Time::days_from_now(0)?.diff(own.not_after())?;
    Ok(i64::from(left.days) - i64::from(left.secs < 0))
}

fn changed(certificate: &Path, key: &Path) -> Option<SystemTime> {
    let at = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    at(certificate).max(at(key))
}

impl Certificate {
    /// # Errors
    /// A sentence naming the file and its fault.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>> {
        let current = RwLock::new((Arc::new(read(certificate, key)?), changed(certificate, key)));
        Ok(Arc::new(Self {
            certificate: certificate.into(),
            key: key.into(),
            current,
        }))
    }

    /// Reads the files again if they changed. What cannot be read is logged, and the old one stays.
    pub fn refresh(&self) {
        let at = changed(&self.certificate, &self.key);
        if at
            == self
                .current
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .1
        {
            return;
        }
        match read(&self.certificate, &self.key) {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(new), at);
                tracing::info!("certificate reloaded");
            }
            Err(error) => {
                tracing::error!("the new certificate cannot be used, the old one stays: {error:#}")
            }
        }
    }

    /// # Errors
    /// When rustls refuses the protocol versions.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        Ok(config)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(
            self.current
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .0
                .clone(),
        )
    }
}
