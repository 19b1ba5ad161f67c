//! Whom something is to be sent to.

use diesel::{prelude::*, sql_types::Text};
use latchkey_protocol::{ClientId, Timestamp};

use crate::{
    connection::AnyConnection,
    error::RowError,
    statement::{binds, statement},
};

/// From one client that something waits for to the next, and of those whom something is due for. Each step is one look into
/// the index: SQLite, which may as well read all that waits by another one, is told which.
macro_rules! due {
    ($by:literal) => {
        concat!(
            "WITH RECURSIVE told (client_id) AS (SELECT (SELECT min(client_id) FROM deliveries",
            $by,
            " WHERE state = 'waiting') UNION ALL SELECT (SELECT min(d.client_id) FROM deliveries AS d",
            $by,
            " WHERE d.state = 'waiting' AND d.client_id > told.client_id) FROM told WHERE told.client_id IS NOT NULL) \
            SELECT client_id FROM told WHERE client_id IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries AS d \
            WHERE d.state = 'waiting' AND d.client_id = told.client_id AND d.due_at <= ?)"
        )
    };
}
const DUE_SQLITE: &str = due!(" INDEXED BY deliveries_due");
const DUE_POSTGRES: &str = due!("");

#[derive(QueryableByName)]
struct ToTell {
    #[diesel(sql_type = Text)]
    client_id: String,
}

/// The clients that something is due for.
pub fn clients_to_tell(c: &mut AnyConnection, now: Timestamp) -> Result<Vec<ClientId>, RowError> {
    let due: Vec<ToTell> = match c {
        AnyConnection::Sqlite(c) => statement(DUE_SQLITE, binds![now]).load(c)?,
        AnyConnection::Postgres(c) => statement(DUE_POSTGRES, binds![now]).load(c)?,
    };
    let due = due.into_iter().map(|due| ClientId::new(due.client_id));
    Ok(due.collect())
}

#[cfg(test)]
mod tests {
    use super::{DUE_POSTGRES, DUE_SQLITE};
    use crate::test_database::{on_postgres, on_sqlite, plan};

    /// With an index by the state alone each step would read all that waits, which may be two million rows, several times a second.
    #[test]
    fn whom_something_is_due_for_is_found_a_client_at_a_time() {
        on_sqlite(|c| {
            let plan = plan(c, DUE_SQLITE, &["1"]);
            assert!(!plan.contains("deliveries_state"), "{plan}");
            assert_eq!(plan.matches("INDEX deliveries_due").count(), 3, "{plan}");
        });
        on_postgres("due", |c| {
            let plan = plan(c, DUE_POSTGRES, &["1"]);
            assert!(plan.contains("deliveries_due"), "{plan}");
        });
    }
}
