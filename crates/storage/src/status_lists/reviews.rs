//! A review of what a client was given: page by page, each with the place where the next one goes on.

use std::collections::{BTreeSet, HashMap};

use diesel::{
    PgConnection, SqliteConnection,
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use latchkey_protocol::{
    AuthorizationId, ClientId, Timestamp,
    admission::{Review, ReviewedPage},
    jobs::JobLease,
};

use super::{
    admits::{Admitting, Rule, admitting},
    earlier, ids,
    not_admitted::{end_held, note},
    store_now,
};
use crate::{
    columns::{Grouped, columns},
    connection::{AnyConnection, on},
    error::RowError,
    jobs,
    statement::{Bind, binds, statement},
};

#[derive(QueryableByName)]
struct Last {
    #[diesel(sql_type = Nullable<BigInt>)]
    live_until: Option<i64>,
}

/// Of tokens that have an entry: the list of each is kept until all of its tokens are over.
const LAST: &str = "SELECT max(live_until) AS live_until FROM status_lists";

fn last(c: &mut AnyConnection) -> Result<Option<Timestamp>, RowError> {
    let last: Last = on!(c => statement(LAST, binds![]).get_result(c))?;
    Ok(last.live_until.map(Timestamp::from_seconds))
}

/// In the transaction of the change: its jobs. How many.
pub fn enqueue(c: &mut AnyConnection, client: &ClientId, at: Timestamp) -> Result<i64, RowError> {
    let review = Review {
        client: client.clone(),
        changed_at: at,
        over_at: None,
        after: None,
        attempt: 0,
    };
    let mut count = 0;
    for job in review.jobs(store_now(c, at)?) {
        count += i64::from(jobs::enqueue(c, &job)?);
    }
    Ok(count)
}

const CLIENT: [&str; 2] = admitting!("id = ?");

/// A range of pairs, of which both databases find the beginning and the end by the index. With `client_id = ?` PostgreSQL
/// would rather read all that everybody was given, by its key, where it takes the client for a large one.
const PAGE: &str = "SELECT a.id, a.user_id, users.roles, users.groups, CASE WHEN a.revoked_at IS NULL AND a.token_entries IS NOT NULL \
    THEN a.token_entries_until END AS live_until FROM authorizations AS a LEFT JOIN users ON users.id = a.user_id \
    AND a.revoked_at IS NULL AND a.token_entries IS NOT NULL \
    WHERE (a.client_id, a.id) > (?, ?) AND a.client_id <= ? ORDER BY a.client_id, a.id LIMIT ?";

#[derive(QueryableByName)]
struct Given {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    user_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    roles: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    groups: Option<String>,
    /// None where no token of it is known.
    #[diesel(sql_type = Nullable<BigInt>)]
    live_until: Option<i64>,
}

/// The next page. None where the job is somebody else's by now.
pub fn page(
    c: &mut AnyConnection,
    job: &JobLease,
    review: &Review,
    most: i64,
    now: Timestamp,
) -> Result<Option<ReviewedPage>, RowError> {
    if !jobs::hold(c, job)? {
        return Ok(None);
    }
    let now = earlier(c, now)?;
    let mut unreadable = BTreeSet::new();
    let mut review = review.clone();
    if review.over_at.is_none() {
        // Now, and not at the change: what is issued until the review begins may have a later list.
        review.over_at = last(c)?;
    }
    let last = match rule(c, &review.client, &mut unreadable)? {
        Some(rule) if !review.is_over(now) => look(c, &review, &rule, most, now, &mut unreadable)?,
        Some(_) | None => None,
    };
    let next = last.map(|last| Review {
        after: Some(AuthorizationId::new(last)),
        attempt: job.attempt,
        ..review
    });
    if let Some(next) = &next {
        jobs::set_payload(c, job, &next.payload())?;
    }
    Ok(Some(ReviewedPage {
        next,
        unreadable: unreadable.into_iter().collect(),
    }))
}

/// Whom the client admits now; none where it is gone, or admits everybody.
fn rule(
    c: &mut AnyConnection,
    client: &ClientId,
    unreadable: &mut BTreeSet<String>,
) -> Result<Option<Rule>, RowError> {
    let ([plain, holding], named) = (CLIENT, binds![client]);
    let found: Vec<Admitting> = match c {
        AnyConnection::Sqlite(c) => statement(plain, named).load(c)?,
        AnyConnection::Postgres(c) => statement(holding, named).load(c)?,
    };
    let rule = found.first().map(|client| client.rule(unreadable));
    Ok(rule.filter(|rule| !matches!(rule, Rule::Everybody)))
}

/// The last that was looked at; none where there are no more.
fn look(
    c: &mut AnyConnection,
    review: &Review,
    rule: &Rule,
    most: i64,
    now: Timestamp,
    unreadable: &mut BTreeSet<String>,
) -> Result<Option<String>, RowError> {
    let after = review.after.as_ref().map_or("", AuthorizationId::as_str);
    let of_client = binds![&review.client, after, &review.client, most];
    let given: Vec<Given> = on!(c => statement(PAGE, of_client).load(c))?;
    let mut judged = HashMap::new();
    let mut left = Vec::new();
    for one in &given {
        if one.live_until.is_none_or(|until| until <= now.as_seconds()) {
            continue;
        }
        let is_admitted = *judged.entry(&*one.user_id).or_insert_with(|| {
            let names = (one.groups.as_deref(), one.roles.as_deref());
            rule.admits(&one.user_id, names, unreadable)
        });
        if !is_admitted {
            left.push(one.id.clone());
        }
    }
    if !left.is_empty() {
        match c {
            AnyConnection::Sqlite(c) => end_each(c, &left, now)?,
            AnyConnection::Postgres(c) => end_together(c, &left, now)?,
        }
    }
    let is_full = i64::try_from(given.len()).unwrap_or(i64::MAX) >= most;
    let last = given.into_iter().next_back().filter(|_| is_full);
    Ok(last.map(|last| last.id))
}

const NOTE: &str = note!("id IN (SELECT value FROM json_each(?))");
const MOVE: &str = "UPDATE authorizations SET token_entries = NULL, token_entries_until = token_entries_until + 1 \
    WHERE id IN (SELECT value FROM json_each(?)) AND revoked_at IS NULL AND token_entries IS NOT NULL AND token_entries_until > ?";
const END_TOGETHER: &str = end_held!(
    "?, ?) AS asked (id, now",
    "a.id = asked.id AND a.token_entries IS NOT NULL AND a.token_entries_until > asked.now"
);

/// One writer: nothing comes between.
fn end_each(c: &mut SqliteConnection, left: &[String], now: Timestamp) -> Result<(), RowError> {
    let left = ids(left);
    statement(NOTE, binds![&left, now]).execute(c)?;
    statement(MOVE, binds![&left, now]).execute(c)?;
    Ok(())
}

/// How [`END_TOGETHER`] is found again.
struct Together;

/// One statement, since a refresh may be committed between two. By their ids, as everybody takes several.
fn end_together(c: &mut PgConnection, left: &[String], now: Timestamp) -> Result<(), RowError> {
    let rows: Vec<_> = left
        .iter()
        .map(|id| [Bind::from(id), Bind::from(now)])
        .collect();
    Grouped::<Together, BigInt>::new(END_TOGETHER, &columns(&rows)).execute(c)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{END_TOGETHER, MOVE, NOTE, PAGE, enqueue, store_now};
    use latchkey_protocol::{ClientId, Timestamp};

    use crate::{
        bulk_ends::GIVEN_CLIENT,
        test_database::{CLIENTS, fill, on_postgres, on_sqlite, plan},
    };

    const OF_CLIENT: [&str; 4] = ["'c'", "'a'", "'c'", "1000"];

    /// A node that is behind would have all of its reviews at once, for a node that is not.
    #[test]
    fn reviews_of_a_node_that_is_behind_are_due_by_the_clock_of_postgres_too() {
        on_postgres("behind", |c| {
            let real = store_now(c, Timestamp::from_seconds(0)).unwrap();
            for (node, jobs) in [(real - 30, 6), (real, 3), (Timestamp::from_seconds(100), 3)] {
                let added = enqueue(c, &ClientId::new("c"), node).unwrap();
                assert_eq!(added, jobs, "{}", node - real);
            }
        });
        on_sqlite(|c| {
            let added = enqueue(c, &ClientId::new("c"), Timestamp::from_seconds(100));
            assert_eq!(added.unwrap(), 3);
        });
    }

    /// Also where the client has next to nothing, or nearly all.
    #[test]
    fn pages_of_a_client_are_found_by_the_client() {
        on_sqlite(|c| {
            for text in [PAGE, GIVEN_CLIENT] {
                let plan = plan(c, text, &OF_CLIENT);
                let range = "INDEX authorizations_client ((client_id,id)>(?,?) AND client_id<?)";
                assert!(plan.contains(range), "{text}: {plan}");
                assert!(!plan.contains("ORDER BY"), "{text}: {plan}");
            }
            for text in [NOTE, MOVE] {
                let plan = plan(c, text, &["'[]'", "9"]);
                assert!(plan.contains("(id=?)"), "{text}: {plan}");
            }
        });
        on_postgres("reviews", |c| {
            fill(c);
            for text in [PAGE, GIVEN_CLIENT] {
                for client in CLIENTS {
                    let plan = plan(c, text, &[client, "''", client, "1000"]);
                    let by = "authorizations_client on authorizations";
                    assert!(plan.contains(by), "{text} of {client}: {plan}");
                    let range = "Index Cond: ((ROW(";
                    assert!(plan.contains(range), "{text} of {client}: {plan}");
                    assert!(!plan.contains("Sort"), "{text} of {client}: {plan}");
                }
            }
            let few = [
                "ARRAY[lpad('7', 36, '0'), lpad('9', 36, '0')]",
                "ARRAY[9, 9]",
            ];
            let plan = plan(c, END_TOGETHER, &few);
            assert!(!plan.contains("Seq Scan on authorizations"), "{plan}");
        });
    }
}
