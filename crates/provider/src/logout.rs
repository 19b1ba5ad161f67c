//! The end session endpoint (OpenID Connect RP-Initiated Logout 2): a browser or a client asks for a sign-out.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use latchkey_protocol::{
    ClientId, Params, Reason,
    client::Client,
    error::Refusal,
    logout::{self, Hint, SignOut, claimed_client, named_by, returns},
    paths, uri,
};
use latchkey_ui::{
    Farewell, LogoutQuestion,
    answer::{or_page, see_other},
    browser::{self, Browser, session_secret},
    call::Call,
    confirm_logout,
    failure::Failure,
    farewell,
    foreign_post::LONGEST_QUERY,
    frames_of,
};

use crate::{client_auth, door, fault::Broken, http, id_token, state::Provider};

pub async fn get(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes());
    let ended = end_session(&provider, provider.call(&request), &params, false).await;
    or_page(&provider.ui, &request, ended)
}

pub async fn post(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let ended = match http::params(&request, &body) {
        Ok(params) => end_session(&provider, provider.call(&request), &params, true).await,
        Err(refused) => Err(refused.into()),
    };
    or_page(&provider.ui, &request, ended)
}

/// From a browser or from a client itself.
async fn end_session(
    provider: &Provider,
    call: Call<'_>,
    params: &Params,
    posted: bool,
) -> Result<HttpResponse, Failure> {
    params.sound()?;
    let hint = hint(provider, params, call).await?;
    let browser = Browser::of(&provider.ui, call.request);
    let cookieless = browser.is_new && session_secret(&provider.ui, call.request).is_none();
    if cookieless && has_credentials(call.request, params, posted) {
        let ended = by_client(provider, call, params, &hint).await;
        let answered = door::client(provider, call, ended).await;
        return answered.map_err(|Broken(fault)| fault.into());
    }
    let asked = params.optional("client_id").map(ClientId::new);
    let client_id = match claimed_client(&hint, asked.as_ref()) {
        Ok(client_id) => client_id,
        Err(refused) => {
            let issued_to = hint.token().map(|token| &token.aud);
            observe(provider, call, issued_to).await?;
            return Err(refused.into());
        }
    };
    if posted && cookieless {
        return again(call, params, &hint, client_id);
    }
    let client = observe(provider, call, client_id).await?;
    let asked = params.optional("post_logout_redirect_uri");
    let (to, refused) = returns(&hint, client_id, client.as_deref(), asked);
    let noted = |refused: Refusal| (refused.reason, provider.ui.note(call.request, &refused));
    let request = Request {
        client: client.as_deref(),
        hint: &hint,
        params,
        to,
        refused: refused.map(noted),
    };
    by_browser(provider, call, &request, &browser).await
}

/// A client that is registered, noted for the log line before anything is refused.
async fn observe(
    provider: &Provider,
    call: Call<'_>,
    client_id: Option<&ClientId>,
) -> Result<Option<Arc<Client>>, Failure> {
    let Some(id) = client_id else { return Ok(None) };
    let client = provider.store.client(id).await?;
    // Of one that is disabled no address is trusted.
    let client = client.filter(|client| client.enabled().is_ok());
    if client.is_some() {
        call.observe_client(id);
    }
    Ok(client)
}

/// Whether a client itself is calling, with its secret. A browser brings a cookie, or no secret.
fn has_credentials(request: &HttpRequest, params: &Params, posted: bool) -> bool {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let basic = header
        .and_then(|h| h.get(..6))
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "));
    // A secret does not belong into an address.
    basic || (posted && params.optional("client_secret").is_some())
}

/// A form on another site comes without our cookies; the same by GET comes with them. What is too long for an address
/// goes without its hint, and the user is asked.
fn again(
    call: Call<'_>,
    params: &Params,
    hint: &Hint,
    client_id: Option<&ClientId>,
) -> Result<HttpResponse, Failure> {
    let at = call.realm.at(paths::END_SESSION);
    let whole = params.encoded();
    if whole.len() <= LONGEST_QUERY {
        return Ok(see_other(&format!("{at}?{whole}")));
    }
    let unusable = matches!(hint, Hint::Unusable(_)).then_some("too-long");
    let mut kept: Vec<_> = unusable
        .map(|hint| ("id_token_hint", hint))
        .into_iter()
        .collect();
    kept.extend(client_id.map(|id| ("client_id", id.as_str())));
    let names = ["post_logout_redirect_uri", "state", "ui_locales"];
    let shorter = names
        .iter()
        .filter_map(|name| Some((*name, params.optional(name)?)));
    kept.extend(shorter);
    let shorter = uri::with_query(&at, &kept);
    if shorter.len() <= LONGEST_QUERY {
        return Ok(see_other(&shorter));
    }
    let most = format!("at most {LONGEST_QUERY} bytes");
    Err(Reason::BodyTooLarge
        .because(most, format!("{} bytes", shorter.len()))
        .into())
}

/// What a browser asks for, and what was found out about it.
struct Request<'a> {
    client: Option<&'a Client>,
    hint: &'a Hint,
    params: &'a Params,
    /// Where it leads afterwards.
    to: Option<String>,
    /// What was wrong with it, and the reference of that.
    refused: Option<(Reason, String)>,
}

/// A sign-out that a browser asks for.
async fn by_browser(
    provider: &Provider,
    call: Call<'_>,
    request: &Request<'_>,
    browser: &Browser,
) -> Result<HttpResponse, Failure> {
    let (ui, token) = (&provider.ui, request.hint.token());
    let here = browser::session_unused(ui, call).await?;
    let session = here.as_ref().map(|(session, _)| session);
    let named = match (
        token.and_then(|token| token.sid.as_ref().zip(Some(&token.sub))),
        request.client,
        session,
    ) {
        (Some((sid, sub)), Some(client), None) => {
            let user = sub.user_of(client);
            provider.store.session_of(sid, &user, call.now).await?
        }
        _ => None,
    };
    let decided = logout::sign_out(token, request.client, session, named.as_ref());
    let SignOut::Ask { named } = &decided else {
        let reference = request.refused.as_ref().map(|(_, reference)| &**reference);
        let to = destination(request.to.as_deref(), request.params);
        let way = Farewell {
            to: to.as_deref(),
            refused: reference,
            ui_locales: request.params.optional("ui_locales"),
        };
        if let (SignOut::Now, Some(session)) = (&decided, session) {
            let frames = frames_of(ui, call, &session.id).await?;
            let ended = (&session.id, &session.user_id);
            browser::end_session(ui, call, request.client, ended).await?;
            let mut response = farewell(ui, call, &frames, way);
            browser::forget(ui, call, browser, &mut response).await;
            return Ok(response);
        }
        let mut response = farewell(ui, call, &[], way);
        browser::forget_session(ui, call.request, &mut response);
        return Ok(response);
    };
    let asked = LogoutQuestion {
        here: here.as_ref(),
        named: named.as_ref().map(|(id, user)| (&**id, &**user)),
        client_id: request.client.map(|c| c.id.as_str()),
        redirect: request.to.as_deref(),
        state: request.params.optional("state"),
        ui_locales: request.params.optional("ui_locales"),
        refused: request
            .refused
            .as_ref()
            .map(|(reason, id)| (*reason, &**id)),
    };
    Ok(confirm_logout(ui, call.request, &asked))
}

/// Where a sign-out that was carried out leads at the client, with its `state`.
fn destination(to: Option<&str>, params: &Params) -> Option<String> {
    let state = params.optional("state").map(|state| ("state", state));
    to.map(|to| uri::with_query(to, state.as_slice()))
}

/// A sign-out that a client asks for itself, without a browser: what its own ID token names ends.
async fn by_client(
    provider: &Provider,
    call: Call<'_>,
    params: &Params,
    hint: &Hint,
) -> Result<HttpResponse, Failure> {
    let ui = &provider.ui;
    let client = client_auth::authenticate(provider, call, params).await?;
    let (sid, subject) = named_by(hint, &client)?;
    let user = subject.user_of(&client);
    if let Some(session) = provider.store.session_of(sid, &user, call.now).await? {
        let ended = (&session.id, &session.user_id);
        browser::end_session(ui, call, Some(&client), ended).await?;
    }
    let asked = params.optional("post_logout_redirect_uri");
    let (to, refused) = returns(hint, Some(&client.id), Some(&client), asked);
    let reference = refused.map(|refused| provider.ui.note(call.request, &refused));
    let to = destination(to.as_deref(), params);
    let way = Farewell {
        to: to.as_deref(),
        refused: reference.as_deref(),
        ui_locales: None,
    };
    Ok(farewell(ui, call, &[], way))
}

async fn hint(provider: &Provider, params: &Params, call: Call<'_>) -> Result<Hint, Failure> {
    let Some(token) = params.optional("id_token_hint") else {
        return Ok(Hint::None);
    };
    let client = match id_token::unverified_secret_holder(token) {
        Some(id) => provider.store.client(&id).await?,
        None => None,
    };
    let verified = id_token::verify(provider, call, client.as_deref(), token);
    Ok(match verified {
        Ok(claims) => Hint::Token(Box::new(claims)),
        Err(why) => {
            let expected = "an ID token of this issuer, signed by a published key";
            Hint::Unusable(Reason::LogoutHintUnusable.because(expected, why.to_string()))
        }
    })
}
