//! The cookies: what they say means nothing to whoever reads it, and none leaves its own host.

use std::borrow::Cow;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_protocol::Entropy;

use crate::store::Key;

/// The session: 256 random bits. The prefix has the browser take it from this very host alone, over TLS or at this machine
/// (RFC 6265bis 4.1.3.2), so that no sibling of the host can plant one.
pub const SESSION: &str = "__Host-latchkey-bff";
/// How the name of a sign-in's cookie begins. It is sealed, and binds state, nonce and code verifier to this browser.
pub const SIGN_INS: &str = "__Host-latchkey-bff-login-";
/// A sign-out that goes on at the provider, sealed.
pub const SIGN_OUT: &str = "__Host-latchkey-bff-logout";

/// How long a sign-in may take, in seconds.
pub const SIGN_IN_LASTS: i64 = 600;
/// How long until the browser must have gone on to the provider, in seconds.
pub const SIGN_OUT_LASTS: i64 = 60;

/// The cookie of the sign-in with this state: two tabs may have one each.
pub fn sign_in(state: &str) -> String {
    format!("{SIGN_INS}{}", &Key::of_cookie(state).to_hex()[..8])
}

/// A value that nobody guesses, as cookies, states and nonces need them.
pub fn random(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The value of the one cookie of this name. Of two, one was planted: none counts. Nothing is decoded: a browser sees the
/// prefix of a name in the name as it is written, so whoever decodes names takes those that a sibling of the host has
/// planted.
pub fn value(request: &HttpRequest, name: &str) -> Option<String> {
    let mut named = all(request).filter(|(known, _)| *known == name.as_bytes());
    let (_, found) = named.next()?;
    let found = std::str::from_utf8(found).ok()?.to_owned();
    named.next().is_none().then_some(found)
}

/// Whether there is a cookie of this name at all, whatever its value.
pub fn is_sent(request: &HttpRequest, name: &str) -> bool {
    all(request).any(|(known, _)| known == name.as_bytes())
}

/// The names that begin so.
pub fn names(request: &HttpRequest, start: &str) -> Vec<String> {
    let names = all(request).filter_map(|(name, _)| std::str::from_utf8(name).ok());
    let named = names.filter(|name| name.starts_with(start));
    named.map(str::to_owned).collect()
}

/// Names and values as they were written. What is no pair is left out, and spoils no other.
fn all(request: &HttpRequest) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = request.headers().get_all(header::COOKIE);
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        Some((pair[..at].trim_ascii(), pair[at + 1..].trim_ascii()))
    })
}

/// The session's value, if it has the form of one: the store is never asked about garbage.
pub fn session(request: &HttpRequest) -> Option<String> {
    value(request, SESSION).filter(|value| is_random(value))
}

/// Whether it has the form of what [`random`] makes.
pub fn is_random(value: &str) -> bool {
    let of_digit = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    value.len() == 43 && value.bytes().all(of_digit)
}

/// A session cookie. `seconds`: how long the browser keeps it; none: until it is closed.
pub fn signed_in(value: String, seconds: Option<i64>) -> Cookie<'static> {
    let mut cookie = cookie(SESSION, value, SameSite::Strict);
    cookie.set_max_age(seconds.map(Duration::seconds));
    cookie
}

/// A cookie that is there for one way to the provider and back: `Lax`, since the provider's site sends the browser back.
pub fn on_the_way(
    name: impl Into<Cow<'static, str>>,
    sealed: String,
    seconds: i64,
) -> Cookie<'static> {
    let mut cookie = cookie(name, sealed, SameSite::Lax);
    cookie.set_max_age(Duration::seconds(seconds));
    cookie
}

/// Takes a cookie away from the browser.
pub fn gone(name: impl Into<Cow<'static, str>>) -> Cookie<'static> {
    let mut cookie = cookie(name, String::new(), SameSite::Strict);
    cookie.set_max_age(Duration::ZERO);
    cookie
}

fn cookie(
    name: impl Into<Cow<'static, str>>,
    value: String,
    same_site: SameSite,
) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(same_site)
        .finish()
}
