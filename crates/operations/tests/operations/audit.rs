//! The lines of the target `audit`, byte for byte: others read them by machine.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use latchkey_operations::{Actor, AuditEvent, AuditLog, Journal, Operation, audit};
use latchkey_protocol::{Reason, Timestamp, session::Cause};
use tracing_subscriber::fmt::MakeWriter;

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
    let (user, session, client) = ("u", "s", "app");
    let address = "192.0.2.1".parse().unwrap();
    for event in [
        AuditEvent::SignedIn {
            user,
            session,
            client,
            address,
        },
        AuditEvent::SignInFailed {
            user,
            client,
            address,
        },
        AuditEvent::SignInUnknown {
            typed: "0123456789",
            client,
            address,
        },
        AuditEvent::SessionEnded {
            user,
            session,
            by: "t",
            cause: Cause::AnotherUser,
            client,
            address,
        },
        AuditEvent::SignedOut {
            user,
            session,
            client: Some(client),
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
    let operation = Operation::KeyRotateNow;
    AuditLog
        .record(operation, "k", &Actor::Server, Timestamp::from_seconds(5))
        .await;
    let line = r#"INFO audit: command at=5 operation="key rotate --now" on="k" caller="server""#;
    assert_eq!(lines.audit(), [line]);
}
