//! Calls at two nodes of one issuer on one database.

use super::*;

/// Where neither node is: both have this issuer.
const ISSUER: &str = "http://localhost:9";

/// The node that answers a change from what it read a second ago would refuse a version that is right, or take one that is
/// not.
#[test]
fn a_client_that_another_node_changed_is_read_as_it_is_now() {
    on(
        Kind::Postgres,
        &[("LATCHKEY_ISSUER", ISSUER)],
        &async |h: Harness| {
            let here = administrator(&h).await;
            let node = h.another_node().await;
            let there = async |method: &str, path: &str, etag: &str, body: Value| {
                let at = format!("{node}/admin/api/v1{path}");
                let request = plain().request(method.parse().unwrap(), at);
                let request = match etag {
                    "" => request,
                    etag => request.header("If-Match", etag),
                };
                let request = match method {
                    "GET" => request,
                    _ => request.json(&body),
                };
                answer(request.bearer_auth(&here.token)).await
            };
            // Whoever gets a token there has the node keep the client for a second.
            let kept = async || {
                let request = plain().post(format!("{node}/token"));
                let request = request.header("Authorization", basic("app", SECRET));
                let got = answer(request.form(&[("grant_type", "client_credentials")])).await;
                assert_eq!(got.status, 200, "{got:?}");
            };
            kept().await;
            let first = here.get("/clients/app").await.header("etag").to_owned();
            let name = |name: &str| json!({ "client_name": name });
            let changed = here
                .write("PATCH", "/clients/app", &first, name("One"))
                .await;
            assert_eq!(changed.status, 200, "{changed:?}");
            let second = changed.header("etag").to_owned();
            let read = there("GET", "/clients/app", "", json!({})).await;
            assert_eq!(
                (read.header("etag"), &read.json["client_name"]),
                (&*second, &json!("One"))
            );
            let old = there("PATCH", "/clients/app", &first, name("Lost")).await;
            is_problem(&old, 412, "changed-meanwhile");
            assert_eq!(old.header("etag"), second);
            let next = there("PATCH", "/clients/app", &second, name("Two")).await;
            assert_eq!(next.status, 200, "{next:?}");
            // And back, at the node that kept it for its own change.
            let third = next.header("etag");
            let stopped = here
                .write("POST", "/clients/app/disable", third, json!({}))
                .await;
            assert_eq!(stopped.status, 200, "{stopped:?}");
            let fourth = stopped.header("etag");
            let started = there("POST", "/clients/app/enable", fourth, json!({})).await;
            assert_eq!(started.status, 200, "{started:?}");
            kept().await;
            let gone = here.delete("/clients/app", started.header("etag")).await;
            assert_eq!(gone.status, 204, "{gone:?}");
            let again = json!({ "client_id": "app", "redirect_uris": [CALLBACK] });
            let again = there("POST", "/clients", "", again).await;
            assert_eq!(again.status, 201, "the id is free: {again:?}");
        },
    );
}
