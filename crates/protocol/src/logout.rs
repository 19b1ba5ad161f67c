use crate::{
    claims::IdToken,
    client::Client,
    error::Refused,
    reason::{Reason, unknown_id},
};

/// Where a sign-out may return to (OpenID Connect RP-Initiated Logout 3): exactly what the client registered.
///
/// # Errors
/// [`Reason::LogoutRedirectUnregistered`], also without a known client to compare with.
pub fn destination(client: Option<&Client>, asked: Option<&str>) -> Result<Option<String>, Refused> {
    match (asked, client) {
        (None, _) => Ok(None),
        (Some(uri), Some(client)) if client.returns_after_logout_to(uri) => Ok(Some(uri.to_owned())),
        (Some(uri), Some(client)) => {
            Err(Reason::LogoutRedirectUnregistered.because(client.metadata.post_logout_redirect_uris.join(" or "), uri))
        }
        (Some(uri), None) => Err(Reason::LogoutRedirectUnregistered.because("a known client", uri)),
    }
}

/// Whether hint and `client_id` speak of the same client.
///
/// # Errors
/// [`Reason::LogoutHintUnusable`].
pub fn same_client(hint: Option<&IdToken>, client_id: Option<&str>) -> Result<Option<String>, Refused> {
    match (hint, client_id) {
        (Some(hint), Some(id)) if hint.aud != id => Err(Reason::LogoutHintUnusable.because(&hint.aud, unknown_id(id))),
        (Some(hint), _) => Ok(Some(hint.aud.clone())),
        (None, id) => Ok(id.map(str::to_owned)),
    }
}
