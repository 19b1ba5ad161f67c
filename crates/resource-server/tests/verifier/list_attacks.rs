//! What comes instead of a status list: it is never believed, and nothing passes by it.

use std::io::Write;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};
use hmac::{Hmac, Mac};
use latchkey_jose::{Algorithm, SigningKey};
use latchkey_protocol::status::deflate;
use latchkey_resource_server::{Refusal, Rejection, StatusLists, Unavailable, WhenStale};
use serde_json::{Value, json};
use sha2::Sha256;

use super::support::{
    BEGIN, ISSUER, Issuer, LIST, claims, ec_key, eventually, judge, list_claims, list_token,
    list_with, lst, new_key, rsa_key, sign, sign_as, sign_list, with_status,
};

const AWAY: Result<String, Rejection> = Err(Rejection::Unavailable(Unavailable::StatusList));

/// How a token that no list ends is judged by this one.
async fn judge_by(key: &SigningKey, list: &[u8]) -> Result<String, Rejection> {
    let issuer = Issuer::with(&[key]);
    issuer.publish_list_at(LIST, list);
    judge(&issuer.start().await, &sign(key, &with_status(1))).await
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Compressed as the list says it, with another stream.
fn with_stream(key: &SigningKey, stream: &[u8]) -> String {
    let member = json!({ "bits": 1, "lst": URL_SAFE_NO_PAD.encode(stream) });
    sign_list(key, &list_with("status_list", member))
}

/// Nothing but the list of the issuer is one (8.3, and its security considerations).
#[tokio::test]
async fn what_was_not_signed_as_this_list_by_the_issuer_is_none() {
    let (key, other) = (rsa_key(), ec_key());
    assert!(
        judge_by(&key, list_token(&key, &[]).as_bytes())
            .await
            .is_ok()
    );
    let good = list_claims(&[]);
    let payload = part(&good);
    let header = |alg: &str| json!({ "alg": alg, "typ": "statuslist+jwt", "kid": key.kid() });
    let unsigned = format!("{}.{payload}.", part(&header("none")));
    let stolen = list_token(&key, &[]).rsplit_once('.').unwrap().1.to_owned();
    let swapped = format!(
        "{}.{}.{stolen}",
        part(&header("RS256")),
        part(&list_claims(&[5]))
    );
    // The list's own key in its header.
    let mut embedded = header("ES256");
    embedded["jwk"] = json!(other.public());
    embedded["jku"] = json!("https://evil.example/keys");
    let mut evil = sign_list(&other, &good);
    let rest = evil.split_off(evil.find('.').unwrap());
    let embedded = format!("{}{rest}", part(&embedded));
    let mut bad: Vec<Vec<u8>> = [unsigned, swapped, embedded, sign_list(&other, &good)]
        .map(String::into_bytes)
        .into();
    for typ in [
        "at+jwt",
        "JWT",
        "statuslist+cwt",
        "application/json",
        "STATUSLIST+JWT",
        "",
    ] {
        bad.push(sign_as(&key, typ, &good).into_bytes());
    }
    bad.push(sign(&key, &claims()).into_bytes());
    bad.push(good.to_string().into_bytes());
    bad.extend([
        b"".to_vec(),
        b"..".to_vec(),
        vec![0xff; 100],
        b"<!doctype html>".to_vec(),
    ]);
    for list in bad {
        let shown: String = String::from_utf8_lossy(&list).chars().take(200).collect();
        assert_eq!(judge_by(&key, &list).await, AWAY, "{shown}");
    }
}

/// The draft allows a MAC: then each API that verifies could publish.
#[tokio::test]
async fn a_list_with_a_shared_secret_is_none() {
    let key = rsa_key();
    let public = json!(key.public());
    for secret in [
        public.to_string(),
        public["n"].as_str().unwrap().to_owned(),
        String::new(),
    ] {
        let header = json!({ "alg": "HS256", "typ": "statuslist+jwt", "kid": key.kid() });
        let signed = format!("{}.{}", part(&header), part(&list_claims(&[])));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        let token = format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        );
        assert_eq!(judge_by(&key, token.as_bytes()).await, AWAY);
    }
}

#[tokio::test]
async fn a_list_that_says_something_else_is_none() {
    let key = rsa_key();
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{ISSUER}/"))),
        ("sub", json!("https://id.example/status-lists/2")),
        ("sub", json!(format!("{LIST}/"))),
        ("sub", json!(null)),
        ("iat", json!(BEGIN + 61)),
        ("iat", json!("now")),
        ("iat", json!(null)),
        ("iat", json!(i64::MAX)),
        ("exp", json!(BEGIN)),
        ("exp", json!(BEGIN - 1)),
        ("exp", json!(-1)),
        ("exp", json!(1e308)),
        ("ttl", json!(-5)),
        ("status_list", json!(null)),
        ("status_list", json!({ "bits": 3, "lst": lst(&[]) })),
        ("status_list", json!({ "bits": 0, "lst": lst(&[]) })),
        ("status_list", json!({ "bits": "1", "lst": lst(&[]) })),
        ("status_list", json!({ "lst": lst(&[]) })),
        ("status_list", json!({ "bits": 1 })),
        (
            "status_list",
            json!({ "bits": 1, "lst": format!("{}=", lst(&[])) }),
        ),
        ("status_list", json!({ "bits": 1, "lst": "" })),
    ] {
        let list = sign_list(&key, &list_with(name, value.clone()));
        assert_eq!(
            judge_by(&key, list.as_bytes()).await,
            AWAY,
            "{name} {value}"
        );
    }
    // Clocks differ.
    let list = sign_list(&key, &list_with("iat", json!(BEGIN + 60)));
    assert!(judge_by(&key, list.as_bytes()).await.is_ok());
}

#[tokio::test]
async fn a_list_that_is_too_large_or_not_whole_is_none() {
    let key = rsa_key();
    let stream = deflate(&[0; 1000]);
    let bomb = deflate(&vec![0; 64 << 20]);
    let most = deflate(&vec![0; 1 << 20]);
    let above = deflate(&vec![0; (1 << 20) + 1]);
    let trailing = [&stream[..], b"x"].concat();
    assert!(
        judge_by(&key, with_stream(&key, &most).as_bytes())
            .await
            .is_ok()
    );
    for bad in [
        &bomb[..],
        &above,
        &stream[..stream.len() - 1],
        &trailing,
        &[],
        &[0; 100],
    ] {
        assert_eq!(
            judge_by(&key, with_stream(&key, bad).as_bytes()).await,
            AWAY
        );
    }
    // Longer on the wire than any list may be; and signed, so that nothing else is wrong with it.
    let mut padded = list_claims(&[]);
    padded["x"] = json!("x".repeat(2 << 20));
    assert_eq!(
        judge_by(&key, sign_list(&key, &padded).as_bytes()).await,
        AWAY
    );
    assert_eq!(judge_by(&key, &vec![b'a'; 3 << 20]).await, AWAY);
}

/// Compressed on its way (RFC 9110 8.4.1.3), which shortens what is base64url twice.
#[tokio::test]
async fn a_list_may_come_zipped_with_the_same_bound() {
    let key = rsa_key();
    let judge_coded = async |coding: &str, body: Vec<u8>, idx: u64| {
        let issuer = Issuer::with(&[&key]);
        issuer.publish_list_at(LIST, body);
        issuer.codes_lists(coding);
        judge(&issuer.start().await, &sign(&key, &with_status(idx))).await
    };
    let zip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let list = list_token(&key, &[2]);
    let zipped = zip(list.as_bytes());
    assert!(judge_coded("gzip", zipped.clone(), 1).await.is_ok());
    let ended = judge_coded("GZIP", zipped.clone(), 2).await;
    assert_eq!(ended, Err(Rejection::Refused(Refusal::Revoked)));
    let bomb = zip(&vec![b'a'; 64 << 20]);
    let cut = zipped[..zipped.len() - 9].to_vec();
    for (coding, body) in [
        ("gzip", list.clone().into_bytes()),
        ("gzip", bomb),
        ("gzip", cut),
        ("gzip", Vec::new()),
        ("br", zipped.clone()),
        ("identity, gzip", zipped),
    ] {
        assert_eq!(judge_coded(coding, body, 1).await, AWAY, "{coding}");
    }
}

/// Whatever it says: one that is over is none, and takes the place of none.
#[tokio::test]
async fn a_list_that_has_ended_replaces_none_that_counts() {
    let key = rsa_key();
    let issuer = Issuer::with(&[&key]);
    issuer.publish_list(&list_token(&key, &[2]));
    issuer.pushes();
    let api = issuer.start().await;
    let token = sign(&key, &with_status(1));
    assert!(judge(&api, &token).await.is_ok());
    let fetched = issuer.list_fetches();
    let mut over = list_claims(&[]);
    over["iat"] = json!(BEGIN + 1);
    over["exp"] = json!(BEGIN);
    issuer.publish_list(&sign_list(&key, &over));
    eventually("it is fetched", async || issuer.list_fetches() > fetched).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(judge(&api, &token).await.is_ok());
}

/// An algorithm that the API does not take for tokens is none for lists.
#[tokio::test]
async fn lists_are_signed_with_what_the_api_allows() {
    let key = new_key(Algorithm::EdDsa);
    let issuer = Issuer::with(&[&key]);
    issuer.publish_list(&list_token(&key, &[]));
    let token = sign(&key, &with_status(1));
    assert!(judge(&issuer.start().await, &token).await.is_ok());
    let (rsa, ec) = (rsa_key(), ec_key());
    let issuer = Issuer::with(&[&rsa, &ec]);
    issuer.publish_list(&list_token(&ec, &[]));
    let api = issuer
        .verifier()
        .algorithms([Algorithm::Rs256])
        .start()
        .await
        .unwrap();
    assert_eq!(judge(&api, &sign(&rsa, &with_status(1))).await, AWAY);
}

/// A policy that lets everything pass by no list at all lets nothing pass that is known to be revoked.
#[tokio::test]
async fn no_policy_lets_a_revoked_token_pass() {
    let key = rsa_key();
    for policy in [WhenStale::Refuse, WhenStale::AllowReads, WhenStale::Allow] {
        let (issuer, clock) = (Issuer::with(&[&key]), super::support::At::begin());
        issuer.publish_list(&list_token(&key, &[1]));
        let lists = StatusLists::default().when_stale(policy);
        let api = issuer
            .verifier_at(&clock)
            .status_lists(lists)
            .start()
            .await
            .unwrap();
        let token = sign(&key, &with_status(1));
        assert!(judge(&api, &token).await.is_err());
        issuer.publish_list("garbage");
        clock.pass(120);
        assert!(judge(&api, &token).await.is_err(), "{policy:?}");
        assert!(api.verify_read(&token).await.is_err(), "{policy:?}");
    }
}
