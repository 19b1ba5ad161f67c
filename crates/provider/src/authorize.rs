//! The authorize endpoint: a request comes in, and every page leads back here.

use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_protocol::{
    Digest, Params, Reason, ScopeSet, Secret, SecretKind,
    authorization::Authorization,
    authorize::{AuthorizationRequest, Hint, Step, answer_code, next_step, signed_params},
    claims::IdToken,
    client::{Client, ReturnTo},
    error::{AuthorizationError, Refusal},
    interaction::{self, Interaction},
    paths,
    reason::unknown_id,
    secret::new_id,
    session::Session,
};
use latchkey_ui::{
    self as ui,
    answer::{back, see_other, send},
    browser::{self, Browser},
    foreign_post,
};

use crate::{fault::Fault, state::Provider};

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
        Err(refused) => provider.ui.refuse(&request, &refused),
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
        return Ok(provider.ui.refuse(request, &refused));
    }
    let client_id = params.optional("client_id").unwrap_or_default();
    let Some(client) = provider.store.client(client_id).await? else {
        let refused = Reason::ClientUnknown.because("a registered client", unknown_id(client_id));
        return Ok(provider.ui.refuse(request, &refused));
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
            let refused = signed.as_ref().err().unwrap_or(&refused);
            return Ok(provider.ui.refuse(request, refused));
        }
    };
    if let Err(refused) = &signed {
        return Ok(back(&provider.ui, request, &to, refused));
    }
    let hint = hint(provider, in_force);
    let checked =
        match AuthorizationRequest::check(in_force, &client, to.clone(), hint, provider.rules) {
            Ok(checked) => checked,
            Err(AuthorizationError::Page(refused)) => {
                return Ok(provider.ui.refuse(request, &refused));
            }
            Err(AuthorizationError::Back(to, refused)) => {
                return Ok(back(&provider.ui, request, &to, &refused));
            }
        };
    let browser = Browser::of(&provider.ui, request);
    if posted
        && browser.is_new
        && let Some(response) = foreign_post::again(&provider.ui, request, params)
    {
        return Ok(response);
    }
    let begun = begin_checked(provider, request, &client, &to, checked, browser).await;
    Ok(begun.unwrap_or_else(|fault| fault.back(provider, request, &to)))
}

/// Answers at once, or keeps an interaction. From here on the destination is proven: even our own faults go there.
async fn begin_checked(
    provider: &Provider,
    request: &HttpRequest,
    client: &Client,
    to: &ReturnTo,
    checked: AuthorizationRequest,
    browser: Browser,
) -> Result<HttpResponse, Fault> {
    let now = provider.now();
    let secret = Secret::generate(SecretKind::Interaction, &*provider.ui.entropy);
    let interaction = Interaction {
        digest: secret.digest(),
        browser: browser.digest(),
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
        Next::Refuse(refused) => return Ok(back(&provider.ui, request, to, &refused)),
        Next::Approve(..) => {
            let refused = Reason::LoginNeeded.because("a session", "two ended");
            return Ok(back(&provider.ui, request, to, &refused));
        }
        Next::Page(path) => path,
    };
    if let Some(refused) = ui::interaction::begin(&provider.ui, request, &interaction).await? {
        return Ok(provider.ui.refuse(request, &refused));
    }
    let mut response = to_page(provider, path, &secret);
    browser.introduce(&provider.ui, &mut response);
    Ok(response)
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
        return Ok(provider.ui.refuse(request, &unknown()));
    };
    let found = provider
        .store
        .interaction(&secret.digest())
        .await?
        .filter(|i| i.expires_at > now);
    let Some(interaction) = found else {
        return Ok(provider.ui.refuse(request, &unknown()));
    };
    let Some(client) = provider
        .store
        .client(&interaction.request.client_id)
        .await?
    else {
        let refused = Reason::ClientUnknown.because(&interaction.request.client_id, "deleted");
        return Ok(provider.ui.refuse(request, &refused));
    };
    provider.observe_client(request, &client.id);
    let browser = Browser::of(&provider.ui, request);
    if !interaction.is_of(&browser.digest(), now) {
        return Ok(provider.ui.refuse(request, &Reason::BrowserDiffers.into()));
    }
    // Registrations change: the destination is proven again each time.
    let asked = &interaction.request;
    let redirect = asked
        .redirect_uri_sent
        .then_some(asked.redirect_uri.as_str());
    let to = match client.return_to(redirect, asked.mode, asked.state.as_deref()) {
        Ok(to) => to,
        Err(refused) => return Ok(provider.ui.refuse(request, &refused)),
    };
    let gone_on = go_on_to(provider, request, &client, &interaction, &secret, &to).await;
    Ok(gone_on.unwrap_or_else(|fault| fault.back(provider, request, &to)))
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
            Ok(back(&provider.ui, request, to, &refused))
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
            Ok(sent.unwrap_or_else(|| provider.ui.refuse(request, &again())))
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
    let now = provider.now();
    let session = browser::session(&provider.ui, request, now).await?;
    let session = session.map(|(session, _)| session);
    let consent = match &session {
        Some(session) => provider.store.consent(&session.user_id, &client.id).await?,
        None => None,
    };
    let step = next_step(client, interaction, session.as_ref(), consent.as_ref(), now);
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
    let code = Secret::generate(SecretKind::AuthorizationCode, &*provider.ui.entropy);
    let id = new_id(now, &*provider.ui.entropy);
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
    let answer = answer_code(to, &provider.issuer, code.expose());
    Ok(Some(send(&provider.ui, request, to, &answer)))
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
