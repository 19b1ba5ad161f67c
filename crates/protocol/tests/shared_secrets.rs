//! `id_token_signed_response_alg`, and who may have HS256 (OpenID Connect Core 10.1, 16.19).
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    IdTokenAlgorithm, Issuer, SigningAlgorithm,
    claims::CustomClaims,
    discovery,
    registration::{Registration, RegistrationError},
};
use serde_json::{Value, json};

fn with(more: &Value) -> Result<Registration, RegistrationError> {
    let mut metadata = json!({ "redirect_uris": ["https://a.example/cb"], "id_token_signed_response_alg": "HS256" });
    let members = metadata.as_object_mut().unwrap();
    members.extend(more.as_object().cloned().unwrap());
    Registration::parse(&metadata)
}

#[test]
fn a_client_with_a_secret_that_is_made_may_have_its_id_tokens_signed_with_it() {
    for method in [
        Value::Null,
        json!("client_secret_basic"),
        json!("client_secret_post"),
    ] {
        let registered = with(&json!({ "token_endpoint_auth_method": method })).unwrap();
        assert!(registered.metadata.signs_with_secret());
        let stored = serde_json::to_value(&registered.metadata).unwrap();
        assert_eq!(stored["id_token_signed_response_alg"], "HS256");
    }
}

#[test]
fn a_client_without_a_secret_or_with_one_of_its_own_choice_may_not() {
    let own = "a secret of an administrator's own that is long";
    for (more, member) in [
        (
            json!({ "token_endpoint_auth_method": "none" }),
            "id_token_signed_response_alg: HS256",
        ),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt" }),
            "token_endpoint_auth_method: ",
        ),
        (json!({ "client_secret": own }), "client_secret: HS256"),
    ] {
        let refused = with(&more).unwrap_err();
        assert_eq!(refused.code, "invalid_client_metadata");
        assert!(refused.sentence().starts_with(member), "{refused}");
        assert!(!refused.sentence().contains(own));
    }
    // Nor by and by.
    let before = with(&json!({})).unwrap().metadata;
    for change in [
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "client_secret": own }),
    ] {
        assert!(Registration::parse_change(&before, &change, Default::default()).is_err());
    }
}

#[test]
fn what_is_no_algorithm_is_refused_and_those_there_are_are_named() {
    for alg in [
        json!("none"),
        json!("hs256"),
        json!("HS384"),
        json!(""),
        json!(1),
    ] {
        let refused = with(&json!({ "id_token_signed_response_alg": alg })).unwrap_err();
        let sentence = refused.sentence();
        assert!(
            sentence.starts_with("id_token_signed_response_alg: "),
            "{sentence}"
        );
    }
    let refused = with(&json!({ "id_token_signed_response_alg": "RS512" })).unwrap_err();
    assert!(
        refused
            .sentence()
            .contains("RS256, PS256, ES256, EdDSA, HS256")
    );
}

#[test]
fn every_algorithm_of_a_key_is_one_of_id_tokens_and_a_secret_is_no_key() {
    let of_keys: Vec<_> = IdTokenAlgorithm::ALL
        .into_iter()
        .filter_map(IdTokenAlgorithm::of_key)
        .collect();
    assert_eq!(of_keys, SigningAlgorithm::ALL);
    assert_eq!(SigningAlgorithm::from_name("HS256"), None);
    assert_eq!(IdTokenAlgorithm::default().name(), "RS256");
    // OpenID Connect Core 3.1.3.6: with the hash function of the algorithm.
    let rs256 = IdTokenAlgorithm::default().half_hash("token");
    assert_eq!(IdTokenAlgorithm::Hs256.half_hash("token"), rs256);
}

#[test]
fn discovery_names_shared_secrets_for_id_tokens_alone() {
    let document = discovery::metadata(&Issuer::new("https://i.example"), &CustomClaims::default());
    let named: Vec<_> = document
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| value.to_string().contains("\"HS"))
        .collect();
    let expected = json!(IdTokenAlgorithm::ALL.map(IdTokenAlgorithm::name));
    assert_eq!(
        named,
        [(
            &"id_token_signing_alg_values_supported".to_owned(),
            &expected
        )]
    );
}
