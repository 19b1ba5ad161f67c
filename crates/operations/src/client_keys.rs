//! Joins the rules for a client's keys (`protocol`) with the library that verifies with them (`jose`).

use latchkey_jose::{ClientKey, ClientKeys};
use latchkey_protocol::client_keys::{ClientSignatures, usable};
use serde_json::Value;

/// The registered keys of a client, ready to verify.
///
/// # Errors
/// A sentence, for keys that the rules of [`usable`] or the library refuse.
pub fn client_keys(jwks: &Value) -> Result<ClientKeys, String> {
    let keys = usable(jwks)?;
    let each = keys.iter().flat_map(|key| {
        key.algorithms.iter().map(|algorithm| ClientKey {
            kid: key.kid,
            algorithm,
            members: key.members,
        })
    });
    ClientKeys::new(each).map_err(|error| error.to_string())
}

/// Verifies what clients sign.
pub struct JoseSignatures;

impl ClientSignatures for JoseSignatures {
    fn verify(
        &self,
        jwks: &Value,
        token: &str,
        types: &[&str],
        algorithm: Option<&str>,
    ) -> Result<Vec<u8>, String> {
        client_keys(jwks)?
            .verify(token, types, algorithm)
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{client_keys, usable};

    /// The coordinates of the generator of P-256 (FIPS 186-4 D.1.2.3).
    const X: &str = "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY";
    const Y: &str = "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";

    fn set(x: &str, y: &str) -> Value {
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": x, "y": y }] })
    }

    #[test]
    fn a_point_that_is_not_on_its_curve_is_no_key() {
        assert!(client_keys(&set(X, Y)).is_ok());
        let elsewhere = set(X, X);
        assert!(
            usable(&elsewhere).is_ok(),
            "the rules see whole coordinates"
        );
        assert!(
            client_keys(&elsewhere).is_err(),
            "the library sees the curve"
        );
    }
}
