//! The API's OpenAPI document, made from the route table and the types that calls read and write, and the page that is made
//! from the document.

mod openapi;
mod page;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use latchkey_protocol::Issuer;
use latchkey_ui::render::render;

use self::page::{Group, Reference};
use crate::problem::Kind;

/// Both, made once.
pub struct Documents {
    openapi: String,
    issuer: Issuer,
    groups: Vec<Group>,
}

impl Documents {
    pub fn new(issuer: &Issuer) -> Self {
        let document = openapi::document(issuer);
        Self {
            openapi: document.to_string(),
            issuer: issuer.clone(),
            groups: page::groups(&document),
        }
    }

    /// The OpenAPI document.
    pub fn openapi(&self) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(self.openapi.clone())
    }

    /// The reference page.
    pub fn reference(&self) -> HttpResponse {
        let page = Reference {
            base: self.issuer.base(),
            issuer: &self.issuer,
            groups: &self.groups,
            problems: Kind::ALL,
        };
        render(&page, StatusCode::OK, false)
    }
}
