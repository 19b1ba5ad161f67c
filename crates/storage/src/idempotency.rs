//! Calls that are carried out once.

use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use latchkey_protocol::{
    idempotency::{BY_ALL, BY_CLIENT, IdempotencyOutcome, IdempotentCall, KNOWN, UNDER_WAY},
    store::{self, IdempotentCalls},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    statement::{binds, statement},
};

/// What is over, or was given up, makes room for another. A key that is there already needs none.
const BEGIN: &str = "INSERT INTO idempotent_calls (key, client_id, request, began_at) SELECT ?, ?, ?, ? \
    WHERE EXISTS (SELECT 1 FROM idempotent_calls WHERE key = ?) \
    OR ((SELECT count(*) FROM idempotent_calls WHERE client_id = ?) < ? AND (SELECT count(*) FROM idempotent_calls) < ?) \
    ON CONFLICT (key) DO UPDATE SET request = excluded.request, began_at = excluded.began_at, answer = NULL \
    WHERE idempotent_calls.began_at <= ? OR (idempotent_calls.answer IS NULL AND idempotent_calls.began_at <= ?)";
const FIND: &str = "SELECT request, answer FROM idempotent_calls WHERE key = ?";
const ANSWER: &str =
    "UPDATE idempotent_calls SET answer = ? WHERE key = ? AND began_at = ? AND answer IS NULL";
const FORGET: &str =
    "DELETE FROM idempotent_calls WHERE key = ? AND began_at = ? AND answer IS NULL";

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Binary)]
    request: Vec<u8>,
    #[diesel(sql_type = Nullable<Text>)]
    answer: Option<String>,
}

#[async_trait]
impl IdempotentCalls for Database {
    async fn begin_call(&self, call: &IdempotentCall) -> store::Result<IdempotencyOutcome> {
        let call = call.clone();
        self.write(move |c| begin(c, &call)).await
    }

    async fn answer_call(&self, call: &IdempotentCall, answer: &str) -> store::Result<bool> {
        let (call, answer) = (call.clone(), answer.to_owned());
        self.write_one(move |c| {
            let binds = binds![&answer, &call.key, call.began_at];
            Ok(on!(c => statement(ANSWER, binds).execute(c))? == 1)
        })
        .await
    }

    async fn forget_call(&self, call: &IdempotentCall) -> store::Result<()> {
        let call = call.clone();
        self.write_one(move |c| {
            let binds = binds![&call.key, call.began_at];
            on!(c => statement(FORGET, binds).execute(c))?;
            Ok(())
        })
        .await
    }
}

/// Of a client that has its share, its own oldest; else the oldest of all.
const OLDEST: &str =
    "SELECT count(*) AS count, min(began_at) AS began_at FROM idempotent_calls WHERE client_id = ?";
const OLDEST_OF_ALL: &str =
    "SELECT count(*) AS count, min(began_at) AS began_at FROM idempotent_calls";

#[derive(QueryableByName)]
struct Oldest {
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    began_at: Option<i64>,
}

/// How long it takes until there is room again, in seconds.
fn wait(c: &mut AnyConnection, call: &IdempotentCall) -> Result<i64, RowError> {
    let mut oldest: Oldest = on!(c => statement(OLDEST, binds![&call.client_id]).get_result(c))?;
    if oldest.count < BY_CLIENT {
        oldest = on!(c => statement(OLDEST_OF_ALL, binds![]).get_result(c))?;
    }
    let now = call.began_at.as_seconds();
    let over = oldest.began_at.map_or(now, |began_at| began_at + KNOWN);
    Ok((over - now).max(1))
}

fn begin(c: &mut AnyConnection, call: &IdempotentCall) -> Result<IdempotencyOutcome, RowError> {
    let now = call.began_at;
    let binds = binds![
        &call.key,
        &call.client_id,
        &call.request,
        now,
        &call.key,
        &call.client_id,
        BY_CLIENT,
        BY_ALL,
        now - KNOWN,
        now - UNDER_WAY,
    ];
    if on!(c => statement(BEGIN, binds).execute(c))? == 1 {
        return Ok(IdempotencyOutcome::Begun);
    }
    let key = binds![&call.key];
    let known: Option<Known> = on!(c => statement(FIND, key).get_result(c)).optional()?;
    Ok(match known {
        None => IdempotencyOutcome::NoRoom {
            wait: wait(c, call)?,
        },
        Some(known) if known.request != call.request.as_bytes() => IdempotencyOutcome::OtherRequest,
        Some(Known { answer: None, .. }) => IdempotencyOutcome::UnderWay,
        Some(Known {
            answer: Some(answer),
            ..
        }) => IdempotencyOutcome::Answered(answer),
    })
}
