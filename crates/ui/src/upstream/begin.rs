//! The way to another provider: a link of the login page begins it, for one interaction in one browser.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_operations::LoginSecrets;
use latchkey_protocol::{
    Reason, Secret, kind, paths,
    upstream::{LIFETIME, Upstream, UpstreamLogin, UpstreamProtocol},
};

use super::{
    discover, enabled,
    request::{self, Tied},
    signed_in_since,
};
use crate::{
    answer::{or_login, see_other},
    call::Call,
    failure::Failure,
    interaction::{OpenInteraction, open},
    state::Ui,
};

/// Leads the browser to the provider. That the address has the interaction's secret, and the browser its cookie, is as good
/// as a form's token: nobody else can make it.
pub async fn begin(
    ui: web::Data<Ui>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let call = ui.call(&request);
    let (interaction, name) = path.into_inner();
    let led = lead(&ui, call, &interaction, &name).await;
    or_login(&ui, &request, Some(&interaction), led)
}

/// What a sign-in is held together by.
struct Ties {
    state: Secret<kind::UpstreamState>,
    nonce: Secret<kind::UpstreamNonce>,
    verifier: String,
}

async fn lead(
    ui: &Ui,
    call: Call<'_>,
    interaction: &str,
    name: &str,
) -> Result<HttpResponse, Failure> {
    let open = open(ui, call, interaction).await?;
    let upstream = enabled(ui, name).await?;
    let found = endpoint(ui, call, &upstream);
    let endpoint = ui.upstreams.within(&upstream, found).await?;
    let ties = Ties {
        state: Secret::generate(&*ui.entropy),
        nonce: Secret::generate(&*ui.entropy),
        verifier: verifier(ui),
    };
    let login = login(ui, call, &open, &upstream, &ties)?;
    if !ui.store.begin_upstream_login(&login).await? {
        let expected = "the provider as it was read, and the interaction";
        return Err(Reason::UpstreamChanged
            .because(expected, "changed, or gone")
            .into());
    }
    let ours = pairs(call, &open, &upstream, &ties)?;
    Ok(see_other(&request::address(
        &endpoint,
        &upstream.settings,
        &ours,
    )))
}

/// 256 random bits (RFC 7636 4.1).
fn verifier(ui: &Ui) -> String {
    let mut bytes = [0; 32];
    ui.entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

async fn endpoint(ui: &Ui, call: Call<'_>, upstream: &Upstream) -> Result<String, Failure> {
    match &upstream.settings.protocol {
        UpstreamProtocol::Oidc { issuer, .. } => {
            let found = discover(ui, call, upstream, issuer).await?;
            Ok(found.metadata.authorization_endpoint.clone())
        }
        UpstreamProtocol::Oauth2 {
            authorization_endpoint,
            ..
        } => Ok(authorization_endpoint.clone()),
    }
}

fn login(
    ui: &Ui,
    call: Call<'_>,
    open: &OpenInteraction,
    upstream: &Upstream,
    ties: &Ties,
) -> Result<UpstreamLogin, Failure> {
    let secrets = LoginSecrets {
        verifier: ties.verifier.clone(),
        interaction: open.secret.clone(),
    };
    let sealed = ui.upstreams.secrets.seal_login(&secrets);
    Ok(UpstreamLogin {
        state: ties.state.digest(),
        interaction: open.interaction.digest.clone(),
        upstream: upstream.name.clone(),
        version: upstream.version,
        nonce: ties.nonce.digest(),
        sealed: sealed.map_err(Failure::broken)?,
        created_at: call.now,
        expires_at: call.now + LIFETIME,
    })
}

/// The authorization request, without what the settings add.
fn pairs(
    call: Call<'_>,
    open: &OpenInteraction,
    upstream: &Upstream,
    ties: &Ties,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let (settings, callback) = (
        &upstream.settings,
        paths::upstream_callback(upstream.name.as_str()),
    );
    let tied = Tied {
        redirect_uri: call.realm.at(&callback),
        state: ties.state.expose(),
        nonce: ties.nonce.expose(),
        verifier: &ties.verifier,
    };
    let mut pairs = request::pairs(settings, tied);
    pairs.extend(anew(call, open, &settings.protocol)?);
    Ok(pairs)
}

/// What asks for a new sign-in, or for a choice, where the client asks for it.
fn anew(
    call: Call<'_>,
    open: &OpenInteraction,
    protocol: &UpstreamProtocol,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let asked = &open.interaction.request.grant;
    let is_wanted = signed_in_since(&open.interaction, call.now, call.now).is_some();
    if is_wanted && !protocol.says_auth_time() {
        let expected = "a provider that says when the user signed in";
        return Err(Reason::UpstreamNotFresh
            .because(expected, "one that does not (protocol.says_auth_time)")
            .into());
    }
    if is_wanted {
        let age = ("max_age", asked.max_age.unwrap_or_default().to_string());
        return Ok(vec![("prompt", "login".to_owned()), age]);
    }
    let is_oidc = matches!(protocol, UpstreamProtocol::Oidc { .. });
    if is_oidc && asked.prompt.select_account {
        return Ok(vec![("prompt", "select_account".to_owned())]);
    }
    Ok(Vec::new())
}
