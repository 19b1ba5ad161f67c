//! One file for each page.

pub mod assets;
pub mod consent;
pub mod error;
pub mod form_post;
pub mod link;
pub mod login;
pub mod logout;
pub mod no_access;
pub mod signed_out;
pub mod start;
