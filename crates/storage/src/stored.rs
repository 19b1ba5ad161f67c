//! How values that have a type of their own in the rules lie in a column.

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::Pg,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary},
    sqlite::Sqlite,
};
use latchkey_protocol::{Digest, Timestamp, kind};

/// A value as it lies in a column: the one place where such a type becomes a number, a text or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, FromSqlRow, AsExpression)]
#[diesel(sql_type = BigInt)]
#[diesel(sql_type = Binary)]
pub struct Stored<T>(pub T);

/// Seconds since the epoch.
impl<B: Backend> FromSql<BigInt, B> for Stored<Timestamp>
where
    i64: FromSql<BigInt, B>,
{
    fn from_sql(bytes: B::RawValue<'_>) -> deserialize::Result<Self> {
        let seconds = <i64 as FromSql<BigInt, B>>::from_sql(bytes)?;
        Ok(Self(Timestamp::from_seconds(seconds)))
    }
}

impl ToSql<BigInt, Sqlite> for Stored<Timestamp> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_seconds());
        Ok(IsNull::No)
    }
}

impl ToSql<BigInt, Pg> for Stored<Timestamp> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<BigInt, Pg>::to_sql(&self.0.as_seconds(), &mut out.reborrow())
    }
}

/// Which column the digests of a kind lie in. Other kinds cannot be read from any.
pub trait Placed {
    const TABLE: &'static str;
    const COLUMN: &'static str;
}

macro_rules! placed {
    ($($kind:ident: $table:literal $column:literal;)*) => {
        $(impl Placed for kind::$kind {
            const TABLE: &'static str = $table;
            const COLUMN: &'static str = $column;
        })*
    };
}
placed! {
    AuthorizationCode: "authorizations" "code";
    RefreshToken: "authorizations" "refresh_current or refresh_parent";
    Session: "sessions" "digest";
    Interaction: "interactions" "digest";
    Browser: "interactions" "browser or former_browser";
    KeyedClientSecret: "clients" "secret";
    Attempts: "attempts" "key";
    Network: "interactions" "network";
    UpstreamState: "upstream_logins" "state";
    UpstreamNonce: "upstream_logins" "nonce";
    Neighbourhood: "refusals or interactions" "neighbourhood";
}

/// A column that should hold a digest holds something of another length.
#[derive(Debug)]
pub struct NoDigest {
    pub table: &'static str,
    pub column: &'static str,
}

impl std::fmt::Display for NoDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no digest in {}: {}", self.table, self.column)
    }
}

impl std::error::Error for NoDigest {}

fn digest<K: Placed>(bytes: &[u8]) -> deserialize::Result<Stored<Digest<K>>> {
    let none = NoDigest {
        table: K::TABLE,
        column: K::COLUMN,
    };
    Ok(Stored(Digest::from_stored(bytes).ok_or(none)?))
}

/// 32 bytes.
impl<K: Placed> FromSql<Binary, Sqlite> for Stored<Digest<K>> {
    fn from_sql(mut bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        digest(bytes.read_blob())
    }
}

impl<K: Placed> FromSql<Binary, Pg> for Stored<Digest<K>> {
    fn from_sql(bytes: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        digest(bytes.as_bytes())
    }
}

impl<K: Placed, B: Backend> ToSql<Binary, B> for Stored<Digest<K>>
where
    [u8]: ToSql<Binary, B>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, B>) -> serialize::Result {
        <[u8] as ToSql<Binary, B>>::to_sql(self.0.as_bytes(), out)
    }
}
