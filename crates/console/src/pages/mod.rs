//! One file for each page, or for a few that belong together.

pub mod audit;
pub mod bulk_ends;
pub mod client;
pub mod client_access;
pub mod client_actions;
pub mod client_connect;
pub mod client_consents;
pub mod client_fields;
pub mod client_form;
pub mod client_preview;
pub mod client_secret;
pub mod clients;
pub mod confirm;
pub mod deliveries;
pub mod keys;
pub mod overview;
pub mod problem;
pub mod receipt;
pub mod refusals;
pub mod session;
pub mod sessions;
pub mod user;
pub mod user_actions;
pub mod user_form;
pub mod user_password;
pub mod users;
