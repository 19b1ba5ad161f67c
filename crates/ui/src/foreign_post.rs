//! An authorization request that another site posts (OpenID Connect Core 3.1.2.1). It comes without our cookies, which are
//! `SameSite=Lax`: who is signed in and which browser it is are not known, so nothing is decided by it.

use actix_web::{HttpRequest, HttpResponse, http::header};
use latchkey_protocol::{Issuer, Params, Reason, authorize::AuthorizationRequest, paths, uri};

use crate::{answer::see_other, call, pages::form_post::post_again, state::Ui};

/// The longest query that a browser is sent to: what proxies let through.
pub const LONGEST_QUERY: usize = 7000;

/// Marks a form that our own page has sent on.
const SENT_ON: &str = "sent_on";

/// How a POST without the browser's cookie comes again with it: by GET, or, where it is too long for an address, by a
/// form of ours. `None` when it comes from our own site: this browser has no cookie yet.
pub fn again(ui: &Ui, request: &HttpRequest, params: &Params) -> Option<HttpResponse> {
    let known = params.only(&AuthorizationRequest::PARAMETERS);
    let query = known.encoded();
    let at = ui.realm(request).at(paths::AUTHORIZE);
    if query.len() <= LONGEST_QUERY {
        return Some(see_other(&format!("{at}?{query}")));
    }
    if !is_foreign(request, &ui.realm(request).issuer) {
        return None;
    }
    // Whoever hides where forms come from would be sent on for ever.
    if params.optional(SENT_ON).is_some() {
        let most = format!("at most {LONGEST_QUERY} bytes from another site");
        let refused = Reason::BodyTooLarge.because(most, format!("{} bytes", query.len()));
        return Some(ui.refuse(request, &refused));
    }
    let pairs: Vec<_> = known.pairs().chain([(SENT_ON, "yes")]).collect();
    let locales = params.optional("ui_locales");
    Some(post_again(ui, request, &at, &pairs, locales))
}

/// Whether a page of another site sent this form, by what the browser says of it (Fetch Metadata, else RFC 6454 7).
fn is_foreign(request: &HttpRequest, issuer: &Issuer) -> bool {
    let said = |name| call::header(request, name);
    match (said("sec-fetch-site"), said(header::ORIGIN.as_str())) {
        (Some(site), _) => site == "cross-site",
        (None, Some(origin)) => uri::origin(issuer).is_none_or(|own| own != origin),
        (None, None) => false,
    }
}
