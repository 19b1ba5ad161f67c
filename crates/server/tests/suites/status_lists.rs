//! Token Status List (draft-ietf-oauth-status-list-21): what tokens say of it, and how the lists are published.

use std::{io::Read, time::Duration};

use latchkey_protocol::status::STATUS_LIST_TYPE;
use serde_json::{Value, json};

use crate::support::{
    status::{entry, read},
    *,
};

async fn own_token(h: &Harness) -> Value {
    let token = h.post_as_app("/token", &[("grant_type", "client_credentials")]);
    token.await.json["access_token"].clone()
}

#[test]
fn the_access_token_of_every_grant_names_its_entry_and_no_other_token_does() {
    on_both(async |h| {
        let first = h.tokens(&h.browser()).await;
        let refreshed = h
            .refresh(first["refresh_token"].as_str().unwrap())
            .await
            .json;
        let own = own_token(&h).await;
        let access = [&first["access_token"], &refreshed["access_token"], &own];
        let mut entries: Vec<_> = access.into_iter().map(entry).collect();
        for (uri, idx) in &entries {
            assert_eq!(*uri, format!("{}/status-lists/0", h.issuer));
            assert!(*idx < 1 << 20, "{idx}");
        }
        entries.dedup();
        assert_eq!(entries.len(), 3, "{entries:?}");
        for other in ["id_token", "refresh_token"] {
            for tokens in [&first, &refreshed] {
                assert_eq!(claims(&tokens[other])["status"], Value::Null, "{other}");
            }
        }
    });
}

/// Draft 5.1, 8.2: a signed list, proven here by another's library.
#[test]
fn a_list_is_signed_by_a_published_key_and_says_how_long_it_counts() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use openidconnect::{JsonWebKey, core::*};
    on_both(async |h| {
        let token = own_token(&h).await;
        h.lists().follow().await.unwrap();
        let list = h.list_of(&token).await;
        assert_eq!(list.header("content-type"), "application/statuslist+jwt");
        assert_eq!(list.header("cache-control"), "public, max-age=5");
        let header = part(&json!(list.text), 0);
        let said = (&header["typ"], &header["alg"]);
        assert_eq!(said, (&json!(STATUS_LIST_TYPE), &json!("RS256")));
        let claims = part(&json!(list.text), 1);
        let issued_at = h.now() - h.now() % 10;
        assert_eq!(claims["iss"], h.issuer.as_str());
        assert_eq!(claims["sub"], entry(&token).0);
        assert_eq!(
            (&claims["iat"], &claims["exp"]),
            (&json!(issued_at), &json!(issued_at + 60))
        );
        assert_eq!(claims["ttl"], 5);
        let all = format!("{}/status-lists", h.issuer);
        assert_eq!(claims["status_list"]["aggregation_uri"], all);
        assert_eq!(h.discovery().await["status_list_aggregation_endpoint"], all);

        let jwks = h.jwks().await;
        let key = jwks.iter().find(|key| key["kid"] == header["kid"]).unwrap();
        let key: CoreJsonWebKey = serde_json::from_value(key.clone()).unwrap();
        let (message, signature) = list.text.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let alg = CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256;
        key.verify_signature(&alg, message.as_bytes(), &signature)
            .unwrap();
    });
}

/// Draft 9.3.
#[test]
fn the_aggregation_names_every_list_until_its_last_token_is_over() {
    on_both(async |h| {
        let lists = async || {
            h.lists().follow().await.unwrap();
            answer(plain().get(h.at("/status-lists"))).await
        };
        assert_eq!(lists().await.json, json!({ "status_lists": [] }));
        let token = own_token(&h).await;
        let one = lists().await;
        assert_eq!(one.json, json!({ "status_lists": [entry(&token).0] }));
        assert_eq!(one.header("content-type"), "application/json");
        assert_eq!(one.header("access-control-allow-origin"), "*");
        // 10 minutes that a node keeps what it leased, and then a token's 5, the replay window, and clocks that differ: twice,
        // since an entry may be shared by a token that is issued when its first one is nearly over.
        let last = 600 + 2 * (300 + 30 + 120);
        h.pass(last - 1);
        assert_eq!(lists().await.json, one.json);
        h.pass(1);
        assert_eq!(lists().await.json, json!({ "status_lists": [] }));
    });
}

#[test]
fn lists_carry_an_entity_tag_and_answer_not_modified_and_to_head() {
    on_both(async |h| {
        let token = own_token(&h).await;
        h.lists().follow().await.unwrap();
        for at in [h.here(&entry(&token).0), h.at("/status-lists")] {
            let first = answer(plain().get(&at)).await;
            assert_eq!(
                (first.status, first.header("access-control-allow-origin")),
                (200, "*")
            );
            let tag = first.header("etag").to_owned();
            let again = answer(plain().get(&at).header("If-None-Match", &tag)).await;
            assert_eq!(
                (again.status, &*again.text, again.header("etag")),
                (304, "", &*tag)
            );
            let other = answer(plain().get(&at).header("If-None-Match", "\"other\"")).await;
            assert_eq!((other.status, &other.text), (200, &first.text));
            let head = answer(plain().head(&at)).await;
            assert_eq!(
                (head.status, &*head.text, head.header("etag")),
                (200, "", &*tag)
            );
            let posted = answer(plain().post(&at)).await;
            assert_eq!(posted.status, 405);
            let asked = plain().request(reqwest::Method::OPTIONS, &at);
            let allowed = answer(asked).await;
            for header in ["If-None-Match", "Prefer"] {
                let headers = allowed.header("access-control-allow-headers");
                assert!(headers.contains(header), "{headers}");
            }
        }
    });
}

/// `iat` stands on a grid, and only what a list says changes the tag of all lists.
#[test]
fn a_list_is_made_again_when_it_grows_old_and_the_tag_of_all_stays() {
    on_both(async |h| {
        let token = own_token(&h).await;
        let look = async || {
            h.lists().follow().await.unwrap();
            let all = answer(plain().get(h.at("/status-lists"))).await;
            (h.list_of(&token).await.text, all.header("etag").to_owned())
        };
        let first = look().await;
        h.pass(9 - h.now() % 10);
        assert_eq!(look().await, first, "the same bytes");
        h.pass(1);
        let later = look().await;
        assert!(
            later.0 != first.0 && later.1 == first.1,
            "{later:?} {first:?}"
        );
        let form = [("token", token.as_str().unwrap())];
        assert_eq!(h.post_as_app("/revoke", &form).await.status, 200);
        assert_ne!(look().await.1, first.1);
    });
}

/// A node that hears nothing of the database must not say that tokens are good.
#[test]
fn a_node_that_cannot_look_lets_its_lists_grow_old_and_then_says_so() {
    on_both(async |h| {
        let token = own_token(&h).await;
        h.lists().follow().await.unwrap();
        let first = h.list_of(&token).await.text;
        let exp = part(&json!(first), 1)["exp"].as_i64().unwrap();
        h.pass(exp - h.now() - 1);
        assert_eq!(
            h.list_of(&token).await.text,
            first,
            "as old as the last look"
        );
        h.pass(1);
        let over = answer(plain().get(h.here(&entry(&token).0))).await;
        assert_eq!(
            (over.status, over.error()),
            (503, "temporarily_unavailable")
        );
        assert_eq!(over.header("retry-after"), "2");
        h.lists().follow().await.unwrap();
        assert_ne!(h.list_of(&token).await.text, first);
    });
}

#[test]
fn a_large_list_is_compressed_for_whoever_takes_that() {
    on_both(async |h| {
        let token = own_token(&h).await;
        // As after a thousand sign-outs.
        let entries: Vec<_> = (0..1000)
            .map(|n: u32| format!("00000000{:08x}7fffffff", n * 997))
            .collect();
        let insert = |entries: &str| match h.database.url.starts_with("sqlite") {
            true => format!(
                "INSERT INTO ended_tokens (until_at, entries) VALUES (4000000000, x'{entries}');"
            ),
            false => format!(
                "INSERT INTO ended_tokens (until_at, entries) VALUES (4000000000, '\\x{entries}');"
            ),
        };
        for some in entries.chunks(10) {
            h.sql(&insert(&some.concat()));
        }
        h.lists().follow().await.unwrap();
        let whole = h.list_of(&token).await;
        let list = read(&whole.text);
        assert_eq!((list.get(997), list.get(998)), (Some(1), Some(0)));
        assert_eq!(
            list.bytes()
                .iter()
                .map(|byte| byte.count_ones())
                .sum::<u32>(),
            1000
        );
        let asked = plain()
            .get(h.here(&entry(&token).0))
            .header("Accept-Encoding", "gzip");
        let zipped = asked.send().await.unwrap();
        assert_eq!(zipped.headers()["content-encoding"], "gzip");
        assert_ne!(
            zipped.headers()["etag"],
            whole.header("etag"),
            "other bytes"
        );
        let bytes = zipped.bytes().await.unwrap();
        assert!(bytes.len() < whole.text.len() * 9 / 10, "{}", bytes.len());
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, whole.text);
    });
}

#[test]
fn what_is_not_there_is_refused_with_its_reason() {
    on_both(async |h| {
        let token = own_token(&h).await;
        h.lists().follow().await.unwrap();
        let (uri, _) = entry(&token);
        let at = h.here(&uri);
        for path in ["7", "00", "-1", "4294967296", "a"] {
            let answer = answer(plain().get(h.at(&format!("/status-lists/{path}")))).await;
            assert_eq!(
                (answer.status, answer.error()),
                (404, "not_found"),
                "{path}"
            );
        }
        // Draft 8.4.
        let past = answer(plain().get(&at).query(&[("time", "1")])).await;
        assert_eq!((past.status, past.error()), (501, "invalid_request"));
        let cwt = answer(
            plain()
                .get(&at)
                .header("Accept", "application/statuslist+cwt"),
        )
        .await;
        assert_eq!((cwt.status, cwt.error()), (406, "invalid_request"));
    });
}

#[test]
fn without_status_lists_nothing_speaks_of_them() {
    let off = [("LATCHKEY_TOKENS__STATUS_LIST", "false")];
    on_both_with(&off, async |h| {
        let tokens = h.tokens(&h.browser()).await;
        let refreshed = h
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await
            .json;
        for token in [
            &tokens["access_token"],
            &refreshed["access_token"],
            &own_token(&h).await,
        ] {
            assert_eq!(claims(token)["status"], Value::Null);
        }
        for path in ["/status-lists", "/status-lists/0"] {
            assert_eq!(answer(plain().get(h.at(path))).await.status, 404, "{path}");
        }
        assert_eq!(
            h.discovery().await["status_list_aggregation_endpoint"],
            Value::Null
        );
    });
}

/// Whoever asks for lists that are not there keeps the database busy for nobody, and makes none that is there look as if it
/// were not.
#[test]
fn beyond_ten_looks_a_second_for_lists_that_are_not_known_one_is_to_ask_again() {
    on_both(async |h| {
        let asked = (100..400).map(|n| answer(plain().get(h.at(&format!("/status-lists/{n}")))));
        let answers = futures_util::future::join_all(asked).await;
        let busy = answers.iter().filter(|answer| answer.status == 503);
        assert!(busy.clone().count() > 100, "{}", busy.count());
        for answer in &answers {
            assert!([404, 503].contains(&answer.status), "{answer:?}");
            assert_eq!(answer.status == 503, answer.header("retry-after") == "2");
        }
    });
}

/// Looks come one after the other, and one may take long. What is published waits for none of them.
#[test]
fn what_is_published_is_answered_beside_a_look_that_takes_long() {
    on(Kind::Postgres, &[], &async |h: Harness| {
        let token = h.tokens(&h.browser()).await["access_token"].clone();
        let list = h.list_of(&token).await;
        let mut busy = std::process::Command::new("psql")
            .args(["-q", &h.database.url, "-c"])
            .arg("BEGIN; LOCK TABLE ended_tokens; SELECT pg_sleep(4); COMMIT")
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        let at = |path: &str| h.at(&format!("/status-lists/{path}"));
        let asked = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let again = answer(plain().get(at("0"))).await;
            assert_eq!((again.status, &again.text), (200, &list.text));
            let newer = answer(plain().get(at("1"))).await;
            assert_eq!((newer.status, newer.header("retry-after")), (503, "2"));
            assert_eq!(busy.try_wait().unwrap(), None, "the look still waits");
        };
        let (looked, ()) = futures_util::future::join(h.lists().follow(), asked).await;
        looked.unwrap();
        let ended = tokio::task::spawn_blocking(move || busy.wait().unwrap());
        assert!(ended.await.unwrap().success());
        assert_eq!(answer(plain().get(at("1"))).await.status, 404);
    });
}
