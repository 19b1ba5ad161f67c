//! The lines of the target `audit`, byte for byte: others read them by machine.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use latchkey_operations::{Actor, AuditEvent, Caller, NewUser, Operations, audit};
use latchkey_protocol::store::LastAdministrator;
use latchkey_protocol::{
    ClientId, Reason, SessionId, SigningAlgorithm, Timestamp, UserId,
    audit::{ActorKind, FrontEnd},
    claims::Mapping,
    profile::ProfileChange,
    registration::Registration,
    session::Cause,
};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::*;

/// What is logged on this thread while it lives.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Collects the lines until the guard is dropped.
    pub fn collect() -> (Self, impl Drop) {
        let lines = Self::default();
        let collector = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_writer(lines.clone())
            .finish();
        (lines, tracing::subscriber::set_default(collector))
    }

    /// Those of the target `audit`.
    pub fn audit(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(str::trim_start);
        lines
            .filter(|line| line.contains(" audit: "))
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn each_event_is_one_line_with_its_own_fields() {
    let (lines, _guard) = Lines::collect();
    let (user, session, client) = (&UserId::new("u"), "s", "app");
    let address = "192.0.2.1".parse().unwrap();
    for event in [
        AuditEvent::SignedIn {
            user,
            session,
            client: &ClientId::new(client),
            address,
        },
        AuditEvent::SignInFailed {
            user,
            client: &ClientId::new(client),
            address,
        },
        AuditEvent::SignInUnknown {
            typed: "0123456789",
            client: &ClientId::new(client),
            address,
        },
        AuditEvent::SessionEnded {
            user,
            session,
            by: "t",
            cause: Cause::AnotherUser,
            client: &ClientId::new(client),
            address,
        },
        AuditEvent::SignedOut {
            user,
            session,
            client: Some(&ClientId::new(client)),
            address,
        },
        AuditEvent::SignedOut {
            user,
            session,
            client: None,
            address,
        },
        AuditEvent::ReplayRevoked {
            authorization: "a",
            reason: Reason::CodeReplayed,
        },
        AuditEvent::KeyAnnounced {
            kid: "k",
            activates_at: Timestamp::from_seconds(7),
        },
        AuditEvent::Operation {
            at: Timestamp::from_seconds(5),
            operation: "user disable",
            target: "alice",
            caller: "uid 0",
        },
    ] {
        audit::log(&event);
    }
    let expected = [
        r#"INFO audit: signed in user=u session=s client="app" address=192.0.2.1"#,
        r#"INFO audit: sign-in failed user="u" client="app" address=192.0.2.1"#,
        r#"INFO audit: sign-in failed typed="0123456789" client="app" address=192.0.2.1"#,
        r#"INFO audit: session ended user=u session=s by=t cause="another user signed in" client="app" address=192.0.2.1"#,
        r#"INFO audit: signed out user="u" session="s" client="app" address=192.0.2.1"#,
        r#"INFO audit: signed out user="u" session="s" address=192.0.2.1"#,
        r#"WARN audit: replay: authorization revoked authorization=a reason="CodeReplayed""#,
        r#"INFO audit: a new signing key is announced kid="k" activates_at=7"#,
        r#"INFO audit: command at=5 operation="user disable" on="alice" caller="uid 0""#,
    ];
    assert_eq!(lines.audit(), expected);
}

#[tokio::test]
async fn what_the_server_itself_does_is_in_its_own_log() {
    let (lines, _guard) = Lines::collect();
    let world = World::new();
    let operations = Operations {
        caller: Caller::server(),
        now: Timestamp::from_seconds(5),
        ..world.operations()
    };
    let mapping: Mapping = serde_json::from_value(json!({ "value": "x" })).unwrap();
    operations
        .set_custom_claim("k", &mapping, None)
        .await
        .unwrap();
    let line = r#"INFO audit: command at=5 operation="claim set" on="k" caller="server""#;
    assert_eq!(lines.audit(), [line]);
    assert!(
        world.entries().await[0].is_logged,
        "and no other server logs it"
    );
}

#[tokio::test]
async fn what_a_command_does_is_left_for_a_server_to_log() {
    let (lines, _guard) = Lines::collect();
    let world = World::new();
    world.add("alice").await;
    assert_eq!(lines.audit(), [""; 0]);
    let unlogged = world.store.unlogged_audit_entries(9).await.unwrap();
    unlogged.iter().for_each(audit::log_entry);
    let line = format!(
        r#"INFO audit: command at={NOW} operation="user create" on="alice" caller="uid 1000""#
    );
    assert_eq!(lines.audit(), [line]);
}

#[tokio::test]
async fn an_entry_has_old_and_new_values_and_never_a_secret() {
    let world = World::new();
    let alice = world.add("alice").await;
    let change = ProfileChange {
        email: Some(Some("new@example.org".into())),
        ..ProfileChange::default()
    };
    let operations = world.operations();
    operations
        .update_user("alice", &change, LastAdministrator::Stays)
        .await
        .unwrap();
    let changed = world.entries().await.pop().unwrap();
    assert_eq!(
        changed.details["changed"]["email"],
        json!({ "old": "alice@example.org", "new": "new@example.org" })
    );
    assert_eq!(changed.target.unwrap().id, Some(alice.id.into_string()));
    let registration = json!({ "client_id": "app", "client_secret": "0123456789-0123456789-very-secret", "redirect_uris": ["https://a.example/cb"] });
    let registration = Registration::parse(&registration).unwrap();
    operations
        .register_client(&secrets(), registration)
        .await
        .unwrap();
    operations
        .rotate_client_secret(&secrets(), &ClientId::new("app"), None)
        .await
        .unwrap();
    operations
        .set_password(&key(), "alice", "another password")
        .await
        .unwrap();
    let entries = format!("{:?}", world.entries().await);
    assert!(entries.contains("https://a.example/cb"), "{entries}");
    for secret in ["very-secret", "another password", "lk_secret_", "argon2"] {
        assert!(!entries.contains(secret), "{secret}: {entries}");
    }
}

#[tokio::test]
async fn what_is_refused_leaves_no_entry() {
    let world = World::new();
    world.add("alice").await;
    let again = NewUser {
        username: "alice".into(),
        ..NewUser::default()
    };
    assert!(world.operations().create_user(&key(), again).await.is_err());
    assert!(
        world
            .operations()
            .delete_client(&ClientId::new("nobody"))
            .await
            .is_err()
    );
    assert!(
        world
            .operations()
            .end_session(&SessionId::new("none"))
            .await
            .is_err()
    );
    assert_eq!(world.entries().await, []);
}

#[tokio::test]
async fn an_entry_says_who_did_it_from_where_by_which_front_end() {
    let (lines, _guard) = Lines::collect();
    let world = World::new();
    let mapping: Mapping = serde_json::from_value(json!({ "value": "x" })).unwrap();
    let admin = Actor::User {
        id: UserId::new("sub"),
        name: "alice".into(),
    };
    let api = Actor::Client {
        id: ClientId::new("ops"),
    };
    for (actor, front_end) in [(admin, FrontEnd::Console), (api, FrontEnd::Api)] {
        let operations = Operations {
            caller: Caller {
                actor,
                front_end,
                address: Some("192.0.2.7".parse().unwrap()),
                request_id: Some("r7".into()),
            },
            now: Timestamp::from_seconds(5),
            ..world.operations()
        };
        operations
            .set_custom_claim("k", &mapping, None)
            .await
            .unwrap();
    }
    let entries = world.entries().await;
    let said: Vec<_> = entries
        .iter()
        .map(|e| (e.actor.kind, e.actor.id.as_deref(), e.front_end))
        .collect();
    let expected = [
        (ActorKind::User, Some("sub"), FrontEnd::Console),
        (ActorKind::Client, Some("ops"), FrontEnd::Api),
    ];
    assert_eq!(said, expected);
    for entry in &entries {
        assert_eq!(entry.address, Some("192.0.2.7".parse().unwrap()));
        assert_eq!(entry.request_id.as_deref(), Some("r7"));
        assert!(entry.is_logged, "by the server that did it");
    }
    let line = |caller| {
        format!(r#"INFO audit: command at=5 operation="claim set" on="k" caller="{caller}""#)
    };
    assert_eq!(lines.audit(), [line("user alice"), line("client ops")]);
}

#[tokio::test]
async fn every_change_has_its_old_and_new_values() {
    let world = World::new();
    let operations = world.operations();
    let last = async || world.entries().await.pop().unwrap().details;
    let alice = world.add("alice").await;
    operations
        .disable_user("alice", LastAdministrator::Stays)
        .await
        .unwrap();
    let disabled = last().await["changed"]["disabled_at"].clone();
    assert_eq!(disabled, json!({ "old": null, "new": NOW }));
    operations.enable_user("alice").await.unwrap();
    let enabled = last().await["changed"]["disabled_at"].clone();
    assert_eq!(enabled, json!({ "old": NOW, "new": null }));
    let (key, new) = (key(), "another password");
    operations.set_password(&key, "alice", new).await.unwrap();
    assert_eq!(json!(last().await), json!({ "new_password": true }));
    operations
        .delete_user("alice", LastAdministrator::Stays)
        .await
        .unwrap();
    assert_eq!(last().await["old"]["email"], json!(alice.email));

    let one: Mapping = serde_json::from_value(json!({ "value": "x" })).unwrap();
    let two: Mapping = serde_json::from_value(json!({ "value": "y" })).unwrap();
    operations.set_custom_claim("k", &one, None).await.unwrap();
    assert_eq!(json!(last().await), json!({ "old": null, "new": one }));
    operations.set_custom_claim("k", &two, None).await.unwrap();
    assert_eq!(json!(last().await), json!({ "old": one, "new": two }));
    operations.remove_custom_claim("k", None).await.unwrap();
    assert_eq!(json!(last().await), json!({ "old": two }));

    let registration = json!({ "client_id": "app", "redirect_uris": ["https://a.example/cb"] });
    let registration = Registration::parse(&registration).unwrap();
    let secrets = secrets();
    let registered = operations.register_client(&secrets, registration);
    registered.await.unwrap();
    let id = ClientId::new("app");
    let rotated = operations.rotate_client_secret(&secrets, &id, None);
    rotated.await.unwrap();
    assert_eq!(json!(last().await), json!({ "new_secret": true }));
    operations
        .delete_client(&ClientId::new("app"))
        .await
        .unwrap();
    let old = last().await["old"].clone();
    assert_eq!(old["redirect_uris"], json!(["https://a.example/cb"]));
    assert!(!old.to_string().contains("secret\":"), "{old}");

    let es256 = SigningAlgorithm::Es256;
    operations.ensure_key(&master(), es256).await.unwrap();
    let made = json!({ "new": { "algorithm": "ES256", "activates_at": NOW } });
    assert_eq!(json!(last().await), made);
}
