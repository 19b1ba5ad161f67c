//! The SQL of signing keys and of their rotation.

use async_trait::async_trait;
use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    SigningAlgorithm, Timestamp,
    rotation::{KeyBound, RotationOutcome, StoredKey, bound_hit},
    store::{self, SigningKeys},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::signing_keys,
    stored::Stored,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys, check_for_backend(Sqlite, Pg))]
pub struct Row {
    kid: String,
    /// Empty once the private half has been forgotten.
    sealed: String,
    created_at: Stored<Timestamp>,
    activates_at: Stored<Timestamp>,
    retires_at: Option<Stored<Timestamp>>,
    algorithm: String,
}

impl Row {
    pub fn from_key(key: &StoredKey) -> Self {
        let StoredKey {
            kid,
            algorithm,
            sealed,
            created_at,
            activates_at,
            retires_at,
        } = key.clone();
        Self {
            kid,
            sealed: sealed.unwrap_or_default(),
            created_at: Stored(created_at),
            activates_at: Stored(activates_at),
            retires_at: retires_at.map(Stored),
            algorithm: algorithm.name().to_owned(),
        }
    }

    fn into_key(self) -> Result<StoredKey, RowError> {
        let Self {
            kid,
            sealed,
            created_at,
            activates_at,
            retires_at,
            algorithm,
        } = self;
        let Some(algorithm) = SigningAlgorithm::from_name(&algorithm) else {
            return Err(RowError::Corrupt {
                table: "signing_keys",
                row: kid,
                column: "algorithm",
            });
        };
        Ok(StoredKey {
            kid,
            algorithm,
            sealed: Some(sealed).filter(|s| !s.is_empty()),
            created_at: created_at.0,
            activates_at: activates_at.0,
            retires_at: retires_at.map(|at| at.0),
        })
    }
}

#[async_trait]
impl SigningKeys for Database {
    async fn signing_keys(&self) -> store::Result<Vec<StoredKey>> {
        self.read(all).await
    }

    async fn add_first_key(&self, key: &StoredKey) -> store::Result<bool> {
        let row = Row::from_key(key);
        self.write_recorded(move |c| add_first(c, &row)).await
    }

    async fn rotate_key(
        &self,
        key: &StoredKey,
        others_retire_at: Timestamp,
        bounds: &'static [KeyBound],
    ) -> store::Result<RotationOutcome> {
        let key = key.clone();
        self.write_recorded(move |c| {
            take_turns(c)?;
            let times = (key.created_at, key.activates_at);
            if let Some(bound) = bound_hit(&all(c)?, key.algorithm, times, bounds) {
                return Ok(RotationOutcome::Full(bound));
            }
            rotate(c, &Row::from_key(&key), others_retire_at)?;
            Ok(RotationOutcome::Done)
        })
        .await
    }

    async fn succeed_key(
        &self,
        key: &StoredKey,
        others_retire_at: Timestamp,
        predecessor: Option<&str>,
    ) -> store::Result<bool> {
        let (row, predecessor) = (Row::from_key(key), predecessor.map(str::to_owned));
        self.write_recorded(move |c| succeed(c, &row, others_retire_at, predecessor.as_deref()))
            .await
    }

    async fn retire_key(&self, kid: &str, at: Timestamp) -> store::Result<bool> {
        let kid = kid.to_owned();
        self.write_recorded(move |c| retire(c, &kid, at)).await
    }
}

/// Callers that decide by looking at all keys take turns. On SQLite they do anyway.
fn take_turns(c: &mut AnyConnection) -> Result<(), RowError> {
    if let AnyConnection::Postgres(inner) = c {
        diesel::sql_query("LOCK TABLE signing_keys IN EXCLUSIVE MODE").execute(inner)?;
    }
    Ok(())
}

pub fn all(c: &mut AnyConnection) -> Result<Vec<StoredKey>, RowError> {
    let rows: Vec<Row> = on!(c => signing_keys::table.order(signing_keys::created_at).select(Row::as_select()).load(c))?;
    rows.into_iter().map(Row::into_key).collect()
}

pub fn add_first(c: &mut AnyConnection, row: &Row) -> Result<bool, RowError> {
    // Nodes that start together add theirs one after the other; all but the first see a key and take theirs back.
    take_turns(c)?;
    let known = signing_keys::table.filter(signing_keys::algorithm.eq(&row.algorithm));
    let known: i64 = on!(c => known.count().get_result(c))?;
    if known > 0 {
        return Ok(false);
    }
    on!(c => diesel::insert_into(signing_keys::table).values(row).execute(c))?;
    Ok(true)
}

pub fn rotate(
    c: &mut AnyConnection,
    row: &Row,
    others_retire_at: Timestamp,
) -> Result<(), RowError> {
    // One that was announced for later would sign instead of this one. It has signed nothing yet.
    let later = signing_keys::table
        .filter(signing_keys::algorithm.eq(&row.algorithm))
        .filter(signing_keys::retires_at.is_null())
        .filter(signing_keys::activates_at.gt(row.activates_at));
    on!(c => diesel::update(later).set(signing_keys::retires_at.eq(Some(row.created_at))).execute(c))?;
    let others = signing_keys::table
        .filter(signing_keys::algorithm.eq(&row.algorithm))
        .filter(signing_keys::retires_at.is_null());
    on!(c => diesel::update(others).set(signing_keys::retires_at.eq(Some(Stored(others_retire_at)))).execute(c))?;
    on!(c => diesel::insert_into(signing_keys::table).values(row).execute(c))?;
    Ok(())
}

pub fn succeed(
    c: &mut AnyConnection,
    row: &Row,
    others_retire_at: Timestamp,
    predecessor: Option<&str>,
) -> Result<bool, RowError> {
    take_turns(c)?;
    let lasting = signing_keys::table
        .filter(signing_keys::algorithm.eq(&row.algorithm))
        .filter(signing_keys::retires_at.is_null())
        .select(signing_keys::kid);
    let lasting: Vec<String> = on!(c => lasting.load(c))?;
    if !lasting.iter().map(String::as_str).eq(predecessor) {
        return Ok(false);
    }
    rotate(c, row, others_retire_at)?;
    Ok(true)
}

pub fn retire(c: &mut AnyConnection, kid: &str, at: Timestamp) -> Result<bool, RowError> {
    take_turns(c)?;
    let keys = all(c)?;
    let algorithm = keys.iter().find(|k| k.kid == kid).map(|k| k.algorithm);
    let signs = keys
        .iter()
        .filter(|k| Some(k.algorithm) == algorithm)
        .filter(|k| k.activates_at <= at && k.retires_at.is_none_or(|retires| at < retires))
        .max_by_key(|k| (k.activates_at, k.created_at));
    if signs.is_some_and(|k| k.kid == kid) {
        return Ok(false);
    }
    let gone = (
        signing_keys::retires_at.eq(Some(Stored(at))),
        signing_keys::sealed.eq(""),
    );
    Ok(on!(c => diesel::update(signing_keys::table.find(kid)).set(gone).execute(c))? == 1)
}

/// What nobody verifies any longer nobody shall be able to sign.
pub fn forget_retired(c: &mut AnyConnection, now: Timestamp) -> Result<(), RowError> {
    let retired = signing_keys::table
        .filter(signing_keys::retires_at.le(Stored(now)))
        .filter(signing_keys::sealed.ne(""));
    on!(c => diesel::update(retired).set(signing_keys::sealed.eq("")).execute(c))?;
    Ok(())
}
