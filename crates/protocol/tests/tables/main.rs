//! A table for each rule: a world in which all is well, and a row for each way in which it is not.
#![allow(clippy::unwrap_used)]

mod check;
mod front_channel;
mod introspection;
mod issue;
mod logout_tokens;
mod next_step;
mod redeem;
mod revocation;
mod rotate;
mod scopes;
mod upstream;
mod userinfo;

use latchkey_protocol::{
    AuthorizationId, ClientId, Digest, Params, Reason, ScopeSet, SessionId, Timestamp, UserId,
    authentication::Amr,
    authorization::{Authorization, CodeHandover, Context, Handover},
    authorize::ClaimsRequest,
    client::Client,
    lifetimes::Lifetimes,
    registration::Registration,
    session::Session,
    user::User,
};
use serde_json::{Map, Value, json};

pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub const REDIRECT: &str = "https://app.example/cb";
/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub const LIFETIMES: Lifetimes = Lifetimes {
    access_token: 300,
    id_token: 400,
    authorization_code: 60,
    refresh_token: 10_000,
    refresh_idle: 1000,
    refresh_replay_window: 30,
    session: 3600,
    session_remember: 7200,
    session_idle: 600,
    session_remember_idle: 0,
};

/// The client `app`, with these members besides.
pub fn client(more: Value) -> Client {
    let mut metadata = json!({
        "redirect_uris": [REDIRECT], "grant_types": ["authorization_code", "refresh_token"],
    });
    let members = metadata.as_object_mut().unwrap();
    members.extend(more.as_object().cloned().unwrap_or_default());
    Client {
        id: ClientId::new("app"),
        secret: None,
        sealed_secret: None,
        secret_since: None,
        former_secret: None,
        disabled_at: None,
        metadata: Registration::parse(&metadata).unwrap().metadata,
        created_at: Timestamp::from_seconds(0),
        version: 0,
    }
}

pub fn user(id: &str) -> User {
    User {
        id: UserId::new(id),
        username: format!("{id}-name"),
        email: Some(format!("{id}@example.org")),
        name: None,
        password_hash: None,
        roles: vec!["admin".into()],
        groups: vec!["staff".into()],
        claims: Map::new(),
        attributes: Map::new(),
        disabled_at: None,
        created_at: Timestamp::from_seconds(0),
        updated_at: Timestamp::from_seconds(0),
        version: 0,
    }
}

/// A session that began now.
pub fn session(id: &str, user: &str) -> Session {
    let digest = Digest::of(id);
    Session::begin(
        SessionId::new(id),
        digest,
        UserId::new(user),
        false,
        &LIFETIMES,
        NOW,
    )
}

pub fn scopes(text: &str) -> ScopeSet {
    text.to_owned().into()
}

pub fn params(form: &str) -> Params {
    Params::parse(form.as_bytes())
}

/// What alice allowed `app` a moment ago: its code is unused.
pub fn authorization(scope: &str) -> Authorization {
    Authorization {
        id: AuthorizationId::new("authorization"),
        client_id: ClientId::new("app"),
        user_id: UserId::new("alice"),
        scope: scopes(scope),
        auth_time: NOW - 5,
        amr: Amr::PASSWORD,
        handover: Handover::Code(CodeHandover {
            session_id: SessionId::new("here"),
            nonce: Some("nonce".into()),
            redirect_uri: REDIRECT.into(),
            redirect_uri_sent: true,
            code_challenge: Some(CHALLENGE.into()),
            code: Digest::of("code"),
            expires_at: NOW + 60,
            exchanged_at: None,
        }),
        created_at: NOW,
        refresh: None,
        revoked_at: None,
        expires_at: NOW + 60,
        ignored_scope: ScopeSet::default(),
        asked_claims: ClaimsRequest::default(),
        rests_on_consent: false,
        access_judged_at: None,
        live_entries: Default::default(),
    }
}

/// What its code is bound to.
pub fn code(authorization: &mut Authorization) -> &mut CodeHandover {
    let Handover::Code(code) = &mut authorization.handover;
    code
}

/// With alice and her session.
pub fn context(authorization: Authorization) -> Context {
    Context {
        authorization,
        user: Some(user("alice")),
        session: Some(session("here", "alice")),
    }
}

/// Fails unless the rows of a table show each of `reasons`, and no other.
pub fn shows_each(seen: &[Reason], reasons: &[Reason]) {
    for reason in reasons {
        assert!(seen.contains(reason), "no row for {}", reason.name());
    }
    for reason in seen {
        assert!(reasons.contains(reason), "{} is not listed", reason.name());
    }
}
