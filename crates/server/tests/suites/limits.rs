//! How often something may be tried, and how much of what strangers make is kept.

use futures_util::future::join_all;

use crate::support::*;

pub const PROXY: (&str, &str) = ("LATCHKEY_TRUSTED_PROXIES", "127.0.0.0/8");

pub fn from(address: &str) -> [(&str, &str); 1] {
    [("X-Forwarded-For", address)]
}

/// The status of one more sign-in in this browser.
pub async fn sign_in(browser: &Browser, user: &str, password: &str) -> u16 {
    browser.act_as(user, password);
    let (at, page) = browser
        .page(browser.begin(&[("prompt", "login")]).await)
        .await;
    assert_eq!(page.status, 200, "{}", page.text);
    browser.login(&at, &page.text).await.status
}

/// Statuses, each with how often it came.
pub fn tally(statuses: impl IntoIterator<Item = u16>) -> Vec<(u16, usize)> {
    let mut all = std::collections::BTreeMap::new();
    for status in statuses {
        *all.entry(status).or_insert(0) += 1;
    }
    all.into_iter().collect()
}

pub async fn guesses(browser: &Browser, user: &str, many: usize) -> Vec<(u16, usize)> {
    browser.act_as(user, "wrong");
    let (at, page) = browser
        .page(browser.begin(&[("prompt", "login")]).await)
        .await;
    tally(
        join_all((0..many).map(|_| browser.login(&at, &page.text)))
            .await
            .iter()
            .map(|answer| answer.status),
    )
}

#[test]
fn of_sixty_parallel_guesses_ten_are_judged() {
    on_both(async |h| {
        let browser = h.browser();
        assert_eq!(guesses(&browser, "alice", 60).await, [(401, 10), (429, 50)]);
        assert_eq!(sign_in(&browser, "alice", "alice password").await, 429);
        assert_eq!(sign_in(&browser, "bob", "bob password").await, 303);
        h.pass(600);
        assert_eq!(sign_in(&browser, "alice", "alice password").await, 303);
    });
}

#[test]
fn strangers_do_not_lock_a_user_out_of_their_own_browser() {
    on_both_with(&[PROXY], async |h| {
        let own = h.browser_sending(&from("203.0.113.1"));
        assert_eq!(sign_in(&own, "alice", "alice password").await, 303);
        assert!(own.get(&h.at("/logout")).await.status < 400);
        for network in 0..10 {
            let stranger = h.browser_sending(&from(&format!("198.51.100.{network}")));
            assert_eq!(
                guesses(&stranger, "alice", 10).await,
                [(401, 10)],
                "{network}"
            );
        }
        let elsewhere = h.browser_sending(&from("192.0.2.1"));
        assert_eq!(
            sign_in(&elsewhere, "alice", "alice password").await,
            429,
            "a hundred are enough"
        );
        assert_eq!(sign_in(&own, "alice", "alice password").await, 303);
        // It has a count of its own, and no more than that.
        assert_eq!(guesses(&own, "alice", 12).await, [(401, 10), (429, 2)]);
    });
}

#[test]
fn a_browser_is_known_by_a_cookie_that_nobody_can_make_and_that_a_new_password_ends() {
    on_both_with(&[PROXY], async |h| {
        let own = h.browser_sending(&from("203.0.113.1"));
        let (at, page) = own.page(own.begin(&[]).await).await;
        let signed_in = own.login(&at, &page.text).await;
        let mut cookies = signed_in
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|c| c.to_str().unwrap());
        let known = cookies.find(|c| c.starts_with("latchkey-known=")).unwrap();
        assert!(
            known.contains("HttpOnly") && known.contains("Max-Age"),
            "{known}"
        );
        let value = known.split(';').next().unwrap().split_once('=').unwrap().1;
        let (secret, proof) = value.split_once('.').unwrap();
        for n in 0..10 {
            guesses(
                &h.browser_sending(&from(&format!("198.51.100.{n}"))),
                "alice",
                10,
            )
            .await;
        }
        let with = |cookie: String| {
            h.browser_sending(&[("X-Forwarded-For", "203.0.113.1"), ("Cookie", &cookie)])
        };
        assert_eq!(sign_in(&own, "alice", "alice password").await, 303);
        for forged in [
            secret.to_owned(),
            format!("{secret}.{}", &proof[1..]),
            format!("lk_known_{}.{proof}", "x".repeat(43)),
        ] {
            let forged = with(format!("latchkey-known={forged}"));
            assert_eq!(login_with_cookies(&forged).await, 429);
        }
        let hash = h
            .app
            .ui
            .sign_in
            .password_key()
            .hash("another password", &*h.app.ui.entropy)
            .unwrap();
        h.store
            .set_password(&h.alice, None, &hash, h.moment())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(sign_in(&own, "alice", "another password").await, 429);
    });
}

/// A sign-in as alice in a browser that sends cookies of its own making: the interaction's is added by hand.
async fn login_with_cookies(browser: &Browser) -> u16 {
    let begun = browser.begin(&[]).await;
    let given = begun
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let at = browser.location(&begun);
    let page = answer(browser.http.get(&at).header("Cookie", &given)).await;
    let csrf = field(&page.text, "csrf").unwrap();
    let form = [
        ("csrf", csrf.as_str()),
        ("username", "alice"),
        ("password", "alice password"),
    ];
    answer(browser.http.post(&at).header("Cookie", &given).form(&form))
        .await
        .status
}

#[test]
fn a_flood_from_one_network_keeps_no_honest_sign_in_away() {
    on_both_with(&[PROXY], async |h| {
        let mut flood = Vec::new();
        for n in 0..100 {
            let browser = h.browser_sending(&from(&format!("2001:db8:0:{n:x}::1")));
            browser.act_as(&format!("nobody{n}"), "wrong");
            let (at, page) = browser.page(browser.begin(&[]).await).await;
            flood.push((browser, at, page.text));
        }
        let mut honest = Vec::new();
        for n in 0..20 {
            let browser = h.browser_sending(&from(&format!("198.51.{n}.1")));
            let (at, page) = browser.page(browser.begin(&[]).await).await;
            honest.push((browser, at, page.text));
        }
        let flooding = join_all(
            flood
                .iter()
                .map(|(browser, at, page)| browser.login(at, page)),
        );
        let signing_in = async {
            actix_web::rt::time::sleep(std::time::Duration::from_millis(100)).await;
            join_all(
                honest
                    .iter()
                    .map(|(browser, at, page)| browser.login(at, page)),
            )
            .await
        };
        let (flooded, signed_in) = futures_util::future::join(flooding, signing_in).await;
        assert_eq!(tally(signed_in.iter().map(|a| a.status)), [(303, 20)]);
        let busy = flooded
            .iter()
            .find(|a| a.status == 503)
            .expect("one network does not get all places");
        assert!(!busy.header("retry-after").is_empty());
    });
}

/// What browsers say of a request that fetches part of another page.
const PICTURE: [(&str, &str); 3] = [
    ("Sec-Fetch-Mode", "no-cors"),
    ("Sec-Fetch-Dest", "image"),
    ("Sec-Fetch-Site", "cross-site"),
];
const FRAME: [(&str, &str); 3] = [
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "iframe"),
    ("Sec-Fetch-Site", "cross-site"),
];
const VISIT: [(&str, &str); 3] = [
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Site", "cross-site"),
];

#[test]
fn what_is_no_visit_begins_no_sign_in_and_locks_nobody() {
    on_both(async |h| {
        let pictures = h.browser_sending(&PICTURE);
        for _ in 0..5150 {
            let refused = pictures.begin(&[]).await;
            assert_eq!((refused.status, refused.header("set-cookie")), (403, ""));
        }
        assert_eq!(h.browser_sending(&FRAME).begin(&[]).await.status, 403);
        for fetched in [&VISIT[..], &[]] {
            let visitor = h.browser_sending(fetched);
            assert!(visitor.authorize(&[]).await.contains_key("code"));
        }
        // A frame may ask in silence: that leaves nothing behind.
        let frame = h.browser_sending(&FRAME);
        assert_eq!(
            frame.authorize(&[("prompt", "none")]).await["error"],
            "login_required"
        );
    });
}

#[test]
fn what_one_browser_begins_is_its_own_affair() {
    on_both(async |h| {
        // 5 kB, which count as three.
        let (state, nonce) = ("x".repeat(4096), "x".repeat(1024));
        let large = [("state", state.as_str()), ("nonce", nonce.as_str())];
        let (one, first) = (h.browser(), h.browser());
        let (kept_at, _) = first.page(first.begin(&[]).await).await;
        for _ in 0..1700 {
            assert_eq!(one.begin(&large).await.status, 303);
        }
        assert_eq!(
            first.get(&kept_at).await.status,
            200,
            "another browser's stays"
        );
        // Without cookies each is a browser of its own, and the network's room is used up by size.
        let http = plain();
        let mut begun = 0;
        loop {
            let answer = answer(
                http.get(h.at("/authorize"))
                    .query(&Browser::request(&large)),
            )
            .await;
            if answer.status != 303 {
                assert_eq!(answer.status, 429);
                break;
            }
            assert!(
                answer.header("location").contains("/login/"),
                "{}",
                answer.header("location")
            );
            begun += 1;
        }
        assert_eq!(
            begun,
            (5000 - 20 * 3 - 1) / 3,
            "of 5,000, less what the browsers have"
        );
    });
}

#[test]
fn nodes_on_one_database_share_the_counts() {
    on(Kind::Postgres, &[], &async |h: Harness| {
        let other = h.another_node().await;
        let (here, there) = (h.browser(), h.browser_at(&other));
        assert_eq!(guesses(&here, "alice", 6).await, [(401, 6)]);
        assert_eq!(guesses(&there, "alice", 6).await, [(401, 4), (429, 2)]);
        let (here, there) = (h.browser(), h.browser_at(&other));
        let (one, two) =
            futures_util::future::join(guesses(&here, "bob", 30), guesses(&there, "bob", 30)).await;
        let judged = |tally: Vec<(u16, usize)>| {
            tally
                .iter()
                .find(|(status, _)| *status == 401)
                .map_or(0, |(_, n)| *n)
        };
        assert_eq!(judged(one) + judged(two), 10);
        let token = async |at: &str, secret: &str| {
            let request = plain()
                .post(format!("{at}/token"))
                .header("Authorization", basic("app", secret));
            answer(request.form(&[("grant_type", "client_credentials")]))
                .await
                .status
        };
        for n in 0..20 {
            assert_eq!(token(&h.address, &format!("guess {n}")).await, 401);
        }
        assert_eq!(token(&other, "wrong").await, 429);
        assert_eq!(token(&other, SECRET).await, 429);
    });
}

#[test]
fn where_attempts_cannot_be_counted_nobody_signs_in_and_secrets_are_counted_by_the_node() {
    on_both(async |h| {
        h.sql("ALTER TABLE attempts RENAME TO gone");
        let browser = h.browser();
        assert_eq!(sign_in(&browser, "alice", "alice password").await, 500);
        let token = async |secret: &str| {
            let request = plain()
                .post(h.at("/token"))
                .header("Authorization", basic("app", secret));
            answer(request.form(&[("grant_type", "client_credentials")]))
                .await
                .status
        };
        for n in 0..20 {
            assert_eq!(token(&format!("guess {n}")).await, 401);
        }
        assert_eq!((token("wrong").await, token(SECRET).await), (429, 429));
        h.sql("ALTER TABLE gone RENAME TO attempts");
        assert_eq!(sign_in(&browser, "alice", "alice password").await, 303);
    });
}

/// Who has gone is not hashed for: others come sooner.
#[test]
fn a_caller_that_has_gone_is_not_hashed_for() {
    on(Kind::Sqlite, &[PROXY], &async |h: Harness| {
        use std::io::Write;
        let browser = h.browser_sending(&from("192.0.2.1"));
        let (mut gone, address) = (Vec::new(), h.address.strip_prefix("http://").unwrap());
        for n in 0..60 {
            let LoginForm { cookie, at, csrf } = h.login_form().await;
            let body = format!("csrf={csrf}&username=nobody{n}&password=x");
            let path = at.strip_prefix(&h.address).unwrap();
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nX-Forwarded-For: 192.0.2.1\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            gone.push(stream);
        }
        drop(gone);
        actix_web::rt::time::sleep(std::time::Duration::from_millis(300)).await;
        let started = std::time::Instant::now();
        assert_eq!(sign_in(&browser, "alice", "alice password").await, 303);
        let waited = started.elapsed();
        assert!(
            waited < std::time::Duration::from_millis(1500),
            "{waited:?}, as if for sixty"
        );
    });
}
