//! A delivery's row.

use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    ClientId, SessionId, Timestamp, UserId,
    deliveries::{Attempted, DeliveryState, Receipt},
    logout_token::{Delivery, SessionEnd},
};

use crate::{error::RowError, schema::deliveries};

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(Sqlite, Pg))]
pub struct Row {
    pub id: i64,
    session_id: String,
    client_id: String,
    user_id: String,
    cause: String,
    ended_at: i64,
    state: String,
    attempts: i64,
    due_at: i64,
    attempted_at: Option<i64>,
    outcome: Option<String>,
    status: Option<i64>,
    milliseconds: Option<i64>,
    reason: Option<String>,
}

impl Row {
    pub fn into_receipt(self) -> Result<Receipt, RowError> {
        let state = DeliveryState::from_name(&self.state).ok_or_else(|| self.corrupt("state"))?;
        let last = self.last()?;
        Ok(Receipt {
            id: self.id,
            end: SessionEnd {
                session_id: SessionId::new(self.session_id),
                user_id: UserId::new(self.user_id),
            },
            cause: self.cause,
            ended_at: Timestamp::from_seconds(self.ended_at),
            client_id: ClientId::new(self.client_id),
            state,
            attempts: self.attempts,
            next_at: (state == DeliveryState::Waiting)
                .then(|| Timestamp::from_seconds(self.due_at)),
            last,
        })
    }

    /// All of an attempt's columns, or none.
    fn last(&self) -> Result<Option<Attempted>, RowError> {
        let Some(at) = self.attempted_at else {
            return Ok(None);
        };
        let outcome = self.outcome.as_deref().and_then(Delivery::from_name);
        let status = self.status.map(u16::try_from).transpose();
        Ok(Some(Attempted {
            at: Timestamp::from_seconds(at),
            delivery: outcome.ok_or_else(|| self.corrupt("outcome"))?,
            status: status.map_err(|_| self.corrupt("status"))?,
            milliseconds: self
                .milliseconds
                .ok_or_else(|| self.corrupt("milliseconds"))?,
            reason: self.reason.clone(),
        }))
    }

    fn corrupt(&self, column: &'static str) -> RowError {
        RowError::Corrupt {
            table: "deliveries",
            row: self.id.to_string(),
            column,
        }
    }
}
