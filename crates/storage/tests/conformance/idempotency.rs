//! Calls that are carried out once, when there is room for no more of them.

use latchkey_conformance::samples::client;
use latchkey_protocol::{
    ClientId,
    idempotency::{BY_CLIENT, IdempotencyOutcome, IdempotentCall, KNOWN},
    secret::Pepper,
};

use super::*;

#[test]
fn a_key_that_is_there_is_begun_again_although_no_other_has_room() {
    on_both_at(async |options| {
        let store = open(&options);
        assert!(store.create_client(&client()).await.unwrap());
        let pepper = Pepper::derive(&[3; 32], "idempotency");
        let begin = async |key: &str, at| {
            let call =
                IdempotentCall::new(&pepper, &ClientId::new("c"), key, &["body"], moment(at));
            store.begin_call(&call).await.unwrap()
        };
        assert_eq!(begin("k", 1).await, IdempotencyOutcome::Begun);
        let others = format!(
            "INSERT INTO idempotent_calls (key, client_id, request, began_at) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {BY_CLIENT}) \
             SELECT CAST(CAST(i AS TEXT) AS {0}), 'c', CAST('' AS {0}), 60 FROM n",
            if options.url.starts_with("postgres") {
                "BYTEA"
            } else {
                "BLOB"
            },
        );
        options.script(&others).unwrap();
        let full = begin("new", 61).await;
        assert_eq!(full, IdempotencyOutcome::NoRoom { wait: KNOWN - 60 });
        assert_eq!(begin("k", 30).await, IdempotencyOutcome::UnderWay);
        assert_eq!(begin("k", 70).await, IdempotencyOutcome::Begun);
    });
}
