//! The client credentials grant.

use std::sync::Arc;

use actix_web::web;
use latchkey_protocol::{Params, client::Client, token::client_scope};
use latchkey_ui::{call::Call, failure::Failure};

use super::{
    entry,
    issue::{Holder, Issue, Tokens, issue},
};
use crate::state::Provider;

/// RFC 6749 4.4: no refresh token, no ID token, the subject is the client.
pub async fn grant(
    provider: &web::Data<Provider>,
    call: Call<'_>,
    client: &Arc<Client>,
    params: &Params,
) -> Result<Tokens, Failure> {
    let issued = Issue {
        client: client.clone(),
        scope: client_scope(params.optional("scope"), client)?,
        holder: Holder::Client,
        realm: call.realm.clone(),
        ring: call.realm.keys.ring(),
        status: entry::of_client(provider, call).await?,
        now: call.now,
    };
    issue(provider, issued).await
}
