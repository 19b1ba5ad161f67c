use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_protocol::{
    Params,
    claims::IdToken,
    logout::{destination, same_client},
    paths, uri,
};

use crate::{
    Fault, LogoutRequest, Provider,
    authorize::{page, see_other, session},
};

pub async fn get(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes());
    end_session(&provider, &request, &params).await.unwrap_or_else(|fault| fault.page(&provider, &request))
}

pub async fn post(provider: web::Data<Provider>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let params = Params::parse(&body);
    end_session(&provider, &request, &params).await.unwrap_or_else(|fault| fault.page(&provider, &request))
}

/// OpenID Connect RP-Initiated Logout 2. Without a hint that proves who asks, the person is asked first.
async fn end_session(provider: &Provider, request: &HttpRequest, params: &Params) -> Result<HttpResponse, Fault> {
    if let Err(refused) = params.sound() {
        return Ok(page(provider, request, &refused));
    }
    // Expiry is ignored; the signature, the issuer and the audience are not.
    let hint: Option<IdToken> =
        params.optional("id_token_hint").and_then(|token| provider.keys.verify(token, provider.now()).ok());
    let client_id = match same_client(hint.as_ref(), params.optional("client_id")) {
        Ok(client_id) => client_id,
        Err(refused) => return Ok(page(provider, request, &refused)),
    };
    let client = match &client_id {
        Some(id) => provider.store.client(id).await?,
        None => None,
    };
    let to = match destination(client.as_deref(), params.optional("post_logout_redirect_uri")) {
        Ok(to) => to,
        Err(refused) => {
            provider.refuse(request, &refused);
            None
        }
    };
    let session = session(provider, request).await?;
    let theirs = hint.as_ref().is_some_and(|h| session.as_ref().is_none_or(|s| s.user_id == h.sub));
    if !theirs {
        let asked = LogoutRequest {
            client_id: client.map(|c| c.id.clone()),
            post_logout_redirect_uri: to,
            state: params.optional("state").map(str::to_owned),
            ui_locales: params.optional("ui_locales").map(str::to_owned),
        };
        return Ok(provider.pages.confirm_logout(request, &asked));
    }
    if let Some(session) = session {
        provider.store.end_session(&session.id, false, provider.now()).await?;
    }
    let state: Vec<_> = params.optional("state").map(|s| ("state", s)).into_iter().collect();
    let done = provider.at(paths::SIGNED_OUT);
    let mut response = see_other(&to.map_or(done, |to| uri::with_query(&to, &state)));
    provider.pages.forget_session(&mut response);
    Ok(response)
}
