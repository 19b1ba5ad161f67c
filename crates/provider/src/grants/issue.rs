//! The one place where tokens are made: every grant says what for, and gets the finished set.

use std::sync::Arc;

use actix_web::web;
use latchkey_jose::{JoseError, KeyRing};
use latchkey_operations::{Realm, keys::jose_algorithm};
use latchkey_protocol::{
    IdTokenAlgorithm, ScopeSet, Secret, Timestamp,
    authorization::{Context, RefreshFamily},
    claims::{ID_TOKEN_TYPE, REFRESH_TOKEN_TYPE},
    client::Client,
    kind,
    secret::new_id,
    status::StatusClaim,
    token::{self, Grant, TokenIssuer, token_set},
};
use latchkey_ui::failure::Failure;
use serde::Serialize;

use crate::state::Provider;

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
    /// The issuer that signs.
    pub realm: Arc<Realm>,
    /// The keys that the grant was judged with.
    pub ring: Arc<KeyRing>,
    /// The access token's entry in a status list, where it has one.
    pub status: Option<StatusClaim>,
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
        refresh: Option<(Secret<kind::RefreshToken>, RefreshFamily)>,
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
/// Our own: too much is waiting to be signed, or signing failed.
pub async fn issue(provider: &web::Data<Provider>, mut issue: Issue) -> Result<Tokens, Failure> {
    if let Some(algorithm) = issue.client.metadata.id_token_algorithm().of_key() {
        let (algorithm, store) = (jose_algorithm(algorithm), &*provider.store);
        let ring = issue
            .realm
            .keys
            .with(algorithm, issue.ring, store, issue.now);
        issue.ring = ring.await?;
    }
    let shared = provider.clone();
    let client = issue.client.clone();
    let signed = provider
        .signing
        .run(&client.id, issue.signatures(), move || sign(&shared, issue))
        .await?;
    signed.map_err(Failure::broken)
}

/// The access token first: the ID token carries its hash.
fn sign(provider: &Provider, issue: Issue) -> Result<Tokens, JoseError> {
    let Issue {
        client,
        scope,
        holder,
        realm,
        ring,
        status,
        now,
    } = issue;
    let custom_claims = provider.custom_claims.current();
    let issuer = TokenIssuer {
        name: &realm.issuer,
        lifetimes: &realm.lifetimes,
        custom_claims: &custom_claims,
        jwt_typ_audiences: &realm.jwt_typ_audiences,
    };
    let grant = Grant {
        client: &client,
        scope: &scope,
        holder: holder.of(now)?,
        status: status.as_ref(),
    };
    let id = new_id(now, &*provider.ui.entropy);
    let set = token_set(issuer, &grant, &id, now);

    let signer = ring.signer(now.as_seconds())?;
    let access_token = signer.sign(set.access_token_typ.name(), &set.access_token)?;
    let id_token = set.id_token.map(|draft| {
        let algorithm = draft.algorithm();
        let claims = draft.finish(&access_token);
        match algorithm {
            IdTokenAlgorithm::Key(algorithm) => {
                let signer = ring.signer_for(jose_algorithm(algorithm), now.as_seconds())?;
                signer.sign(ID_TOKEN_TYPE, &claims)
            }
            IdTokenAlgorithm::Hs256 => {
                let secret = provider.client_secrets.id_token_key(&client)?;
                secret.sign(ID_TOKEN_TYPE, &claims)
            }
        }
    });
    let refresh_token = set.refresh_token.map(|(kid, claims)| {
        let first = ring.signer_by_id(kid, now.as_seconds());
        let first = first.map_or_else(|| ring.refresh_signer(now.as_seconds()), Ok)?;
        first.sign(REFRESH_TOKEN_TYPE, &claims)
    });
    Ok(Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: realm.lifetimes.access_token,
        refresh_token: refresh_token.transpose()?,
        id_token: id_token.transpose()?,
        scope,
    })
}

impl Holder {
    /// As the rules for claims see it.
    fn of(&self, now: Timestamp) -> Result<token::Holder<'_>, JoseError> {
        Ok(match self {
            Self::Client => token::Holder::Client,
            Self::User {
                context,
                nonce,
                refresh,
            } => token::Holder::User {
                user: context.user.as_ref().ok_or(JoseError::Signing)?,
                authorization: &context.authorization,
                session: context.session_lives(now),
                nonce: nonce.as_deref(),
                refresh: refresh.as_ref().map(|(secret, family)| (secret, family)),
            },
        })
    }
}
