//! Calls out: the settings decide where they may go.

use std::{
    io::{Read, Write},
    time::Duration,
};

use latchkey_protocol::outbound::{Outbound, OutboundError, OutboundMethod, OutboundRequest};
use latchkey_server::{config::Settings, wiring::outbound};
use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    ssl::{SslAcceptor, SslMethod},
    x509::{X509, X509NameBuilder, extension::SubjectAlternativeName},
};

use crate::support::{Harness, Kind, on};

/// Calls the harness itself, which is on a loopback address.
async fn called(h: &Harness) -> Result<u16, OutboundError> {
    let url = h.at("/healthz");
    let request = OutboundRequest {
        url: &url,
        method: OutboundMethod::Get,
        authorization: None,
        deadline: Duration::from_secs(10),
        longest_answer: 100,
        wants_success_body: true,
    };
    let answer = h.app.outbound.call(request).await?;
    assert_eq!(answer.body.unwrap(), b"ok\n");
    Ok(answer.status)
}

#[test]
fn a_private_address_is_called_only_where_a_setting_allows_it() {
    on(Kind::Sqlite, &[], &|h| async move {
        let refused = called(&h).await;
        assert!(matches!(refused, Err(OutboundError::Forbidden(_))));
    });
    let elsewhere = [("LATCHKEY_OUTBOUND__ALLOW", "10.0.0.0/8, ::1")];
    on(Kind::Sqlite, &elsewhere, &|h| async move {
        let refused = called(&h).await;
        assert!(matches!(refused, Err(OutboundError::Forbidden(_))));
    });
    let here = [("LATCHKEY_OUTBOUND__ALLOW", "10.0.0.0/8, 127.0.0.1")];
    on(Kind::Sqlite, &here, &|h| async move {
        assert_eq!(called(&h).await, Ok(200));
    });
}

/// Settings with a file of authorities that holds this.
fn trusting(pem: &str) -> Result<std::sync::Arc<dyn Outbound>, String> {
    let folder = tempfile::tempdir().unwrap();
    let (file, settings) = (folder.path().join("ca.pem"), folder.path().join("t"));
    std::fs::write(&settings, "").unwrap();
    std::fs::write(&file, pem).unwrap();
    let value = |name: &str| match name {
        "LATCHKEY_OUTBOUND__CA_FILE" => Some(file.display().to_string()),
        "LATCHKEY_OUTBOUND__ALLOW" => Some("127.0.0.1".into()),
        _ => None,
    };
    let settings = Settings::load(Some(&settings), &value).unwrap();
    let checked = settings.check_files().map_err(|error| format!("{error:#}"));
    let made = outbound(&settings).map_err(|error| format!("{error:#}"));
    assert_eq!(checked.err(), made.as_ref().err().cloned());
    made
}

/// Listens with a certificate that it signed itself: its PEM, and its address.
fn behind_tls() -> (String, String) {
    let (certificate, key) = self_signed("127.0.0.1");
    let pem = String::from_utf8(certificate.to_pem().unwrap()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_private_key(&key).unwrap();
    let acceptor = acceptor.build();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if let Ok(mut stream) = acceptor.accept(stream.unwrap()) {
                let _request = stream.read(&mut [0; 8192]);
                let _gone = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
            }
        }
    });
    (pem, url)
}

fn self_signed(address: &str) -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "receiver").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    let (begin, end) = (Asn1Time::days_from_now(0), Asn1Time::days_from_now(2));
    builder.set_not_before(&begin.unwrap()).unwrap();
    builder.set_not_after(&end.unwrap()).unwrap();
    let names = SubjectAlternativeName::new()
        .ip(address)
        .build(&builder.x509v3_context(None, None));
    builder.append_extension(names.unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

#[test]
fn a_file_of_authorities_makes_their_certificates_trusted() {
    let (pem, url) = behind_tls();
    let request = OutboundRequest {
        url: &url,
        method: OutboundMethod::Get,
        authorization: None,
        deadline: Duration::from_secs(10),
        longest_answer: 100,
        wants_success_body: true,
    };
    actix_web::rt::System::new().block_on(async {
        let (other, _) = self_signed("127.0.0.1");
        let other = String::from_utf8(other.to_pem().unwrap()).unwrap();
        let strict = trusting(&other).unwrap();
        let refused = strict.call(request).await;
        assert!(matches!(refused, Err(OutboundError::Tls(_))), "{refused:?}");
        let trusting = trusting(&format!("{other}{pem}")).unwrap();
        assert_eq!(trusting.call(request).await.unwrap().status, 204);
    });
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_fails_the_check_of_settings_as_it_fails_the_start() {
    let (good, _) = self_signed("127.0.0.1");
    let good = String::from_utf8(good.to_pem().unwrap()).unwrap();
    // A good PEM frame around what is no certificate.
    let framed = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let after_a_good_one = format!("{good}{framed}");
    for (broken, part) in [
        ("", "has no certificate in it"),
        (
            framed,
            "(outbound.ca_file) has a certificate in it that cannot be read",
        ),
        (
            &after_a_good_one,
            "cannot be read as a certificate authority",
        ),
    ] {
        let said = trusting(broken).err().unwrap();
        assert!(said.contains("ca.pem") && said.contains(part), "{said}");
    }
}
