//! The API's OpenAPI document, made from the route table and the types that calls read and write, and the page that is made
//! from the document.

mod openapi;
mod page;

use std::sync::OnceLock;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use latchkey_protocol::Issuer;
use latchkey_ui::render::render;

use self::page::{Group, Reference};
use crate::problem::Kind;

/// Both, made when one of them is asked for first: most servers never are.
pub struct Documents {
    issuer: Issuer,
    made: OnceLock<Made>,
}

struct Made {
    openapi: web::Bytes,
    groups: Vec<Group>,
}

impl Documents {
    pub fn new(issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.clone(),
            made: OnceLock::new(),
        }
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| {
            let document = openapi::document(&self.issuer);
            Made {
                openapi: document.to_string().into(),
                groups: page::groups(&document),
            }
        })
    }

    /// The OpenAPI document.
    pub fn openapi(&self) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(self.made().openapi.clone())
    }

    /// The reference page.
    pub fn reference(&self) -> HttpResponse {
        let page = Reference {
            base: self.issuer.base(),
            issuer: &self.issuer,
            groups: &self.made().groups,
            problems: Kind::ALL,
        };
        render(&page, StatusCode::OK, false)
    }
}
