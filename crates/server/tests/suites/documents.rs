//! OpenID Connect Discovery, RFC 8414, RFC 7517.

use latchkey_operations::keys::{new_key, open_ring};
use latchkey_protocol::rotation::KeyBound;
use latchkey_server::wiring::{OsEntropy, open_keys};
use serde_json::Value;

use crate::{key_rotation::published, support::*};

#[test]
fn both_documents_are_the_same_and_name_the_issuer_byte_for_byte() {
    on_both(async |h| {
        let openid = h.discovery().await;
        let oauth: Value = plain()
            .get(h.at("/.well-known/oauth-authorization-server"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(openid, oauth);
        assert_eq!(openid["issuer"], h.issuer.as_str());
        assert_eq!(
            openid["authorization_response_iss_parameter_supported"],
            true
        );
        assert_eq!(
            openid["code_challenge_methods_supported"],
            serde_json::json!(["S256"])
        );
        for endpoint in [
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "introspection_endpoint",
            "revocation_endpoint",
            "end_session_endpoint",
        ] {
            assert!(
                openid[endpoint].as_str().unwrap().starts_with(&h.issuer),
                "{endpoint}"
            );
        }
    });
}

/// The openidconnect crate reads the document into its own types and verifies what was signed.
#[test]
fn a_third_party_library_reads_the_document_and_the_keys() {
    use openidconnect::{
        IssuerUrl, JsonWebKey, JsonWebKeyId,
        core::{CoreJsonWebKey, CoreProviderMetadata},
    };
    on_both(async |h| {
        let issuer = IssuerUrl::new(h.issuer.clone()).unwrap();
        let metadata = CoreProviderMetadata::discover_async(issuer, &plain())
            .await
            .unwrap();
        let tokens = h.tokens(&h.browser()).await;
        let kid = part(&tokens["id_token"], 0)["kid"]
            .as_str()
            .unwrap()
            .to_owned();
        let key: &CoreJsonWebKey = metadata
            .jwks()
            .keys()
            .iter()
            .find(|k| k.key_id() == Some(&JsonWebKeyId::new(kid.clone())))
            .unwrap();
        let (message, signature) = tokens["id_token"]
            .as_str()
            .unwrap()
            .rsplit_once('.')
            .unwrap();
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let alg = openidconnect::core::CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256;
        key.verify_signature(&alg, message.as_bytes(), &signature)
            .unwrap();
    });
}

#[test]
fn documents_carry_an_entity_tag_and_answer_not_modified() {
    on_both(async |h| {
        for path in ["/jwks.json", "/.well-known/openid-configuration"] {
            let first = answer(plain().get(h.at(path))).await;
            assert!(first.header("cache-control").contains("max-age"));
            assert_eq!(first.header("access-control-allow-origin"), "*");
            assert!(first.header("content-type").starts_with("application/json"));
            let tag = first.header("etag").to_owned();
            let second = answer(plain().get(h.at(path)).header("If-None-Match", &tag)).await;
            assert_eq!((second.status, second.text.as_str()), (304, ""));
        }
    });
}

#[test]
fn a_key_is_published_before_it_signs_and_after_it_signed() {
    on_both(async |h| {
        let keys_dir = h.keys_dir();
        let (master, _) = open_keys(&*h.store, &keys_dir, h.moment()).await.unwrap();
        let old = h.tokens(&h.browser()).await;
        let key = new_key(&master, &OsEntropy, h.moment(), h.moment() + 20).unwrap();
        h.store
            .rotate_key(&key, h.moment() + 20 + 400, KeyBound::ALL)
            .await
            .unwrap();
        let stored = h.store.signing_keys().await.unwrap();
        h.app
            .ui
            .only_realm
            .keys
            .replace(open_ring(&master, &stored, None).unwrap());
        assert_eq!(published(&h).await.len(), 2);
        let before = h.tokens(&h.browser()).await;
        assert_ne!(part(&before["access_token"], 0)["kid"], key.kid.as_str());
        h.pass(20);
        let after = h.tokens(&h.browser()).await;
        assert_eq!(part(&after["access_token"], 0)["kid"], key.kid.as_str());
        for tokens in [&old, &before, &after] {
            assert_eq!(
                h.userinfo(tokens["access_token"].as_str().unwrap())
                    .await
                    .status,
                200
            );
        }
        h.pass(400);
        assert_eq!(published(&h).await, std::slice::from_ref(&key.kid));
    });
}

#[test]
fn health_and_readiness_answer_to_get_and_head() {
    on_both(async |h| {
        for path in [
            "/healthz",
            "/readyz",
            "/",
            "/.well-known/openid-configuration",
        ] {
            assert_eq!(answer(plain().get(h.at(path))).await.status, 200, "{path}");
            let head = answer(plain().head(h.at(path))).await;
            assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        }
    });
}
