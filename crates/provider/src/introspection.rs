use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_protocol::{
    Reason,
    claims::{AccessToken, RefreshToken},
    client::Client,
    secret::{Secret, SecretKind},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{bearer, client_auth, fault::Fault, http, state::Provider};

/// RFC 7662 2. For authenticated callers; of what is not theirs to see, `active: false` and no more.
pub async fn introspect(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Fault> {
    let (params, client) = match client_auth::called_by(&provider, &request, &body).await? {
        Ok(called) => called,
        Err(response) => return Ok(response),
    };
    if client.is_public() {
        let refused = Reason::ClientAuthMissing.because("a confidential client", "a public one");
        return Ok(http::refusal(&provider, &request, &refused));
    }
    let Some(token) = params.optional("token") else {
        return Ok(http::refusal(
            &provider,
            &request,
            &Reason::ParameterMissing.because("token", "nothing"),
        ));
    };
    if let Some(seen) = access(&provider, &request, &client, token).await? {
        return Ok(seen);
    }
    let seen = refresh(&provider, &client, token).await?;
    Ok(http::json(
        &seen.unwrap_or_else(|| json!({ "active": false })),
    ))
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
    request: &HttpRequest,
    client: &Client,
    token: &str,
) -> Result<Option<HttpResponse>, Fault> {
    let Ok(live) = bearer::prove(provider, token).await? else {
        return Ok(None);
    };
    let claims = &live.token.1;
    if claims.client_id != client.id && !claims.aud.contains(&client.id) {
        // The caller hears nothing of it; whoever runs the server finds the reference in the log line of the request.
        let refused = Reason::TokenNotForCaller.because(claims.aud.join(" or "), &client.id);
        provider.refuse(request, &refused);
        return Ok(Some(http::json(&json!({ "active": false }))));
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
    client: &Client,
    token: &str,
) -> Result<Option<Value>, Fault> {
    let now = provider.now();
    let Ok(claims) = provider.keys.verify::<RefreshToken>(token, now) else {
        return Ok(None);
    };
    let Some(context) = provider.store.authorization(&claims.authorization).await? else {
        return Ok(None);
    };
    let current = Secret::presented(SecretKind::RefreshToken, &claims.jti).map(|s| s.digest());
    let family = context.authorization.refresh.as_ref();
    let live = context.standing(now).is_some()
        && now < claims.exp
        && family.is_some_and(|f| Some(&f.current) == current.as_ref())
        && context.authorization.client_id == client.id;
    Ok(live.then(|| {
        json!({
            "active": true, "iss": claims.iss, "client_id": claims.client_id, "sub": context.authorization.user_id,
            "scope": context.authorization.scope, "iat": claims.iat, "exp": claims.exp, "token_type": "refresh_token",
        })
    }))
}
