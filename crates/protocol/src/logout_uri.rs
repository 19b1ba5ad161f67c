//! Where a client hears of a sign-out: what can be registered (Back-Channel Logout 1.0 2.2, Front-Channel Logout 1.0 2).

use url::{Origin, Url};

use crate::{
    client::Metadata,
    field_error::FieldError,
    redirect_uri::{self, RedirectRules, UriProblem},
};

/// The addresses that cannot be registered, and why. One that is the same as in `before` was accepted then, and stays.
pub fn check(
    metadata: &Metadata,
    before: Option<&Metadata>,
    private_http: bool,
) -> Vec<FieldError> {
    let rules = RedirectRules {
        // An app's own scheme is nothing that a server or a frame could call.
        native: false,
        private_http,
    };
    let changed = |uri: fn(&Metadata) -> Option<&String>| {
        uri(metadata).filter(|new| before.and_then(uri) != Some(new))
    };
    let back = changed(|m| m.backchannel_logout_uri.as_ref());
    let front = changed(|m| m.frontchannel_logout_uri.as_ref());
    let named = [
        ("backchannel_logout_uri", back),
        ("frontchannel_logout_uri", front),
    ];
    let faults = named.into_iter().filter_map(|(member, uri)| {
        let (uri, problem) = uri.and_then(|uri| Some((uri, problem(uri, rules)?)))?;
        Some(problem.at(member, uri, "is"))
    });
    let mut faults: Vec<_> = faults.collect();
    // Also where only the redirect URIs changed.
    let front = "frontchannel_logout_uri";
    if let Some(uri) = &metadata.frontchannel_logout_uri
        && faults.iter().all(|fault| fault.field != front)
        && !is_beside(uri, &metadata.redirect_uris)
    {
        let problem = format!(
            "{front} is {uri:?}: scheme, host and port must be those of one of the redirect_uris"
        );
        let fault = FieldError::new(front, problem).id("uri-elsewhere");
        faults.push(fault.with("uri", uri));
    }
    faults
}

fn problem(uri: &str, rules: RedirectRules) -> Option<UriProblem> {
    let port = Url::parse(uri).ok().and_then(|url| url.port());
    if port == Some(0) {
        return Some(UriProblem::new("uri-port", "nothing listens on port 0"));
    }
    redirect_uri::problem(uri, rules)
}

/// Whether a redirect URI has the same scheme, host and port: the frame's address gets `sid`, which is for the client.
fn is_beside(uri: &str, redirect_uris: &[String]) -> bool {
    let origin = |uri: &str| match Url::parse(uri).ok()?.origin() {
        origin @ Origin::Tuple(..) => Some(origin),
        Origin::Opaque(_) => None,
    };
    let own = origin(uri);
    own.is_some() && redirect_uris.iter().any(|uri| origin(uri) == own)
}
