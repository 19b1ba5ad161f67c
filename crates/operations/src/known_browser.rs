//! Which users a browser has signed in as before, by what it shows itself.

use latchkey_protocol::{
    Entropy, Secret, UserId, kind,
    secret::{Pepper, same},
};

/// Users that one browser is known to.
const USERS: usize = 5;
/// Characters of a proof: 132 bits.
const PROOF: usize = 22;

/// What a browser shows of the users who have signed in there: a secret of its own, and for each user a keyed digest of
/// that secret, the user and the password of then. It takes no row, survives sign-out, and is worth nothing once the
/// password has changed. It only gives the browser a count of failures of its own.
#[derive(Debug, Clone)]
pub struct KnownBrowser {
    secret: Secret<kind::KnownBrowser>,
    proofs: Vec<String>,
}

impl KnownBrowser {
    /// Reads what [`KnownBrowser::text`] wrote; what has another form is nothing.
    pub fn presented(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let secret = Secret::<kind::KnownBrowser>::presented(parts.next()?)?;
        let proofs = parts
            .take(USERS)
            .filter(|proof| proof.len() == PROOF)
            .map(str::to_owned)
            .collect();
        Some(Self { secret, proofs })
    }

    /// For the browser to keep.
    pub fn text(&self) -> String {
        let proofs = self.proofs.iter().map(String::as_str);
        let parts: Vec<&str> = std::iter::once(self.secret.expose())
            .chain(proofs)
            .collect();
        parts.join(".")
    }

    /// Its secret, if this user has signed in here with the password that `hash` is of.
    pub(crate) fn knows(&self, pepper: &Pepper, user_id: &UserId, hash: &str) -> Option<&str> {
        let proof = proof(pepper, &self.secret, user_id, hash);
        self.proofs
            .iter()
            .any(|shown| same(shown, &proof))
            .then(|| self.secret.expose())
    }

    /// The browser that `shown` was, or a new one, once this user has signed in; the oldest of too many is forgotten.
    pub(crate) fn remembering(
        shown: Option<&Self>,
        pepper: &Pepper,
        entropy: &dyn Entropy,
        (user_id, hash): (&UserId, &str),
    ) -> Self {
        let secret = shown.map_or_else(
            || Secret::<kind::KnownBrowser>::generate(entropy),
            |shown| shown.secret.clone(),
        );
        let new = proof(pepper, &secret, user_id, hash);
        let others = shown.map_or(&[][..], |shown| &shown.proofs);
        let others = others.iter().filter(|proof| **proof != new).cloned();
        let proofs = std::iter::once(new.clone())
            .chain(others)
            .take(USERS)
            .collect();
        Self { secret, proofs }
    }
}

fn proof(
    pepper: &Pepper,
    secret: &Secret<kind::KnownBrowser>,
    user_id: &UserId,
    hash: &str,
) -> String {
    let mut proof = pepper.text(&["known browser", secret.expose(), user_id, hash]);
    proof.truncate(PROOF);
    proof
}
