//! The token endpoint: what all grants go through.

use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_protocol::{
    Params, Reason,
    client::{Client, GrantType},
    error::Refusal,
    tally::Counted,
};
use latchkey_ui::{call::Call, failure::Failure};

use crate::{
    client_auth, door,
    fault::Broken,
    grants::{self, issue::Tokens},
    http,
    signing::Busy,
    state::Provider,
};

/// The token endpoint (RFC 6749 3.2).
pub async fn token(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Broken> {
    let call = provider.call(&request);
    let granted = granted(&provider, call, &body).await;
    let answered = granted.map(|tokens| {
        provider.ui.tally.add(Counted::Tokens);
        http::json(&tokens)
    });
    door::client(&provider, call, answered).await
}

/// The phases that no grant can forget: read once, authenticate, allow, then the grant.
async fn granted(
    provider: &web::Data<Provider>,
    call: Call<'_>,
    body: &[u8],
) -> Result<Tokens, Failure> {
    // Before anything is read or asked: a refusal must cost next to nothing.
    if provider
        .signing
        .is_full_for(|| client_auth::unverified_client_id(call.request))
    {
        return Err(Busy.into());
    }
    let (params, client) = client_auth::called_by(provider, call, body).await?;
    match allowed(&params, &client)? {
        GrantType::AuthorizationCode => {
            grants::authorization_code::grant(provider, call, &client, &params).await
        }
        GrantType::RefreshToken => {
            grants::refresh_token::grant(provider, call, &client, &params).await
        }
        GrantType::ClientCredentials => {
            grants::client_credentials::grant(provider, call, &client, &params).await
        }
    }
}

fn allowed(params: &Params, client: &Client) -> Result<GrantType, Refusal> {
    let asked = params
        .optional("grant_type")
        .ok_or_else(|| Reason::ParameterMissing.because("grant_type", "nothing"))?;
    let grant = GrantType::parse(asked)
        .ok_or_else(|| Reason::GrantTypeUnsupported.because("a known grant", asked))?;
    if !client.may(grant) {
        let expected = format!("{asked} among grant_types");
        return Err(Reason::GrantNotAllowed.because(expected, "not there"));
    }
    Ok(grant)
}
