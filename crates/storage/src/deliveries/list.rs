//! Receipts piece by piece. Each filter alone has an index in the order of the numbers.

use diesel::prelude::*;
use latchkey_protocol::{
    SessionId,
    deliveries::{DeliveryState, Receipt, ReceiptFilter, ReceiptsOf},
    page::Page,
};

use super::Row;
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::deliveries,
};

/// What a caller asks for, as its own.
pub struct Wanted {
    session: Option<SessionId>,
    filter: ReceiptFilter,
}

impl Wanted {
    pub fn new(of: ReceiptsOf<'_>) -> Self {
        let (session, filter) = match of {
            ReceiptsOf::All => (None, ReceiptFilter::default()),
            ReceiptsOf::Session(session) => (Some(session.clone()), ReceiptFilter::default()),
            ReceiptsOf::Filtered(filter) => (None, filter.clone()),
            ReceiptsOf::Dead => {
                let state = Some(DeliveryState::Dead);
                let filter = ReceiptFilter {
                    state,
                    ..ReceiptFilter::default()
                };
                (None, filter)
            }
        };
        Self { session, filter }
    }

    /// The states to be asked for one by one, as the indexes of clients and users have them; none: whatever it is.
    fn states(&self) -> Vec<Option<DeliveryState>> {
        let is_narrow = self.filter.client.is_some() || self.filter.user.is_some();
        match self.filter.state {
            Some(state) => vec![Some(state)],
            None if is_narrow => DeliveryState::ALL.map(Some).into(),
            None => vec![None],
        }
    }
}

pub fn list(
    c: &mut AnyConnection,
    wanted: &Wanted,
    page: &Page<i64>,
) -> Result<Vec<Receipt>, RowError> {
    let mut rows = Vec::new();
    for state in wanted.states() {
        rows.extend(of_state(c, wanted, state, page)?);
    }
    rows.sort_by_key(|row| row.id);
    if wanted.filter.newest_first {
        rows.reverse();
    }
    rows.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    rows.into_iter().map(Row::into_receipt).collect()
}

fn of_state(
    c: &mut AnyConnection,
    wanted: &Wanted,
    state: Option<DeliveryState>,
    page: &Page<i64>,
) -> Result<Vec<Row>, RowError> {
    let filter = &wanted.filter;
    macro_rules! some {
        ($c:ident) => {{
            let mut some = deliveries::table
                .limit(page.limit)
                .select(Row::as_select())
                .into_boxed();
            some = if filter.newest_first {
                some.filter(deliveries::id.lt(page.after.unwrap_or(i64::MAX)))
                    .order(deliveries::id.desc())
            } else {
                some.filter(deliveries::id.gt(page.after.unwrap_or(0)))
                    .order(deliveries::id.asc())
            };
            if let Some(session) = &wanted.session {
                some = some.filter(deliveries::session_id.eq(session.as_str()));
            }
            if let Some(client) = &filter.client {
                some = some.filter(deliveries::client_id.eq(client.as_str()));
            }
            if let Some(user) = &filter.user {
                some = some.filter(deliveries::user_id.eq(user.as_str()));
            }
            if let Some(state) = state {
                some = some.filter(deliveries::state.eq(state.name()));
            }
            some.load::<Row>($c)?
        }};
    }
    Ok(on!(c => some!(c)))
}
