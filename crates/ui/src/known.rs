use actix_web::HttpRequest;
use latchkey_protocol::{
    Entropy, Secret, SecretKind,
    secret::{Pepper, same},
    session::{Cookie, cookie_name},
};

use crate::cookies::{BROWSER_LIFETIME, cookie};

/// Users that one browser is known to.
const USERS: usize = 5;
/// Characters of a proof: 132 bits.
const PROOF: usize = 22;

/// What a browser shows of the users who have signed in there: a secret of its own, and for each user a keyed digest of
/// that secret, the user and the password of then. It takes no row, survives sign-out, and is worth nothing once the
/// password has changed. It only gives the browser a count of failures of its own.
#[derive(Debug)]
pub struct KnownBrowser {
    secret: Secret,
    proofs: Vec<String>,
}

impl KnownBrowser {
    pub fn of(request: &HttpRequest, secure: bool) -> Option<Self> {
        let cookie = request.cookie(cookie_name(secure, Cookie::Known))?;
        let mut parts = cookie.value().split('.');
        let secret = Secret::presented(SecretKind::KnownBrowser, parts.next()?)?;
        let proofs = parts
            .take(USERS)
            .filter(|proof| proof.len() == PROOF)
            .map(str::to_owned)
            .collect();
        Some(Self { secret, proofs })
    }

    /// Its secret, if this user has signed in here with the password that `hash` is of.
    pub fn knows(&self, pepper: &Pepper, user_id: &str, hash: &str) -> Option<&str> {
        let proof = proof(pepper, &self.secret, user_id, hash);
        self.proofs
            .iter()
            .any(|shown| same(shown, &proof))
            .then(|| self.secret.expose())
    }

    /// The cookie that says from now on that this user has signed in here; the oldest of too many users is forgotten.
    pub fn cookie(
        shown: Option<Self>,
        pepper: &Pepper,
        entropy: &dyn Entropy,
        secure: bool,
        (user_id, hash): (&str, &str),
    ) -> String {
        let shown = shown.unwrap_or_else(|| Self {
            secret: Secret::generate(SecretKind::KnownBrowser, entropy),
            proofs: Vec::new(),
        });
        let new = proof(pepper, &shown.secret, user_id, hash);
        let others = shown
            .proofs
            .iter()
            .filter(|proof| **proof != new)
            .take(USERS - 1);
        let parts: Vec<&str> = [shown.secret.expose(), &new]
            .into_iter()
            .chain(others.map(String::as_str))
            .collect();
        cookie(
            secure,
            Cookie::Known,
            &parts.join("."),
            Some(BROWSER_LIFETIME),
        )
    }
}

fn proof(pepper: &Pepper, secret: &Secret, user_id: &str, hash: &str) -> String {
    let mut proof = pepper.text(&["known browser", secret.expose(), user_id, hash]);
    proof.truncate(PROOF);
    proof
}
