//! The keys by which names of clients are searched and sorted, made anew by the program once: migrations cannot make them.

use diesel::prelude::*;
use latchkey_protocol::client_list::name_key;
use serde_json::Value;

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::clients,
};

/// Clients that are read at a time.
const BATCH: i64 = 500;

/// Sets the key of every client whose key is not the program's. Can be repeated, and then writes nothing. It names its
/// columns: later migrations, whose columns are not there yet, come after it.
pub fn renew(c: &mut AnyConnection) -> Result<(), RowError> {
    let mut last = String::new();
    loop {
        let rows: Vec<(String, String, String)> = on!(c => clients::table
            .select((clients::id, clients::metadata, clients::name_key))
            .filter(clients::id.gt(&last))
            .order(clients::id)
            .limit(BATCH)
            .load(c))?;
        let Some((end, ..)) = rows.last() else {
            return Ok(());
        };
        last.clone_from(end);
        for (id, metadata, stored) in rows {
            let metadata: Value = serde_json::from_str(&metadata).unwrap_or_default();
            let key = name_key(metadata["client_name"].as_str().unwrap_or(&id));
            if stored != key {
                on!(c => diesel::update(clients::table.find(&id)).set(clients::name_key.eq(key)).execute(c))?;
            }
        }
    }
}
