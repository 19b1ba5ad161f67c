//! What must hold of an ID token (OpenID Connect Core 3.1.3.7), beside its signature.

use latchkey_protocol::{Timestamp, secret::same};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far the clocks may differ, in seconds.
const MARGIN: i64 = 30;

/// Of a user who has signed in at the provider for this client.
#[derive(Debug, Clone)]
pub struct IdToken {
    pub sub: String,
    /// Their session at the provider.
    pub sid: Option<String>,
    pub issued_at: Timestamp,
    ends_at: Timestamp,
    pub claims: Map<String, Value>,
}

#[derive(Deserialize)]
struct Needed {
    iss: String,
    sub: String,
    aud: Audience,
    exp: Timestamp,
    iat: Timestamp,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    sid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn is_alone(&self, client_id: &str) -> bool {
        match self {
            Self::One(one) => one == client_id,
            Self::Many(many) => matches!(&many[..], [one] if one == client_id),
        }
    }

    fn contains(&self, client_id: &str) -> bool {
        match self {
            Self::One(one) => one == client_id,
            Self::Many(many) => many.iter().any(|one| one == client_id),
        }
    }
}

impl IdToken {
    /// All but its time. `nonce`: of the sign-in; a refresh has none.
    pub fn read(
        claims: Value,
        issuer: &str,
        client_id: &str,
        nonce: Option<&str>,
    ) -> Result<Self, String> {
        let all: Map<String, Value> = serde_json::from_value(claims.clone()).map_err(text)?;
        let token: Needed = serde_json::from_value(claims).map_err(text)?;
        let bad = |why: &str| Err(format!("the ID token {why}"));
        if token.iss != issuer {
            return bad("is of another issuer");
        }
        let authorized = token.azp.as_deref();
        let is_for_us = token.aud.contains(client_id)
            && match authorized {
                Some(azp) => azp == client_id,
                None => token.aud.is_alone(client_id),
            };
        if !is_for_us {
            return bad("is for another client");
        }
        let has_nonce = |nonce| token.nonce.as_deref().is_some_and(|said| same(said, nonce));
        if !nonce.is_none_or(has_nonce) {
            return bad("answers another sign-in");
        }
        if token.sub.is_empty() {
            return bad("is of nobody");
        }
        Ok(Self {
            sub: token.sub,
            sid: token.sid.filter(|sid| !sid.is_empty()),
            issued_at: token.iat,
            ends_at: token.exp,
            claims: all,
        })
    }

    /// Whether it is of this time. It was signed a moment ago: if not, one of the two clocks is wrong.
    pub fn check_time(&self, now: Timestamp) -> Result<(), String> {
        let ahead = self.issued_at - now;
        if ahead > MARGIN {
            return Err(format!(
                "the provider issued an ID token {ahead} s in the future: set the clock of this machine, or the provider's"
            ));
        }
        if now >= self.ends_at + MARGIN {
            let late = now - self.ends_at;
            return Err(format!(
                "the provider issued an ID token that ended {late} s ago: set the clock of this machine, or the provider's"
            ));
        }
        Ok(())
    }
}

fn text(error: serde_json::Error) -> String {
    format!("the ID token: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn claims() -> Value {
        let at = NOW.as_seconds();
        json!({ "iss": "https://id.example", "sub": "alice", "aud": "shop", "exp": at + 60, "iat": at, "nonce": "n", "sid": "s" })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn read(claims: Value) -> Result<IdToken, String> {
        IdToken::read(claims, "https://id.example", "shop", Some("n"))
    }

    #[test]
    fn an_id_token_is_for_this_client_of_this_time_and_of_this_sign_in() {
        let many = |azp: Value| {
            let mut claims = with("aud", json!(["shop", "other"]));
            claims["azp"] = azp;
            claims
        };
        assert_eq!(read(claims()).unwrap().sub, "alice");
        assert!(read(with("aud", json!(["shop"]))).is_ok());
        assert!(read(many(json!("shop"))).is_ok());
        assert!(
            IdToken::read(
                with("nonce", json!(null)),
                "https://id.example",
                "shop",
                None,
            )
            .is_ok()
        );
        for bad in [
            with("iss", json!("https://id.example/")),
            with("aud", json!("other")),
            with("aud", json!([])),
            many(json!(null)),
            many(json!("other")),
            with("azp", json!("other")),
            with("exp", json!("soon")),
            with("nonce", json!("m")),
            with("nonce", json!(null)),
            with("sub", json!("")),
            with("sub", json!(7)),
            json!([]),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_token_says_which_way_a_clock_is_wrong() {
        let at = NOW.as_seconds();
        for (name, value, expected) in [
            ("iat", at + MARGIN, ""),
            ("exp", at - MARGIN + 1, ""),
            ("iat", at + MARGIN + 1, "31 s in the future"),
            ("exp", at - MARGIN, "ended 30 s ago"),
        ] {
            let checked = read(with(name, json!(value))).unwrap().check_time(NOW);
            let said = checked.err().unwrap_or_default();
            assert_eq!(said.is_empty(), expected.is_empty(), "{said}");
            assert!(said.contains(expected), "{said}");
        }
    }
}
