//! What the endpoints share.

use std::{net::IpAddr, sync::Arc};

use actix_web::{HttpRequest, web};
use latchkey_operations::ClientGuard;
use latchkey_protocol::{
    Clock, Store, authorization::Lifetimes, authorize::RequestRules, claims::CustomClaims,
    error::Refusal, secret::Pepper, time::Timestamp,
};
use latchkey_ui::{Ui, call};

use crate::{
    custom_claims::CustomClaimsInForce, document::Document, keys::Keys, signing::Signing,
    verified::VerifiedTokens,
};

/// Everything that the endpoints share.
pub struct Provider {
    /// How a browser is answered, and what endpoints and pages have in common.
    pub ui: web::Data<Ui>,
    pub issuer: String,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub lifetimes: Lifetimes,
    pub keys: Arc<Keys>,
    pub rules: RequestRules,
    /// Audiences whose access tokens are of type `JWT`.
    pub jwt_typ_audiences: Vec<String>,
    pub client_pepper: Pepper,
    pub client_guard: ClientGuard,
    pub metadata: Document,
    pub custom_claims: CustomClaimsInForce,
    pub verified: VerifiedTokens,
    pub signing: Signing,
}

impl Provider {
    /// From now on these are said, and named in discovery. `false` when they were before.
    pub fn use_custom_claims(&self, claims: CustomClaims) -> bool {
        let renew = |claims: &CustomClaims| self.metadata.renew(&self.issuer, claims);
        self.custom_claims.replace(claims, renew)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// One of our own addresses.
    pub(crate) fn at(&self, path: &str) -> String {
        self.ui.at(path)
    }

    /// Who is at the other end, past the trusted proxies.
    pub(crate) fn address(&self, request: &HttpRequest) -> IpAddr {
        call::address(request)
    }

    /// Keeps a refusal, notes it for the log line, and returns its reference.
    pub(crate) fn refuse(&self, request: &HttpRequest, refused: &Refusal) -> String {
        self.ui.note(request, refused)
    }

    /// Notes the client for the log line.
    pub(crate) fn observe_client(&self, request: &HttpRequest, client_id: &str) {
        call::observe_client(request, client_id);
    }
}
