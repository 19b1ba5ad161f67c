//! What every store promises, with racing callers, on both databases.
#![allow(clippy::unwrap_used)]

#[path = "conformance/addresses.rs"]
mod addresses;
#[path = "conformance/custom_claims.rs"]
mod custom_claims;
#[path = "conformance/keys.rs"]
mod keys;
#[path = "conformance/limits.rs"]
mod limits;
#[path = "conformance/races.rs"]
mod races;
#[path = "conformance/sessions.rs"]
mod sessions;
#[path = "conformance/users.rs"]
mod users;

use std::{io::Write as _, sync::Arc};

use latchkey_protocol::{
    Digest, ScopeSet, SigningAlgorithm, Store,
    attempts::Origin,
    authorization::{Authorization, RefreshFamily},
    authorize::ClaimsRequest,
    authorize::{AuthorizationRequest, Prompt},
    client::{Client, ResponseMode},
    consent::Consent,
    interaction::Interaction,
    registration::Registration,
    secret::Pepper,
    session::{Session, SessionStart, Use},
    store::{BeginOutcome, KeptRefusal, StoredKey, WriteOutcome},
    user::User,
};
use latchkey_storage::{Database, Options};

const CALLERS: usize = 16;

fn on_both(test: impl AsyncFn(Arc<Database>)) {
    on_both_at(async |options| test(Arc::new(Database::open(&options).unwrap())).await);
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
async fn winners<F>(store: &Arc<Database>, verb: impl Fn(Arc<Database>, usize) -> F) -> usize
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
        metadata: registration.metadata,
        created_at: 1,
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
        created_at: 1,
        updated_at: 1,
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
        auth_time: 1,
        amr: "pwd".into(),
        remember: false,
        created_at: 1,
        expires_at: 1000,
        ends_at: 1000,
        last_used_at: 1,
    }
}

fn interaction(id: &str) -> Interaction {
    Interaction {
        digest: Digest::of(id),
        browser: Digest::of("browser"),
        former_browser: None,
        request: AuthorizationRequest {
            client_id: "c".into(),
            redirect_uri: "https://a.example/cb".into(),
            redirect_uri_sent: true,
            mode: ResponseMode::Query,
            state: None,
            scope: ScopeSet::from("openid".to_owned()),
            ignored_scope: ScopeSet::default(),
            claims: ClaimsRequest::default(),
            nonce: None,
            prompt: Prompt::default(),
            max_age: None,
            login_hint: None,
            hint_subject: None,
            ui_locales: None,
            code_challenge: None,
        },
        created_at: 1,
        expires_at: 1000,
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
        session_id: "s".into(),
        scope: ScopeSet::from(scope.to_owned()),
        nonce: Some("n".into()),
        auth_time: 1,
        amr: "pwd".into(),
        redirect_uri: "https://a.example/cb".into(),
        redirect_uri_sent: true,
        code_challenge: None,
        code: Digest::of(&format!("code-{id}")),
        code_expires_at: 60,
        created_at: 1,
        exchanged_at: None,
        refresh: None,
        revoked_at: None,
        expires_at: 1000,
        ignored_scope: "unknown".to_owned().into(),
        asked_claims: ClaimsRequest::default(),
    }
}

fn family(current: &str, parent: Option<&str>) -> RefreshFamily {
    RefreshFamily {
        current: Digest::of(current),
        issued_at: 5,
        idle_expires_at: 50,
        kid: "k".into(),
        parent: parent.map(Digest::of),
        expires_at: 500,
    }
}

async fn seeded(store: &Database) {
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

async fn issued(store: &Database, id: &str, scope: &str) {
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
fn names_are_taken_once() {
    on_both(async |store| {
        assert_eq!(
            winners(&store, |s, _| async move {
                s.create_client(&client()).await.unwrap()
            })
            .await,
            1
        );
        let made = winners(&store, |s, n| async move {
            let mut user = user(&format!("u{n}"));
            user.username = "same".into();
            s.create_user(&user).await.unwrap() == WriteOutcome::Done
        });
        assert_eq!(made.await, 1);
        let read = store.user_by_name("same").await.unwrap().unwrap();
        assert_eq!(read.name, user("x").name);
        assert_eq!(store.client("c").await.unwrap().as_deref(), Some(&client()));
        assert!(store.client("other").await.unwrap().is_none());
    });
}

#[test]
fn a_code_is_issued_once_per_interaction_and_exchanged_once() {
    on_both(async |store| {
        seeded(&store).await;
        assert_eq!(
            store
                .begin_interaction(&interaction("i"), &origin("192.0.2.1"))
                .await
                .unwrap(),
            BeginOutcome::Begun
        );
        let made = winners(&store, |s, n| async move {
            s.issue_code(
                Some(&Digest::of("i")),
                &authorization(&format!("a{n}"), "openid"),
            )
            .await
            .unwrap()
        });
        assert_eq!(made.await, 1);
        issued(&store, "a", "openid").await;
        let spent = winners(&store, |s, n| async move {
            s.exchange_code("a", 2, Some(&family(&format!("r{n}"), None)), 900)
                .await
                .unwrap()
        });
        assert_eq!(spent.await, 1);
        let context = store
            .authorization_by_code(&Digest::of("code-a"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (
                context.authorization.exchanged_at,
                context.authorization.expires_at
            ),
            (Some(2), 900)
        );
        assert_eq!(
            (context.user.unwrap().id, context.session.unwrap().id),
            ("u".into(), "s".into())
        );
    });
}

#[test]
fn an_ended_session_gives_no_code() {
    on_both(async |store| {
        for round in 0..20 {
            if round == 0 {
                seeded(&store).await;
            } else {
                store
                    .sign_in(&session("s", "u"), "hash", None, None)
                    .await
                    .unwrap();
            }
            let raced = winners(&store, move |s, n| async move {
                if n == 0 {
                    s.end_user("u", 5).await.unwrap();
                    return false;
                }
                s.issue_code(
                    None,
                    &authorization(&format!("{round}-{n}"), "openid offline_access"),
                )
                .await
                .unwrap()
            });
            raced.await;
            assert!(
                !store
                    .issue_code(None, &authorization("late", "openid"))
                    .await
                    .unwrap()
            );
            for n in 1..CALLERS {
                let context = store.authorization(&format!("{round}-{n}")).await.unwrap();
                assert!(
                    context.is_none_or(|c| c.authorization.revoked_at.is_some()),
                    "{round}-{n} outlives the end"
                );
            }
        }
    });
}

#[test]
fn a_refresh_token_is_rotated_once_and_never_after_revocation() {
    on_both(async |store| {
        seeded(&store).await;
        issued(&store, "a", "openid offline_access").await;
        store
            .exchange_code("a", 2, Some(&family("r0", None)), 900)
            .await
            .unwrap();
        let next = |n: usize| family(&format!("r1-{n}"), Some("r0"));
        let won = winners(&store, move |s, n| async move {
            s.rotate_refresh_token("a", &Digest::of("r0"), &next(n))
                .await
                .unwrap()
        });
        assert_eq!(won.await, 1);
        let kept = store
            .authorization("a")
            .await
            .unwrap()
            .unwrap()
            .authorization
            .refresh
            .unwrap();
        assert_eq!(kept.parent, Some(Digest::of("r0")));
        store.revoke_authorization("a", 7).await.unwrap();
        store.revoke_authorization("a", 8).await.unwrap();
        assert!(
            !store
                .rotate_refresh_token("a", &kept.current, &family("r2", None))
                .await
                .unwrap()
        );
        assert_eq!(
            store
                .authorization("a")
                .await
                .unwrap()
                .unwrap()
                .authorization
                .revoked_at,
            Some(7)
        );
        issued(&store, "b", "openid").await;
        store.revoke_authorization("b", 7).await.unwrap();
        assert!(!store.exchange_code("b", 8, None, 900).await.unwrap());
    });
}

#[test]
fn ending_a_session_ends_what_hangs_on_it_and_offline_access_only_when_asked() {
    on_both(async |store| {
        seeded(&store).await;
        issued(&store, "online", "openid").await;
        issued(&store, "offline", "openid offline_access").await;
        let revoked = async |id: &str| {
            store
                .authorization(id)
                .await
                .unwrap()
                .unwrap()
                .authorization
                .revoked_at
        };
        assert!(store.end_session("s", false, 9).await.unwrap());
        assert!(!store.end_session("s", false, 10).await.unwrap());
        assert_eq!(
            (revoked("online").await, revoked("offline").await),
            (Some(9), None)
        );
        store.end_session("s", true, 11).await.unwrap();
        assert_eq!(revoked("offline").await, Some(11));
        store
            .sign_in(&session("s2", "u"), "hash", None, None)
            .await
            .unwrap();
        assert_eq!(store.end_user("u", 12).await.unwrap(), 1);
        assert!(store.session(&Digest::of("s2"), 2).await.unwrap().is_none());
    });
}

#[test]
fn a_session_answers_while_it_lives_and_its_user_is_enabled() {
    on_both(async |store| {
        seeded(&store).await;
        let digest = Digest::of("s");
        let (session, user) = store.session(&digest, 999).await.unwrap().unwrap();
        assert_eq!((session.id.as_str(), user.id.as_str()), ("s", "u"));
        assert!(
            store.session(&digest, 1000).await.unwrap().is_none(),
            "it ends at its end"
        );
        assert!(
            store
                .session(&Digest::of("other"), 2)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(store.disable_user("u", 3).await.unwrap(), Some(1));
        assert!(store.session(&digest, 2).await.unwrap().is_none());
    });
}

#[test]
fn a_session_keeps_its_name_when_its_user_signs_in_again() {
    on_both(async |store| {
        seeded(&store).await;
        assert_eq!(
            store
                .begin_interaction(&interaction("i"), &origin("192.0.2.1"))
                .await
                .unwrap(),
            BeginOutcome::Begun
        );
        issued(&store, "a", "openid").await;
        let again = Session {
            auth_time: 5,
            remember: true,
            created_at: 5,
            expires_at: 2000,
            ends_at: 3000,
            last_used_at: 5,
            ..session("s2", "u")
        };
        let (old, stamped) = (Digest::of("s"), Digest::of("i"));
        let signed_in = store.sign_in(&again, "hash", Some(&old), Some(&stamped));
        let kept = SessionStart {
            session_id: "s".into(),
            ended: vec![],
        };
        assert_eq!(signed_in.await.unwrap(), Some(kept));
        assert!(
            store.session(&old, 2).await.unwrap().is_none(),
            "the old secret is no use"
        );
        let (now, _) = store
            .session(&Digest::of("s2"), 1500)
            .await
            .unwrap()
            .unwrap();
        let renewed = Session {
            id: "s".into(),
            created_at: 1,
            ..again
        };
        assert_eq!(now, renewed);
        let stamped = store.interaction(&stamped).await.unwrap().unwrap();
        assert_eq!(stamped.login_session.as_deref(), Some("s"));
        let context = store.authorization("a").await.unwrap().unwrap();
        assert!(context.session_lives(6), "the same user's tokens go on");
        assert_eq!(store.sessions(Some("u")).await.unwrap().len(), 1);
        assert_eq!(
            store.create_user(&user("v")).await.unwrap(),
            WriteOutcome::Done
        );
        store
            .sign_in(&session("s3", "v"), "hash", Some(&Digest::of("s2")), None)
            .await
            .unwrap();
        let context = store.authorization("a").await.unwrap().unwrap();
        assert!(!context.session_lives(6), "another user's do not");
    });
}

#[test]
fn a_session_that_has_ended_is_not_renewed() {
    on_both(async |store| {
        seeded(&store).await;
        issued(&store, "a", "openid").await;
        let late = Session {
            auth_time: 1000,
            created_at: 1000,
            expires_at: 2000,
            ends_at: 2000,
            ..session("s2", "u")
        };
        let old = Digest::of("s");
        let signed_in = store
            .sign_in(&late, "hash", Some(&old), None)
            .await
            .unwrap();
        assert_eq!(signed_in.unwrap().session_id, "s2");
        let context = store.authorization("a").await.unwrap().unwrap();
        assert!(!context.session_lives(1001));
    });
}

#[test]
fn consent_adds_up() {
    on_both(async |store| {
        seeded(&store).await;
        assert_eq!(
            store
                .begin_interaction(&interaction("i"), &origin("192.0.2.1"))
                .await
                .unwrap(),
            BeginOutcome::Begun
        );
        for scope in ["openid email", "openid phone"] {
            let consent = Consent {
                user_id: "u".into(),
                client_id: "c".into(),
                scope: ScopeSet::from(scope.to_owned()),
                claims: [format!("claim with {scope}")].into(),
                granted_at: 3,
            };
            assert!(
                store
                    .record_consent(&Digest::of("i"), "s", &consent)
                    .await
                    .unwrap()
            );
        }
        let known = store.consent("u", "c").await.unwrap().unwrap();
        assert_eq!(known.scope.to_string(), "openid email phone");
        assert_eq!(
            known.claims.len(),
            2,
            "claims add up as well: {:?}",
            known.claims
        );
        let stamped = store.interaction(&Digest::of("i")).await.unwrap().unwrap();
        let (user, scope) = stamped.consented.unwrap();
        assert_eq!(
            (user.as_str(), scope.to_string().as_str()),
            ("u", "openid phone")
        );
        assert!(store.decline(&Digest::of("i"), "s").await.unwrap());
        assert!(
            store
                .interaction(&Digest::of("i"))
                .await
                .unwrap()
                .unwrap()
                .declined
        );
    });
}

#[test]
fn deleting_takes_everything_along() {
    on_both(async |store| {
        seeded(&store).await;
        issued(&store, "a", "openid").await;
        assert!(store.delete_user("u").await.unwrap());
        assert!(!store.delete_user("u").await.unwrap());
        assert!(store.authorization("a").await.unwrap().is_none());
        assert!(store.sessions(None).await.unwrap().is_empty());
        assert!(store.delete_client("c").await.unwrap());
        assert!(store.client("c").await.unwrap().is_none());
    });
}

#[test]
fn the_first_key_is_made_once_and_rotation_retires_the_others() {
    on_both(async |store| {
        let key = |kid: &str, at: i64| StoredKey {
            algorithm: SigningAlgorithm::Rs256,
            kid: kid.into(),
            sealed: Some("x".into()),
            created_at: at,
            activates_at: at,
            retires_at: None,
        };
        let made = winners(&store, move |s, n| async move {
            s.add_first_key(&key(&format!("k{n}"), 1)).await.unwrap()
        });
        assert_eq!(made.await, 1);
        store.rotate_key(&key("next", 5), 100).await.unwrap();
        let keys = store.signing_keys().await.unwrap();
        assert_eq!(
            keys.iter().map(|k| k.retires_at).collect::<Vec<_>>(),
            [Some(100), None]
        );
        assert!(!store.retire_key("next", 7).await.unwrap(), "it signs");
        assert!(
            store.retire_key("next", 4).await.unwrap(),
            "it does not sign yet"
        );
        assert!(!store.retire_key("unknown", 7).await.unwrap());
    });
}

/// A key with its times, sealed.
fn stored(kid: &str, activates_at: i64, retires_at: Option<i64>) -> StoredKey {
    StoredKey {
        algorithm: SigningAlgorithm::Rs256,
        kid: kid.into(),
        sealed: Some("x".into()),
        created_at: 1,
        activates_at,
        retires_at,
    }
}

#[test]
fn of_nodes_that_rotate_at_once_one_makes_the_next_key() {
    on_both(async |store| {
        assert!(store.add_first_key(&stored("a", 1, None)).await.unwrap());
        let succeed = |predecessor: Option<&'static str>, round: &'static str| {
            winners(&store, move |s, n| async move {
                s.succeed_key(&stored(&format!("{round}{n}"), 5, None), 100, predecessor)
                    .await
                    .unwrap()
            })
        };
        assert_eq!(succeed(Some("a"), "b").await, 1);
        assert_eq!(succeed(Some("a"), "c").await, 0, "it has a successor");
        assert_eq!(succeed(None, "c").await, 0, "one goes on signing");
        let keys = store.signing_keys().await.unwrap();
        assert_eq!(keys.len(), 2, "nothing comes of the others' keys");
        let next = keys
            .iter()
            .find(|k| k.retires_at.is_none())
            .unwrap()
            .kid
            .clone();
        assert!(store.retire_key(&next, 2).await.unwrap());
        assert_eq!(succeed(None, "d").await, 1);
    });
}

#[test]
fn a_key_that_was_announced_for_later_never_signs_after_a_rotation_at_once() {
    on_both(async |store| {
        store.add_first_key(&stored("a", 1, None)).await.unwrap();
        store
            .rotate_key(
                &StoredKey {
                    created_at: 10,
                    ..stored("later", 3600, None)
                },
                5000,
            )
            .await
            .unwrap();
        store
            .rotate_key(
                &StoredKey {
                    created_at: 20,
                    ..stored("now", 20, None)
                },
                1000,
            )
            .await
            .unwrap();
        let mut keys = store.signing_keys().await.unwrap();
        keys.sort_by(|a, b| a.kid.cmp(&b.kid));
        let retire = keys
            .iter()
            .map(|k| (k.kid.as_str(), k.retires_at))
            .collect::<Vec<_>>();
        assert_eq!(
            retire,
            [("a", Some(5000)), ("later", Some(20)), ("now", None)]
        );
    });
}

#[test]
fn the_private_half_of_a_retired_key_is_forgotten() {
    on_both(async |store| {
        store.add_first_key(&stored("a", 1, None)).await.unwrap();
        store.rotate_key(&stored("b", 10, None), 100).await.unwrap();
        store.rotate_key(&stored("c", 20, None), 200).await.unwrap();
        let sealed = async || {
            let mut keys = store.signing_keys().await.unwrap();
            keys.sort_by(|a, b| a.kid.cmp(&b.kid));
            keys.iter()
                .map(|k| (k.kid.clone(), k.sealed.is_some(), k.retires_at))
                .collect::<Vec<_>>()
        };
        let key = |kid: &str, sealed, retires_at| (kid.to_owned(), sealed, retires_at);
        store.sweep(99, 5).await.unwrap();
        assert_eq!(
            sealed().await,
            [
                key("a", true, Some(100)),
                key("b", true, Some(200)),
                key("c", true, None)
            ]
        );
        store.sweep(100, 5).await.unwrap();
        assert_eq!(
            sealed().await,
            [
                key("a", false, Some(100)),
                key("b", true, Some(200)),
                key("c", true, None)
            ]
        );
        assert!(store.retire_key("b", 101).await.unwrap());
        assert_eq!(
            sealed().await[1..],
            [key("b", false, Some(101)), key("c", true, None)],
            "with the command at once"
        );
        store.sweep(1 << 40, 5).await.unwrap();
        assert_eq!(sealed().await[2], key("c", true, None), "what signs stays");
    });
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
        store.revoke_access_token("j", 1000).await.unwrap();
        store.revoke_access_token("j", 1000).await.unwrap();
        let refusal = KeptRefusal {
            reference: "R".into(),
            at: 1,
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
        assert_eq!(store.sweep(999, 5).await.unwrap(), 0);
        assert_eq!(store.sweep(1000, 5).await.unwrap(), 5 + 1 + 1);
        assert!(!store.is_access_token_revoked("j").await.unwrap());
        assert_eq!(store.sweep(1_000_000, 5).await.unwrap(), 2 + 1);
    });
}

#[test]
fn a_rehash_never_undoes_a_new_password() {
    on_both(async |store| {
        seeded(&store).await;
        assert!(!store.rehash_password("u", "other", "new").await.unwrap());
        assert!(store.rehash_password("u", "hash", "new").await.unwrap());
        assert_eq!(
            store
                .user("u")
                .await
                .unwrap()
                .unwrap()
                .password_hash
                .as_deref(),
            Some("new")
        );
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

fn consent(user: &str, scope: &str) -> Consent {
    let scope = ScopeSet::from(scope.to_owned());
    Consent {
        user_id: user.into(),
        client_id: "c".into(),
        scope,
        claims: Default::default(),
        granted_at: 3,
    }
}

#[test]
fn what_a_page_decides_is_written_only_for_the_session_it_was_shown_to() {
    on_both(async |store| {
        seeded(&store).await;
        let i = Digest::of("i");
        store
            .begin_interaction(&interaction("i"), &origin("192.0.2.1"))
            .await
            .unwrap();
        assert!(
            !store
                .record_consent(&i, "s", &consent("v", "openid"))
                .await
                .unwrap(),
            "another user's session"
        );
        assert!(
            !store
                .record_consent(&i, "s9", &consent("u", "openid"))
                .await
                .unwrap(),
            "no session"
        );
        assert!(
            !store
                .record_consent(&Digest::of("j"), "s", &consent("u", "openid"))
                .await
                .unwrap(),
            "no interaction"
        );
        assert!(
            !store.select_account(&i, "s9").await.unwrap()
                && !store.decline(&i, "s9").await.unwrap()
        );
        let untouched = store.interaction(&i).await.unwrap().unwrap();
        assert!(
            untouched.consented.is_none()
                && untouched.selected_session.is_none()
                && !untouched.declined
        );
        assert!(
            store.consent("u", "c").await.unwrap().is_none()
                && store.consent("v", "c").await.unwrap().is_none()
        );
        assert!(store.select_account(&i, "s").await.unwrap());
        store.end_session("s", false, 5).await.unwrap();
        assert!(
            !store
                .record_consent(&i, "s", &consent("u", "openid"))
                .await
                .unwrap()
        );
        assert!(
            !store.select_account(&i, "s").await.unwrap() && !store.decline(&i, "s").await.unwrap()
        );
    });
}

#[test]
fn consents_given_at_once_add_up() {
    on_both(async |store| {
        seeded(&store).await;
        for n in 0..CALLERS {
            store
                .begin_interaction(&interaction(&format!("i{n}")), &origin("192.0.2.1"))
                .await
                .unwrap();
        }
        let given = winners(&store, |s, n| async move {
            s.record_consent(
                &Digest::of(&format!("i{n}")),
                "s",
                &consent("u", &format!("scope{n}")),
            )
            .await
            .unwrap()
        });
        assert_eq!(given.await, CALLERS);
        assert_eq!(
            store
                .consent("u", "c")
                .await
                .unwrap()
                .unwrap()
                .scope
                .iter()
                .count(),
            CALLERS
        );
    });
}

#[test]
fn a_browsers_sign_ins_under_way_move_to_its_new_secret_together_and_once() {
    on_both(async |store| {
        for id in ["i", "j"] {
            store
                .begin_interaction(&interaction(id), &origin("192.0.2.1"))
                .await
                .unwrap();
        }
        let mut elsewhere = interaction("k");
        elsewhere.browser = Digest::of("another");
        store
            .begin_interaction(&elsewhere, &origin("192.0.2.1"))
            .await
            .unwrap();
        let renewed = winners(&store, |s, n| async move {
            s.renew_browser(&Digest::of("browser"), &Digest::of(&format!("new{n}")), 7)
                .await
                .unwrap()
        });
        assert_eq!(renewed.await, 1);
        let read = async |id: &str| store.interaction(&Digest::of(id)).await.unwrap().unwrap();
        let (i, j, k) = (read("i").await, read("j").await, read("k").await);
        assert_eq!(
            (i.browser.clone(), i.former_browser.clone()),
            (j.browser, j.former_browser)
        );
        assert_eq!(i.former_browser, Some((Digest::of("browser"), 7)));
        assert_eq!((k.browser, k.former_browser), (Digest::of("another"), None));
    });
}

#[test]
fn a_use_of_a_session_that_an_older_node_made_keeps_its_end() {
    on_both_at(async |options| {
        let store = Arc::new(Database::open(&options).unwrap());
        seeded(&store).await;
        options.script("UPDATE sessions SET ends_at = 0").unwrap();
        for (at, expires_at) in [(120, 400), (240, 600)] {
            assert!(
                store
                    .use_session(
                        "s",
                        Use {
                            noted_before: at - 60,
                            at,
                            expires_at
                        }
                    )
                    .await
                    .unwrap()
            );
            let used = store.sessions(Some("u")).await.unwrap()[0].clone();
            assert_eq!((used.expires_at, used.ends_at), (expires_at, 1000));
        }
    });
}

#[test]
fn a_use_of_a_session_is_noted_once_and_never_brings_it_back() {
    on_both(async |store| {
        seeded(&store).await;
        let used = Use {
            noted_before: 60,
            at: 120,
            expires_at: 700,
        };
        let noted = winners(&store, move |s, _| async move {
            s.use_session("s", used).await.unwrap()
        });
        assert_eq!(noted.await, 1);
        let read = async || store.sessions(Some("u")).await.unwrap()[0].clone();
        assert_eq!(
            (
                read().await.last_used_at,
                read().await.expires_at,
                read().await.ends_at
            ),
            (120, 700, 1000)
        );
        let late = Use {
            noted_before: 640,
            at: 700,
            expires_at: 900,
        };
        assert!(!store.use_session("s", late).await.unwrap(), "it has ended");
        assert_eq!(read().await.expires_at, 700);
    });
}

#[test]
fn a_session_is_found_by_its_name_and_its_own_user_alone() {
    on_both(async |store| {
        seeded(&store).await;
        let found = async |sid: &str, user: &str, now: i64| {
            store
                .session_of(sid, user, now)
                .await
                .unwrap()
                .map(|session| session.id)
        };
        assert_eq!(found("s", "u", 2).await.as_deref(), Some("s"));
        assert_eq!(found("s", "v", 2).await, None, "another user");
        assert_eq!(found("s", "u", 1000).await, None, "expired");
        assert_eq!(found("%", "u", 2).await, None, "no pattern");
        assert_eq!(
            store.create_user(&user("v")).await.unwrap(),
            WriteOutcome::Done
        );
        store
            .sign_in(&session("s2", "v"), "hash", Some(&Digest::of("s")), None)
            .await
            .unwrap();
        assert_eq!(
            (found("s", "u", 2).await, found("s", "v", 2).await),
            (None, None),
            "another user's sign-in ended it"
        );
    });
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
        let store = Database::open(&options).unwrap();
        seeded(&store).await;
        store
            .begin_interaction(&interaction("i"), &origin("192.0.2.1"))
            .await
            .unwrap();
        drop(store);
        let back =
            std::fs::read_to_string("../../migrations/sqlite/00000000000002_sessions/down.sql")
                .unwrap();
        options.script(&back).unwrap();
        options
            .script("DELETE FROM __diesel_schema_migrations WHERE version = '00000000000002'")
            .unwrap();
        let store = Database::open(&options).unwrap();
        let (kept, _) = store.session(&Digest::of("s"), 999).await.unwrap().unwrap();
        assert_eq!(
            (kept.expires_at, kept.ends_at, kept.last_used_at),
            (1000, 1000, 1)
        );
        let waiting = store.interaction(&Digest::of("i")).await.unwrap().unwrap();
        assert!(waiting.consented.is_none() && waiting.former_browser.is_none());
    });
}
