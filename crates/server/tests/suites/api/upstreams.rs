//! Other providers, and who users are there.

use super::*;

const SAID: &str = "what the other side gave";

/// Adds a provider that is called `name`.
pub async fn add(caller: &Ops<'_>, name: &str) -> Answer {
    let body = json!({
        "name": name, "preset": "oidc", "secret": SAID,
        "settings": {
            "client_id": "here", "title": "Elsewhere",
            "protocol": {"issuer": format!("https://{name}.example")},
        },
    });
    let made = caller.post("/upstreams", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made
}

#[test]
fn a_provider_is_added_read_changed_disabled_and_deleted_and_its_secret_never_comes_out() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let made = add(&caller, "elsewhere").await;
        let callback = h.at("/login/upstream/elsewhere/callback");
        assert_eq!(made.json["redirect_uri"], json!(callback), "{made:?}");
        assert_eq!(made.json["has_secret"], true);
        assert_eq!(
            made.header("location"),
            h.at("/admin/api/v1/upstreams/elsewhere")
        );
        let path = "/upstreams/elsewhere";
        let read = caller.get(path).await;
        assert_eq!(read.header("etag"), made.header("etag"));
        let etag = read.header("etag").to_owned();

        // A whole record that was read is sent back with another member changed.
        let mut whole = read.json.clone();
        whole["settings"]["title"] = json!("Somewhere else");
        let changed = caller.write("PATCH", path, &etag, whole).await;
        assert_eq!(
            (changed.status, &changed.json["settings"]["title"]),
            (200, &json!("Somewhere else")),
            "{changed:?}"
        );
        let late = caller.write("PATCH", path, &etag, json!({})).await;
        is_problem(&late, 412, "changed-meanwhile");
        let bare = answer(caller.request("PATCH", path).json(&json!({}))).await;
        is_problem(&bare, 428, "if-match-needed");

        // The secret that is kept goes to no other address.
        let etag = changed.header("etag").to_owned();
        let moved = json!({ "settings": { "protocol": { "issuer": "https://evil.example" } } });
        let moved = caller.write("PATCH", path, &etag, moved).await;
        is_problem(&moved, 422, "invalid");
        assert_eq!(named(&moved), ["secret"]);

        let off = caller.act(&format!("{path}/disable")).await;
        assert!(off.json["disabled_at"].is_number(), "{off:?}");
        assert_ne!(off.header("etag"), etag);
        let on = caller.act(&format!("{path}/enable")).await;
        assert!(on.json["disabled_at"].is_null(), "{on:?}");
        let listed = caller.get("/upstreams").await;
        assert_eq!(listed.json["items"], json!([on.json]));
        let audited = caller.get("/audit").await;
        for event in ["create", "update", "disable", "enable"] {
            let event = format!("\"upstream {event}\"");
            assert!(audited.text.contains(&event), "{event} {}", audited.text);
        }
        for answer in [&made, &read, &changed, &off, &listed, &audited] {
            assert!(!answer.text.contains(SAID), "{answer:?}");
            assert!(!answer.text.contains("sealed"), "{answer:?}");
        }
        is_problem(&caller.delete(path, &etag).await, 412, "changed-meanwhile");
        let gone = caller.delete(path, on.header("etag")).await;
        assert_eq!(gone.status, 204, "{gone:?}");
        is_problem(&caller.get(path).await, 404, "not-found");
    });
}

#[test]
fn what_a_provider_cannot_be_is_named() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let nothing = caller.post("/upstreams", json!({})).await;
        is_problem(&nothing, 422, "invalid");
        assert_eq!(named(&nothing), ["name"]);
        let body = json!({ "name": "x", "preset": "no such" });
        let unknown = caller.post("/upstreams", body).await;
        is_problem(&unknown, 422, "invalid");
        assert_eq!(named(&unknown), ["preset"]);
        let body = json!({ "name": "k", "preset": "kakao", "settings": { "client_id": "c" } });
        let bare = caller.post("/upstreams", body).await;
        is_problem(&bare, 422, "invalid");
        assert_eq!(named(&bare), ["secret"]);
        add(&caller, "elsewhere").await;
        let body = json!({
            "name": "elsewhere", "preset": "kakao", "settings": { "client_id": "c" }, "secret": "s",
        });
        let taken = caller.post("/upstreams", body).await;
        is_problem(&taken, 409, "conflict");
    });
}

#[test]
fn an_identity_is_linked_seen_and_unlinked_and_a_provider_with_one_is_not_deleted_by_mistake() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        add(&caller, "elsewhere").await;
        let of_alice = format!("/users/{}/identities", h.alice);
        let body = json!({ "upstream": "elsewhere", "subject": "a/b c" });
        let linked = caller.post(&of_alice, body.clone()).await;
        assert_eq!(
            (linked.status, &linked.json["linked_by"]),
            (201, &json!("administrator")),
            "{linked:?}"
        );
        let seen = caller.get(&of_alice).await;
        assert_eq!(seen.json["items"], json!([linked.json]));
        let again = caller.post(&of_alice, body).await;
        is_problem(&again, 409, "conflict");
        let stranger =
            json!({ "upstream": "elsewhere", "subject": "s", "issuer": "https://evil.example" });
        let stranger = caller.post(&of_alice, stranger).await;
        is_problem(&stranger, 422, "invalid");
        assert_eq!(named(&stranger), ["issuer"]);

        let etag = caller.get("/upstreams/elsewhere").await;
        let etag = etag.header("etag").to_owned();
        let in_use = caller.delete("/upstreams/elsewhere", &etag).await;
        is_problem(&in_use, 409, "conflict");
        let one = format!("{of_alice}/elsewhere/a%2Fb%20c");
        let unlinked = answer(caller.request("DELETE", &one)).await;
        assert_eq!(
            (unlinked.status, &unlinked.json),
            (200, &json!({ "sessions_ended": 0 }))
        );
        let gone = answer(caller.request("DELETE", &one)).await;
        is_problem(&gone, 404, "not-found");
        assert_eq!(
            caller.delete("/upstreams/elsewhere", &etag).await.status,
            204
        );
    });
}

#[test]
fn the_last_way_in_goes_only_by_force() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        add(&caller, "elsewhere").await;
        let made = caller.post("/users", json!({ "username": "minji" })).await;
        let identities = format!("/users/{}/identities", made.json["sub"].as_str().unwrap());
        let body = json!({ "upstream": "elsewhere", "subject": "s" });
        assert_eq!(caller.post(&identities, body).await.status, 201);
        let one = format!("{identities}/elsewhere/s");
        let refused = answer(caller.request("DELETE", &one)).await;
        is_problem(&refused, 409, "conflict");
        let forced = answer(caller.request("DELETE", &format!("{one}?force=true"))).await;
        assert_eq!(forced.status, 200, "{forced:?}");
    });
}
