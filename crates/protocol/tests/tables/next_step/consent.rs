//! When the user is asked what a client may have, and when no page may be shown.

use super::*;
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::ClientId;
use latchkey_protocol::SessionId;
use latchkey_protocol::UserId;

#[test]
fn consent_is_asked_for_unless_it_was_given() {
    check(&[
        ("never allowed", |w| w.consent = None, "consent"),
        (
            "allowed less before",
            |w| w.consent.as_mut().unwrap().scope = scopes("openid"),
            "consent",
        ),
        (
            "allowed by another user",
            |w| w.consent.as_mut().unwrap().user_id = UserId::new("bob"),
            "consent",
        ),
        (
            "allowed to another client",
            |w| w.consent.as_mut().unwrap().client_id = ClientId::new("other"),
            "consent",
        ),
        (
            "a claim beyond what was allowed",
            |w| w.query = r#"&claims={"userinfo":{"phone_number":null}}"#,
            "consent",
        ),
        (
            "a claim that was allowed",
            |w| {
                w.query = r#"&claims={"userinfo":{"phone_number":null}}"#;
                let allowed = &mut w.consent.as_mut().unwrap().claims;
                allowed.insert("phone_number".into());
            },
            "approve openid email",
        ),
        (
            "a trusted client",
            |w| (w.consent, w.metadata) = (None, json!({ "trusted": true })),
            "approve openid email",
        ),
        ("prompt=consent", |w| w.query = "&prompt=consent", "consent"),
        (
            "prompt=consent of a trusted client",
            |w| (w.query, w.metadata) = ("&prompt=consent", json!({ "trusted": true })),
            "consent",
        ),
        (
            "allowed just now",
            |w| (w.consent, w.consented) = (None, Some(("alice", "openid email"))),
            "approve openid email",
        ),
        (
            "prompt=consent, allowed just now",
            |w| (w.query, w.consented) = ("&prompt=consent", Some(("alice", "openid email"))),
            "approve openid email",
        ),
        (
            "another user allowed it just now",
            |w| (w.consent, w.consented) = (None, Some(("bob", "openid email"))),
            "consent",
        ),
        (
            "less was allowed just now",
            |w| (w.consent, w.consented) = (None, Some(("alice", "openid"))),
            "consent",
        ),
        ("declined", |w| w.declined = true, "UserDeclined"),
        (
            "declined comes before all else",
            |w| {
                (w.declined, w.here) = (true, None);
                w.query = "&prompt=none";
            },
            "UserDeclined",
        ),
    ]);
}

/// What is committed names the session that was judged, and nobody else.
#[test]
fn what_is_approved_and_allowed_is_of_the_session_that_was_judged() {
    let mut world = World::new();
    world.query = r#"&claims={"userinfo":{"phone_number":null}}"#;
    let (client, interaction) = world.interaction();
    let here = session("here", "alice");
    let step = next_step(&client, &interaction, Some(&here), None, None, NOW);
    let Step::Consent(question) = step else {
        panic!("{step:?}")
    };
    let consent = question.allowed(NOW + 5);
    assert_eq!(question.session().id, "here");
    assert_eq!((&*consent.user_id, &*consent.client_id), ("alice", "app"));
    assert_eq!(consent.scope, scopes("openid email"));
    assert!(consent.claims.iter().eq(["phone_number"]));
    assert_eq!(consent.granted_at, NOW + 5);

    let step = next_step(
        &client,
        &interaction,
        Some(&here),
        None,
        Some(&consent),
        NOW,
    );
    let Step::Approve(approval) = step else {
        panic!("{step:?}")
    };
    let code = Digest::of("code");
    let made = Authorization::approve(AuthorizationId::new("a"), code, &approval, &LIFETIMES, NOW);
    assert_eq!(made.handover.session_id(), Some(&SessionId::new("here")));
    assert_eq!(made.user_id, "alice");
    assert_eq!((&*made.client_id, &made.scope), ("app", &consent.scope));
    assert_eq!(made.auth_time, here.auth_time);
}

/// RFC 8252 8.6.
#[test]
fn a_client_that_can_be_impersonated_gets_no_code_without_a_page() {
    check(&[
        (
            "remembered, nothing chosen",
            |w| w.impersonable(),
            "account",
        ),
        (
            "remembered, chosen",
            |w| {
                w.impersonable();
                w.selected_session = Some("here");
            },
            "approve openid email",
        ),
        (
            "allowed just now",
            |w| {
                w.impersonable();
                w.consented = Some(("alice", "openid email"));
            },
            "approve openid email",
        ),
        (
            "offline access is allowed each time",
            |w| {
                w.impersonable();
                w.scope = "openid offline_access";
                w.selected_session = Some("here");
                w.consent.as_mut().unwrap().scope = scopes("openid offline_access");
            },
            "consent",
        ),
        (
            "offline access, allowed just now",
            |w| {
                w.impersonable();
                w.scope = "openid offline_access";
                w.consented = Some(("alice", "openid offline_access"));
            },
            "approve openid offline_access",
        ),
        (
            "a trusted one",
            |w| {
                w.impersonable();
                w.metadata["trusted"] = true.into();
                w.consent = None;
            },
            "account",
        ),
        (
            "prompt=none",
            |w| {
                w.impersonable();
                w.query = "&prompt=none";
            },
            "InteractionNeeded",
        ),
        (
            "a public client with an https address is no such client",
            |w| w.metadata = json!({ "token_endpoint_auth_method": "none" }),
            "approve openid email",
        ),
    ]);
}

/// OpenID Connect Core 3.1.2.1: a step that needs the user is an error.
#[test]
fn prompt_none_shows_no_page() {
    check(&[
        (
            "all is well",
            |w| w.query = "&prompt=none",
            "approve openid email",
        ),
        (
            "nobody is signed in",
            |w| (w.query, w.here) = ("&prompt=none", None),
            "LoginNeeded",
        ),
        (
            "too old",
            |w| {
                w.query = "&prompt=none&max_age=10";
                w.aged(11);
            },
            "LoginNeeded",
        ),
        (
            "another user is hinted at",
            |w| (w.query, w.hint) = ("&prompt=none", Hint::Subject(Subject::presented("bob"))),
            "LoginNeeded",
        ),
        (
            "never allowed",
            |w| (w.query, w.consent) = ("&prompt=none", None),
            "ConsentNeeded",
        ),
    ]);
}

type Offer = (&'static str, fn(&mut World), bool);

#[test]
fn going_on_is_offered_where_a_choice_is_all_that_lacks() {
    let table: [Offer; 7] = [
        ("no choice is asked for", |_| {}, false),
        ("a choice", |w| w.query = "&prompt=select_account", true),
        ("impersonable", |w| w.impersonable(), true),
        (
            "and a new login",
            |w| w.query = "&prompt=select_account+login",
            false,
        ),
        (
            "of another user",
            |w| {
                (w.query, w.hint) = (
                    "&prompt=select_account",
                    Hint::Subject(Subject::presented("bob")),
                )
            },
            false,
        ),
        (
            "the session has ended",
            |w| {
                w.query = "&prompt=select_account";
                w.here.as_mut().unwrap().expires_at = NOW;
            },
            false,
        ),
        (
            "too old",
            |w| {
                w.query = "&prompt=select_account&max_age=10";
                w.aged(11);
            },
            false,
        ),
    ];
    for (name, change, expected) in table {
        let mut world = World::new();
        change(&mut world);
        let (client, interaction) = world.interaction();
        let here = world.here.as_ref().unwrap();
        let offered = may_continue(&client, &interaction, here, NOW);
        assert_eq!(offered, expected, "{name}");
    }
}
