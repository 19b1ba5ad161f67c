//! The SQL of what commands did and no server has logged yet.

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::store::{self, CommandEvent, CommandEvents};

use crate::{
    connection::{AnyConnection, Database, on},
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
        let CommandEvent {
            id,
            at,
            operation,
            target,
            caller,
        } = event.clone();
        Self {
            id,
            at,
            operation,
            target,
            caller,
        }
    }
}

#[async_trait]
impl CommandEvents for Database {
    async fn add_command_event(&self, event: &CommandEvent) -> store::Result<()> {
        let row = Row::from_event(event);
        self.write_one(move |c| add(c, &row)).await
    }

    async fn command_events(&self, most: i64) -> store::Result<Vec<CommandEvent>> {
        self.read(move |c| oldest(c, most)).await
    }

    async fn forget_command_events(&self, ids: &[String]) -> store::Result<()> {
        let ids = ids.to_vec();
        self.write_one(move |c| forget(c, &ids)).await
    }
}

pub fn add(c: &mut AnyConnection, row: &Row) -> Result<(), RowError> {
    on!(c => diesel::insert_into(command_events::table).values(row).execute(c))?;
    Ok(())
}

pub fn oldest(c: &mut AnyConnection, most: i64) -> Result<Vec<CommandEvent>, RowError> {
    let rows: Vec<Row> =
        on!(c => command_events::table.order(command_events::id).limit(most).load(c))?;
    let event = |Row {
                     id,
                     at,
                     operation,
                     target,
                     caller,
                 }| CommandEvent {
        id,
        at,
        operation,
        target,
        caller,
    };
    Ok(rows.into_iter().map(event).collect())
}

pub fn forget(c: &mut AnyConnection, ids: &[String]) -> Result<(), RowError> {
    on!(c => diesel::delete(command_events::table.filter(command_events::id.eq_any(ids))).execute(c))?;
    Ok(())
}
