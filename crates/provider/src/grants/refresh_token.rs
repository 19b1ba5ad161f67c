use latchkey_protocol::{
    Params, Reason, ScopeSet, Secret, SecretKind,
    authorization::{Context, RefreshFamily},
    claims::{self, ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, REFRESH_TOKEN_TYPE},
    client::Client,
    reason::masked,
    secret::new_id,
    token::{Rotation, Subject, access_token, id_token, refresh_claims, rotate},
};

use super::authorization_code::deny;
use crate::{
    Fault, Provider,
    token::{Granted, Tokens},
};

/// How often a lost race is looked at again. The second look finds the winner's successor.
const LOOKS: usize = 3;

/// RFC 6749 6. Tokens are signed before the rotation is written, and leave only if it was.
pub async fn grant(provider: &Provider, client: &Client, params: &Params) -> Granted {
    let now = provider.now();
    let Some(presented) = params.optional("refresh_token") else {
        return Ok(Err(Reason::ParameterMissing.because("refresh_token", "nothing").into()));
    };
    let token: claims::RefreshToken = match provider.keys.verify(REFRESH_TOKEN_TYPE, presented, now) {
        Ok(token) => token,
        Err(why) => return Ok(Err(Reason::RefreshTokenMalformed.because(why.to_string(), masked(presented)).into())),
    };
    let secret = Secret::presented(SecretKind::RefreshToken, &token.jti).filter(|_| token.iss == provider.issuer);
    let Some(secret) = secret else {
        return Ok(Err(Reason::RefreshTokenMalformed
            .because("a refresh token of this issuer", masked(presented))
            .into()));
    };
    for _ in 0..LOOKS {
        let Some(context) = provider.store.authorization(&token.authorization).await? else {
            return Ok(Err(Reason::AuthorizationEnded.because("a live authorization", "none").into()));
        };
        let ring = provider.keys.ring();
        let kid = ring.signer(now)?.kid();
        let rotation = match rotate(&context, &token, &secret, client, &provider.lifetimes, kid, now) {
            Ok(rotation) => rotation,
            Err(denied) => return deny(provider, &context, denied).await,
        };
        let scope = match narrowed(params, &context.authorization.scope) {
            Ok(scope) => scope,
            Err(denied) => return Ok(Err(denied.into())),
        };
        match rotation {
            Rotation::Again { successor, family } => {
                return Ok(Ok(sign(provider, client, &context, &scope, &successor, &family)?));
            }
            Rotation::Next { successor, family } => {
                let tokens = sign(provider, client, &context, &scope, &successor, &family)?;
                let id = &context.authorization.id;
                if provider.store.rotate_refresh_token(id, &secret.digest(), &family).await? {
                    return Ok(Ok(tokens));
                }
            }
        }
    }
    Ok(Err(Reason::AuthorizationEnded.because("a live authorization", "it changed with every look").into()))
}

/// Less scope may be asked for, more may not.
fn narrowed(params: &Params, granted: &ScopeSet) -> Result<ScopeSet, latchkey_protocol::error::Refused> {
    match params.optional("scope") {
        None => Ok(granted.clone()),
        Some(asked) => match ScopeSet::parse(asked) {
            Some(scope) if scope.is_subset_of(granted) => Ok(scope),
            _ => Err(Reason::ScopeExceedsGrant.because(granted.to_string(), asked)),
        },
    }
}

fn sign(
    provider: &Provider,
    client: &Client,
    context: &Context,
    scope: &ScopeSet,
    successor: &Secret,
    family: &RefreshFamily,
) -> Result<Tokens, Fault> {
    let now = provider.now();
    let (authorization, lifetimes) = (&context.authorization, &provider.lifetimes);
    let ring = provider.keys.ring();
    let signer = ring.signer(now)?;
    let access = match &context.user {
        Some(user) => {
            let subject = Subject::Person { user, authorization, session: context.session_lives(now) };
            let id = new_id(now, &*provider.entropy);
            let claims = access_token(&provider.issuer, client, &subject, scope, &id, lifetimes, now);
            signer.sign(ACCESS_TOKEN_TYPE, &claims)?
        }
        None => return Err(latchkey_jose::JoseError::Signing.into()),
    };
    let identity = if scope.contains("openid") {
        let claims = id_token(&provider.issuer, authorization, None, &access, lifetimes, now);
        Some(signer.sign(ID_TOKEN_TYPE, &claims)?)
    } else {
        None
    };
    // The key that signed the successor first, so that its bytes are the same each time.
    let first = ring.signer_by_id(&family.kid, now).unwrap_or(signer);
    let refresh =
        first.sign(REFRESH_TOKEN_TYPE, &refresh_claims(&provider.issuer, authorization, successor, family))?;
    Ok(Tokens {
        access_token: access,
        token_type: "Bearer",
        expires_in: lifetimes.access_token,
        refresh_token: Some(refresh),
        id_token: identity,
        scope: scope.clone(),
    })
}
