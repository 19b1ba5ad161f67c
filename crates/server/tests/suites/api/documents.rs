//! The OpenAPI document and the reference page.

use std::collections::BTreeSet;

use latchkey_api::table;

use super::*;

async fn document(h: &Harness) -> Value {
    let got = answer(plain().get(h.at("/admin/api/openapi.json"))).await;
    assert_eq!(
        (got.status, got.header("content-type")),
        (200, "application/json")
    );
    got.json
}

/// What `$ref` names is there.
fn check_references(document: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref") {
                assert!(
                    document.pointer(to.trim_start_matches('#')).is_some(),
                    "{to}"
                );
            }
            members
                .values()
                .for_each(|member| check_references(document, member));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| check_references(document, item)),
        _ => {}
    }
}

#[test]
fn the_document_has_each_route_of_the_table_and_no_other_with_all_that_is_to_be_known() {
    on(Kind::Sqlite, &[], &async |h: Harness| {
        let document = document(&h).await;
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(
            document["servers"][0]["url"],
            h.issuer.clone() + "/admin/api/v1"
        );
        check_references(&document, &document);
        let routes: BTreeSet<_> = table()
            .map(|call| (call.path.to_owned(), call.method.to_lowercase()))
            .collect();
        let mut documented = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, call) in methods.as_object().unwrap() {
                documented.insert((path.clone(), method.clone()));
                let id = call["operationId"].as_str().unwrap();
                assert!(ids.insert(id), "{id} twice");
                assert!(call["summary"].as_str().unwrap().ends_with('.'), "{id}");
                let answers = call["responses"].as_object().unwrap();
                assert!(answers.keys().any(|status| status.starts_with('2')), "{id}");
                for status in ["400", "401", "403", "429", "500", "503"] {
                    assert!(answers.contains_key(status), "{id} {status}");
                }
                let of_path = path.matches('{').count();
                let parameters = call["parameters"].as_array().unwrap();
                let in_path = parameters.iter().filter(|p| p["in"] == "path").count();
                assert_eq!(of_path, in_path, "{id}");
                if let Some(body) = call.get("requestBody") {
                    assert!(
                        body["content"]["application/json"]["example"].is_object(),
                        "{id}"
                    );
                }
            }
        }
        assert_eq!(documented, routes);
        for call in table() {
            let documented = &document["paths"][call.path][call.method.to_lowercase()];
            let scopes: Vec<_> = documented["security"]
                .as_array()
                .unwrap()
                .iter()
                .map(|s| &s["oauth2"][0])
                .collect();
            let expected = if call.writes {
                vec!["latchkey.write"]
            } else {
                vec!["latchkey.read", "latchkey.write"]
            };
            assert_eq!(scopes, expected, "{call:?}");
            let answers = documented["responses"].as_object().unwrap();
            assert_eq!(call.is_conditional, answers.contains_key("428"), "{call:?}");
        }
    });
}

/// Of each schema: the members of a real answer are the documented ones, and all that are required are there.
#[test]
fn answers_have_the_members_that_are_documented() {
    on(Kind::Sqlite, &[], &async |h: Harness| {
        let document = document(&h).await;
        let caller = administrator(&h).await;
        h.tokens(&h.browser()).await;
        let refused = h.post_as_app("/token", &[]).await;
        crate::refusals::kept(&h, refused.json["error_ref"].as_str().unwrap()).await;
        for (path, schema) in [
            ("/users", "ListedUser"),
            ("/clients", "Client"),
            ("/sessions", "Session"),
            ("/keys", "SigningKey"),
            ("/refusals", "Refusal"),
            ("/audit", "AuditEntry"),
            ("/clients/app/access", "AdmittedUser"),
            ("/clients/app/consents", "Consent"),
        ] {
            let schema = &document["components"]["schemas"][schema];
            let items = caller.get(path).await.json["items"].clone();
            let item = items[0].as_object().unwrap_or_else(|| panic!("{path}"));
            let known = schema["properties"].as_object().unwrap();
            for name in item.keys() {
                assert!(known.contains_key(name), "{path}: {name}");
            }
            for name in schema["required"].as_array().unwrap() {
                assert!(item.contains_key(name.as_str().unwrap()), "{path}: {name}");
            }
        }
    });
}

#[test]
fn the_reference_page_names_each_call_and_each_problem_and_runs_nothing() {
    on(
        Kind::Sqlite,
        &[("LATCHKEY_ISSUER", "/id")],
        &async |h: Harness| {
            let page = answer(plain().get(h.at("/admin/api"))).await;
            assert_eq!(page.status, 200, "{page:?}");
            let policy = page.header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'") && !policy.contains("script"),
                "{policy}"
            );
            assert!(!page.text.contains("<script") && !page.text.contains("style="));
            assert!(!page.text.contains("=\"http"), "something of another host");
            let document = document(&h).await;
            for methods in document["paths"].as_object().unwrap().values() {
                for call in methods.as_object().unwrap().values() {
                    let id = call["operationId"].as_str().unwrap();
                    assert!(page.text.contains(&format!("id=\"{id}\"")), "{id}");
                }
            }
            let missing = answer(plain().get(h.at("/admin/api/v1/nothing"))).await;
            let kind = missing.json["type"].as_str().unwrap();
            let (at, anchor) = kind.split_once('#').unwrap();
            assert_eq!(at, h.at("/admin/api"));
            assert!(page.text.contains(&format!("id=\"{anchor}\"")));
            let style = answer(plain().get(h.at("/assets/reference.css"))).await;
            assert_eq!(
                (style.status, page.text.contains("/id/assets/reference.css")),
                (200, true)
            );
        },
    );
}
