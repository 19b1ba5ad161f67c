//! How a demo app sends a browser to the provider, and takes it back.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use openidconnect::{CsrfToken, Nonce, PkceCodeChallenge, Scope, core::CoreAuthenticationFlow};

use crate::{
    app::{Demo, see_other},
    page,
    tokens::redeem,
    visit::{Pending, Problem, Visit, step},
};

pub async fn login(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    let client = match demo.client().await {
        Ok(client) => client,
        Err(error) => return page::problem(&demo, &request, error.into()),
    };
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state, nonce) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scopes(["profile", "email", "offline_access"].map(|s| Scope::new(s.into())))
        .set_pkce_challenge(challenge)
        .url();
    let mut visit = Visit {
        pending: Some(Pending {
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        }),
        ..Visit::default()
    };
    visit.show(step(
        "demo-step-sent",
        "demo-step-sent-text",
        address.to_string(),
    ));
    let id = CsrfToken::new_random().secret().clone();
    demo.sessions.begin(id.clone(), visit);
    HttpResponse::SeeOther()
        .cookie(demo.cookie(id))
        .insert_header((header::LOCATION, address.as_str()))
        .finish()
}

pub async fn callback(
    demo: web::Data<Demo>,
    request: HttpRequest,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let id = demo.id_of(&request).unwrap_or_default();
    let Some((mut visit, pending)) = demo.sessions.take_pending(&id) else {
        return page::problem(&demo, &request, Problem::Foreign);
    };
    if let Err(error) = redeem(&demo, &mut visit, &pending, &query).await {
        visit.problem = Some(error.into());
        demo.sessions.change(&id, visit);
        return see_other("/");
    }
    // Whoever knew the id before the sign-in is not signed in by it.
    let new = CsrfToken::new_random().secret().clone();
    if !demo.sessions.sign_in(&id, new.clone(), visit) {
        return see_other("/");
    }
    // The code must not stay in the address bar.
    HttpResponse::SeeOther()
        .cookie(demo.cookie(new))
        .insert_header((header::LOCATION, "/"))
        .finish()
}
