//! Consents: what a user has allowed, what a client was allowed, and taking it back.

use latchkey_protocol::{consent, page::Page};
use schemars::JsonSchema;
use serde::Serialize;

use super::users::named;
use crate::{answer::Answer, asked::Asked, problem::Problem};

/// What a user has allowed a client.
#[derive(Serialize, JsonSchema)]
pub struct Consent {
    /// The user's subject.
    sub: String,
    /// The client.
    client_id: String,
    /// The scopes, separated by spaces.
    scope: String,
    /// Claims that were allowed one by one, beyond those of the scopes.
    claims: Vec<String>,
    /// When it was last allowed, in seconds since 1970.
    granted_at: i64,
}

impl Consent {
    fn of(consent: consent::Consent) -> Self {
        Self {
            sub: consent.user_id.into_string(),
            client_id: consent.client_id.into_string(),
            scope: consent.scope.to_string(),
            claims: consent.claims.into_iter().collect(),
            granted_at: consent.granted_at.as_seconds(),
        }
    }
}

/// What ended with a consent.
#[derive(Serialize, JsonSchema)]
pub struct EndedConsent {
    /// Whether there was one: a client that is trusted has authorizations without.
    consented: bool,
    /// How many authorizations ended.
    authorizations_ended: usize,
}

/// `GET /users/{sub}/consents`.
pub async fn of_user(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let page: Page<String> = asked.page()?;
    let (operations, user) = (asked.operations(), named(asked).await?);
    let after = page.after.as_deref();
    let found = operations
        .consents_of_user(&user.username, after, page.limit)
        .await?;
    let place = |consent: &consent::Consent| consent.client_id.to_string();
    asked.listed(&page, found, place, Consent::of)
}

/// `GET /clients/{client_id}/consents`.
pub async fn of_client(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let page: Page<String> = asked.page()?;
    let (operations, id) = (asked.operations(), asked.client_id());
    let after = page.after.as_deref();
    let found = operations
        .consents_of_client(&id, after, page.limit)
        .await?;
    let place = |consent: &consent::Consent| consent.user_id.to_string();
    asked.listed(&page, found, place, Consent::of)
}

/// `DELETE /users/{sub}/consents/{client_id}`.
pub async fn revoke(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (operations, user) = (asked.operations(), named(asked).await?);
    let ended = operations
        .revoke_consent(&user.username, &asked.client_id())
        .await?;
    Answer::ok(&EndedConsent {
        consented: ended.consented,
        authorizations_ended: ended.authorizations,
    })
}
