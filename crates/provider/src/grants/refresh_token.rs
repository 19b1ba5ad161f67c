//! The refresh token grant.

use std::sync::Arc;

use actix_web::web;
use latchkey_protocol::{
    Params, Reason, Secret, SecretKind,
    authorization::Context,
    claims,
    client::Client,
    reason::masked,
    token::{Rotation, narrowed, rotate},
};

use super::{
    Granted, deny,
    issue::{Holder, Issue, issue},
};
use crate::{fault::Fault, state::Provider};

/// How often a lost race is looked at again. The second look finds the winner's successor.
const LOOKS: usize = 3;

/// RFC 6749 6. Tokens are signed before the rotation is written, and leave only if it was.
pub async fn grant(
    provider: &web::Data<Provider>,
    client: &Arc<Client>,
    params: &Params,
) -> Granted {
    let now = provider.now();
    let Some(presented) = params.optional("refresh_token") else {
        return Ok(Err(Reason::ParameterMissing
            .because("refresh_token", "nothing")
            .into()));
    };
    let token: claims::RefreshToken = match provider.keys.verify(presented, now) {
        Ok(token) => token,
        Err(why) => {
            return Ok(Err(Reason::RefreshTokenMalformed
                .because(why.to_string(), masked(presented))
                .into()));
        }
    };
    let secret = Secret::presented(SecretKind::RefreshToken, &token.jti);
    let Some(secret) = secret else {
        return Ok(Err(Reason::RefreshTokenMalformed
            .because("a refresh token of this issuer", masked(presented))
            .into()));
    };
    for _ in 0..LOOKS {
        let Some(context) = provider.store.authorization(&token.authorization).await? else {
            return Ok(Err(Reason::AuthorizationEnded
                .because("a live authorization", "none")
                .into()));
        };
        let ring = provider.keys.ring();
        let kid = ring.refresh_signer(now)?.kid();
        let rotation = match rotate(
            &context,
            &token,
            &secret,
            client,
            &provider.lifetimes,
            kid,
            now,
        ) {
            Ok(rotation) => rotation,
            Err(denied) => return deny(provider, &context, denied).await,
        };
        let scope = match narrowed(params.optional("scope"), client, &context.authorization) {
            Ok(scope) => scope,
            Err(denied) => return Ok(Err(denied.into())),
        };
        let (successor, family, again) = match rotation {
            Rotation::Again { successor, family } => (successor, family, true),
            Rotation::Next { successor, family } => (successor, family, false),
        };
        let context = Arc::new(context);
        let holder = Holder::User {
            context: context.clone(),
            nonce: None,
            refresh: Some((successor, family.clone())),
        };
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
        let id = &context.authorization.id;
        if again
            || provider
                .store
                .rotate_refresh_token(id, &secret.digest(), &family)
                .await?
        {
            note_use(provider, &context).await?;
            return Ok(Ok(tokens));
        }
    }
    Ok(Err(Reason::AuthorizationEnded
        .because("a live authorization", "it changed with every look")
        .into()))
}

/// A refresh within a browser session is a use of it.
async fn note_use(provider: &Provider, context: &Context) -> Result<(), Fault> {
    if let Some((session, used)) = context.session_use(&provider.lifetimes, provider.now()) {
        provider.store.use_session(session, used).await?;
    }
    Ok(())
}
