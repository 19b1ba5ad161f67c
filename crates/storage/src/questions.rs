//! What is asked of PostgreSQL in groups: the look-ups of each request, and the revocation of access tokens.

use std::{marker::PhantomData, sync::Arc};

use diesel::{
    PgConnection, QueryResult,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Binary, Text, Untyped},
};
use latchkey_protocol::{
    StoreError,
    authorization::{Context, Support},
    session::Session,
    user::User,
};

use crate::{
    authorizations::{self, ContextRow, SupportRow},
    group::{Group, Placed, Question},
    postgres::Link,
    sessions,
    users::Row as UserRow,
};

/// All kinds of questions.
pub struct Groups {
    pub support: Group<SupportOf>,
    pub by_id: Group<AuthorizationOf>,
    pub by_code: Group<CodeOf>,
    pub session: Group<SessionOf>,
    pub revoke: Group<Revoked>,
}

impl Groups {
    /// How many there are, each with a connection of its own.
    pub const KINDS: usize = 5;

    /// # Errors
    /// [`StoreError::Unavailable`] when there can be no thread.
    pub fn start(link: &Arc<Link>) -> Result<Self, StoreError> {
        Ok(Self {
            support: Group::start(link)?,
            by_id: Group::start(link)?,
            by_code: Group::start(link)?,
            session: Group::start(link)?,
            revoke: Group::start(link)?,
        })
    }
}

/// One column of the questions, with a value of each.
enum Values<'a> {
    Texts(Vec<&'a str>),
    Bytes(Vec<&'a [u8]>),
    Numbers(Vec<i64>),
}

/// The questions' places and these columns, from a text that has a `?` for each array of values.
///
/// The text belongs to the kind of the question, which is how diesel finds the prepared statement.
struct Grouped<'a, Q, S> {
    columns: S,
    from: &'static str,
    values: &'a [Values<'a>],
    kind: PhantomData<Q>,
}

impl<'a, Q, S> Grouped<'a, Q, S> {
    fn new(columns: S, from: &'static str, values: &'a [Values<'a>]) -> Self {
        let kind = PhantomData;
        Self {
            columns,
            from,
            values,
            kind,
        }
    }
}

impl<Q: 'static, S> QueryId for Grouped<'_, Q, S> {
    type QueryId = Q;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Q, S> RunQueryDsl<PgConnection> for Grouped<'_, Q, S> {}

impl<Q, S: Expression> Query for Grouped<'_, Q, S> {
    type SqlType = (BigInt, S::SqlType);
}

impl<Q, S: QueryFragment<Pg>> QueryFragment<Pg> for Grouped<'_, Q, S> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.push_sql("SELECT asked.place, ");
        self.columns.walk_ast(pass.reborrow())?;
        with_values(self.from, self.values, &mut pass)
    }
}

fn with_values<'b>(
    text: &'static str,
    values: &'b [Values<'_>],
    pass: &mut AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    let mut parts = text.split('?');
    pass.push_sql(parts.next().unwrap_or_default());
    for (part, values) in parts.zip(values) {
        match values {
            Values::Texts(texts) => pass.push_bind_param::<Array<Text>, _>(texts)?,
            Values::Bytes(bytes) => pass.push_bind_param::<Array<Binary>, _>(bytes)?,
            Values::Numbers(numbers) => pass.push_bind_param::<Array<BigInt>, _>(numbers)?,
        }
        pass.push_sql(part);
    }
    Ok(())
}

fn read<R, T>(
    rows: Vec<(i64, R)>,
    into: impl Fn(R) -> Result<T, crate::error::RowError>,
) -> Vec<Placed<T>> {
    rows.into_iter()
        .map(|(place, row)| (place, into(row)))
        .collect()
}

/// What supports an access token: the authorization's id and the token's.
pub struct SupportOf {
    pub id: String,
    pub jti: String,
}

impl Question for SupportOf {
    type Answer = Support;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<Support>>> {
        let values = [
            Values::Texts(questions.iter().map(|q| q.id.as_str()).collect()),
            Values::Texts(questions.iter().map(|q| q.jti.as_str()).collect()),
        ];
        let from = " FROM unnest(?, ?) WITH ORDINALITY AS asked (id, jti, place) \
            JOIN authorizations ON authorizations.id = asked.id \
            JOIN users ON users.id = authorizations.user_id \
            LEFT JOIN sessions ON sessions.id = authorizations.session_id \
            WHERE NOT EXISTS (SELECT 1 FROM revoked_access_tokens WHERE revoked_access_tokens.jti = asked.jti)";
        let grouped = Grouped::<Self, _>::new(authorizations::support_columns!(), from, &values);
        let rows = grouped.load::<(i64, SupportRow)>(c)?.into_iter();
        let id = |place: i64| {
            usize::try_from(place - 1)
                .ok()
                .and_then(|at| questions.get(at))
        };
        let read = |(place, row)| {
            let id = id(place).map_or("", |q| q.id.as_str());
            (place, authorizations::into_support(id, row))
        };
        Ok(rows.map(read).collect())
    }
}

const CONTEXT: &str = " FROM unnest(?) WITH ORDINALITY AS asked (id, place) \
    JOIN authorizations ON authorizations.id = asked.id \
    LEFT JOIN users ON users.id = authorizations.user_id \
    LEFT JOIN sessions ON sessions.id = authorizations.session_id";
const CONTEXT_BY_CODE: &str = " FROM unnest(?) WITH ORDINALITY AS asked (code, place) \
    JOIN authorizations ON authorizations.code = asked.code \
    LEFT JOIN users ON users.id = authorizations.user_id \
    LEFT JOIN sessions ON sessions.id = authorizations.session_id";

/// The id of an authorization.
pub struct AuthorizationOf(pub String);

impl Question for AuthorizationOf {
    type Answer = Context;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<Context>>> {
        let values = [Values::Texts(
            questions.iter().map(|q| q.0.as_str()).collect(),
        )];
        let grouped = Grouped::<Self, _>::new(authorizations::context_columns!(), CONTEXT, &values);
        Ok(read(
            grouped.load::<(i64, ContextRow)>(c)?,
            authorizations::into_context,
        ))
    }
}

/// The digest of a code.
pub struct CodeOf(pub Vec<u8>);

impl Question for CodeOf {
    type Answer = Context;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<Context>>> {
        let values = [Values::Bytes(
            questions.iter().map(|q| q.0.as_slice()).collect(),
        )];
        let grouped =
            Grouped::<Self, _>::new(authorizations::context_columns!(), CONTEXT_BY_CODE, &values);
        Ok(read(
            grouped.load::<(i64, ContextRow)>(c)?,
            authorizations::into_context,
        ))
    }
}

/// The digest of a session's cookie, and when it shall be alive.
pub struct SessionOf {
    pub digest: Vec<u8>,
    pub now: i64,
}

impl Question for SessionOf {
    type Answer = (Session, User);

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<(Session, User)>>> {
        let values = [
            Values::Bytes(questions.iter().map(|q| q.digest.as_slice()).collect()),
            Values::Numbers(questions.iter().map(|q| q.now).collect()),
        ];
        let from = " FROM unnest(?, ?) WITH ORDINALITY AS asked (digest, now, place) \
            JOIN sessions ON sessions.digest = asked.digest AND sessions.expires_at > asked.now \
            JOIN users ON users.id = sessions.user_id AND users.disabled_at IS NULL";
        let columns = (sessions::Row::as_select(), UserRow::as_select());
        let grouped = Grouped::<Self, _>::new(columns, from, &values);
        let rows = grouped.load::<(i64, (sessions::Row, UserRow))>(c)?;
        Ok(read(rows, sessions::into_found))
    }
}

/// An access token to be revoked, and when it expires.
pub struct Revoked {
    pub jti: String,
    pub expires_at: i64,
}

/// Each token once, and in one order everywhere, so that nodes that revoke the same ones do not lock each other out.
const REVOKE: &str = "INSERT INTO revoked_access_tokens (jti, expires_at) \
    SELECT asked.jti, max(asked.expires_at) FROM unnest(?, ?) AS asked (jti, expires_at) \
    GROUP BY asked.jti ORDER BY asked.jti \
    ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at";

struct Revocation<'a>(&'a [Values<'a>]);

impl QueryId for Revocation<'_> {
    type QueryId = Revoked;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<PgConnection> for Revocation<'_> {}

impl Query for Revocation<'_> {
    type SqlType = Untyped;
}

impl QueryFragment<Pg> for Revocation<'_> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        with_values(REVOKE, self.0, &mut pass)
    }
}

impl Question for Revoked {
    type Answer = ();
    const IS_WRITE: bool = true;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<()>>> {
        let values = [
            Values::Texts(questions.iter().map(|q| q.jti.as_str()).collect()),
            Values::Numbers(questions.iter().map(|q| q.expires_at).collect()),
        ];
        Revocation(&values).execute(c)?;
        Ok((1..)
            .zip(questions)
            .map(|(place, _)| (place, Ok(())))
            .collect())
    }
}
