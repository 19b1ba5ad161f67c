//! What a user has allowed a client, once and for all later requests that ask for no more.

use std::collections::BTreeSet;

use crate::{ClientId, ScopeSet, UserId, authorize::GrantRequest, client::Client, time::Timestamp};

/// What a user has allowed a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who allowed it.
    pub user_id: UserId,
    /// To whom.
    pub client_id: ClientId,
    /// The scopes that were allowed.
    pub scope: ScopeSet,
    /// Claims that were allowed one by one, beyond those of the scopes.
    pub claims: BTreeSet<String>,
    /// When it was last allowed.
    pub granted_at: Timestamp,
}

impl Consent {
    /// Whether all that a request asks for was allowed before.
    pub fn covers(&self, request: &GrantRequest, client: &Client) -> bool {
        let beyond = request.claims.beyond(&self.scope, client);
        request.scope.is_subset_of(&self.scope) && beyond.is_subset(&self.claims)
    }
}

/// What was allowed before and now, together.
pub fn merged(before: Option<&ScopeSet>, now: &ScopeSet) -> ScopeSet {
    before.map_or_else(|| now.clone(), |before| before.union(now))
}
