//! The layer of tower around a server of tonic, called by tonic's own client over a connection: what a gRPC client hears.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::web::{Buf, BufMut};
use http::uri::PathAndQuery;
use latchkey_resource_server::{
    Authenticated, Public, RequireRole, RequireScope, StepUp, Verifier,
    tower::{Caller, ProtectLayer},
};
use serde_json::json;
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{NamedService, UnaryService},
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tower_service::Service;

use super::support::{Fault, Issuer, claims, ec_key, rsa_key, sign, with};

/// Messages that are plain text: no protobuf is needed to see who is let in.
#[derive(Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// `shop.Orders`, whatever the method.
#[derive(Clone)]
struct Orders;

impl NamedService for Orders {
    const NAME: &'static str = "shop.Orders";
}

impl Service<http::Request<Body>> for Orders {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(tonic::server::Grpc::new(Text).unary(Answer, request).await) })
    }
}

/// Says what was asked, and by whom.
struct Answer;

impl UnaryService<String> for Answer {
    type Response = String;
    type Future = Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let caller = request.extensions().get::<Caller>();
        let name = caller.map_or("nobody", |caller| &caller.sub);
        ready(Ok(Response::new(format!(
            "{} by {name}",
            request.get_ref()
        ))))
    }
}

/// A server behind the layer, and a connection to it.
async fn connected(layer: ProtectLayer) -> Channel {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let server = Server::builder().layer(layer).add_service(Orders);
    tokio::spawn(server.serve_with_incoming(incoming));
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

async fn call(channel: &Channel, method: &str, authorization: &str) -> Result<String, Status> {
    let mut request = Request::new(format!("{method} asked"));
    if !authorization.is_empty() {
        let value = authorization.parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let path: PathAndQuery = format!("/shop.Orders/{method}").parse().unwrap();
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let answer = client.unary(request, path, Text).await?;
    Ok(answer.into_inner())
}

const NEEDED: &str = "a valid access token is needed";
const NOT_ALLOWED: &str = "the access token does not allow this";

async fn assert_refused(
    channel: &Channel,
    (method, authorization): (&str, &str),
    (code, message): (Code, &str),
    challenge: Option<&str>,
) {
    let status = call(channel, method, authorization).await.unwrap_err();
    let shown: String = authorization.chars().take(20).collect();
    // The client makes up a message where the status is that of HTTP alone.
    let heard = (status.code(), status.message());
    assert_eq!(heard, (code, message), "{method} by {shown}");
    let said = status.metadata().get("www-authenticate");
    let said = said.map(|value| value.to_str().unwrap());
    assert_eq!(said, challenge, "{method} by {shown}");
}

fn table(api: &Verifier) -> ProtectLayer {
    ProtectLayer::of(api)
        .grpc()
        .require("/shop.Orders/Prices", Public)
        .require("/shop.Orders/List", RequireScope("orders:read"))
        .require("/shop.Orders/Cancel", RequireScope("orders:write"))
        .require("/shop.Orders/Delete", RequireRole("admin"))
        .require("/shop.Orders/Pay", StepUp::within(10))
}

#[tokio::test]
async fn a_client_of_tonic_is_answered_or_hears_a_status_of_grpc() {
    let key = rsa_key();
    let channel = connected(table(&Issuer::with(&[&key]).start().await)).await;
    let bearer = |claims| format!("Bearer {}", sign(&key, &claims));
    let (good, admin) = (bearer(claims()), bearer(with("roles", json!(["admin"]))));
    let forged = format!("Bearer {}", sign(&ec_key(), &claims()));
    // Twice: verified, and remembered.
    for _ in 0..2 {
        for (method, authorization, answer) in [
            ("Prices", "", "Prices asked by nobody"),
            ("List", &*good, "List asked by alice"),
            ("Delete", &*admin, "Delete asked by alice"),
        ] {
            let served = call(&channel, method, authorization).await.unwrap();
            assert_eq!(served, answer);
        }
        let unknown = (Code::Unauthenticated, NEEDED);
        let realm = r#"Bearer realm="api""#;
        let invalid = r#"Bearer error="invalid_token""#;
        assert_refused(&channel, ("List", ""), unknown, Some(realm)).await;
        assert_refused(&channel, ("List", "Bearer x"), unknown, Some(invalid)).await;
        assert_refused(&channel, ("List", &forged), unknown, Some(invalid)).await;
        let again = r#"Bearer error="insufficient_user_authentication", max_age="10""#;
        assert_refused(&channel, ("Pay", &good), unknown, Some(again)).await;
        let denied = (Code::PermissionDenied, NOT_ALLOWED);
        let scope = r#"Bearer error="insufficient_scope", scope="orders:write""#;
        assert_refused(&channel, ("Cancel", &good), denied, Some(scope)).await;
        let closed = r#"Bearer error="insufficient_scope""#;
        assert_refused(&channel, ("Delete", &good), denied, Some(closed)).await;
        assert_refused(&channel, ("Unnamed", &admin), denied, Some(closed)).await;
    }
}

/// UNAVAILABLE is what a client of gRPC tries again.
#[tokio::test]
async fn a_client_of_tonic_hears_that_nobody_can_tell_now() {
    let issuer = Issuer::with(&[&rsa_key()]);
    issuer.fails(Fault::Down);
    let api = issuer.verifier().start_without_issuer().unwrap();
    let channel = connected(ProtectLayer::new(&api, Authenticated).grpc()).await;
    let good = format!("Bearer {}", sign(&rsa_key(), &claims()));
    let away = (Code::Unavailable, "access tokens cannot be judged now");
    assert_refused(&channel, ("List", &good), away, None).await;
    let unknown = (Code::Unauthenticated, NEEDED);
    let realm = r#"Bearer realm="api""#;
    assert_refused(&channel, ("List", ""), unknown, Some(realm)).await;
}
