//! Where things are, under the issuer. Clients find them in the discovery document.

pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
pub const JWKS: &str = "/jwks.json";
pub const AUTHORIZE: &str = "/authorize";
pub const TOKEN: &str = "/token";
pub const USERINFO: &str = "/userinfo";
pub const INTROSPECT: &str = "/introspect";
pub const REVOKE: &str = "/revoke";
pub const END_SESSION: &str = "/logout";
pub const SIGNED_OUT: &str = "/logout/done";
pub const LOGIN: &str = "/login";
pub const CONSENT: &str = "/consent";
pub const ASSETS: &str = "/assets";
pub const HEALTHZ: &str = "/healthz";
pub const READYZ: &str = "/readyz";

/// The address that every page returns to, and that says what is next.
pub fn resume(interaction: &str) -> String {
    format!("{AUTHORIZE}/{interaction}")
}

/// A page for an interaction.
pub fn page(page: &str, interaction: &str) -> String {
    format!("{page}/{interaction}")
}
