//! What calls APIs: HTTP/1.1, pooled, TLS by rustls, no redirects, no proxy from the environment, nothing decompressed.

use std::{sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pooled, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::body::Body;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one waits for the next call: shorter than what servers usually wait, so that none ends as it is used.
const IDLE: Duration = Duration::from_secs(20);
/// How long bytes may be under way that an API does not take.
const GONE: Duration = Duration::from_secs(60);
/// Connections that wait, for each API.
const WAITING: usize = 32;
/// The largest head of an answer, in bytes.
const HEAD: usize = 64 * 1024;

/// One for each thread.
pub struct Client(Pooled<HttpsConnector<HttpConnector>, Body>);

impl Client {
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        // An API that is gone without a word is noticed on a connection on which nothing is said, too.
        connector.set_keepalive(Some(IDLE));
        connector.set_keepalive_interval(Some(IDLE / 2));
        connector.set_keepalive_retries(Some(3));
        connector.set_tcp_user_timeout(Some(GONE));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let mut builder = Pooled::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(WAITING)
            .http1_max_buf_size(HEAD);
        Self(builder.build(connector))
    }

    pub async fn ask(&self, request: Request<Body>) -> Result<Response<Incoming>, Error> {
        self.0.request(request).await
    }
}

fn tls() -> ClientConfig {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("ring has the suites of TLS 1.2 and 1.3"))
        .with_root_certificates(roots)
        .with_no_client_auth()
}
