//! What every store promises, on both databases; and what is promised of databases alone: upgrades, repairs, room.
#![allow(clippy::unwrap_used)]

#[path = "conformance/addresses.rs"]
mod addresses;
#[path = "conformance/audit.rs"]
mod audit;
#[path = "conformance/audit_bounds.rs"]
mod audit_bounds;
#[path = "conformance/custom_claims.rs"]
mod custom_claims;
#[path = "conformance/groups.rs"]
mod groups;
#[path = "conformance/idempotency.rs"]
mod idempotency;
#[path = "conformance/jobs.rs"]
mod jobs;
#[path = "conformance/keys.rs"]
mod keys;
#[path = "conformance/limits.rs"]
mod limits;
#[path = "conformance/lists.rs"]
mod lists;
#[path = "conformance/races.rs"]
mod races;
#[path = "conformance/secret_since.rs"]
mod secret_since;
#[path = "conformance/sessions.rs"]
mod sessions;
#[path = "conformance/space.rs"]
mod space;
#[path = "conformance/status_lists.rs"]
mod status_lists;

use std::{io::Write as _, sync::Arc};

use latchkey_conformance::{Stores, samples::*};
use latchkey_protocol::{
    Digest,
    device::Device,
    session::Use,
    store::{LastAdministrator, UserEnd, WriteOutcome},
    user::User,
};
use latchkey_storage::{Database, Options};

struct Databases;

impl Stores for Databases {
    fn each(&self, promise: impl AsyncFn(Shared)) {
        on_both(promise);
    }
}

macro_rules! on_databases {
    ($($subject:ident { $($promise:ident)+ })+) => {
        mod promises {
            $(
                mod $subject {
                    $(
                        #[test]
                        fn $promise() {
                            latchkey_conformance::promises::$subject::$promise(&super::super::Databases);
                        }
                    )+
                }
            )+
        }
    };
}
latchkey_conformance::each_promise!(on_databases);

fn on_both(test: impl AsyncFn(Shared)) {
    on_both_at(async |options| test(open(&options)).await);
}

fn open(options: &Options) -> Shared {
    Arc::new(Database::open(options).unwrap())
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

/// Of them it is not known where they were begun.
#[test]
fn sessions_without_a_device_survive_the_upgrade() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        drop(store);
        undo(&options, "00000000000029_session_devices");
        let store = open(&options);
        let (kept, _) = store
            .session(&Digest::of("s"), moment(999))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((kept.device, kept.address), (Device::default(), None));
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
