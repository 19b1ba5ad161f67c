//! The log's target `audit`: who signed in and who failed to, what ended, and what commands did.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Http, client, reqwest_blocking, support::*};

pub struct Audited {
    at: Place,
    pub server: Running,
    http: Http,
}

impl Audited {
    pub fn start() -> Self {
        let at = Place::new();
        at.add_alice_and_app();
        let file = std::fs::File::create(at.folder.path().join("log")).unwrap();
        let mut command = at.command(&["serve"]);
        let server = at.start(command.env("LATCHKEY_LOG__FORMAT", "json").stderr(file));
        Self {
            at,
            server,
            http: reqwest_blocking(),
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.at.folder.path().join("log")).unwrap()
    }

    /// Waits for the audit line that fits.
    fn line(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..100 {
            let lines: Vec<Value> = self
                .log()
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            let found = lines
                .into_iter()
                .find(|l| l["target"] == "audit" && l["message"] == what && fits(l));
            if let Some(line) = found {
                return line;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no {what}: {}", self.log());
    }

    /// What the login page answers; the browser stays signed in.
    pub fn sign_in(&self, browser: &reqwest::Client, name: &str, password: &str) -> u16 {
        let issuer = self.at.issuer();
        self.http.0.block_on(async {
            let query =
                "client_id=app&redirect_uri=https%3A%2F%2Fa.example%2Fcb&response_type=code&scope=openid&prompt=login";
            let begun = browser.get(format!("{issuer}/authorize?{query}")).send().await.unwrap();
            let to = begun.headers()["location"].to_str().unwrap().to_owned();
            let to = if to.starts_with('/') { format!("{issuer}{to}") } else { to };
            let page = browser.get(&to).send().await.unwrap().text().await.unwrap();
            let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
            let form = [("csrf", csrf), ("username", name), ("password", password)];
            browser.post(&to).form(&form).send().await.unwrap().status().as_u16()
        })
    }

    /// An ID token of a sign-in of alice.
    fn id_token(&self, browser: &reqwest::Client) -> String {
        let issuer = self.at.issuer();
        assert_eq!(self.sign_in(browser, "alice", PASSWORD), 303);
        self.http.0.block_on(async {
            let query = "client_id=app&redirect_uri=https%3A%2F%2Fa.example%2Fcb&response_type=code&scope=openid";
            // RFC 7636 B.
            let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
            let query = format!("{query}&code_challenge={challenge}&code_challenge_method=S256");
            let sent = browser.get(format!("{issuer}/authorize?{query}")).send().await.unwrap();
            let to = sent.headers()["location"].to_str().unwrap().to_owned();
            let code = to.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
            let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
            let form = [
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", "https://a.example/cb"),
                ("code_verifier", verifier),
            ];
            let request = self.http.1.post(format!("{issuer}/token")).basic_auth("app", Some(SECRET)).form(&form);
            let tokens: Value = request.send().await.unwrap().json().await.unwrap();
            tokens["id_token"].as_str().unwrap().to_owned()
        })
    }

    fn sign_out(&self, browser: &reqwest::Client) -> u16 {
        let issuer = self.at.issuer();
        self.http.0.block_on(async {
            let page = browser
                .get(format!("{issuer}/logout"))
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            let csrf = page
                .split("name=\"csrf\" value=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            let form = [("csrf", csrf), ("decision", "sign-out")];
            browser
                .post(format!("{issuer}/logout/confirm"))
                .form(&form)
                .send()
                .await
                .unwrap()
                .status()
                .as_u16()
        })
    }
}

#[test]
fn sign_ins_and_failures_name_user_client_and_address_and_never_what_may_be_a_password() {
    let audited = Audited::start();
    let sub = audited.at.json(&["user", "show", "alice", "--json"], "")["sub"].clone();
    let browser = client().cookie_store(true).build().unwrap();
    assert_eq!(audited.sign_in(&browser, "alice", PASSWORD), 303);
    let line = audited.line("signed in", |_| true);
    assert_eq!(
        (&line["user"], &line["client"], &line["address"]),
        (&sub, &json!("app"), &json!("127.0.0.1"))
    );
    assert!(line["session"].is_string());

    assert_eq!(audited.sign_in(&browser, "Alice", "wrong"), 401);
    let line = audited.line("sign-in failed", |l| l["user"] == sub);
    assert_eq!(
        (&line["client"], &line["address"]),
        (&json!("app"), &json!("127.0.0.1"))
    );
    for typed in ["MySecretPassword", "mysecretpassword", "other"] {
        assert_eq!(audited.sign_in(&browser, typed, "x"), 401);
    }
    let typed = audited.line("sign-in failed", |l| l["typed"].is_string())["typed"].clone();
    audited.line("sign-in failed", |l| {
        l["typed"].is_string() && l["typed"] != typed
    });
    let log = audited.log();
    assert_eq!(
        log.matches(typed.as_str().unwrap()).count(),
        2,
        "the same name, the same digest: {log}"
    );
    assert!(!log.to_lowercase().contains("mysecretpassword"), "{log}");
    assert!(!log.contains(PASSWORD));
}

#[test]
fn what_commands_do_and_what_ends_is_in_the_servers_log() {
    let audited = Audited::start();
    let at = &audited.at;
    let browser = client().cookie_store(true).build().unwrap();
    assert_eq!(audited.sign_in(&browser, "alice", PASSWORD), 303);
    let session = at.json(&["session", "list", "--json"], "")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(audited.sign_out(&browser), 303);
    let line = audited.line("signed out", |_| true);
    assert_eq!(
        (&line["session"], &line["address"]),
        (&json!(session), &json!("127.0.0.1"))
    );
    assert_eq!(audited.sign_in(&browser, "alice", PASSWORD), 303);
    let session = at.json(&["session", "list", "--json"], "")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    at.good(&["session", "end", &session], "");
    at.good(&["user", "disable", "alice"], "");
    at.good(&["user", "enable", "alice"], "");
    at.good(
        &["user", "set-password", "alice", "--password-stdin"],
        "another password",
    );
    at.good(&["client", "rotate-secret", "app"], "");
    at.good(&["key", "rotate"], "");
    at.good(&["user", "list"], "");
    for (operation, on) in [
        // Before the server was there.
        ("user create", "alice"),
        ("client create", "app"),
        ("session end", &session),
        ("user disable", "alice"),
        ("user enable", "alice"),
        ("user set-password", "alice"),
        ("client rotate-secret", "app"),
    ] {
        let line = audited.line("command", |l| l["operation"] == operation);
        assert_eq!(
            (
                line["on"].as_str(),
                line["caller"].as_str().map(|c| &c[..4])
            ),
            (Some(on), Some("uid ")),
            "{line}"
        );
        assert!(line["at"].as_i64().unwrap() > 1_700_000_000);
    }
    audited.line("command", |l| l["operation"] == "key rotate");
    // Its last lines, were there any, are written when it ends.
    let log_file = audited.at.folder.path().join("log");
    audited.server.stop();
    let log = std::fs::read_to_string(log_file).unwrap();
    assert_eq!(log.matches("user disable").count(), 1, "once: {log}");
    assert!(
        !log.contains("another password") && !log.contains("user list"),
        "{log}"
    );
}

#[test]
fn a_session_keeps_its_name_when_its_user_signs_in_again_and_ends_by_it() {
    let audited = Audited::start();
    let at = &audited.at;
    let browser = client().cookie_store(true).build().unwrap();
    let listed = || at.json(&["session", "list", "--json"], "");
    let mut first = None;
    for _ in 0..2 {
        assert_eq!(audited.sign_in(&browser, "alice", PASSWORD), 303);
        let sessions = listed();
        let ids: Vec<_> = sessions
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["id"].clone())
            .collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(*first.get_or_insert(ids.clone()), ids);
    }
    let id = first.unwrap()[0].as_str().unwrap().to_owned();
    assert!(at.good(&["session", "end", &id], "").contains(&id));
    assert_eq!(listed(), json!([]));
    audited.line("command", |l| {
        l["operation"] == "session end" && l["on"] == id.as_str()
    });
}

#[test]
fn a_session_whose_browser_another_user_signs_in_at_leaves_a_line() {
    let audited = Audited::start();
    let at = &audited.at;
    at.good(&["user", "create", "bob", "--password-stdin"], PASSWORD);
    let sub = at.json(&["user", "show", "alice", "--json"], "")["sub"].clone();
    let browser = client().cookie_store(true).build().unwrap();
    let mut before: Option<String> = None;
    for (name, cause) in [("alice", ""), ("bob", "another user signed in")] {
        assert_eq!(audited.sign_in(&browser, name, PASSWORD), 303);
        let session = at.json(&["session", "list", "--json"], "")[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        if let Some(before) = before {
            let line = audited.line("session ended", |l| l["session"] == before.as_str());
            assert_eq!(
                (&line["user"], &line["cause"], &line["by"]),
                (&sub, &json!(cause), &json!(session)),
                "{line}"
            );
            assert_eq!(
                (&line["client"], &line["address"]),
                (&json!("app"), &json!("127.0.0.1"))
            );
        }
        before = Some(session);
    }
}

#[test]
fn a_sign_out_of_a_named_session_names_its_user() {
    let audited = Audited::start();
    let (at, issuer) = (&audited.at, audited.at.issuer());
    let sub = at.json(&["user", "show", "alice", "--json"], "")["sub"].clone();
    for by_client in [false, true] {
        let browser = client().cookie_store(true).build().unwrap();
        let hint = audited.id_token(&browser);
        let session = at.json(&["session", "list", "--json"], "")[0]["id"].clone();
        let status = audited.http.0.block_on(async {
            if by_client {
                let request = audited
                    .http
                    .1
                    .post(format!("{issuer}/logout"))
                    .basic_auth("app", Some(SECRET));
                return request
                    .form(&[("id_token_hint", &hint)])
                    .send()
                    .await
                    .unwrap()
                    .status();
            }
            // Without the browser's cookies.
            let elsewhere = client().cookie_store(true).build().unwrap();
            let request = elsewhere
                .get(format!("{issuer}/logout"))
                .query(&[("id_token_hint", &hint)]);
            let page = request.send().await.unwrap().text().await.unwrap();
            let value = |name: &str| {
                let field = format!("name=\"{name}\" value=\"");
                page.split(&field)
                    .nth(1)
                    .map(|rest| rest.split('"').next().unwrap().to_owned())
                    .unwrap_or_default()
            };
            let mut form = vec![
                ("decision", "sign-out".to_owned()),
                ("client_id", "app".to_owned()),
            ];
            form.extend(["csrf", "named", "named_user"].map(|name| (name, value(name))));
            elsewhere
                .post(format!("{issuer}/logout/confirm"))
                .form(&form)
                .send()
                .await
                .unwrap()
                .status()
        });
        assert_eq!(status.as_u16(), 303, "by client: {by_client}");
        let line = audited.line("signed out", |l| l["session"] == session);
        assert_eq!(
            (&line["user"], &line["client"]),
            (&sub, &json!("app")),
            "{line}"
        );
    }
}

#[test]
fn an_introspection_that_hides_a_token_of_another_audience_leaves_a_reference() {
    let audited = Audited::start();
    let at = &audited.at;
    for id in ["caller", "api"] {
        let metadata = json!({ "client_id": id, "client_secret": SECRET, "grant_types": ["client_credentials"] });
        at.good(&["client", "create", "--from", "-"], &metadata.to_string());
    }
    let (_, token) = audited.http.post(at, "caller", SECRET);
    let token = token["access_token"].as_str().unwrap().to_owned();
    let answer: Value = audited.http.0.block_on(async {
        let request = audited
            .http
            .1
            .post(format!("{}/introspect", at.issuer()))
            .basic_auth("api", Some(SECRET));
        request
            .form(&[("token", &token)])
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    });
    assert_eq!(answer, json!({ "active": false }), "and nothing else");
    let mut reference = None;
    for _ in 0..100 {
        let lines = audited.log();
        let line = lines
            .lines()
            .find(|l| l.contains("TokenNotForCaller"))
            .map(str::to_owned);
        if let Some(line) = line {
            reference = serde_json::from_str::<Value>(&line).unwrap()["reference"]
                .as_str()
                .map(str::to_owned);
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let reference = reference.expect("in the request's line of the log");
    let explained = (0..50).find_map(|_| {
        let out = at.run(&["why", &reference], "");
        std::thread::sleep(Duration::from_millis(50));
        out.status
            .success()
            .then(|| String::from_utf8(out.stdout).unwrap())
    });
    let explained = explained.expect("why explains it");
    assert!(
        explained.contains("api") && explained.contains("audience"),
        "{explained}"
    );
}
