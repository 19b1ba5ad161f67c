//! The metadata document, as it is published now.

use std::sync::{PoisonError, RwLock};

use actix_web::web;
use latchkey_protocol::{
    Issuer,
    claims::CustomClaims,
    discovery::{metadata, with_status_lists},
};

use crate::keys::entity_tag;

/// The metadata document, made again where custom claims change; nothing else in it does while the server runs.
pub struct Document {
    in_force: RwLock<(web::Bytes, String)>,
    has_status_lists: bool,
}

impl Document {
    /// The document of an issuer without custom claims.
    pub fn new(issuer: &Issuer, has_status_lists: bool) -> Self {
        let made = made(issuer, &CustomClaims::default(), has_status_lists);
        Self {
            in_force: RwLock::new(made),
            has_status_lists,
        }
    }

    /// The document and its entity tag.
    pub(crate) fn current(&self) -> (web::Bytes, String) {
        self.in_force
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn renew(&self, issuer: &Issuer, custom: &CustomClaims) {
        let made = made(issuer, custom, self.has_status_lists);
        *self
            .in_force
            .write()
            .unwrap_or_else(PoisonError::into_inner) = made;
    }
}

fn made(issuer: &Issuer, custom: &CustomClaims, has_status_lists: bool) -> (web::Bytes, String) {
    let mut document = metadata(issuer, custom);
    if has_status_lists {
        document = with_status_lists(document, issuer);
    }
    let body = web::Bytes::from(document.to_string());
    let etag = entity_tag(&body);
    (body, etag)
}
