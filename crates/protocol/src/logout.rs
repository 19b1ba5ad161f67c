//! OpenID Connect RP-Initiated Logout 1.0: who may end which session, and where the browser goes afterwards.

use crate::{
    ClientId, SessionId, Subject, UserId,
    claims::IdToken,
    client::Client,
    error::Refusal,
    reason::{Reason, unknown_id},
    session::Session,
};

/// What an `id_token_hint` turned out to be. Expiry is ignored (RP-Initiated Logout 4).
#[derive(Debug, Clone)]
pub enum Hint {
    /// None was sent.
    None,
    /// An ID token of ours.
    Token(Box<IdToken>),
    /// Why it is none.
    Unusable(Refusal),
}

impl Hint {
    /// The ID token, if it is one of ours.
    pub fn token(&self) -> Option<&IdToken> {
        match self {
            Self::Token(token) => Some(token),
            Self::None | Self::Unusable(_) => None,
        }
    }
}

/// The client that a request comes from: what hint and `client_id` say must agree.
///
/// # Errors
/// [`Reason::LogoutHintUnusable`].
pub fn claimed_client<'a>(
    hint: &'a Hint,
    client_id: Option<&'a ClientId>,
) -> Result<Option<&'a ClientId>, Refusal> {
    match (hint.token(), client_id) {
        (Some(hint), Some(id)) if hint.aud != *id => Err(Reason::LogoutHintUnusable.because(
            "client_id: the client that the ID token was issued to",
            "another",
        )),
        (Some(hint), _) => Ok(Some(&hint.aud)),
        (None, id) => Ok(id),
    }
}

/// Where a sign-out may return to (RP-Initiated Logout 3): exactly what the client registered.
///
/// # Errors
/// [`Reason::LogoutRedirectUnregistered`], also without a known client to compare with.
pub fn destination(
    client: Option<&Client>,
    asked: Option<&str>,
) -> Result<Option<String>, Refusal> {
    match (asked, client) {
        (None, _) => Ok(None),
        (Some(uri), Some(client)) if client.returns_after_logout_to(uri) => {
            Ok(Some(uri.to_owned()))
        }
        (Some(uri), Some(client)) => Err(Reason::LogoutRedirectUnregistered
            .because(client.metadata.post_logout_redirect_uris.join(" or "), uri)),
        (Some(uri), None) => Err(Reason::LogoutRedirectUnregistered.because("a known client", uri)),
    }
}

/// Where to return to, and what is wrong with the request though the user may still sign out: the cause, not what
/// follows from it.
pub fn returns(
    hint: &Hint,
    client_id: Option<&ClientId>,
    client: Option<&Client>,
    asked: Option<&str>,
) -> (Option<String>, Option<Refusal>) {
    let to = destination(client, asked);
    match (hint, client_id, client, to) {
        (Hint::Unusable(why), _, _, to) => (to.ok().flatten(), Some(why.clone())),
        (_, Some(id), None, _) => (
            None,
            Some(Reason::ClientUnknown.because("a registered client", unknown_id(id))),
        ),
        (_, _, _, Ok(to)) => (to, None),
        (_, _, _, Err(refused)) => (None, Some(refused)),
    }
}

/// What a sign-out asked for by a browser does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignOut {
    /// The browser's own session ends at once: the hint is of this very session, so the app speaks for it.
    Now,
    /// The user is asked first. `named`: what ends then is not this browser's, which has none, but what the hint names,
    /// by its id and its user's.
    Ask {
        /// The session that the hint names, and its user, where nobody is signed in at this browser.
        named: Option<(SessionId, UserId)>,
    },
    /// Nobody is signed in here, and what the hint names has ended: that is all that was wanted.
    Done,
}

/// Decides by the browser's live session, and by the live session that the hint names, which is looked for where the
/// browser has none. It counts if it is of the hint's user, as the `client` that the hint was issued to knows them.
pub fn sign_out(
    hint: Option<&IdToken>,
    client: Option<&Client>,
    here: Option<&Session>,
    named: Option<&Session>,
) -> SignOut {
    let is_meant = |hint: &IdToken, session: &Session| {
        client.is_some_and(|client| hint.sub.names(client, &session.user_id))
    };
    match (hint, here) {
        (Some(hint), Some(here)) if is_meant(hint, here) && hint.sid.as_ref() == Some(&here.id) => {
            SignOut::Now
        }
        (Some(hint), None) => {
            named
                .filter(|named| is_meant(hint, named))
                .map_or(SignOut::Done, |s| SignOut::Ask {
                    named: Some((s.id.clone(), s.user_id.clone())),
                })
        }
        (_, _) => SignOut::Ask { named: None },
    }
}

/// What a client that has proven itself may end without a browser: the session that an ID token of its own names.
///
/// # Errors
/// [`Reason::ParameterMissing`], [`Reason::LogoutHintUnusable`].
pub fn named_by<'a>(
    hint: &'a Hint,
    client: &Client,
) -> Result<(&'a SessionId, &'a Subject), Refusal> {
    let token = match hint {
        Hint::Token(token) => token,
        Hint::Unusable(why) => return Err(why.clone()),
        Hint::None => return Err(Reason::ParameterMissing.because("id_token_hint", "nothing")),
    };
    if token.aud != client.id {
        return Err(Reason::LogoutHintUnusable
            .because("an ID token that was issued to this client", "another's"));
    }
    let sid = token
        .sid
        .as_ref()
        .ok_or_else(|| Reason::LogoutHintUnusable.because("a sid in the ID token", "none"))?;
    Ok((sid, &token.sub))
}
