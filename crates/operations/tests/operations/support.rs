//! An empty database, randomness, a journal that remembers, and lifetimes.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use latchkey_conformance::Flaky;
use latchkey_jose::MasterKey;
use latchkey_operations::{
    Actor, ClientChange, ClientSecrets, Journal, NewUser, Operation, Operations, PasswordKey,
};
use latchkey_protocol::{
    Entropy, Store, Timestamp, authorization::Lifetimes, registration::RegistrationRules,
    secret::Pepper, user::User,
};
use latchkey_storage::{Database, Options};
use rand::{RngCore, rngs::OsRng};

pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub const ACTOR: Actor = Actor::Command { uid: 1000 };

pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        OsRng.fill_bytes(bytes);
    }
}

/// What was recorded: what, to whom, by whom.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<(Operation, String, Actor)>>);

#[async_trait]
impl Journal for Recorder {
    async fn record(&self, operation: Operation, target: &str, actor: &Actor, _now: Timestamp) {
        let mut events = self.0.lock().unwrap();
        events.push((operation, target.to_owned(), *actor));
    }
}

pub struct World {
    pub store: Arc<dyn Store>,
    /// The same store: a test can let a verb of it fail.
    pub flaky: Arc<Flaky>,
    pub journal: Recorder,
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
            journal: Recorder::default(),
            now: NOW,
            _folder: folder,
        }
    }

    pub fn operations(&self) -> Operations<'_> {
        Operations {
            store: &*self.store,
            entropy: &OsEntropy,
            journal: &self.journal,
            actor: ACTOR,
            now: self.now,
        }
    }

    /// What was recorded since the last time.
    pub fn events(&self) -> Vec<(Operation, String)> {
        let events = std::mem::take(&mut *self.journal.0.lock().unwrap());
        let by_us = |(operation, target, actor)| {
            assert_eq!(actor, ACTOR, "{operation:?} names who did it");
            (operation, target)
        };
        events.into_iter().map(by_us).collect()
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
        self.events();
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
