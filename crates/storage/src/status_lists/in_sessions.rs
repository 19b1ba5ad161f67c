//! Access tokens end with the session that they were issued in, also where what was allowed goes on without it.

use diesel::{
    PgConnection, SqliteConnection,
    prelude::*,
    sql_types::{BigInt, Binary, Nullable},
};
use latchkey_protocol::{Timestamp, session::Cause};

use crate::{
    columns::{Grouped, columns},
    connection::AnyConnection,
    error::RowError,
    statement::{Bind, binds, statement},
};

/// What was allowed in these sessions and goes on: its tokens that were issued within them are noted as ended. And its
/// entries count as changed, so that a code or a refresh token that is judged at this moment gives no token within a session
/// that is over.
pub fn note(
    c: &mut AnyConnection,
    ended: &[String],
    cause: Cause,
    now: Timestamp,
) -> Result<(), RowError> {
    let live_alone = match cause {
        // All that was allowed is revoked or deleted in the same transaction, and is noted as that is done.
        Cause::AllForced
        | Cause::ClientForced
        | Cause::EveryoneForced
        | Cause::PasswordChanged
        | Cause::UserDisabled
        | Cause::UserDeleted => return Ok(()),
        Cause::AnotherUser
        | Cause::TooMany
        | Cause::SignedOut
        | Cause::Forced
        | Cause::IdentityUnlinked
        | Cause::EndedUpstream => 0,
        // Whoever looked has found it to have expired: only what was given before is noted.
        Cause::Expired => 1,
    };
    match c {
        AnyConnection::Postgres(c) => note_together(c, ended, live_alone, now),
        AnyConnection::Sqlite(c) => ended
            .iter()
            .try_for_each(|session| note_one(c, session, live_alone, now)),
    }
}

const MOVE: &str = "UPDATE authorizations SET token_entries_until = coalesce(token_entries_until, 0) + 1 \
    WHERE session_id = ? AND revoked_at IS NULL AND (? = 0 OR token_entries_until > ? OR code_expires_at > ?) \
    RETURNING token_entries, token_entries_until";
const NOTE: &str = "INSERT INTO ended_tokens (until_at, in_session, entries) VALUES (?, 1, ?)";

#[derive(QueryableByName)]
struct Moved {
    #[diesel(sql_type = Nullable<Binary>)]
    token_entries: Option<Vec<u8>>,
    #[diesel(sql_type = BigInt)]
    token_entries_until: i64,
}

/// One writer: nothing comes between.
fn note_one(
    c: &mut SqliteConnection,
    session: &str,
    live_alone: i64,
    now: Timestamp,
) -> Result<(), RowError> {
    let moved: Vec<Moved> = statement(MOVE, binds![session, live_alone, now, now]).load(c)?;
    for one in moved {
        let until = Timestamp::from_seconds(one.token_entries_until - 1);
        if let Some(entries) = one.token_entries.as_deref().filter(|_| until > now) {
            statement(NOTE, binds![until, Some(entries)]).execute(c)?;
        }
    }
    Ok(())
}

/// One statement, since a refresh may be committed between two.
const NOTE_TOGETHER: &str = "WITH ended AS MATERIALIZED (SELECT * FROM unnest(?, ?, ?) AS ended (session, live_alone, now)), \
    held AS MATERIALIZED (SELECT a.id, a.token_entries, a.token_entries_until, ended.now FROM ended \
    JOIN authorizations AS a ON a.session_id = ended.session WHERE a.revoked_at IS NULL \
    AND (ended.live_alone = 0 OR a.token_entries_until > ended.now OR a.code_expires_at > ended.now) \
    ORDER BY a.id FOR NO KEY UPDATE OF a), \
    noted AS (INSERT INTO ended_tokens (until_at, in_session, entries) SELECT token_entries_until, 1, token_entries FROM held \
    WHERE token_entries_until > now AND token_entries IS NOT NULL) \
    UPDATE authorizations SET token_entries_until = coalesce(held.token_entries_until, 0) + 1 FROM held \
    WHERE authorizations.id = held.id";

/// How [`NOTE_TOGETHER`] is found again.
struct Together;

fn note_together(
    c: &mut PgConnection,
    ended: &[String],
    live_alone: i64,
    now: Timestamp,
) -> Result<(), RowError> {
    let row = |one| [Bind::from(one), Bind::from(live_alone), Bind::from(now)];
    let rows: Vec<_> = ended.iter().map(row).collect();
    Grouped::<Together, BigInt>::new(NOTE_TOGETHER, &columns(&rows)).execute(c)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MOVE, NOTE_TOGETHER};
    use crate::test_database::{on_postgres, on_sqlite, plan};

    /// Without statistics too, and however much the table has.
    #[test]
    fn what_goes_on_is_found_by_its_session() {
        on_sqlite(|c| {
            let plan = plan(c, MOVE, &["'s1'", "1", "9", "9"]);
            let by_session = "INDEX authorizations_session (session_id=?)";
            assert!(plan.contains(by_session), "{plan}");
        });
        on_postgres("in_sessions", |c| {
            let few = ["ARRAY['s1', 's2']", "ARRAY[1, 1]", "ARRAY[9, 9]"];
            diesel::connection::SimpleConnection::batch_execute(c, "SET enable_seqscan = off")
                .unwrap();
            let plan = plan(c, NOTE_TOGETHER, &few);
            assert!(plan.contains("authorizations_session"), "{plan}");
        });
    }
}
