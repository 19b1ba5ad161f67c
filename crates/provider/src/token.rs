//! The token endpoint: what all grants go through.

use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_protocol::{
    Params, Reason,
    client::{Client, GrantType},
    token::Denial,
};

use crate::{client_auth, fault::Fault, grants, http, state::Provider};

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
