use diesel::prelude::*;

use crate::{
    connection::AnyConnection,
    error::RowError,
    keys,
    schema::{authorizations, interactions, refusals, revoked_access_tokens, sessions},
};

/// How long refusals can be explained, in seconds.
const EXPLAINED: i64 = 7 * 86_400;

macro_rules! sweep {
    ($c:expr, $table:ident, $key:ident, $time:ident, $before:expr, $most:expr) => {{
        let keys = $table::table.filter($table::$time.le($before)).select($table::$key).limit($most).load::<_>($c)?;
        let mut gone = 0;
        for key in keys as Vec<sweep!(@type $key)> {
            gone += diesel::delete($table::table.filter($table::$key.eq(key))).execute($c)?;
        }
        gone
    }};
    (@type digest) => { Vec<u8> };
    (@type $other:ident) => { String };
}

pub fn sweep(c: &mut AnyConnection, now: i64, most: i64) -> Result<usize, RowError> {
    keys::forget_retired(c, now)?;
    Ok(sweep!(c, interactions, digest, expires_at, now, most)
        + sweep!(c, sessions, id, expires_at, now, most)
        + sweep!(c, authorizations, id, expires_at, now, most)
        + sweep!(c, revoked_access_tokens, jti, expires_at, now, most)
        + sweep!(c, refusals, reference, at, now - EXPLAINED, most))
}
