//! The UserInfo endpoint.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use latchkey_protocol::{
    Params,
    bearer::{for_userinfo, userinfo_answer},
};
use latchkey_ui::failure::Failure;

use crate::{bearer, door, fault::Broken, http, state::Provider};

/// OpenID Connect Core 5.3.
pub async fn get(
    provider: web::Data<Provider>,
    request: HttpRequest,
) -> Result<HttpResponse, Broken> {
    let answered = answer(&provider, &request, None).await;
    door::bearer(&provider, &request, answered)
}

pub async fn post(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Broken> {
    // A client may post nothing but the header, without a content type.
    let params = if body.is_empty() && !request.headers().contains_key(header::CONTENT_TYPE) {
        Ok(Params::default())
    } else {
        http::form(&request, &body)
    };
    let answered = match params {
        Ok(params) => answer(&provider, &request, Some(&params)).await,
        Err(refused) => Err(refused.into()),
    };
    door::bearer(&provider, &request, answered)
}

async fn answer(
    provider: &Provider,
    request: &HttpRequest,
    params: Option<&Params>,
) -> Result<HttpResponse, Failure> {
    let call = provider.call(request);
    let presented = bearer::presented(request, params)?;
    let live = bearer::prove(provider, call, presented).await?;
    let claims = &live.token.1;
    call.observe_client(&claims.client_id);
    let user = for_userinfo(claims, live.user.as_ref(), &call.realm.issuer)?;
    let client = provider.store.client(&claims.client_id).await?;
    let for_all = provider.custom_claims.current();
    let answer = userinfo_answer(claims, user, client.as_deref(), &live.asked, &for_all);
    Ok(http::json(&answer))
}
