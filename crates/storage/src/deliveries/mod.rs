//! The SQL of deliveries: who is noted in a session, what is sent to them when it ends, and what came of that.

mod due;
mod forget;
mod give_up;
mod list;
mod rows;

use std::cell::Cell;

use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use latchkey_protocol::{
    ClientId, SessionId, Timestamp, UserId,
    deliveries::{
        AfterAttempt, Again, Attempted, DeliveryLease, DeliveryState, GivenUp, Receipt, ReceiptsOf,
        TakeDeliveries, TakenDelivery,
    },
    logout_token::{Delivery, SessionEnd},
    page::Page,
    session::Cause,
    store::{self, Deliveries},
};

pub use self::forget::{Excess, excess, forget};
use self::{
    due::clients_to_tell,
    give_up::{Why, give_up, hoarders, keeps_failing},
    list::{Wanted, list},
    rows::Row,
};
use crate::{
    audit::Ended,
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::{deliveries, session_clients},
    statement::{binds, statement},
};

thread_local! {
    /// Whether the verb that runs on this thread has written what is to be sent. A verb has its thread for itself.
    static ADDED: Cell<bool> = const { Cell::new(false) };
}

/// There is something to be sent, if that is more than 0: the sender of this process hears of it once that is durable.
fn wake(count: usize) {
    if count > 0 {
        ADDED.set(true);
    }
}

/// Whether the verb that has just run on this thread wrote what is to be sent; asked once.
pub fn was_added() -> bool {
    ADDED.take()
}

/// Sessions that are looked for at once.
const TOGETHER: usize = 500;

/// The text is JSON that was written here: a quotation mark within a value has a backslash before it.
const TELL: &str = "INSERT INTO deliveries (session_id, client_id, user_id, cause, ended_at, since, state, due_at) \
    SELECT noted.session_id, noted.client_id, noted.user_id, ?, ?, ?, 'waiting', ? FROM session_clients AS noted \
    JOIN clients ON clients.id = noted.client_id WHERE noted.session_id = ? \
    AND clients.metadata LIKE '%\"backchannel_logout_uri\":%' ON CONFLICT (session_id, client_id) DO NOTHING";

/// Writes the deliveries of sessions that have just ended, in the transaction that ended them, and after it took their rows
/// away: whoever was noting a client in one of them was waited for.
pub fn tell(
    c: &mut AnyConnection,
    ended: &[Ended],
    cause: Cause,
    now: Timestamp,
) -> Result<(), RowError> {
    for some in ended.chunks(TOGETHER) {
        let ids: Vec<&str> = some.iter().map(|ended| ended.session.as_str()).collect();
        let noted = || session_clients::table.filter(session_clients::session_id.eq_any(&ids));
        let sessions = noted().select(session_clients::session_id).distinct();
        let sessions: Vec<String> = on!(c => sessions.load(c))?;
        if sessions.is_empty() {
            continue;
        }
        for session in &sessions {
            let binds = binds![cause.text(), now, now, now, session];
            wake(on!(c => statement(TELL, binds).execute(c))?);
        }
        on!(c => diesel::delete(noted()).execute(c))?;
    }
    Ok(())
}

const FORGET_NOTED: &str =
    "DELETE FROM session_clients WHERE session_id IN (SELECT id FROM sessions WHERE user_id = ?)";

/// Who was noted in the sessions of a user that go without a word.
pub fn forget_noted(c: &mut AnyConnection, user_id: &str) -> Result<(), RowError> {
    on!(c => statement(FORGET_NOTED, binds![user_id]).execute(c))?;
    Ok(())
}

const FORGET_SQLITE: &str = "DELETE FROM session_clients WHERE client_id = ?";
/// A row that somebody else holds goes with its session at this moment: nobody waits for anybody.
const FORGET_POSTGRES: &str = "DELETE FROM session_clients WHERE client_id = ? AND session_id IN \
    (SELECT session_id FROM session_clients WHERE client_id = ? FOR UPDATE SKIP LOCKED)";

/// Nobody is told any more, not even what is being sent at this moment.
const GIVE_UP: &str = "UPDATE deliveries SET state = 'dead', lease_owner = NULL, attempted_at = coalesce(attempted_at, ended_at), \
    outcome = ?, status = NULL, milliseconds = coalesce(milliseconds, 0), reason = 'the client was deleted' \
    WHERE client_id = ? AND state = 'waiting'";

/// A client that is deleted is noted nowhere any more, and hears no more: another one under its id was in none of these
/// sessions. To be called after its authorizations have gone, by which an exchange that notes it was waited for.
pub fn forget_client(c: &mut AnyConnection, client_id: &str) -> Result<(), RowError> {
    match c {
        AnyConnection::Sqlite(c) => statement(FORGET_SQLITE, binds![client_id]).execute(c)?,
        AnyConnection::Postgres(c) => {
            statement(FORGET_POSTGRES, binds![client_id, client_id]).execute(c)?
        }
    };
    let binds = binds![Delivery::Unsent.name(), client_id];
    on!(c => statement(GIVE_UP, binds).execute(c))?;
    Ok(())
}

macro_rules! take {
    ($lock:literal) => {
        concat!(
            "WITH due AS (SELECT id FROM deliveries WHERE state = 'waiting' AND client_id = ? AND due_at <= ? \
            ORDER BY due_at, id LIMIT ? ",
            $lock,
            ") UPDATE deliveries SET lease_owner = ?, due_at = ?, attempts = attempts + 1 FROM due WHERE deliveries.id = due.id \
            RETURNING deliveries.id AS id, session_id, user_id, ended_at, since, attempts, attempts_before"
        )
    };
}
/// One writer at a time.
const TAKE_SQLITE: &str = take!("");
const TAKE_POSTGRES: &str = take!("FOR UPDATE SKIP LOCKED");

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    session_id: String,
    #[diesel(sql_type = Text)]
    user_id: String,
    #[diesel(sql_type = BigInt)]
    ended_at: i64,
    #[diesel(sql_type = BigInt)]
    since: i64,
    #[diesel(sql_type = BigInt)]
    attempts: i64,
    #[diesel(sql_type = BigInt)]
    attempts_before: i64,
}

/// What a caller asks for, as its own.
struct Take {
    owner: String,
    now: Timestamp,
    until: Timestamp,
    clients: Vec<(ClientId, i64)>,
}

fn take(c: &mut AnyConnection, asked: &Take) -> Result<Vec<TakenDelivery>, RowError> {
    let mut all = Vec::new();
    for (client_id, most) in &asked.clients {
        let binds = binds![client_id, asked.now, *most, &asked.owner, asked.until];
        let mut taken: Vec<Taken> = match c {
            AnyConnection::Sqlite(c) => statement(TAKE_SQLITE, binds).load(c)?,
            AnyConnection::Postgres(c) => statement(TAKE_POSTGRES, binds).load(c)?,
        };
        // RETURNING has no order.
        taken.sort_by_key(|row| row.id);
        all.extend(taken.into_iter().map(|row| TakenDelivery {
            end: SessionEnd {
                session_id: SessionId::new(row.session_id),
                user_id: UserId::new(row.user_id),
            },
            client_id: client_id.clone(),
            ended_at: Timestamp::from_seconds(row.ended_at),
            since: Timestamp::from_seconds(row.since),
            attempts: row.attempts - row.attempts_before,
            lease: DeliveryLease {
                delivery: row.id,
                owner: asked.owner.clone(),
                attempt: row.attempts,
            },
        }));
    }
    Ok(all)
}

const NOTE: &str = "UPDATE deliveries SET state = ?, due_at = ?, lease_owner = NULL, attempted_at = ?, outcome = ?, status = ?, \
    milliseconds = ?, reason = ? WHERE id = ? AND lease_owner = ? AND attempts = ? AND state = 'waiting'";
const GIVE_BACK: &str = "UPDATE deliveries SET due_at = ?, lease_owner = NULL, attempts = attempts - 1 \
    WHERE id = ? AND lease_owner = ? AND attempts = ? AND state = 'waiting'";

fn note(
    c: &mut AnyConnection,
    lease: &DeliveryLease,
    attempted: &Attempted,
    after: AfterAttempt,
) -> Result<bool, RowError> {
    let (state, due_at) = match after {
        AfterAttempt::Delivered => (DeliveryState::Delivered, attempted.at),
        AfterAttempt::Again(at) => (DeliveryState::Waiting, at),
        AfterAttempt::Dead => (DeliveryState::Dead, attempted.at),
    };
    let binds = binds![
        state.name(),
        due_at,
        attempted.at,
        attempted.delivery.name(),
        attempted.status.map(i64::from),
        attempted.milliseconds,
        &attempted.reason,
        lease.delivery,
        &lease.owner,
        lease.attempt,
    ];
    Ok(on!(c => statement(NOTE, binds).execute(c))? == 1)
}

const AGAIN: &str = "UPDATE deliveries SET state = 'waiting', since = ?, due_at = ?, attempts_before = attempts, lease_owner = NULL \
    WHERE id = ? AND (lease_owner IS NULL OR due_at <= ?)";
const DEAD_AGAIN: &str = "UPDATE deliveries SET state = 'waiting', since = ?, due_at = ?, attempts_before = attempts \
    WHERE id IN (SELECT id FROM deliveries WHERE state = 'dead' ORDER BY id LIMIT ?)";
/// Dead letters that one call sends again: more would keep SQLite's one writer for seconds.
const DEAD_AT_ONCE: i64 = 10_000;

fn send_again(c: &mut AnyConnection, what: Again, now: Timestamp) -> Result<usize, RowError> {
    let sent = match what {
        Again::One(id) => on!(c => statement(AGAIN, binds![now, now, id, now]).execute(c))?,
        Again::Dead => on!(c => statement(DEAD_AGAIN, binds![now, now, DEAD_AT_ONCE]).execute(c))?,
    };
    wake(sent);
    Ok(sent)
}

const WAITING: &str = "SELECT count(*) AS count FROM (SELECT 1 FROM deliveries WHERE state = 'waiting' LIMIT ?) AS waiting";

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[async_trait]
impl Deliveries for Database {
    async fn session_clients(&self, session: &SessionId) -> store::Result<Vec<ClientId>> {
        let session = session.to_owned();
        self.read(move |c| {
            let noted = session_clients::table
                .filter(session_clients::session_id.eq(session.as_str()))
                .order(session_clients::client_id)
                .select(session_clients::client_id);
            let noted: Vec<String> = on!(c => noted.load(c))?;
            Ok(noted.into_iter().map(ClientId::new).collect())
        })
        .await
    }

    async fn clients_to_tell(&self, now: Timestamp) -> store::Result<Vec<ClientId>> {
        self.read(move |c| clients_to_tell(c, now)).await
    }

    async fn take_deliveries(
        &self,
        asked: &TakeDeliveries<'_>,
    ) -> store::Result<Vec<TakenDelivery>> {
        let asked = Take {
            owner: asked.owner.to_owned(),
            now: asked.now,
            until: asked.now + asked.lease,
            clients: asked.clients.to_vec(),
        };
        self.write(move |c| take(c, &asked)).await
    }

    async fn note_attempt(
        &self,
        lease: &DeliveryLease,
        attempted: &Attempted,
        after: AfterAttempt,
    ) -> store::Result<bool> {
        let (lease, attempted) = (lease.clone(), attempted.clone());
        self.write_one(move |c| note(c, &lease, &attempted, after))
            .await
    }

    async fn give_back_delivery(
        &self,
        lease: &DeliveryLease,
        at: Timestamp,
    ) -> store::Result<bool> {
        let lease = lease.clone();
        self.write_one(move |c| {
            let binds = binds![at, lease.delivery, &lease.owner, lease.attempt];
            Ok(on!(c => statement(GIVE_BACK, binds).execute(c))? == 1)
        })
        .await
    }

    async fn receipts(&self, of: ReceiptsOf<'_>, page: &Page<i64>) -> store::Result<Vec<Receipt>> {
        let (wanted, page) = (Wanted::new(of), page.clone());
        self.read(move |c| list(c, &wanted, &page)).await
    }

    async fn receipt(&self, id: i64) -> store::Result<Option<Receipt>> {
        self.read(move |c| {
            on!(c => deliveries::table.find(id).select(Row::as_select()).get_result(c))
                .optional()?
                .map(Row::into_receipt)
                .transpose()
        })
        .await
    }

    async fn send_again(&self, what: Again, now: Timestamp) -> store::Result<usize> {
        self.write_recorded(move |c| send_again(c, what, now)).await
    }

    async fn waiting_deliveries(&self, most: i64) -> store::Result<i64> {
        self.read(move |c| {
            let found: Counted = on!(c => statement(WAITING, binds![most]).get_result(c))?;
            Ok(found.count)
        })
        .await
    }

    async fn give_up_failing(
        &self,
        share: i64,
        most: i64,
        times: usize,
        now: Timestamp,
    ) -> store::Result<Option<GivenUp>> {
        for client in self.read(move |c| hoarders(c, share)).await? {
            let asked = client.clone();
            if !self.read(move |c| keeps_failing(c, &asked, now)).await? {
                continue;
            }
            let client_id = ClientId::new(client.as_str());
            let mut count = 0;
            for _ in 0..times {
                let client = client.clone();
                let given_up =
                    self.write(move |c| give_up(c, &client, Why::KeepsFailing, now, most));
                match given_up.await? {
                    0 => break,
                    more => count += more,
                }
            }
            if count > 0 {
                return Ok(Some(GivenUp { client_id, count }));
            }
        }
        Ok(None)
    }

    async fn delivery_added(&self) {
        self.delivery_added.notified().await;
    }
}
