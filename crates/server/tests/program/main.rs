//! The program as users run it: commands, faults, TLS, and a kill in the middle of rotation under load.
#![allow(clippy::unwrap_used)]

mod audit;
mod claims;
mod commands;
mod host;
mod manual;
mod port;
mod requests;
mod settings;
mod support;

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use support::*;

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
    at.good(&["user", "disable", "alice"], "");
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
    at.good(&["user", "delete", "alice"], "");
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

fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}

struct Http(tokio::runtime::Runtime, reqwest::Client);

fn reqwest_blocking() -> Http {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    Http(runtime, client().build().unwrap())
}

impl Http {
    fn post(&self, at: &Place, id: &str, secret: &str) -> (u16, Value) {
        self.0.block_on(async {
            let form = [("grant_type", "client_credentials")];
            let request = self
                .1
                .post(format!("{}/token", at.issuer()))
                .basic_auth(id, Some(secret))
                .form(&form);
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        })
    }
}

#[test]
fn tls_serves_and_takes_a_new_certificate_without_a_restart() {
    let at = Place::new();
    let path = at.folder.path().to_owned();
    certificate(&path, "first.example");
    let child = at
        .command(&["serve"])
        .env("LATCHKEY_TLS__CERTIFICATE", path.join("cert.pem"))
        .env("LATCHKEY_TLS__KEY", path.join("key.pem"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _running = Running(child);
    let subject = || {
        let script = format!(
            "openssl s_client -connect 127.0.0.1:{} </dev/null 2>/dev/null | openssl x509 -noout -subject",
            at.port
        );
        String::from_utf8(
            Command::new("bash")
                .args(["-c", &script])
                .output()
                .unwrap()
                .stdout,
        )
        .unwrap()
    };
    let until = |name: &str| {
        (0..300).any(|_| {
            subject().contains(name) || {
                std::thread::sleep(Duration::from_millis(50));
                false
            }
        })
    };
    assert!(until("first.example"));
    certificate(&path, "second.example");
    assert!(until("second.example"));
    for (flag, works) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let script = format!(
            "openssl s_client {flag} -connect 127.0.0.1:{} </dev/null",
            at.port
        );
        assert_eq!(
            Command::new("bash")
                .args(["-c", &script])
                .output()
                .unwrap()
                .status
                .success(),
            works,
            "{flag}"
        );
    }
}

fn certificate(folder: &Path, name: &str) {
    let script = format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout key.tmp -out cert.tmp && mv key.tmp key.pem && mv cert.tmp cert.pem"
    );
    assert!(
        Command::new("bash")
            .args(["-c", &script])
            .current_dir(folder)
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
}

/// It runs as it was started: what OpenSSL is told of the processor is the operator's to say.
#[test]
#[cfg(target_os = "linux")]
fn the_server_does_not_start_itself_again_with_another_environment() {
    let place = Place::new();
    let command = &mut place.command(&["serve"]);
    let server = place.start(command.env_remove("OPENSSL_ia32cap").stderr(Stdio::null()));
    let variables = std::fs::read(format!("/proc/{}/environ", server.0.id()));
    // Its memory cannot be read by others of its user; as root it can.
    if let Ok(variables) = variables {
        let variables = String::from_utf8_lossy(&variables).into_owned();
        assert!(!variables.contains("OPENSSL_ia32cap"), "{variables}");
        assert!(variables.contains("LATCHKEY_ISSUER"), "{variables}");
    }
    server.stop();
}

/// kill -9 in the middle of rotation under load: nothing that was answered is lost.
#[test]
fn what_was_answered_survives_a_kill() {
    const FAMILIES: usize = 16;
    let at = Place::new();
    at.add_alice_and_app();
    let http = reqwest_blocking();
    let mut server = at.serve();
    for _ in 0..3 {
        let newest: Arc<Vec<Mutex<String>>> = Arc::new(http.0.block_on(async {
            let browser = client().cookie_store(true).build().unwrap();
            let mut all = Vec::new();
            for _ in 0..FAMILIES {
                all.push(Mutex::new(family(&browser, &at.issuer()).await));
            }
            all
        }));
        let dead = Arc::new(AtomicBool::new(false));
        let rotations = http.0.block_on(async {
            let mut tasks = Vec::new();
            for n in 0..FAMILIES {
                let (newest, client, issuer, dead) =
                    (newest.clone(), http.1.clone(), at.issuer(), dead.clone());
                tasks.push(tokio::spawn(async move {
                    let mut count = 0;
                    while !dead.load(Ordering::SeqCst) {
                        let token = newest[n].lock().unwrap().clone();
                        let Some(next) = refresh(&client, &issuer, &token).await else {
                            break;
                        };
                        *newest[n].lock().unwrap() = next;
                        count += 1;
                    }
                    count
                }));
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
            server.0.kill().unwrap();
            server.0.wait().unwrap();
            dead.store(true, Ordering::SeqCst);
            let mut rotations = 0;
            for task in tasks {
                rotations += task.await.unwrap();
            }
            rotations
        });
        assert!(rotations > FAMILIES, "there was load: {rotations}");
        server = at.serve();
        http.0.block_on(async {
            for slot in newest.iter() {
                let token = slot.lock().unwrap().clone();
                // The newest that was answered, or the parent of one whose answer was lost: either goes on.
                let next = refresh(&http.1, &at.issuer(), &token)
                    .await
                    .expect("what was answered goes on");
                assert!(refresh(&http.1, &at.issuer(), &next).await.is_some());
            }
        });
    }
}

async fn refresh(client: &reqwest::Client, issuer: &str, token: &str) -> Option<String> {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let request = client
        .post(format!("{issuer}/token"))
        .basic_auth("app", Some(SECRET))
        .form(&form);
    let answer: Value = request.send().await.ok()?.json().await.ok()?;
    answer["refresh_token"].as_str().map(str::to_owned)
}

/// Signs in once and starts a refresh family.
async fn family(browser: &reqwest::Client, issuer: &str) -> String {
    family_noting(browser, issuer, &mut Vec::new()).await
}

/// Notes every secret that it meets on the way.
async fn family_noting(
    browser: &reqwest::Client,
    issuer: &str,
    secrets: &mut Vec<String>,
) -> String {
    let cookies = |answer: &reqwest::Response| -> Vec<String> {
        let set = answer
            .headers()
            .get_all("set-cookie")
            .iter()
            .map(|c| c.to_str().unwrap());
        set.map(|c| {
            c.split(';')
                .next()
                .unwrap()
                .split_once('=')
                .unwrap()
                .1
                .to_owned()
        })
        .collect()
    };
    let query = "client_id=app&redirect_uri=https%3A%2F%2Fa.example%2Fcb&response_type=code&scope=openid%20offline_access";
    let mut to = format!("{issuer}/authorize?{query}");
    while to.starts_with(issuer) {
        let answer = browser.get(&to).send().await.unwrap();
        secrets.extend(cookies(&answer));
        let location = |a: &reqwest::Response| {
            a.headers()
                .get("location")
                .map(|l| l.to_str().unwrap().to_owned())
        };
        to = match location(&answer) {
            Some(next) => next,
            None => {
                let page = answer.text().await.unwrap();
                let csrf = page
                    .split("name=\"csrf\" value=\"")
                    .nth(1)
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap()
                    .to_owned();
                let form = [
                    ("csrf", csrf.as_str()),
                    ("username", "alice"),
                    ("password", PASSWORD),
                ];
                let signed_in = browser.post(&to).form(&form).send().await.unwrap();
                secrets.extend(cookies(&signed_in));
                secrets.extend([csrf, to.rsplit('/').next().unwrap().to_owned()]);
                location(&signed_in).unwrap()
            }
        };
        if to.starts_with('/') {
            to = format!("{issuer}{to}");
        }
    }
    let url = url::Url::parse(&to).unwrap();
    let code = url
        .query_pairs()
        .find(|(n, _)| n == "code")
        .unwrap()
        .1
        .into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "https://a.example/cb"),
    ];
    let request = browser
        .post(format!("{issuer}/token"))
        .basic_auth("app", Some(SECRET))
        .form(&form);
    let tokens: Value = request.send().await.unwrap().json().await.unwrap();
    secrets.push(code);
    for name in ["access_token", "id_token", "refresh_token"] {
        secrets.push(
            tokens[name]
                .as_str()
                .unwrap()
                .rsplit('.')
                .next()
                .unwrap()
                .to_owned(),
        );
    }
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

#[test]
fn the_log_has_a_line_per_request_and_no_secret_however_much_is_logged() {
    for format in ["text", "json"] {
        let at = Place::new();
        at.add_alice_and_app();
        let file = at.folder.path().join("log");
        let mut command = at.command(&["serve"]);
        command
            .env("LATCHKEY_LOG__LEVEL", "trace")
            .env("LATCHKEY_LOG__FORMAT", format);
        let server = at.start(command.stderr(std::fs::File::create(&file).unwrap()));
        let mut secrets = vec![
            SECRET.to_owned(),
            PASSWORD.to_owned(),
            PASSWORD.replace(' ', "+"),
        ];
        let http = reqwest_blocking();
        http.0.block_on(async {
            let browser = client().cookie_store(true).build().unwrap();
            let token = family_noting(&browser, &at.issuer(), &mut secrets).await;
            let next = refresh(&browser, &at.issuer(), &token).await.unwrap();
            secrets.push(next.rsplit('.').next().unwrap().to_owned());
            let wrong = [
                ("grant_type", "authorization_code"),
                ("code", "a-secret-code-of-somebody-else"),
            ];
            let request = browser.post(format!("{}/token", at.issuer())).form(&wrong);
            request
                .basic_auth("app", Some("a-wrong-secret-of-the-app"))
                .send()
                .await
                .unwrap();
            let exchanged = browser.post(format!("{}/token", at.issuer())).form(&wrong);
            exchanged
                .basic_auth("a-secret-in-the-place-of-the-id", Some("app"))
                .send()
                .await
                .unwrap();
        });
        secrets.extend([
            "a-secret-code-of-somebody-else".into(),
            "a-wrong-secret-of-the-app".into(),
        ]);
        secrets.push("a-secret-in-the-place-of-the-id".into());
        assert!(secrets.len() > 12, "{secrets:?}");
        server.stop();
        let log = std::fs::read_to_string(&file).unwrap();
        for secret in &secrets {
            assert!(!log.contains(secret.as_str()), "{secret} in the log");
        }
        let lines = log
            .lines()
            .filter(|l| l.contains("/token") && l.contains("app"))
            .count();
        assert_eq!(lines, 3, "{log}");
        assert!(log.contains("ClientAuthUnknownClient"), "{log}");
        assert!(
            log.contains("ClientSecretWrong"),
            "the refusal's reason: {log}"
        );
        if format == "json" {
            assert!(
                log.lines()
                    .all(|l| serde_json::from_str::<Value>(l).is_ok()),
                "{log}"
            );
        }
    }
}
