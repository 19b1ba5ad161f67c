use latchkey_protocol::{
    Params, Reason, Secret, SecretKind,
    authorization::{Context, RefreshFamily},
    claims::{ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, REFRESH_TOKEN_TYPE},
    client::{Client, GrantType, RefreshPolicy},
    reason::masked,
    secret::new_id,
    token::{Denied, Subject, access_token, id_token, redeem, refresh_claims},
};

use crate::{
    Provider,
    token::{Granted, Tokens},
};

/// RFC 6749 4.1.3. Tokens are signed before the code is spent, and leave only if it was still there to spend.
pub async fn grant(provider: &Provider, client: &Client, params: &Params) -> Granted {
    let now = provider.now();
    let Some(presented) = params.optional("code") else {
        return Ok(Err(Reason::ParameterMissing.because("code", "nothing").into()));
    };
    let found = match Secret::presented(SecretKind::AuthorizationCode, presented) {
        Some(code) => provider.store.authorization_by_code(&code.digest()).await?,
        None => None,
    };
    let Some(context) = found else {
        return Ok(Err(Reason::CodeUnknown.because("a code issued here", masked(presented)).into()));
    };
    let authorization = &context.authorization;
    let user = match redeem(&context, client, params, now) {
        Ok(user) => user,
        Err(denied) => return deny(provider, &context, denied).await,
    };
    let lifetimes = &provider.lifetimes;
    let refresh =
        starts_refresh(client, &context).then(|| Secret::generate(SecretKind::RefreshToken, &*provider.entropy));
    let ring = provider.keys.ring();
    let signer = ring.signer(now)?;
    let family = refresh.as_ref().map(|secret| RefreshFamily {
        current: secret.digest(),
        issued_at: now,
        idle_expires_at: now + lifetimes.refresh_idle.min(lifetimes.refresh_token),
        kid: signer.kid().to_owned(),
        parent: None,
        expires_at: now + lifetimes.refresh_token,
    });

    let subject = Subject::Person { user, authorization, session: context.session_lives(now) };
    let id = new_id(now, &*provider.entropy);
    let claims = access_token(&provider.issuer, client, &subject, &authorization.scope, &id, lifetimes, now);
    let access = signer.sign(ACCESS_TOKEN_TYPE, &claims)?;
    let identity = if authorization.scope.contains("openid") {
        let claims = id_token(&provider.issuer, authorization, authorization.nonce.as_deref(), &access, lifetimes, now);
        Some(signer.sign(ID_TOKEN_TYPE, &claims)?)
    } else {
        None
    };
    let refresh_token = match (&refresh, &family) {
        (Some(secret), Some(family)) => {
            Some(signer.sign(REFRESH_TOKEN_TYPE, &refresh_claims(&provider.issuer, authorization, secret, family))?)
        }
        _ => None,
    };

    let ends = family.as_ref().map_or(now + lifetimes.access_token, |f| f.expires_at) + 86_400;
    if !provider.store.exchange_code(&authorization.id, now, family.as_ref(), ends).await? {
        // Somebody else was faster with the same code: two hold it, so nobody keeps what it gave.
        let refused = Reason::CodeReplayed.because("its first use", "a use at the same moment");
        return deny(provider, &context, Denied { refused, revoke: true }).await;
    }
    Ok(Ok(Tokens {
        access_token: access,
        token_type: "Bearer",
        expires_in: lifetimes.access_token,
        refresh_token,
        id_token: identity,
        scope: authorization.scope.clone(),
    }))
}

/// Carries out what a rule has decided.
pub async fn deny(provider: &Provider, context: &Context, denied: Denied) -> Granted {
    if denied.revoke {
        let id = &context.authorization.id;
        tracing::warn!(target: "audit", authorization = %id, reason = denied.refused.reason.name(), "replay: authorization revoked");
        provider.store.revoke_authorization(id, provider.now()).await?;
    }
    Ok(Err(denied))
}

fn starts_refresh(client: &Client, context: &Context) -> bool {
    let asked = context.authorization.is_offline() || client.metadata.refresh == RefreshPolicy::Always;
    asked && client.may(GrantType::RefreshToken)
}
