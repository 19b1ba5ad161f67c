//! What ID tokens are signed with: keys of several algorithms, and the client's own secret.

use latchkey_jose::SharedSecret;
use serde_json::{Value, json};

use super::support::*;

fn kid(at: &Place, alg: &str, state: &str) -> Option<String> {
    let keys = at.json(&["key", "list", "--json"], "");
    let mut keys = keys.as_array().unwrap().iter();
    let key = keys.find(|key| key["alg"] == alg && key["state"] == state)?;
    Some(key["kid"].as_str().unwrap().to_owned())
}

#[test]
fn keys_are_listed_and_rotated_by_algorithm() {
    let at = Place::new();
    let rs256 = kid(&at, "RS256", "active").unwrap();
    let metadata = json!({
        "client_id": "app", "redirect_uris": ["https://a.example/cb"], "id_token_signed_response_alg": "ES256",
    });
    at.good(&["client", "create", "--from", "-"], &metadata.to_string());
    let es256 = kid(&at, "ES256", "active").expect("the first client brings the key");

    let table = at.good(&["key", "list"], "");
    let column = table.lines().next().unwrap().find("ALGORITHM").unwrap();
    for (kid, alg) in [(&rs256, "RS256"), (&es256, "ES256")] {
        let line = table.lines().find(|line| line.contains(kid)).unwrap();
        assert!(line[column..].starts_with(alg), "{line}");
    }

    let rotated = at.json(&["key", "rotate", "--algorithm", "ES256", "--json"], "");
    assert_eq!(
        kid(&at, "ES256", "announced").as_deref(),
        rotated["kid"].as_str()
    );
    assert_eq!(kid(&at, "RS256", "announced"), None);
    let now = ["key", "rotate", "--now", "--algorithm", "ES256", "--json"];
    let now = at.json(&now, "");
    assert_eq!(kid(&at, "ES256", "active").as_deref(), now["kid"].as_str());
    assert_eq!(kid(&at, "RS256", "active"), Some(rs256.clone()));
    // One that had no client yet signs at once.
    at.good(&["key", "rotate", "--algorithm", "EdDSA"], "");
    assert!(kid(&at, "EdDSA", "active").is_some());
    // Without a name it is the one that signs all else.
    at.good(&["key", "rotate"], "");
    assert!(kid(&at, "RS256", "announced").is_some());

    // A shared secret is no key.
    let out = at.run(&["key", "rotate", "--algorithm", "HS256"], "");
    assert_eq!(out.status.code(), Some(2));
    let keys = at.json(&["key", "list", "--json"], "");
    assert!(
        keys.as_array()
            .unwrap()
            .iter()
            .all(|key| key["alg"] != "HS256")
    );
}

/// It is done, and what is to be known is said.
fn warned(out: &std::process::Output, parts: &[&str]) {
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    assert_eq!(said.is_empty(), parts.is_empty(), "{said}");
    for part in parts {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn whoever_chooses_hs256_is_told_what_it_costs() {
    let at = Place::new();
    let hs256 = json!({ "id_token_signed_response_alg": "HS256" }).to_string();
    let app = |more: Value| {
        let mut app = json!({ "client_id": "app", "redirect_uris": ["https://a.example/cb"] });
        app.as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        app.to_string()
    };
    let public =
        json!({ "id_token_signed_response_alg": "HS256", "token_endpoint_auth_method": "none" });
    let create = ["client", "create", "--from", "-"];
    refused(&at.run(&create, &app(public)), "a public client has none");
    let own = json!({ "id_token_signed_response_alg": "HS256", "client_secret": SECRET });
    refused(&at.run(&create, &app(own)), "leave client_secret out");
    let out = at.run(&create, &app(json!({})));
    warned(&out, &[]);

    let update = ["client", "update", "app", "--from", "-"];
    refused(&at.run(&update, &hs256), "repeat it with --new-secret");
    let new = [&update[..], &["--new-secret"]].concat();
    let rotate = ["client", "rotate-secret", "app"];
    for arguments in [&new[..], &rotate] {
        let out = at.run(arguments, &hs256);
        warned(&out, &["HS256", "app is stored sealed", "take RS256"]);
        let registered: Value = serde_json::from_slice(&out.stdout).unwrap();
        let secret = registered["client_secret"].as_str().unwrap();

        // What the secret signed is explained, and what another did is not believed.
        let id_token = json!({
            "iss": at.issuer(), "sub": "u", "aud": "app", "iat": 1_000, "exp": 9_000_000_000_i64, "auth_time": 1_000,
            "amr": ["pwd"], "sid": "s",
        });
        let inspect = |secret: &str| {
            let token = SharedSecret::new(secret).unwrap().sign("JWT", &id_token);
            at.json(&["token", "inspect", "--json"], &token.unwrap())
        };
        let good = inspect(secret);
        assert_eq!(
            (&good["valid"], &good["header"]["alg"]),
            (&json!(true), &json!("HS256"))
        );
        assert!(
            good["why"]
                .as_str()
                .unwrap()
                .contains("the client's secret"),
            "{good}"
        );
        assert_eq!(inspect(SECRET)["valid"], false);
    }
    // What the secret before signed is a hint no more.
    let said = at.run(&rotate, "");
    warned(&said, &["HS256", "app", "good as id_token_hint no more"]);
    let away = json!({ "id_token_signed_response_alg": null }).to_string();
    warned(&at.run(&update, &away), &[]);
    warned(&at.run(&rotate, ""), &[]);
}
