//! The introspection endpoint.

use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_protocol::{
    Reason,
    claims::{AccessToken, RefreshToken},
    client::Client,
    introspection::{may_ask, may_see, refresh_token},
};
use latchkey_ui::{call::Call, failure::Failure};
use serde::Serialize;
use serde_json::json;

use crate::{bearer, client_auth, door, fault::Broken, http, state::Provider};

/// RFC 7662 2. For authenticated callers; of what is not theirs to see, `active: false` and no more.
pub async fn introspect(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Broken> {
    let call = provider.call(&request);
    let seen = answer(&provider, call, &body).await;
    door::client(&provider, call, seen).await
}

async fn answer(provider: &Provider, call: Call<'_>, body: &[u8]) -> Result<HttpResponse, Failure> {
    let (params, client) = client_auth::called_by(provider, call, body).await?;
    may_ask(&client)?;
    let missing = || Reason::ParameterMissing.because("token", "nothing");
    let token = params.optional("token").ok_or_else(missing)?;
    if let Some(seen) = access(provider, call, &client, token).await? {
        return Ok(seen);
    }
    let seen = refresh(provider, call, &client, token).await?;
    Ok(seen.unwrap_or_else(unseen))
}

/// All that is said of a token that is not live, or not the caller's to see.
fn unseen() -> HttpResponse {
    http::json(&json!({ "active": false }))
}

/// What the owner of an access token sees (RFC 7662 2.2).
#[derive(Serialize)]
struct IntrospectionAnswer<'a> {
    active: bool,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(flatten)]
    claims: &'a AccessToken,
}

async fn access(
    provider: &Provider,
    call: Call<'_>,
    client: &Client,
    token: &str,
) -> Result<Option<HttpResponse>, Failure> {
    let live = match bearer::prove(provider, call, token).await {
        Ok(live) => live,
        // Why it does not hold is nobody's to hear.
        Err(Failure::Refused { .. }) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let claims = &live.token.1;
    if let Err(refused) = may_see(claims, client) {
        // The caller hears nothing of it; whoever runs the server finds the reference in the log line of the request.
        provider.ui.note(call.request, &refused);
        return Ok(Some(unseen()));
    }
    let username = live.user.as_ref().map(|u| u.username.as_str());
    Ok(Some(http::json(&IntrospectionAnswer {
        active: true,
        token_type: "Bearer",
        username,
        claims,
    })))
}

async fn refresh(
    provider: &Provider,
    call: Call<'_>,
    client: &Client,
    token: &str,
) -> Result<Option<HttpResponse>, Failure> {
    let Ok(claims) = call.realm.keys.verify::<RefreshToken>(token, call.now) else {
        return Ok(None);
    };
    let context = provider.store.authorization(&claims.authorization).await?;
    let seen = context
        .as_ref()
        .and_then(|context| refresh_token(context, &claims, client, call.now));
    Ok(seen.map(|seen| http::json(&seen)))
}
