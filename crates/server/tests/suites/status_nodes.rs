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
