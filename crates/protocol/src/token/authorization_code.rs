//! The authorization code grant (RFC 6749 4.1.3): whether a code may be exchanged, and whether refresh tokens come of it.

use super::Denial;
use crate::{
    Params,
    authorization::{Authorization, CodeHandover, Context, Handover},
    client::{Client, GrantType, RefreshPolicy},
    error::Refusal,
    pkce,
    reason::{Reason, masked},
    time::Timestamp,
    user::User,
};

/// Whether a code may be exchanged (RFC 6749 4.1.3), in the order in which a thief would be found out.
/// Returns the user.
///
/// # Errors
/// [`Denial`], with `revoke` when the code was used before.
pub fn redeem<'a>(
    context: &'a Context,
    client: &Client,
    params: &Params,
    now: Timestamp,
) -> Result<&'a User, Denial> {
    let authorization = &context.authorization;
    let Handover::Code(code) = &authorization.handover;
    if authorization.client_id != client.id {
        return Err(Reason::CodeOfAnotherClient
            .because(authorization.client_id.as_str(), client.id.as_str())
            .into());
    }
    if code.exchanged_at.is_some() {
        let refused = Reason::CodeReplayed.because("its first use", "a second use");
        return Err(Denial {
            refused,
            revoke: authorization.revoked_at.is_none(),
        });
    }
    if now >= code.expires_at {
        let late = now - code.expires_at;
        return Err(Reason::CodeExpired
            .because("within its lifetime", format!("{late} seconds late"))
            .into());
    }
    same_destination(code, params.optional("redirect_uri"))?;
    let verifier = params.optional("code_verifier");
    pkce::verify(code.code_challenge.as_deref(), verifier).map_err(|reason| {
        reason.because(
            "the verifier whose S256 hash is the challenge",
            masked(verifier.unwrap_or_default()),
        )
    })?;
    let user = context.standing(now).ok_or_else(|| ended(context))?;
    // An ID token says that the user is signed in, in a session that its client hears the end of. Offline access outlives the
    // session for refreshing; it does not begin after it.
    if authorization.scope.contains("openid") && !context.session_lives(now) {
        return Err(Reason::AuthorizationEnded
            .because("a live session", "the session has ended")
            .into());
    }
    admitted(client, user)?;
    Ok(user)
}

/// Whether the client is still for this user. What was allowed stays: who is admitted again goes on with it.
pub(super) fn admitted(client: &Client, user: &User) -> Result<(), Refusal> {
    if client.admits(user) {
        return Ok(());
    }
    Err(Reason::AccessWithdrawn.because(
        "one of the groups, roles or users of the client's access",
        &user.username,
    ))
}

/// The redirect URI is that of the authorization request, and is left out only where it was left out there.
fn same_destination(code: &CodeHandover, sent: Option<&str>) -> Result<(), Refusal> {
    let same = match sent {
        Some(sent) => sent == code.redirect_uri,
        None => !code.redirect_uri_sent,
    };
    if same {
        return Ok(());
    }
    Err(Reason::RedirectUriDiffers.because(&code.redirect_uri, sent.unwrap_or("nothing")))
}

/// Whether an exchange starts a refresh family: offline access was granted, or the client gets one with every sign-in, and
/// it has the grant.
pub fn starts_refresh(client: &Client, authorization: &Authorization) -> bool {
    let wanted = authorization.is_offline() || client.metadata.refresh == RefreshPolicy::Always;
    wanted && client.may(GrantType::RefreshToken)
}

/// Why an authorization no longer stands.
pub(super) fn ended(context: &Context) -> Refusal {
    match &context.user {
        None => Reason::UserDisabled.because("the user", "deleted"),
        Some(user) if user.disabled_at.is_some() => {
            Reason::UserDisabled.because("enabled", "disabled")
        }
        Some(_) if context.authorization.revoked_at.is_some() => {
            Reason::AuthorizationEnded.because("live", "revoked")
        }
        Some(_) => Reason::AuthorizationEnded.because("a live session", "the session has ended"),
    }
}
