//! A connection to an address that was checked, with TLS where the target has it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use latchkey_protocol::outbound::OutboundError;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::target::Target;

/// How long one address may take to accept; then the next is tried.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(3);
/// How many addresses are tried.
const TRIES: usize = 3;

/// What bytes go through, plain or under TLS.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// TLS 1.2 and 1.3 with AEAD suites, the authorities of the public web, and these besides.
pub fn tls(authorities: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for authority in authorities {
        roots.add(authority)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each call stands alone: nothing of one connection is shown to the next.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// Connects to the first of `addresses` that accepts.
pub async fn to_one_of(
    addresses: &[SocketAddr],
    target: &Target,
    tls: &Arc<ClientConfig>,
) -> Result<Box<dyn Connection>, OutboundError> {
    for address in addresses.iter().take(TRIES) {
        let Ok(Ok(stream)) = timeout(ACCEPTED_WITHIN, TcpStream::connect(address)).await else {
            continue;
        };
        // A head and a short body: waiting for more to send gains nothing.
        let _slower_at_worst = stream.set_nodelay(true);
        if !target.is_tls {
            return Ok(Box::new(stream));
        }
        let connector = TlsConnector::from(tls.clone());
        let secured = connector.connect(target.server_name()?, stream).await;
        return match secured {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(OutboundError::Tls(error.to_string())),
        };
    }
    Err(OutboundError::Unreachable)
}
