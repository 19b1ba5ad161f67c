//! What the promises are tried with: a client, users, sessions, requests, and callers who race.

use std::sync::{Arc, LazyLock};

use latchkey_protocol::{
    AuthorizationId, ClientId, Digest, ScopeSet, SessionId, Store, Timestamp, UserId,
    attempts::Origin,
    authentication::Amr,
    authorization::{Authorization, CodeHandover, Context, Handover, RefreshFamily},
    authorize::{AnswerRoute, AuthorizationRequest, ClaimsRequest, GrantRequest},
    client::{Client, ResponseMode},
    device::Device,
    entry_change::{EntryChange, LiveEntries},
    interaction::Interaction,
    registration::Registration,
    secret::Pepper,
    session::Session,
    store::{
        BeginOutcome, IdentitySignIn, IdentitySignInOutcome, LinkOutcome, UnlinkOutcome,
        UpstreamSessionEnd, UpstreamWrite, WriteOutcome,
    },
    upstream::{Brought, Identity, IdentityKey, LinkedBy, Upstream, UpstreamName, UpstreamProfile},
    user::User,
};

pub const CALLERS: usize = 16;

/// Any store: the suite knows no other.
pub type Shared = Arc<dyn Store>;

/// Of nothing to nothing: for what is exchanged and rotated without entries in status lists.
pub static NO_ENTRIES: LazyLock<EntryChange> = LazyLock::new(EntryChange::default);

/// So many seconds after the epoch.
pub fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// Runs the same verb from many callers at once and counts the winners.
pub async fn winners<F>(store: &Shared, verb: impl Fn(Shared, usize) -> F) -> usize
where
    F: Future<Output = bool> + Send + 'static,
{
    let all: Vec<_> = (0..CALLERS)
        .map(|n| tokio::spawn(verb(store.clone(), n)))
        .collect();
    let mut won = 0;
    for one in all {
        won += usize::from(one.await.unwrap());
    }
    won
}

pub fn client() -> Client {
    let json = r#"{"redirect_uris":["https://a.example/cb"],"client_name":"A"}"#;
    let registration = Registration::parse(&serde_json::from_str(json).unwrap()).unwrap();
    Client {
        id: ClientId::new("c"),
        secret: Some(Digest::of("s")),
        sealed_secret: None,
        secret_since: None,
        former_secret: None,
        disabled_at: None,
        metadata: registration.metadata,
        created_at: moment(1),
        version: 0,
    }
}

pub fn user(id: &str) -> User {
    User {
        id: UserId::new(id),
        username: format!("name-{id}"),
        email: None,
        name: Some("N \u{1f511} '; DROP TABLE users; --".into()),
        password_hash: Some("hash".into()),
        roles: vec!["r".into()],
        groups: vec![],
        claims: serde_json::Map::new(),
        attributes: serde_json::Map::new(),
        disabled_at: None,
        created_at: moment(1),
        updated_at: moment(1),
        version: 0,
    }
}

pub fn origin(address: &str) -> Origin {
    Origin::of(
        &Pepper::derive(&[1; 32], "counts"),
        address.parse().unwrap(),
    )
}

pub fn session(id: &str, user: &str) -> Session {
    Session {
        id: SessionId::new(id),
        digest: Digest::of(id),
        user_id: UserId::new(user),
        auth_time: Timestamp::from_seconds(1),
        amr: Amr::PASSWORD,
        remember: false,
        created_at: moment(1),
        expires_at: moment(1000),
        ends_at: moment(1000),
        last_used_at: moment(1),
        device: Device::of("Firefox/140.0 on Linux"),
        address: Some(std::net::Ipv4Addr::new(192, 0, 2, 1).into()),
    }
}

pub fn interaction(id: &str) -> Interaction {
    Interaction {
        digest: Digest::of(id),
        browser: Digest::of("browser"),
        former_browser: None,
        request: AuthorizationRequest {
            client_id: ClientId::new("c"),
            grant: GrantRequest {
                scope: ScopeSet::from("openid".to_owned()),
                ..GrantRequest::default()
            },
            route: AnswerRoute {
                redirect_uri: "https://a.example/cb".into(),
                redirect_uri_sent: true,
                mode: ResponseMode::Query,
                state: None,
                nonce: None,
                code_challenge: None,
            },
        },
        created_at: moment(1),
        expires_at: moment(1000),
        login_session: None,
        selected_session: None,
        consented: None,
        declined: false,
    }
}

pub fn authorization(id: &str, scope: &str) -> Authorization {
    Authorization {
        id: AuthorizationId::new(id),
        client_id: ClientId::new("c"),
        user_id: UserId::new("u"),
        scope: ScopeSet::from(scope.to_owned()),
        auth_time: Timestamp::from_seconds(1),
        amr: Amr::PASSWORD,
        handover: Handover::Code(CodeHandover {
            session_id: SessionId::new("s"),
            nonce: Some("n".into()),
            redirect_uri: "https://a.example/cb".into(),
            redirect_uri_sent: true,
            code_challenge: None,
            code: Digest::of(&format!("code-{id}")),
            expires_at: Timestamp::from_seconds(60),
            exchanged_at: None,
        }),
        created_at: Timestamp::from_seconds(1),
        refresh: None,
        revoked_at: None,
        expires_at: moment(1000),
        ignored_scope: "unknown".to_owned().into(),
        asked_claims: ClaimsRequest::default(),
        rests_on_consent: false,
        access_judged_at: None,
        live_entries: LiveEntries::default(),
    }
}

pub fn family(current: &str, parent: Option<&str>) -> RefreshFamily {
    RefreshFamily {
        current: Digest::of(current),
        issued_at: moment(5),
        idle_expires_at: moment(50),
        kid: "k".into(),
        parent: parent.map(Digest::of),
        expires_at: moment(500),
    }
}

pub async fn seeded(store: &Shared) {
    assert!(store.create_client(&client()).await.unwrap());
    assert_eq!(
        store.create_user(&user("u")).await.unwrap(),
        WriteOutcome::Done
    );
    assert!(
        store
            .sign_in(&session("s", "u"), "hash", None, None)
            .await
            .unwrap()
            .is_some()
    );
}

/// Begins the sign-in `id`, which then waits for its user.
pub async fn begin(store: &Shared, id: &str) {
    let (waiting, from) = (interaction(id), origin("192.0.2.1"));
    let begun = store.begin_interaction(&waiting, &from);
    assert_eq!(begun.await.unwrap(), BeginOutcome::Begun);
}

pub async fn issued(store: &Shared, id: &str, scope: &str) {
    begin(store, id).await;
    assert!(
        store
            .issue_code(Some(&Digest::of(id)), &authorization(id, scope))
            .await
            .unwrap()
    );
}

/// The stored authorization `id`.
pub async fn given(store: &Shared, id: &str) -> Context {
    let found = store.authorization(&AuthorizationId::new(id)).await;
    found.unwrap().unwrap()
}

/// What the code of an authorization is bound to.
pub fn code_of(authorization: &mut Authorization) -> &mut CodeHandover {
    let Handover::Code(code) = &mut authorization.handover;
    code
}

/// An upstream that trusts addresses and creates accounts.
pub fn upstream(name: &str) -> Upstream {
    let settings = serde_json::json!({
        "title": name, "client_id": "c", "userinfo": false,
        "protocol": { "kind": "oidc", "issuer": format!("https://{name}.example") },
        "trust": { "email": "all", "create": true, "link": "with_proof" },
    });
    Upstream {
        name: UpstreamName::parse(name).unwrap(),
        settings: serde_json::from_value(settings).unwrap(),
        sealed_secret: Some("sealed".into()),
        disabled_at: None,
        created_at: moment(1),
        updated_at: moment(1),
        version: 0,
    }
}

/// Who `subject` is at the upstream of this name.
pub fn key(upstream: &str, subject: &str) -> IdentityKey {
    IdentityKey {
        issuer: format!("https://{upstream}.example"),
        subject: subject.to_owned(),
    }
}

/// That `subject` at this upstream is the user of this id.
pub fn identity(upstream: &str, subject: &str, user: &str) -> Identity {
    Identity {
        key: key(upstream, subject),
        upstream: UpstreamName::parse(upstream).unwrap(),
        user_id: UserId::new(user),
        linked_at: moment(2),
        linked_by: LinkedBy::Administrator,
        last_sign_in_at: None,
        profile: UpstreamProfile {
            name: Some("N".into()),
            ..UpstreamProfile::default()
        },
        brought: Brought::default(),
    }
}

/// An upstream of this name, and the user of this id as the same subject there.
pub async fn linked(store: &Shared, name: &str, user: &str) {
    let written = store.create_upstream(&upstream(name)).await.unwrap();
    assert_eq!(written, UpstreamWrite::Done);
    let version = store
        .user(&UserId::new(user))
        .await
        .unwrap()
        .unwrap()
        .version;
    let linked = store
        .link_identity(&identity(name, user, user), version, 0)
        .await
        .unwrap();
    assert_eq!(linked, LinkOutcome::Linked);
}

/// Signs the user in by their identity at the browser that has the session `old`. The session that lives now.
pub async fn renewed_by_identity(store: &Shared, old: &str, name: &str, user: &str) -> String {
    let session = session("by-identity", user);
    let before = store.user(&UserId::new(user)).await.unwrap().unwrap();
    let asked = IdentitySignIn {
        session: &session,
        identity: &identity(name, user, user),
        upstream_version: 0,
        sid: Some("their-session"),
        user: (&before, &before),
        replaces: Some(&Digest::of(old)),
        interaction: None,
    };
    match store.sign_in_by_identity(asked).await.unwrap() {
        IdentitySignInOutcome::SignedIn(start) => start.session_id.into_string(),
        other => panic!("{other:?}"),
    }
}

/// Lets the session of the user `u` go on by an identity, and ends it there.
pub async fn ended_there(store: &Shared, session: &str, now: Timestamp) {
    linked(store, "kakao", "u").await;
    renewed_by_identity(store, session, "kakao", "u").await;
    let own = identity("kakao", "u", "u");
    let end = UpstreamSessionEnd {
        upstream: &own.upstream,
        issuer: &own.key.issuer,
        subject: Some("u"),
        sid: None,
        until: now,
    };
    assert_eq!(store.end_upstream_sessions(end, now).await.unwrap(), 1);
}

/// Lets the session of the user `u` go on by an identity, and unlinks that.
pub async fn unlinked(store: &Shared, session: &str, now: Timestamp) {
    linked(store, "kakao", "u").await;
    assert_eq!(
        renewed_by_identity(store, session, "kakao", "u").await,
        session
    );
    let user = UserId::new("u");
    let done = store
        .unlink_identity(&user, &key("kakao", "u"), false, now)
        .await
        .unwrap();
    assert_eq!(done, UnlinkOutcome::Unlinked(1));
}
