//! The published keys of the provider, and which tokens they prove.

use std::sync::Arc;

use latchkey_jose::{Compact, Jwk, JwkSet, Verifier};
use latchkey_protocol::{Clock, Timestamp, paths};
use tokio::sync::Mutex;

/// Whoever sends unknown key ids makes us ask for the keys no more often than this, in seconds.
const PAUSE: i64 = 5;

/// How long a key set counts, in seconds: a key that the provider has withdrawn is forgotten then.
const FRESH: i64 = 300;

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
        let now = self.clock.now();
        // An unknown key id: the keys may have been rotated.
        let counts = match known.key(kid) {
            Some(_) => FRESH,
            None => PAUSE,
        };
        let is_good = |at| (0..counts).contains(&(now - at));
        if !known.read_at.is_some_and(is_good) {
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
    use std::{
        io::{Read, Write},
        net::TcpListener,
        sync::atomic::{AtomicI64, Ordering},
    };

    const BEGIN: i64 = 1_800_000_000;

    /// A clock that is set.
    struct At(AtomicI64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
        }
    }

    fn signing_key() -> SigningKey {
        SigningKey::generate_for(Algorithm::Es256, &mut StdRng::seed_from_u64(1)).unwrap()
    }

    /// That were read just now from this provider, so that they are not asked for again at once.
    fn published(key: &SigningKey, issuer: &str) -> (PublishedKeys, Arc<At>) {
        let clock = Arc::new(At(AtomicI64::new(BEGIN)));
        let mut keys = PublishedKeys::of(issuer, reqwest::Client::new(), clock.clone());
        let set = JwkSet {
            keys: vec![key.public().clone()],
        };
        keys.known = Mutex::new(Known {
            set,
            read_at: Some(clock.now()),
        });
        (keys, clock)
    }

    /// A provider that has withdrawn all its keys.
    fn provider_without_keys() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]).unwrap();
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 11";
                write!(stream, "{head}\r\n\r\n{{\"keys\":[]}}").unwrap();
            }
        });
        address
    }

    #[actix_web::test]
    async fn a_key_counts_no_longer_than_some_minutes_after_the_provider_withdrew_it() {
        let key = signing_key();
        let signer = Signer::new(&key).unwrap();
        let token = signer.sign("at+jwt", &json!({ "sub": "a" })).unwrap();
        // One that is not there proves nothing either.
        for issuer in [&*provider_without_keys(), "http://127.0.0.1:9"] {
            let (keys, clock) = published(&key, issuer);
            clock.0.store(BEGIN + FRESH - 1, Ordering::Relaxed);
            assert!(keys.verified(&token, "at+jwt").await.is_ok());
            clock.0.store(BEGIN + FRESH, Ordering::Relaxed);
            assert!(keys.verified(&token, "at+jwt").await.is_err());
        }
    }

    #[actix_web::test]
    async fn a_token_counts_by_a_published_key_and_its_type_alone() {
        let key = signing_key();
        let (keys, _) = published(&key, "http://127.0.0.1:9");
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
