//! Calls that are carried out once.

use super::*;
use latchkey_protocol::{
    ClientId,
    idempotency::{IdempotencyOutcome, IdempotentCall},
    secret::Pepper,
};

fn call(key: &str, body: &str, at: i64) -> IdempotentCall {
    let pepper = Pepper::derive(&[3; 32], "idempotency");
    IdempotentCall::new(&pepper, &ClientId::new("c"), key, &[body], moment(at))
}

pub fn of_racing_calls_with_one_key_one_is_carried_out_and_all_hear_its_answer(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        assert!(store.create_client(&client()).await.unwrap());
        let begun = winners(&store, |s, n| async move {
            let outcome = s
                .begin_call(&call("k", "body", i64::try_from(n % 3).unwrap()))
                .await;
            outcome.unwrap() == IdempotencyOutcome::Begun
        });
        assert_eq!(begun.await, 1);
        let begin =
            async |key: &str, body: &str, at| store.begin_call(&call(key, body, at)).await.unwrap();
        assert_eq!(begin("k", "body", 30).await, IdempotencyOutcome::UnderWay);
        assert_eq!(
            begin("k", "other", 30).await,
            IdempotencyOutcome::OtherRequest
        );
        // Whoever carried it out is gone: it can be begun again, and they are too late.
        let late = [0, 1, 2].map(|at| call("k", "body", at));
        assert_eq!(begin("k", "body", 70).await, IdempotencyOutcome::Begun);
        for late in late {
            assert!(!store.answer_call(&late, "late").await.unwrap());
            store.forget_call(&late).await.unwrap();
        }
        let again = call("k", "body", 70);
        assert!(store.answer_call(&again, "answer").await.unwrap());
        assert!(!store.answer_call(&again, "another").await.unwrap());
        store.forget_call(&again).await.unwrap();
        let answered = IdempotencyOutcome::Answered("answer".into());
        assert_eq!(begin("k", "body", 80_000).await, answered);
        assert_eq!(
            begin("k", "other", 80_000).await,
            IdempotencyOutcome::OtherRequest
        );
        assert_eq!(
            begin("k", "other", 70 + 86_400).await,
            IdempotencyOutcome::Begun
        );
    });
}

pub fn a_call_that_did_nothing_frees_its_key_and_a_deleted_client_takes_its_calls_along(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        assert!(store.create_client(&client()).await.unwrap());
        let begin = async |body: &str| store.begin_call(&call("k", body, 1)).await.unwrap();
        assert_eq!(begin("body").await, IdempotencyOutcome::Begun);
        store.forget_call(&call("k", "body", 1)).await.unwrap();
        assert_eq!(begin("other").await, IdempotencyOutcome::Begun);
        assert!(
            store
                .answer_call(&call("k", "other", 1), "a")
                .await
                .unwrap()
        );
        assert!(
            store
                .delete_client(&ClientId::new("c"), None)
                .await
                .unwrap()
        );
        assert!(store.create_client(&client()).await.unwrap());
        assert_eq!(begin("body").await, IdempotencyOutcome::Begun);
    });
}
