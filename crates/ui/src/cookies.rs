//! The cookies that are set, and how they are read.

use actix_web::{
    HttpRequest, HttpResponse,
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

/// The value of one of our cookies in a request. Its name is compared as it was sent: a browser lets another host of the
/// domain set `__Host%2D...`, which it does not take for a name with a prefix (RFC 6265bis 4.1.3). Other cookies are not
/// read, so that none of them can keep ours from being found.
pub fn presented(request: &HttpRequest, secure: bool, name: Cookie) -> Option<&str> {
    let wanted = cookie_name(secure, name);
    let lines = request.headers().get_all(header::COOKIE);
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| {
            std::str::from_utf8(pair)
                .ok()?
                .trim_matches(' ')
                .split_once('=')
        })
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// Adds a cookie to an answer.
pub fn add_cookie(response: &mut HttpResponse, cookie: &str) {
    if let Ok(value) = header::HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
