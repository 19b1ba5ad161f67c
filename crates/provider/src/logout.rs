//! The end session endpoint: a browser or a client asks for a sign-out.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use latchkey_protocol::{
    Params, Reason,
    claims::IdToken,
    client::Client,
    error::Refusal,
    logout::{self, Hint, SignOut, claimed_client, named_by, returns},
    paths, uri,
};

use latchkey_ui::{
    LogoutQuestion,
    answer::see_other,
    browser::{self, Browser, session_secret},
    confirm_logout,
    foreign_post::LONGEST_QUERY,
};

use crate::{client_auth, fault::Fault, http, state::Provider};

pub async fn get(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes());
    end_session(&provider, &request, &params, false)
        .await
        .unwrap_or_else(|fault| fault.page(&provider, &request))
}

pub async fn post(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    match http::params(&request, &body) {
        Ok(params) => end_session(&provider, &request, &params, true)
            .await
            .unwrap_or_else(|fault| fault.page(&provider, &request)),
        Err(refused) => provider.ui.refuse(&request, &refused),
    }
}

/// OpenID Connect RP-Initiated Logout 2, from a browser or from a client itself.
async fn end_session(
    provider: &Provider,
    request: &HttpRequest,
    params: &Params,
    posted: bool,
) -> Result<HttpResponse, Fault> {
    if let Err(refused) = params.sound() {
        return Ok(provider.ui.refuse(request, &refused));
    }
    let hint = hint(provider, params);
    let browser = Browser::of(&provider.ui, request);
    let cookieless = browser.is_new && session_secret(&provider.ui, request).is_none();
    if cookieless && has_credentials(request, params, posted) {
        return by_client(provider, request, params, &hint).await;
    }
    let client_id = match claimed_client(&hint, params.optional("client_id")) {
        Ok(client_id) => client_id,
        Err(refused) => {
            observe(
                provider,
                request,
                hint.token().map(|token| token.aud.as_str()),
            )
            .await?;
            return Ok(provider.ui.refuse(request, &refused));
        }
    };
    if posted && cookieless {
        return Ok(again(provider, request, params, &hint, client_id));
    }
    let client = observe(provider, request, client_id).await?;
    let asked = params.optional("post_logout_redirect_uri");
    let (to, refused) = returns(&hint, client_id, client.as_deref(), asked);
    let refused = refused.map(|refused| (refused.reason, provider.refuse(request, &refused)));
    let answer = Answer {
        provider,
        to,
        state: params.optional("state"),
        reference: refused.as_ref().map(|r| &*r.1),
    };
    by_browser(
        request,
        params,
        &hint,
        client.as_deref(),
        &browser,
        refused.as_ref(),
        answer,
    )
    .await
}

/// A client that is registered, noted for the log line before anything is refused.
async fn observe(
    provider: &Provider,
    request: &HttpRequest,
    client_id: Option<&str>,
) -> Result<Option<std::sync::Arc<Client>>, Fault> {
    let Some(id) = client_id else { return Ok(None) };
    let client = provider.store.client(id).await?;
    if client.is_some() {
        provider.observe_client(request, id);
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
    provider: &Provider,
    request: &HttpRequest,
    params: &Params,
    hint: &Hint,
    client_id: Option<&str>,
) -> HttpResponse {
    let at = provider.at(paths::END_SESSION);
    let whole = params.encoded();
    if whole.len() <= LONGEST_QUERY {
        return see_other(&format!("{at}?{whole}"));
    }
    let unusable = matches!(hint, Hint::Unusable(_)).then_some("too-long");
    let mut kept: Vec<_> = unusable
        .map(|hint| ("id_token_hint", hint))
        .into_iter()
        .collect();
    kept.extend(client_id.map(|id| ("client_id", id)));
    kept.extend(
        ["post_logout_redirect_uri", "state", "ui_locales"]
            .iter()
            .filter_map(|n| Some((*n, params.optional(n)?))),
    );
    let shorter = uri::with_query(&at, &kept);
    if shorter.len() <= LONGEST_QUERY {
        return see_other(&shorter);
    }
    let long = Reason::BodyTooLarge.because(
        format!("at most {LONGEST_QUERY} bytes"),
        format!("{} bytes", shorter.len()),
    );
    provider.ui.refuse(request, &long)
}

/// Where a sign-out that was carried out leads.
struct Answer<'a> {
    provider: &'a Provider,
    to: Option<String>,
    state: Option<&'a str>,
    /// Of what was wrong with the request.
    reference: Option<&'a str>,
}

impl Answer<'_> {
    fn send(&self) -> HttpResponse {
        let pairs = |name, value: Option<&str>| {
            value
                .map(|v| vec![(name, v.to_owned())])
                .unwrap_or_default()
        };
        let (at, pairs) = match &self.to {
            Some(to) => (to.clone(), pairs("state", self.state)),
            None => (
                self.provider.at(paths::SIGNED_OUT),
                pairs("refused", self.reference),
            ),
        };
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        see_other(&uri::with_query(&at, &pairs))
    }
}

/// A sign-out that a browser asks for.
async fn by_browser(
    request: &HttpRequest,
    params: &Params,
    hint: &Hint,
    client: Option<&Client>,
    browser: &Browser,
    refused: Option<&(Reason, String)>,
    answer: Answer<'_>,
) -> Result<HttpResponse, Fault> {
    let provider = answer.provider;
    let now = provider.now();
    let ui = &provider.ui;
    let here = browser::session_unused(ui, request, now).await?;
    let session = here.as_ref().map(|(session, _)| session);
    let named = match (hint.token(), session) {
        (
            Some(IdToken {
                sid: Some(sid),
                sub,
                ..
            }),
            None,
        ) => provider.store.session_of(sid, sub, now).await?,
        _ => None,
    };
    let named = match logout::sign_out(hint.token(), session, named.as_ref()) {
        SignOut::Ask { named } => named,
        done @ (SignOut::Now | SignOut::Done) => {
            let mut response = answer.send();
            if let (SignOut::Now, Some(session)) = (done, session) {
                let ended = (session.id.as_str(), session.user_id.as_str());
                browser::end_session(ui, request, client, ended, now).await?;
                browser::forget(ui, request, browser, &mut response, now).await;
            } else {
                browser::forget_session(ui, request, &mut response);
            }
            return Ok(response);
        }
    };
    let named_user = hint.token().map(|token| token.sub.as_str());
    let asked = LogoutQuestion {
        here: here.as_ref(),
        named: named.as_deref().zip(named_user),
        client_id: client.map(|c| c.id.as_str()),
        redirect: answer.to.as_deref(),
        state: answer.state,
        ui_locales: params.optional("ui_locales"),
        refused: refused.map(|(reason, reference)| (*reason, reference.as_str())),
    };
    Ok(confirm_logout(ui, request, &asked))
}

/// A sign-out that a client asks for itself, without a browser: what its own ID token names ends.
async fn by_client(
    provider: &Provider,
    request: &HttpRequest,
    params: &Params,
    hint: &Hint,
) -> Result<HttpResponse, Fault> {
    let client = match client_auth::authenticate(provider, request, params).await? {
        Ok(client) => client,
        Err(refused) => return Ok(http::refusal(provider, request, &refused)),
    };
    let (sid, user) = match named_by(hint, &client) {
        Ok(named) => named,
        Err(refused) => return Ok(http::refusal(provider, request, &refused)),
    };
    let now = provider.now();
    if let Some(session) = provider.store.session_of(sid, user, now).await? {
        let ended = (session.id.as_str(), session.user_id.as_str());
        browser::end_session(&provider.ui, request, Some(&client), ended, now).await?;
    }
    let asked = params.optional("post_logout_redirect_uri");
    let (to, refused) = returns(hint, Some(&client.id), Some(&client), asked);
    let reference = refused.map(|refused| provider.refuse(request, &refused));
    Ok(Answer {
        provider,
        to,
        state: params.optional("state"),
        reference: reference.as_deref(),
    }
    .send())
}

fn hint(provider: &Provider, params: &Params) -> Hint {
    let Some(token) = params.optional("id_token_hint") else {
        return Hint::None;
    };
    let unusable = |received: String| Hint::Unusable(refused_hint(received));
    match provider.keys.verify::<IdToken>(token, provider.now()) {
        Ok(claims) => Hint::Token(Box::new(claims)),
        Err(why) => unusable(why.to_string()),
    }
}

fn refused_hint(received: String) -> Refusal {
    Reason::LogoutHintUnusable.because(
        "an ID token of this issuer, signed by a published key",
        received,
    )
}
