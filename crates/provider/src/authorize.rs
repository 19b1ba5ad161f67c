use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use latchkey_protocol::{
    Digest, Params, Reason, ScopeSet, Secret, SecretKind,
    attempts::Origin,
    authorization::Authorization,
    authorize::{
        AuthorizationRequest, Hint, Step, answer_code, answer_error, next_step, signed_params,
    },
    bounds,
    claims::IdToken,
    client::{Client, ResponseMode, ReturnTo},
    error::{AuthorizationError, Refusal},
    interaction::{self, Interaction},
    paths,
    reason::unknown_id,
    secret::new_id,
    session::{Cookie, Session, cookie_name},
    store::BeginOutcome,
    uri,
};

use crate::{Fault, Provider, foreign_post};

pub async fn begin_get(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes());
    begin(&provider, &request, &params, false)
        .await
        .unwrap_or_else(|fault| fault.page(&provider, &request))
}

pub async fn begin_post(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    match crate::http::params(&request, &body) {
        Ok(params) => begin(&provider, &request, &params, true)
            .await
            .unwrap_or_else(|fault| fault.page(&provider, &request)),
        Err(refused) => page(&provider, &request, &refused),
    }
}

/// Takes an authorization request in (RFC 6749 4.1.1). What can be answered at once leaves no trace; where a user
/// has to do something, an interaction is kept, which the pages lead to [`resume`].
async fn begin(
    provider: &Provider,
    request: &HttpRequest,
    params: &Params,
    posted: bool,
) -> Result<HttpResponse, Fault> {
    if let Err(refused) = params.sound_in(&["client_id"]) {
        return Ok(page(provider, request, &refused));
    }
    let client_id = params.optional("client_id").unwrap_or_default();
    let Some(client) = provider.store.client(client_id).await? else {
        return Ok(page(
            provider,
            request,
            &Reason::ClientUnknown.because("a registered client", unknown_id(client_id)),
        ));
    };
    provider.observe_client(request, &client.id);
    let signed = signed_params(
        params,
        &client,
        &provider.issuer,
        &latchkey_operations::JoseSignatures,
        provider.now(),
    );
    // Whose object is refused is answered where the parameters outside prove a destination.
    let in_force = signed
        .as_ref()
        .ok()
        .and_then(Option::as_ref)
        .unwrap_or(params);
    let to = match AuthorizationRequest::destination(in_force, &client) {
        Ok(to) => to,
        Err(refused) => {
            return Ok(page(
                provider,
                request,
                signed.as_ref().err().unwrap_or(&refused),
            ));
        }
    };
    if let Err(refused) = &signed {
        return Ok(back(provider, request, &to, refused));
    }
    let hint = hint(provider, in_force);
    let checked =
        match AuthorizationRequest::check(in_force, &client, to.clone(), hint, provider.rules) {
            Ok(checked) => checked,
            Err(AuthorizationError::Page(refused)) => return Ok(page(provider, request, &refused)),
            Err(AuthorizationError::Back(to, refused)) => {
                return Ok(back(provider, request, &to, &refused));
            }
        };
    let browser = provider.pages.browser(request);
    if posted
        && browser.1.is_some()
        && let Some(response) = foreign_post::again(provider, request, params)
    {
        return Ok(response);
    }
    let begun = begin_checked(provider, request, &client, &to, checked, browser).await;
    Ok(begun.unwrap_or_else(|fault| fault_back(provider, request, &to, &fault)))
}

/// Answers at once, or keeps an interaction. From here on the destination is proven: even our own faults go there.
async fn begin_checked(
    provider: &Provider,
    request: &HttpRequest,
    client: &Client,
    to: &ReturnTo,
    checked: AuthorizationRequest,
    (browser, set_cookie): (String, Option<String>),
) -> Result<HttpResponse, Fault> {
    let now = provider.now();
    let secret = Secret::generate(SecretKind::Interaction, &*provider.entropy);
    let interaction = Interaction {
        digest: secret.digest(),
        browser: Digest::of(&browser),
        former_browser: None,
        request: checked,
        created_at: now,
        expires_at: now + interaction::LIFETIME,
        login_session: None,
        selected_session: None,
        consented: None,
        declined: false,
    };
    let mut next = decide(provider, request, client, &interaction).await?;
    if let Next::Approve(scope, session) = next {
        if let Some(sent) = approve(
            provider,
            request,
            &interaction.request,
            None,
            to,
            scope,
            &session,
        )
        .await?
        {
            return Ok(sent);
        }
        // The session ended at this very moment: it is asked again, without it.
        next = decide(provider, request, client, &interaction).await?;
    }
    let path = match next {
        Next::Refuse(refused) => return Ok(back(provider, request, to, &refused)),
        Next::Approve(..) => {
            return Ok(back(
                provider,
                request,
                to,
                &Reason::LoginNeeded.because("a session", "two ended"),
            ));
        }
        Next::Page(path) => path,
    };
    if let Some(refused) = keep(provider, request, &interaction).await? {
        return Ok(page(provider, request, &refused));
    }
    let mut response = to_page(provider, path, &secret);
    if let Some(cookie) = set_cookie.and_then(|c| header::HeaderValue::from_str(&c).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Keeps what a user has to answer, unless nobody is there to answer it or too much is kept already.
async fn keep(
    provider: &Provider,
    request: &HttpRequest,
    interaction: &Interaction,
) -> Result<Option<Refusal>, Fault> {
    let said = |name| {
        request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let (mode, dest) = (said("sec-fetch-mode"), said("sec-fetch-dest"));
    if !interaction::is_visit(mode, dest) {
        let received = format!("{} {}", mode.unwrap_or_default(), dest.unwrap_or_default());
        return Ok(Some(
            Reason::NotAVisit.because("a navigation to a document", received),
        ));
    }
    let from = Origin::of(&provider.count_pepper, provider.address(request));
    Ok(
        match provider.store.begin_interaction(interaction, &from).await? {
            BeginOutcome::BeginOutcome => None,
            BeginOutcome::TooLarge => {
                let most = format!("at most {} bytes, as it is stored", bounds::LARGEST_REQUEST);
                Some(Reason::RequestTooLarge.because(most, "more"))
            }
            BeginOutcome::NetworkFull | BeginOutcome::NeighbourhoodFull => {
                Some(Reason::TooManySignIns.because("fewer that nobody has finished", "one more"))
            }
            BeginOutcome::Full => Some(Reason::Busy.because(
                "fewer that nobody has finished, of all together",
                "one more",
            )),
        },
    )
}

/// Every page returns here.
pub async fn resume(
    provider: web::Data<Provider>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    go_on(&provider, &request, &path)
        .await
        .unwrap_or_else(|fault| fault.page(&provider, &request))
}

async fn go_on(
    provider: &Provider,
    request: &HttpRequest,
    path: &str,
) -> Result<HttpResponse, Fault> {
    let now = provider.now();
    let unknown = || Reason::InteractionUnknown.because("a live interaction", "none");
    let Some(secret) = Secret::presented(SecretKind::Interaction, path) else {
        return Ok(page(provider, request, &unknown()));
    };
    let found = provider
        .store
        .interaction(&secret.digest())
        .await?
        .filter(|i| i.expires_at > now);
    let Some(interaction) = found else {
        return Ok(page(provider, request, &unknown()));
    };
    let Some(client) = provider
        .store
        .client(&interaction.request.client_id)
        .await?
    else {
        return Ok(page(
            provider,
            request,
            &Reason::ClientUnknown.because(&interaction.request.client_id, "deleted"),
        ));
    };
    provider.observe_client(request, &client.id);
    let (browser, _) = provider.pages.browser(request);
    if !interaction.is_of(&Digest::of(&browser), now) {
        return Ok(page(provider, request, &Reason::BrowserDiffers.into()));
    }
    // Registrations change: the destination is proven again each time.
    let asked = &interaction.request;
    let redirect = asked
        .redirect_uri_sent
        .then_some(asked.redirect_uri.as_str());
    let to = match client.return_to(redirect, asked.mode, asked.state.as_deref()) {
        Ok(to) => to,
        Err(refused) => return Ok(page(provider, request, &refused)),
    };
    let gone_on = go_on_to(provider, request, &client, &interaction, &secret, &to).await;
    Ok(gone_on.unwrap_or_else(|fault| fault_back(provider, request, &to, &fault)))
}

async fn go_on_to(
    provider: &Provider,
    request: &HttpRequest,
    client: &Client,
    interaction: &Interaction,
    secret: &Secret,
    to: &ReturnTo,
) -> Result<HttpResponse, Fault> {
    match decide(provider, request, client, interaction).await? {
        Next::Page(path) => Ok(to_page(provider, path, secret)),
        Next::Refuse(refused) => {
            provider.store.end_interaction(&interaction.digest).await?;
            Ok(back(provider, request, to, &refused))
        }
        Next::Approve(scope, session) => {
            let digest = Some(&interaction.digest);
            let sent = approve(
                provider,
                request,
                &interaction.request,
                digest,
                to,
                scope,
                &session,
            )
            .await?;
            let again = || Reason::InteractionUnknown.because("the first answer", "a second one");
            Ok(sent.unwrap_or_else(|| page(provider, request, &again())))
        }
    }
}

/// What happens now.
enum Next {
    Page(&'static str),
    Refuse(Refusal),
    Approve(ScopeSet, Session),
}

async fn decide(
    provider: &Provider,
    request: &HttpRequest,
    client: &Client,
    interaction: &Interaction,
) -> Result<Next, Fault> {
    let session = session(provider, request).await?;
    let consent = match &session {
        Some(session) => provider.store.consent(&session.user_id, &client.id).await?,
        None => None,
    };
    let step = next_step(
        client,
        interaction,
        session.as_ref(),
        consent.as_ref(),
        provider.now(),
    );
    Ok(match (step, session) {
        (Step::Approve { scope }, Some(session)) => Next::Approve(scope, session),
        (Step::Consent, _) => Next::Page(paths::CONSENT),
        (Step::Refuse(refused), _) => Next::Refuse(refused),
        (Step::Login | Step::SelectAccount | Step::Approve { .. }, _) => Next::Page(paths::LOGIN),
    })
}

fn to_page(provider: &Provider, path: &str, secret: &Secret) -> HttpResponse {
    see_other(&provider.at(&paths::page(path, secret.expose())))
}

/// Turns an approval into a code (RFC 6749 4.1.2); of an interaction that was `kept`, once. Nothing when that or the
/// session is gone.
async fn approve(
    provider: &Provider,
    request: &HttpRequest,
    asked: &AuthorizationRequest,
    kept: Option<&Digest>,
    to: &ReturnTo,
    scope: ScopeSet,
    session: &Session,
) -> Result<Option<HttpResponse>, Fault> {
    let now = provider.now();
    let code = Secret::generate(SecretKind::AuthorizationCode, &*provider.entropy);
    let id = new_id(now, &*provider.entropy);
    let authorization = Authorization::approve(
        id,
        code.digest(),
        asked,
        scope,
        session,
        &provider.lifetimes,
        now,
    );
    if !provider.store.issue_code(kept, &authorization).await? {
        return Ok(None);
    }
    Ok(Some(send(
        provider,
        request,
        to,
        &answer_code(to, &provider.issuer, code.expose()),
    )))
}

/// Who is signed in at this browser, and uses it.
async fn session(provider: &Provider, request: &HttpRequest) -> Result<Option<Session>, Fault> {
    let Some(secret) = session_secret(provider, request) else {
        return Ok(None);
    };
    let found = provider
        .store
        .session_in_use(&secret.digest(), &provider.lifetimes, provider.now())
        .await?;
    Ok(found.map(|(session, _)| session))
}

/// The secret of the session cookie.
pub fn session_secret(provider: &Provider, request: &HttpRequest) -> Option<Secret> {
    let cookie = request.cookie(cookie_name(provider.secure, Cookie::Session))?;
    Secret::presented(SecretKind::Session, cookie.value())
}

fn hint(provider: &Provider, params: &Params) -> Hint {
    let Some(token) = params.optional("id_token_hint") else {
        return Hint::None;
    };
    // Expired hints are accepted (OpenID Connect Core 3.1.2.1): only signature and issuer count.
    match provider.keys.verify::<IdToken>(token, provider.now()) {
        Ok(claims) => Hint::Subject(claims.sub),
        Err(_) => Hint::Unusable,
    }
}

/// A final error page.
pub fn page(provider: &Provider, request: &HttpRequest, refused: &Refusal) -> HttpResponse {
    let reference = provider.refuse(request, refused);
    provider.pages.refusal(request, refused.reason, &reference)
}

fn back(
    provider: &Provider,
    request: &HttpRequest,
    to: &ReturnTo,
    refused: &Refusal,
) -> HttpResponse {
    let reference = provider.refuse(request, refused);
    let refusal = refused.reason.refusal();
    let description = refusal.described(&reference);
    send(
        provider,
        request,
        to,
        &answer_error(to, &provider.issuer, refusal.code, &description),
    )
}

/// Our own breakage, where a destination is proven: the app can try again (RFC 6749 4.1.2.1).
fn fault_back(
    provider: &Provider,
    request: &HttpRequest,
    to: &ReturnTo,
    fault: &Fault,
) -> HttpResponse {
    tracing::error!(error = %fault, "our own fault");
    back(provider, request, to, &fault.reason().into())
}

fn send(
    provider: &Provider,
    request: &HttpRequest,
    to: &ReturnTo,
    pairs: &[(&str, &str)],
) -> HttpResponse {
    match to.mode() {
        ResponseMode::Query => see_other(&uri::with_query(to.redirect_uri(), pairs)),
        ResponseMode::FormPost => provider.pages.form_post(request, to, pairs),
    }
}

/// A redirect that is always followed by GET (RFC 9700 4.12).
pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}
