//! The authorize endpoint: a request comes in, and every page leads back here.

use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_operations::JoseSignatures;
use latchkey_protocol::{
    AuthorizationId, Digest, Params, Reason, Secret,
    authorization::Authorization,
    authorize::{Approval, AuthorizationRequest, Hint, Step, answer_code, signed_params},
    client::{Client, ReturnTo},
    interaction::{self, Interaction},
    kind, paths,
    reason::unknown_id,
    secret::new_id,
};
use latchkey_ui::{
    answer::{or_back, or_page, see_other, send},
    browser::Browser,
    call::Call,
    failure::Failure,
    foreign_post,
    interaction::{browser_of, client_of, find, here},
};

use crate::{http, id_token, state::Provider};

pub async fn begin_get(provider: web::Data<Provider>, request: HttpRequest) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes());
    let begun = begin(&provider, provider.call(&request), &params, false).await;
    or_page(&provider.ui, &request, begun)
}

pub async fn begin_post(
    provider: web::Data<Provider>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let begun = match http::params(&request, &body) {
        Ok(params) => begin(&provider, provider.call(&request), &params, true).await,
        Err(refused) => Err(refused.into()),
    };
    or_page(&provider.ui, &request, begun)
}

/// Takes an authorization request in (RFC 6749 4.1.1). What can be answered at once leaves no trace; where a user
/// has to do something, an interaction is kept, which the pages lead to [`resume`].
async fn begin(
    provider: &Provider,
    call: Call<'_>,
    params: &Params,
    posted: bool,
) -> Result<HttpResponse, Failure> {
    params.sound_in(&["client_id"])?;
    let client_id = params.optional("client_id").unwrap_or_default();
    let unknown = || Reason::ClientUnknown.because("a registered client", unknown_id(client_id));
    let client = provider.ui.client(call.realm, client_id).await?;
    let client = client.ok_or_else(unknown)?;
    call.observe_client(&client.id);
    // A page, and no redirect: whoever disables a client may trust none of its addresses any more.
    client.enabled()?;
    let issuer = &call.realm.issuer;
    let signed = signed_params(params, &client, issuer, &JoseSignatures, call.now);
    // Whose object is refused is answered where the parameters outside prove a destination.
    let in_force = signed
        .as_ref()
        .ok()
        .and_then(Option::as_ref)
        .unwrap_or(params);
    let to = AuthorizationRequest::destination(in_force, &client)
        .map_err(|refused| signed.as_ref().err().cloned().unwrap_or(refused))?;
    // From here on the destination is proven: even our own faults go there.
    let begun = match &signed {
        Err(refused) => Err(refused.clone().into()),
        Ok(_) => match checked(provider, call, in_force, &client, &to) {
            Ok(asked) if posted => begin_posted(provider, call, params, &client, &to, asked).await,
            Ok(asked) => begin_checked(provider, call, &client, &to, asked).await,
            Err(failure) => Err(failure),
        },
    };
    Ok(or_back(&provider.ui, call.request, &to, begun))
}

fn checked(
    provider: &Provider,
    call: Call<'_>,
    params: &Params,
    client: &Client,
    to: &ReturnTo,
) -> Result<AuthorizationRequest, Failure> {
    let hint = hint(provider, params, call, client);
    Ok(AuthorizationRequest::check(
        params,
        client,
        to,
        hint,
        call.realm.rules,
    )?)
}

/// A form of another site comes without our cookies, and has to come again.
async fn begin_posted(
    provider: &Provider,
    call: Call<'_>,
    params: &Params,
    client: &Client,
    to: &ReturnTo,
    asked: AuthorizationRequest,
) -> Result<HttpResponse, Failure> {
    if Browser::of(&provider.ui, call.request).is_new
        && let Some(response) = foreign_post::again(&provider.ui, call.request, params)
    {
        return Ok(response);
    }
    begin_checked(provider, call, client, to, asked).await
}

/// Answers at once, or keeps an interaction.
async fn begin_checked(
    provider: &Provider,
    call: Call<'_>,
    client: &Client,
    to: &ReturnTo,
    asked: AuthorizationRequest,
) -> Result<HttpResponse, Failure> {
    let ui = &provider.ui;
    let browser = Browser::of(ui, call.request);
    let secret = Secret::<kind::Interaction>::generate(&*ui.entropy);
    let interaction = Interaction {
        digest: secret.digest(),
        browser: browser.digest(),
        former_browser: None,
        request: asked,
        created_at: call.now,
        expires_at: call.now + interaction::LIFETIME,
        login_session: None,
        selected_session: None,
        consented: None,
        declined: false,
    };
    let path = match decide_unkept(provider, call, client, to, &interaction).await? {
        Unkept::Answered(response) => return Ok(response),
        Unkept::Page(path) => path,
    };
    if let Some(refused) = latchkey_ui::interaction::begin(ui, call, &interaction).await? {
        // What nobody may see, or what is too much, is not sent on to the app.
        return Ok(ui.refuse(call.request, &refused));
    }
    let mut response = to_page(call, path, &secret);
    browser.introduce(call.realm, &mut response);
    Ok(response)
}

/// What becomes of a request that is not kept.
enum Unkept {
    Answered(HttpResponse),
    /// A user has something to do there.
    Page(&'static str),
}

async fn decide_unkept(
    provider: &Provider,
    call: Call<'_>,
    client: &Client,
    to: &ReturnTo,
    interaction: &Interaction,
) -> Result<Unkept, Failure> {
    // Asked twice: a session may end between the decision and the code, and then it is asked again without it; so it is
    // where user or client changed.
    let mut reloaded = None;
    for _ in 0..2 {
        let client = reloaded.as_deref().unwrap_or(client);
        let here = here(&provider.ui, call, client).await?;
        let approval = match here.next_step(client, interaction, call.now) {
            Step::Login | Step::SelectAccount => return Ok(Unkept::Page(paths::LOGIN)),
            Step::NoAccess => return Ok(Unkept::Page(paths::NO_ACCESS)),
            Step::Consent(_) => return Ok(Unkept::Page(paths::CONSENT)),
            Step::Refuse(refused) => return Err(refused.into()),
            Step::Approve(approval) => approval,
        };
        if let Some(sent) = approve(provider, call, &approval, None, to).await? {
            return Ok(Unkept::Answered(sent));
        }
        reloaded = provider.ui.client(call.realm, &client.id).await?;
    }
    let ended = Reason::LoginNeeded.because("a session", "two ended");
    Err(ended.into())
}

/// Every page returns here.
pub async fn resume(
    provider: web::Data<Provider>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    let gone_on = go_on(&provider, provider.call(&request), &path).await;
    or_page(&provider.ui, &request, gone_on)
}

/// Asked twice: what the decision rests on may have changed before its code is written, and then it is decided again.
async fn go_on(provider: &Provider, call: Call<'_>, path: &str) -> Result<HttpResponse, Failure> {
    for _ in 0..2 {
        if let Some(gone_on) = go_on_once(provider, call, path).await? {
            return Ok(gone_on);
        }
    }
    // The app has had its answer: the second is for the user alone.
    let again = Reason::InteractionUnknown.because("the first answer", "a second one");
    Ok(provider.ui.refuse(call.request, &again))
}

async fn go_on_once(
    provider: &Provider,
    call: Call<'_>,
    path: &str,
) -> Result<Option<HttpResponse>, Failure> {
    let (secret, interaction) = find(&provider.ui, call, path).await?;
    let client = client_of(&provider.ui, call.realm, &interaction).await?;
    call.observe_client(&client.id);
    browser_of(&provider.ui, call, &interaction)?;
    let route = &interaction.request.route;
    // Registrations change: the destination is proven again each time.
    let redirect = route
        .redirect_uri_sent
        .then_some(route.redirect_uri.as_str());
    let to = client.return_to(redirect, route.mode, route.state.as_deref())?;
    let gone_on = go_on_to(provider, call, &client, &interaction, &secret, &to).await;
    let answer = |gone_on| or_back(&provider.ui, call.request, &to, gone_on);
    Ok(gone_on.transpose().map(answer))
}

async fn go_on_to(
    provider: &Provider,
    call: Call<'_>,
    client: &Client,
    interaction: &Interaction,
    secret: &Secret<kind::Interaction>,
    to: &ReturnTo,
) -> Result<Option<HttpResponse>, Failure> {
    let here = here(&provider.ui, call, client).await?;
    let page = match here.next_step(client, interaction, call.now) {
        Step::Login | Step::SelectAccount => paths::LOGIN,
        Step::NoAccess => paths::NO_ACCESS,
        Step::Consent(_) => paths::CONSENT,
        Step::Refuse(refused) => {
            provider.store.end_interaction(&interaction.digest).await?;
            return Err(refused.into());
        }
        Step::Approve(approval) => {
            return approve(provider, call, &approval, Some(&interaction.digest), to).await;
        }
    };
    Ok(Some(to_page(call, page, secret)))
}

fn to_page(call: Call<'_>, path: &str, secret: &Secret<kind::Interaction>) -> HttpResponse {
    see_other(&call.realm.at(&paths::page(path, secret.expose())))
}

/// Turns an approval into a code (RFC 6749 4.1.2); of an interaction that was `kept`, once. Nothing when that or the
/// session is gone.
async fn approve(
    provider: &Provider,
    call: Call<'_>,
    approval: &Approval<'_>,
    kept: Option<&Digest<kind::Interaction>>,
    to: &ReturnTo,
) -> Result<Option<HttpResponse>, Failure> {
    let entropy = &*provider.ui.entropy;
    let code = Secret::<kind::AuthorizationCode>::generate(entropy);
    let authorization = Authorization::approve(
        AuthorizationId::new(new_id(call.now, entropy)),
        code.digest(),
        approval,
        &call.realm.lifetimes,
        call.now,
    );
    if !provider.store.issue_code(kept, &authorization).await? {
        return Ok(None);
    }
    let answer = answer_code(to, &call.realm.issuer, code.expose());
    Ok(Some(send(&provider.ui, call.request, to, &answer)))
}

fn hint(provider: &Provider, params: &Params, call: Call<'_>, client: &Client) -> Hint {
    let Some(token) = params.optional("id_token_hint") else {
        return Hint::None;
    };
    // Expired hints are accepted, and those of any client (OpenID Connect Core 3.1.2.1): only signature and issuer count. A
    // secret speaks for its own client alone.
    match id_token::verify(provider, call, Some(client), token) {
        Ok(claims) => Hint::Subject(claims.sub),
        Err(_) => Hint::Unusable,
    }
}
