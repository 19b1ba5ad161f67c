//! Values of several callers for one statement of PostgreSQL: an array for each column.

use std::marker::PhantomData;

use diesel::{
    PgConnection, QueryResult, RunQueryDsl,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Binary, Nullable, Text},
};

use crate::statement::Bind;

/// One column, with a value of each caller.
pub enum Values<'a> {
    Texts(Vec<Option<&'a str>>),
    Bytes(Vec<Option<&'a [u8]>>),
    Numbers(Vec<Option<i64>>),
}

/// The columns of these rows, which have the same types.
pub fn columns<'a, const N: usize>(rows: &[[Bind<'a>; N]]) -> Vec<Values<'a>> {
    let Some(first) = rows.first() else {
        return Vec::new();
    };
    let column = |(n, kind): (usize, &Bind<'a>)| {
        let values = rows.iter().map(|row| row[n]);
        match kind {
            Bind::Text(_) => Values::Texts(values.map(Bind::text).collect()),
            Bind::Bytes(_) => Values::Bytes(values.map(Bind::bytes).collect()),
            Bind::Number(_) => Values::Numbers(values.map(Bind::number).collect()),
        }
    };
    first.iter().enumerate().map(column).collect()
}

/// Writes a text that has a `?` for each array of values.
pub fn with_values<'b>(
    text: &'static str,
    values: &'b [Values<'_>],
    pass: &mut AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    let mut parts = text.split('?');
    pass.push_sql(parts.next().unwrap_or_default());
    for (part, values) in parts.zip(values) {
        match values {
            Values::Texts(texts) => pass.push_bind_param::<Array<Nullable<Text>>, _>(texts)?,
            Values::Bytes(bytes) => pass.push_bind_param::<Array<Nullable<Binary>>, _>(bytes)?,
            Values::Numbers(numbers) => {
                pass.push_bind_param::<Array<Nullable<BigInt>>, _>(numbers)?;
            }
        }
        pass.push_sql(part);
    }
    Ok(())
}

/// A statement that answers with one column of type `T`, written with [`with_values`].
///
/// The text belongs to the kind of question `Q`, which is how diesel finds the prepared statement.
pub struct Grouped<'a, Q, T> {
    text: &'static str,
    values: &'a [Values<'a>],
    kind: PhantomData<(Q, T)>,
}

impl<'a, Q, T> Grouped<'a, Q, T> {
    pub fn new(text: &'static str, values: &'a [Values<'a>]) -> Self {
        let kind = PhantomData;
        Self { text, values, kind }
    }
}

impl<Q: 'static, T> QueryId for Grouped<'_, Q, T> {
    type QueryId = Q;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Q, T> RunQueryDsl<PgConnection> for Grouped<'_, Q, T> {}

impl<Q, T> Query for Grouped<'_, Q, T> {
    type SqlType = T;
}

impl<Q, T> QueryFragment<Pg> for Grouped<'_, Q, T> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        with_values(self.text, self.values, &mut pass)
    }
}
