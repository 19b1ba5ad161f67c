//! The way back from another provider.

use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_operations::{Arrival, Arrived, LoginSecrets};
use latchkey_protocol::{
    Params, Reason, Secret, Timestamp, kind, paths,
    session::Cookie,
    tally::Counted,
    upstream::{
        IdentityKey, Upstream, UpstreamLogin, UpstreamName, UpstreamProtocol, UpstreamResponseMode,
        judge_callback, mapped,
    },
};
use serde_json::{Map, Value};

use super::{
    Discovered,
    ask::{Question, ask},
    discover, enabled, signed_in_since,
};
use crate::{
    answer::{or_login, or_page, see_other},
    browser::{renew_browser, session_secret},
    call::{Call, device, request_id},
    cookies::{add_cookie, cookie},
    failure::Failure,
    foreign_post::LONGEST_QUERY,
    interaction::{OpenInteraction, back, open},
    state::Ui,
};

/// What providers send here; nothing else is looked at.
const PARAMETERS: [&str; 6] = ["code", "state", "iss", "error", "error_description", "user"];
/// Bytes of a session's name there.
const LONGEST_SID: usize = 255;

/// The answer in the query.
pub async fn callback(
    ui: web::Data<Ui>,
    request: HttpRequest,
    name: web::Path<String>,
) -> HttpResponse {
    let call = ui.call(&request);
    let params = Params::parse(request.query_string().as_bytes());
    match taken(&ui, call, &params).await {
        Err(failure) => or_page(&ui, &request, Err(failure)),
        Ok((login, secrets)) => {
            let interaction = secrets.interaction.expose().to_owned();
            let answered = answer(&ui, call, &name, &params, (login, secrets)).await;
            or_login(&ui, &request, Some(&interaction), answered)
        }
    }
}

/// The answer in a form that the provider's page posts (Apple). It comes without our cookies, which are `SameSite=Lax`: it
/// comes again by GET, with them.
pub async fn posted(
    ui: web::Data<Ui>,
    request: HttpRequest,
    name: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let sent_on = send_on(&ui, ui.call(&request), &name, &body).await;
    or_page(&ui, &request, sent_on)
}

async fn send_on(
    ui: &Ui,
    call: Call<'_>,
    name: &str,
    body: &[u8],
) -> Result<HttpResponse, Failure> {
    let upstream = enabled(ui, name).await?;
    if upstream.settings.response_mode != UpstreamResponseMode::FormPost {
        let expected = "an answer in the query";
        return Err(Reason::UpstreamAnswerUnfit
            .because(expected, "a form")
            .into());
    }
    let query = Params::parse(body).only(&PARAMETERS).encoded();
    if query.len() > LONGEST_QUERY {
        let most = format!("at most {LONGEST_QUERY} bytes");
        let received = format!("{} bytes", query.len());
        return Err(Reason::BodyTooLarge.because(most, received).into());
    }
    let callback = paths::upstream_callback(upstream.name.as_str());
    Ok(see_other(&format!("{}?{query}", call.realm.at(&callback))))
}

/// The sign-in that the state belongs to, which is taken away: it is answered once.
async fn taken(
    ui: &Ui,
    call: Call<'_>,
    params: &Params,
) -> Result<(UpstreamLogin, LoginSecrets), Failure> {
    params.sound_in(&PARAMETERS)?;
    let unknown = || Reason::UpstreamStateUnknown.because("the state of a begun sign-in", "none");
    let state = params.optional("state").unwrap_or_default();
    let state = Secret::<kind::UpstreamState>::presented(state).ok_or_else(unknown)?;
    let login = ui
        .store
        .take_upstream_login(&state.digest(), call.now)
        .await?;
    let login = login.ok_or_else(unknown)?;
    let secrets = ui.upstreams.secrets.open_login(&login.sealed);
    Ok((login, secrets.map_err(Failure::broken)?))
}

async fn answer(
    ui: &Ui,
    call: Call<'_>,
    name: &str,
    params: &Params,
    (login, secrets): (UpstreamLogin, LoginSecrets),
) -> Result<HttpResponse, Failure> {
    let open = open(ui, call, secrets.interaction.expose()).await?;
    if open.interaction.digest != login.interaction {
        return Err(Reason::UpstreamStateUnknown.into());
    }
    let upstream = named(ui, name).await?;
    let came = Return {
        open: &open,
        params,
        login: &login,
        verifier: &secrets.verifier,
    };
    let asked = claims(ui, call, &upstream, &came);
    match ui.upstreams.within(&upstream, asked).await {
        Ok(claims) => welcome(ui, call, &open, &upstream, &claims).await,
        Err(Failure::Refused { refusal, .. }) if refusal.reason == Reason::UpstreamCancelled => {
            ui.note(call.request, &refusal);
            Ok(to_login(call, &open, "cancelled"))
        }
        Err(failure) => Err(failure),
    }
}

/// A browser that came back, and what it was led away with.
struct Return<'a> {
    open: &'a OpenInteraction,
    params: &'a Params,
    login: &'a UpstreamLogin,
    verifier: &'a str,
}

/// What the provider says of the user, verified.
async fn claims(
    ui: &Ui,
    call: Call<'_>,
    upstream: &Upstream,
    came: &Return<'_>,
) -> Result<Map<String, Value>, Failure> {
    let (params, login) = (came.params, came.login);
    let discovered = discovered(ui, call, upstream).await?;
    let code = judge_callback(upstream, login, params, sends_issuer(upstream, &discovered))?.code;
    let path = paths::upstream_callback(upstream.name.as_str());
    let question = Question {
        upstream,
        discovered: discovered.as_ref(),
        code: &code,
        state: params.optional("state").unwrap_or_default(),
        redirect_uri: &call.realm.at(&path),
        verifier: came.verifier,
        nonce: &login.nonce,
        signed_in_since: signed_in_since(&came.open.interaction, login.created_at, call.now),
        now: call.now,
    };
    let mut claims = ask(&ui.upstreams, &question).await?;
    if upstream.settings.response_mode == UpstreamResponseMode::FormPost {
        name_once(&mut claims, params.optional("user"));
    }
    Ok(claims)
}

/// What it publishes of itself, where it speaks OpenID Connect.
async fn discovered(
    ui: &Ui,
    call: Call<'_>,
    upstream: &Upstream,
) -> Result<Option<Discovered>, Failure> {
    let UpstreamProtocol::Oidc { issuer, .. } = &upstream.settings.protocol else {
        return Ok(None);
    };
    discover(ui, call, upstream, issuer).await.map(Some)
}

/// The upstream that the address names.
async fn named(ui: &Ui, name: &str) -> Result<Upstream, Failure> {
    let unknown = || Reason::UpstreamUnknown.because("the name of a provider", "another");
    let name = UpstreamName::parse(name).map_err(|_| unknown())?;
    Ok(ui.store.upstream(&name).await?.ok_or_else(unknown)?)
}

/// Whether its answers have to name it (RFC 9207 2.4).
fn sends_issuer(upstream: &Upstream, discovered: &Option<Discovered>) -> bool {
    let says = |found: &Discovered| {
        found
            .metadata
            .authorization_response_iss_parameter_supported
    };
    match upstream.settings.protocol {
        UpstreamProtocol::Oidc { sends_issuer, .. } => {
            sends_issuer || discovered.as_ref().is_some_and(says)
        }
        UpstreamProtocol::Oauth2 { .. } => false,
    }
}

/// The name that Apple sends along once, at the first sign-in. Nobody signed it: it is what the user calls themselves, and
/// nothing else of it is read.
fn name_once(claims: &mut Map<String, Value>, user: Option<&str>) {
    let sent: Option<Value> = user.and_then(|user| serde_json::from_str(user).ok());
    let Some(name) = sent.as_ref().and_then(|sent| sent.get("name")) else {
        return;
    };
    let part = |at: &str| name.get(at).and_then(Value::as_str).unwrap_or_default();
    let whole = format!("{} {}", part("firstName"), part("lastName"));
    let whole = whole.trim();
    if !whole.is_empty() && !claims.contains_key("name") {
        claims.insert("name".into(), whole.into());
    }
}

fn is_sid(sid: &str) -> bool {
    sid.len() <= LONGEST_SID && !sid.chars().any(char::is_control)
}

/// Signs in whoever it is, by the rules, and leads the browser back.
async fn welcome(
    ui: &Ui,
    call: Call<'_>,
    open: &OpenInteraction,
    upstream: &Upstream,
    claims: &Map<String, Value>,
) -> Result<HttpResponse, Failure> {
    let (subject, profile) = mapped(&upstream.settings.mapping, claims)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let issuer = match upstream.settings.protocol {
        UpstreamProtocol::Oidc { .. } => text("iss").unwrap_or_default(),
        UpstreamProtocol::Oauth2 { .. } => upstream.issuer(),
    };
    let replaces = session_secret(ui, call.request).map(|secret| secret.digest());
    let arrival = Arrival {
        upstream,
        key: IdentityKey {
            issuer: issuer.to_owned(),
            subject,
        },
        profile,
        sid: text("sid").filter(|sid| is_sid(sid)).map(str::to_owned),
        auth_time: claims
            .get("auth_time")
            .and_then(Value::as_i64)
            .map(Timestamp::from_seconds),
        address: call.address,
        device: device(call.request),
        replaces: replaces.as_ref(),
        interaction: &open.interaction.digest,
        client_id: &open.client.id,
        request_id: &request_id(call.request),
        now: call.now,
    };
    let arrived = ui.upstreams.sign_in.arrive(&arrival).await?;
    lead_on(ui, call, open, arrived).await
}

/// Where the browser goes, with the session's cookie where there is one.
async fn lead_on(
    ui: &Ui,
    call: Call<'_>,
    open: &OpenInteraction,
    arrived: Arrived,
) -> Result<HttpResponse, Failure> {
    let signed_in = match arrived {
        Arrived::SignedIn(signed_in) => signed_in,
        Arrived::AsksProof => return Ok(to_login(call, open, "link")),
        Arrived::Refused(refused) => {
            ui.tally.add(Counted::FailedSignIns);
            return Err(refused.into());
        }
    };
    ui.tally.add(Counted::SignIns);
    let (_, _, secret) = &*signed_in;
    let mut response = back(call.realm, open);
    let secure = call.realm.issuer.is_https();
    let session = cookie(secure, Cookie::Session, secret.expose(), None);
    add_cookie(&mut response, &session);
    renew_browser(ui, call, &open.browser, &mut response).await;
    Ok(response)
}

/// To the login page, with a word that it knows a sentence for.
fn to_login(call: Call<'_>, open: &OpenInteraction, notice: &str) -> HttpResponse {
    let login = paths::page(paths::LOGIN, open.secret.expose());
    see_other(&format!("{}?notice={notice}", call.realm.at(&login)))
}
