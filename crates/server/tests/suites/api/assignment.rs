//! Mass assignment: a body changes what is documented of it, and nothing else.

use latchkey_api::table;

use super::*;

/// Columns, and what other software takes.
const COVETED: &[&str] = &[
    "id",
    "sub",
    "username",
    "password",
    "password_hash",
    "has_password",
    "disabled",
    "disabled_at",
    "created_at",
    "updated_at",
    "version",
    "email_key",
    "last_sign_in_at",
    "is_admin",
    "admin",
    "role",
    "permissions",
    "secret",
    "sealed_secret",
    "former_secret",
    "former_secret_until",
    "former_secret_expires_at",
    "name_key",
    "client_id_issued_at",
    "client_secret_expires_at",
    "token_endpoint_auth_methods",
    "registration_access_token",
    "kid",
    "sealed",
    "private_key",
    "activates_at",
    "retires_at",
    "state",
    "actor",
    "sid",
    "force",
    "last",
    "_method",
    "__proto__",
    "constructor",
];

/// Members that a registration takes from another one, and ignores: they say nothing that could be changed.
const OF_ANOTHER_REGISTRATION: &[&str] = &[
    "client_id_issued_at",
    "client_secret_expires_at",
    "former_secret_expires_at",
    "disabled_at",
    "token_endpoint_auth_methods",
    "registration_access_token",
];

/// The record at an address, without what the time alone changes.
async fn read(caller: &Ops<'_>, path: &str) -> Value {
    caller.get(path).await.json
}

/// From the document itself, so that no call can be forgotten.
#[test]
fn no_call_takes_a_member_that_is_not_documented() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let document = answer(plain().get(h.at("/admin/api/openapi.json")))
            .await
            .json;
        let user = format!("/users/{}", h.alice);
        let set = caller
            .request("PUT", "/claims/team")
            .json(&json!({ "value": 1 }));
        assert_eq!(answer(set).await.status, 200);
        upstreams::add(&caller, "team").await;
        let records = [
            user.as_str(),
            "/clients/app",
            "/keys",
            "/claims",
            "/upstreams",
        ];
        let mut before = Vec::new();
        for record in records {
            before.push(read(&caller, record).await);
        }
        let mut tried = 0;
        for call in table().filter(|call| call.writes) {
            let documented = &document["paths"][call.path][call.method.to_lowercase()];
            let body = &documented["requestBody"]["content"]["application/json"];
            let schema = body["schema"]["$ref"].as_str().unwrap_or_default();
            let schema = document.pointer(schema.trim_start_matches('#'));
            let known = schema.and_then(|schema| schema["properties"].as_object());
            let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
            if !["POST", "PUT", "PATCH"].contains(&call.method) {
                continue;
            }
            let path = call
                .path
                .replace("{sub}", &h.alice)
                .replace("{client_id}", "app");
            let path = path
                .replace("{name}", "team")
                .replace("{id}", "1")
                .replace("{kid}", "any");
            for member in COVETED.iter().filter(|name| !is_known(name)) {
                if call.path == "/clients" && OF_ANOTHER_REGISTRATION.contains(member) {
                    continue;
                }
                let mut sent = match body["example"].as_object() {
                    Some(example) => Value::Object(example.clone()),
                    None => json!({}),
                };
                sent[*member] = json!("x");
                let heard = caller.write(call.method, &path, "*", sent).await;
                is_problem(&heard, 422, "invalid");
                assert_eq!(named(&heard), [*member], "{call:?}");
                tried += 1;
                // As many calls as a node answers within a second.
                if tried % 50 == 0 {
                    h.pass(2);
                }
            }
        }
        assert!(tried > 300, "{tried}");
        for (record, before) in records.iter().zip(before) {
            assert_eq!(read(&caller, record).await, before, "{record}");
        }
    });
}

/// What generated clients do: read a whole record, change a member, and send the whole back.
#[test]
fn a_whole_record_that_was_read_can_be_sent_back_and_what_only_answers_have_stays() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        assert_eq!(caller.act("/clients/app/disable").await.status, 200);
        let kept = json!({ "keep_old": 60 });
        assert_eq!(
            caller.post("/clients/app/rotate-secret", kept).await.status,
            200
        );
        let user = format!("/users/{}", h.alice);
        for (path, member) in [(user.as_str(), "name"), ("/clients/app", "client_name")] {
            for method in ["PUT", "PATCH"] {
                let read = caller.get(path).await;
                let mut whole = read.json.clone();
                whole[member] = json!(format!("{method} {member}"));
                let done = caller
                    .write(method, path, read.header("etag"), whole.clone())
                    .await;
                assert_eq!(done.status, 200, "{done:?}");
                let after = caller.get(path).await.json;
                if path == user {
                    whole["updated_at"] = after["updated_at"].clone();
                }
                assert_eq!(after, whole, "{method} {path}");
                // The answer of a change can be sent, too.
                let again = caller
                    .write(method, path, done.header("etag"), done.json.clone())
                    .await;
                assert_eq!(again.status, 200, "{again:?}");
            }
        }
        for (path, members) in [
            (
                user.as_str(),
                &[
                    "sub",
                    "username",
                    "disabled",
                    "has_password",
                    "created_at",
                    "updated_at",
                ][..],
            ),
            (
                "/clients/app",
                &[
                    "client_id_issued_at",
                    "disabled_at",
                    "former_secret_expires_at",
                    "token_endpoint_auth_methods",
                ][..],
            ),
        ] {
            let before = caller.get(path).await.json;
            for member in members {
                assert!(!before[member].is_null(), "{member}");
                for other in [json!("other"), json!(7), Value::Null] {
                    let heard = caller
                        .write("PATCH", path, "*", json!({ *member: other }))
                        .await;
                    is_problem(&heard, 422, "invalid");
                    assert_eq!(named(&heard), [*member]);
                    assert_eq!(
                        heard.json["errors"][0]["fix"],
                        "leave it out, or send it as it was read"
                    );
                }
            }
            assert_eq!(caller.get(path).await.json, before);
        }
    });
}
