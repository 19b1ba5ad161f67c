//! The cookies that are set.

use actix_web::{
    HttpResponse,
    cookie::{Cookie as HttpCookie, SameSite, time::Duration},
    http::header,
};
use latchkey_protocol::session::{Cookie, cookie_name};

/// The cookie that says which browser this is lives this long, in seconds.
pub const BROWSER_LIFETIME: i64 = 400 * 86_400;

/// A cookie of ours. `Lax` lets it come along when an app sends the browser here, and with nothing that writes.
pub fn cookie(secure: bool, name: Cookie, value: &str, lifetime: Option<i64>) -> String {
    let mut cookie = HttpCookie::build(cookie_name(secure, name), value.to_owned())
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax)
        .finish();
    if let Some(seconds) = lifetime {
        cookie.set_max_age(Duration::seconds(seconds));
    }
    cookie.to_string()
}

/// Adds a cookie to an answer.
pub fn add_cookie(response: &mut HttpResponse, cookie: &str) {
    if let Ok(value) = header::HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
