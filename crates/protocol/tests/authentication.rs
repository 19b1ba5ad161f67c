//! Authentication methods (RFC 8176) and the context class that comes of them.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::authentication::{Acr, Amr, AuthenticationMethod};
use serde_json::{from_value, json, to_value};

#[test]
fn methods_are_those_of_the_registry() {
    let names: Vec<_> = AuthenticationMethod::ALL
        .iter()
        .map(|method| method.name())
        .collect();
    let registered =
        "face fpt geo hwk iris kba mca mfa otp pin pop pwd rba retina sc sms swk tel user vbm wia";
    assert_eq!(names.join(" "), registered);
    let all: Amr = registered.parse().unwrap();
    assert_eq!(all.to_string(), registered, "stored as it is read");
    for method in AuthenticationMethod::ALL {
        assert_eq!(
            AuthenticationMethod::from_name(method.name()),
            Some(*method)
        );
    }
}

#[test]
fn amr_is_a_list_in_tokens_and_the_same_text_as_before_in_rows() {
    assert_eq!(Amr::PASSWORD.to_string(), "pwd");
    assert_eq!("pwd".parse(), Ok(Amr::PASSWORD));
    assert_eq!(to_value(Amr::PASSWORD).unwrap(), json!(["pwd"]));
    let both = Amr::PASSWORD.with(AuthenticationMethod::OneTimePassword);
    assert_eq!(to_value(both).unwrap(), json!(["otp", "pwd"]));
    assert_eq!(
        from_value::<Amr>(json!(["pwd", "otp", "pwd"])).unwrap(),
        both
    );
    assert_eq!(both.to_string().parse(), Ok(both));
    assert!("pwd magic".parse::<Amr>().is_err());
    assert!(from_value::<Amr>(json!(["magic"])).is_err());
}

#[test]
fn acr_follows_from_amr() {
    assert_eq!(Acr::of(Amr::PASSWORD).name(), "1");
    assert_eq!(Acr::of(Amr::default()).name(), "0");
    for acr in [Acr::Unproven, Acr::OneFactor] {
        assert_eq!(to_value(acr).unwrap(), json!(acr.name()));
    }
    assert_eq!(Acr::ATTAINABLE, [Acr::of(Amr::PASSWORD)]);
}
