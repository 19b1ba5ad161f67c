//! Where things are, under the issuer. Clients find them in the discovery document.

/// OpenID Connect Discovery 4.
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
/// RFC 8414 3.
pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
/// The public keys (RFC 7517 5).
pub const JWKS: &str = "/jwks.json";
/// The authorization endpoint (RFC 6749 3.1).
pub const AUTHORIZE: &str = "/authorize";
/// The token endpoint (RFC 6749 3.2).
pub const TOKEN: &str = "/token";
/// OpenID Connect Core 5.3.
pub const USERINFO: &str = "/userinfo";
/// RFC 7662 2.
pub const INTROSPECT: &str = "/introspect";
/// RFC 7009 2.
pub const REVOKE: &str = "/revoke";
/// The status lists; below it each by its number (draft-ietf-oauth-status-list-21).
pub const STATUS_LISTS: &str = "/status-lists";
/// RP-Initiated Logout 2.
pub const END_SESSION: &str = "/logout";
/// What is seen after a sign-out.
pub const SIGNED_OUT: &str = "/logout/done";
/// Where users prove who they are, with the interaction's secret behind it.
pub const LOGIN: &str = "/login";
/// Where users say whether an account at another provider is theirs, with the interaction's secret behind it.
pub const LINK: &str = "/link";
/// Where users are asked, with the interaction's secret behind it.
pub const CONSENT: &str = "/consent";
/// Where users hear that a client is not for them, with the interaction's secret behind it.
pub const NO_ACCESS: &str = "/no-access";
/// The console.
pub const CONSOLE: &str = "/admin";
/// The administration API's reference page; with the issuer before it, the audience of its tokens.
pub const API: &str = "/admin/api";
/// Below it are the addresses of the administration API.
pub const API_V1: &str = "/admin/api/v1";
/// The OpenAPI document of the administration API.
pub const API_DOCUMENT: &str = "/admin/api/openapi.json";
/// Where the console hears that a user has signed in.
pub const CONSOLE_CALLBACK: &str = "/admin/callback";
/// Where the first administrator is created.
pub const CONSOLE_SETUP: &str = "/admin/setup";
/// Style sheets and scripts of the pages.
pub const ASSETS: &str = "/assets";
/// Answers while the process lives.
pub const HEALTHZ: &str = "/healthz";
/// Answers 200 while requests can be served.
pub const READYZ: &str = "/readyz";

/// The address that every page returns to, and that says what is next.
pub fn resume(interaction: &str) -> String {
    format!("{AUTHORIZE}/{interaction}")
}

/// Where a user is led to another provider from.
pub fn upstream_begin(interaction: &str, upstream: &str) -> String {
    format!("{LOGIN}/{interaction}/with/{upstream}")
}

/// Where a user comes back to from another provider: each has an address of its own, so that none can pass as another.
pub fn upstream_callback(upstream: &str) -> String {
    format!("{LOGIN}/upstream/{upstream}/callback")
}

/// Where another provider says that a session there has ended.
pub fn upstream_logout(upstream: &str) -> String {
    format!("{LOGIN}/upstream/{upstream}/backchannel-logout")
}

/// A page for an interaction.
pub fn page(page: &str, interaction: &str) -> String {
    format!("{page}/{interaction}")
}
