//! `GET /bff/login`: sends the browser to the provider.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use latchkey_protocol::pkce;
use serde::Deserialize;

use super::SignIn;
use crate::{
    Bff, answer,
    cookies::{self, SIGN_IN_LASTS, SIGN_INS},
    guard,
    seal::Purpose,
    store::Key,
};

/// The most sign-ins that a browser has under way: their cookies travel with each request.
const MOST: usize = 4;
/// The longest address of the app that is come back to, in bytes: it travels in a cookie.
const LONGEST: usize = 1000;

#[derive(Deserialize)]
pub struct Query {
    /// Where in the app the user goes on.
    #[serde(default)]
    return_to: Option<String>,
    /// `1`: the session outlives the browser.
    #[serde(default)]
    remember: Option<String>,
}

pub async fn login(bff: web::Data<Bff>, request: HttpRequest) -> HttpResponse {
    if !guard::is_navigation(request.headers()) {
        return answer::forbidden();
    }
    let Ok(query) = web::Query::<Query>::from_query(request.query_string()) else {
        return answer::bad_request();
    };
    let return_to = query.return_to.as_deref().unwrap_or("/");
    if !is_own_path(return_to) {
        return answer::bad_request();
    }
    let (sessions, settings) = (&bff.0.sessions, &bff.0.settings);
    let Ok(metadata) = sessions.provider.metadata().await else {
        return away();
    };
    let random = || cookies::random(&*sessions.entropy);
    let former = cookies::session(&request).map(|cookie| Key::of_cookie(&cookie).to_hex());
    let sign_in = SignIn {
        state: random(),
        nonce: random(),
        verifier: random(),
        return_to: return_to.to_owned(),
        remember: query.remember.as_deref() == Some("1")
            && guard::is_asked_for_here(request.headers()),
        until: sessions.clock.now() + SIGN_IN_LASTS,
        former,
    };
    let address = metadata.sign_in(&[
        ("response_type", "code"),
        ("client_id", &settings.client_id),
        ("redirect_uri", &settings.redirect_uri()),
        ("scope", &settings.scope),
        ("state", &sign_in.state),
        ("nonce", &sign_in.nonce),
        ("code_challenge", &pkce::challenge(&sign_in.verifier)),
        ("code_challenge_method", "S256"),
    ]);
    let sealed = sessions.keys.seal(Purpose::SignIn, &sign_in);
    let (Ok(address), Ok(sealed)) = (address, sealed) else {
        return away();
    };
    let name = cookies::sign_in(&sign_in.state);
    let mut answer = answer::see_other(&address);
    answer.cookie(cookies::on_the_way(name, sealed, SIGN_IN_LASTS));
    let under_way = cookies::names(&request, SIGN_INS);
    if under_way.len() >= MOST {
        for name in under_way {
            answer.cookie(cookies::gone(name));
        }
    }
    answer.finish()
}

pub fn away() -> HttpResponse {
    answer::page(
        StatusCode::SERVICE_UNAVAILABLE,
        "Sign-in is not possible now",
        "Please try again in a moment.",
    )
}

/// A path of this origin, and nothing that a browser takes for another one: no `//host`, no `/\host`, and no control character,
/// which browsers leave out.
fn is_own_path(text: &str) -> bool {
    let mut bytes = text.bytes();
    let begins = bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'));
    begins
        && text.len() <= LONGEST
        && text
            .bytes()
            .all(|b| (0x21..0x7f).contains(&b) && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_comes_back_to_a_path_of_the_app_alone() {
        for good in ["/", "/orders?page=2#top", "/a//b", "/%2f%2fevil.example"] {
            assert!(is_own_path(good), "{good}");
        }
        for bad in [
            "",
            "orders",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/a\\b",
            "https://evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "javascript:alert(1)",
            "/a b",
            "/\u{7f}",
            "/\u{e9}",
        ] {
            assert!(!is_own_path(bad), "{bad:?}");
        }
        assert!(!is_own_path(&format!("/{}", "a".repeat(LONGEST))));
    }
}
