//! Users, apps, keys and sessions by commands, bad input, and what `why` and `token inspect` explain.

use std::{net::TcpListener, process::Command, time::Duration};

use serde_json::json;

use super::{reqwest_blocking, support::*};

#[test]
fn users_apps_keys_and_sessions_are_managed_by_commands() {
    let at = Place::new();
    let alice = at.json(
        &[
            "user",
            "create",
            "Alice",
            "--email",
            "a@example.org",
            "--role",
            "admin",
            "--password-stdin",
            "--json",
        ],
        "eight characters\n",
    );
    assert_eq!(
        (alice["username"].as_str(), alice["has_password"].as_bool()),
        (Some("alice"), Some(true))
    );
    refused(
        &at.run(&["user", "create", "alice"], ""),
        "already somebody called alice",
    );
    refused(
        &at.run(&["user", "show", "nobody"], ""),
        "nobody called nobody",
    );
    at.good(&["user", "update", "alice", "--name", "A"], "");
    at.good(&["user", "disable", "alice", "--force"], "");
    assert_eq!(
        at.json(&["user", "list", "--json"], "")[0]["disabled"],
        true
    );
    at.good(&["user", "enable", "alice"], "");
    at.good(&["user", "end-sessions", "alice"], "");

    let metadata =
        json!({ "client_name": "App", "redirect_uris": ["https://a.example/cb"] }).to_string();
    let client = at.json(&["client", "create", "--from", "-"], &metadata);
    let id = client["client_id"].as_str().unwrap();
    assert!(client["client_secret"].as_str().unwrap().len() >= 43);
    assert_eq!(client["client_secret_expires_at"], 0);
    let rotated = at.json(&["client", "rotate-secret", id], "");
    assert_ne!(client["client_secret"], rotated["client_secret"]);
    assert!(
        at.json(&["client", "show", id, "--json"], "")
            .get("client_secret")
            .is_none()
    );
    at.good(&["client", "delete", id], "");

    let keys = at.json(&["key", "list", "--json"], "");
    assert_eq!(
        (keys.as_array().unwrap().len(), keys[0]["state"].as_str()),
        (1, Some("active"))
    );
    at.good(&["key", "rotate"], "");
    let keys = at.json(&["key", "list", "--json"], "");
    assert_eq!(
        (keys[0]["state"].as_str(), keys[1]["state"].as_str()),
        (Some("active"), Some("announced"))
    );
    refused(
        &at.run(&["key", "retire", keys[0]["kid"].as_str().unwrap()], ""),
        "rotate --now first",
    );
    assert_eq!(at.json(&["session", "list", "--json"], ""), json!([]));
    refused(&at.run(&["session", "end", "x"], ""), "no session x");
    at.good(&["user", "delete", "alice", "--force"], "");
    assert!(at.good(&["version"], "").starts_with("latchkey "));
    assert_eq!(at.run(&["nonsense"], "").status.code(), Some(2));
}

#[test]
fn bad_input_gets_one_clear_sentence_and_leaves_nothing_half_made() {
    let at = Place::bare();
    let path = at.folder.path();
    std::fs::write(path.join("latchkey.toml"), "isuer = \"x\"\n").unwrap();
    refused(
        &at.run(&["serve"], ""),
        "latchkey.toml:1: there is no setting isuer; did you mean issuer?",
    );
    refused(&at.run(&["config", "check"], ""), "did you mean issuer?");
    std::fs::remove_file(path.join("latchkey.toml")).unwrap();

    let busy = TcpListener::bind(("127.0.0.1", at.port)).unwrap();
    refused(&at.run(&["serve"], ""), "cannot listen on");
    assert!(!path.join("db").exists() && !path.join("keys").exists());
    drop(busy);

    let out = at
        .command(&["serve"])
        .env("LATCHKEY_DATABASE_URL", "postgres://u@127.0.0.1:1/none")
        .output()
        .unwrap();
    refused(&out, "database cannot be reached");
    let out = at
        .command(&["serve"])
        .env("LATCHKEY_DATABASE_URL", "mysql://x")
        .output()
        .unwrap();
    refused(&out, "must start with sqlite:// or postgres://");
    assert!(!path.join("keys").exists());

    std::fs::write(path.join("cert.pem"), "nonsense").unwrap();
    std::fs::write(path.join("key.pem"), "nonsense").unwrap();
    let tls = |c: &mut Command| {
        c.env("LATCHKEY_TLS__CERTIFICATE", "cert.pem")
            .env("LATCHKEY_TLS__KEY", "key.pem")
            .output()
            .unwrap()
    };
    refused(
        &tls(&mut at.command(&["serve"])),
        "cert.pem has no certificate in it",
    );

    at.good(&["migrate"], "");
    refused(
        &at.run(
            &["client", "create", "--from", "-"],
            "{\"client_name\": \"x\",}",
        ),
        "this is no JSON: trailing comma at line 1",
    );
    refused(
        &at.run(
            &["client", "create", "--from", "-"],
            "{\"redirect_uris\":[\"http://a.example/\"]}",
        ),
        "use https",
    );
    refused(
        &at.run(&["client", "create", "--from", "missing.json"], ""),
        "missing.json cannot be read",
    );
    assert_eq!(at.json(&["client", "list", "--json"], ""), json!([]));

    at.good(&["key", "list"], "");
    let master = path.join("keys/master.key");
    let kept = std::fs::read_to_string(&master).unwrap();
    std::fs::write(&master, "0".repeat(64)).unwrap();
    refused(&at.run(&["serve"], ""), "does not fit this database");
    std::fs::write(&master, "short").unwrap();
    refused(&at.run(&["serve"], ""), "is no master key");
    std::fs::remove_file(&master).unwrap();
    refused(&at.run(&["serve"], ""), "bring the file back");
    assert!(!master.exists(), "no second master key is made");
    std::fs::write(&master, kept).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&master, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(&at.run(&["serve"], ""), "chmod 600");
    std::fs::set_permissions(&master, std::fs::Permissions::from_mode(0o600)).unwrap();
    let out = at
        .command(&["dev"])
        .env("LATCHKEY_ISSUER", "https://id.example")
        .output()
        .unwrap();
    refused(&out, "loopback");
    refused(
        &at.run(&["why", "NOSUCHRF"], ""),
        "no refusal has the reference",
    );
}

#[test]
fn a_refusal_is_explained_by_why_and_a_token_by_inspect() {
    let at = Place::new();
    at.good(&["client", "create", "--from", "-"], r#"{"client_id":"m","client_secret":"0123456789012345678901234567890123","grant_types":["client_credentials"]}"#);
    let _server = at.serve();
    let http = reqwest_blocking();
    let (status, answer) = http.post(&at, "m", "wrong");
    assert_eq!(
        (status, answer["error"].as_str()),
        (401, Some("invalid_client"))
    );
    let reference = answer["error_ref"].as_str().unwrap();
    let mut out = at.run(&["why", reference], "");
    for _ in 0..100 {
        if out.status.success() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        out = at.run(&["why", reference], "");
    }
    let text = String::from_utf8(out.stdout).unwrap();
    let pasted = format!("The user has to sign in. (ref {reference})");
    assert_eq!(
        at.good(&["why", &pasted], ""),
        text,
        "as it stands in a redirect"
    );
    assert_eq!(
        at.good(&["why", "in.", "(ref", &format!("{reference})")], ""),
        text,
        "without quotes"
    );
    assert!(
        text.contains("ClientSecretWrong")
            && text.contains("(5 characters, masked)")
            && !text.contains("wrong\n"),
        "{text}"
    );
    let (status, answer) = http.post(&at, "m", "0123456789012345678901234567890123");
    assert_eq!(status, 200);
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(
        at.json(&["token", "inspect", "--json"], token)["valid"],
        true
    );
    let mut changed = token.to_owned();
    changed.truncate(token.len() - 8);
    changed.push_str("AAAAAAAA");
    assert_eq!(
        at.json(&["token", "inspect", "--json"], &changed)["why"],
        "the signature does not match"
    );
}
