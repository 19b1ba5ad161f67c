use diesel::prelude::*;
use latchkey_protocol::{ScopeSet, consent::Consent, interaction::Interaction, secret::Digest, store::merged};

use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    schema::{consents, interactions},
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = interactions)]
pub struct Row {
    digest: Vec<u8>,
    browser: Vec<u8>,
    request: String,
    created_at: i64,
    expires_at: i64,
    login_session: Option<String>,
    selected_session: Option<String>,
    consented: Option<String>,
    declined: i64,
}

impl Row {
    pub fn from_interaction(interaction: &Interaction) -> Self {
        Self {
            digest: interaction.digest.as_bytes().to_vec(),
            browser: interaction.browser.as_bytes().to_vec(),
            request: serde_json::to_string(&interaction.request).unwrap_or_default(),
            created_at: interaction.created_at,
            expires_at: interaction.expires_at,
            login_session: interaction.login_session.clone(),
            selected_session: interaction.selected_session.clone(),
            consented: interaction.consented.as_ref().map(ToString::to_string),
            declined: i64::from(interaction.declined),
        }
    }

    fn into_interaction(self) -> Result<Interaction, RowError> {
        let request = serde_json::from_str(&self.request).map_err(|_| RowError::Corrupt {
            table: "interactions",
            row: self.created_at.to_string(),
            column: "request",
        })?;
        Ok(Interaction {
            digest: Digest::from_stored(self.digest),
            browser: Digest::from_stored(self.browser),
            request,
            created_at: self.created_at,
            expires_at: self.expires_at,
            login_session: self.login_session,
            selected_session: self.selected_session,
            consented: self.consented.map(ScopeSet::from),
            declined: self.declined != 0,
        })
    }
}

pub fn begin(c: &mut AnyConnection, row: &Row) -> Result<(), RowError> {
    on!(c => diesel::insert_into(interactions::table).values(row).execute(c))?;
    Ok(())
}

pub fn find(c: &mut AnyConnection, digest: &[u8]) -> Result<Option<Interaction>, RowError> {
    on!(c => interactions::table.find(digest).get_result::<Row>(c)).optional()?.map(Row::into_interaction).transpose()
}

pub fn select_account(c: &mut AnyConnection, digest: &[u8], session: &str) -> Result<(), RowError> {
    on!(c => diesel::update(interactions::table.find(digest))
        .set(interactions::selected_session.eq(Some(session)))
        .execute(c))?;
    Ok(())
}

pub fn decline(c: &mut AnyConnection, digest: &[u8]) -> Result<(), RowError> {
    on!(c => diesel::update(interactions::table.find(digest)).set(interactions::declined.eq(1)).execute(c))?;
    Ok(())
}

pub fn delete(c: &mut AnyConnection, digest: &[u8]) -> Result<bool, RowError> {
    Ok(on!(c => diesel::delete(interactions::table.find(digest)).execute(c))? == 1)
}

pub fn record_consent(c: &mut AnyConnection, digest: &[u8], consent: &Consent) -> Result<(), RowError> {
    let allowed = consent.scope.to_string();
    on!(c => diesel::update(interactions::table.find(digest)).set(interactions::consented.eq(Some(allowed))).execute(c))?;
    let before = find_consent(c, &consent.user_id, &consent.client_id)?;
    let scope = merged(before.as_ref().map(|b| &b.scope), &consent.scope).to_string();
    let row = consents::table.find((&consent.user_id, &consent.client_id));
    let values = (consents::scope.eq(&scope), consents::granted_at.eq(consent.granted_at));
    if on!(c => diesel::update(row).set(values).execute(c))? == 0 {
        let key = (consents::user_id.eq(&consent.user_id), consents::client_id.eq(&consent.client_id));
        on!(c => diesel::insert_into(consents::table).values((key.0, key.1, values.0, values.1)).execute(c))?;
    }
    Ok(())
}

pub fn find_consent(c: &mut AnyConnection, user: &str, client: &str) -> Result<Option<Consent>, RowError> {
    let row: Option<(String, String, String, i64)> =
        on!(c => consents::table.find((user, client)).get_result(c)).optional()?;
    Ok(row.map(|(user_id, client_id, scope, granted_at)| Consent {
        user_id,
        client_id,
        scope: scope.into(),
        granted_at,
    }))
}
