//! `If-Match`: what is done only to a record as its caller has read it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use futures_util::future::join_all;
use latchkey_api::{Call, table};
use latchkey_protocol::ClientId;

use super::*;

const PASSWORD: &str = "another password of alice";

/// An `If-Match` that names no version of anything.
const STALE: &str = "\"0000\"";

async fn act(caller: &Ops<'_>, path: &str, etag: &str) -> Answer {
    let body = match path.ends_with("set-password") {
        true => json!({ "password": PASSWORD }),
        false => json!({}),
    };
    caller.write("POST", path, etag, body).await
}

/// Between the reading and the writing of a PATCH as well: the version is what its write is for.
#[test]
fn whatever_changes_a_user_is_told_to_whoever_has_read_them_before() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let path = format!("/users/{}", h.alice);
        let now = async || caller.get(&path).await.header("etag").to_owned();
        let version = async || h.store.user(&h.alice).await.unwrap().unwrap().version;
        for action in ["set-password", "disable", "enable", "disable", "disable"] {
            let (before, number) = (now().await, version().await);
            let done = answer(caller.request("POST", &format!("{path}/{action}")).json(
                &match action {
                    "set-password" => json!({ "password": PASSWORD }),
                    _ => json!({}),
                },
            ))
            .await;
            assert_eq!(done.status, 200, "{done:?}");
            assert_eq!(version().await, number + 1, "{action}");
            assert_eq!(done.header("etag"), now().await, "as it is now");
            assert_ne!(before, now().await, "{action}");
            for (method, body) in [("PATCH", json!({ "name": "x" })), ("PUT", json!({}))] {
                let late = caller.write(method, &path, &before, body).await;
                is_problem(&late, 412, "changed-meanwhile");
            }
            is_problem(
                &caller.delete(&path, &before).await,
                412,
                "changed-meanwhile",
            );
        }
        let enabled = caller.act(&format!("{path}/enable")).await;
        assert_eq!(enabled.header("etag"), now().await);
        // A sign-in and the end of all sessions change no record.
        let browser = h.browser();
        browser.act_as("alice", PASSWORD);
        assert!(browser.authorize(&[]).await.contains_key("code"));
        assert_eq!(
            caller.act(&format!("{path}/end-sessions")).await.status,
            200
        );
        assert_eq!(enabled.header("etag"), now().await);
    });
}

#[test]
fn of_many_who_change_or_delete_a_user_as_they_have_read_them_one_does() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        for round in 0..4 {
            let new = json!({ "username": format!("u{round}"), "password": "a password of u" });
            let made = caller.post("/users", new).await;
            let path = format!("/users/{}", made.json["sub"].as_str().unwrap());
            let etag = made.header("etag");
            let one = async |n: usize| match (n + round) % 5 {
                0 => caller.delete(&path, etag).await,
                1 => act(&caller, &format!("{path}/disable"), etag).await,
                2 => act(&caller, &format!("{path}/enable"), etag).await,
                3 => act(&caller, &format!("{path}/set-password"), etag).await,
                _ => {
                    caller
                        .write("PATCH", &path, etag, json!({ "name": "x" }))
                        .await
                }
            };
            let heard = join_all((0..10).map(one)).await;
            let done = heard.iter().filter(|one| one.status < 300).count();
            assert_eq!(done, 1, "{heard:?}");
            for late in heard.iter().filter(|one| one.status >= 300) {
                assert!([404, 412].contains(&late.status), "{late:?}");
            }
        }
    });
}

/// The address of something that is there, and what it takes.
fn filled(h: &Harness, call: Call, session: &str) -> (String, Value) {
    let id = match call.path.starts_with("/sessions") {
        true => session,
        false => "1",
    };
    let parts = [
        ("{sub}", h.alice.as_str()),
        ("{client_id}", "app"),
        ("{name}", "team"),
        ("{upstream}", "team"),
        ("{subject}", "of-alice"),
        ("{id}", id),
        ("{kid}", "any"),
    ];
    let path = parts
        .iter()
        .fold(call.path.to_owned(), |path, (name, with)| {
            path.replace(name, with)
        });
    let body = match (call.method, call.path) {
        ("POST", "/users/{sub}/set-password") => json!({ "password": PASSWORD }),
        ("PUT", "/claims/{name}") => json!({ "value": "blue" }),
        _ => json!({}),
    };
    (path, body)
}

/// From the route table, so that no route can be forgotten.
#[test]
fn an_if_match_that_does_not_match_is_refused_by_every_call_and_nothing_is_done() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        h.tokens(&h.browser()).await;
        let claim = json!({ "value": "red" });
        assert_eq!(
            answer(caller.request("PUT", "/claims/team").json(&claim))
                .await
                .status,
            200
        );
        upstreams::add(&caller, "team").await;
        let session = caller.get("/sessions").await.json["items"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let entries = async || caller.get("/audit?actor=ops").await.json["items"].clone();
        let before = entries().await;
        for call in table().filter(|call| call.writes) {
            let (path, body) = filled(&h, call, &session);
            let late = caller.write(call.method, &path, STALE, body).await;
            is_problem(&late, 412, "changed-meanwhile");
        }
        assert_eq!(entries().await, before, "nothing was done");
        for path in [
            "/users/{}",
            "/clients/app",
            "/claims/team",
            "/upstreams/team",
        ] {
            let path = path.replace("{}", &h.alice);
            let late = answer(caller.request("GET", &path).header("If-Match", STALE)).await;
            is_problem(&late, 412, "changed-meanwhile");
        }
    });
}

#[test]
fn an_action_on_a_record_as_it_was_read_is_done_once_and_a_star_is_met_by_whatever_is_there() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let user = format!("/users/{}", h.alice);
        for (record, actions) in [
            (user.as_str(), &["disable", "enable", "set-password"][..]),
            ("/clients/app", &["disable", "enable", "rotate-secret"][..]),
        ] {
            for action in actions {
                let etag = caller.get(record).await.header("etag").to_owned();
                let path = format!("{record}/{action}");
                let heard = join_all((0..4).map(|_| act(&caller, &path, &etag))).await;
                let done = heard.iter().filter(|one| one.status == 200).count();
                assert_eq!(done, 1, "{path} {heard:?}");
                let any = join_all((0..4).map(|_| act(&caller, &path, "*"))).await;
                assert!(any.iter().all(|one| one.status == 200), "{path} {any:?}");
            }
            let etag = caller.get(record).await.header("etag").to_owned();
            let ended = act(&caller, &format!("{record}/end-sessions"), &etag).await;
            assert_eq!(ended.status, 200, "{ended:?}");
        }
        let gone = "/users/nobody/disable";
        is_problem(&act(&caller, gone, "*").await, 404, "not-found");
    });
}

#[test]
fn a_custom_claim_is_replaced_and_removed_as_it_was_read() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let path = "/claims/team";
        let set = async |etag: &str, value: &str| {
            let value = json!({ "value": value });
            caller.write("PUT", path, etag, value).await
        };
        // It has to be there for that.
        is_problem(&set("*", "red").await, 412, "changed-meanwhile");
        let made = answer(caller.request("PUT", path).json(&json!({ "value": "red" }))).await;
        assert_eq!(made.status, 200, "{made:?}");
        let read = caller.get(path).await;
        assert_eq!(read.json["value"], "red");
        assert_eq!(read.header("etag"), made.header("etag"));
        let heard = join_all(["a", "b", "c"].map(|value| set(read.header("etag"), value))).await;
        let done: Vec<_> = heard.iter().filter(|one| one.status == 200).collect();
        assert_eq!(done.len(), 1, "{heard:?}");
        let late = caller.delete(path, read.header("etag")).await;
        is_problem(&late, 412, "changed-meanwhile");
        let gone = caller.delete(path, done[0].header("etag")).await;
        assert_eq!(gone.status, 204, "{gone:?}");
        is_problem(&caller.get(path).await, 404, "not-found");
    });
}

/// Whatever others do to the user meanwhile: hashing costs more than all the rest.
#[test]
fn a_password_that_is_set_while_others_change_the_user_is_hashed_once() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let user = format!("/users/{}", h.alice);
        let left = Arc::new(AtomicUsize::new(0));
        let (store, alice, times) = (h.store.clone(), h.alice.clone(), left.clone());
        h.flaky.before_each("set_password", move || {
            let (store, alice, times) = (store.clone(), alice.clone(), times.clone());
            async move {
                let less = |left: usize| left.checked_sub(1);
                if times.fetch_update(SeqCst, SeqCst, less).is_ok() {
                    let enabled = store.enable_user(&alice, None, moment()).await;
                    assert!(enabled.unwrap());
                }
            }
        });
        let path = format!("{user}/set-password");
        let read = async || caller.get(&user).await.header("etag").to_owned();
        let set = async |etag: Option<&str>| {
            let before = h.salts();
            let request = caller.request("POST", &path);
            let request = match etag {
                None => request,
                Some(etag) => request.header("If-Match", etag),
            };
            let set = answer(request.json(&json!({ "password": PASSWORD }))).await;
            (set.status, h.salts() - before)
        };
        for etag in [None, Some("*")] {
            left.store(15, SeqCst);
            assert_eq!(set(etag).await, (200, 1), "{etag:?}");
        }
        let etag = read().await;
        left.store(1, SeqCst);
        assert_eq!(set(Some(&etag)).await, (412, 1));
        assert_eq!(set(Some(&etag)).await, (412, 0), "known to be late");
        assert_eq!(set(Some(&read().await)).await, (200, 1));
    });
}

/// Also where the record changes right before the write.
#[test]
fn sessions_do_not_end_where_the_record_has_changed_since_it_was_judged() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        h.tokens(&h.browser()).await;
        let live = async || h.store.sessions(None).await.unwrap().len();
        let user = format!("/users/{}", h.alice);
        let (store, alice) = (h.store.clone(), h.alice.clone());
        h.flaky.before_each("end_user_at", move || {
            let (store, alice) = (store.clone(), alice.clone());
            async move { assert!(store.enable_user(&alice, None, moment()).await.unwrap()) }
        });
        let etag = caller.get(&user).await.header("etag").to_owned();
        let late = act(&caller, &format!("{user}/end-sessions"), &etag).await;
        is_problem(&late, 412, "changed-meanwhile");
        assert_eq!(live().await, 1);
        let store = h.store.clone();
        h.flaky.before_each("begin_bulk_end", move || {
            let store = store.clone();
            async move {
                let app = ClientId::new("app");
                let set = store.set_client_disabled(&app, None, None).await;
                assert!(set.unwrap());
            }
        });
        let etag = caller.get("/clients/app").await.header("etag").to_owned();
        let late = act(&caller, "/clients/app/end-sessions", &etag).await;
        is_problem(&late, 412, "changed-meanwhile");
        assert_eq!(caller.get("/sessions/ends").await.json["items"], json!([]));
        assert_eq!(live().await, 1);
        let any = caller.act("/clients/app/end-sessions").await;
        assert_eq!(any.status, 200, "whatever it is: {any:?}");
    });
}

fn moment() -> latchkey_protocol::Timestamp {
    latchkey_protocol::Timestamp::from_seconds(START)
}
