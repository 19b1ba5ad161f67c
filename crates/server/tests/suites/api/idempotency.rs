//! What is created once, however often it is asked for.

use futures_util::future::join_all;
use latchkey_protocol::{
    ClientId,
    idempotency::{IdempotencyOutcome, IdempotentCall},
    page::Page,
    secret::Pepper,
};

use super::*;

async fn create(caller: &Ops<'_>, path: &str, key: &str, body: &Value) -> Answer {
    let request = caller.request("POST", path).header("Idempotency-Key", key);
    answer(request.json(body)).await
}

async fn clients(h: &Harness) -> usize {
    h.store.clients(&Page::first(100)).await.unwrap().len()
}

#[test]
fn a_call_that_is_sent_again_with_its_key_is_answered_again_and_not_done_again() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let before = clients(&h).await;
        let body = json!({ "redirect_uris": [CALLBACK] });
        let first = create(&caller, "/clients", "k1", &body).await;
        assert_eq!(first.status, 201, "{first:?}");
        h.pass(86_000);
        let caller = caller.again().await;
        let again = create(&caller, "/clients", "k1", &body).await;
        assert_eq!(
            (again.status, &again.text),
            (201, &first.text),
            "the secret too"
        );
        for name in ["etag", "location"] {
            assert_eq!(again.header(name), first.header(name));
        }
        assert_eq!(clients(&h).await, before + 1);
        let other = json!({ "redirect_uris": [CALLBACK], "client_name": "x" });
        is_problem(
            &create(&caller, "/clients", "k1", &other).await,
            422,
            "idempotency-key-reused",
        );
        is_problem(
            &create(&caller, "/users", "k1", &body).await,
            422,
            "idempotency-key-reused",
        );
        // Keys are each client's own.
        let another = ops(&h, "another", "latchkey.write").await;
        assert_ne!(
            create(&another, "/clients", "k1", &body).await.text,
            first.text
        );
        h.pass(500);
        let caller = caller.again().await;
        let new_day = create(&caller, "/clients", "k1", &other).await;
        assert_eq!(new_day.status, 201, "{new_day:?}");
        for key in ["", " ", "a b", &"k".repeat(256)] {
            let wrong = create(&caller, "/clients", key, &body).await;
            is_problem(&wrong, 400, "parameter-invalid");
            assert_eq!(named(&wrong), ["Idempotency-Key"]);
        }
    });
}

#[test]
fn a_stored_answer_does_not_show_the_secret_that_is_in_it() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let body = json!({ "redirect_uris": [CALLBACK] });
        let made = create(&caller, "/clients", "k", &body).await;
        let secret = made.json["client_secret"].as_str().unwrap();
        let master = latchkey_server::wiring::master_key(&h.keys_dir(), false).unwrap();
        let pepper = Pepper::derive(master.bytes(), "idempotency");
        let request = ["createClient", "/admin/api/v1/clients", &body.to_string()];
        let call = IdempotentCall::new(&pepper, &ClientId::new("ops"), "k", &request, h.moment());
        let known = h.store.begin_call(&call).await.unwrap();
        let IdempotencyOutcome::Answered(stored) = known else {
            panic!("{known:?}")
        };
        assert!(!stored.contains(secret) && master.open(&stored).unwrap().contains(secret));
    });
}

#[test]
fn of_calls_at_once_with_one_key_one_is_carried_out() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let before = clients(&h).await;
        let body = json!({ "redirect_uris": [CALLBACK] });
        let calls = (0..8).map(|_| create(&caller, "/clients", "k", &body));
        let answers = futures_util::future::join_all(calls).await;
        let made: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status == 201)
            .collect();
        assert!(!made.is_empty());
        assert!(made.iter().all(|answer| answer.text == made[0].text));
        for refused in answers.iter().filter(|answer| answer.status != 201) {
            is_problem(refused, 409, "in-progress");
            assert_eq!(refused.header("retry-after"), "1");
        }
        assert_eq!(clients(&h).await, before + 1);
    });
}

#[test]
fn a_call_that_was_refused_frees_its_key() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let wrong = create(&caller, "/users", "k", &json!({ "username": "a b" })).await;
        is_problem(&wrong, 422, "invalid");
        let made = create(&caller, "/users", "k", &json!({ "username": "ab" })).await;
        assert_eq!(made.status, 201, "{made:?}");
        let again = create(&caller, "/users", "k", &json!({ "username": "ab" })).await;
        assert_eq!((again.status, again.text), (201, made.text));
    });
}

/// Nothing was done, and the answer says when to come again.
#[test]
fn a_call_that_found_the_server_busy_is_carried_out_when_it_is_sent_again() {
    on_both(async |h| {
        let caller = administrator(&h).await;
        let rotate = async |n: usize| {
            let key = format!("k{n}");
            create(&caller, "/keys/rotate", &key, &json!({})).await
        };
        // More than can wait for one to be made; with the first key, as many as can be published.
        let heard = join_all((0..7).map(rotate)).await;
        let busy = |one: &&(usize, Answer)| one.1.status == 503;
        let heard: Vec<_> = heard.into_iter().enumerate().collect();
        assert_ne!(heard.iter().filter(busy).count(), 0, "{heard:?}");
        for (n, refused) in heard.iter().filter(busy) {
            is_problem(refused, 503, "busy");
            assert_eq!(refused.header("retry-after"), "1");
            let again = rotate(*n).await;
            assert_eq!(again.status, 201, "{again:?}");
        }
    });
}
