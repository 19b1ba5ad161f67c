//! The authorization code grant.

use std::sync::Arc;

use actix_web::web;
use latchkey_jose::KeyRing;
use latchkey_protocol::{
    Params, Reason, Secret,
    authorization::{Authorization, Context, Handover, RefreshFamily},
    client::Client,
    kind,
    logout_token::is_noted,
    reason::masked,
    token::{redeem, starts_refresh},
};
use latchkey_ui::{call::Call, failure::Failure};

use super::{
    entry,
    issue::{Holder, Issue, Tokens, issue},
};
use crate::state::Provider;

/// RFC 6749 4.1.3. Tokens are signed before the code is spent, and leave only if it was still there to spend.
pub async fn grant(
    provider: &web::Data<Provider>,
    call: Call<'_>,
    client: &Arc<Client>,
    params: &Params,
) -> Result<Tokens, Failure> {
    let context = load(provider, params).await?;
    let authorization = &context.authorization;
    redeem(&context, client, params, call.now)
        .map_err(|denied| Failure::denied(denied, authorization))?;
    let Handover::Code(code) = &authorization.handover;
    let ring = call.realm.keys.ring();
    let refresh = first_refresh(provider, call, client, authorization, &ring)?;
    let family = refresh.as_ref().map(|(_, family)| family.clone());
    let entry = entry::of_next(provider, call, &context).await?;
    let holder = Holder::User {
        context: context.clone(),
        nonce: code.nonce.clone(),
        refresh,
    };
    let issued = Issue {
        client: client.clone(),
        scope: authorization.scope.clone(),
        holder,
        realm: call.realm.clone(),
        ring,
        status: entry.claim,
        now: call.now,
    };
    let tokens = issue(provider, issued).await?;
    let kept_until = context.kept_until(family.as_ref(), &call.realm.lifetimes, call.now);
    let id = &authorization.id;
    let (store, family, entries) = (&provider.store, family.as_ref(), &entry.change);
    let is_exchanged = if is_noted(authorization, client) {
        let exchanged = store.exchange_code_in_session(id, call.now, family, kept_until, entries);
        exchanged.await?
    } else {
        let exchanged = store.exchange_code(id, call.now, family, kept_until, entries);
        exchanged.await?
    };
    if !is_exchanged {
        return Err(overtaken(provider, call, client, params).await?);
    }
    Ok(tokens)
}

/// Why a code that could be exchanged no longer can: somebody was faster, so that two hold it and nobody keeps what it gave;
/// the session ended at that moment; or newer codes took its place.
async fn overtaken(
    provider: &Provider,
    call: Call<'_>,
    client: &Client,
    params: &Params,
) -> Result<Failure, Failure> {
    let context = load(provider, params).await?;
    redeem(&context, client, params, call.now)
        .map_err(|denied| Failure::denied(denied, &context.authorization))?;
    Ok(Reason::AuthorizationEnded
        .because("a session that goes on", "one that ended meanwhile")
        .into())
}

async fn load(provider: &Provider, params: &Params) -> Result<Arc<Context>, Failure> {
    let presented = params
        .optional("code")
        .ok_or_else(|| Reason::ParameterMissing.because("code", "nothing"))?;
    let unknown = || Reason::CodeUnknown.because("a code issued here", masked(presented));
    let code = Secret::<kind::AuthorizationCode>::presented(presented).ok_or_else(unknown)?;
    let found = provider.store.authorization_by_code(&code.digest()).await?;
    Ok(Arc::new(found.ok_or_else(unknown)?))
}

/// The first refresh token of a family, where the client gets one.
fn first_refresh(
    provider: &Provider,
    call: Call<'_>,
    client: &Client,
    authorization: &Authorization,
    ring: &KeyRing,
) -> Result<Option<(Secret<kind::RefreshToken>, RefreshFamily)>, Failure> {
    let kid = ring
        .refresh_signer(call.now.as_seconds())
        .map_err(Failure::broken)?
        .kid();
    if !starts_refresh(client, authorization) {
        return Ok(None);
    }
    let secret = Secret::<kind::RefreshToken>::generate(&*provider.ui.entropy);
    let family = RefreshFamily::first(&secret, kid, &call.realm.lifetimes, call.now);
    Ok(Some((secret, family)))
}
