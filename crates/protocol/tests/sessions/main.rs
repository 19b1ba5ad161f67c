//! Tables for what sessions, sign-outs and sign-ins under way are bound to.
#![allow(clippy::unwrap_used)]

mod sign_out;

use latchkey_protocol::{
    ClientId, Digest, Params, Reason, ScopeSet, SessionId, Subject, Timestamp, UserId,
    authorization::Lifetimes,
    authorize::{
        AuthorizationRequest, Hint as RequestHint, RequestRules, Step, may_continue, next_step,
    },
    claims::IdToken,
    client::{Client, ResponseMode},
    consent::Consent,
    interaction::Interaction,
    logout::{Hint, SignOut, claimed_client, named_by, returns, sign_out},
    registration::Registration,
    session::{Session, Use},
};
use serde_json::json;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LIFETIMES: Lifetimes = Lifetimes {
    access_token: 300,
    id_token: 300,
    authorization_code: 60,
    refresh_token: 1000,
    refresh_idle: 1000,
    refresh_replay_window: 30,
    session: 3600,
    session_remember: 7200,
    session_idle: 600,
    session_remember_idle: 0,
};

fn session(id: &str, user: &str) -> Session {
    Session::begin(
        SessionId::new(id),
        Digest::of(id),
        UserId::new(user),
        false,
        &LIFETIMES,
        NOW,
    )
}

fn token(sid: &str, sub: &str) -> IdToken {
    let claims = json!({ "iss": "i", "sub": sub, "aud": "app", "exp": 0, "iat": 0, "amr": ["pwd"], "sid": sid });
    serde_json::from_value(claims).unwrap()
}

fn client(id: &str, metadata: serde_json::Value) -> Client {
    let metadata = Registration::parse(&metadata).unwrap().metadata;
    Client {
        id: ClientId::new(id),
        secret: None,
        sealed_secret: None,
        secret_since: None,
        former_secret: None,
        disabled_at: None,
        metadata,
        created_at: Timestamp::from_seconds(0),
        version: 1,
    }
}

#[test]
fn a_session_ends_idle_or_by_its_age_whichever_comes_first() {
    let made = session("s", "u");
    assert_eq!((made.expires_at, made.ends_at), (NOW + 600, NOW + 3600));
    assert_eq!(made.used(&LIFETIMES, NOW + 59), None);
    let used = Use {
        auth_time: NOW,
        noted_before: NOW,
        at: NOW + 60,
        expires_at: NOW + 660,
    };
    assert_eq!(made.used(&LIFETIMES, NOW + 60), Some(used));
    assert_eq!(
        made.used(&LIFETIMES, NOW + 600),
        None,
        "what has ended stays ended"
    );
    assert_eq!(
        made.used(&LIFETIMES, NOW - 7200),
        None,
        "nor does a clock that was set back do anything"
    );
    let late = Session {
        expires_at: NOW + 3600,
        last_used_at: NOW + 3100,
        ..made.clone()
    };
    assert_eq!(
        late.used(&LIFETIMES, NOW + 3300).unwrap().expires_at,
        NOW + 3600
    );
    let remembered = Session::begin(
        SessionId::new("s"),
        Digest::of("s"),
        UserId::new("u"),
        true,
        &LIFETIMES,
        NOW,
    );
    assert_eq!(
        (remembered.expires_at, remembered.ends_at),
        (NOW + 7200, NOW + 7200),
        "0: no idle end"
    );
    let short = Lifetimes {
        session_idle: 40,
        ..LIFETIMES
    };
    assert!(
        session("s", "u").used(&short, NOW + 10).is_some(),
        "a short idle time is noted more often"
    );
}

fn name(step: &Step<'_>) -> &'static str {
    match step {
        Step::Login => "login",
        Step::SelectAccount => "account",
        Step::NoAccess => "no access",
        Step::Consent(_) => "consent",
        Step::Approve(_) => "approve",
        Step::Refuse(_) => "refuse",
    }
}

fn interaction(client: &Client, query: &str) -> Interaction {
    let params = Params::parse(query.as_bytes());
    let to = client
        .return_to(params.optional("redirect_uri"), ResponseMode::Query, None)
        .unwrap();
    Interaction {
        digest: Digest::of("i"),
        browser: Digest::of("new"),
        former_browser: Some((Digest::of("old"), NOW)),
        request: AuthorizationRequest::check(
            &params,
            client,
            &to,
            RequestHint::None,
            RequestRules::default(),
        )
        .unwrap(),
        created_at: NOW,
        expires_at: NOW + 3600,
        login_session: None,
        selected_session: None,
        consented: None,
        declined: false,
    }
}

#[test]
fn the_former_secret_of_a_browser_counts_for_a_while() {
    let app = client("app", json!({ "redirect_uris": ["https://a.example/cb"] }));
    let waiting = interaction(&app, "response_type=code&scope=openid");
    for (secret, at, expected) in [
        ("new", 0, true),
        ("old", 0, true),
        ("old", 299, true),
        ("old", 300, false),
        ("old", -1, false),
        ("x", 0, false),
    ] {
        assert_eq!(
            waiting.is_of(&Digest::of(secret), NOW + at),
            expected,
            "{secret} {at}"
        );
    }
}

#[test]
fn consent_counts_for_the_user_who_gave_it() {
    let app = client("app", json!({ "redirect_uris": ["https://a.example/cb"] }));
    let mut waiting = interaction(&app, "response_type=code&scope=openid");
    waiting.consented = Some((UserId::new("alice"), ScopeSet::from("openid".to_owned())));
    let step = |user| {
        let here = session("s", user);
        name(&next_step(&app, &waiting, Some(&here), None, None, NOW))
    };
    assert_eq!(step("alice"), "approve");
    assert_eq!(step("bob"), "consent");
}

#[test]
fn who_answers_on_a_users_device_is_not_known() {
    const PKCE: &str =
        "code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let uris = [
        "https://a.example/cb",
        "http://127.0.0.1/cb",
        "com.example.app:/cb",
    ];
    let grants = ["authorization_code", "refresh_token"];
    let registered = |method: &str| {
        client(
            "c",
            json!({ "redirect_uris": uris, "application_type": "native", "token_endpoint_auth_method": method, "grant_types": grants }),
        )
    };
    let (public, secret) = (registered("none"), registered("client_secret_basic"));
    // Client, redirect URI, scope; the step with a remembered consent, and with prompt=none.
    let table = [
        (&public, uris[0], "openid offline_access", None, None),
        (&secret, uris[1], "openid offline_access", None, None),
        (
            &public,
            uris[1],
            "openid",
            Some("account"),
            Some(Reason::InteractionNeeded),
        ),
        (
            &public,
            uris[2],
            "openid",
            Some("account"),
            Some(Reason::InteractionNeeded),
        ),
        (
            &public,
            uris[1],
            "openid offline_access",
            Some("consent"),
            Some(Reason::ConsentNeeded),
        ),
        (
            &public,
            uris[2],
            "openid offline_access",
            Some("consent"),
            Some(Reason::ConsentNeeded),
        ),
    ];
    let scope = ScopeSet::from("openid offline_access".to_owned());
    let consent = Consent {
        user_id: UserId::new("u"),
        client_id: ClientId::new("c"),
        scope,
        claims: Default::default(),
        granted_at: NOW,
    };
    let here = session("s", "u");
    for (client, uri, scope, shown, silent) in table {
        let query = format!(
            "response_type=code&{PKCE}&redirect_uri={uri}&scope={}",
            scope.replace(' ', "+")
        );
        let mut waiting = interaction(client, &query);
        let told = format!("{uri} {scope}");
        let step = |waiting: &Interaction| {
            name(&next_step(
                client,
                waiting,
                Some(&here),
                None,
                Some(&consent),
                NOW,
            ))
        };
        match &shown {
            Some(page) => assert_eq!(step(&waiting), *page, "{told}"),
            None => assert_eq!(step(&waiting), "approve", "{told}"),
        }
        let quiet = interaction(client, &format!("{query}&prompt=none"));
        match (
            next_step(client, &quiet, Some(&here), None, Some(&consent), NOW),
            silent,
        ) {
            (Step::Refuse(refused), Some(reason)) => assert_eq!(refused.reason, reason, "{told}"),
            (step, None) => assert_eq!(name(&step), "approve", "{told}"),
            (step, Some(_)) => panic!("{told}: {step:?}"),
        }
        if shown == Some("account") {
            assert!(may_continue(client, &waiting, &here, NOW));
            waiting.selected_session = Some(SessionId::new("s"));
            assert_eq!(step(&waiting), "approve", "{told}: chosen");
            waiting.selected_session = Some(SessionId::new("another"));
            waiting.login_session = Some(SessionId::new("s"));
            let told = format!("{told}: signed in for it");
            assert_eq!(step(&waiting), "approve", "{told}");
        }
    }
}
