//! The token endpoint's answers (RFC 6749 5).

use http::StatusCode;
use serde::Deserialize;

use super::{ProviderError, wrong};

/// How long an access token is taken to last whose answer does not say so, in seconds (RFC 6749 5.1).
const UNSAID: i64 = 60;
/// The longest that one is taken to last, in seconds.
const LONGEST: i64 = 86_400;

/// Tokens as they come.
#[derive(Deserialize)]
pub struct Tokens {
    pub access_token: String,
    token_type: String,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    pub refresh_token: Option<String>,
    #[serde(default)]
    pub id_token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Tokens {
    /// `invalid_grant` alone says that the grant is over. All else, such as a wrong client secret, is nothing that the user
    /// could help by signing in again.
    pub fn read(status: StatusCode, body: &[u8]) -> Result<Self, ProviderError> {
        if status == StatusCode::OK {
            let tokens: Self = serde_json::from_slice(body)
                .map_err(|_| ProviderError::Away("its answer holds no tokens".into()))?;
            return tokens.checked();
        }
        let refused: Option<Refused> = serde_json::from_slice(body).ok();
        let error = refused.map(|refused| refused.error);
        if status == StatusCode::BAD_REQUEST && error.as_deref() == Some("invalid_grant") {
            return Err(ProviderError::Refused);
        }
        let error: String = error.unwrap_or_default().chars().take(60).collect();
        Err(ProviderError::Away(format!(
            "it answers {status} {error:?}"
        )))
    }

    fn checked(self) -> Result<Self, ProviderError> {
        if !self.token_type.eq_ignore_ascii_case("Bearer") {
            return Err(wrong("the access token is no Bearer token"));
        }
        let visible = |b: u8| (0x21..0x7f).contains(&b);
        if self.access_token.is_empty() || !self.access_token.bytes().all(visible) {
            return Err(wrong("the access token cannot stand in a header"));
        }
        Ok(self)
    }

    /// In seconds.
    pub fn lasts(&self) -> i64 {
        self.expires_in.unwrap_or(UNSAID).clamp(0, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<i64, ProviderError> {
        let status = StatusCode::from_u16(status).unwrap();
        Tokens::read(status, body.as_bytes()).map(|tokens| tokens.lasts())
    }

    #[test]
    fn only_invalid_grant_says_that_a_grant_is_over() {
        assert_eq!(
            read(400, r#"{"error":"invalid_grant"}"#),
            Err(ProviderError::Refused)
        );
        for (status, body) in [
            (400, r#"{"error":"invalid_request"}"#),
            (401, r#"{"error":"invalid_client"}"#),
            (401, r#"{"error":"invalid_grant"}"#),
            (500, r#"{"error":"invalid_grant"}"#),
            (503, ""),
            (429, "slow down"),
            (404, "<html>"),
            (302, ""),
            (200, ""),
            (200, "<html>"),
            (200, r#"{"access_token":"a","token_type":"Bearer""#),
        ] {
            assert!(
                matches!(read(status, body), Err(ProviderError::Away(_))),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn tokens_must_be_such_as_can_be_attached() {
        assert_eq!(
            read(
                200,
                r#"{"access_token":"a","token_type":"bearer","expires_in":300}"#
            ),
            Ok(300)
        );
        assert_eq!(
            read(200, r#"{"access_token":"a","token_type":"Bearer"}"#),
            Ok(UNSAID)
        );
        assert_eq!(
            read(
                200,
                r#"{"access_token":"a","token_type":"Bearer","expires_in":-5}"#
            ),
            Ok(0)
        );
        for body in [
            r#"{"access_token":"a","token_type":"DPoP"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"a\r\nX: y","token_type":"Bearer"}"#,
        ] {
            assert!(
                matches!(read(200, body), Err(ProviderError::Wrong(_))),
                "{body}"
            );
        }
    }
}
