//! The revocation endpoint.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use latchkey_protocol::{
    Reason, StoreError,
    audit::{ActorKind, AuditTarget, Event, TargetKind},
    claims::{AccessToken, RefreshToken},
    client::Client,
    revocation::{Revocation, of_access_token, of_refresh_token},
};
use latchkey_ui::{call::Call, failure::Failure};

use crate::{client_auth, door, fault::Broken, http, state::Provider, status::entry_of};

/// RFC 7009 2. A refresh token ends its whole authorization, an access token itself. 200 for whatever is not known.
pub async fn revoke(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Broken> {
    let call = provider.call(&request);
    let revoked = answer(&provider, call, &body).await;
    door::client(&provider, call, revoked).await
}

async fn answer(provider: &Provider, call: Call<'_>, body: &[u8]) -> Result<HttpResponse, Failure> {
    let (params, client) = client_auth::called_by(provider, call, body).await?;
    let missing = || Reason::ParameterMissing.because("token", "nothing");
    let token = params.optional("token").ok_or_else(missing)?;
    let now = call.now;
    if let Ok(claims) = call.realm.keys.verify::<RefreshToken>(token, now) {
        end(provider, call, &client, of_refresh_token(&claims, &client)).await?;
    } else if let Ok(claims) = call.realm.keys.verify::<AccessToken>(token, now) {
        end(
            provider,
            call,
            &client,
            of_access_token(&claims, &client, now),
        )
        .await?;
    }
    Ok(http::answer(StatusCode::OK).finish())
}

async fn end(
    provider: &Provider,
    call: Call<'_>,
    client: &Client,
    revocation: Revocation<'_>,
) -> Result<(), StoreError> {
    match revocation {
        Revocation::Authorization(id) => {
            let actor = (ActorKind::Client, &*client.id);
            let mut entry = call.entry(Event::AuthorizationRevoked, actor);
            entry.target = Some(AuditTarget {
                kind: TargetKind::Authorization,
                id: Some(id.as_str().to_owned()),
                name: None,
            });
            let store = provider.store.recording(entry);
            store.revoke_authorization(id, call.now).await
        }
        Revocation::AccessToken { jti, exp, status } => {
            let issuer = &call.realm.issuer;
            let entry = status.and_then(|status| entry_of(issuer, status, exp));
            let store = &provider.store;
            store.revoke_access_token(jti, exp, entry).await
        }
        Revocation::Nothing => Ok(()),
    }
}
