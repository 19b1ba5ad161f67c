//! A kill in the middle of rotation under load, and what the log says of sign-ins and tokens.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{client, reqwest_blocking, support::*};

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
