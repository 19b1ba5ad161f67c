//! The cookies: what they say means nothing to whoever reads it, and none leaves its own host.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_protocol::Entropy;

/// The session: 256 random bits. The prefix has the browser take it from this very host alone, over TLS or at this machine
/// (RFC 6265bis 4.1.3.2), so that no sibling of the host can plant one.
pub const SESSION: &str = "__Host-latchkey-bff";
/// A sign-in that has begun, sealed: binds its state, nonce and code verifier to this browser.
pub const SIGN_IN: &str = "__Host-latchkey-bff-login";
/// A sign-out that goes on at the provider, sealed.
pub const SIGN_OUT: &str = "__Host-latchkey-bff-logout";

/// How long a sign-in may take, in seconds.
pub const SIGN_IN_LASTS: i64 = 600;
/// How long until the browser must have gone on to the provider, in seconds.
pub const SIGN_OUT_LASTS: i64 = 60;

/// A value that nobody guesses, as cookies, states and nonces need them.
pub fn random(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The value of the one cookie of this name. Of two, one was planted: none counts.
pub fn value(request: &HttpRequest, name: &str) -> Option<String> {
    let cookies = request.cookies().ok()?;
    let mut named = cookies.iter().filter(|cookie| cookie.name() == name);
    let found = named.next()?;
    named.next().is_none().then(|| found.value().to_owned())
}

/// The session's value, if it has the form of one: the store is never asked about garbage.
pub fn session(request: &HttpRequest) -> Option<String> {
    let of_digit = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    value(request, SESSION).filter(|value| value.len() == 43 && value.bytes().all(of_digit))
}

/// A session cookie. `seconds`: how long the browser keeps it; none: until it is closed.
pub fn signed_in(value: String, seconds: Option<i64>) -> Cookie<'static> {
    let mut cookie = cookie(SESSION, value, SameSite::Strict);
    cookie.set_max_age(seconds.map(Duration::seconds));
    cookie
}

/// A cookie that is there for one way to the provider and back: `Lax`, since the provider's site sends the browser back.
pub fn on_the_way(name: &'static str, sealed: String, seconds: i64) -> Cookie<'static> {
    let mut cookie = cookie(name, sealed, SameSite::Lax);
    cookie.set_max_age(Duration::seconds(seconds));
    cookie
}

/// Takes a cookie away from the browser.
pub fn gone(name: &'static str) -> Cookie<'static> {
    let mut cookie = cookie(name, String::new(), SameSite::Strict);
    cookie.set_max_age(Duration::ZERO);
    cookie
}

fn cookie(name: &'static str, value: String, same_site: SameSite) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(same_site)
        .finish()
}
