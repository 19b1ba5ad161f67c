//! Statements whose text never changes, so that each connection prepares them once and keeps them.
//!
//! diesel keeps what it prepares for a SELECT. An UPDATE, an upsert and a query written by hand it prepares anew at each
//! call, because their texts might differ from call to call, and so it does with an INSERT on PostgreSQL: there that is
//! a round trip of its own, and a plan. Whatever a request waits for is written with this type instead.

use diesel::{
    QueryResult, RunQueryDsl,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Nullable, Text, Untyped},
    sqlite::Sqlite,
};
use latchkey_protocol::{
    AuthorizationId, ClientId, Digest, Timestamp, UserId, upstream::UpstreamName,
};

use crate::stored::Stored;

/// A value of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Bind<'a> {
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
    Number(Option<i64>),
}

impl<'a> Bind<'a> {
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => text,
            Self::Bytes(_) | Self::Number(_) => None,
        }
    }

    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(_) | Self::Number(_) => None,
        }
    }

    pub fn number(self) -> Option<i64> {
        match self {
            Self::Number(number) => number,
            Self::Text(_) | Self::Bytes(_) => None,
        }
    }
}

/// A text with a `?` for each value, in their order. A value that stands twice is given twice.
#[derive(Debug)]
pub struct Statement<'a> {
    text: &'static str,
    binds: &'a [Bind<'a>],
}

/// See [`Statement`].
pub fn statement<'a>(text: &'static str, binds: &'a [Bind<'a>]) -> Statement<'a> {
    Statement { text, binds }
}

/// The values of a [`statement`].
macro_rules! binds {
    ($($value:expr),* $(,)?) => { &[$(crate::statement::Bind::from($value)),*] };
}
pub(crate) use binds;

macro_rules! bind_from {
    ($($type:ty, $value:ident => $bind:expr;)*) => {
        $(impl<'a> From<$type> for Bind<'a> {
            fn from($value: $type) -> Self {
                $bind
            }
        })*
    };
}
bind_from! {
    &'a str, text => Self::Text(Some(text));
    &'a String, text => Self::Text(Some(text));
    &'a ClientId, id => Self::Text(Some(id));
    Option<&'a ClientId>, id => Self::Text(id.map(ClientId::as_str));
    &'a AuthorizationId, id => Self::Text(Some(id));
    &'a UpstreamName, name => Self::Text(Some(name.as_str()));
    &'a UserId, id => Self::Text(Some(id));
    Option<&'a UserId>, id => Self::Text(id.map(UserId::as_str));
    Option<&'a str>, text => Self::Text(text);
    Option<&'a [u8]>, bytes => Self::Bytes(bytes);
    &'a Option<String>, text => Self::Text(text.as_deref());
    Timestamp, at => Self::Number(Some(at.as_seconds()));
    Option<Timestamp>, at => Self::Number(at.map(Timestamp::as_seconds));
    Stored<Timestamp>, at => Self::from(at.0);
    Option<Stored<Timestamp>>, at => Self::from(at.map(|at| at.0));
    i64, number => Self::Number(Some(number));
    Option<i64>, number => Self::Number(number);
}

impl<'a, K> From<&'a Digest<K>> for Bind<'a> {
    fn from(digest: &'a Digest<K>) -> Self {
        Self::Bytes(Some(digest.as_bytes()))
    }
}

impl<'a, K> From<Option<&'a Digest<K>>> for Bind<'a> {
    fn from(digest: Option<&'a Digest<K>>) -> Self {
        Self::Bytes(digest.map(|digest| digest.as_bytes().as_slice()))
    }
}

impl<'a, K> From<&'a Stored<Digest<K>>> for Bind<'a> {
    fn from(digest: &'a Stored<Digest<K>>) -> Self {
        Self::from(&digest.0)
    }
}

impl<'a, K> From<&'a Option<Stored<Digest<K>>>> for Bind<'a> {
    fn from(digest: &'a Option<Stored<Digest<K>>>) -> Self {
        Self::from(digest.as_ref().map(|digest| &digest.0))
    }
}

/// The cache goes by the text.
impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<C> for Statement<'_> {}

/// Its rows are read by the names of their columns.
impl Query for Statement<'_> {
    type SqlType = Untyped;
}

macro_rules! fragment {
    ($($backend:ty),*) => {
        $(impl QueryFragment<$backend> for Statement<'_> {
            fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                let mut parts = self.text.split('?');
                pass.push_sql(parts.next().unwrap_or_default());
                for (part, bind) in parts.zip(self.binds) {
                    match bind {
                        Bind::Text(text) => pass.push_bind_param::<Nullable<Text>, _>(text)?,
                        Bind::Bytes(bytes) => pass.push_bind_param::<Nullable<Binary>, _>(bytes)?,
                        Bind::Number(number) => pass.push_bind_param::<Nullable<BigInt>, _>(number)?,
                    }
                    pass.push_sql(part);
                }
                Ok(())
            }
        })*
    };
}
fragment!(Sqlite, Pg);
