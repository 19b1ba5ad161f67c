//! THE table of who becomes whom: which user here somebody at another provider is.

use super::{EmailTrust, Identity, LinkedBy, Linking, Upstream, UpstreamProfile};
use crate::{UserId, console, error::Refusal, names, reason::Reason, user::User};

/// What is decided about somebody who has signed in at another provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// They are this user, and have been.
    Known(UserId),
    /// They are this user from now on: both sides have verified the same address. The user's version is the condition.
    Link {
        /// The user.
        user_id: UserId,
        /// As they were read.
        version: i64,
    },
    /// They get an account.
    Create,
    /// They first sign in to an account that they have here: to this one, or to any.
    AskProof {
        /// The account with their address; none: no account has it.
        user_id: Option<UserId>,
    },
}

impl Who {
    /// By what an identity is linked where this was decided.
    pub fn linked_by(&self) -> LinkedBy {
        match self {
            Self::Known(_) | Self::Link { .. } => LinkedBy::Email,
            Self::Create => LinkedBy::Creation,
            Self::AskProof { .. } => LinkedBy::Proof,
        }
    }
}

/// Who somebody is that signed in at `upstream`. `known`: the identity with its user, where there is one. `holder`: the user
/// who has the address of `profile` as an address or a name, as [`Users::user_by_login`](crate::store::Users::user_by_login)
/// finds them.
///
/// An address that is not believed to be verified decides nothing, and tells nothing: it is as if there were none.
///
/// # Errors
/// [`Reason::UpstreamIdentityForeign`], [`Reason::UpstreamUserDisabled`], [`Reason::UpstreamAddressTaken`],
/// [`Reason::UpstreamAccountUnknown`].
pub fn who(
    upstream: &Upstream,
    profile: &UpstreamProfile,
    known: Option<(&Identity, &User)>,
    holder: Option<&User>,
) -> Result<Who, Refusal> {
    if let Some((identity, user)) = known {
        return known_as(upstream, identity, user);
    }
    let trust = upstream.settings.trust;
    let believed = profile.believed_email(upstream);
    let holder = holder.filter(|_| believed.is_some());
    let may_prove = trust.link != Linking::Never;
    match (holder, believed) {
        (Some(user), Some(email)) => {
            if trust.link == Linking::VerifiedEmail && links_by_itself(user, email) {
                let (user_id, version) = (user.id.clone(), user.version);
                return Ok(Who::Link { user_id, version });
            }
            if may_prove {
                let user_id = Some(user.id.clone());
                return Ok(Who::AskProof { user_id });
            }
            let expected = "an address that no account has, or a trust that links";
            Err(Reason::UpstreamAddressTaken.because(expected, "an address that one has"))
        }
        _ if trust.create => Ok(Who::Create),
        _ if may_prove => Ok(Who::AskProof { user_id: None }),
        _ => Err(Reason::UpstreamAccountUnknown.because(
            "a known identity, or a trust that creates accounts",
            "neither",
        )),
    }
}

fn known_as(upstream: &Upstream, identity: &Identity, user: &User) -> Result<Who, Refusal> {
    if identity.upstream != upstream.name {
        let expected = format!("an identity of {}", upstream.name);
        return Err(Reason::UpstreamIdentityForeign.because(expected, identity.upstream.as_str()));
    }
    if user.disabled_at.is_some() {
        return Err(Reason::UpstreamUserDisabled.because("an enabled user", user.id.as_str()));
    }
    Ok(Who::Known(user.id.clone()))
}

/// Whether an account goes to whoever has its address elsewhere: it has that very address, which was verified here too, it
/// may be signed in to, and it has no power over this installation. Whatever else looks alike is another address.
fn links_by_itself(user: &User, email: &str) -> bool {
    let is_verified = user.claims.get("email_verified") == Some(&true.into());
    let has_power = user.roles.iter().any(|role| console::opens_console(role));
    let own = user.email.as_deref();
    is_verified
        && !has_power
        && user.disabled_at.is_none()
        && own.is_some_and(|own| is_same_address(own, email))
}

/// The same characters, but for ASCII capitals, at the same domain. Narrower than the form in which addresses are unique
/// here: what becomes alike only by a compatibility form of Unicode may be another mailbox elsewhere.
fn is_same_address(a: &str, b: &str) -> bool {
    let parts = |address: &str| {
        let (local, domain) = address.rsplit_once('@')?;
        Some((local.to_ascii_lowercase(), domain_of(domain)?))
    };
    parts(a).is_some_and(|a| Some(a) == parts(b))
}

fn domain_of(domain: &str) -> Option<String> {
    Some(url::Host::parse(domain).ok()?.to_string())
}

impl UpstreamProfile {
    /// The address, where the provider says that it has verified it and is believed.
    pub fn believed_email(&self, upstream: &Upstream) -> Option<&str> {
        let email = self.email.as_deref().filter(|_| self.email_verified)?;
        let is_believed = match upstream.settings.trust.email {
            EmailTrust::None => false,
            EmailTrust::All => true,
            EmailTrust::Domains => {
                let (_, domain) = email.rsplit_once('@')?;
                let domain = domain_of(domain)?;
                upstream.settings.domains.contains(&domain)
            }
        };
        (is_believed && names::email_key(email).is_some()).then_some(email)
    }
}
