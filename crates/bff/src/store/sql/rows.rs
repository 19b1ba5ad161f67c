//! The statements. Each write carries its condition; where a verb has several, they are in one transaction that writes first.

use diesel::{
    dsl::sql,
    prelude::*,
    result::Error,
    sql_types::{BigInt, Binary},
};
use latchkey_protocol::Timestamp;

use super::connections::AnyConnection;
use crate::store::{
    Begun, ENDS_REMEMBERED, Key, Name, NamedEnd, NamedEnded, NewRow, Row,
    schema::{bff_ended, bff_logout_tokens, bff_sessions, bff_sign_ins},
};

pub fn begin(
    c: &mut AnyConnection,
    key: &Key,
    row: &NewRow,
    most: usize,
    now: Timestamp,
) -> Result<Begun, Error> {
    diesel::insert_into(bff_sessions::table)
        .values((
            bff_sessions::key.eq(&key.as_bytes()[..]),
            bff_sessions::sealed.eq(&row.sealed),
            bff_sessions::version.eq(1),
            bff_sessions::subject.eq(&row.subject.as_bytes()[..]),
            bff_sessions::sid.eq(row.sid.as_ref().map(|sid| &sid.as_bytes()[..])),
            bff_sessions::expires_at.eq(row.expires_at.as_seconds()),
            bff_sessions::used_at.eq(now.as_seconds()),
        ))
        .execute(c)?;
    // Read after the row is there for all to see: an end that did not meet the row has left its mark before.
    let by_session = match &row.sid {
        Some(sid) => ended_at(c, sid)?.is_some(),
        None => false,
    };
    let issued_at = row.issued_at.as_seconds();
    let by_subject = ended_at(c, &row.subject)?.is_some_and(|at| issued_at <= at);
    if by_session || by_subject {
        end(c, key)?;
        return Ok(Begun::HasEnded);
    }
    end_unused(c, key, &row.subject, most)?;
    Ok(Begun::Done)
}

/// Ends what a user has beyond `most`. Whoever begins last sees the rows of all.
fn end_unused(
    c: &mut AnyConnection,
    begun: &Key,
    subject: &Name,
    most: usize,
) -> Result<(), Error> {
    let others = most.saturating_sub(1);
    diesel::sql_query(format!(
        "DELETE FROM bff_sessions WHERE key IN (SELECT key FROM bff_sessions WHERE subject = $1 AND key <> $2 \
         ORDER BY used_at DESC, key LIMIT 1000000 OFFSET {others})"
    ))
    .bind::<Binary, _>(&subject.as_bytes()[..])
    .bind::<Binary, _>(&begun.as_bytes()[..])
    .execute(c)?;
    Ok(())
}

fn ended_at(c: &mut AnyConnection, name: &Name) -> Result<Option<i64>, Error> {
    bff_ended::table
        .find(&name.as_bytes()[..])
        .select(bff_ended::ended_at)
        .get_result(c)
        .optional()
}

pub fn find(c: &mut AnyConnection, key: &Key, now: Timestamp) -> Result<Option<Row>, Error> {
    let row: Option<(String, i64, i64)> = bff_sessions::table
        .find(&key.as_bytes()[..])
        .filter(bff_sessions::expires_at.gt(now.as_seconds()))
        .select((
            bff_sessions::sealed,
            bff_sessions::version,
            bff_sessions::expires_at,
        ))
        .get_result(c)
        .optional()?;
    Ok(row.map(|(sealed, version, expires_at)| Row {
        sealed,
        version,
        expires_at: Timestamp::from_seconds(expires_at),
    }))
}

pub fn replace(
    c: &mut AnyConnection,
    key: &Key,
    version: i64,
    sealed: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let row = bff_sessions::table.find(&key.as_bytes()[..]);
    let written = diesel::update(row.filter(bff_sessions::version.eq(version)))
        .set((
            bff_sessions::sealed.eq(sealed),
            bff_sessions::version.eq(version + 1),
            bff_sessions::lease_owner.eq(None::<String>),
            bff_sessions::lease_until.eq(None::<i64>),
        ))
        .execute(c)?;
    if written > 0 {
        extend(c, key, expires_at, now)?;
    }
    Ok(written > 0)
}

pub fn extend(
    c: &mut AnyConnection,
    key: &Key,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    let (until, used_at) = (expires_at.as_seconds(), now.as_seconds());
    let row = bff_sessions::table.find(&key.as_bytes()[..]);
    let extended = diesel::update(row.filter(bff_sessions::expires_at.lt(until)))
        .set((
            bff_sessions::expires_at.eq(until),
            bff_sessions::used_at.eq(used_at),
        ))
        .execute(c)?;
    if extended == 0 {
        diesel::update(row.filter(bff_sessions::used_at.lt(used_at)))
            .set(bff_sessions::used_at.eq(used_at))
            .execute(c)?;
    }
    Ok(())
}

pub fn lease(
    c: &mut AnyConnection,
    key: &Key,
    version: i64,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, Error> {
    use bff_sessions::{lease_owner, lease_until};
    let row = bff_sessions::table.find(&key.as_bytes()[..]);
    let free = lease_until.is_null().or(lease_until.le(now.as_seconds()));
    let taken = diesel::update(row.filter(bff_sessions::version.eq(version)).filter(free))
        .set((lease_owner.eq(owner), lease_until.eq(until.as_seconds())))
        .execute(c)?;
    Ok(taken > 0)
}

pub fn release(c: &mut AnyConnection, key: &Key, owner: &str) -> Result<(), Error> {
    let row = bff_sessions::table.find(&key.as_bytes()[..]);
    diesel::update(row.filter(bff_sessions::lease_owner.eq(owner)))
        .set((
            bff_sessions::lease_owner.eq(None::<String>),
            bff_sessions::lease_until.eq(None::<i64>),
        ))
        .execute(c)?;
    Ok(())
}

pub fn end(c: &mut AnyConnection, key: &Key) -> Result<Option<String>, Error> {
    let row = bff_sessions::table.find(&key.as_bytes()[..]);
    loop {
        let sealed = row.select(bff_sessions::sealed).get_result(c).optional()?;
        let Some(sealed): Option<String> = sealed else {
            return Ok(None);
        };
        // Of two who have read it one deletes it; what was renewed meanwhile is read again.
        let as_read = row.filter(bff_sessions::sealed.eq(&sealed));
        if diesel::delete(as_read).execute(c)? > 0 {
            return Ok(Some(sealed));
        }
    }
}

pub fn end_version(c: &mut AnyConnection, key: &Key, version: i64) -> Result<bool, Error> {
    let row = bff_sessions::table.find(&key.as_bytes()[..]);
    let as_read = row.filter(bff_sessions::version.eq(version));
    Ok(diesel::delete(as_read).execute(c)? > 0)
}

/// The mark of the end is committed before the sessions are looked for, so that a beginning one is met by one of the two;
/// the logout token is noted after them, so that one whose effect was lost acts again.
pub fn end_named(c: &mut AnyConnection, end: &NamedEnd) -> Result<NamedEnded, Error> {
    if was_told(c, &end.jti)? {
        return Ok(NamedEnded::Again);
    }
    mark(c, end)?;
    let name = &end.name.as_bytes()[..];
    let ended = c.transaction(|c| {
        let ended = diesel::delete(bff_sessions::table)
            .filter(
                bff_sessions::sid
                    .eq(name)
                    .or(bff_sessions::subject.eq(name)),
            )
            .execute(c)?;
        diesel::insert_into(bff_logout_tokens::table)
            .values((
                bff_logout_tokens::jti.eq(&end.jti.as_bytes()[..]),
                bff_logout_tokens::until_at.eq(end.jti_until.as_seconds()),
            ))
            .execute(c)?;
        Ok(ended)
    });
    match ended {
        Ok(ended) => Ok(NamedEnded::Sessions(ended)),
        Err(error) if is_duplicate(&error) => Ok(NamedEnded::Again),
        Err(error) => Err(error),
    }
}

fn was_told(c: &mut AnyConnection, jti: &Name) -> Result<bool, Error> {
    let found: Option<i64> = bff_logout_tokens::table
        .find(&jti.as_bytes()[..])
        .select(bff_logout_tokens::until_at)
        .get_result(c)
        .optional()?;
    Ok(found.is_some())
}

fn mark(c: &mut AnyConnection, end: &NamedEnd) -> Result<(), Error> {
    let name = &end.name.as_bytes()[..];
    let (at, until) = (end.at.as_seconds(), (end.at + ENDS_REMEMBERED).as_seconds());
    let values = (bff_ended::ended_at.eq(at), bff_ended::until_at.eq(until));
    // An older token that comes late sets nothing back.
    let known = bff_ended::table
        .find(name)
        .filter(bff_ended::ended_at.lt(at));
    let marked = diesel::update(known).set(values).execute(c)?;
    if marked > 0 {
        return Ok(());
    }
    let inserted = diesel::insert_into(bff_ended::table)
        .values((bff_ended::name.eq(name), values.0, values.1))
        .execute(c);
    match inserted {
        // Somebody else has marked it, now or later than this.
        Err(error) if is_duplicate(&error) => Ok(()),
        other => other.map(drop),
    }
}

fn is_duplicate(error: &Error) -> bool {
    use diesel::result::DatabaseErrorKind::UniqueViolation;
    matches!(error, Error::DatabaseError(UniqueViolation, _))
}

pub fn spend(c: &mut AnyConnection, sign_in: &Name, until: Timestamp) -> Result<bool, Error> {
    let inserted = diesel::insert_into(bff_sign_ins::table)
        .values((
            bff_sign_ins::state.eq(&sign_in.as_bytes()[..]),
            bff_sign_ins::until_at.eq(until.as_seconds()),
        ))
        .execute(c);
    match inserted {
        Err(error) if is_duplicate(&error) => Ok(false),
        other => other.map(|_| true),
    }
}

pub fn unspend(c: &mut AnyConnection, sign_in: &Name) -> Result<(), Error> {
    let row = bff_sign_ins::table.find(&sign_in.as_bytes()[..]);
    diesel::delete(row).execute(c).map(drop)
}

pub fn is_spent(c: &mut AnyConnection, sign_in: &Name) -> Result<bool, Error> {
    let found: Option<i64> = bff_sign_ins::table
        .find(&sign_in.as_bytes()[..])
        .select(bff_sign_ins::until_at)
        .get_result(c)
        .optional()?;
    Ok(found.is_some())
}

/// The time of the database where that is earlier: of several hosts one may have a clock that is ahead, and what it deletes
/// is gone for all. With SQLite there is one host.
fn earlier(c: &mut AnyConnection, now: Timestamp) -> Result<i64, Error> {
    let now = now.as_seconds();
    let AnyConnection::Postgres(c) = c else {
        return Ok(now);
    };
    let of_store = diesel::select(sql::<BigInt>(
        "CAST(floor(extract(epoch FROM now())) AS BIGINT)",
    ));
    Ok(of_store.get_result::<i64>(c)?.min(now))
}

/// One statement for each table: whoever renews a session waits for it.
pub fn sweep(c: &mut AnyConnection, now: Timestamp, most: i64) -> Result<usize, Error> {
    let now = earlier(c, now)?;
    let mut gone = 0;
    for (table, key, until) in [
        ("bff_sessions", "key", "expires_at"),
        ("bff_ended", "name", "until_at"),
        ("bff_logout_tokens", "jti", "until_at"),
        ("bff_sign_ins", "state", "until_at"),
    ] {
        // A session may have been extended meanwhile.
        let over = format!("{until} <= {now}");
        let some = format!("SELECT {key} FROM {table} WHERE {over} LIMIT {most}");
        let delete = format!("DELETE FROM {table} WHERE {key} IN ({some}) AND {over}");
        gone += diesel::sql_query(delete).execute(c)?;
    }
    Ok(gone)
}

/// The row that is written to see whether one can be: no digest is this short.
const PROBE: &[u8] = &[0];

pub fn ready(c: &mut AnyConnection) -> Result<(), Error> {
    let row = bff_ended::table.find(PROBE);
    let written = diesel::update(row)
        .set(bff_ended::ended_at.eq(bff_ended::ended_at + 1))
        .execute(c)?;
    if written > 0 {
        return Ok(());
    }
    let inserted = diesel::insert_into(bff_ended::table)
        .values((
            bff_ended::name.eq(PROBE),
            bff_ended::ended_at.eq(0),
            bff_ended::until_at.eq(i64::MAX),
        ))
        .execute(c);
    match inserted {
        Err(error) if is_duplicate(&error) => Ok(()),
        other => other.map(drop),
    }
}
