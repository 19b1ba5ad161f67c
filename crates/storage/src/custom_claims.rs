//! The SQL of custom claims.

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    claims::{CustomClaims, MOST_MAPPINGS, Mapping},
    store::{self, ClaimMappings, ClaimOutcome, StoreError},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::custom_claims,
};

#[async_trait]
impl ClaimMappings for Database {
    async fn custom_claims(&self) -> store::Result<CustomClaims> {
        self.read(all).await
    }

    async fn set_custom_claim(
        &self,
        name: &str,
        mapping: &Mapping,
        seen: Option<&Mapping>,
    ) -> store::Result<ClaimOutcome> {
        let text = serde_json::to_string(mapping)
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        let (name, seen) = (name.to_owned(), seen.cloned());
        self.write_recorded(move |c| set(c, &name, &text, seen.as_ref()))
            .await
    }

    async fn remove_custom_claim(&self, name: &str, seen: Option<&Mapping>) -> store::Result<bool> {
        let (name, seen) = (name.to_owned(), seen.cloned());
        self.write_recorded(move |c| {
            if !is_still(c, &name, seen.as_ref())? {
                return Ok(false);
            }
            Ok(on!(c => diesel::delete(custom_claims::table.find(&name)).execute(c))? == 1)
        })
        .await
    }
}

pub fn all(c: &mut AnyConnection) -> Result<CustomClaims, RowError> {
    let rows: Vec<(String, String)> = on!(c => custom_claims::table.select((custom_claims::name, custom_claims::mapping)).load(c))?;
    let read = |(name, text): (String, String)| match serde_json::from_str::<Mapping>(&text) {
        Ok(mapping) => Ok((name, mapping)),
        Err(_) => Err(RowError::Corrupt {
            table: "custom_claims",
            row: name,
            column: "mapping",
        }),
    };
    rows.into_iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map(CustomClaims)
}

/// Writers take turns, so that what was looked at still holds. On SQLite they do anyway.
fn take_turns(c: &mut AnyConnection) -> Result<(), RowError> {
    if let AnyConnection::Postgres(inner) = c {
        diesel::sql_query("LOCK TABLE custom_claims IN EXCLUSIVE MODE").execute(inner)?;
    }
    Ok(())
}

/// Whether the claim is the one that was seen, where one was.
fn is_still(c: &mut AnyConnection, name: &str, seen: Option<&Mapping>) -> Result<bool, RowError> {
    take_turns(c)?;
    Ok(match seen {
        None => true,
        Some(seen) => all(c)?.0.get(name) == Some(seen),
    })
}

pub fn set(
    c: &mut AnyConnection,
    name: &str,
    mapping: &str,
    seen: Option<&Mapping>,
) -> Result<ClaimOutcome, RowError> {
    if !is_still(c, name, seen)? {
        return Ok(ClaimOutcome::Changed);
    }
    let set = custom_claims::mapping.eq(mapping);
    if on!(c => diesel::update(custom_claims::table.find(name)).set(set).execute(c))? == 1 {
        return Ok(ClaimOutcome::Set);
    }
    let others: i64 = on!(c => custom_claims::table.count().get_result(c))?;
    if usize::try_from(others).is_ok_and(|others| others >= MOST_MAPPINGS) {
        return Ok(ClaimOutcome::Full);
    }
    on!(c => diesel::insert_into(custom_claims::table).values((custom_claims::name.eq(name), set)).execute(c))?;
    Ok(ClaimOutcome::Set)
}
