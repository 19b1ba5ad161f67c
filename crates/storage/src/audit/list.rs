//! Entries page by page, the newest first. Each filter alone has an index, and so has their order.

use diesel::{dsl::sql, prelude::*, sql_types::Bool};
use latchkey_protocol::{Timestamp, audit::AuditOutcome, audit_row::AuditFilter, page::Page};

use super::Row;
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::audit,
};

macro_rules! filtered {
    ($filter:expr, $page:expr) => {{
        let (filter, page) = ($filter, $page);
        let mut rows = audit::table.select(Row::as_select()).into_boxed();
        if let Some(since) = filter.since {
            rows = rows.filter(audit::at.ge(since.as_seconds()));
        }
        if let Some(until) = filter.until {
            rows = rows.filter(audit::at.lt(until.as_seconds()));
        }
        if let Some(event) = &filter.event {
            rows = rows.filter(audit::event.eq(event));
        }
        if let Some(actor) = &filter.actor {
            rows = rows.filter(audit::actor.eq(actor));
        }
        if let Some(target) = &filter.target {
            rows = rows.filter(audit::target.eq(target));
        }
        if let Some(user) = &filter.user {
            rows = rows.filter(audit::user_id.eq(user));
        }
        if let Some(outcome) = filter.outcome {
            // As it stands in the condition of the index: a plan for all values would not see that a bound one fulfils it.
            rows = rows.filter(sql::<Bool>(match outcome {
                AuditOutcome::Done => "outcome = 'done'",
                AuditOutcome::Refused => "outcome = 'refused'",
            }));
        }
        if let Some((at, id)) = page.after {
            let at = Timestamp::as_seconds(at);
            let older = audit::at.lt(at).or(audit::at.eq(at).and(audit::id.lt(id)));
            // The first says where to begin in an index.
            rows = rows.filter(audit::at.le(at)).filter(older);
        }
        rows.order((audit::at.desc(), audit::id.desc()))
            .limit(page.limit)
    }};
}

pub fn list(
    c: &mut AnyConnection,
    filter: &AuditFilter,
    page: &Page<(Timestamp, i64)>,
) -> Result<Vec<Row>, RowError> {
    Ok(on!(c => filtered!(filter, page).load(c))?)
}

/// The chain after a place.
pub fn chain(c: &mut AnyConnection, after: i64, most: i64) -> Result<Vec<Row>, RowError> {
    let rows = audit::table
        .filter(audit::position.gt(after))
        .order(audit::position)
        .limit(most);
    Ok(on!(c => rows.select(Row::as_select()).load(c))?)
}
