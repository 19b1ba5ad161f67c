//! What every store promises, with racing callers, on both databases.
#![allow(clippy::unwrap_used)]

#[path = "conformance/addresses.rs"]
mod addresses;
#[path = "conformance/authorizations.rs"]
mod authorizations;
#[path = "conformance/clients.rs"]
mod clients;
#[path = "conformance/consents.rs"]
mod consents;
#[path = "conformance/custom_claims.rs"]
mod custom_claims;
#[path = "conformance/groups.rs"]
mod groups;
#[path = "conformance/jobs.rs"]
mod jobs;
#[path = "conformance/keys.rs"]
mod keys;
#[path = "conformance/limits.rs"]
mod limits;
#[path = "conformance/races.rs"]
mod races;
#[path = "conformance/sessions.rs"]
mod sessions;
#[path = "conformance/space.rs"]
mod space;
#[path = "conformance/users.rs"]
mod users;

use std::{io::Write as _, sync::Arc};

use latchkey_protocol::{
    Digest, ScopeSet, SigningAlgorithm, Store, Timestamp,
    attempts::Origin,
    authentication::Amr,
    authorization::{Authorization, CodeDelivery, Delivery, RefreshFamily},
    authorize::{AnswerRoute, AuthorizationRequest, ClaimsRequest, GrantRequest},
    client::{Client, ResponseMode},
    consent::Consent,
    interaction::Interaction,
    observe::KeptRefusal,
    registration::Registration,
    rotation::StoredKey,
    secret::Pepper,
    session::{Session, Use},
    store::{BeginOutcome, ConsentEnd, ConsentsOf, WriteOutcome},
    user::User,
};
use latchkey_storage::{Database, Options};

const CALLERS: usize = 16;

/// Any store: the suite knows no other.
type Shared = Arc<dyn Store>;

fn open(options: &Options) -> Shared {
    Arc::new(Database::open(options).unwrap())
}

/// So many seconds after the epoch.
fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn on_both(test: impl AsyncFn(Shared)) {
    on_both_at(async |options| test(open(&options)).await);
}

/// The PostgreSQL to test on. Without one its half of the tests is skipped, aloud; where it is required, as in CI, that
/// is a failure.
fn postgres() -> Option<String> {
    static SAID: std::sync::Once = std::sync::Once::new();
    let named = std::env::var("LATCHKEY_TEST_POSTGRES").ok();
    if named.is_none() {
        let required = std::env::var_os("LATCHKEY_REQUIRE_POSTGRES").is_some();
        assert!(!required, "LATCHKEY_TEST_POSTGRES names no server");
        // Past the capture of the test harness.
        let say =
            b"SKIPPED: no PostgreSQL; LATCHKEY_TEST_POSTGRES names none (see CONTRIBUTING.md)\n";
        SAID.call_once(|| std::io::stderr().write_all(say).unwrap());
    }
    named
}

/// Takes a migration back, as if the program that brought it had never run here.
fn undo(options: &Options, migration: &str) {
    let kind = options.url.split(':').next().unwrap();
    let down = format!("../../migrations/{kind}/{migration}/down.sql");
    options
        .script(&std::fs::read_to_string(down).unwrap())
        .unwrap();
    forget(options, migration);
}

/// Forgets that a migration has run: it runs again.
fn forget(options: &Options, migration: &str) {
    let version = migration.split('_').next().unwrap();
    let forgotten = format!("DELETE FROM __diesel_schema_migrations WHERE version = '{version}'");
    options.script(&forgotten).unwrap();
}

/// Where an empty database is.
fn on_both_at(test: impl AsyncFn(Options)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/db", folder.path().display());
    runtime.block_on(test(Options { url, pool: 1 }));

    let Some(admin) = postgres() else { return };
    let name = format!(
        "lks_{}_{}",
        std::process::id(),
        folder
            .path()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .replace(['.', '-'], "_")
            .to_lowercase()
    );
    let made = std::process::Command::new("createdb")
        .args(["--maintenance-db", &admin, &name])
        .status()
        .unwrap();
    assert!(made.success());
    let url = format!("{}/{name}", admin.rsplit_once('/').unwrap().0);
    runtime.block_on(test(Options { url, pool: 8 }));
    let _gone = std::process::Command::new("dropdb")
        .args(["--force", "--maintenance-db", &admin, &name])
        .status();
}

/// Runs the same verb from many callers at once and counts the winners.
async fn winners<F>(store: &Shared, verb: impl Fn(Shared, usize) -> F) -> usize
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

fn client() -> Client {
    let json = r#"{"redirect_uris":["https://a.example/cb"],"client_name":"A"}"#;
    let registration = Registration::parse(&serde_json::from_str(json).unwrap()).unwrap();
    Client {
        id: "c".into(),
        secret: Some(Digest::of("s")),
        sealed_secret: None,
        metadata: registration.metadata,
        created_at: moment(1),
        version: 0,
    }
}

fn user(id: &str) -> User {
    User {
        id: id.into(),
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

fn origin(address: &str) -> Origin {
    Origin::of(
        &Pepper::derive(&[1; 32], "counts"),
        address.parse().unwrap(),
    )
}

fn session(id: &str, user: &str) -> Session {
    Session {
        id: id.into(),
        digest: Digest::of(id),
        user_id: user.into(),
        auth_time: Timestamp::from_seconds(1),
        amr: Amr::PASSWORD,
        remember: false,
        created_at: moment(1),
        expires_at: moment(1000),
        ends_at: moment(1000),
        last_used_at: moment(1),
    }
}

fn interaction(id: &str) -> Interaction {
    Interaction {
        digest: Digest::of(id),
        browser: Digest::of("browser"),
        former_browser: None,
        request: AuthorizationRequest {
            client_id: "c".into(),
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

fn authorization(id: &str, scope: &str) -> Authorization {
    Authorization {
        id: id.into(),
        client_id: "c".into(),
        user_id: "u".into(),
        scope: ScopeSet::from(scope.to_owned()),
        auth_time: Timestamp::from_seconds(1),
        amr: Amr::PASSWORD,
        delivery: Delivery::Code(CodeDelivery {
            session_id: "s".into(),
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
    }
}

fn family(current: &str, parent: Option<&str>) -> RefreshFamily {
    RefreshFamily {
        current: Digest::of(current),
        issued_at: moment(5),
        idle_expires_at: moment(50),
        kid: "k".into(),
        parent: parent.map(Digest::of),
        expires_at: moment(500),
    }
}

async fn seeded(store: &Shared) {
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

async fn issued(store: &Shared, id: &str, scope: &str) {
    assert_eq!(
        store
            .begin_interaction(&interaction(id), &origin("192.0.2.1"))
            .await
            .unwrap(),
        BeginOutcome::Begun
    );
    assert!(
        store
            .issue_code(Some(&Digest::of(id)), &authorization(id, scope))
            .await
            .unwrap()
    );
}

#[test]
fn expired_rows_are_swept_in_small_batches_and_live_ones_stay() {
    on_both(async |store| {
        seeded(&store).await;
        for n in 0..7 {
            assert_eq!(
                store
                    .begin_interaction(&interaction(&format!("i{n}")), &origin("192.0.2.1"))
                    .await
                    .unwrap(),
                BeginOutcome::Begun
            );
        }
        store.revoke_access_token("j", moment(1000)).await.unwrap();
        store.revoke_access_token("j", moment(1000)).await.unwrap();
        let refusal = KeptRefusal {
            reference: "R".into(),
            at: moment(1),
            reason: "X".into(),
            endpoint: "/".into(),
            client_id: None,
            request_id: "r".into(),
            expected: String::new(),
            received: String::new(),
            share: String::new(),
            neighbourhood: Some(origin("192.0.2.1").neighbourhood),
        };
        store.keep_refusal(&refusal).await.unwrap();
        assert_eq!(store.refusal("R").await.unwrap(), Some(refusal));
        assert_eq!(store.sweep(moment(999), 5).await.unwrap(), 0);
        assert_eq!(store.sweep(moment(1000), 5).await.unwrap(), 5 + 1 + 1);
        assert!(!store.is_access_token_revoked("j").await.unwrap());
        assert_eq!(store.sweep(moment(1_000_000), 5).await.unwrap(), 2 + 1);
    });
}

#[test]
fn both_folders_hold_the_same_migrations() {
    let names = |folder: &str| {
        let mut all: Vec<_> = std::fs::read_dir(format!("../../migrations/{folder}"))
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        all.sort();
        all
    };
    assert_eq!(names("sqlite"), names("postgres"));
    on_both(async |store| assert!(store.ready().await.unwrap()));
}

#[test]
fn sessions_and_sign_ins_under_way_survive_the_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/db", folder.path().display());
    let options = Options { url, pool: 1 };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = open(&options);
        seeded(&store).await;
        store
            .begin_interaction(&interaction("i"), &origin("192.0.2.1"))
            .await
            .unwrap();
        drop(store);
        undo(&options, "00000000000002_sessions");
        let store = open(&options);
        let (kept, _) = store
            .session(&Digest::of("s"), moment(999))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (kept.expires_at, kept.ends_at, kept.last_used_at),
            (moment(1000), moment(1000), moment(1))
        );
        let waiting = store.interaction(&Digest::of("i")).await.unwrap().unwrap();
        assert!(waiting.consented.is_none() && waiting.former_browser.is_none());
    });
}

/// What the code of an authorization is bound to.
fn code_of(authorization: &mut Authorization) -> &mut CodeDelivery {
    let Delivery::Code(code) = &mut authorization.delivery;
    code
}
