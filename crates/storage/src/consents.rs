//! What users allow clients, and what they decide about sign-ins under way.

use std::collections::BTreeSet;

use async_trait::async_trait;
use diesel::{dsl::exists, prelude::*};
use latchkey_protocol::{
    Digest,
    consent::{Consent, merged},
    store::{self, Consents},
};

use crate::{
    connection::{AnyConnection, Database, on},
    digest::bytes,
    error::RowError,
    interactions::while_session,
    schema::{consents, interactions, sessions},
};

#[async_trait]
impl Consents for Database {
    async fn record_consent(
        &self,
        digest: &Digest,
        session_id: &str,
        consent: &Consent,
    ) -> store::Result<bool> {
        let (digest, session, consent) = (bytes(digest), session_id.to_owned(), consent.clone());
        self.write(move |c| record_consent(c, &digest, &session, &consent))
            .await
    }

    async fn decline(&self, digest: &Digest, session_id: &str) -> store::Result<bool> {
        let (digest, session) = (bytes(digest), session_id.to_owned());
        self.write_one(move |c| decline(c, &digest, &session)).await
    }

    async fn consent(&self, user_id: &str, client_id: &str) -> store::Result<Option<Consent>> {
        let (user, client) = (user_id.to_owned(), client_id.to_owned());
        self.read(move |c| find_consent(c, &user, &client)).await
    }
}

pub fn decline(c: &mut AnyConnection, digest: &[u8], session: &str) -> Result<bool, RowError> {
    let set = interactions::declined.eq(1);
    Ok(on!(c => diesel::update(while_session!(digest, session)).set(set).execute(c))? == 1)
}

pub fn record_consent(
    c: &mut AnyConnection,
    digest: &[u8],
    session: &str,
    consent: &Consent,
) -> Result<bool, RowError> {
    let user = &consent.user_id;
    let theirs = interactions::table
        .filter(interactions::digest.eq(digest))
        .filter(exists(
            sessions::table
                .filter(sessions::id.eq(session))
                .filter(sessions::user_id.eq(user)),
        ));
    let set = (
        interactions::consented.eq(Some(consent.scope.to_string())),
        interactions::consented_by.eq(Some(user)),
    );
    if on!(c => diesel::update(theirs).set(set).execute(c))? == 0 {
        return Ok(false);
    }
    let key = (
        consents::user_id.eq(user),
        consents::client_id.eq(&consent.client_id),
    );
    let claims = |names: &BTreeSet<String>| {
        consents::claims.eq(serde_json::to_string(names).unwrap_or_default())
    };
    let scope = consents::scope.eq(consent.scope.to_string());
    let first = (
        key,
        scope,
        claims(&consent.claims),
        consents::granted_at.eq(consent.granted_at),
    );
    // Whoever was first; the row then belongs to this transaction, and is read as it is.
    let added = on!(c => diesel::insert_into(consents::table).values(first).on_conflict_do_nothing().execute(c))?;
    if added == 0 {
        let row = consents::table.find((user, &consent.client_id));
        let now = consents::granted_at.eq(consent.granted_at);
        on!(c => diesel::update(row).set(now).execute(c))?;
        let before = find_consent(c, user, &consent.client_id)?;
        let scope = merged(before.as_ref().map(|b| &b.scope), &consent.scope).to_string();
        let before = before.map(|b| b.claims).unwrap_or_default();
        let set = (
            consents::scope.eq(scope),
            claims(&before.union(&consent.claims).cloned().collect()),
        );
        on!(c => diesel::update(row).set(set).execute(c))?;
    }
    Ok(true)
}

pub fn find_consent(
    c: &mut AnyConnection,
    user: &str,
    client: &str,
) -> Result<Option<Consent>, RowError> {
    let row: Option<(String, String, String, i64, String)> =
        on!(c => consents::table.find((user, client)).get_result(c)).optional()?;
    row.map(|(user_id, client_id, scope, granted_at, claims)| {
        let corrupt = |_| RowError::Corrupt {
            table: "consents",
            row: user_id.clone(),
            column: "claims",
        };
        let claims = serde_json::from_str(&claims).map_err(corrupt)?;
        Ok(Consent {
            user_id,
            client_id,
            scope: scope.into(),
            claims,
            granted_at,
        })
    })
    .transpose()
}
