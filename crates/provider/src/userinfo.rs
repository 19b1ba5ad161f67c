//! The UserInfo endpoint.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use latchkey_protocol::{
    Params,
    bearer::{for_userinfo, userinfo_answer},
    error::Refusal,
};

use crate::{bearer, fault::Fault, http, state::Provider};

/// OpenID Connect Core 5.3.
pub async fn get(
    provider: web::Data<Provider>,
    request: HttpRequest,
) -> Result<HttpResponse, Fault> {
    let presented = bearer::presented(&request, None);
    answer(&provider, &request, presented).await
}

pub async fn post(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Fault> {
    // A client may post nothing but the header, without a content type.
    let params = if body.is_empty() && !request.headers().contains_key(header::CONTENT_TYPE) {
        Ok(Params::default())
    } else {
        http::form(&request, &body)
    };
    match params {
        Ok(params) => {
            answer(
                &provider,
                &request,
                bearer::presented(&request, Some(&params)),
            )
            .await
        }
        Err(refused) => Ok(bearer::refusal(&provider, &request, &refused)),
    }
}

async fn answer(
    provider: &Provider,
    request: &HttpRequest,
    presented: Result<&str, Refusal>,
) -> Result<HttpResponse, Fault> {
    let proven = match presented {
        Ok(token) => bearer::prove(provider, token).await?,
        Err(refused) => Err(refused),
    };
    let live = match proven {
        Ok(live) => live,
        Err(refused) => return Ok(bearer::refusal(provider, request, &refused)),
    };
    let claims = &live.token.1;
    provider.observe_client(request, &claims.client_id);
    let user = match for_userinfo(claims, live.user.as_ref(), &provider.issuer) {
        Ok(user) => user,
        Err(refused) => return Ok(bearer::refusal(provider, request, &refused)),
    };
    let client = provider.store.client(&claims.client_id).await?;
    let for_all = provider.custom_claims.current();
    let answer = userinfo_answer(claims, user, client.as_deref(), &live.asked, &for_all);
    Ok(http::json(&answer))
}
