//! The SQL of what commands did and no server has logged yet.

use async_trait::async_trait;
use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::Timestamp;
use latchkey_protocol::store::{self, CommandEvent, CommandEvents};

use crate::{
    connection::{Database, on},
    schema::command_events,
    stored::Stored,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = command_events, check_for_backend(Sqlite, Pg))]
pub struct Row {
    id: String,
    at: Stored<Timestamp>,
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
            at: Stored(at),
            operation,
            target,
            caller,
        }
    }

    fn into_event(self) -> CommandEvent {
        let Self {
            id,
            at,
            operation,
            target,
            caller,
        } = self;
        CommandEvent {
            id,
            at: at.0,
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
        self.write_one(move |c| {
            on!(c => diesel::insert_into(command_events::table).values(&row).execute(c))?;
            Ok(())
        })
        .await
    }

    async fn command_events(&self, most: i64) -> store::Result<Vec<CommandEvent>> {
        self.read(move |c| {
            let oldest = command_events::table.order(command_events::id).limit(most);
            let rows: Vec<Row> = on!(c => oldest.select(Row::as_select()).load(c))?;
            Ok(rows.into_iter().map(Row::into_event).collect())
        })
        .await
    }

    async fn forget_command_events(&self, ids: &[String]) -> store::Result<()> {
        let ids = ids.to_vec();
        self.write_one(move |c| {
            let logged = command_events::table.filter(command_events::id.eq_any(&ids));
            on!(c => diesel::delete(logged).execute(c))?;
            Ok(())
        })
        .await
    }
}
