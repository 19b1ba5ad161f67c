//! Sign-ins whose caller closes the connection before the answer.

use std::{io::Write, net::TcpStream, time::Duration};

use crate::support::*;

/// Sends one sign-in as alice over a connection of its own.
async fn post(h: &Harness, password: &str) -> TcpStream {
    let LoginForm { cookie, at, csrf } = h.login_form().await;
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("csrf", csrf.as_str()),
            ("username", "alice"),
            ("password", password),
        ])
        .finish();
    let (address, path) = (
        h.address.strip_prefix("http://").unwrap(),
        at.strip_prefix(&h.address).unwrap(),
    );
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

async fn wait(milliseconds: u64) {
    actix_web::rt::time::sleep(Duration::from_millis(milliseconds)).await;
}

async fn sign_in(h: &Harness, password: &str) -> u16 {
    let browser = h.browser();
    browser.act_as("alice", password);
    let (at, page) = browser.page(browser.begin(&[]).await).await;
    browser.login(&at, &page.text).await.status
}

#[test]
fn whoever_leaves_before_the_answer_is_not_locked_out_of_their_own_account() {
    on_both(async |h| {
        for n in 0..12 {
            let stream = post(&h, "alice password").await;
            wait(10 + n % 3 * 5).await;
            drop(stream);
        }
        wait(500).await;
        assert_eq!(sign_in(&h, "alice password").await, 303);
    });
}

/// Argon2id of `alice password` in 16 passes: its comparison takes so long that whoever leaves then leaves in the middle.
const SLOW: &str =
    "$argon2id$v=19$m=19456,t=16,p=1$c2FsdHNhbHRzYWx0$a/2X8WQhUunCo51UP1R8bN7T6Msgb6en19skzy/V8JA";

#[test]
fn a_wrong_password_that_was_judged_stays_counted_when_its_caller_has_gone() {
    on(Kind::Sqlite, &[], &async |h: Harness| {
        for _ in 0..8 {
            assert_eq!(sign_in(&h, "wrong").await, 401);
        }
        h.store
            .set_password(&h.alice, None, SLOW, h.moment())
            .await
            .unwrap()
            .unwrap();

        for password in ["guess", "another guess"] {
            let stream = post(&h, password).await;
            wait(100).await;
            drop(stream);
            // Until it is judged.
            wait(3500).await;
        }

        assert_eq!(
            sign_in(&h, "alice password").await,
            429,
            "two more guesses were judged"
        );
    });
}
