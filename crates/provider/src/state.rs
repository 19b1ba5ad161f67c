//! What the endpoints share.

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use latchkey_operations::{ClientGuard, ClientSecrets};
use latchkey_protocol::{Clock, Store, claims::CustomClaims};
use latchkey_ui::{Ui, call::Call};

use crate::{
    custom_claims::CustomClaimsInForce, document::Document, keys::PublishedKeys, signing::Signing,
    status::StatusLists, verified::VerifiedTokens,
};

/// Everything that the endpoints share.
pub struct Provider {
    /// How a browser is answered, and what endpoints and pages have in common.
    pub ui: web::Data<Ui>,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Opens the client secrets that sign ID tokens.
    pub client_secrets: ClientSecrets,
    /// Limits wrong secrets.
    pub client_guard: ClientGuard,
    /// The discovery document in force.
    pub metadata: Document,
    /// The key set as it is published.
    pub published: PublishedKeys,
    /// The custom claims in force, for all clients.
    pub custom_claims: CustomClaimsInForce,
    /// Tokens whose signature was verified a moment ago.
    pub verified: VerifiedTokens,
    /// The threads that sign.
    pub signing: Signing,
    /// The status lists, where access tokens have entries in them.
    pub status: Option<StatusLists>,
}

impl Provider {
    /// From now on these are said, and named in discovery. `false` when they were before.
    pub fn use_custom_claims(&self, claims: CustomClaims) -> bool {
        let issuer = &self.ui.only_realm.issuer;
        let renew = |claims: &CustomClaims| self.metadata.renew(issuer, claims);
        self.custom_claims.replace(claims, renew)
    }

    /// A call, judged at this moment.
    pub(crate) fn call<'a>(&'a self, request: &'a HttpRequest) -> Call<'a> {
        self.ui.call(request)
    }
}
