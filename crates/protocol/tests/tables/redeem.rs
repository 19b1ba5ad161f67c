//! `redeem`: whether a code may be exchanged (RFC 6749 4.1.3); and what an exchange begins.

use latchkey_protocol::{
    ClientId, Reason, Secret, Timestamp,
    authorization::{Authorization, Context, RefreshFamily},
    client::Client,
    kind,
    lifetimes::Lifetimes,
    session::Session,
    token::{redeem, starts_refresh},
};
use serde_json::{Value, json};

use crate::{
    LIFETIMES, NOW, REDIRECT, VERIFIER, authorization, client, code, context, params, shows_each,
};

/// All is well: the client sends its unused code as it should.
struct World {
    context: Context,
    client: Client,
    redirect_uri: Option<&'static str>,
    verifier: Option<&'static str>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        Self {
            context: context(authorization("openid")),
            client: client(json!({})),
            redirect_uri: Some(REDIRECT),
            verifier: Some(VERIFIER),
            now: NOW,
        }
    }

    fn authorization(&mut self) -> &mut Authorization {
        &mut self.context.authorization
    }

    /// Whether it is refused, and whether everything ends.
    fn refused(&self) -> Option<(Reason, bool)> {
        let sent = [
            ("redirect_uri", self.redirect_uri),
            ("code_verifier", self.verifier),
        ];
        let sent = sent
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        let form = params(&sent.collect::<Vec<_>>().join("&"));
        match redeem(&self.context, &self.client, &form, self.now) {
            Ok(user) => {
                assert_eq!(user.id, "alice");
                None
            }
            Err(denied) => Some((denied.refused.reason, denied.revoke)),
        }
    }
}

type Row = (&'static str, fn(&mut World), Option<(Reason, bool)>);

const TABLE: [Row; 25] = [
    ("all is well", |_| {}, None),
    (
        "of another client",
        |w| w.client.id = ClientId::new("other"),
        Some((Reason::CodeOfAnotherClient, false)),
    ),
    (
        "another client can end nothing with a used code",
        |w| {
            w.client.id = ClientId::new("other");
            code(w.authorization()).exchanged_at = Some(NOW);
        },
        Some((Reason::CodeOfAnotherClient, false)),
    ),
    (
        "used before",
        |w| code(w.authorization()).exchanged_at = Some(NOW),
        Some((Reason::CodeReplayed, true)),
    ),
    (
        "used before, late",
        |w| {
            code(w.authorization()).exchanged_at = Some(NOW);
            w.now = NOW + 80_000;
        },
        Some((Reason::CodeReplayed, true)),
    ),
    (
        "used before, without the verifier",
        |w| {
            code(w.authorization()).exchanged_at = Some(NOW);
            w.verifier = None;
        },
        Some((Reason::CodeReplayed, true)),
    ),
    (
        "used before, and all has ended already",
        |w| {
            code(w.authorization()).exchanged_at = Some(NOW);
            w.authorization().revoked_at = Some(NOW);
        },
        Some((Reason::CodeReplayed, false)),
    ),
    ("in its last second", |w| w.now = NOW + 59, None),
    (
        "a second later",
        |w| w.now = NOW + 60,
        Some((Reason::CodeExpired, false)),
    ),
    (
        "another redirect URI",
        |w| w.redirect_uri = Some("https://app.example/other"),
        Some((Reason::RedirectUriDiffers, false)),
    ),
    (
        "no redirect URI, though the request had one",
        |w| w.redirect_uri = None,
        Some((Reason::RedirectUriDiffers, false)),
    ),
    (
        "no redirect URI, as in the request",
        |w| {
            w.redirect_uri = None;
            code(w.authorization()).redirect_uri_sent = false;
        },
        None,
    ),
    (
        "the redirect URI, which the request left out",
        |w| code(w.authorization()).redirect_uri_sent = false,
        None,
    ),
    (
        "another, which the request left out",
        |w| {
            code(w.authorization()).redirect_uri_sent = false;
            w.redirect_uri = Some("https://app.example/other");
        },
        Some((Reason::RedirectUriDiffers, false)),
    ),
    (
        "no verifier",
        |w| w.verifier = None,
        Some((Reason::VerifierMissing, false)),
    ),
    (
        "another verifier",
        |w| w.verifier = Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX"),
        Some((Reason::VerifierWrong, false)),
    ),
    (
        "a verifier for a request without a challenge",
        |w| code(w.authorization()).code_challenge = None,
        Some((Reason::VerifierUnexpected, false)),
    ),
    (
        "neither challenge nor verifier",
        |w| {
            code(w.authorization()).code_challenge = None;
            w.verifier = None;
        },
        None,
    ),
    (
        "the user was deleted",
        |w| w.context.user = None,
        Some((Reason::UserDisabled, false)),
    ),
    (
        "the user was disabled",
        |w| w.context.user.as_mut().unwrap().disabled_at = Some(NOW),
        Some((Reason::UserDisabled, false)),
    ),
    (
        "revoked",
        |w| w.authorization().revoked_at = Some(NOW),
        Some((Reason::AuthorizationEnded, false)),
    ),
    (
        "the session is gone",
        |w| w.context.session = None,
        Some((Reason::AuthorizationEnded, false)),
    ),
    (
        "the session ends now",
        |w| w.context.session.as_mut().unwrap().expires_at = NOW,
        Some((Reason::AuthorizationEnded, false)),
    ),
    (
        "the session is gone, and access is offline",
        |w| {
            w.context.session = None;
            w.authorization().scope = "openid offline_access".to_owned().into();
        },
        Some((Reason::AuthorizationEnded, false)),
    ),
    (
        "the session is gone, and access is offline without an ID token",
        |w| {
            w.context.session = None;
            w.authorization().scope = "offline_access".to_owned().into();
        },
        None,
    ),
];

#[test]
fn a_code_is_good_once_for_its_client_in_its_time_with_its_proof() {
    let mut seen = Vec::new();
    for (name, change, expected) in TABLE {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(world.refused(), expected, "{name}");
        seen.extend(expected.map(|(reason, _)| reason));
    }
    shows_each(
        &seen,
        &[
            Reason::CodeOfAnotherClient,
            Reason::CodeReplayed,
            Reason::CodeExpired,
            Reason::RedirectUriDiffers,
            Reason::VerifierMissing,
            Reason::VerifierUnexpected,
            Reason::VerifierWrong,
            Reason::UserDisabled,
            Reason::AuthorizationEnded,
        ],
    );
}

#[test]
fn refresh_tokens_start_where_they_were_allowed_or_are_always_given() {
    let both = json!(["authorization_code", "refresh_token"]);
    let code = json!(["authorization_code"]);
    let table: [(&str, &Value, &str, bool); 5] = [
        ("openid offline_access", &both, "offline_access", true),
        ("openid", &both, "offline_access", false),
        ("openid", &both, "always", true),
        ("openid offline_access", &code, "offline_access", false),
        ("openid", &code, "always", false),
    ];
    for (scope, grants, policy, expected) in table {
        let client = client(json!({ "grant_types": grants, "refresh": policy }));
        let starts = starts_refresh(&client, &authorization(scope));
        assert_eq!(starts, expected, "{scope} {grants} {policy}");
    }
}

#[test]
fn the_first_family_ends_idle_or_by_its_age() {
    let secret = Secret::<kind::RefreshToken>::presented(&format!("lk_refresh_{}", "a".repeat(43)));
    let secret = secret.unwrap();
    let expected = RefreshFamily {
        current: secret.digest(),
        issued_at: NOW,
        idle_expires_at: NOW + 1000,
        kid: "kid".into(),
        parent: None,
        expires_at: NOW + 10_000,
    };
    let made = RefreshFamily::first(&secret, "kid", &LIFETIMES, NOW);
    assert_eq!(made, expected);
    let short = Lifetimes {
        refresh_token: 500,
        ..LIFETIMES
    };
    let made = RefreshFamily::first(&secret, "kid", &short, NOW);
    assert_eq!(
        (made.idle_expires_at, made.expires_at),
        (NOW + 500, NOW + 500)
    );
}

/// A late replay is seen for what it is for a day after nothing can come of it any more.
#[test]
fn rows_are_kept_a_day_longer_than_they_count() {
    let secret = Secret::<kind::RefreshToken>::presented(&format!("lk_refresh_{}", "a".repeat(43)));
    let family = RefreshFamily::first(&secret.unwrap(), "kid", &LIFETIMES, NOW);
    let mut context = context(authorization("openid"));
    let session = context.session.take();
    let kept = |context: &Context, family| context.kept_until(family, &LIFETIMES, NOW) - NOW;
    assert_eq!(kept(&context, None), 300 + 86_400, "the access token");
    let of_family = kept(&context, Some(&family));
    assert_eq!(of_family, 10_000 + 86_400, "the family");
    // By it an end of all sessions of a client finds the session.
    let ends_at = NOW + 1_000_000;
    context.session = session.map(|session| Session { ends_at, ..session });
    assert_eq!(kept(&context, Some(&family)), 1_000_000 + 86_400);
}
