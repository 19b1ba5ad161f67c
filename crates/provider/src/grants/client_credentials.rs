//! The client credentials grant.

use std::sync::Arc;

use actix_web::web;
use latchkey_protocol::{Params, Reason, ScopeSet, client::Client};

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
    let asked = params.optional("scope").unwrap_or_default();
    let user_only = ["openid", "offline_access"];
    let scope = match ScopeSet::parse(asked) {
        Some(scope) if scope.iter().all(|s| client.knows_scope(s)) => {
            scope.filter(|s| !user_only.contains(&s))
        }
        _ => {
            return Ok(Err(Reason::ScopeUnknown
                .because("scopes of the client's registration", asked)
                .into()));
        }
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
