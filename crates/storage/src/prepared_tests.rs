//! What PostgreSQL keeps prepared: a statement of a verb is parsed and planned once for each connection, not at each call.

mod questions;
mod status_lists;

use diesel::{
    QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::BigInt,
};
use latchkey_protocol::{
    AuthorizationId, Digest, Timestamp, UserId,
    authorization::{Authorization, Handover, RefreshFamily},
    entry_change::EntryChange,
    observe::KeptRefusal,
    session::Use,
};

use crate::{
    access_tokens, attempts,
    authorizations::{self, Entries, Exchanged, ExchangedInSession, Issued, Rotated},
    connection::{AnyConnection, on},
    error::RowError,
    group::Question,
    postgres,
    questions::{AuthorizationOf, CodeOf, ConsentOf, Revoked, SessionOf, SupportOf},
    refusals, sessions, test_database, users,
};
use questions::questions;

const ROWS: &str = "
    INSERT INTO clients (id, metadata, created_at) VALUES ('c', '{\"client_id\":\"c\"}', 0), ('d', '{\"access\":{}}', 0);
    INSERT INTO jobs (kind, payload, run_at, created_at, attempts, lease_owner) VALUES ('admissions', '{}', 0, 0, 1, 'w');
    INSERT INTO users (id, username, password_hash, roles, groups, claims, created_at, updated_at, attributes)
        VALUES ('u', 'u', 'hash', '[]', '[]', '{}', 0, 0, '{}');
    INSERT INTO consents (user_id, client_id, scope, granted_at, claims) VALUES ('u', 'c', 'openid', 0, '[]');
    INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at)
        VALUES ('s', sha256('s'), 'u', 0, 'pwd', 0, 0, 9999, 9999);
    INSERT INTO authorizations (id, client_id, user_id, session_id, scope, offline, auth_time, amr, redirect_uri,
        redirect_uri_sent, code, code_expires_at, created_at, expires_at)
        SELECT 'a', 'c', 'u', 's', 'openid', 1, 0, 'pwd', 'https://c.example', 1, sha256('code'), 9999, 0, 9999
        UNION ALL SELECT 'd' || n, 'd', 'u', 's', 'openid', 1, 0, 'pwd', 'https://c.example', 1,
        sha256(convert_to('d' || n, 'UTF8')), 9999, 0, 9999 FROM generate_series(0, 9) AS n;
    INSERT INTO interactions (digest, browser, request, created_at, expires_at, declined, cost)
        SELECT sha256(convert_to('i' || n, 'UTF8')), sha256('b'), '{}', 0, 9999, 0, 1 FROM generate_series(0, 9) AS n;
";

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = BigInt)]
    statements: i64,
    #[diesel(sql_type = BigInt)]
    plans: i64,
}

fn kept(c: &mut AnyConnection) -> Kept {
    let query = "SELECT count(*) AS statements, coalesce(sum(generic_plans + custom_plans), 0)::bigint AS plans \
                 FROM pg_prepared_statements";
    on!(c => sql_query(query).get_result(c)).unwrap()
}

/// A database of its own with the rows above, as long as `test` needs it.
fn on_postgres(test: impl FnOnce(&mut AnyConnection)) {
    test_database::on_postgres("prepared", |c| {
        c.batch_execute(ROWS).unwrap();
        test(c);
    });
}

fn family() -> RefreshFamily {
    RefreshFamily {
        current: Digest::of("r"),
        issued_at: Timestamp::from_seconds(1),
        idle_expires_at: Timestamp::from_seconds(9),
        kid: "k".into(),
        parent: None,
        expires_at: Timestamp::from_seconds(9),
    }
}

/// Of nothing, and to nothing: what is bound is of the same types.
fn entries() -> Entries {
    Entries::of(&EntryChange::default())
}

fn refusal(n: usize) -> KeptRefusal {
    KeptRefusal {
        reference: format!("f{n}"),
        at: Timestamp::from_seconds(1),
        reason: "x".into(),
        endpoint: "token".into(),
        client_id: None,
        request_id: "r".into(),
        expected: String::new(),
        received: String::new(),
        share: "s".into(),
        neighbourhood: None,
    }
}

fn copy(a: &Authorization, n: usize) -> authorizations::Row {
    let mut copy = a.clone();
    copy.id = AuthorizationId::new(format!("a{n}"));
    let Handover::Code(code) = &mut copy.handover;
    code.code = Digest::of(&copy.id);
    authorizations::Row::from_authorization(&copy)
}

type Verb<'a> = (
    &'static str,
    i64,
    Box<dyn Fn(&mut AnyConnection, usize) -> Result<(), RowError> + 'a>,
);

/// So many questions of a kind, which is what differs from call to call.
fn ask<Q: Question>(c: &mut AnyConnection, n: usize, one: impl Fn() -> Q) -> Result<(), RowError> {
    ask_each(c, &(0..=n).map(|_| one()).collect::<Vec<_>>())
}

fn ask_each<Q: Question>(c: &mut AnyConnection, questions: &[Q]) -> Result<(), RowError> {
    let AnyConnection::Postgres(c) = c else {
        panic!("this is PostgreSQL")
    };
    let answers = Q::ask(c, &questions.iter().collect::<Vec<_>>())?;
    assert_eq!(answers.len(), questions.len());
    Ok(())
}

/// Name, statements, and what it does the nth time.
fn verbs(a: &Authorization) -> Vec<Verb<'_>> {
    let mut all = look_ups();
    all.extend(grouped(a));
    all.extend(alone(a));
    all.extend(others());
    all.extend(status_lists::verbs());
    all
}

fn look_ups() -> Vec<Verb<'static>> {
    let used = Use {
        auth_time: Timestamp::from_seconds(1),
        at: Timestamp::from_seconds(5),
        expires_at: Timestamp::from_seconds(9999),
        noted_before: Timestamp::from_seconds(9),
    };
    vec![
        (
            "support",
            1,
            Box::new(|c, _| authorizations::support(c, &AuthorizationId::new("a"), "j").map(drop)),
        ),
        (
            "authorization",
            1,
            Box::new(|c, _| authorizations::find(c, &AuthorizationId::new("a")).map(drop)),
        ),
        (
            "by code",
            1,
            Box::new(|c, _| authorizations::find_by_code(c, &Digest::of("code")).map(drop)),
        ),
        (
            "session",
            1,
            Box::new(|c, _| {
                sessions::find(c, &Digest::of("s"), Timestamp::from_seconds(1)).map(drop)
            }),
        ),
        (
            "use of a session",
            1,
            Box::new(move |c, _| sessions::note_use(c, "s", used).map(drop)),
        ),
    ]
}

fn grouped(a: &Authorization) -> Vec<Verb<'_>> {
    vec![
        (
            "issue, in a group",
            1,
            Box::new(|c, n| {
                // So that there are codes to exchange, one for each call.
                let one = |copied| Issued {
                    row: copy(a, copied).into(),
                    rests_on_consent: n % 3 > 0,
                };
                ask_each(c, &[one(n), one(1000 + n)][..=n % 2])
            }),
        ),
        (
            "exchange, in a group",
            1,
            Box::new(|c, n| {
                let one = |id: String| Exchanged {
                    id,
                    now: Timestamp::from_seconds(1),
                    refresh: Some(family()),
                    expires_at: Timestamp::from_seconds(9),
                    entries: entries(),
                };
                ask_each(c, &[one(format!("a{n}"))])
            }),
        ),
        (
            "exchange in a session, in a group",
            1,
            Box::new(|c, n| {
                let one = |id: String| {
                    ExchangedInSession(Exchanged {
                        id,
                        now: Timestamp::from_seconds(1),
                        refresh: Some(family()),
                        expires_at: Timestamp::from_seconds(9),
                        entries: entries(),
                    })
                };
                ask_each(c, &[one(format!("d{}", 5 + n))])
            }),
        ),
        (
            "rotate, in a group",
            1,
            Box::new(|c, n| {
                let one = Rotated {
                    id: format!("a{n}"),
                    expected: Digest::of("r"),
                    next: family(),
                    entries: entries(),
                };
                ask_each(c, &[one])
            }),
        ),
    ]
}

fn alone(a: &Authorization) -> Vec<Verb<'_>> {
    vec![
        (
            "issue for an interaction",
            1,
            Box::new(|c, n| {
                let digest = Digest::of(&format!("i{n}"));
                authorizations::issue_at_once(c, &digest, &copy(a, 100 + n), true)
                    .map(|done| assert!(done))
            }),
        ),
        (
            "exchange",
            1,
            Box::new(|c, n| {
                let (now, end) = (Timestamp::from_seconds(1), Timestamp::from_seconds(9));
                let id = AuthorizationId::new(format!("a{}", 100 + n));
                authorizations::exchange(c, &id, now, Some(&family()), end, &entries())
                    .map(|done| assert!(done))
            }),
        ),
        (
            "exchange in a session",
            1,
            Box::new(|c, n| {
                let (now, end) = (Timestamp::from_seconds(1), Timestamp::from_seconds(9));
                let id = AuthorizationId::new(format!("d{n}"));
                authorizations::exchange_in_session(c, &id, now, Some(&family()), end, &entries())
                    .map(|done| assert!(done))
            }),
        ),
        (
            "rotate",
            1,
            Box::new(|c, n| {
                let id = AuthorizationId::new(format!("a{n}"));
                authorizations::rotate(c, &id, &Digest::of("r"), &family(), &entries())
                    .map(|done| assert!(done))
            }),
        ),
        (
            "revoke",
            1,
            Box::new(|c, n| {
                let now = Timestamp::from_seconds(2);
                authorizations::revoke(c, &AuthorizationId::new(format!("a{n}")), now).map(|_| ())
            }),
        ),
        (
            "revoke an access token",
            1,
            Box::new(|c, n| {
                access_tokens::revoke(c, &format!("j{}", n % 2), Timestamp::from_seconds(9))
            }),
        ),
    ]
}

fn others() -> Vec<Verb<'static>> {
    vec![
        (
            "attempts",
            3,
            Box::new(|c, _| {
                let key = Digest::of("key");
                attempts::reserve(c, &[(key.clone(), 3)], Timestamp::from_seconds(9))?;
                attempts::give_back(c, &[key], None, Timestamp::from_seconds(9))
            }),
        ),
        (
            "refusal",
            1,
            Box::new(|c, n| refusals::keep(c, &refusals::Row::from_refusal(&refusal(n)))),
        ),
        (
            "rehash",
            1,
            Box::new(|c, _| users::rehash(c, &UserId::new("u"), "hash", "hash").map(drop)),
        ),
        (
            "sessions that end",
            2,
            Box::new(|c, n| {
                sessions::end(c, &format!("s{n}"), true, Timestamp::from_seconds(9)).map(drop)
            }),
        ),
    ]
}

#[test]
fn each_statement_of_a_verb_is_prepared_once() {
    on_postgres(|c| {
        let a = authorizations::find(c, &AuthorizationId::new("a"))
            .unwrap()
            .unwrap()
            .authorization;
        for (name, statements, verb) in questions().into_iter().chain(verbs(&a)) {
            verb(c, 0).unwrap();
            let before = kept(c);
            for n in 1..4 {
                verb(c, n).unwrap();
            }
            let after = kept(c);
            assert_eq!(
                after.statements, before.statements,
                "{name}: nothing new is prepared"
            );
            assert_eq!(
                after.plans - before.plans,
                3 * statements,
                "{name}: all of it was kept"
            );
        }
    });
}

/// A plan for each number of questions would cost as much as to ask a few, and one that reads a whole table more.
#[test]
fn a_connection_for_groups_plans_a_question_once_however_many_ask_it() {
    test_database::on_postgres("lanes", |c| {
        c.batch_execute(ROWS).unwrap();
        let a = authorizations::find(c, &AuthorizationId::new("a"))
            .unwrap()
            .unwrap()
            .authorization;
        let database =
            on!(c => sql_query("SELECT current_database()::text AS name").get_result::<Named>(c));
        let server = std::env::var("LATCHKEY_TEST_POSTGRES").unwrap();
        let url = format!(
            "{}/{}",
            server.rsplit_once('/').unwrap().0,
            database.unwrap().name
        );
        let link = postgres::Link::new(&url);
        let mut held = postgres::Held::for_groups(&link);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(9);
        let lane = held.connection(deadline).unwrap();
        for n in 0..20 {
            let one = |copied| Issued {
                row: copy(&a, copied).into(),
                rests_on_consent: true,
            };
            ask_each(lane, &[one(n)]).unwrap();
            ask(lane, n % 7, || SupportOf {
                id: "a".into(),
                jti: "j".into(),
            })
            .unwrap();
            c.batch_execute("DELETE FROM authorizations WHERE id <> 'a'")
                .unwrap();
        }
        let planned = "SELECT sum(custom_plans)::bigint AS statements, sum(generic_plans)::bigint AS plans \
            FROM pg_prepared_statements";
        let kept: Kept = on!(lane => sql_query(planned).get_result(lane)).unwrap();
        assert_eq!((kept.statements, kept.plans), (0, 40));
    });
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}
