//! Another provider says that a session there has ended (OpenID Connect Back-Channel Logout 1.0): those here that came from
//! it end with it.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_protocol::{
    Params, Reason,
    error::Refusal,
    received_logout::{MARGIN, ReceivedLogout},
    store::UpstreamSessionEnd,
    upstream::{Upstream, UpstreamName, UpstreamProtocol},
};
use openidconnect::{JsonWebKey, JsonWebKeyUse, core::CoreJwsSigningAlgorithm};
use serde_json::{Map, Value, json};

use super::{
    discover,
    discovery::Keys,
    id_token::{ALGORITHMS, key_signs_for},
    refusal,
};
use crate::{
    call::{Call, request_id},
    failure::Failure,
    state::Ui,
};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;
/// Types of a logout token: most providers say none of their own (2.4).
const TYPES: [&str; 2] = [ReceivedLogout::TYPE, "jwt"];

/// `POST .../backchannel-logout` (2.5). What was acted upon before does no harm: of all sessions of a user only those end that
/// began before the token was issued, so no `jti` has to be kept.
pub async fn told(
    ui: web::Data<Ui>,
    request: HttpRequest,
    name: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    match ended(&ui, ui.call(&request), &name, &body).await {
        Ok(count) => {
            tracing::info!(upstream = %name, count, "sessions were ended by the other provider");
            answer(StatusCode::OK).finish()
        }
        Err(Failure::Refused { refusal, .. }) => {
            let reference = ui.note(&request, &refusal);
            said(refusal.reason, &reference)
        }
        Err(Failure::Fault(fault)) => {
            tracing::error!(error = %fault, "our own fault");
            said(fault.reason(), &request_id(&request))
        }
    }
}

/// 2.8.
fn said(reason: Reason, reference: &str) -> HttpResponse {
    let refusal = reason.refusal();
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = answer(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    let description = refusal.described(reference);
    response.json(json!({ "error": refusal.code.0, "error_description": description }))
}

fn answer(status: StatusCode) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

/// How many sessions ended.
async fn ended(ui: &Ui, call: Call<'_>, name: &str, body: &[u8]) -> Result<usize, Failure> {
    let unknown = || Reason::UpstreamUnknown.because("a provider of this name", "none");
    let name = UpstreamName::parse(name).map_err(|_| unknown())?;
    // One that is disabled, too: whom it signed in before may still be here.
    let upstream = ui.store.upstream(&name).await?.ok_or_else(unknown)?;
    let params = Params::parse(body);
    params.sound_in(&["logout_token"])?;
    let token = params.optional("logout_token").unwrap_or_default();
    // What costs nothing comes first: nobody is asked for keys because of what a stranger made up.
    let jws = Jws::parse(token).map_err(unfit)?;
    let read = claims(&upstream, &jws, call)?;
    prove(ui, call, &upstream, &jws).await?;
    let end = UpstreamSessionEnd {
        upstream: &upstream.name,
        issuer: &read.iss,
        subject: read.sub.as_deref(),
        sid: read.sid.as_deref(),
        until: read.iat + MARGIN,
    };
    Ok(ui.store.end_upstream_sessions(end, call.now).await?)
}

fn unfit(why: impl Into<String>) -> Refusal {
    Reason::UpstreamLogoutUnfit.because("a logout token that holds", why.into())
}

/// 2.6, steps 3 to 6.
fn claims(upstream: &Upstream, jws: &Jws<'_>, call: Call<'_>) -> Result<ReceivedLogout, Refusal> {
    let issuer = jws.claims.get("iss").and_then(Value::as_str);
    let issuer = issuer.filter(|issuer| upstream.settings.protocol.issues_as(issuer));
    let issuer = issuer.ok_or_else(|| unfit("it is of another issuer"))?;
    let client_id = &upstream.settings.client_id;
    let claims = Value::Object(jws.claims.clone());
    ReceivedLogout::read(claims, issuer, client_id, call.now).map_err(unfit)
}

/// 2.6, step 2: a key that the provider publishes has signed it.
async fn prove(ui: &Ui, call: Call<'_>, upstream: &Upstream, jws: &Jws<'_>) -> Result<(), Failure> {
    let UpstreamProtocol::Oidc { issuer, .. } = &upstream.settings.protocol else {
        return Err(unfit("the provider speaks no OpenID Connect").into());
    };
    let ask = async {
        let found = discover(ui, call, upstream, issuer).await?;
        if jws.is_signed_by(&found.keys) {
            return Ok(());
        }
        let (outbound, directory) = (&*ui.upstreams.outbound, &ui.upstreams.directory);
        let newer = directory.newer_keys(outbound, &found, call.now).await;
        match newer.map_err(|trouble| refusal(upstream, &trouble))? {
            Some(newer) if jws.is_signed_by(&newer.keys) => Ok(()),
            _ => Err(unfit("no key that is published has signed it").into()),
        }
    };
    ui.upstreams.within_calls(upstream, ask).await
}

/// A signed token, taken apart (RFC 7515 3.1).
struct Jws<'a> {
    token: &'a str,
    algorithm: CoreJwsSigningAlgorithm,
    kid: Option<String>,
    claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// # Errors
    /// Why it cannot be one.
    fn parse(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > LONGEST {
            return Err("it is too long");
        }
        let (signed, signature) = token.rsplit_once('.').ok_or("it is no JWT")?;
        let (header, claims) = signed.split_once('.').ok_or("it is no JWT")?;
        let object = |part: &str| -> Option<Map<String, Value>> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let header = object(header).ok_or("its header cannot be read")?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        let said = text("typ").map(str::to_ascii_lowercase);
        if said.is_some_and(|said| !TYPES.contains(&&*said)) {
            return Err("its type is another");
        }
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err("its header asks for more than is known here");
        }
        let named = header.get("alg").cloned().unwrap_or_default();
        let algorithm = serde_json::from_value(named).ok();
        let algorithm = algorithm.filter(|algorithm| ALGORITHMS.contains(algorithm));
        let signature = URL_SAFE_NO_PAD.decode(signature);
        Ok(Self {
            token,
            algorithm: algorithm.ok_or("its algorithm is none of RS256, PS256, ES256, EdDSA")?,
            kid: text("kid").map(str::to_owned),
            claims: object(claims).ok_or("its claims cannot be read")?,
            signed,
            signature: signature.map_err(|_| "its signature cannot be read")?,
        })
    }

    fn is_signed_by(&self, keys: &Keys) -> bool {
        if !key_signs_for(self.token, keys, &self.claims) {
            return false;
        }
        let mut keys = keys.set.keys().iter().filter(|key| {
            let named = self.kid.as_deref();
            let is_named =
                named.is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid));
            is_named && key.key_use().is_none_or(JsonWebKeyUse::allows_signature)
        });
        let message = self.signed.as_bytes();
        keys.any(|key| {
            key.verify_signature(&self.algorithm, message, &self.signature)
                .is_ok()
        })
    }
}
