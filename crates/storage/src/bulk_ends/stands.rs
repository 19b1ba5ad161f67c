//! Whether an end of many sessions that is under way means something: what reads sessions and authorizations asks that with
//! its own statement. There is hardly ever one, and then the table is empty.

use diesel::{
    QueryResult,
    backend::Backend,
    expression::{AppearsOnTable, Expression, ValidGrouping, is_aggregate},
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::Bool,
};

/// That of `sessions`.
macro_rules! session_meant {
    () => {
        "sessions.created_at <= b.until_at AND (b.client_id IS NULL OR EXISTS (SELECT 1 FROM authorizations AS of_client \
        WHERE of_client.session_id = sessions.id AND of_client.client_id = b.client_id AND of_client.created_at <= b.until_at))"
    };
}
pub(crate) use session_meant;

/// Whether `sessions` is meant by none.
macro_rules! session_stands {
    () => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM bulk_ends AS b WHERE b.done_at IS NULL AND ",
            crate::bulk_ends::session_meant!(),
            ")"
        )
    };
}
pub(crate) use session_stands;

/// Whether neither `authorizations` nor the `sessions` beside it, if there is one, is meant by any.
macro_rules! authorization_stands {
    () => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM bulk_ends AS b WHERE b.done_at IS NULL AND ((authorizations.created_at <= b.until_at \
            AND (b.client_id IS NULL OR b.client_id = authorizations.client_id)) OR (",
            crate::bulk_ends::session_meant!(),
            ")))"
        )
    };
}
pub(crate) use authorization_stands;

/// A condition whose text never changes, so that the statement around it is prepared once.
macro_rules! condition {
    ($(#[$about:meta])* $name:ident, $text:expr) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, QueryId)]
        pub struct $name;

        impl Expression for $name {
            type SqlType = Bool;
        }

        impl<T> AppearsOnTable<T> for $name {}

        impl ValidGrouping<()> for $name {
            type IsAggregate = is_aggregate::Never;
        }

        impl<DB: Backend> QueryFragment<DB> for $name {
            fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                pass.push_sql($text);
                Ok(())
            }
        }
    };
}
condition!(
    /// As [`session_stands`], where diesel writes the rest.
    SessionStands,
    session_stands!()
);
condition!(
    /// As [`authorization_stands`], where diesel writes the rest.
    AuthorizationStands,
    authorization_stands!()
);
