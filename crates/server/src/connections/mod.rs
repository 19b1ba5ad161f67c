//! What stands between the network and the endpoints: the listener, how many connections there may be, and how long
//! each may take for what it has to say.

mod admission;
mod body;
mod descriptors;
mod listener;
mod patience;
mod stream;

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_http::{HttpService, KeepAlive, Protocol, Request, error::DispatchError};
use actix_server::Server;
use actix_service::{ServiceFactoryExt, apply_fn_factory, fn_service, map_config};
use actix_web::{App as ActixApp, dev::AppConfig, web};
use anyhow::Result;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::tls::Certificate;
use admission::Connections;
use patience::Exchange;
use stream::{Stream, Transport};

pub use descriptors::raise as raise_descriptors;
pub use listener::bind;
pub use patience::Patience;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a connection may take to close.
const CLOSING: Duration = Duration::from_secs(1);
/// How long requests that are under way at the end may take, in seconds.
const SHUTDOWN: u64 = 30;

/// The bounds of what strangers may hold.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one address (IPv6: of one /64), unless it is a trusted proxy.
    pub connections_per_address: usize,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub patience: Patience,
    /// Threads that answer requests; 0: one for each core.
    pub workers: usize,
}

/// Serves `routes` on `listener`.
///
/// # Errors
/// When the listener or the certificate cannot be used.
pub fn serve(
    listener: TcpListener,
    limits: &Limits,
    certificate: Option<&Arc<Certificate>>,
    routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<Server> {
    let connections = Arc::new(Connections::new(limits));
    let tls = certificate.map(acceptor).transpose()?;
    let patience = limits.patience;
    // Connections are counted by us, over all workers.
    let mut builder = Server::build()
        .shutdown_timeout(SHUTDOWN)
        .max_concurrent_connections(usize::from(u16::MAX));
    if limits.workers > 0 {
        builder = builder.workers(limits.workers);
    }
    let ending = builder.graceful_shutdown_signal();
    let address = listener.local_addr()?;
    let secure = tls.is_some();
    let builder = builder.listen("latchkey", listener, move || {
        let (ending, routes) = (ending.clone(), routes.clone());
        let config = move |_| AppConfig::__priv_test_new(secure, address.to_string(), address);
        let app = map_config(ActixApp::new().configure(routes), config);
        let app = apply_fn_factory(app, |request: Request, endpoints| {
            exchange(request, endpoints)
        });
        let http = HttpService::<Stream, _, _>::build()
            .graceful_shutdown_signal(move || {
                let ending = ending.clone();
                async move { ending.notified().await }
            })
            // The stream itself sees to idle connections, without a timer for each answer.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(patience.head)
            .client_disconnect_timeout(CLOSING)
            // The stream tells of an end only when nothing is being answered any more.
            .h1_allow_half_closed(false)
            .on_connect_ext(|stream: &Stream, data| {
                data.insert(stream.exchange());
            })
            .finish(app.map_err(|error: actix_web::Error| error.error_response()));
        let (connections, tls) = (connections.clone(), tls.clone());
        fn_service(move |socket| open(socket, connections.clone(), tls.clone(), patience))
            .and_then(http)
    })?;
    Ok(builder.run())
}

fn acceptor(certificate: &Arc<Certificate>) -> Result<TlsAcceptor> {
    let mut config = certificate.server_config()?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Lets a connection in, or closes it.
async fn open(
    socket: TcpStream,
    connections: Arc<Connections>,
    tls: Option<TlsAcceptor>,
    patience: Patience,
) -> Result<(Stream, Protocol, Option<std::net::SocketAddr>), DispatchError> {
    let peer = socket.peer_addr()?;
    let place = connections
        .admit(peer.ip())
        .ok_or(DispatchError::SlowRequestTimeout)?;
    // Answers are written whole: there is nothing to wait for.
    socket.set_nodelay(true)?;
    let transport = match tls {
        None => Transport::plain(socket),
        Some(tls) => {
            let shaken = actix_web::rt::time::timeout(HANDSHAKE, tls.accept(socket)).await;
            Transport::tls(shaken.map_err(|_| DispatchError::SlowRequestTimeout)??)
        }
    };
    Ok((
        Stream::new(transport, patience, place),
        Protocol::Http1,
        Some(peer),
    ))
}

/// Tells the stream that a request is being answered, and how its body is doing.
fn exchange<S: actix_service::Service<Request>>(
    mut request: Request,
    endpoints: &S,
) -> impl Future<Output = Result<S::Response, S::Error>> + use<S> {
    let exchange = request.conn_data::<std::rc::Rc<Exchange>>().cloned();
    let answering = exchange.as_ref().map(|exchange| exchange.begin());
    if let Some(exchange) = exchange {
        body::watch(&mut request, exchange);
    }
    let answer = endpoints.call(request);
    async move {
        let answer = answer.await;
        drop(answering);
        answer
    }
}
