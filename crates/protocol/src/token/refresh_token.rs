//! The refresh token grant (RFC 6749 6): rotation, its replay window, and what a narrower scope may be.

use super::{
    Denial,
    authorization_code::{admitted, ended},
};
use crate::{
    ScopeSet,
    authorization::{Authorization, Context, Lifetimes, RefreshFamily},
    claims::RefreshToken,
    client::Client,
    error::Refusal,
    kind,
    reason::Reason,
    secret::{Digest, Secret},
    time::Timestamp,
};

/// How much earlier than its rotation a repeat may seem to come: nodes' clocks differ a little. In seconds.
const CLOCKS_DIFFER: i64 = 60;

/// What a presented refresh token is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// It is the current one: `family` replaces what is stored, if it is still current then.
    Next {
        /// The next token's secret.
        successor: Secret<kind::RefreshToken>,
        /// The family with that as its current token.
        family: RefreshFamily,
    },
    /// It is the parent of the current one, which nobody has used yet: the answer was lost, or two tabs
    /// raced. The very same successor again.
    Again {
        /// The next token's secret.
        successor: Secret<kind::RefreshToken>,
        /// The family with that as its current token.
        family: RefreshFamily,
    },
}

/// The scope of a refresh (RFC 6749 6): all that was granted, or less. Many clients send the scope of the authorization
/// request again: what was ignored there is ignored here, and what the registration adds is added. What could have been
/// granted and was not is refused.
///
/// # Errors
/// [`Reason::ScopeUnknown`] for what is no scope, [`Reason::ScopeExceedsGrant`].
pub fn narrowed(
    asked: Option<&str>,
    client: &Client,
    authorization: &Authorization,
) -> Result<ScopeSet, Refusal> {
    let (granted, ignored) = (&authorization.scope, &authorization.ignored_scope);
    let Some(text) = asked else {
        return Ok(granted.clone());
    };
    let asked = ScopeSet::requested(text)?;
    let known = asked.filter(|scope| !ignored.contains(scope));
    if known.is_subset_of(granted) && !known.is_empty() {
        Ok(known.union(
            &client
                .metadata
                .implied_scope
                .filter(|scope| granted.contains(scope)),
        ))
    } else {
        Err(Reason::ScopeExceedsGrant.because(granted.to_string(), text))
    }
}

/// Judges a presented refresh token (RFC 6749 6, RFC 9700 4.14.2). `kid` is the key that signs now.
///
/// # Errors
/// [`Denial`], with `revoke` when it is neither the current token nor its parent within the window; without, when a clock
/// was set back and nobody can say how long ago the parent was replaced.
pub fn rotate(
    context: &Context,
    presented: &RefreshToken,
    secret: &Secret<kind::RefreshToken>,
    client: &Client,
    lifetimes: &Lifetimes,
    kid: &str,
    now: Timestamp,
) -> Result<Rotation, Denial> {
    let family = family_of(context, presented, client, now)?;
    let digest = secret.digest();
    let successor = secret.successor(&context.authorization.id);
    if digest == family.current {
        if now >= family.idle_expires_at || now >= family.expires_at {
            return Err(Reason::RefreshTokenExpired
                .because("within its lifetimes", "too late")
                .into());
        }
        let family = family.next(&successor, kid, lifetimes, now);
        return Ok(Rotation::Next { successor, family });
    }
    repeatable(family, &digest, lifetimes.refresh_replay_window, now)?;
    Ok(Rotation::Again {
        successor,
        family: family.clone(),
    })
}

/// The family of a token that this client was given, while all that it hangs on still stands.
fn family_of<'a>(
    context: &'a Context,
    presented: &RefreshToken,
    client: &Client,
    now: Timestamp,
) -> Result<&'a RefreshFamily, Denial> {
    let authorization = &context.authorization;
    if authorization.client_id != client.id || presented.client_id != client.id {
        return Err(Reason::RefreshTokenOfAnotherClient
            .because(authorization.client_id.as_str(), client.id.as_str())
            .into());
    }
    let user = context.standing(now).ok_or_else(|| ended(context))?;
    admitted(client, user)?;
    authorization.refresh.as_ref().ok_or_else(|| {
        Reason::AuthorizationEnded
            .because("a refresh family", "none")
            .into()
    })
}

/// Whether a token that is not the current one may have its answer again: the parent alone, and only for a `window` of
/// seconds after it was replaced. All else is a replay.
fn repeatable(
    family: &RefreshFamily,
    presented: &Digest<kind::RefreshToken>,
    window: i64,
    now: Timestamp,
) -> Result<(), Denial> {
    if family.parent.as_ref() != Some(presented) {
        let refused = Reason::RefreshTokenReplayed.because("the current token", "an older one");
        return Err(Denial {
            refused,
            revoke: true,
        });
    }
    let age = now - family.issued_at;
    if (-CLOCKS_DIFFER..=window).contains(&age) {
        return Ok(());
    }
    let received = format!("its parent, {age} seconds after it was replaced");
    Err(Denial {
        refused: Reason::RefreshTokenReplayed.because("the current token", received),
        revoke: age >= 0,
    })
}
