//! The published keys of the provider, and which tokens they prove.

use std::sync::Arc;

use latchkey_jose::{Compact, Jwk, JwkSet, Verifier};
use latchkey_protocol::{Clock, Timestamp, paths};
use tokio::sync::Mutex;

/// Whoever sends unknown key ids makes us ask for the keys no more often than this, in seconds.
const PAUSE: i64 = 5;

/// The key set as it was read last.
pub struct PublishedKeys {
    address: String,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    set: JwkSet,
    read_at: Option<Timestamp>,
}

impl PublishedKeys {
    pub fn of(issuer: &str, http: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            address: format!("{issuer}{}", paths::JWKS),
            http,
            clock,
            known: Mutex::default(),
        }
    }

    /// A token of this type with a good signature. What it claims is the caller's to check.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn verified<'a>(&self, token: &'a str, typ: &str) -> Result<Compact<'a>, String> {
        let compact = Compact::parse(token).map_err(|e| e.to_string())?;
        let header = &compact.unverified_header;
        // RFC 8725 3.11: a token of another kind has a good signature too.
        let named = header.typ.as_deref().unwrap_or_default();
        if !named.eq_ignore_ascii_case(typ) {
            return Err(format!("this is no token of the type {typ}"));
        }
        let key = self.find(header.kid.as_deref().unwrap_or_default()).await?;
        Verifier::new(&key)
            .and_then(|verifier| verifier.verify(&compact))
            .map_err(|e| e.to_string())?;
        Ok(compact)
    }

    async fn find(&self, kid: &str) -> Result<Jwk, String> {
        // Held while the keys are read, so that they are read once for all who wait for them.
        let mut known = self.known.lock().await;
        if let Some(key) = known.key(kid) {
            return Ok(key);
        }
        let now = self.clock.now();
        if known.read_at.is_none_or(|at| now - at >= PAUSE) {
            // An unknown key id: the keys may have been rotated.
            known.set = self.read().await.map_err(|e| e.to_string())?;
            known.read_at = Some(now);
        }
        let found = known.key(kid);
        found.ok_or_else(|| "the token was signed by a key that is not published".into())
    }

    async fn read(&self) -> reqwest::Result<JwkSet> {
        let answer = self.http.get(&self.address).send().await?;
        answer.error_for_status()?.json().await
    }
}

impl Known {
    fn key(&self, kid: &str) -> Option<Jwk> {
        self.set.keys.iter().find(|key| key.kid == kid).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_jose::{Algorithm, Signer, SigningKey};
    use rand::{SeedableRng, rngs::StdRng};
    use serde_json::json;

    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    fn signing_key() -> SigningKey {
        SigningKey::generate_for(Algorithm::Es256, &mut StdRng::seed_from_u64(1)).unwrap()
    }

    /// That were read just now, so that they are not asked for again.
    fn published(key: &SigningKey) -> PublishedKeys {
        let clock = Arc::new(At(Timestamp::from_seconds(1_800_000_000)));
        let mut keys =
            PublishedKeys::of("http://127.0.0.1:9", reqwest::Client::new(), clock.clone());
        let set = JwkSet {
            keys: vec![key.public().clone()],
        };
        keys.known = Mutex::new(Known {
            set,
            read_at: Some(clock.now()),
        });
        keys
    }

    #[actix_web::test]
    async fn a_token_counts_by_a_published_key_and_its_type_alone() {
        let key = signing_key();
        let keys = published(&key);
        let sign = |key: &SigningKey, typ| {
            Signer::new(key)
                .unwrap()
                .sign(typ, &json!({ "sub": "a" }))
                .unwrap()
        };
        let good = sign(&key, "logout+jwt");
        assert!(keys.verified(&good, "logout+jwt").await.is_ok());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let changed = signed.replace(".eyJzdWIiOiJhIn0", ".eyJzdWIiOiJiIn0");
        assert_ne!(changed, signed);
        for bad in [
            String::new(),
            sign(&key, "JWT"),
            sign(&key, "at+jwt"),
            sign(&signing_key(), "logout+jwt"),
            format!("{signed}."),
            format!("{changed}.{signature}"),
        ] {
            assert!(keys.verified(&bad, "logout+jwt").await.is_err(), "{bad}");
        }
    }
}
