//! Status lists of several nodes on one database: the same bytes from each, and no entry twice.

use std::collections::HashSet;

use futures_util::future::join_all;
use latchkey_server::wiring::App;
use serde_json::Value;

use crate::support::{status::entry, *};

/// Nodes behind one address.
const BALANCED: [(&str, &str); 1] = [("LATCHKEY_ISSUER", "https://id.example")];

async fn token_at(address: &str) -> Value {
    let asked = plain().post(format!("{address}/token"));
    let asked = asked.header("Authorization", basic("app", SECRET));
    let token = answer(asked.form(&[("grant_type", "client_credentials")])).await;
    assert_eq!(token.status, 200, "{token:?}");
    token.json["access_token"].clone()
}

async fn follow(app: &App) {
    app.provider
        .status
        .as_ref()
        .unwrap()
        .follow()
        .await
        .unwrap();
}

#[test]
fn nodes_that_have_looked_publish_the_same_bytes() {
    on(Kind::Postgres, &BALANCED, &async |h: Harness| {
        let (other, app) = h.another_app().await;
        let (here, there) = (token_at(&h.address).await, token_at(&other).await);
        for ended in [None, Some(&here), Some(&there)] {
            if let Some(token) = ended {
                let token = token.as_str().unwrap();
                assert_eq!(
                    h.post_as_app("/revoke", &[("token", token)]).await.status,
                    200
                );
            }
            h.lists().follow().await.unwrap();
            follow(&app).await;
            for path in ["/status-lists", "/status-lists/0"] {
                let [own, theirs] = [&h.address, &other].map(|node| format!("{node}{path}"));
                let (own, theirs) = (
                    answer(plain().get(own)).await,
                    answer(plain().get(theirs)).await,
                );
                assert_eq!((own.status, &own.text), (200, &theirs.text), "{path}");
                assert_eq!(own.header("etag"), theirs.header("etag"), "{path}");
            }
        }
        assert!(h.has_ended(&here).await && h.has_ended(&there).await);
    });
}

#[test]
fn a_list_that_another_node_has_just_begun_is_found() {
    on(Kind::Postgres, &BALANCED, &async |h: Harness| {
        let (other, _) = h.another_app().await;
        let (uri, _) = entry(&token_at(&h.address).await);
        let path = uri.strip_prefix("https://id.example").unwrap();
        let list = answer(plain().get(format!("{other}{path}"))).await;
        assert_eq!(list.status, 200, "{list:?}");
    });
}

#[test]
fn eight_nodes_never_give_the_same_entry() {
    on(Kind::Postgres, &BALANCED, &async |h: Harness| {
        let mut addresses = vec![h.address.clone()];
        for _ in 1..8 {
            addresses.push(h.another_node().await);
        }
        // More than the first lease of each, so that every node comes for another one.
        let of_node = async |address: &String| {
            let mut entries = Vec::new();
            for _ in 0..10 {
                let some = join_all((0..30).map(|_| token_at(address))).await;
                entries.extend(some.iter().map(entry));
            }
            entries
        };
        let all = join_all(addresses.iter().map(of_node)).await.concat();
        let different: HashSet<_> = all.iter().collect();
        assert_eq!((all.len(), different.len()), (2400, 2400));
    });
}

/// A transaction may be numbered before another one and be committed after it.
#[test]
fn what_is_committed_late_is_not_missed() {
    on(Kind::Postgres, &[], &async |h: Harness| {
        let [late, early] = [h.tokens(&h.browser()).await, h.tokens(&h.browser()).await];
        let ends = |tokens: &Value| {
            let id = claims(&tokens["access_token"])["jti"]
                .as_str()
                .unwrap()
                .to_owned();
            let id = id.split('.').next().unwrap().to_owned();
            format!(
                "UPDATE authorizations SET revoked_at = {} WHERE id = '{id}'",
                h.now()
            )
        };
        let mut held = std::process::Command::new("psql")
            .args(["-q", &h.database.url, "-c"])
            .arg(format!(
                "BEGIN; {}; SELECT pg_sleep(2); COMMIT",
                ends(&late)
            ))
            .spawn()
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        h.sql(&ends(&early));
        assert!(h.has_ended(&early["access_token"]).await);
        assert!(
            !h.has_ended(&late["access_token"]).await,
            "it is not committed"
        );
        tokio::task::spawn_blocking(move || held.wait().unwrap())
            .await
            .unwrap();
        assert!(h.has_ended(&late["access_token"]).await);
    });
}

/// As after a restore, or when a replica that lagged takes over: the same numbers would be given again.
#[test]
fn with_a_database_that_went_back_a_new_list_is_begun() {
    on_both(async |h| {
        let before = token_at(&h.address).await;
        h.lists().follow().await.unwrap();
        h.sql("UPDATE status_lists SET taken = 0;");
        h.lists().follow().await.unwrap();
        let after = token_at(&h.address).await;
        assert_eq!(entry(&before).0, format!("{}/status-lists/0", h.issuer));
        assert_eq!(entry(&after).0, format!("{}/status-lists/1", h.issuer));
    });
}

/// While nodes are restarted one after another with other settings.
#[test]
fn a_token_that_is_revoked_at_a_node_without_lists_ends_in_those_of_the_others() {
    on(Kind::Postgres, &BALANCED, &async |h: Harness| {
        let without = h.another_app_with(|settings| settings.status_list = false);
        let (other, _) = without.await;
        let token = token_at(&h.address).await;
        let asked = plain().post(format!("{other}/revoke"));
        let asked = asked.header("Authorization", basic("app", SECRET));
        let form = [("token", token.as_str().unwrap())];
        assert_eq!(answer(asked.form(&form)).await.status, 200);
        assert!(h.has_ended(&token).await);
    });
}

/// A replica that lagged and has taken over may give what comes a number that was read.
#[test]
fn what_a_look_missed_is_read_within_a_minute() {
    on_both(async |h| {
        let [first, missed] = [token_at(&h.address).await, token_at(&h.address).await];
        let form = [("token", first.as_str().unwrap())];
        assert_eq!(h.post_as_app("/revoke", &form).await.status, 200);
        let is_sqlite = h.database.url.starts_with("sqlite");
        if is_sqlite {
            h.sql("UPDATE ended_tokens SET id = 100;");
        }
        assert!(h.has_ended(&first).await);
        let bytes = format!("00000000{:08x}7fffffff", entry(&missed).1);
        h.sql(&match is_sqlite {
            true => format!(
                "INSERT INTO ended_tokens (id, until_at, entries) VALUES (50, 4000000000, x'{bytes}');"
            ),
            false => format!(
                "INSERT INTO ended_tokens (until_at, entries, tx) VALUES (4000000000, '\\x{bytes}', 1);"
            ),
        });
        assert!(!h.has_ended(&missed).await, "it is behind what was read");
        h.pass(60 - h.now() % 60);
        assert!(h.has_ended(&missed).await);
    });
}

#[test]
fn a_clock_that_was_ahead_for_a_while_takes_no_bit_back() {
    on_both(async |h| {
        let token = token_at(&h.address).await;
        let form = [("token", token.as_str().unwrap())];
        assert_eq!(h.post_as_app("/revoke", &form).await.status, 200);
        for ahead in [540, 86_400] {
            h.pass(ahead);
            h.lists().follow().await.unwrap();
            h.pass(-ahead);
            assert!(h.has_ended(&token).await, "{ahead}");
        }
    });
}
