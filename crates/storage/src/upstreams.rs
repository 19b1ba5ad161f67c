//! Other providers that users sign in at, and the sign-ins that were begun there.

use async_trait::async_trait;
use diesel::{pg::Pg, prelude::*, sql_types::BigInt, sqlite::Sqlite};
use latchkey_protocol::{
    Digest, Timestamp, bounds, kind,
    store::{self, UpstreamEnd, UpstreamWrite, Upstreams},
    upstream::{Upstream, UpstreamLogin, UpstreamName},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::{upstream_logins, upstreams},
    statement::{Bind, binds, statement},
    stored::Stored,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = upstreams, check_for_backend(Sqlite, Pg))]
struct Row {
    name: String,
    issuer: String,
    settings: String,
    position: i64,
    sealed_secret: Option<String>,
    disabled_at: Option<Stored<Timestamp>>,
    created_at: Stored<Timestamp>,
    updated_at: Stored<Timestamp>,
    version: i64,
}

impl Row {
    fn from_upstream(upstream: &Upstream) -> Self {
        Self {
            name: upstream.name.to_string(),
            issuer: upstream.issuer().to_owned(),
            settings: serde_json::to_string(&upstream.settings).unwrap_or_default(),
            position: upstream.settings.position,
            sealed_secret: upstream.sealed_secret.clone(),
            disabled_at: upstream.disabled_at.map(Stored),
            created_at: Stored(upstream.created_at),
            updated_at: Stored(upstream.updated_at),
            version: upstream.version,
        }
    }

    fn into_upstream(self) -> Result<Upstream, RowError> {
        let corrupt = |column| RowError::Corrupt {
            table: "upstreams",
            row: self.name.clone(),
            column,
        };
        Ok(Upstream {
            settings: serde_json::from_str(&self.settings).map_err(|_| corrupt("settings"))?,
            name: UpstreamName::parse(&self.name).map_err(|_| corrupt("name"))?,
            sealed_secret: self.sealed_secret,
            disabled_at: self.disabled_at.map(|at| at.0),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
            version: self.version,
        })
    }
}

#[derive(QueryableByName)]
#[diesel(table_name = upstream_logins, check_for_backend(Sqlite, Pg))]
struct LoginRow {
    state: Stored<Digest<kind::UpstreamState>>,
    interaction: Stored<Digest<kind::Interaction>>,
    upstream: String,
    version: i64,
    nonce: Stored<Digest<kind::UpstreamNonce>>,
    sealed: String,
    created_at: Stored<Timestamp>,
    expires_at: Stored<Timestamp>,
}

impl LoginRow {
    fn into_login(self) -> Result<UpstreamLogin, RowError> {
        let corrupt = |_| RowError::Corrupt {
            table: "upstream_logins",
            row: self.created_at.0.to_string(),
            column: "upstream",
        };
        Ok(UpstreamLogin {
            upstream: UpstreamName::parse(&self.upstream).map_err(corrupt)?,
            state: self.state.0,
            interaction: self.interaction.0,
            version: self.version,
            nonce: self.nonce.0,
            sealed: self.sealed,
            created_at: self.created_at.0,
            expires_at: self.expires_at.0,
        })
    }
}

#[async_trait]
impl Upstreams for Database {
    async fn create_upstream(&self, upstream: &Upstream) -> store::Result<UpstreamWrite> {
        let upstream = upstream.clone();
        self.write_recorded(move |c| create(c, &upstream)).await
    }

    async fn upstream(&self, name: &UpstreamName) -> store::Result<Option<Upstream>> {
        let name = name.to_string();
        self.read(move |c| {
            let named = upstreams::table.find(&name);
            let row: Option<Row> =
                on!(c => named.select(Row::as_select()).get_result(c)).optional()?;
            row.map(Row::into_upstream).transpose()
        })
        .await
    }

    async fn upstreams(&self) -> store::Result<Vec<Upstream>> {
        self.read(|c| {
            let all = upstreams::table
                .order((upstreams::position, upstreams::name))
                .limit(bounds::UPSTREAMS);
            let rows: Vec<Row> = on!(c => all.select(Row::as_select()).load(c))?;
            // One that another version wrote takes the login page away from nobody.
            let readable = |row: Row| {
                let name = row.name.clone();
                row.into_upstream()
                    .inspect_err(|_| {
                        tracing::error!(name, "the settings of an upstream cannot be read")
                    })
                    .ok()
            };
            Ok(rows.into_iter().filter_map(readable).collect())
        })
        .await
    }

    async fn update_upstream(&self, upstream: &Upstream) -> store::Result<UpstreamWrite> {
        let upstream = upstream.clone();
        self.write_recorded(move |c| update(c, &upstream)).await
    }

    async fn set_upstream_disabled(
        &self,
        name: &UpstreamName,
        version: Option<i64>,
        disabled: bool,
        now: Timestamp,
    ) -> store::Result<bool> {
        let name = name.clone();
        self.write_recorded(move |c| {
            let at = disabled.then_some(now);
            let binds = binds![i64::from(disabled), at, now, &name, version, version];
            Ok(on!(c => statement(SET_DISABLED, binds).execute(c))? == 1)
        })
        .await
    }

    async fn delete_upstream(
        &self,
        name: &UpstreamName,
        version: Option<i64>,
        with_identities: bool,
    ) -> store::Result<UpstreamEnd> {
        let name = name.clone();
        self.write_recorded(move |c| delete(c, &name, version, with_identities))
            .await
    }

    async fn begin_upstream_login(&self, login: &UpstreamLogin) -> store::Result<bool> {
        let login = login.clone();
        self.write(move |c| begin_login(c, &login)).await
    }

    async fn take_upstream_login(
        &self,
        state: &Digest<kind::UpstreamState>,
        now: Timestamp,
    ) -> store::Result<Option<UpstreamLogin>> {
        let state = state.clone();
        self.write_one(move |c| {
            let binds = binds![&state, now];
            let taken: Vec<LoginRow> = on!(c => statement(TAKE_LOGIN, binds).load(c))?;
            taken
                .into_iter()
                .next()
                .map(LoginRow::into_login)
                .transpose()
        })
        .await
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whoever adds or changes an upstream does so after the others, so that what was looked at still holds. Sign-ins, which hold
/// rows, go on.
fn take_turns(c: &mut AnyConnection) -> Result<(), RowError> {
    if let AnyConnection::Postgres(inner) = c {
        diesel::sql_query("LOCK TABLE upstreams IN SHARE ROW EXCLUSIVE MODE").execute(inner)?;
    }
    Ok(())
}

/// A text for SQLite, which has one writer, and one for PostgreSQL, which holds the row until the end of the transaction.
type Texts = [&'static str; 2];

fn count(
    c: &mut AnyConnection,
    [plain, holding]: Texts,
    binds: &[Bind<'_>],
) -> Result<i64, RowError> {
    let found: Vec<Count> = match c {
        AnyConnection::Sqlite(c) => statement(plain, binds).load(c)?,
        AnyConnection::Postgres(c) => statement(holding, binds).load(c)?,
    };
    Ok(found.iter().map(|one| one.count).sum())
}

macro_rules! while_usable {
    ($lock:literal) => {
        concat!(
            "SELECT CAST(1 AS BIGINT) AS count FROM upstreams WHERE name = ? AND version = ? AND disabled_at IS NULL",
            $lock
        )
    };
}
const USABLE: Texts = [while_usable!(""), while_usable!(" FOR SHARE")];

/// Holds an upstream that is enabled and at `version` as it is, until this transaction is over. To be called before the row of
/// a user is taken.
pub fn hold(c: &mut AnyConnection, name: &UpstreamName, version: i64) -> Result<bool, RowError> {
    Ok(count(c, USABLE, binds![name, version])? == 1)
}

const ISSUER: &str = "SELECT count(*) AS count FROM upstreams WHERE issuer = ? AND name <> ?";
const NAME: &str = "SELECT count(*) AS count FROM upstreams WHERE name = ?";
const ALL: &str = "SELECT count(*) AS count FROM upstreams";

fn create(c: &mut AnyConnection, upstream: &Upstream) -> Result<UpstreamWrite, RowError> {
    take_turns(c)?;
    if count(c, [NAME; 2], binds![&upstream.name])? > 0 {
        return Ok(UpstreamWrite::NameTaken);
    }
    if count(c, [ISSUER; 2], binds![upstream.issuer(), &upstream.name])? > 0 {
        return Ok(UpstreamWrite::IssuerTaken);
    }
    if count(c, [ALL; 2], binds![])? >= bounds::UPSTREAMS {
        return Ok(UpstreamWrite::Full);
    }
    let row = Row::from_upstream(upstream);
    on!(c => diesel::insert_into(upstreams::table).values(&row).execute(c))?;
    Ok(UpstreamWrite::Done)
}

macro_rules! as_read {
    ($lock:literal) => {
        concat!(
            "SELECT CAST(1 AS BIGINT) AS count FROM upstreams WHERE name = ? AND (CAST(? AS BIGINT) IS NULL OR version = ?)",
            $lock
        )
    };
}
const AS_READ: Texts = [as_read!(""), as_read!(" FOR UPDATE")];
const IDENTITIES: &str = "SELECT count(*) AS count FROM identities WHERE upstream = ?";
const UPDATE: &str = "UPDATE upstreams SET issuer = ?, settings = ?, position = ?, sealed_secret = ?, updated_at = ?, \
    version = version + 1 WHERE name = ? AND version = ?";

/// The row is taken before identities are counted: whoever is linking one holds it.
fn update(c: &mut AnyConnection, upstream: &Upstream) -> Result<UpstreamWrite, RowError> {
    take_turns(c)?;
    let (name, version) = (&upstream.name, upstream.version);
    if count(c, AS_READ, binds![name, version, version])? == 0 {
        return Ok(UpstreamWrite::Changed);
    }
    if count(c, [ISSUER; 2], binds![upstream.issuer(), name])? > 0 {
        return Ok(UpstreamWrite::IssuerTaken);
    }
    let before: Row = on!(c => upstreams::table
        .find(name.as_str())
        .select(Row::as_select())
        .get_result(c))?;
    let before = before.into_upstream()?;
    let same = before.settings.has_subjects_of(&upstream.settings);
    if !same && count(c, [IDENTITIES; 2], binds![name])? > 0 {
        return Ok(UpstreamWrite::IssuerInUse);
    }
    let row = Row::from_upstream(upstream);
    let binds = binds![
        &row.issuer,
        &row.settings,
        row.position,
        &row.sealed_secret,
        row.updated_at,
        name,
        version,
    ];
    on!(c => statement(UPDATE, binds).execute(c))?;
    Ok(UpstreamWrite::Done)
}

const SET_DISABLED: &str = "UPDATE upstreams SET disabled_at = CASE WHEN ? = 1 THEN coalesce(disabled_at, ?) END, \
    updated_at = ?, version = version + 1 WHERE name = ? AND (CAST(? AS BIGINT) IS NULL OR version = ?)";
const DELETE_IDENTITIES: &str = "DELETE FROM identities WHERE upstream = ?";
const DELETE: &str = "DELETE FROM upstreams WHERE name = ?";

fn delete(
    c: &mut AnyConnection,
    name: &UpstreamName,
    version: Option<i64>,
    with_identities: bool,
) -> Result<UpstreamEnd, RowError> {
    take_turns(c)?;
    if count(c, AS_READ, binds![name, version, version])? == 0 {
        return Ok(UpstreamEnd::Unknown);
    }
    let identities = count(c, [IDENTITIES; 2], binds![name])?;
    if identities > 0 && !with_identities {
        return Ok(UpstreamEnd::InUse(identities));
    }
    on!(c => statement(DELETE_IDENTITIES, binds![name]).execute(c))?;
    on!(c => statement(DELETE, binds![name]).execute(c))?;
    Ok(UpstreamEnd::Deleted(identities))
}

/// All but the newest of an interaction.
const SURPLUS: &str = "DELETE FROM upstream_logins WHERE state IN (SELECT state FROM upstream_logins WHERE interaction = ? \
    ORDER BY created_at DESC LIMIT 1000 OFFSET ?)";

macro_rules! begin_login {
    ($lock:literal) => {
        concat!(
            "INSERT INTO upstream_logins (state, interaction, upstream, version, nonce, sealed, created_at, expires_at) \
             SELECT ?, interactions.digest, upstreams.name, upstreams.version, ?, ?, ?, ? FROM interactions, upstreams \
             WHERE interactions.digest = ? AND upstreams.name = ? AND upstreams.version = ? AND upstreams.disabled_at IS NULL",
            $lock
        )
    };
}
const BEGIN_LOGIN: &str = begin_login!("");
const BEGIN_LOGIN_POSTGRES: &str = begin_login!(" FOR KEY SHARE OF interactions, upstreams");
const TAKE_LOGIN: &str = "DELETE FROM upstream_logins WHERE state = ? AND expires_at > ? \
    RETURNING state, interaction, upstream, version, nonce, sealed, created_at, expires_at";

fn begin_login(c: &mut AnyConnection, login: &UpstreamLogin) -> Result<bool, RowError> {
    let surplus = binds![&login.interaction, bounds::UPSTREAM_LOGINS - 1];
    on!(c => statement(SURPLUS, surplus).execute(c))?;
    let binds = binds![
        &login.state,
        &login.nonce,
        &login.sealed,
        login.created_at,
        login.expires_at,
        &login.interaction,
        &login.upstream,
        login.version,
    ];
    let begun = match c {
        AnyConnection::Sqlite(c) => statement(BEGIN_LOGIN, binds).execute(c)?,
        AnyConnection::Postgres(c) => statement(BEGIN_LOGIN_POSTGRES, binds).execute(c)?,
    };
    Ok(begun == 1)
}
