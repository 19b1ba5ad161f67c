//! How a demo app signs a user out, and how it hears that a session has ended: OpenID Connect RP-Initiated Logout 1.0,
//! Back-Channel Logout 1.0 and Front-Channel Logout 1.0.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header, web};
use latchkey_protocol::{paths, received_logout::ReceivedLogout};
use openidconnect::url::Url;
use serde_json::json;

use crate::{
    app::{Demo, see_other},
    visit::{Ended, EndedBy, step},
};

/// `POST /sign-out`, by the button: ends the session here, and has the provider end its own.
pub async fn leave(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    let Some((id, visit)) = demo.visit(&request) else {
        return see_other("/");
    };
    let Some(tokens) = visit.tokens else {
        return see_other("/");
    };
    let end_session = format!("{}{}", demo.app.issuer, paths::END_SESSION);
    let Ok(mut address) = Url::parse(&end_session) else {
        return see_other("/");
    };
    address
        .query_pairs_mut()
        .append_pair("id_token_hint", &tokens.id_token)
        .append_pair(
            "post_logout_redirect_uri",
            &format!("{}/", demo.app.address),
        );
    let asked = step(
        "demo-step-asked-end",
        "demo-step-asked-end-text",
        address.to_string(),
    );
    let here = ended(&demo, EndedBy::Here);
    demo.sessions.end_of_browser(&id, &visit.sid, here, asked);
    see_other(address.as_str())
}

/// `POST /backchannel-logout`: ends the session that a logout token names, in every browser that has it.
pub async fn told(demo: web::Data<Demo>, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let token = form.get("logout_token").map(String::as_str);
    match act_upon(&demo, token.unwrap_or_default()).await {
        Ok(()) => no_store(HttpResponse::Ok()).finish(),
        // 2.8, whatever it was: the provider sends another one later.
        Err(why) => no_store(HttpResponse::BadRequest())
            .json(json!({ "error": "invalid_request", "error_description": why })),
    }
}

async fn act_upon(demo: &Demo, token: &str) -> Result<(), String> {
    let compact = demo.keys.verified(token, ReceivedLogout::TYPE).await?;
    let claims = compact.unverified_claims().map_err(|e| e.to_string())?;
    let now = demo.clock.now();
    let token = ReceivedLogout::read(claims, &demo.app.issuer, demo.app.client_id, now)?;
    let heard = step(
        "demo-step-told",
        "demo-step-told-text",
        serde_json::to_string_pretty(&token).map_err(|e| e.to_string())?,
    );
    demo.sessions.end_by(&token, now, &heard)?;
    Ok(())
}

/// `GET /frontchannel-logout`, in a frame of the provider's page: ends the session of this browser, if it is that one.
pub async fn framed(
    demo: web::Data<Demo>,
    request: HttpRequest,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let is_ours = query.get("iss") == Some(&demo.app.issuer);
    let sid = query.get("sid").filter(|sid| is_ours && !sid.is_empty());
    if let (Some(sid), Some(id)) = (sid, demo.id_of(&request)) {
        let heard = step(
            "demo-step-framed",
            "demo-step-framed-text",
            request.query_string().to_owned(),
        );
        let ended = ended(&demo, EndedBy::FrontChannel);
        demo.sessions.end_of_browser(&id, sid, ended, heard);
    }
    // The same answer to all: whoever frames it learns nothing.
    let policy = format!("default-src 'none'; frame-ancestors {}", origin(&demo));
    no_store(HttpResponse::Ok())
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .content_type("text/html; charset=utf-8")
        .body("<!doctype html><title>Signed out</title>")
}

fn origin(demo: &Demo) -> String {
    let issuer = Url::parse(&demo.app.issuer);
    issuer.map_or_else(
        |_| "'none'".into(),
        |url| url.origin().ascii_serialization(),
    )
}

fn ended(demo: &Demo, by: EndedBy) -> Ended {
    Ended {
        by,
        at: demo.clock.now(),
    }
}

fn no_store(mut builder: HttpResponseBuilder) -> HttpResponseBuilder {
    builder.insert_header((header::CACHE_CONTROL, "no-store"));
    builder
}
