//! Lists, piece by piece.

use super::*;

/// All of a list, by the cursor of each piece, and by the header `Link` as well.
async fn all(caller: &Ops<'_>, path: &str, limit: usize) -> Vec<Value> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let mut found = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let cursor = next
            .map(|next| format!("&cursor={next}"))
            .unwrap_or_default();
        let piece = caller
            .get(&format!("{path}{joint}limit={limit}{cursor}"))
            .await;
        assert_eq!(piece.status, 200, "{piece:?}");
        let items = piece.json["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        found.extend(items.iter().cloned());
        next = piece.json["next"].as_str().map(str::to_owned);
        let link = piece.header("link");
        match &next {
            None => {
                assert_eq!(link, "");
                return found;
            }
            Some(next) => {
                let at = link
                    .strip_prefix('<')
                    .unwrap()
                    .strip_suffix(">; rel=\"next\"")
                    .unwrap();
                assert!(
                    at.starts_with(&format!("{}/admin/api/v1", caller.h.issuer)),
                    "{at}"
                );
                assert!(
                    at.ends_with(&format!("cursor={next}"))
                        && at.contains(&format!("limit={limit}"))
                );
            }
        }
    }
}

fn texts<'a>(items: &'a [Value], member: &str) -> Vec<&'a str> {
    items
        .iter()
        .map(|item| item[member].as_str().unwrap())
        .collect()
}

#[test]
fn a_list_comes_piece_by_piece_each_record_once_in_its_order() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        for n in 0..7 {
            let made = caller
                .post("/users", json!({ "username": format!("user{n}") }))
                .await;
            assert_eq!(made.status, 201);
        }
        for limit in [1, 2, 3, 9, 200] {
            let users = all(&caller, "/users", limit).await;
            let names = texts(&users, "username");
            assert_eq!(
                names,
                [
                    "alice", "bob", "user0", "user1", "user2", "user3", "user4", "user5", "user6"
                ]
            );
            let clients = all(&caller, "/clients", limit).await;
            assert_eq!(
                texts(&clients, "client_id"),
                ["app", "native", "ops", "post"]
            );
        }
        let entries = all(&caller, "/audit", 3).await;
        let ids: Vec<_> = entries
            .iter()
            .map(|entry| entry["id"].as_i64().unwrap())
            .collect();
        assert!(ids.len() > 8 && ids.is_sorted_by(|a, b| a > b), "{ids:?}");
        let one = caller.get("/users?login=BOB@example.org").await;
        assert_eq!(
            texts(one.json["items"].as_array().unwrap(), "username"),
            ["bob"]
        );
        let none = caller.get("/users?login=nobody").await;
        assert_eq!(none.json, json!({ "items": [], "next": null }));
    });
}

#[test]
fn sessions_and_refusals_are_listed_with_their_filters() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        for _ in 0..3 {
            h.tokens(&h.browser()).await;
        }
        let bobs = h.browser();
        bobs.act_as("bob", "bob password");
        h.pass(1);
        assert!(bobs.authorize(&[]).await.contains_key("code"));
        let sessions = all(&caller, "/sessions", 2).await;
        assert_eq!(texts(&sessions, "user"), ["alice", "alice", "alice", "bob"]);
        for named in ["alice", "alice@example.org", &*h.alice] {
            assert_eq!(
                all(&caller, &format!("/sessions?user={named}"), 2)
                    .await
                    .len(),
                3
            );
        }
        is_problem(&caller.get("/sessions?user=nobody").await, 404, "not-found");
        let of_client = all(&caller, "/sessions?client=app", 2).await;
        assert_eq!(
            texts(&of_client, "user"),
            ["alice", "alice", "alice", "bob"]
        );
        let listed = &of_client[0];
        assert_eq!(listed["address"], "127.0.0.1");
        assert!(listed["browser"].is_null() && listed["system"].is_null());
        let unknown = caller.get("/sessions?client=nobody").await;
        is_problem(&unknown, 404, "not-found");
        let both = |user| format!("/sessions?client=app&user={user}");
        assert_eq!(texts(&all(&caller, &both("bob"), 2).await, "user"), ["bob"]);
        assert_eq!(all(&caller, &both("alice"), 2).await.len(), 3);
        let elsewhere = all(&caller, "/sessions?client=native&user=bob", 2).await;
        assert_eq!(elsewhere, Vec::<Value>::new(), "bob never signed in there");
        for nobody in ["client=nobody&user=bob", "client=app&user=nobody"] {
            let unknown = caller.get(&format!("/sessions?{nobody}")).await;
            is_problem(&unknown, 404, "not-found");
        }

        for n in 0..5 {
            h.pass(n % 2);
            let refused = h
                .post_as_app(
                    "/token",
                    &[
                        ("grant_type", "authorization_code"),
                        ("code", "x"),
                        ("redirect_uri", CALLBACK),
                    ],
                )
                .await;
            crate::refusals::kept(&h, refused.json["error_ref"].as_str().unwrap()).await;
        }
        let refusals = all(&caller, "/refusals?client_id=app&reason=CodeUnknown", 2).await;
        assert_eq!(refusals.len(), 5);
        let moments: Vec<_> = refusals.iter().map(|r| r["at"].as_i64().unwrap()).collect();
        assert!(moments.is_sorted_by(|a, b| a >= b), "{moments:?}");
        assert_eq!(
            all(&caller, "/refusals?reason=Other", 2).await,
            Vec::<Value>::new()
        );
        // Two seconds passed between them: of two moments each, and the first alone.
        let (newest, oldest) = (moments[0], moments[4]);
        for (piece, held) in [
            (format!("since={newest}"), 2),
            (format!("until={newest}"), 3),
            (format!("since={}&until={newest}", oldest + 1), 2),
        ] {
            let found = all(&caller, &format!("/refusals?{piece}"), 2).await;
            assert_eq!(found.len(), held, "{piece} {moments:?}");
        }
        let wrong = caller.get("/refusals?since=yesterday").await;
        is_problem(&wrong, 400, "parameter-invalid");
    });
}
