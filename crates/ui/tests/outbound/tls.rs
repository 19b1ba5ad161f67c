//! Certificates: of a known authority, for the name that was called.

use std::sync::Arc;

use latchkey_protocol::outbound::OutboundError;
use latchkey_ui::outbound::{Network, OutboundRules, SystemResolver};
use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    x509::{X509, X509NameBuilder, extension::SubjectAlternativeName},
};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::{DEADLINE, post, receiver::Receiver, rules};

/// A certificate for this name or address, signed by itself.
fn certificate(name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut issuer = X509NameBuilder::new().unwrap();
    issuer.append_entry_by_text("CN", "receiver").unwrap();
    let issuer = issuer.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&issuer).unwrap();
    builder.set_issuer_name(&issuer).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(2).unwrap())
        .unwrap();
    let mut names = SubjectAlternativeName::new();
    match name.parse::<std::net::IpAddr>() {
        Ok(_) => names.ip(name),
        Err(_) => names.dns(name),
    };
    let names = names.build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let der = builder.build().to_der().unwrap();
    let private = PrivatePkcs8KeyDer::from(key.private_key_to_pkcs8().unwrap());
    (der.into(), private.into())
}

/// Listens with a certificate for `name`; the answer is 204.
async fn listening(name: &str) -> (u16, CertificateDer<'static>) {
    let (certificate, key) = certificate(name);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _request = stream.read(&mut [0; 8192]).await;
                let _gone = stream.write_all(b"HTTP/1.1 204 No\r\n\r\n").await;
            }
        }
    });
    (port, certificate)
}

fn knowing(authorities: Vec<CertificateDer<'static>>) -> Network {
    let rules = OutboundRules {
        authorities,
        ..rules(&["127.0.0.0/8", "::1/128"])
    };
    Network::new(rules, Arc::new(SystemResolver)).unwrap()
}

#[tokio::test]
async fn a_certificate_is_of_a_known_authority_and_for_the_host() {
    for name in ["localhost", "127.0.0.1"] {
        let (port, certificate) = listening(name).await;
        let url = |host: &str| format!("https://{host}:{port}/out");
        let known = knowing(vec![certificate]);
        assert_eq!(
            post(&known, &url(name)).await.unwrap().status,
            204,
            "{name}"
        );
        let other = if name == "localhost" {
            "127.0.0.1"
        } else {
            "localhost"
        };
        let wrong = post(&known, &url(other)).await;
        assert!(
            matches!(wrong, Err(OutboundError::Tls(_))),
            "{other}: {wrong:?}"
        );
        let unknown = post(&knowing(Vec::new()), &url(name)).await;
        assert!(matches!(unknown, Err(OutboundError::Tls(_))), "{unknown:?}");
    }
}

#[tokio::test]
async fn what_speaks_no_tls_is_no_https_receiver() {
    let plain = Receiver::saying("HTTP/1.1 200 OK\r\n\r\n").await;
    let url = plain.url().replace("http:", "https:");
    let answer = post(&knowing(Vec::new()), &url).await;
    assert!(matches!(answer, Err(OutboundError::Tls(_))), "{answer:?}");
    assert!(
        plain
            .heard()
            .iter()
            .all(|heard| !heard.contains("logout_token"))
    );
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up_at_the_deadline() {
    let silent = Receiver::start(|stream| async move {
        tokio::time::sleep(DEADLINE * 10).await;
        drop(stream);
    })
    .await;
    let url = silent.url().replace("http:", "https:");
    let answer = post(&knowing(Vec::new()), &url).await;
    assert_eq!(answer, Err(OutboundError::Late));
}
