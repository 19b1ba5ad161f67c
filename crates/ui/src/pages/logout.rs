use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use latchkey_protocol::{Params, Reason, StoreError, logout, paths, secret::same, session::Cookie, uri};

use super::{csrf, fault, render, see_other, session};
use crate::{Ui, Words, cookies, headers::words};

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    words: Words,
    base: &'a str,
    csrf: String,
    client_id: &'a str,
    redirect: &'a str,
    state: &'a str,
}

#[derive(Template)]
#[template(path = "signed-out.html")]
struct SignedOutPage<'a> {
    words: Words,
    base: &'a str,
}

/// Asks before signing out, so that no link alone can do it.
pub fn confirm_logout(
    ui: &Ui,
    request: &HttpRequest,
    client_id: Option<&str>,
    redirect: Option<&str>,
    state: Option<&str>,
    ui_locales: Option<&str>,
) -> HttpResponse {
    let (browser, set_cookie) = cookies::browser(request, ui.secure, &*ui.entropy);
    let page = LogoutPage {
        words: words(request, ui_locales),
        base: &ui.base,
        csrf: csrf(ui, &browser, "logout", &[]),
        client_id: client_id.unwrap_or_default(),
        redirect: redirect.unwrap_or_default(),
        state: state.unwrap_or_default(),
    };
    let mut response = render(&page, StatusCode::OK, true);
    if let Some(value) = set_cookie.and_then(|c| header::HeaderValue::from_str(&c).ok()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

pub async fn confirmed(ui: web::Data<Ui>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let form = Params::parse(&body);
    if let Err(refused) = form.sound() {
        return ui.refuse(&request, &refused);
    }
    let (browser, _) = cookies::browser(&request, ui.secure, &*ui.entropy);
    if !same(form.optional("csrf").unwrap_or_default(), &csrf(&ui, &browser, "logout", &[])) {
        return ui.refuse(&request, &Reason::FormForged.into());
    }
    if form.optional("decision") == Some("stay") {
        return see_other(&format!("{}/", ui.base));
    }
    sign_out(&ui, &request, &form).await.unwrap_or_else(|error| fault(&ui, &request, &error))
}

async fn sign_out(ui: &Ui, request: &HttpRequest, form: &Params) -> Result<HttpResponse, StoreError> {
    if let Some((session, _)) = session(ui, request).await? {
        ui.store.end_session(&session.id, false, ui.clock.now()).await?;
    }
    let client = match form.optional("client_id") {
        Some(id) => ui.store.client(id).await?,
        None => None,
    };
    // What the form says is proven again: it came back through the browser.
    let to = logout::destination(client.as_deref(), form.optional("post_logout_redirect_uri")).ok().flatten();
    let state: Vec<_> = form.optional("state").map(|s| ("state", s)).into_iter().collect();
    let mut response = see_other(&match to {
        Some(to) => uri::with_query(&to, &state),
        None => format!("{}{}", ui.base, paths::SIGNED_OUT),
    });
    forget_session(ui, &mut response);
    Ok(response)
}

/// Takes the session cookie back.
pub fn forget_session(ui: &Ui, response: &mut HttpResponse) {
    if let Ok(value) = header::HeaderValue::from_str(&cookies::cookie(ui.secure, Cookie::Session, "", Some(0))) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

pub async fn done(ui: web::Data<Ui>, request: HttpRequest) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes());
    let words = words(&request, params.optional("ui_locales"));
    render(&SignedOutPage { words, base: &ui.base }, StatusCode::OK, false)
}
