use actix_web::{
    HttpRequest,
    cookie::{Cookie as HttpCookie, SameSite, time::Duration},
};
use latchkey_protocol::{
    Entropy, Secret, SecretKind,
    session::{Cookie, cookie_name},
};

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

/// The cookie of the browser's own secret.
pub fn browser_cookie(secure: bool, secret: &Secret) -> String {
    cookie(
        secure,
        Cookie::Browser,
        secret.expose(),
        Some(BROWSER_LIFETIME),
    )
}

/// The browser's own secret, and the cookie to set where it had none.
pub fn browser(
    request: &HttpRequest,
    secure: bool,
    entropy: &dyn Entropy,
) -> (String, Option<String>) {
    let known = request.cookie(cookie_name(secure, Cookie::Browser));
    match known.and_then(|c| Secret::presented(SecretKind::Browser, c.value())) {
        Some(secret) => (secret.expose().to_owned(), None),
        None => {
            let secret = Secret::generate(SecretKind::Browser, entropy);
            let set = browser_cookie(secure, &secret);
            (secret.expose().to_owned(), Some(set))
        }
    }
}
