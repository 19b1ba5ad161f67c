//! What the endpoints share.

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use latchkey_operations::{ClientGuard, ClientSecrets};
use latchkey_protocol::{
    Clock, Store, authorization::Lifetimes, authorize::RequestRules, claims::CustomClaims,
    time::Timestamp,
};
use latchkey_ui::{Ui, call::Call};

use crate::{
    custom_claims::CustomClaimsInForce, document::Document, keys::Keys, signing::Signing,
    verified::VerifiedTokens,
};

/// Everything that the endpoints share.
pub struct Provider {
    /// How a browser is answered, and what endpoints and pages have in common.
    pub ui: web::Data<Ui>,
    /// The issuer, as it stands in tokens.
    pub issuer: String,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// The signing keys in force.
    pub keys: Arc<Keys>,
    /// What requests must have beyond the specifications.
    pub rules: RequestRules,
    /// Audiences whose access tokens are of type `JWT`.
    pub jwt_typ_audiences: Vec<String>,
    /// Opens the client secrets that sign ID tokens.
    pub client_secrets: ClientSecrets,
    /// Limits wrong secrets.
    pub client_guard: ClientGuard,
    /// The discovery document in force.
    pub metadata: Document,
    /// The custom claims in force, for all clients.
    pub custom_claims: CustomClaimsInForce,
    /// Tokens whose signature was verified a moment ago.
    pub verified: VerifiedTokens,
    /// The threads that sign.
    pub signing: Signing,
}

impl Provider {
    /// From now on these are said, and named in discovery. `false` when they were before.
    pub fn use_custom_claims(&self, claims: CustomClaims) -> bool {
        let renew = |claims: &CustomClaims| self.metadata.renew(&self.issuer, claims);
        self.custom_claims.replace(claims, renew)
    }

    /// A call, judged at this moment.
    pub(crate) fn call<'a>(&self, request: &'a HttpRequest) -> Call<'a> {
        let now = self.now();
        Call { request, now }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
