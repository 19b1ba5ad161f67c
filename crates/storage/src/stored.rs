//! How values that have a type of their own in the rules lie in a column.

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::Pg,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::BigInt,
    sqlite::Sqlite,
};
use latchkey_protocol::Timestamp;

/// A value as it lies in a column: the one place where such a type becomes a number, a text or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, FromSqlRow, AsExpression)]
#[diesel(sql_type = BigInt)]
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
