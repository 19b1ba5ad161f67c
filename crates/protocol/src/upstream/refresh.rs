//! What changes for a user when their provider says something else of them than last time.

use super::{Brought, UpstreamProfile};
use crate::{time::Timestamp, user::User};

/// A user after a sign-in elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Refreshed {
    /// As they are afterwards.
    pub user: User,
    /// What of it they have from there.
    pub brought: Brought,
}

impl Refreshed {
    /// Whether anything is to be written of the user.
    pub fn differs_from(&self, user: &User) -> bool {
        let of = |user: &User| {
            let picture = user.claims.get("picture").cloned();
            (
                user.name.clone(),
                user.groups.clone(),
                user.roles.clone(),
                picture,
            )
        };
        of(&self.user) != of(user)
    }
}

/// The user with what `profile` says now. What somebody here has given or changed stays: a name and a picture are replaced
/// only where they are still those that came from there, and groups and roles go only where they came from there. A name that
/// is not said any more stays (Apple says it once). The address is never touched: it is what accounts are found by.
pub fn refreshed(
    user: &User,
    brought: &Brought,
    profile: &UpstreamProfile,
    now: Timestamp,
) -> Refreshed {
    let mut after = user.clone();
    let mut new = brought.clone();
    if let Some(name) = &profile.name
        && (user.name.is_none() || user.name == brought.name)
    {
        after.name = Some(name.clone());
        new.name = Some(name.clone());
    }
    let picture = user.claims.get("picture").and_then(|value| value.as_str());
    if let Some(said) = &profile.picture
        && (picture.is_none() || picture == brought.picture.as_deref())
    {
        after.claims.insert("picture".into(), said.as_str().into());
        new.picture = Some(said.clone());
    }
    (after.groups, new.groups) = replaced(&user.groups, &brought.groups, &profile.groups);
    (after.roles, new.roles) = replaced(&user.roles, &brought.roles, &profile.roles);
    let mut refreshed = Refreshed {
        user: after,
        brought: new,
    };
    if refreshed.differs_from(user) {
        refreshed.user.updated_at = now;
    }
    refreshed
}

/// What they have afterwards, and what of it they have from there.
fn replaced(has: &[String], brought: &[String], said: &[String]) -> (Vec<String>, Vec<String>) {
    let is_own = |one: &&String| !brought.contains(one);
    let own: Vec<String> = has.iter().filter(is_own).cloned().collect();
    let came: Vec<String> = said
        .iter()
        .filter(|one| !own.contains(one))
        .cloned()
        .collect();
    // In the order that they had, so that nothing changes where nothing is said anew.
    let mut after: Vec<String> = has
        .iter()
        .filter(|one| own.contains(one) || came.contains(one))
        .cloned()
        .collect();
    let new = came.iter().filter(|one| !has.contains(one));
    after.extend(new.cloned());
    (after, came)
}
