use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary},
};
use latchkey_protocol::attempts::WINDOW;

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::attempts,
};

/// A window ends when its time is over, or when it lies ahead because a clock was set back.
const RESERVE: &str = "INSERT INTO attempts (key, since, count) VALUES ($1, $2, 1) ON CONFLICT (key) DO UPDATE SET \
    count = CASE WHEN attempts.since BETWEEN $3 AND $4 THEN attempts.count + 1 ELSE 1 END, \
    since = CASE WHEN attempts.since BETWEEN $3 AND $4 THEN attempts.since ELSE $2 END \
    WHERE attempts.count < $5 OR attempts.since NOT BETWEEN $3 AND $4";

/// One allowance: its key, and how many it allows.
pub type AllowanceRow = (Vec<u8>, i64);

/// `allowed` is in one order everywhere, so that racing transactions wait for one another instead of locking each other
/// out.
pub fn reserve(
    c: &mut AnyConnection,
    allowed: &[AllowanceRow],
    now: i64,
) -> Result<Option<Vec<u8>>, RowError> {
    for (at, (key, most)) in allowed.iter().enumerate() {
        let counted = on!(c => sql_query(RESERVE)
            .bind::<Binary, _>(key)
            .bind::<BigInt, _>(now)
            .bind::<BigInt, _>(now - WINDOW + 1)
            .bind::<BigInt, _>(now + WINDOW)
            .bind::<BigInt, _>(most)
            .execute(c))?;
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
    keys: &[Vec<u8>],
    cleared: Option<&Vec<u8>>,
    reserved: i64,
) -> Result<(), RowError> {
    for key in keys {
        if cleared == Some(key) {
            on!(c => diesel::delete(attempts::table.find(key)).execute(c))?;
        } else {
            take_back(c, key, reserved)?;
        }
    }
    Ok(())
}

/// One attempt less in the window that `reserved` lies in. What counts nothing takes no row.
fn take_back(c: &mut AnyConnection, key: &[u8], reserved: i64) -> Result<(), RowError> {
    let row = || {
        attempts::table
            .filter(attempts::key.eq(key))
            .filter(attempts::since.le(reserved))
    };
    let one_less = attempts::count.eq(attempts::count - 1);
    if on!(c => diesel::update(row().filter(attempts::count.gt(1))).set(one_less).execute(c))? == 0
    {
        on!(c => diesel::delete(row()).execute(c))?;
    }
    Ok(())
}
