//! The metadata document, as it is published now.

use std::sync::{PoisonError, RwLock};

use actix_web::web;
use latchkey_protocol::{Issuer, claims::CustomClaims, discovery::metadata};

use crate::keys::entity_tag;

/// The metadata document, made again where custom claims change; nothing else in it does while the server runs.
pub struct Document(RwLock<(web::Bytes, String)>);

impl Document {
    /// The document of an issuer without custom claims.
    pub fn new(issuer: &Issuer) -> Self {
        Self(RwLock::new(made(issuer, &CustomClaims::default())))
    }

    /// The document and its entity tag.
    pub(crate) fn current(&self) -> (web::Bytes, String) {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn renew(&self, issuer: &Issuer, custom: &CustomClaims) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = made(issuer, custom);
    }
}

fn made(issuer: &Issuer, custom: &CustomClaims) -> (web::Bytes, String) {
    let body = web::Bytes::from(metadata(issuer, custom).to_string());
    let etag = entity_tag(&body);
    (body, etag)
}
