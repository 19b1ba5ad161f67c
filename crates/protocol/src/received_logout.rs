//! What a client checks of a logout token (OpenID Connect Back-Channel Logout 1.0 2.6), beside its signature.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    logout_token::{LOGOUT_EVENT, LOGOUT_TOKEN_TYPE},
    time::Timestamp,
};

/// How far the clocks of provider and app may differ, in seconds.
pub const MARGIN: i64 = 30;

/// A logout token that was checked: the end of the session `sid`, or of all sessions of `sub` where it names none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedLogout {
    /// Who issued it.
    pub iss: String,
    aud: Audience,
    /// When it was issued.
    pub iat: Timestamp,
    /// When it ends.
    pub exp: Timestamp,
    /// Each token has another one.
    pub jti: String,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The session at the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    events: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl ReceivedLogout {
    /// Header `typ` (2.4).
    pub const TYPE: &str = LOGOUT_TOKEN_TYPE;

    /// The claims of a token whose type and signature are right, for `client_id`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(
        claims: Value,
        issuer: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Self, String> {
        // Steps 3 to 6; 7, that none comes twice, is where it is acted upon. An ID token would have a nonce, even one of null.
        let has_nonce = claims.get("nonce").is_some();
        let token: Self = serde_json::from_value(claims).map_err(|e| e.to_string())?;
        let is_for_us = match &token.aud {
            Audience::One(one) => one == client_id,
            Audience::Many(many) => many.iter().any(|one| one == client_id),
        };
        if token.iss != issuer || !is_for_us {
            return Err("the token is from or for somebody else".into());
        }
        if token.exp + MARGIN <= now || token.iat - MARGIN > now {
            return Err("the token is not of this time".into());
        }
        let named = [&token.sub, &token.sid].map(|name| name.as_deref());
        if named == [None, None] || named.contains(&Some("")) || token.jti.is_empty() {
            return Err("the token names no session and no user, or has no id".into());
        }
        if has_nonce || !token.events.get(LOGOUT_EVENT).is_some_and(Value::is_object) {
            return Err("this is no logout token".into());
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn claims() -> Value {
        let at = NOW.as_seconds();
        json!({
            "iss": "https://id.example", "aud": "app", "iat": at, "exp": at + 120, "jti": "one", "sub": "alice", "sid": "s1",
            "events": { LOGOUT_EVENT: {} },
        })
    }

    fn read(claims: Value) -> Result<ReceivedLogout, String> {
        ReceivedLogout::read(claims, "https://id.example", "app", NOW)
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn without(names: &[&str]) -> Value {
        let mut claims = claims();
        for name in names {
            claims.as_object_mut().unwrap().remove(*name);
        }
        claims
    }

    /// 2.4: one of `sub` and `sid` is enough, and the audience may be a list.
    #[test]
    fn a_logout_token_names_a_session_or_a_user() {
        let good = [
            claims(),
            without(&["sub"]),
            without(&["sid"]),
            with("aud", json!(["other", "app"])),
            with("iat", json!(NOW.as_seconds() + MARGIN)),
            with("exp", json!(NOW.as_seconds() - MARGIN + 1)),
        ];
        for claims in good {
            assert!(read(claims.clone()).is_ok(), "{claims}");
        }
        assert!(read(without(&["sub", "sid"])).is_err());
    }

    /// 2.6, steps 3 to 6.
    #[test]
    fn everything_else_is_refused() {
        let bad = [
            with("iss", json!("https://evil.example")),
            with("aud", json!("other")),
            with("aud", json!(["other"])),
            with("iat", json!(NOW.as_seconds() + MARGIN + 1)),
            with("exp", json!(NOW.as_seconds() - MARGIN)),
            with("nonce", json!("n")),
            with("nonce", json!(null)),
            with("events", json!({ "another": {} })),
            with("events", json!({ LOGOUT_EVENT: "yes" })),
            with("events", json!([LOGOUT_EVENT])),
            with("sid", json!("")),
            with("sub", json!("")),
            with("jti", json!("")),
        ];
        for claims in bad {
            assert!(read(claims.clone()).is_err(), "{claims}");
        }
        for name in ["iss", "aud", "iat", "exp", "jti", "events"] {
            assert!(read(without(&[name])).is_err(), "without {name}");
        }
    }
}
