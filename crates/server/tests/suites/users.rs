//! Users: their sign-ins beside what administrators do, their names, addresses and passwords.

use futures_util::future::join_all;
use latchkey_protocol::store::LastAdministrator;

use crate::support::*;

/// Many browsers of alice that stand before the login page.
async fn before_the_page(h: &Harness, count: usize) -> Vec<(Browser, String, String)> {
    let mut all = Vec::new();
    for _ in 0..count {
        let browser = h.browser();
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        all.push((browser, at, page.text));
    }
    all
}

#[test]
fn a_sign_in_under_way_does_not_survive_a_disable_or_a_new_password() {
    on_both(async |h| {
        let hash = h
            .store
            .user(&h.alice)
            .await
            .unwrap()
            .unwrap()
            .password_hash
            .unwrap();
        for round in 0..4 {
            let browsers = before_the_page(&h, 6).await;
            let sign_ins = join_all(
                browsers
                    .iter()
                    .map(|(browser, at, page)| browser.login(at, page)),
            );
            let lock_out = async {
                // While passwords are being compared.
                actix_web::rt::time::sleep(std::time::Duration::from_millis(30 + 25 * round)).await;
                match round % 2 {
                    0 => {
                        let last = LastAdministrator::Stays;
                        let ended = h.store.disable_user(&h.alice, None, last, h.moment()).await;
                        ended.unwrap();
                    }
                    _ => drop(
                        h.store
                            .set_password(
                                &h.alice,
                                None,
                                "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
                                h.moment(),
                            )
                            .await
                            .unwrap(),
                    ),
                }
            };
            let (answers, _) = tokio::join!(sign_ins, lock_out);
            assert!(
                answers.iter().all(|a| [303, 401].contains(&a.status)),
                "{answers:?}"
            );
            assert_eq!(
                h.store.sessions(Some(&h.alice)).await.unwrap(),
                [],
                "round {round}"
            );
            h.store
                .enable_user(&h.alice, None, h.moment())
                .await
                .unwrap();
            h.store
                .set_password(&h.alice, None, &hash, h.moment())
                .await
                .unwrap();
            for (browser, ..) in &browsers {
                let back = browser.authorize(&[("prompt", "none")]).await;
                assert_eq!(
                    back["error"], "login_required",
                    "enabling brings no session back"
                );
            }
            h.pass(600);
        }
    });
}

#[test]
fn users_sign_in_by_name_or_address_however_it_is_written() {
    on_both(async |h| {
        for typed in [
            "alice",
            "ALICE",
            "\u{ff41}lice",
            " Alice@Example.ORG ",
            "alice@example.org",
        ] {
            let browser = h.browser();
            browser.act_as(typed, "alice password");
            assert!(browser.authorize(&[]).await.contains_key("code"), "{typed}");
        }
        let browser = h.browser();
        let (_, page) = browser.page(browser.begin(&[]).await).await;
        assert!(
            page.text.contains("User name or email address"),
            "{}",
            page.text
        );
        for longest in ["maxlength=\"254\"", "maxlength=\"1024\""] {
            assert!(
                page.text.contains(longest),
                "what may be set may be typed: {longest}"
            );
        }
        for typed in ["alice@", "alice@example.org.example", "\u{430}lice"] {
            let browser = h.browser();
            browser.act_as(typed, "alice password");
            let (at, page) = browser.page(browser.begin(&[]).await).await;
            assert_eq!(browser.login(&at, &page.text).await.status, 401, "{typed}");
        }
    });
}

async fn wrong(h: &Harness, address: &str, names: &[&str]) -> Vec<u16> {
    let browser = h.browser_sending(&[("X-Forwarded-For", address)]);
    let (at, page) = browser.page(browser.begin(&[]).await).await;
    let mut statuses = Vec::new();
    for name in names {
        browser.act_as(name, "wrong");
        statuses.push(browser.login(&at, &page.text).await.status);
    }
    statuses
}

const PROXY: (&str, &str) = ("LATCHKEY_TRUSTED_PROXIES", "127.0.0.0/8");

/// By the bound that a user has from everywhere.
#[test]
fn attempts_by_name_and_by_address_count_together() {
    on_both_with(&[PROXY], async |h| {
        for network in 0..10 {
            let both = [
                "alice",
                "alice@example.org",
                "\u{ff41}LICE",
                "Alice@example.ORG",
                "alice",
            ]
            .repeat(2);
            assert_eq!(
                wrong(&h, &format!("198.51.100.{network}"), &both).await,
                [401; 10]
            );
        }
        for typed in ["alice", "alice@example.org"] {
            assert_eq!(wrong(&h, "192.0.2.1", &[typed]).await, [429], "{typed}");
        }
        assert_eq!(wrong(&h, "192.0.2.1", &["bob"]).await, [401]);
    });
}

#[test]
fn whose_address_it_is_cannot_be_told_by_what_is_counted() {
    on_both_with(&[PROXY], async |h| {
        let asked = async |network: &str, address: &str, name: &str| {
            let mut statuses = wrong(&h, network, &[address].repeat(11)).await;
            statuses.extend(wrong(&h, network, &[name]).await);
            statuses
        };
        let known = asked("192.0.2.1", "bob@example.org", "bob").await;
        assert_eq!(
            known,
            asked("192.0.2.2", "nobody@example.org", "nobody").await
        );
        assert_eq!(known[9..], [401, 429, 401]);
    });
}

/// Argon2id of `x` with low costs and without a key, as an earlier version or another system may have made it.
const OLD: &str =
    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$LJs+jUcUGLFIlYWQ6Nf5uSUtHNndcqcQT83C8M+2evI";

#[test]
fn an_old_password_signs_in_and_is_renewed_under_the_master_key_by_two_at_once() {
    on_both(async |h| {
        h.store
            .set_password(&h.alice, None, OLD, h.moment())
            .await
            .unwrap();
        let browsers = before_the_page(&h, 4).await;
        let sign_in = |(browser, at, page): &(Browser, String, String)| {
            browser.act_as("alice", "x");
            let (browser, at, page) = (browser.http.clone(), at.clone(), page.clone());
            async move {
                let csrf = field(&page, "csrf").unwrap();
                let form = [
                    ("csrf", csrf.as_str()),
                    ("username", "alice"),
                    ("password", "x"),
                ];
                answer(browser.post(at).form(&form)).await.status
            }
        };
        assert_eq!(
            join_all(browsers.iter().map(sign_in)).await,
            [303; 4],
            "short ones from before stay good"
        );
        let renewed = h
            .store
            .user(&h.alice)
            .await
            .unwrap()
            .unwrap()
            .password_hash
            .unwrap();
        assert!(
            renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1,keyid="),
            "{renewed}"
        );
        let browser = h.browser();
        browser.act_as("alice", "x");
        assert!(browser.authorize(&[]).await.contains_key("code"));
        assert_eq!(
            h.store
                .user(&h.alice)
                .await
                .unwrap()
                .unwrap()
                .password_hash
                .unwrap(),
            renewed,
            "once"
        );
    });
}
