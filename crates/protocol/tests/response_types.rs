//! Response types (RFC 6749 3.1.1, OAuth 2.0 Multiple Response Types).
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    Issuer, authorize::ResponseTypes, claims::CustomClaims, client_reference, discovery,
    registration::Registration,
};
use serde_json::json;

fn read(text: &str) -> Option<ResponseTypes> {
    text.parse().ok()
}

#[test]
fn the_order_of_a_response_type_means_nothing() {
    let all = read("code id_token token");
    assert!(all.is_some());
    for text in [
        "id_token token code",
        "token code id_token",
        "code token id_token",
    ] {
        assert_eq!(read(text), all, "{text}");
    }
    assert_eq!(
        read("id_token code").unwrap().to_string(),
        "code id_token",
        "written in one order"
    );
    assert_ne!(read("code"), read("code token"));
}

#[test]
fn what_is_no_set_of_known_types_is_refused() {
    for text in [
        "",
        " ",
        "code ",
        " code",
        "code  token",
        "code code",
        "none code",
        "code none",
        "Code",
        "code,token",
        "password",
    ] {
        assert_eq!(read(text), None, "{text:?}");
    }
    assert_eq!(read("none"), Some(ResponseTypes::NONE));
}

#[test]
fn requests_registrations_and_discovery_know_the_same_response_types() {
    let document = discovery::metadata(&Issuer::new("https://i.example"), &CustomClaims::default());
    assert_eq!(document["response_types_supported"], json!(["code"]));
    let row = client_reference::MEMBERS
        .iter()
        .find(|member| member.name == "response_types")
        .unwrap();
    for text in [
        "none",
        "code",
        "token",
        "id_token",
        "code token",
        "code id_token",
        "id_token token",
        "code id_token token",
    ] {
        let types = read(text).unwrap();
        let named = document["response_types_supported"]
            .as_array()
            .unwrap()
            .contains(&json!(text));
        let registered = Registration::parse(
            &json!({ "redirect_uris": ["https://a.example/"], "response_types": [text] }),
        );
        assert_eq!(types.is_supported(), named, "{text}");
        assert_eq!(registered.is_ok(), named, "{text}");
        assert_eq!(row.value.contains(&format!("`{text}`")), named, "{text}");
    }
}
