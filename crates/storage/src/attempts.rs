//! The SQL of rate limits: how often something was tried within a window.

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    Digest, Timestamp,
    attempts::{Allowance, WINDOW},
    kind,
    store::{self, Attempts},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::attempts,
    statement::{binds, statement},
    stored::Stored,
};

#[async_trait]
impl Attempts for Database {
    async fn reserve_attempts(
        &self,
        allowances: &[Allowance],
        now: Timestamp,
    ) -> store::Result<Option<Digest<kind::Attempts>>> {
        let mut allowed: Vec<_> = allowances.iter().map(|a| (a.key.clone(), a.most)).collect();
        allowed.sort_unstable_by_key(|(key, _)| *key.as_bytes());
        self.write(move |c| reserve(c, &allowed, now)).await
    }

    async fn give_back_attempts(
        &self,
        keys: &[Digest<kind::Attempts>],
        clear: bool,
        reserved: Timestamp,
    ) -> store::Result<()> {
        let mut keys = keys.to_vec();
        let cleared = keys.first().filter(|_| clear).cloned();
        keys.sort_unstable_by_key(|key| *key.as_bytes());
        self.write(move |c| give_back(c, &keys, cleared.as_ref(), reserved))
            .await
    }
}

/// A window ends when its time is over, or when it lies ahead because a clock was set back.
const RESERVE: &str = "INSERT INTO attempts (key, since, count) VALUES (?, ?, 1) ON CONFLICT (key) DO UPDATE SET \
    count = CASE WHEN attempts.since BETWEEN ? AND ? THEN attempts.count + 1 ELSE 1 END, \
    since = CASE WHEN attempts.since BETWEEN ? AND ? THEN attempts.since ELSE excluded.since END \
    WHERE attempts.count < ? OR attempts.since NOT BETWEEN ? AND ?";

/// One allowance: its key, and how many it allows.
pub type AllowanceRow = (Digest<kind::Attempts>, i64);

/// `allowed` is in one order everywhere, so that racing transactions wait for one another instead of locking each other
/// out.
pub fn reserve(
    c: &mut AnyConnection,
    allowed: &[AllowanceRow],
    now: Timestamp,
) -> Result<Option<Digest<kind::Attempts>>, RowError> {
    for (at, (key, most)) in allowed.iter().enumerate() {
        let (from, to) = (now - WINDOW + 1, now + WINDOW);
        let binds = binds![key, now, from, to, from, to, *most, from, to];
        let counted = on!(c => statement(RESERVE, binds).execute(c))?;
        if counted == 0 {
            for (key, _) in &allowed[..at] {
                take_back(c, key, now + WINDOW)?;
            }
            return Ok(Some(key.clone()));
        }
    }
    Ok(None)
}

/// `keys` in the same order.
pub fn give_back(
    c: &mut AnyConnection,
    keys: &[Digest<kind::Attempts>],
    cleared: Option<&Digest<kind::Attempts>>,
    reserved: Timestamp,
) -> Result<(), RowError> {
    for key in keys {
        if cleared == Some(key) {
            on!(c => diesel::delete(attempts::table.find(Stored(key.clone()))).execute(c))?;
        } else {
            take_back(c, key, reserved)?;
        }
    }
    Ok(())
}

const ONE_LESS: &str =
    "UPDATE attempts SET count = count - 1 WHERE key = ? AND since <= ? AND count > 1";
const NONE_LEFT: &str = "DELETE FROM attempts WHERE key = ? AND since <= ?";

/// One attempt less in the window that `reserved` lies in. What counts nothing takes no row.
fn take_back(
    c: &mut AnyConnection,
    key: &Digest<kind::Attempts>,
    reserved: Timestamp,
) -> Result<(), RowError> {
    let one = binds![key, reserved];
    if on!(c => statement(ONE_LESS, one).execute(c))? == 0 {
        on!(c => statement(NONE_LEFT, one).execute(c))?;
    }
    Ok(())
}
