//! Signing in with a password.

use std::{sync::Arc, time::Duration};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::SaltString};
use latchkey_operations::{
    FailureRecorder, KnownBrowser, PasswordSignIn, Passwords, SignIn, SignInOutcome, SignedIn,
    Throttle,
};
use latchkey_protocol::audit::{ActorKind, AuditActor, AuditEntry, AuditOutcome, FrontEnd};
use latchkey_protocol::store::LastAdministrator;
use latchkey_protocol::{ClientId, Digest, Reason, device::Device, kind, secret::Pepper};
use latchkey_protocol::{audit_row::AuditFilter, page::Page};

use crate::{audit::Lines, support::*};

fn pepper_of(purpose: &str) -> Pepper {
    Pepper::derive(master().bytes(), purpose)
}

pub fn door(world: &World) -> PasswordSignIn {
    PasswordSignIn {
        store: world.store.clone(),
        entropy: Arc::new(OsEntropy),
        passwords: Passwords::new(1, key()),
        throttle: Throttle::new(world.store.clone(), pepper_of("counts")),
        lifetimes: LIFETIMES,
        browser_pepper: pepper_of("forms"),
        audit_pepper: pepper_of("audit"),
        failures: FailureRecorder::new(world.store.clone()),
    }
}

pub async fn attempt(door: &PasswordSignIn, typed: &str, password: &str) -> SignInOutcome {
    attempt_at(door, typed, password, None, None).await
}

async fn attempt_at(
    door: &PasswordSignIn,
    typed: &str,
    password: &str,
    browser: Option<&KnownBrowser>,
    replaces: Option<&Digest<kind::Session>>,
) -> SignInOutcome {
    let asked = SignIn {
        typed,
        password,
        remember: false,
        address: "192.0.2.1".parse().unwrap(),
        device: Device::default(),
        browser,
        replaces,
        interaction: &Digest::of("interaction"),
        client_id: &ClientId::new("app"),
        request_id: "r",
        now: NOW,
    };
    door.attempt(asked).await.unwrap()
}

pub fn signed_in(outcome: SignInOutcome) -> SignedIn {
    match outcome {
        SignInOutcome::SignedIn(signed_in) => *signed_in,
        other => panic!("{other:?}"),
    }
}

/// Long enough for a comparison to have begun.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn by_name_or_by_address_a_new_session_begins_and_takes_the_place_of_the_browsers() {
    let (world, (lines, _guard)) = (World::new(), Lines::collect());
    let (alice, bob) = (world.add("alice").await, world.add("bob").await);
    let door = door(&world);
    let first = signed_in(attempt(&door, "Alice", "alice password").await);
    assert_eq!(first.user, alice);
    let found = world.store.session(&first.secret.digest(), NOW).await;
    assert_eq!(found.unwrap().unwrap(), (first.session.clone(), alice));
    let replaces = Some(&first.session.digest);
    let browser = Some(&first.browser);
    let outcome = attempt_at(&door, "bob@example.org", "bob password", browser, replaces).await;
    let second = signed_in(outcome);
    assert_eq!(second.user.id, bob.id);
    let gone = world.store.session(&first.session.digest, NOW).await;
    assert_eq!(gone.unwrap(), None);
    let (old, new) = (&first.session, &second.session);
    assert_eq!(
        lines.audit(),
        [
            format!(
                r#"INFO audit: signed in user={} session={} client="app" address=192.0.2.1"#,
                old.user_id, old.id
            ),
            format!(
                r#"INFO audit: session ended user={} session={} by={} cause="another user signed in" client="app" address=192.0.2.1"#,
                old.user_id, old.id, new.id
            ),
            format!(
                r#"INFO audit: signed in user={} session={} client="app" address=192.0.2.1"#,
                bob.id, new.id
            ),
        ]
    );
}

#[tokio::test]
async fn whoever_is_unknown_wrong_disabled_or_without_a_password_hears_the_same() {
    let (world, (lines, _guard)) = (World::new(), Lines::collect());
    let (alice, bob) = (world.add("alice").await, world.add("bob").await);
    world
        .operations()
        .disable_user("bob", LastAdministrator::Stays)
        .await
        .unwrap();
    let door = door(&world);
    for (typed, password) in [
        ("alice", "bob password"),
        ("bob", "bob password"),
        ("MySecretPassword", "x"),
        ("mysecretpassword", "y"),
        ("", ""),
    ] {
        let outcome = attempt(&door, typed, password).await;
        assert!(matches!(outcome, SignInOutcome::Wrong), "{typed}");
    }
    assert_eq!(
        world
            .operations()
            .sessions(None, &Page::first(100))
            .await
            .unwrap(),
        []
    );
    let audited = lines.audit();
    let failed = |user| {
        format!(r#"INFO audit: sign-in failed user="{user}" client="app" address=192.0.2.1"#)
    };
    assert_eq!(audited[..2], [failed(&alice.id), failed(&bob.id)]);
    assert_eq!(audited[2], audited[3], "the same name, the same digest");
    assert_ne!(audited[3], audited[4]);
    assert!(!audited.concat().to_lowercase().contains("mysecret"));
}

/// One thread: whatever is handed over runs only once this test waits for something.
#[tokio::test]
async fn nobody_waits_for_the_entry_about_a_failure_and_it_comes() {
    let world = World::new();
    let alice = world.add("alice").await;
    let door = door(&world);
    for typed in ["alice", "nobody"] {
        for _ in 0..12 {
            attempt(&door, typed, "wrong").await;
        }
    }
    let (mut entries, mut polls) = (Vec::new(), 0);
    while entries.len() < 4 && polls < 500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        entries.extend(world.entries().await);
        polls += 1;
    }
    let of = |event: &str| -> Vec<_> {
        let these = entries.iter().filter(|e| e.event == event);
        these.map(|e| e.target.clone().and_then(|t| t.id)).collect()
    };
    let expected = [Some(alice.id.into_string()), None];
    assert_eq!(of("sign-in failed"), expected);
    assert_eq!(of("sign-in refused"), expected);
}

#[tokio::test]
async fn a_refusal_of_any_name_is_handed_over_once_and_not_waited_for() {
    let world = World::new();
    let recorder = FailureRecorder::new(world.store.clone());
    let entry = AuditEntry {
        at: NOW,
        event: "sign-in refused".into(),
        actor: AuditActor {
            kind: ActorKind::Stranger,
            id: None,
            name: None,
        },
        front_end: FrontEnd::Page,
        target: None,
        outcome: AuditOutcome::Refused,
        address: Some("2001:db8::1".parse().unwrap()),
        request_id: None,
        details: serde_json::Map::new(),
        is_logged: true,
    };
    for typed in ["one", "two", "one"] {
        let from = "2001:db8::1".parse().unwrap();
        recorder.count_refusal(typed, from, entry.clone());
    }
    let count = async || {
        let (filter, page) = (AuditFilter::default(), Page::first(10));
        let all = world.store.audit_entries(&filter, &page).await.unwrap();
        all.iter().map(|row| row.count).sum::<i64>()
    };
    for _ in 0..500 {
        if count().await == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(count().await, 2);
}

#[tokio::test]
async fn beyond_ten_failures_nothing_is_judged_except_in_a_browser_that_is_known() {
    let world = World::new();
    world.add("alice").await;
    let door = door(&world);
    for _ in 0..2 {
        for _ in 0..9 {
            let outcome = attempt(&door, "alice", "wrong").await;
            assert!(matches!(outcome, SignInOutcome::Wrong));
        }
        signed_in(attempt(&door, "alice", "alice password").await);
    }
    let known = signed_in(attempt(&door, "alice", "alice password").await).browser;
    for _ in 0..10 {
        attempt(&door, "alice", "wrong").await;
    }
    let SignInOutcome::Refused(refused) = attempt(&door, "alice", "alice password").await else {
        panic!("judged")
    };
    assert_eq!(refused.reason, Reason::TooManyAttempts);
    assert!(!format!("{refused:?}").contains("alice"));
    let known = KnownBrowser::presented(&known.text()).unwrap();
    let outcome = attempt_at(&door, "alice", "alice password", Some(&known), None).await;
    signed_in(outcome);
    // Another user's browser is a stranger's.
    world.add("bob").await;
    let bobs = signed_in(attempt(&door, "bob", "bob password").await).browser;
    let outcome = attempt_at(&door, "alice", "alice password", Some(&bobs), None).await;
    assert!(matches!(outcome, SignInOutcome::Refused(_)));
}

/// A hash of another system, whose comparison takes `passes` times its share.
fn foreign_hash(password: &str, passes: u32) -> String {
    let params = Params::new(19 * 1024, passes, 1, None).unwrap();
    let salt = SaltString::from_b64("c2FsdHNhbHRzYWx0").unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes(), &salt).unwrap();
    hash.to_string()
}

#[tokio::test]
async fn a_hash_of_another_system_is_renewed_at_the_sign_in() {
    let world = World::new();
    let alice = world.add("alice").await;
    let old = foreign_hash("from elsewhere", 1);
    world
        .store
        .set_password(&alice.id, None, &old, NOW)
        .await
        .unwrap();
    let door = door(&world);
    let browser = signed_in(attempt(&door, "alice", "from elsewhere").await).browser;
    let renewed = world.stored(&alice).await.password_hash.unwrap();
    assert!(renewed.contains(",keyid="), "{renewed}");
    for _ in 0..10 {
        attempt(&door, "alice", "wrong").await;
    }
    let outcome = attempt_at(&door, "alice", "from elsewhere", Some(&browser), None).await;
    signed_in(outcome);
}

#[tokio::test]
async fn a_password_that_is_changed_while_it_is_compared_signs_nobody_in() {
    let world = World::new();
    let alice = world.add("alice").await;
    let slow = foreign_hash("the old password", 24);
    world
        .store
        .set_password(&alice.id, None, &slow, NOW)
        .await
        .unwrap();
    let door = door(&world);
    let new = key().hash("the new password", &OsEntropy).unwrap();
    let change = async {
        settle().await;
        world.store.set_password(&alice.id, None, &new, NOW).await
    };
    let (outcome, changed) = tokio::join!(attempt(&door, "alice", "the old password"), change);
    assert_eq!(changed.unwrap(), Some(0), "it came first");
    assert!(matches!(outcome, SignInOutcome::Wrong), "{outcome:?}");
    assert_eq!(world.stored(&alice).await.password_hash, Some(new));
    assert_eq!(
        world
            .operations()
            .sessions(None, &Page::first(100))
            .await
            .unwrap(),
        []
    );
}
