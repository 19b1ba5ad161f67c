//! The one place where tokens are made: every grant says what for, and gets the finished set.

use std::sync::Arc;

use actix_web::web;
use latchkey_jose::{JoseError, KeyRing};
use latchkey_protocol::{
    ScopeSet, Secret, Timestamp,
    authorization::{Context, RefreshFamily},
    claims::{ID_TOKEN_TYPE, REFRESH_TOKEN_TYPE, add_asked},
    client::{AccessTokenTyp, Client},
    secret::new_id,
    token::{Issuer, Subject, access_token, id_token, id_token_claims, refresh_claims},
};
use serde::Serialize;

use crate::{fault::Fault, state::Provider};

/// A successful answer (RFC 6749 5.1, OpenID Connect Core 3.1.3.3).
#[derive(Debug, Serialize)]
pub struct Tokens {
    pub access_token: String,
    pub token_type: &'static str,
    /// In seconds.
    pub expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    pub scope: ScopeSet,
}

/// What one answer's tokens are made from. Owned, because a signing thread takes it.
pub struct Issue {
    pub client: Arc<Client>,
    pub scope: ScopeSet,
    pub holder: Holder,
    /// The keys that the grant was judged with.
    pub ring: Arc<KeyRing>,
    pub now: Timestamp,
}

/// For whom the tokens are.
pub enum Holder {
    /// The client itself (RFC 6749 4.4): an access token alone.
    Client,
    /// A user, through an authorization. A refreshed ID token has no nonce (OpenID Connect Core 12.2).
    User {
        context: Arc<Context>,
        nonce: Option<String>,
        refresh: Option<(Secret, RefreshFamily)>,
    },
}

impl Issue {
    fn signatures(&self) -> usize {
        match &self.holder {
            Holder::Client => 1,
            Holder::User { refresh, .. } => {
                1 + usize::from(self.scope.contains("openid")) + usize::from(refresh.is_some())
            }
        }
    }
}

/// Makes and signs the tokens of one answer, on a signing thread.
///
/// # Errors
/// [`Fault::Busy`] when too much is waiting to be signed, [`Fault::Jose`].
pub async fn issue(provider: &web::Data<Provider>, issue: Issue) -> Result<Tokens, Fault> {
    let shared = provider.clone();
    let client = issue.client.clone();
    let tokens = provider
        .signing
        .run(&client.id, issue.signatures(), move || sign(&shared, issue))
        .await??;
    Ok(tokens)
}

/// The access token first: the ID token carries its hash.
fn sign(provider: &Provider, issue: Issue) -> Result<Tokens, JoseError> {
    let Issue {
        client,
        scope,
        holder,
        ring,
        now,
    } = issue;
    let (lifetimes, custom_claims) = (&provider.lifetimes, provider.custom_claims.current());
    let issuer = Issuer {
        name: &provider.issuer,
        lifetimes,
        custom_claims: &custom_claims,
    };
    let signer = ring.signer(now)?;
    let subject = match &holder {
        Holder::Client => Subject::Client,
        Holder::User { context, .. } => Subject::User {
            user: context.user.as_ref().ok_or(JoseError::Signing)?,
            authorization: &context.authorization,
            session: context.session_lives(now),
        },
    };
    let id = new_id(now, &*provider.ui.entropy);
    let claims = access_token(issuer, &client, &subject, &scope, &id, now);
    let access_token = signer.sign(
        access_token_typ(provider, &client, &claims.aud).name(),
        &claims,
    )?;

    let (mut identity, mut refresh_token) = (None, None);
    if let Holder::User {
        context,
        nonce,
        refresh,
    } = &holder
    {
        let authorization = &context.authorization;
        if let Some(user) = context.user.as_ref().filter(|_| scope.contains("openid")) {
            let mut more = id_token_claims(issuer, &client, user, &scope);
            add_asked(
                &authorization.asked_claims.id_token,
                &client,
                user,
                &mut more,
            );
            let claims = id_token(
                issuer,
                authorization,
                more,
                nonce.as_deref(),
                &access_token,
                now,
            );
            identity = Some(signer.sign(ID_TOKEN_TYPE, &claims)?);
        }
        if let Some((secret, family)) = refresh {
            // The key that signed the successor first, so that its bytes are the same each time.
            let first = ring.signer_by_id(&family.kid, now).unwrap_or(signer);
            let claims = refresh_claims(issuer.name, authorization, secret, family);
            refresh_token = Some(first.sign(REFRESH_TOKEN_TYPE, &claims)?);
        }
    }
    Ok(Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: lifetimes.access_token,
        refresh_token,
        id_token: identity,
        scope,
    })
}

/// As the client registered it, else as one of the audiences needs it.
fn access_token_typ(provider: &Provider, client: &Client, audience: &[String]) -> AccessTokenTyp {
    let needs_jwt = || {
        audience
            .iter()
            .any(|a| provider.jwt_typ_audiences.contains(a))
    };
    let by_audience = || {
        if needs_jwt() {
            AccessTokenTyp::Jwt
        } else {
            AccessTokenTyp::AtJwt
        }
    };
    client.metadata.access_token_typ.unwrap_or_else(by_audience)
}
