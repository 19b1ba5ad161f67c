//! One suite per specification; each test is a requirement, run on both databases over HTTP.
#![allow(clippy::unwrap_used)]

mod abandoned_sign_ins;
mod browser_sessions;
mod claims;
mod client_shares;
mod custom_claims;
mod database_away;
mod deployment;
mod documents;
mod faults;
mod foreign_posts;
mod key_rotation;
mod limits;
mod model;
mod oidc_claims_parameter;
mod oidc_core;
mod oidc_rp_initiated_logout;
mod overload;
mod pages;
mod parameters;
mod refusals;
mod rfc6749_authorize;
mod rfc6749_token;
mod rfc6750_userinfo;
mod rfc7009_revocation;
mod rfc7636_pkce;
mod rfc7662_introspection;
mod rfc8252_native_apps;
mod rfc9068_access_tokens;
mod rfc9101_request_objects;
mod rfc9700_refresh;
mod sign_out;
mod support;
mod users;
