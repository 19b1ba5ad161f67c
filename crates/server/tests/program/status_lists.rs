//! Status lists of the program: what `token inspect` says of a token, and who waits for a change when the server is stopped.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Http, reqwest_blocking, support::*};

const CLIENT: &str = "m";
const SECRET_OF_M: &str = "0123456789012345678901234567890123";

fn begin(at: &Place) {
    let client = json!({ "client_id": CLIENT, "client_secret": SECRET_OF_M, "grant_types": ["client_credentials"] });
    at.good(&["client", "create", "--from", "-"], &client.to_string());
}

fn token(http: &Http, at: &Place) -> String {
    let (status, answer) = http.post(at, CLIENT, SECRET_OF_M);
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

fn status(at: &Place, token: &str) -> Value {
    at.json(&["token", "inspect", "--json"], token)["status"].clone()
}

#[test]
fn inspect_says_what_the_list_says_of_a_token() {
    let at = Place::new();
    begin(&at);
    let _server = at.serve();
    let http = reqwest_blocking();
    let (revoked, other) = (token(&http, &at), token(&http, &at));
    assert_eq!(status(&at, &revoked)["ended"], false);
    http.0.block_on(async {
        let revoke = http.1.post(format!("{}/revoke", at.issuer()));
        let revoke = revoke.basic_auth(CLIENT, Some(SECRET_OF_M));
        let answer = revoke.form(&[("token", &revoked)]).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    });
    assert_eq!(status(&at, &revoked)["ended"], true);
    assert_eq!(status(&at, &other)["ended"], false);
    let text = at.good(&["token", "inspect"], &revoked);
    assert!(text.contains("its bit is set"), "{text}");
}

/// It would have to wait for them otherwise: half a minute at most.
#[test]
fn a_stop_answers_whoever_waits_for_a_change() {
    let at = Place::new();
    begin(&at);
    let server = at.serve();
    let http = reqwest_blocking();
    let (lists, client) = (format!("{}/status-lists", at.issuer()), http.1.clone());
    let tag = http.0.block_on(async {
        let answer = client.get(&lists).send().await.unwrap();
        answer.headers()["etag"].to_str().unwrap().to_owned()
    });
    let asked = client.get(&lists).header("If-None-Match", tag);
    let waiting = http.0.spawn(asked.header("Prefer", "wait=25").send());
    std::thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    server.stop();
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    let answer = http.0.block_on(waiting).unwrap().unwrap();
    assert_eq!(answer.status(), 304);
}

/// The server looks by itself.
#[test]
fn a_token_that_is_revoked_is_in_the_published_list_within_two_seconds() {
    let at = Place::new();
    begin(&at);
    let _server = at.serve();
    let http = reqwest_blocking();
    let revoked = token(&http, &at);
    let lists = format!("{}/status-lists", at.issuer());
    http.0.block_on(async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        let known = http.1.get(&lists).send().await.unwrap();
        let tag = known.headers()["etag"].clone();
        let revoke = http.1.post(format!("{}/revoke", at.issuer()));
        let revoke = revoke.basic_auth(CLIENT, Some(SECRET_OF_M));
        revoke.form(&[("token", &revoked)]).send().await.unwrap();
        let began = Instant::now();
        let wait = http.1.get(&lists).header("If-None-Match", tag);
        let told = wait.header("Prefer", "wait=25").send().await.unwrap();
        assert_eq!(told.status(), 200);
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
    });
}
