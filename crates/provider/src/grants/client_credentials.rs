//! The client credentials grant.

use std::sync::Arc;

use actix_web::web;
use latchkey_protocol::{Params, client::Client, token::client_scope};

use super::{
    Granted,
    issue::{Holder, Issue, issue},
};
use crate::state::Provider;

/// RFC 6749 4.4: no refresh token, no ID token, the subject is the client.
pub async fn grant(
    provider: &web::Data<Provider>,
    client: &Arc<Client>,
    params: &Params,
) -> Granted {
    let scope = match client_scope(params.optional("scope"), client) {
        Ok(scope) => scope,
        Err(refused) => return Ok(Err(refused.into())),
    };
    let (ring, now) = (provider.keys.ring(), provider.now());
    Ok(Ok(issue(
        provider,
        Issue {
            client: client.clone(),
            scope,
            holder: Holder::Client,
            ring,
            now,
        },
    )
    .await?))
}
