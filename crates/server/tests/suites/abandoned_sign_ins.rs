//! Sign-ins whose caller closes the connection before the answer.

use std::{io::Write, net::TcpStream, time::Duration};

use argon2::{Argon2, Params, PasswordHasher, password_hash::SaltString};

use crate::support::*;

/// Sends one sign-in as alice over a connection of its own.
async fn post(h: &Harness, password: &str) -> TcpStream {
    let begun = answer(
        plain()
            .get(h.at("/authorize"))
            .query(&Browser::request(&[])),
    )
    .await;
    let cookie = begun
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let at = begun.header("location").to_owned();
    let page = answer(plain().get(&at).header("Cookie", &cookie)).await;
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("csrf", field(&page.text, "csrf").unwrap().as_str()),
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

/// A password whose comparison takes so long that whoever leaves then leaves in the middle.
fn slow(password: &str) -> String {
    let params = Params::new(19 * 1024, 16, 1, None).unwrap();
    let salt = SaltString::from_b64("c2FsdHNhbHRzYWx0").unwrap();
    let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon2
        .hash_password(password.as_bytes(), &salt)
        .unwrap()
        .to_string()
}

#[test]
fn a_wrong_password_that_was_judged_stays_counted_when_its_caller_has_gone() {
    on(Kind::Sqlite, &[], &async |h: Harness| {
        for _ in 0..8 {
            assert_eq!(sign_in(&h, "wrong").await, 401);
        }
        h.store
            .set_password(&h.alice, &slow("alice password"), h.now())
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
