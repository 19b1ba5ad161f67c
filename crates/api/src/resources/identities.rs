//! Who users are at other providers: list, link, unlink.

use latchkey_protocol::upstream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::users::named;
use crate::{
    answer::Answer,
    asked::Asked,
    problem::{Problem, broken},
};

/// That somebody at another provider is a user here.
#[derive(Serialize, JsonSchema)]
pub struct Identity {
    /// The provider, by its name here.
    upstream: String,
    /// The issuer, as it was verified.
    issuer: String,
    /// Who it is there: a subject, never an address.
    subject: String,
    /// Since when, in seconds since 1970.
    linked_at: i64,
    /// By what: `creation`, `email`, `proof` or `administrator`.
    linked_by: &'static str,
    /// The last sign-in with it, in seconds since 1970.
    last_sign_in_at: Option<i64>,
    /// What the provider said of them then.
    profile: Value,
    /// What of that the user got from here, and loses when it is no longer said.
    brought: Value,
}

impl Identity {
    fn of(identity: &upstream::Identity) -> Result<Self, Problem> {
        Ok(Self {
            upstream: identity.upstream.to_string(),
            issuer: identity.key.issuer.clone(),
            subject: identity.key.subject.clone(),
            linked_at: identity.linked_at.as_seconds(),
            linked_by: identity.linked_by.name(),
            last_sign_in_at: identity.last_sign_in_at.map(|at| at.as_seconds()),
            profile: serde_json::to_value(&identity.profile).map_err(broken)?,
            brought: serde_json::to_value(&identity.brought).map_err(broken)?,
        })
    }
}

/// All identities of a user, the oldest link first.
#[derive(Serialize, JsonSchema)]
pub struct Identities {
    /// Each.
    items: Vec<Identity>,
}

/// An identity that is to be linked, on the administrator's word.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityToLink {
    /// The provider, by its name here.
    #[serde(default)]
    #[schemars(required)]
    upstream: String,
    /// Who it is there.
    #[serde(default)]
    #[schemars(required)]
    subject: String,
    /// The tenant's issuer, where the provider has many; left out: the provider's own.
    #[serde(default)]
    issuer: Option<String>,
}

/// What ended with an identity.
#[derive(Serialize, JsonSchema)]
pub struct UnlinkedIdentity {
    /// How many sessions that came from it ended.
    sessions_ended: usize,
}

/// `GET /users/{sub}/identities`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let user = named(asked).await?;
    let (_, found) = asked.operations().identities(&user.id).await?;
    let items: Result<Vec<_>, _> = found.iter().map(Identity::of).collect();
    Answer::ok(&Identities { items: items? })
}

/// `POST /users/{sub}/identities`.
pub async fn link(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given: IdentityToLink = asked.input(&["upstream", "subject"])?;
    let (operations, user) = (asked.operations(), named(asked).await?);
    let issuer = given.issuer.as_deref();
    let linked = operations.link_identity(&user.id, &given.upstream, issuer, &given.subject);
    let linked = Identity::of(&linked.await?)?;
    let at = asked.at(&format!("/users/{}/identities", user.id));
    Answer::created(&linked, at)
}

/// `DELETE /users/{sub}/identities/{upstream}/{subject}`.
pub async fn unlink(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let force = asked.read("force", "true or false", |text| text.parse::<bool>().ok())?;
    let (operations, user) = (asked.operations(), named(asked).await?);
    let (upstream, subject) = (asked.part("upstream"), asked.part("subject"));
    let last_may_go = force.unwrap_or_default();
    let unlinked = operations.unlink_identity(&user.id, upstream, subject, last_may_go);
    Answer::ok(&UnlinkedIdentity {
        sessions_ended: unlinked.await?.sessions,
    })
}
