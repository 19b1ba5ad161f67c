//! Entries page by page, the newest first. Each filter alone has an index, and so has their order.
//!
//! Of several filters SQLite, which has no statistics, would take an index by rule, and read a million entries where another
//! one has ten. So it is looked first, up to a bound, how many entries each filter has, and all but the one with the fewest
//! are written so that no index fits them. PostgreSQL knows that itself.

use diesel::{
    dsl::{self, sql},
    prelude::*,
    sql_types::{Bool, Text},
    sqlite::{Sqlite, SqliteConnection},
};
use latchkey_protocol::{Timestamp, audit::AuditOutcome, audit_row::AuditFilter, page::Page};

use super::Row;
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::audit,
};

/// Where a page goes on.
type Place = (Timestamp, i64);

/// A filter with an index of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    User,
    Target,
    Actor,
    Refused,
    Event,
}

impl Lead {
    const ALL: [Self; 5] = [
        Self::User,
        Self::Target,
        Self::Actor,
        Self::Refused,
        Self::Event,
    ];

    fn is_named(self, filter: &AuditFilter) -> bool {
        match self {
            Self::User => filter.user.is_some(),
            Self::Target => filter.target.is_some(),
            Self::Actor => filter.actor.is_some(),
            Self::Refused => filter.outcome == Some(AuditOutcome::Refused),
            Self::Event => filter.event.is_some(),
        }
    }

    /// The filter with nothing else but the time.
    fn alone(self, filter: &AuditFilter) -> AuditFilter {
        let only = |of: Self, text: &Option<String>| text.clone().filter(|_| self == of);
        AuditFilter {
            since: filter.since,
            until: filter.until,
            event: only(Self::Event, &filter.event),
            actor: only(Self::Actor, &filter.actor),
            target: only(Self::Target, &filter.target),
            user: only(Self::User, &filter.user),
            outcome: filter.outcome.filter(|_| self == Self::Refused),
        }
    }
}

/// `$column`: how a filter's text is compared with its column.
macro_rules! filtered {
    ($rows:expr, $filter:expr, $page:expr, $column:ident) => {{
        let (filter, page) = ($filter, $page);
        let mut rows = $rows.into_boxed();
        if let Some(since) = filter.since {
            rows = rows.filter(audit::at.ge(since.as_seconds()));
        }
        if let Some(until) = filter.until {
            rows = rows.filter(audit::at.lt(until.as_seconds()));
        }
        if let Some(event) = &filter.event {
            rows = $column!(rows, event, event, Lead::Event);
        }
        if let Some(actor) = &filter.actor {
            rows = $column!(rows, actor, actor, Lead::Actor);
        }
        if let Some(target) = &filter.target {
            rows = $column!(rows, target, target, Lead::Target);
        }
        if let Some(user) = &filter.user {
            rows = $column!(rows, user_id, user, Lead::User);
        }
        if let Some((at, id)) = page.after {
            let at = Timestamp::as_seconds(at);
            let older = audit::at.lt(at).or(audit::at.eq(at).and(audit::id.lt(id)));
            // The first says where to begin in an index.
            rows = rows.filter(audit::at.le(at)).filter(older);
        }
        rows
    }};
}
macro_rules! plain {
    ($rows:ident, $column:ident, $text:ident, $lead:expr) => {
        $rows.filter(audit::$column.eq($text))
    };
}

/// As it stands in the condition of the index: a plan for all values would not see that a bound one fulfils it.
fn outcome(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Done => "outcome = 'done'",
        AuditOutcome::Refused => "outcome = 'refused'",
    }
}

type Selected = dsl::Select<audit::table, dsl::AsSelect<Row, Sqlite>>;

/// With the index of `lead`, if one is named.
fn led<'a>(
    filter: &'a AuditFilter,
    page: &Page<Place>,
    lead: Option<Lead>,
) -> dsl::IntoBoxed<'a, Selected, Sqlite> {
    macro_rules! led {
        ($rows:ident, $column:ident, $text:ident, $lead:expr) => {
            if lead.is_none_or(|lead| lead == $lead) {
                $rows.filter(audit::$column.eq($text))
            } else {
                let unindexed = concat!("+audit.", stringify!($column), " = ");
                $rows.filter(sql::<Bool>(unindexed).bind::<Text, _>($text))
            }
        };
    }
    let mut rows = filtered!(audit::table.select(Row::as_select()), filter, page, led);
    if let Some(wanted) = filter.outcome {
        let wanted = match lead {
            None | Some(Lead::Refused) => outcome(wanted).to_owned(),
            Some(_) => format!("+{}", outcome(wanted)),
        };
        rows = rows.filter(sql::<Bool>(&wanted));
    }
    rows
}

/// Entries of a filter that are counted: so many are read soon.
const COUNTED: i64 = 5000;

/// Of several filters the one with the fewest entries.
fn lead(
    c: &mut SqliteConnection,
    filter: &AuditFilter,
    page: &Page<Place>,
) -> Result<Option<Lead>, RowError> {
    let named = Lead::ALL.into_iter().filter(|lead| lead.is_named(filter));
    let named: Vec<_> = named.collect();
    if named.len() < 2 {
        return Ok(None);
    }
    let (mut fewest, mut leads) = (COUNTED, named[0]);
    for lead in named {
        let count = count(c, &lead.alone(filter), page, fewest)?;
        if count < fewest {
            (fewest, leads) = (count, lead);
        }
    }
    Ok(Some(leads))
}

/// How many entries a filter has, up to `most`.
fn count(
    c: &mut SqliteConnection,
    alone: &AuditFilter,
    page: &Page<Place>,
    most: i64,
) -> Result<i64, RowError> {
    let mut rows = filtered!(audit::table.select(audit::id), alone, page, plain);
    if let Some(wanted) = alone.outcome {
        rows = rows.filter(sql::<Bool>(outcome(wanted)));
    }
    let found: Vec<i64> = rows.limit(most).load(c)?;
    Ok(i64::try_from(found.len()).unwrap_or(i64::MAX))
}

pub fn list(
    c: &mut AnyConnection,
    filter: &AuditFilter,
    page: &Page<Place>,
) -> Result<Vec<Row>, RowError> {
    let newest = (audit::at.desc(), audit::id.desc());
    Ok(match c {
        AnyConnection::Sqlite(c) => {
            let rows = led(filter, page, lead(c, filter, page)?);
            rows.order(newest).limit(page.limit).load(c)?
        }
        AnyConnection::Postgres(c) => {
            let mut rows = filtered!(audit::table.select(Row::as_select()), filter, page, plain);
            if let Some(wanted) = filter.outcome {
                rows = rows.filter(sql::<Bool>(outcome(wanted)));
            }
            rows.order(newest).limit(page.limit).load(c)?
        }
    })
}

/// The chain after a place.
pub fn chain(c: &mut AnyConnection, after: i64, most: i64) -> Result<Vec<Row>, RowError> {
    let rows = audit::table
        .filter(audit::position.gt(after))
        .order(audit::position)
        .limit(most);
    Ok(on!(c => rows.select(Row::as_select()).load(c))?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::test_database::{on_sqlite, plan};

    /// `many` did `usual` 20,000 times and `rare` thrice, `few` did `usual` thrice.
    const ROWS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20006) \
        INSERT INTO audit (at, event, actor_kind, actor, front_end, target_kind, target, outcome, details, logged, user_id) \
        SELECT i, CASE WHEN i <= 3 THEN 'rare' ELSE 'usual' END, 'user', CASE WHEN i > 20003 THEN 'few' ELSE 'many' END, \
        'api', 'user', 'u', CASE WHEN i = 7 THEN 'refused' ELSE 'done' END, '{}', 1, 'u' FROM n;";

    fn by(event: Option<&str>, actor: Option<&str>) -> AuditFilter {
        AuditFilter {
            event: event.map(str::to_owned),
            actor: actor.map(str::to_owned),
            ..AuditFilter::default()
        }
    }

    /// Which index a list uses, and how many entries it has.
    fn used(c: &mut AnyConnection, filter: &AuditFilter) -> (Option<Lead>, String, usize) {
        let page = Page::first(50);
        let AnyConnection::Sqlite(sqlite) = &mut *c else {
            panic!("this is about SQLite")
        };
        let lead = lead(sqlite, filter, &page).unwrap();
        let rows = led(filter, &page, lead).order((audit::at.desc(), audit::id.desc()));
        let text = diesel::debug_query::<Sqlite, _>(&rows).to_string();
        let text = text.split(" -- binds").next().unwrap().replace('`', "");
        let plan = plan(c, &text, &["'x'", "'y'", "'z'"]);
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        let index = plan.split("INDEX ").nth(1).unwrap_or(&plan);
        let index = index.split([' ', ';']).next().unwrap().to_owned();
        (lead, index, list(c, filter, &page).unwrap().len())
    }

    #[test]
    fn of_two_filters_the_one_with_the_fewest_entries_leads_without_statistics() {
        on_sqlite(|c| {
            c.batch_execute(ROWS).unwrap();
            let of = |event, actor| by(Some(event), Some(actor));
            let led_by = |lead, index: &str, count| (Some(lead), index.to_owned(), count);
            for (filter, expected) in [
                (of("usual", "few"), led_by(Lead::Actor, "audit_actor", 3)),
                (of("rare", "many"), led_by(Lead::Event, "audit_event", 3)),
                (of("rare", "few"), led_by(Lead::Actor, "audit_actor", 0)),
            ] {
                assert_eq!(used(c, &filter), expected, "{filter:?}");
            }
            let refused = AuditFilter {
                outcome: Some(AuditOutcome::Refused),
                user: Some("u".into()),
                ..by(Some("usual"), None)
            };
            assert_eq!(used(c, &refused), led_by(Lead::Refused, "audit_refused", 1));
            let alone = by(None, Some("few"));
            assert_eq!(used(c, &alone), (None, "audit_actor".into(), 3));
        });
    }
}
