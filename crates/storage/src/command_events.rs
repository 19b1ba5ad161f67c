use diesel::prelude::*;
use latchkey_protocol::store::CommandEvent;

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::command_events,
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = command_events)]
pub struct Row {
    id: String,
    at: i64,
    operation: String,
    target: String,
    caller: String,
}

impl Row {
    pub fn from_event(event: &CommandEvent) -> Self {
        let CommandEvent { id, at, operation, target, caller } = event.clone();
        Self { id, at, operation, target, caller }
    }
}

pub fn add(c: &mut AnyConnection, row: &Row) -> Result<(), RowError> {
    on!(c => diesel::insert_into(command_events::table).values(row).execute(c))?;
    Ok(())
}

pub fn none(c: &mut AnyConnection) -> Result<bool, RowError> {
    let first: Option<String> =
        on!(c => command_events::table.select(diesel::dsl::min(command_events::id)).get_result(c))?;
    Ok(first.is_none())
}

pub fn take(c: &mut AnyConnection, most: i64) -> Result<Vec<CommandEvent>, RowError> {
    let rows: Vec<Row> = on!(c => command_events::table.order(command_events::id).limit(most).load(c))?;
    let mut taken = Vec::with_capacity(rows.len());
    for Row { id, at, operation, target, caller } in rows {
        // Another node may have been faster.
        if on!(c => diesel::delete(command_events::table.find(&id)).execute(c))? == 1 {
            taken.push(CommandEvent { id, at, operation, target, caller });
        }
    }
    Ok(taken)
}
