//! PostgreSQL ends connections, goes away and comes back: callers wait a moment, then hear when to come again.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::support::*;

/// Runs SQL beside the database of the test, which may be closed.
fn admin(statements: &[String]) {
    let server = postgres().unwrap();
    let mut psql = Command::new("psql");
    psql.args(["-q", "-v", "ON_ERROR_STOP=1", &server]);
    psql.args(statements.iter().flat_map(|statement| ["-c", statement]));
    let done = psql.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn name(h: &Harness) -> String {
    h.database.url.rsplit('/').next().unwrap().to_owned()
}

fn end_connections(h: &Harness) -> String {
    format!(
        "DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'; END $$",
        name(h)
    )
}

fn close(h: &Harness) {
    admin(&[
        format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", name(h)),
        end_connections(h),
    ]);
}

fn open(h: &Harness) {
    admin(&[format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", name(h))]);
}

/// A server whose connections have all ended, told by nobody: the next caller finds out.
#[test]
fn whoever_meets_a_connection_that_has_ended_is_answered_by_another() {
    on(Kind::Postgres, &[], &async |h: Harness| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let access = tokens["access_token"].as_str().unwrap();
        let mut refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
        for _ in 0..4 {
            admin(&[end_connections(&h)]);
            for _ in 0..6 {
                assert_eq!(h.userinfo(access).await.status, 200, "a read runs again");
            }
            admin(&[end_connections(&h)]);
            let answer = h.refresh(&refresh).await;
            assert_eq!(
                answer.status, 200,
                "a write that was not done runs again: {answer:?}"
            );
            refresh = answer.json["refresh_token"].as_str().unwrap().to_owned();
        }
        let code = h.code(&browser, &[("prompt", "none")]).await;
        admin(&[end_connections(&h)]);
        assert_eq!(h.exchange(&code).await.status, 200);
        assert_eq!(h.exchange(&code).await.error(), "invalid_grant", "and once");
    });
}

#[test]
fn while_the_database_is_away_a_caller_waits_a_moment() {
    on(Kind::Postgres, &[], &async |h: Harness| {
        let tokens = h.tokens(&h.browser()).await;
        let access = tokens["access_token"].as_str().unwrap();
        close(&h);
        let back = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            open(&h);
        };
        let (answer, ()) = tokio::join!(h.userinfo(access), back);
        assert_eq!(answer.status, 200, "{answer:?}");
    });
}

#[test]
fn while_the_database_is_away_every_door_says_when_to_come_again() {
    on(Kind::Postgres, &[], &async |h: Harness| {
        let browser = h.browser();
        let tokens = h.tokens(&browser).await;
        let (access, refresh) = (
            tokens["access_token"].as_str().unwrap(),
            tokens["refresh_token"].as_str().unwrap(),
        );
        let (login, shown) = browser
            .page(browser.begin(&[("prompt", "login")]).await)
            .await;
        close(&h);
        let (asked, ended) = ([("token", access)], [("token", refresh)]);
        let started = Instant::now();
        let (token, bearer, seen, revoked, begun, page, ready, health) = tokio::join!(
            h.refresh(refresh),
            h.userinfo(access),
            h.post_as_app("/introspect", &asked),
            h.post_as_app("/revoke", &ended),
            browser.begin(&[]),
            browser.login(&login, &shown.text),
            answer(plain().get(h.at("/readyz"))),
            answer(plain().get(h.at("/healthz"))),
        );
        assert!(
            started.elapsed() < Duration::from_secs(6),
            "{:?}",
            started.elapsed()
        );
        for answer in [&token, &bearer, &seen, &revoked] {
            assert_eq!(
                (answer.status, answer.error()),
                (503, "temporarily_unavailable"),
                "{answer:?}"
            );
            assert_eq!(
                (answer.header("retry-after"), answer.header("cache-control")),
                ("2", "no-store")
            );
            assert_eq!(
                answer.header("access-control-allow-origin"),
                "*",
                "a single-page app reads it too"
            );
        }
        // Where the client was still known, the app's address is proven, and it hears of it (RFC 6749 4.1.2.1).
        let told = begun.status == 303
            && begun
                .header("location")
                .contains("error=temporarily_unavailable");
        for page in [&begun, &page]
            .into_iter()
            .filter(|page| !(told && std::ptr::eq(*page, &begun)))
        {
            assert_eq!(
                (page.status, page.header("retry-after")),
                (503, "2"),
                "{page:?}"
            );
            assert!(page.text.contains("error-page"), "{}", page.text);
        }
        for answer in [&token, &bearer, &seen, &revoked, &begun, &page] {
            for word in ["database", "postgres", "connection"] {
                assert!(!answer.text.contains(word), "{word} in {}", answer.text);
            }
        }
        assert_eq!((ready.status, health.status), (503, 200));

        // A flood meanwhile is answered in time, each caller of it.
        let flood = (0..200).map(|_| h.userinfo(access));
        let started = Instant::now();
        let answers = futures_util::future::join_all(flood).await;
        assert!(answers.iter().all(|a| a.status == 503));
        assert!(
            started.elapsed() < Duration::from_secs(6),
            "{:?}",
            started.elapsed()
        );

        open(&h);
        let started = Instant::now();
        while h.userinfo(access).await.status != 200 {
            assert!(
                started.elapsed() < Duration::from_secs(5),
                "it comes back by itself"
            );
        }
        assert_eq!(
            h.refresh(refresh).await.status,
            200,
            "nothing was half done"
        );
    });
}
