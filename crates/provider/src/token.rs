use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_protocol::{
    Params, Reason, ScopeSet,
    client::{Client, GrantType},
    token::Denial,
};
use serde::Serialize;

use crate::{Fault, Provider, client_auth, grants, http};

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

/// What a grant answers: tokens, or why not.
pub type Granted = Result<Result<Tokens, Denial>, Fault>;

/// The phases that no grant can forget: read once, authenticate, allow, then the grant.
pub async fn token(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Fault> {
    // Before anything is read or asked: a refusal must cost next to nothing.
    if provider
        .signing
        .is_full_for(|| client_auth::unverified_client_id(&request))
    {
        provider.signing.pace_refusal().await;
        return Ok(http::busy(&request));
    }
    let (params, client) = match client_auth::called_by(&provider, &request, &body).await? {
        Ok(called) => called,
        Err(response) => return Ok(response),
    };
    let granted = match allowed(&params, &client) {
        Err(denied) => Ok(Err(denied)),
        Ok(GrantType::AuthorizationCode) => {
            grants::authorization_code::grant(&provider, &client, &params).await
        }
        Ok(GrantType::RefreshToken) => {
            grants::refresh_token::grant(&provider, &client, &params).await
        }
        Ok(GrantType::ClientCredentials) => {
            grants::client_credentials::grant(&provider, &client, &params).await
        }
    };
    Ok(match granted {
        Ok(Ok(tokens)) => http::json(&tokens),
        Ok(Err(denied)) => http::refusal(&provider, &request, &denied.refused),
        Err(Fault::Busy(_)) => {
            provider.signing.pace_refusal().await;
            http::busy(&request)
        }
        Err(fault) => return Err(fault),
    })
}

fn allowed(params: &Params, client: &Client) -> Result<GrantType, Denial> {
    let asked = params
        .optional("grant_type")
        .ok_or_else(|| Reason::ParameterMissing.because("grant_type", "nothing"))?;
    let grant = GrantType::parse(asked)
        .ok_or_else(|| Reason::GrantTypeUnsupported.because("a known grant", asked))?;
    if !client.may(grant) {
        return Err(Reason::GrantNotAllowed
            .because(format!("{asked} among grant_types"), "not there")
            .into());
    }
    Ok(grant)
}
