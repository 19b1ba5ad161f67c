//! The refresh token grant.

use std::sync::Arc;

use actix_web::web;
use latchkey_protocol::{
    Params, Reason, Secret,
    authorization::Context,
    claims,
    client::Client,
    kind,
    reason::masked,
    token::{Rotation, narrowed, rotate},
};
use latchkey_ui::{call::Call, failure::Failure};

use super::{
    entry,
    issue::{Holder, Issue, Tokens, issue},
};
use crate::state::Provider;

/// How often a lost race is looked at again. The second look finds the winner's successor.
const LOOKS: usize = 3;

/// RFC 6749 6. Tokens are signed before the rotation is written, and leave only if it was.
pub async fn grant(
    provider: &web::Data<Provider>,
    call: Call<'_>,
    client: &Arc<Client>,
    params: &Params,
) -> Result<Tokens, Failure> {
    let (token, secret) = read(call, params)?;
    for _ in 0..LOOKS {
        let context = provider.store.authorization(&token.authorization).await?;
        let ended = || Reason::AuthorizationEnded.because("a live authorization", "none");
        let context = Arc::new(context.ok_or_else(ended)?);
        if let Some(tokens) = look(provider, call, client, params, &token, &secret, context).await?
        {
            return Ok(tokens);
        }
    }
    let moving = "it changed with every look";
    Err(Reason::AuthorizationEnded
        .because("a live authorization", moving)
        .into())
}

/// The refresh token that was presented, and the secret in it.
fn read(
    call: Call<'_>,
    params: &Params,
) -> Result<(claims::RefreshToken, Secret<kind::RefreshToken>), Failure> {
    let presented = params
        .optional("refresh_token")
        .ok_or_else(|| Reason::ParameterMissing.because("refresh_token", "nothing"))?;
    let malformed =
        |expected: &str| Reason::RefreshTokenMalformed.because(expected, masked(presented));
    let token: claims::RefreshToken = call
        .realm
        .keys
        .verify(presented, call.now)
        .map_err(|why| malformed(&why.to_string()))?;
    let secret = Secret::<kind::RefreshToken>::presented(&token.jti)
        .ok_or_else(|| malformed("a refresh token of this issuer"))?;
    Ok((token, secret))
}

/// Judges, signs and commits by what is true now. Nothing when another rotation came between.
async fn look(
    provider: &web::Data<Provider>,
    call: Call<'_>,
    client: &Arc<Client>,
    params: &Params,
    token: &claims::RefreshToken,
    secret: &Secret<kind::RefreshToken>,
    context: Arc<Context>,
) -> Result<Option<Tokens>, Failure> {
    let (lifetimes, authorization) = (&call.realm.lifetimes, &context.authorization);
    let ring = call.realm.keys.ring();
    let kid = ring
        .refresh_signer(call.now.as_seconds())
        .map_err(Failure::broken)?
        .kid();
    let rotation = rotate(&context, token, secret, client, lifetimes, kid, call.now)
        .map_err(|denied| Failure::denied(denied, authorization))?;
    let scope = narrowed(params.optional("scope"), client, authorization)?;
    let (successor, family, again) = match rotation {
        Rotation::Again { successor, family } => (successor, family, true),
        Rotation::Next { successor, family } => (successor, family, false),
    };
    let entry = if again {
        entry::of_repeated(provider, call, &context).await?
    } else {
        Some(entry::of_next(provider, call, &context).await?)
    };
    let Some(entry) = entry else {
        return Ok(None);
    };
    let holder = Holder::User {
        context: context.clone(),
        nonce: None,
        refresh: Some((successor, family.clone())),
    };
    let issued = Issue {
        client: client.clone(),
        scope,
        holder,
        realm: call.realm.clone(),
        ring,
        status: entry.claim,
        now: call.now,
    };
    let tokens = issue(provider, issued).await?;
    let (store, id) = (&provider.store, &authorization.id);
    if !again
        && !store
            .rotate_refresh_token(id, &secret.digest(), &family, &entry.change)
            .await?
    {
        return Ok(None);
    }
    note_use(provider, call, &context).await?;
    Ok(Some(tokens))
}

/// A refresh within a browser session is a use of it.
async fn note_use(provider: &Provider, call: Call<'_>, context: &Context) -> Result<(), Failure> {
    if let Some((session, used)) = context.session_use(&call.realm.lifetimes, call.now) {
        provider.store.use_session(session, used).await?;
    }
    Ok(())
}
