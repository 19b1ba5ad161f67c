//! What stands beside a route.

use latchkey_resource_server::{
    AccessToken, Authenticated, Guard, Public, Refusal, RequireGroup, RequireRole, RequireScope,
    Rule, StepUp, Timestamp,
};
use serde_json::{Value, json};

use super::support::{BEGIN, claims, with, without};

fn check(guard: impl Guard, claims: Value) -> Result<(), Refusal> {
    let caller = AccessToken::deserialize(claims).unwrap();
    Rule::from(guard).check(&caller, Timestamp::from_seconds(BEGIN))
}

#[test]
fn a_scope_is_compared_whole_and_all_are_needed() {
    for good in [
        "orders:read",
        "openid",
        "openid orders:read",
        " orders:read ",
    ] {
        assert_eq!(check(RequireScope(good), claims()), Ok(()), "{good:?}");
    }
    for bad in [
        "orders",
        "orders:write",
        "openid orders:write",
        "ORDERS:READ",
    ] {
        let needed = bad.to_owned();
        assert_eq!(
            check(RequireScope(bad), claims()),
            Err(Refusal::Scope { needed })
        );
    }
    assert!(check(RequireScope("openid"), without("scope")).is_err());
    // Nothing to need is a mistake, and lets nobody pass.
    for nothing in ["", " "] {
        assert!(check(RequireScope(nothing), claims()).is_err());
    }
}

#[test]
fn roles_and_groups_are_those_of_the_token() {
    assert_eq!(check(RequireRole("clerk"), claims()), Ok(()));
    assert_eq!(check(RequireGroup("sales".to_owned()), claims()), Ok(()));
    for other in ["admin", "sales", "Clerk", ""] {
        assert!(check(RequireRole(other), claims()).is_err(), "{other}");
    }
    assert!(check(RequireGroup("clerk"), claims()).is_err());
    // A scope of that name is no role.
    assert!(check(RequireRole("openid"), without("roles")).is_err());
    // One role may be written without a list.
    assert!(check(RequireRole("clerk"), with("roles", json!("clerk"))).is_ok());
    assert!(check(RequireRole("cle"), with("roles", json!("clerk"))).is_err());
}

/// RFC 9470 4.
#[test]
fn a_step_up_asks_for_a_recent_or_a_stronger_sign_in() {
    assert!(check(StepUp::within(60), claims()).is_ok());
    assert!(check(StepUp::within(59), claims()).is_err());
    assert!(check(StepUp::within(u64::MAX), claims()).is_ok());
    assert!(check(StepUp::within(3600), without("auth_time")).is_err());
    let ahead = |seconds| with("auth_time", json!(BEGIN + seconds));
    assert!(check(StepUp::within(0), ahead(30)).is_ok());
    assert!(check(StepUp::within(3600), ahead(31)).is_err());
    assert!(check(StepUp::by(["urn:example:mfa", "urn:example:pwd"]), claims()).is_ok());
    assert!(check(StepUp::by(["urn:example:mfa"]), claims()).is_err());
    assert!(check(StepUp::by(["urn:example:pwd"]), without("acr")).is_err());
    let both = |seconds| StepUp::by(["urn:example:pwd"]).and_within(seconds);
    assert!(check(both(60), claims()).is_ok());
    assert!(check(both(59), claims()).is_err());
    assert!(check(StepUp::by::<String>([]), claims()).is_err());
}

#[test]
fn guards_beside_one_another_must_all_be_content() {
    let all = (
        RequireScope("orders:read"),
        RequireRole("clerk"),
        Authenticated,
    );
    assert_eq!(check(all, claims()), Ok(()));
    let refused = check((Authenticated, RequireRole("admin")), claims());
    assert_eq!(
        refused,
        Err(Refusal::Role {
            needed: "admin".into()
        })
    );
    let four = (
        Authenticated,
        Authenticated,
        Authenticated,
        RequireGroup("none"),
    );
    assert!(check(four, claims()).is_err());
}

#[test]
fn only_what_is_said_to_be_public_is() {
    assert!(Rule::from(Public).is_public());
    assert!(!Rule::from(Authenticated).is_public());
}
