//! An empty database, randomness, what was recorded, and lifetimes.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use latchkey_conformance::Flaky;
use latchkey_jose::MasterKey;
use latchkey_operations::{
    Caller, ClientChange, ClientSecrets, NewUser, Operation, Operations, PasswordKey,
};
use latchkey_protocol::{
    Entropy, Store, Timestamp,
    audit::{ActorKind, AuditEntry},
    audit_row::AuditFilter,
    authorization::Lifetimes,
    page::Page,
    registration::RegistrationRules,
    secret::Pepper,
    user::User,
};
use latchkey_storage::{Database, Options};
use rand::{RngCore, rngs::OsRng};

pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        OsRng.fill_bytes(bytes);
    }
}

pub struct World {
    pub store: Arc<dyn Store>,
    /// The same store: a test can let a verb of it fail.
    pub flaky: Arc<Flaky>,
    /// The last entry of the audit table that was looked at.
    seen: AtomicI64,
    pub now: Timestamp,
    _folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/db", folder.path().display());
        let database = Database::open(&Options { url, pool: 2 }).unwrap();
        let flaky = Arc::new(Flaky::new(Arc::new(database)));
        Self {
            store: flaky.clone(),
            flaky,
            seen: AtomicI64::new(0),
            now: NOW,
            _folder: folder,
        }
    }

    pub fn operations(&self) -> Operations<'_> {
        Operations {
            store: &*self.store,
            entropy: &OsEntropy,
            caller: Caller::command(1000),
            now: self.now,
        }
    }

    /// The entries since the last time.
    pub async fn entries(&self) -> Vec<AuditEntry> {
        let seen = self.seen.load(Ordering::SeqCst);
        let (filter, page) = (AuditFilter::default(), Page::first(1000));
        let mut new = self.store.audit_entries(&filter, &page).await.unwrap();
        new.retain(|row| row.id > seen);
        new.sort_by_key(|row| row.id);
        if let Some(last) = new.last() {
            self.seen.store(last.id, Ordering::SeqCst);
        }
        new.into_iter().map(|row| row.read().unwrap()).collect()
    }

    /// The operations that were recorded since the last time.
    pub async fn events(&self) -> Vec<(Operation, String)> {
        let by_us = |entry: AuditEntry| {
            let operation = Operation::ALL
                .into_iter()
                .find(|o| o.name() == entry.event)?;
            let actor = (entry.actor.kind, entry.actor.id.as_deref());
            assert_eq!(
                actor,
                (ActorKind::Command, Some("uid 1000")),
                "{operation:?}"
            );
            Some((operation, entry.target.unwrap().name.unwrap()))
        };
        self.entries().await.into_iter().filter_map(by_us).collect()
    }

    /// Adds a user whose password is `"NAME password"`, and forgets the event.
    pub async fn add(&self, name: &str) -> User {
        let new = NewUser {
            username: name.into(),
            email: Some(format!("{name}@example.org")),
            password: Some(format!("{name} password")),
            ..NewUser::default()
        };
        let user = self.operations().create_user(&key(), new).await.unwrap();
        self.events().await;
        user
    }

    pub async fn stored(&self, user: &User) -> User {
        self.store.user(&user.id).await.unwrap().unwrap()
    }
}

pub fn master() -> MasterKey {
    MasterKey::from_bytes([7; 32])
}

/// What passwords are hashed with.
pub fn key() -> PasswordKey {
    PasswordKey::new(&Pepper::derive(master().bytes(), "passwords"))
}

/// What client secrets are digested under.
pub fn secrets() -> ClientSecrets {
    ClientSecrets::new(&master())
}

pub const LIFETIMES: Lifetimes = Lifetimes {
    access_token: 300,
    id_token: 300,
    authorization_code: 60,
    refresh_token: 30 * 86_400,
    refresh_idle: 14 * 86_400,
    refresh_replay_window: 30,
    session: 12 * 3600,
    session_remember: 30 * 86_400,
    session_idle: 0,
    session_remember_idle: 0,
};

/// A change of metadata alone.
pub fn change_of(metadata: &serde_json::Value) -> ClientChange<'_> {
    ClientChange {
        metadata,
        rules: RegistrationRules::default(),
        new_secret: false,
    }
}
