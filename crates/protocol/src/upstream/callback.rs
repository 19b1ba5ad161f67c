//! What comes back from another provider: whether it answers the sign-in that this browser began.

use super::{Upstream, UpstreamLogin};
use crate::{error::Refusal, params::Params, reason::Reason};

/// What came back, as far as it can be judged without asking the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// To be exchanged.
    pub code: String,
}

/// Judges what a browser brings back from `upstream`, which has to be the one that the address of the callback names.
/// `login` is what the state led to: taken, so that it counts once. `expects_issuer`: the provider's metadata says that it
/// sends `iss` (RFC 9207). Whether the browser is the interaction's is judged where interactions are opened.
///
/// # Errors
/// [`Reason::UpstreamStateUnknown`], [`Reason::UpstreamChanged`], [`Reason::UpstreamIssuerDiffers`],
/// [`Reason::UpstreamCancelled`], [`Reason::UpstreamRefused`], [`Reason::UpstreamAnswerUnfit`].
pub fn judge_callback(
    upstream: &Upstream,
    login: &UpstreamLogin,
    params: &Params,
    expects_issuer: bool,
) -> Result<Callback, Refusal> {
    if login.upstream != upstream.name {
        // Mix-up: begun at one provider, answered by another.
        let expected = format!("an answer of {}", login.upstream);
        return Err(Reason::UpstreamStateUnknown.because(expected, upstream.name.as_str()));
    }
    if login.version != upstream.version || !upstream.is_enabled() {
        return Err(Reason::UpstreamChanged.because(
            format!("{} enabled, at version {}", upstream.name, login.version),
            format!("version {}", upstream.version),
        ));
    }
    let issuer = params.optional("iss");
    let issuer_fits = match issuer {
        Some(issuer) => is_issuer(upstream, issuer),
        None => !expects_issuer,
    };
    if !issuer_fits {
        let received = issuer.unwrap_or("no iss").to_owned();
        return Err(Reason::UpstreamIssuerDiffers.because(upstream.issuer(), received));
    }
    if let Some(error) = params.optional("error") {
        return Err(refused(error, params.optional("error_description")));
    }
    match params.optional("code") {
        Some(code) if !code.is_empty() && code.len() <= LONGEST_CODE => Ok(Callback {
            code: code.to_owned(),
        }),
        _ => Err(Reason::UpstreamAnswerUnfit.because("a code or an error", "neither")),
    }
}

/// Bytes of a code.
const LONGEST_CODE: usize = 4096;

/// Of an issuer of many tenants each has its own, which the ID token tells; here it is enough that it is one of them.
fn is_issuer(upstream: &Upstream, issuer: &str) -> bool {
    upstream.settings.protocol.issues_as(issuer)
}

/// What the provider says when it does not sign the user in (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6).
fn refused(error: &str, description: Option<&str>) -> Refusal {
    let received = match description {
        Some(description) => format!("{error}: {description}"),
        None => error.to_owned(),
    };
    let reason = match error {
        // Apple's and Kakao's own words for it too.
        "access_denied"
        | "user_cancelled_authorize"
        | "user_cancelled_login"
        | "consent_required"
        | "login_required"
        | "interaction_required"
        | "account_selection_required" => Reason::UpstreamCancelled,
        _ => Reason::UpstreamRefused,
    };
    reason.because("a code", received)
}
