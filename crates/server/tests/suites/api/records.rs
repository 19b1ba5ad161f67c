//! Sessions, keys, consents, the audit log, logout tokens and custom claims.

use futures_util::future::join_all;

use super::*;

#[test]
fn a_session_is_ended_and_its_tokens_with_it() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let tokens = h.tokens(&h.browser()).await;
        let found = caller.get("/sessions").await;
        let id = found.json["items"][0]["id"].as_str().unwrap();
        let read = caller.get(&format!("/sessions/{id}")).await;
        assert_eq!(read.json["session"], found.json["items"][0]);
        assert_eq!(read.json["clients"][0]["client_id"], "app", "{read:?}");
        is_problem(&caller.get("/sessions/nothing").await, 404, "not-found");
        let ended = answer(caller.request("DELETE", &format!("/sessions/{id}"))).await;
        assert_eq!(
            (ended.status, &ended.json),
            (200, &json!({ "ended": id, "receipts": [] }))
        );
        assert_eq!(
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            401
        );
        is_problem(
            &answer(caller.request("DELETE", &format!("/sessions/{id}"))).await,
            404,
            "not-found",
        );
    });
}

#[test]
fn keys_are_rotated_and_retired() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let before = caller.get("/keys").await.json["items"]
            .as_array()
            .unwrap()
            .clone();
        assert_eq!((before.len(), &before[0]["state"]), (1, &json!("active")));
        let made = caller.act("/keys/rotate").await;
        assert_eq!(
            (made.status, &made.json["state"]),
            (201, &json!("announced")),
            "{made:?}"
        );
        let signs = before[0]["kid"].as_str().unwrap();
        let refused = caller.act(&format!("/keys/{signs}/retire")).await;
        is_problem(&refused, 409, "conflict");
        let kid = made.json["kid"].as_str().unwrap();
        assert_eq!(caller.act(&format!("/keys/{kid}/retire")).await.status, 204);
        let keys = caller.get("/keys").await;
        let states: Vec<_> = keys.json["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|k| k["state"].clone())
            .collect();
        assert!(states.contains(&json!("retired")), "{states:?}");
        let now = caller
            .post("/keys/rotate", json!({ "algorithm": "ES256", "now": true }))
            .await;
        assert_eq!(
            (&now.json["alg"], &now.json["state"]),
            (&json!("ES256"), &json!("active"))
        );
        is_problem(
            &caller
                .post("/keys/rotate", json!({ "algorithm": "none" }))
                .await,
            422,
            "invalid",
        );
        is_problem(&caller.act("/keys/nothing/retire").await, 404, "not-found");
    });
}

/// Everybody who verifies tokens reads all of them.
#[test]
fn no_more_keys_are_made_than_may_be_published_also_by_calls_at_once() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let es256 = || json!({ "algorithm": "ES256" });
        let made = async || {
            let keys = caller.get("/keys").await.json["items"].clone();
            let keys = keys.as_array().unwrap().clone();
            let published = |key: &Value| key["alg"] == "ES256" && key["state"] != "retired";
            // Of first keys made at once, one that signs at once takes the place of one announced for later.
            keys.iter().filter(|key| published(key)).count()
        };
        let mut refused = 0;
        while made().await < 8 {
            // A few at once: some hear that the server is busy.
            let heard = join_all((0..8).map(|_| caller.post("/keys/rotate", es256()))).await;
            for one in &heard {
                match one.status {
                    201 => {}
                    409 => refused += 1,
                    503 => assert_eq!(one.header("retry-after"), "1"),
                    _ => panic!("{one:?}"),
                }
            }
        }
        // What was just told to come again may still be at work.
        let full = loop {
            let heard = caller.post("/keys/rotate", es256()).await;
            if heard.status != 503 {
                break heard;
            }
        };
        is_problem(&full, 409, "conflict");
        assert!(full.text.contains("8 can be published"), "{full:?}");
        assert_eq!(made().await, 8, "{refused}");
        let console = crate::console::administrator(&h).await;
        let form = [("algorithm", "ES256"), ("takeover", "later")];
        let page = crate::console::send(&h, &console, "/admin/keys/rotate", &form).await;
        assert_eq!(page.status, 422, "{page:?}");
        assert!(page.text.contains("8 can be published"), "{}", page.text);
        assert!(
            !page.text.contains("latchkey key retire"),
            "it is for a browser"
        );
        let korean = h.browser_sending(&[("accept-language", "ko")]);
        let page = crate::console::send(&h, &korean, "/admin/keys/rotate", &form).await;
        let said = "ES256 서명 키가 너무 많습니다. 한 번에 8개까지 공개할 수 있습니다";
        assert!(page.text.contains(said), "{}", page.text);
        assert_eq!(made().await, 8);
        // One that nobody needs any more makes room.
        let keys = caller.get("/keys").await.json["items"].clone();
        let announced = |key: &&Value| key["alg"] == "ES256" && key["state"] != "active";
        let kid = keys.as_array().unwrap().iter().find(announced).unwrap()["kid"].clone();
        let path = format!("/keys/{}/retire", kid.as_str().unwrap());
        assert_eq!(caller.act(&path).await.status, 204);
        assert_eq!(caller.post("/keys/rotate", es256()).await.status, 201);
        // What signs at once takes the place of what was announced for later.
        let at_once = json!({ "algorithm": "ES256", "now": true });
        assert_eq!(caller.post("/keys/rotate", at_once).await.status, 201);
    });
}

#[test]
fn consents_are_listed_from_both_sides_and_taken_back() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let tokens = h.tokens(&h.browser()).await;
        let of_user = caller.get(&format!("/users/{}/consents", h.alice)).await;
        let of_client = caller.get("/clients/app/consents").await;
        assert_eq!(of_user.json["items"], of_client.json["items"]);
        assert_eq!(of_user.json["items"][0]["client_id"], "app");
        let path = format!("/users/{}/consents/app", h.alice);
        let ended = answer(caller.request("DELETE", &path)).await;
        assert_eq!(
            ended.json,
            json!({ "consented": true, "authorizations_ended": 1 }),
            "{ended:?}"
        );
        assert_eq!(
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            401
        );
        is_problem(
            &answer(caller.request("DELETE", &path)).await,
            404,
            "not-found",
        );
    });
}

#[test]
fn the_audit_log_is_verified_against_a_checkpoint() {
    on_both(async |h| {
        let caller = ops(&h, "auditor", "latchkey.read").await;
        let master = latchkey_server::wiring::master_key(&h.keys_dir(), false).unwrap();
        let key = latchkey_protocol::audit_chain::ChainKey::derive(master.bytes());
        let sealed = h.store.seal_audit_entries(&key, None, h.moment() + 60, 100);
        assert!(sealed.await.unwrap() > Some(0));
        let verdict = caller.get("/audit/verification").await;
        assert_eq!(
            (verdict.status, &verdict.json["holds"]),
            (200, &json!(true)),
            "{verdict:?}"
        );
        let checkpoint = verdict.json["checkpoint"].as_str().unwrap();
        let again = caller
            .get(&format!("/audit/verification?checkpoint={checkpoint}"))
            .await;
        assert_eq!(again.json["holds"], true);
        let other = checkpoint.replace(|c: char| c.is_ascii_hexdigit() && c != '1', "0");
        let other = format!("1:{}", &other[other.len() - 64..]);
        let wrong = caller
            .get(&format!("/audit/verification?checkpoint={other}"))
            .await;
        assert_eq!(
            (&wrong.json["holds"], &wrong.json["broken"]["damage"]),
            (&json!(false), &json!("replaced")),
            "{wrong:?}"
        );
        is_problem(
            &caller.get("/audit/verification?checkpoint=x").await,
            400,
            "parameter-invalid",
        );
    });
}

#[test]
fn receipts_are_listed_and_dead_logout_tokens_sent_again() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let none = json!({ "items": [], "next": null });
        for path in [
            "/deliveries",
            "/deliveries?state=dead",
            "/deliveries?session=x",
        ] {
            assert_eq!(caller.get(path).await.json, none, "{path}");
        }
        is_problem(
            &caller.get("/deliveries?state=dead&session=x").await,
            400,
            "parameter-invalid",
        );
        assert_eq!(
            caller.act("/deliveries/retry-dead").await.json,
            json!({ "sent_again": 0 })
        );
        is_problem(&caller.act("/deliveries/7/retry").await, 404, "not-found");
    });
}

#[test]
fn custom_claims_are_set_and_removed() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let put = async |name: &str, body: Value| {
            answer(
                caller
                    .request("PUT", &format!("/claims/{name}"))
                    .json(&body),
            )
            .await
        };
        let set = put(
            "department",
            json!({ "attribute": "department", "in": ["id_token"] }),
        )
        .await;
        assert_eq!(
            (set.status, &set.json["scope"]),
            (200, &json!("openid")),
            "{set:?}"
        );
        assert_eq!(
            caller.get("/claims").await.json["claims"]["department"],
            set.json
        );
        is_problem(&put("iss", json!({ "value": "x" })).await, 422, "invalid");
        is_problem(
            &put("a", json!({ "value": "x", "claim": "name" })).await,
            422,
            "invalid",
        );
        is_problem(
            &put("a", json!({ "value": "x", "where": "there" })).await,
            422,
            "invalid",
        );
        let gone = answer(caller.request("DELETE", "/claims/department")).await;
        assert_eq!(gone.status, 204);
        is_problem(
            &answer(caller.request("DELETE", "/claims/department")).await,
            404,
            "not-found",
        );
    });
}

#[test]
fn all_sessions_of_a_client_and_of_everyone_end_at_once() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        for (path, client) in [
            ("/clients/app/end-sessions", json!("app")),
            ("/sessions/end-all", Value::Null),
        ] {
            h.pass(1);
            let tokens = h.tokens(&h.browser()).await;
            h.pass(1);
            let begun = caller.act(path).await;
            assert_eq!(
                (begun.status, &begun.json["client_id"]),
                (200, &client),
                "{begun:?}"
            );
            assert_eq!(
                h.userinfo(tokens["access_token"].as_str().unwrap())
                    .await
                    .status,
                401
            );
        }
        let ends = caller.get("/sessions/ends").await;
        assert_eq!(ends.json["items"].as_array().unwrap().len(), 2);
        is_problem(
            &caller.act("/clients/nobody/end-sessions").await,
            404,
            "not-found",
        );
    });
}

#[test]
fn a_preview_of_tokens_says_what_a_user_would_get() {
    on_both(async |h| {
        let caller = ops(&h, "reader", "latchkey.read").await;
        let got = caller
            .get("/clients/app/preview?user=alice&scope=openid%20email")
            .await;
        assert_eq!(
            (got.status, &got.json["scope"]),
            (200, &json!("openid email")),
            "{got:?}"
        );
        assert_eq!(got.json["id_token"]["claims"]["email"], "alice@example.org");
        is_problem(
            &caller.get("/clients/app/preview?user=nobody").await,
            404,
            "not-found",
        );
        is_problem(
            &caller.get("/clients/nobody/preview").await,
            404,
            "not-found",
        );
    });
}
