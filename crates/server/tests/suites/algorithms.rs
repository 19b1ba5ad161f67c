//! `id_token_signed_response_alg` (OpenID Connect Registration 2): keys of several algorithms side by side.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_operations::ClientChange;
use latchkey_protocol::{
    ClientId, SigningAlgorithm, registration::Registration, rotation::Rotation,
};
use latchkey_server::{
    key_watch::KeyWatch,
    wiring::{OsEntropy, open_keys},
};
use openidconnect::{
    JsonWebKey,
    core::{CoreJsonWebKey, CoreJwsSigningAlgorithm},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use crate::{claims::*, support::*};

const DAY: i64 = 86_400;

async fn look(h: &Harness) {
    let (master, _) = open_keys(&*h.store, &h.keys_dir(), h.moment())
        .await
        .unwrap();
    let rotation = Rotation {
        after: 90 * DAY,
        announce: 3600,
    };
    KeyWatch::new(master, rotation).look(&h.app.provider).await;
}

/// A client whose ID tokens are signed with `algorithm`, as `latchkey client create` registers it.
async fn register(h: &Harness, algorithm: SigningAlgorithm) -> &'static str {
    let (master, _) = open_keys(&*h.store, &h.keys_dir(), h.moment())
        .await
        .unwrap();
    let operations = operations(&*h.store, &OsEntropy);
    operations.ensure_key(&master, algorithm).await.unwrap();
    look(h).await;
    let id = algorithm.name();
    register_with(h, id, &json!({ "id_token_signed_response_alg": id })).await;
    id
}

async fn tokens(h: &Harness, id: &str) -> Value {
    let asked = [("client_id", id), ("scope", "openid offline_access")];
    let back = h.browser().authorize(&asked).await;
    exchange_as(h, id, &back).await
}

/// Verified with a library of relying parties, by the key of the published set that the header names.
async fn verify(h: &Harness, token: &Value, algorithm: SigningAlgorithm) {
    let header = part(token, 0);
    assert_eq!(header["alg"], algorithm.name());
    let set = h.jwks().await;
    let named: Vec<_> = set.iter().filter(|k| k["kid"] == header["kid"]).collect();
    assert_eq!(named.len(), 1);
    assert_eq!(named[0]["alg"], algorithm.name());
    for private in ["d", "p", "q", "k"] {
        assert!(named[0].get(private).is_none());
    }
    let key: CoreJsonWebKey = serde_json::from_value(named[0].clone()).unwrap();
    let theirs = match algorithm {
        SigningAlgorithm::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        SigningAlgorithm::Ps256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        SigningAlgorithm::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        SigningAlgorithm::EdDsa => CoreJwsSigningAlgorithm::EdDsa,
    };
    let (input, signature) = token.as_str().unwrap().rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify_signature(&theirs, input.as_bytes(), &signature)
        .unwrap();
}

#[test]
fn each_client_gets_id_tokens_of_the_algorithm_that_it_registered() {
    on_both(async |h| {
        for algorithm in SigningAlgorithm::ALL {
            let id = register(&h, algorithm).await;
            let first = tokens(&h, id).await;
            verify(&h, &first["id_token"], algorithm).await;
            let refresh_token = first["refresh_token"].as_str().unwrap();
            let renewed = refresh_as(&h, id, refresh_token, "openid").await;
            verify(&h, &renewed["id_token"], algorithm).await;

            // Half hashes follow (OpenID Connect Core 3.1.3.6).
            let access = first["access_token"].as_str().unwrap();
            let expected = match algorithm {
                SigningAlgorithm::EdDsa => URL_SAFE_NO_PAD.encode(&Sha512::digest(access)[..32]),
                _ => URL_SAFE_NO_PAD.encode(&sha2::Sha256::digest(access)[..16]),
            };
            assert_eq!(part(&first["id_token"], 1)["at_hash"], expected);

            // What resource servers and the token endpoint read stays RS256.
            verify(&h, &first["access_token"], SigningAlgorithm::Rs256).await;
            verify(&h, &first["refresh_token"], SigningAlgorithm::Rs256).await;
            assert_eq!(h.userinfo(access).await.status, 200);
        }
        let kids: std::collections::HashSet<_> = h
            .jwks()
            .await
            .iter()
            .map(|k| k["kid"].to_string())
            .collect();
        assert_eq!(kids.len(), 4);
    });
}

#[test]
fn a_lost_refresh_answer_gets_the_very_same_successor_whatever_the_id_token_is_signed_with() {
    on_both(async |h| {
        let id = register(&h, SigningAlgorithm::Es256).await;
        let first = tokens(&h, id).await;
        let presented = first["refresh_token"].as_str().unwrap();
        let answered = refresh_as(&h, id, presented, "openid").await;
        let again = refresh_as(&h, id, presented, "openid").await;
        assert_eq!(again["refresh_token"], answered["refresh_token"]);
        verify(&h, &again["id_token"], SigningAlgorithm::Es256).await;
    });
}

#[test]
fn an_id_token_of_another_algorithm_is_a_hint_and_no_access_token() {
    on_both(async |h| {
        let id = register(&h, SigningAlgorithm::EdDsa).await;
        let browser = h.browser();
        let asked = [("client_id", id), ("scope", "openid")];
        let first = exchange_as(&h, id, &browser.authorize(&asked).await).await;
        let hint = first["id_token"].as_str().unwrap();
        let silent = [
            asked[0],
            asked[1],
            ("prompt", "none"),
            ("id_token_hint", hint),
        ];
        assert!(browser.authorize(&silent).await.contains_key("code"));
        assert_eq!(h.userinfo(hint).await.status, 401);
        // The header is signed: it cannot be made to say another algorithm.
        let rest = hint.split_once('.').unwrap().1;
        let mut header = part(&first["id_token"], 0);
        for alg in ["none", "RS256", "HS256", "ES256"] {
            header["alg"] = alg.into();
            let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
            let silent = [
                asked[0],
                asked[1],
                ("prompt", "none"),
                ("id_token_hint", &*forged),
            ];
            assert_eq!(browser.authorize(&silent).await["error"], "invalid_request");
        }
    });
}

#[test]
fn keys_of_each_algorithm_rotate_by_themselves() {
    on_both(async |h| {
        let id = register(&h, SigningAlgorithm::Es256).await;
        let kid = |tokens: &Value, of: &str| part(&tokens[of], 0)["kid"].clone();
        let before = tokens(&h, id).await;
        h.pass(90 * DAY - 3600);
        look(&h).await;
        assert_eq!(h.jwks().await.len(), 4, "one of each is announced");
        let announced = tokens(&h, id).await;
        assert_eq!(kid(&announced, "id_token"), kid(&before, "id_token"));
        h.pass(3600);
        let after = tokens(&h, id).await;
        verify(&h, &after["id_token"], SigningAlgorithm::Es256).await;
        for token in ["id_token", "access_token"] {
            assert_ne!(kid(&after, token), kid(&before, token), "{token}");
        }
        look(&h).await;
        assert_eq!(h.jwks().await.len(), 4, "and that is it");
    });
}

#[test]
fn a_client_in_service_that_gets_another_algorithm_is_answered_at_once() {
    on_both(async |h| {
        let (master, _) = open_keys(&*h.store, &h.keys_dir(), h.moment())
            .await
            .unwrap();
        let operations = operations(&*h.store, &OsEntropy);
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
            // As `latchkey client update` does, in another process; the server has not looked at its keys since.
            operations.ensure_key(&master, algorithm).await.unwrap();
            let id = algorithm.name();
            register_with(&h, id, &json!({ "id_token_signed_response_alg": id })).await;
            let first = tokens(&h, id).await;
            verify(&h, &first["id_token"], algorithm).await;
        }
    });
}

#[test]
fn other_algorithms_and_ones_without_a_key_cannot_be_registered() {
    on_both(async |h| {
        let with = |alg: &str| {
            Registration::parse(&json!({
                "client_id": "c", "redirect_uris": [CALLBACK], "id_token_signed_response_alg": alg,
            }))
        };
        for alg in ["none", "HS512", "RS512", "rs256", ""] {
            let refused = with(alg).unwrap_err();
            assert_eq!(refused.code, "invalid_client_metadata");
            assert!(
                refused.sentence().contains("id_token_signed_response_alg"),
                "{refused}"
            );
        }
        let operations = operations(&*h.store, &OsEntropy);
        let secrets = &h.app.provider.client_secrets;
        let refused = operations
            .register_client(secrets, with("PS256").unwrap())
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("PS256"), "{refused}");
        assert!(h.store.client(&ClientId::new("c")).await.unwrap().is_none());
        let change = json!({ "id_token_signed_response_alg": "PS256" });
        let change = ClientChange {
            metadata: &change,
            rules: latchkey_protocol::registration::RegistrationRules::default(),
            new_secret: false,
        };
        let changed = operations
            .update_client(secrets, &ClientId::new("app"), change)
            .await;
        assert!(changed.is_err());
    });
}

#[test]
fn discovery_names_every_algorithm() {
    on_both(async |h| {
        let supported = &h.discovery().await["id_token_signing_alg_values_supported"];
        // Whatever a key of the ring signs with, and the client's secret.
        let mut signed_with = latchkey_jose::Algorithm::ALL
            .map(|algorithm| algorithm.name())
            .to_vec();
        signed_with.push("HS256");
        assert_eq!(*supported, json!(signed_with));
        assert_eq!(
            *supported,
            json!(["RS256", "PS256", "ES256", "EdDSA", "HS256"])
        );
    });
}
