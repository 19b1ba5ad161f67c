//! The authorization code grant.

use std::sync::Arc;

use actix_web::web;
use latchkey_protocol::{
    Params, Reason, Secret, SecretKind,
    authorization::{Authorization, RefreshFamily},
    client::Client,
    reason::masked,
    token::{Denial, redeem, starts_refresh},
};

use super::{
    Granted, deny,
    issue::{Holder, Issue, issue},
};
use crate::state::Provider;

/// RFC 6749 4.1.3. Tokens are signed before the code is spent, and leave only if it was still there to spend.
pub async fn grant(
    provider: &web::Data<Provider>,
    client: &Arc<Client>,
    params: &Params,
) -> Granted {
    let now = provider.now();
    let Some(presented) = params.optional("code") else {
        return Ok(Err(Reason::ParameterMissing
            .because("code", "nothing")
            .into()));
    };
    let found = match Secret::presented(SecretKind::AuthorizationCode, presented) {
        Some(code) => provider.store.authorization_by_code(&code.digest()).await?,
        None => None,
    };
    let Some(context) = found.map(Arc::new) else {
        return Ok(Err(Reason::CodeUnknown
            .because("a code issued here", masked(presented))
            .into()));
    };
    let authorization = &context.authorization;
    if let Err(denied) = redeem(&context, client, params, now) {
        return deny(provider, &context, denied).await;
    }
    let lifetimes = &provider.lifetimes;
    let refresh = starts_refresh(client, authorization)
        .then(|| Secret::generate(SecretKind::RefreshToken, &*provider.ui.entropy));
    let ring = provider.keys.ring();
    let signer = ring.refresh_signer(now)?;
    let family = refresh
        .as_ref()
        .map(|secret| RefreshFamily::first(secret, signer.kid(), lifetimes, now));

    let id = authorization.id.clone();
    let holder = Holder::User {
        context: context.clone(),
        nonce: authorization.nonce.clone(),
        refresh: refresh.zip(family.clone()),
    };
    let scope = authorization.scope.clone();
    let tokens = issue(
        provider,
        Issue {
            client: client.clone(),
            scope,
            holder,
            ring,
            now,
        },
    )
    .await?;

    let ends = Authorization::kept_until(family.as_ref(), lifetimes, now);
    if !provider
        .store
        .exchange_code(&id, now, family.as_ref(), ends)
        .await?
    {
        // Somebody else was faster with the same code: two hold it, so nobody keeps what it gave.
        let refused = Reason::CodeReplayed.because("its first use", "a use at the same moment");
        return deny(
            provider,
            &context,
            Denial {
                refused,
                revoke: true,
            },
        )
        .await;
    }
    Ok(Ok(tokens))
}
