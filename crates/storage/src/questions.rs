//! What is asked of PostgreSQL in groups: the look-ups of each request, and the revocation of access tokens.

use std::marker::PhantomData;

use diesel::{
    PgConnection, QueryResult,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::BigInt,
};
use latchkey_protocol::{
    AuthorizationId, ClientId, Digest, StoreError, Timestamp, UserId,
    authorization::{Context, Support},
    consent::Consent,
    entry_change::EntryChange,
    kind,
    session::Session,
    user::User,
};

use crate::{
    access_tokens::EndedEntry,
    authorizations::{
        self, ContextRow, Entries, Exchanged, ExchangedInSession, Issued, Rotated, SupportRow,
    },
    bulk_ends::{authorization_stands, session_stands},
    columns::{Grouped, Values, columns, with_values},
    consents,
    group::{Effect, Group, Placed, Question},
    lanes::Lanes,
    sessions,
    statement::Bind,
    users::Row as UserRow,
};

/// All kinds of questions.
pub struct Groups {
    pub support: Group<SupportOf>,
    pub by_id: Group<AuthorizationOf>,
    pub by_code: Group<CodeOf>,
    pub session: Group<SessionOf>,
    pub consent: Group<ConsentOf>,
    pub revoke: Group<Revoked>,
    pub issue: Group<Issued>,
    pub exchange: Group<Exchanged>,
    pub exchange_in_session: Group<ExchangedInSession>,
    pub rotate: Group<Rotated>,
}

impl Groups {
    pub fn on(lanes: &Lanes) -> Self {
        Self {
            support: Group::on(&lanes.support),
            by_id: Group::on(&lanes.reads),
            by_code: Group::on(&lanes.reads),
            session: Group::on(&lanes.reads),
            consent: Group::on(&lanes.reads),
            revoke: Group::on(&lanes.writes),
            issue: Group::on(&lanes.writes),
            exchange: Group::on(&lanes.writes),
            exchange_in_session: Group::on(&lanes.writes),
            rotate: Group::on(&lanes.writes),
        }
    }

    /// Asks each lane for what there is not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ready(&self) -> Result<(), StoreError> {
        let (digest, now) = (Digest::of(""), Timestamp::EPOCH);
        self.session.ask(SessionOf { digest, now }).await?;
        let (id, jti) = (String::new(), String::new());
        self.support.ask(SupportOf { id, jti }).await?;
        let none = Exchanged {
            id: String::new(),
            now: Timestamp::from_seconds(0),
            refresh: None,
            expires_at: Timestamp::EPOCH,
            entries: Entries::of(&EntryChange::default()),
        };
        self.exchange.ask(none).await?;
        Ok(())
    }
}

/// What each question gives for the columns that it asks with.
pub fn rows<'a, Q, const N: usize>(
    questions: &[&'a Q],
    of: impl Fn(&'a Q) -> [Bind<'a>; N],
) -> Vec<[Bind<'a>; N]> {
    questions.iter().map(|question| of(question)).collect()
}

/// The questions' places and these columns, from a text that has a `?` for each array of values.
///
/// The text belongs to the kind of the question, which is how diesel finds the prepared statement.
struct LookUp<'a, Q, S> {
    columns: S,
    from: &'static str,
    values: &'a [Values<'a>],
    kind: PhantomData<Q>,
}

impl<'a, Q, S> LookUp<'a, Q, S> {
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

impl<Q: 'static, S> QueryId for LookUp<'_, Q, S> {
    type QueryId = Q;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Q, S> RunQueryDsl<PgConnection> for LookUp<'_, Q, S> {}

impl<Q, S: Expression> Query for LookUp<'_, Q, S> {
    type SqlType = (BigInt, S::SqlType);
}

impl<Q, S: QueryFragment<Pg>> QueryFragment<Pg> for LookUp<'_, Q, S> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.push_sql("SELECT asked.place, ");
        self.columns.walk_ast(pass.reborrow())?;
        with_values(self.from, self.values, &mut pass)
    }
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
        let values = columns(&rows(questions, |q| {
            [Bind::from(&q.id), Bind::from(&q.jti)]
        }));
        let from = concat!(
            " FROM unnest(?, ?) WITH ORDINALITY AS asked (id, jti, place) \
            JOIN authorizations ON authorizations.id = asked.id \
            JOIN users ON users.id = authorizations.user_id \
            LEFT JOIN sessions ON sessions.id = authorizations.session_id \
            WHERE NOT EXISTS (SELECT 1 FROM revoked_access_tokens WHERE revoked_access_tokens.jti = asked.jti) AND ",
            authorization_stands!()
        );
        let look_up = LookUp::<Self, _>::new(authorizations::support_columns!(), from, &values);
        let rows = look_up.load::<(i64, SupportRow)>(c)?.into_iter();
        let id = |place: i64| {
            usize::try_from(place - 1)
                .ok()
                .and_then(|at| questions.get(at))
        };
        let read = |(place, row)| {
            let id = id(place).map_or("", |q| q.id.as_str());
            (
                place,
                authorizations::into_support(&AuthorizationId::new(id), row),
            )
        };
        Ok(rows.map(read).collect())
    }
}

macro_rules! context {
    ($key:literal) => {
        concat!(
            " FROM unnest(?) WITH ORDINALITY AS asked (key, place) JOIN authorizations ON authorizations.",
            $key,
            " = asked.key LEFT JOIN users ON users.id = authorizations.user_id \
            LEFT JOIN sessions ON sessions.id = authorizations.session_id WHERE ",
            authorization_stands!()
        )
    };
}
const CONTEXT: &str = context!("id");
const CONTEXT_BY_CODE: &str = context!("code");

/// The id of an authorization.
pub struct AuthorizationOf(pub AuthorizationId);

impl Question for AuthorizationOf {
    type Answer = Context;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<Context>>> {
        let values = columns(&rows(questions, |q| [Bind::from(&q.0)]));
        let look_up = LookUp::<Self, _>::new(authorizations::context_columns!(), CONTEXT, &values);
        Ok(read(
            look_up.load::<(i64, ContextRow)>(c)?,
            authorizations::into_context,
        ))
    }
}

/// The digest of a code.
pub struct CodeOf(pub Digest<kind::AuthorizationCode>);

impl Question for CodeOf {
    type Answer = Context;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<Context>>> {
        let values = columns(&rows(questions, |q| [Bind::from(&q.0)]));
        let look_up =
            LookUp::<Self, _>::new(authorizations::context_columns!(), CONTEXT_BY_CODE, &values);
        Ok(read(
            look_up.load::<(i64, ContextRow)>(c)?,
            authorizations::into_context,
        ))
    }
}

/// The digest of a session's cookie, and when it shall be alive.
pub struct SessionOf {
    pub digest: Digest<kind::Session>,
    pub now: Timestamp,
}

impl Question for SessionOf {
    type Answer = (Session, User);

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<(Session, User)>>> {
        let values = columns(&rows(questions, |q| {
            [Bind::from(&q.digest), Bind::from(q.now)]
        }));
        let from = concat!(
            " FROM unnest(?, ?) WITH ORDINALITY AS asked (digest, now, place) \
            JOIN sessions ON sessions.digest = asked.digest AND sessions.expires_at > asked.now \
            JOIN users ON users.id = sessions.user_id AND users.disabled_at IS NULL WHERE ",
            session_stands!()
        );
        let columns = (sessions::Row::as_select(), UserRow::as_select());
        let look_up = LookUp::<Self, _>::new(columns, from, &values);
        let rows = look_up.load::<(i64, (sessions::Row, UserRow))>(c)?;
        Ok(read(rows, sessions::into_found))
    }
}

/// A user and a client.
pub struct ConsentOf {
    pub user: UserId,
    pub client: ClientId,
}

impl Question for ConsentOf {
    type Answer = Consent;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<Consent>>> {
        let values = columns(&rows(questions, |q| {
            [Bind::from(&q.user), Bind::from(&q.client)]
        }));
        let from = " FROM unnest(?, ?) WITH ORDINALITY AS asked (user_id, client_id, place) \
            JOIN consents ON consents.user_id = asked.user_id AND consents.client_id = asked.client_id";
        let look_up = LookUp::<Self, _>::new(consents::Row::as_select(), from, &values);
        Ok(read(
            look_up.load::<(i64, consents::Row)>(c)?,
            consents::Row::into_consent,
        ))
    }
}

/// An access token to be revoked, when it expires, and its entry in a status list.
pub struct Revoked {
    pub jti: String,
    pub expires_at: Timestamp,
    pub entry: Option<EndedEntry>,
}

/// Each token once, and in one order everywhere, so that nodes that revoke the same ones do not lock each other out. What
/// was revoked before ends nothing more, however often that is asked for.
const REVOKE: &str = "WITH asked AS MATERIALIZED (SELECT DISTINCT ON (asked.jti) asked.* \
    FROM unnest(?, ?, ?, ?) AS asked (jti, expires_at, entries, entries_until) ORDER BY asked.jti, asked.expires_at DESC), \
    ended AS (INSERT INTO ended_tokens (until_at, entries) SELECT entries_until, entries FROM asked WHERE entries IS NOT NULL \
    AND NOT EXISTS (SELECT 1 FROM revoked_access_tokens AS known WHERE known.jti = asked.jti)) \
    INSERT INTO revoked_access_tokens (jti, expires_at) SELECT jti, expires_at FROM asked ORDER BY jti \
    ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at";

impl Question for Revoked {
    type Answer = ();
    const EFFECT: Effect = Effect::Write;

    fn ask(c: &mut PgConnection, questions: &[&Self]) -> QueryResult<Vec<Placed<()>>> {
        let values = columns(&rows(questions, |q| {
            let entry = q.entry.as_ref();
            [
                Bind::from(&q.jti),
                Bind::from(q.expires_at),
                Bind::from(entry.map(|e| e.stored.as_slice())),
                Bind::from(entry.map(|e| e.until)),
            ]
        }));
        Grouped::<Self, BigInt>::new(REVOKE, &values).execute(c)?;
        Ok((1..)
            .zip(questions)
            .map(|(place, _)| (place, Ok(())))
            .collect())
    }
}
