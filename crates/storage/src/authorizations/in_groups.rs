//! Codes that are issued and exchanged and refresh tokens that are rotated, of several callers in one statement of
//! PostgreSQL.
//!
//! Each has its own condition and hears of its own outcome. A row that somebody else holds is left out: a group holds
//! rows, and if it waited for others too, it and a session that ends could wait for one another. Whoever was left out,
//! or whose condition does not hold, asks alone ([`super::issue`], [`super::exchange`], [`super::exchange_in_session`],
//! [`super::rotate`]), and hears there which it is.

use std::{collections::HashMap, sync::Arc};

use diesel::{
    PgConnection, QueryResult,
    prelude::*,
    sql_types::{BigInt, Text},
};
use latchkey_protocol::{Digest, Timestamp, authorization::RefreshFamily, bounds, kind};

use super::{Entries, Row, issue::AMPLE};
use crate::{
    columns::{Grouped, columns},
    group::{Effect, Placed, Question},
    questions::rows,
    statement::Bind,
};

/// A code to be issued, for which no interaction was kept.
pub struct Issued {
    pub row: Arc<Row>,
    pub rests_on_consent: bool,
}

macro_rules! issue {
    ($($columns:tt)*) => {
        concat!(
            "WITH asked AS MATERIALIZED (SELECT * FROM unnest(",
            "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS asked (",
            $($columns)*,
            ", before, unused, used, on_consent)), held AS MATERIALIZED (SELECT asked.id FROM asked \
             JOIN sessions ON sessions.id = asked.session_id JOIN users ON users.id = asked.user_id \
             JOIN clients ON clients.id = asked.client_id FOR KEY SHARE OF sessions, users, clients SKIP LOCKED), \
             allowed AS MATERIALIZED (SELECT asked.id FROM asked JOIN consents ON consents.user_id = asked.user_id \
             AND consents.client_id = asked.client_id WHERE asked.on_consent = 1 FOR KEY SHARE OF consents SKIP LOCKED) \
             INSERT INTO authorizations (",
            $($columns)*,
            ") SELECT ",
            $($columns)*,
            " FROM asked WHERE id IN (SELECT id FROM held) \
             AND (asked.on_consent = 0 OR id IN (SELECT id FROM allowed)) AND (SELECT count(*) FILTER (WHERE a.exchanged_at IS NULL) \
             + asked.before < asked.unused AND count(*) FILTER (WHERE a.exchanged_at IS NOT NULL) <= asked.used \
             FROM authorizations AS a WHERE a.session_id = asked.session_id AND a.client_id = asked.client_id) \
             RETURNING id"
        )
    };
}
const ISSUE: &str = issue!(super::issue::columns!());

impl Question for Issued {
    type Answer = ();
    const EFFECT: Effect = Effect::ConditionalWrite;

    /// Where there is ample room. Its session, user and client, and the consent that it rests on, are locked against their
    /// end; what is locked already has not ended, but may.
    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<()>>> {
        let mut of_session = HashMap::new();
        let asked: Vec<_> = questions
            .iter()
            .map(
                |Issued {
                     row,
                     rests_on_consent,
                 }| {
                    let others = of_session
                        .entry((&row.session_id, &row.client_id))
                        .or_insert(0);
                    let before = *others;
                    *others += 1;
                    with_conditions(row.binds(), before, *rests_on_consent)
                },
            )
            .collect();
        let issued = Grouped::<Self, Text>::new(ISSUE, &columns(&asked)).load::<String>(c)?;
        let places: HashMap<_, _> = questions
            .iter()
            .zip(1..)
            .map(|(issued, place)| (issued.row.id.as_str(), place))
            .collect();
        let place = |id: &String| places.get(id.as_str()).copied();
        Ok(issued.iter().filter_map(place).map(done).collect())
    }
}

/// With how many codes come before it in its group, how many unused and used ones there may be, and whether it takes a
/// consent.
fn with_conditions(row: [Bind<'_>; 26], before: i64, rests_on_consent: bool) -> [Bind<'_>; 30] {
    let on_consent = i64::from(rests_on_consent);
    let conditions = [before, AMPLE, bounds::AUTHORIZATIONS, on_consent].map(Bind::from);
    std::array::from_fn(|n| if n < 26 { row[n] } else { conditions[n - 26] })
}

fn done(place: i64) -> Placed<()> {
    (place, Ok(()))
}

/// Which of the rows `ids` were free and met their conditions, and now have what is in `set`.
fn set_free<Q: 'static, const N: usize>(
    c: &mut PgConnection,
    text: &'static str,
    ids: &[[Bind<'_>; 1]],
    set: &[[Bind<'_>; N]],
) -> QueryResult<Vec<Placed<()>>> {
    let mut values = columns(ids);
    values.extend(columns(set));
    let places = Grouped::<Q, BigInt>::new(text, &values).load(c)?;
    Ok(places.into_iter().map(done).collect())
}

/// A code to be exchanged, as of [`super::exchange`].
pub struct Exchanged {
    pub id: String,
    pub now: Timestamp,
    pub refresh: Option<RefreshFamily>,
    pub expires_at: Timestamp,
    pub entries: Entries,
}

macro_rules! exchange_free {
    () => {
        "UPDATE authorizations SET exchanged_at = asked.now, expires_at = asked.expires_at, refresh_current = asked.current, \
         refresh_issued_at = asked.issued_at, refresh_idle_expires_at = asked.idle_expires_at, refresh_kid = asked.kid, \
         refresh_expires_at = asked.refresh_expires_at, token_entries = asked.entries, token_entries_until = asked.entries_until \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WITH ORDINALITY \
         AS asked (id, now, expires_at, current, issued_at, idle_expires_at, kid, refresh_expires_at, entries, entries_until, \
         read_until, place) \
         WHERE authorizations.id = asked.id AND asked.id IN (SELECT id FROM free) \
         AND exchanged_at IS NULL AND revoked_at IS NULL AND token_entries_until IS NOT DISTINCT FROM asked.read_until"
    };
}
const EXCHANGE: &str = concat!(
    "WITH free AS MATERIALIZED (SELECT id FROM authorizations WHERE id = ANY (?) \
     AND exchanged_at IS NULL AND revoked_at IS NULL FOR NO KEY UPDATE SKIP LOCKED) ",
    exchange_free!(),
    " RETURNING asked.place"
);

impl Exchanged {
    /// In the order of [`exchange_free`].
    fn binds(&self) -> [Bind<'_>; 11] {
        let family = self.refresh.as_ref();
        let [entries, entries_until] = self.entries.set();
        [
            Bind::from(&self.id),
            Bind::from(self.now),
            Bind::from(self.expires_at),
            Bind::from(family.map(|f| &f.current)),
            Bind::from(family.map(|f| f.issued_at)),
            Bind::from(family.map(|f| f.idle_expires_at)),
            Bind::from(family.map(|f| f.kid.as_str())),
            Bind::from(family.map(|f| f.expires_at)),
            entries,
            entries_until,
            self.entries.read(),
        ]
    }
}

impl Question for Exchanged {
    type Answer = ();
    const EFFECT: Effect = Effect::ConditionalWrite;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<()>>> {
        let ids = rows(questions, |q| [Bind::from(&q.id)]);
        let set = rows(questions, |q| q.binds());
        set_free::<Self, _>(c, EXCHANGE, &ids, &set)
    }
}

/// A code to be exchanged, as of [`super::exchange_in_session`].
pub struct ExchangedInSession(pub Exchanged);

/// A session that is ending, or was ended, leaves its codes out. Several groups note clients in one order, so that none of
/// them waits for one that waits for it; who has a row to note waits for nothing else.
const EXCHANGE_IN_SESSION: &str = concat!(
    "WITH free AS MATERIALIZED (SELECT a.id FROM authorizations AS a JOIN sessions AS s ON s.id = a.session_id \
     WHERE a.id = ANY (?) AND a.exchanged_at IS NULL AND a.revoked_at IS NULL \
     FOR NO KEY UPDATE OF a SKIP LOCKED FOR KEY SHARE OF s SKIP LOCKED), done AS (",
    exchange_free!(),
    " RETURNING asked.place, asked.now, session_id, client_id, user_id), noted AS (\
     INSERT INTO session_clients (session_id, client_id, user_id, since) SELECT session_id, client_id, user_id, now FROM done \
     ORDER BY session_id, client_id ON CONFLICT (session_id, client_id) DO NOTHING) SELECT place FROM done"
);

impl Question for ExchangedInSession {
    type Answer = ();
    const EFFECT: Effect = Effect::ConditionalWrite;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<()>>> {
        let ids = rows(questions, |q| [Bind::from(&q.0.id)]);
        let set = rows(questions, |q| q.0.binds());
        set_free::<Self, _>(c, EXCHANGE_IN_SESSION, &ids, &set)
    }
}

/// A refresh token to be replaced, as of [`super::rotate`].
pub struct Rotated {
    pub id: String,
    pub expected: Digest<kind::RefreshToken>,
    pub next: RefreshFamily,
    pub entries: Entries,
}

const ROTATE: &str = "WITH free AS MATERIALIZED (SELECT id FROM authorizations WHERE id = ANY (?) \
    AND revoked_at IS NULL FOR NO KEY UPDATE SKIP LOCKED) \
    UPDATE authorizations SET refresh_current = asked.current, refresh_issued_at = asked.issued_at, \
    refresh_idle_expires_at = asked.idle_expires_at, refresh_kid = asked.kid, refresh_parent = asked.parent, \
    token_entries = asked.entries, token_entries_until = asked.entries_until \
    FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WITH ORDINALITY \
    AS asked (id, expected, current, issued_at, idle_expires_at, kid, parent, entries, entries_until, read_until, place) \
    WHERE authorizations.id = asked.id AND asked.id IN (SELECT id FROM free) \
    AND refresh_current = asked.expected AND revoked_at IS NULL \
    AND token_entries_until IS NOT DISTINCT FROM asked.read_until RETURNING asked.place";

impl Question for Rotated {
    type Answer = ();
    const EFFECT: Effect = Effect::ConditionalWrite;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<()>>> {
        let ids = rows(questions, |q| [Bind::from(&q.id)]);
        let set = rows(questions, |q| {
            let [entries, entries_until] = q.entries.set();
            [
                Bind::from(&q.id),
                Bind::from(&q.expected),
                Bind::from(&q.next.current),
                Bind::from(q.next.issued_at),
                Bind::from(q.next.idle_expires_at),
                Bind::from(&q.next.kid),
                Bind::from(q.next.parent.as_ref()),
                entries,
                entries_until,
                q.entries.read(),
            ]
        });
        set_free::<Self, _>(c, ROTATE, &ids, &set)
    }
}

#[cfg(test)]
mod tests;
