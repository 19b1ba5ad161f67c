//! Users piece by piece: in an order, or found by the beginning of a name, an address or a subject. Each text has an index.

use diesel::{prelude::*, sql_types::BigInt};
use latchkey_protocol::{
    Timestamp,
    page::Page,
    user_list::{ListedUser, UserCursor, UserPage, UserQuery, UserSearch, UserSort},
};

use super::Row;
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    statement::{Bind, binds, statement},
};

/// How often a search looks for what one piece lacks. Users of whom several texts are found are shown at the first of them: a
/// piece that would need more is handed over as it is.
const ROUNDS: usize = 8;
/// What begins with a text is not greater than that text and this.
const GREATEST: char = char::MAX;

type Texts = [&'static str; 2];

/// A text for SQLite, which compares bytes, and one for PostgreSQL, which is told to at the end of each part but the last.
macro_rules! by_bytes {
    (@ $bytes:literal $($part:literal)+) => { concat!("SELECT * FROM users WHERE ", $($part, $bytes),+, " LIMIT ?") };
    ($($part:literal)+) => { [by_bytes!(@ "" $($part)+), by_bytes!(@ " COLLATE \"C\"" $($part)+)] };
}

const BY_NAME: Texts = by_bytes!("username" " > ? ORDER BY username");
const BY_CREATION: &str =
    "SELECT * FROM users WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?";
const BY_SIGN_IN: &str = "SELECT * FROM users WHERE (last_sign_in_at, id) < (?, ?) \
    ORDER BY last_sign_in_at DESC, id DESC LIMIT ?";

const FOUND_BY_USERNAME: Texts =
    by_bytes!("username" " >= ? AND username" " < ? ORDER BY username");
const FOUND_BY_EMAIL: Texts =
    by_bytes!("email_key" " >= ? AND email_key" " < ? ORDER BY email_key");
const FOUND_BY_SUBJECT: Texts = by_bytes!("id" " >= ? AND id" " < ? ORDER BY id");
/// The only one that many users may share.
const FOUND_BY_NAME: Texts = by_bytes!(
    "(lower(name" "), id" ") > (?, ?) AND lower(name" ") < ? ORDER BY lower(name" "), id"
);

#[derive(QueryableByName)]
struct Listed {
    #[diesel(embed)]
    user: Row,
    #[diesel(sql_type = BigInt)]
    last_sign_in_at: i64,
}

impl Listed {
    fn into_listed(self) -> Result<ListedUser, RowError> {
        Ok(ListedUser {
            user: self.user.into_user()?,
            last_sign_in_at: signed_in(self.last_sign_in_at),
        })
    }

    fn cursor(&self, sort: UserSort) -> UserCursor {
        UserCursor {
            key: match sort {
                UserSort::Name => self.user.username.clone(),
                UserSort::Created => self.user.created_at.0.as_seconds().to_string(),
                UserSort::LastSignIn => self.last_sign_in_at.to_string(),
            },
            id: self.user.id.clone(),
        }
    }
}

/// 0: never.
pub fn signed_in(at: i64) -> Option<Timestamp> {
    (at > 0).then(|| Timestamp::from_seconds(at))
}

pub fn list(
    c: &mut AnyConnection,
    query: &UserQuery,
    page: &Page<UserCursor>,
) -> Result<UserPage, RowError> {
    match query {
        UserQuery::All(sort) => sorted(c, *sort, page),
        UserQuery::Found(search) => found(c, search, page),
    }
}

/// Each backend has its own text.
fn load(
    c: &mut AnyConnection,
    [bytes, told]: Texts,
    binds: &[Bind<'_>],
) -> Result<Vec<Listed>, RowError> {
    Ok(match c {
        AnyConnection::Sqlite(c) => statement(bytes, binds).load(c)?,
        AnyConnection::Postgres(c) => statement(told, binds).load(c)?,
    })
}

fn sorted(
    c: &mut AnyConnection,
    sort: UserSort,
    page: &Page<UserCursor>,
) -> Result<UserPage, RowError> {
    // One more than is asked for says whether there is a next piece.
    let limit = page.limit + 1;
    let after = page.after.as_ref();
    let key = after.map_or("", |after| &after.key);
    let id = after.map_or("", |after| &after.id);
    let at = after.map_or(Timestamp::from_seconds(i64::MAX), UserCursor::moment);
    let mut rows = match sort {
        UserSort::Name => load(c, BY_NAME, binds![key, limit])?,
        UserSort::Created => on!(c => statement(BY_CREATION, binds![at, id, limit]).load(c))?,
        UserSort::LastSignIn => on!(c => statement(BY_SIGN_IN, binds![at, id, limit]).load(c))?,
    };
    let asked = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let is_more = rows.len() > asked;
    rows.truncate(asked);
    let next = rows.last().filter(|_| is_more).map(|row| row.cursor(sort));
    let users = rows.into_iter().map(Listed::into_listed);
    Ok(UserPage {
        users: users.collect::<Result<_, _>>()?,
        next,
    })
}

/// A user at the place of one of the texts that are found.
struct Candidate {
    place: UserCursor,
    row: Listed,
}

/// The texts of a user that begin as is searched for.
fn texts_found(row: &Row, search: &UserSearch) -> impl Iterator<Item = String> {
    let texts = [
        (Some(row.username.clone()), &search.username),
        (row.email_key.clone(), &search.email),
        (
            row.name.as_deref().map(str::to_ascii_lowercase),
            &search.name,
        ),
        (Some(row.id.clone()), &search.subject),
    ];
    let found = texts.map(|(text, start)| text.filter(|text| text.starts_with(start)));
    found.into_iter().flatten()
}

/// The next texts that are found, of each kind as many as are asked for, in one order; and up to where nothing is missing.
fn candidates(
    c: &mut AnyConnection,
    search: &UserSearch,
    after: Option<&UserCursor>,
    limit: i64,
) -> Result<(Vec<Candidate>, Option<UserCursor>), RowError> {
    let (mut all, mut complete): (Vec<Candidate>, Option<UserCursor>) = (Vec::new(), None);
    let mut add = |rows: Vec<Listed>, key: fn(&Row) -> Option<String>| {
        let is_full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= limit;
        let mut last = None;
        for row in rows {
            let place = UserCursor {
                key: key(&row.user).unwrap_or_default(),
                id: row.user.id.clone(),
            };
            last = Some(place.clone());
            if after.is_none_or(|after| place > *after) {
                all.push(Candidate { place, row });
            }
        }
        if let Some(last) = last.filter(|_| is_full) {
            complete = Some(
                complete
                    .take()
                    .map_or(last.clone(), |known| known.min(last)),
            );
        }
    };
    let key = after.map_or("", |after| after.key.as_str());
    let end = |start: &str| format!("{start}{GREATEST}");
    let mut unique = |texts: Texts, start: &str| {
        let from = start.max(key);
        load(c, texts, binds![from, &end(start), limit])
    };
    add(unique(FOUND_BY_USERNAME, &search.username)?, |row| {
        Some(row.username.clone())
    });
    add(unique(FOUND_BY_EMAIL, &search.email)?, |row| {
        row.email_key.clone()
    });
    add(unique(FOUND_BY_SUBJECT, &search.subject)?, |row| {
        Some(row.id.clone())
    });
    let start = search.name.as_str();
    let (from, id) = match after {
        Some(after) if after.key.as_str() >= start => (key, after.id.as_str()),
        _ => (start, ""),
    };
    let by_name = load(c, FOUND_BY_NAME, binds![from, id, &end(start), limit])?;
    add(by_name, |row| {
        row.name.as_deref().map(str::to_ascii_lowercase)
    });
    all.sort_by(|a, b| a.place.cmp(&b.place));
    // A user name and a display name may be the same text.
    all.dedup_by(|a, b| a.place == b.place);
    Ok((all, complete))
}

/// By the texts that are found, each user at the first of theirs.
fn found(
    c: &mut AnyConnection,
    search: &UserSearch,
    page: &Page<UserCursor>,
) -> Result<UserPage, RowError> {
    let asked = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let (mut users, mut seen, mut shown) = (Vec::new(), page.after.clone(), None);
    for _ in 0..ROUNDS {
        let (candidates, complete) = candidates(c, search, seen.as_ref(), page.limit + 1)?;
        for Candidate { place, row } in candidates {
            if complete.as_ref().is_some_and(|complete| place > *complete) {
                break;
            }
            let is_first = texts_found(&row.user, search).min().as_ref() == Some(&place.key);
            if is_first && users.len() == asked {
                return Ok(UserPage { users, next: shown });
            }
            if is_first {
                users.push(row.into_listed()?);
                shown = Some(place);
            }
        }
        match complete {
            None => return Ok(UserPage { users, next: None }),
            Some(complete) => seen = Some(complete),
        }
    }
    Ok(UserPage { users, next: seen })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use diesel::connection::SimpleConnection;

    use super::{super::administrators, *};
    use crate::test_database::{on_postgres, on_sqlite, plan};

    const ROWS: &str = "
        INSERT INTO users (id, username, email, email_key, name, roles, groups, claims, created_at, updated_at, last_sign_in_at)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
            SELECT 'u' || n, 'u' || n, 'u' || n || '@example.org', 'u' || n || '@example.org', 'Name ' || (n % 500),
                CASE WHEN n < 4 THEN '[\"x\",\"admin\"]' ELSE '[\"x\"]' END, '[]', '{}', n / 3, 0, n % 7 * n FROM n;
        ANALYZE;";

    /// Each text, its values, and its index on SQLite and on PostgreSQL.
    fn texts() -> [(Texts, &'static [&'static str], [&'static str; 2]); 9] {
        const PIECE: &[&str] = &["'u3'", "'u4'", "50"];
        [
            (
                BY_NAME,
                &["'u3'", "50"],
                ["sqlite_autoindex_users_2", "users_name_bytes"],
            ),
            (
                [BY_CREATION; 2],
                &["3000", "'u'", "50"],
                ["users_created"; 2],
            ),
            (
                [BY_SIGN_IN; 2],
                &["3000", "'u'", "50"],
                ["users_last_sign_in"; 2],
            ),
            (
                FOUND_BY_USERNAME,
                PIECE,
                ["sqlite_autoindex_users_2", "users_name_bytes"],
            ),
            (
                FOUND_BY_EMAIL,
                PIECE,
                ["users_email_key", "users_address_bytes"],
            ),
            (
                FOUND_BY_SUBJECT,
                PIECE,
                ["sqlite_autoindex_users_1", "users_id_bytes"],
            ),
            (
                FOUND_BY_NAME,
                &["'name 3'", "'u'", "'name 4'", "50"],
                ["users_display_name"; 2],
            ),
            ([administrators::ANY; 2], &[], ["users_administrators"; 2]),
            (
                administrators::ONE_OF_SEVERAL,
                &["'u7'"],
                ["users_administrators"; 2],
            ),
        ]
    }

    #[test]
    fn sqlite_finds_each_piece_by_an_index_and_sorts_nothing() {
        on_sqlite(|c| {
            c.batch_execute(ROWS).unwrap();
            for ([text, _], values, [index, _]) in texts() {
                let plan = plan(c, text, values);
                assert!(plan.contains(&format!("INDEX {index}")), "{text}: {plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{text}: {plan}");
            }
        });
    }

    #[test]
    fn postgres_finds_each_piece_by_an_index_and_sorts_nothing() {
        on_postgres("user_list", |c| {
            c.batch_execute(ROWS).unwrap();
            for ([_, text], values, [_, index]) in texts() {
                let plan = plan(c, text, values);
                assert!(plan.contains(&format!(" {index} ")), "{text}: {plan}");
                assert!(!plan.contains("Sort"), "{text}: {plan}");
            }
        });
    }
}
