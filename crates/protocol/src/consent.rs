use crate::{ScopeSet, time::Timestamp};

/// What a person has allowed a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub user_id: String,
    pub client_id: String,
    pub scope: ScopeSet,
    pub granted_at: Timestamp,
}
