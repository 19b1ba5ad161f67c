//! One published key: which of a foreign set can be used, and for what.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_jose::{Algorithm, Jwk, MINIMUM_BITS, PublicKey};
use serde_json::Value;

/// Members that no published key may have (RFC 7518 6.2.2, 6.3.2, 6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a key of a set is left out. The others count.
#[derive(Debug, PartialEq, Eq)]
pub enum Skipped {
    /// It is for something else, or of a kind that is not known here.
    OtherUse,
    /// It should not be used by anybody; says why.
    Bad(&'static str),
}

/// Reads one member of `keys` (RFC 7517 4). `use` and `alg` may be absent.
pub fn read(value: &Value) -> Result<Jwk, Skipped> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if PRIVATE.iter().any(|name| value.get(name).is_some()) {
        return Err(Skipped::Bad("it has private members"));
    }
    if text("use").is_some_and(|purpose| purpose != "sig") || !may_verify(value) {
        return Err(Skipped::OtherUse);
    }
    let own = |name| text(name).map(str::to_owned).ok_or(Skipped::OtherUse);
    let (key, usual) = match text("kty") {
        Some("RSA") => {
            let (n, e) = (own("n")?, own("e")?);
            check_modulus(&n)?;
            (PublicKey::Rsa { n, e }, Algorithm::Rs256)
        }
        Some("EC") if text("crv") == Some("P-256") => {
            let (crv, x, y) = (own("crv")?, own("x")?, own("y")?);
            (PublicKey::Ec { crv, x, y }, Algorithm::Es256)
        }
        Some("OKP") if text("crv") == Some("Ed25519") => {
            let (crv, x) = (own("crv")?, own("x")?);
            (PublicKey::Okp { crv, x }, Algorithm::EdDsa)
        }
        _ => return Err(Skipped::OtherUse),
    };
    let alg = match value.get("alg") {
        None => usual,
        Some(_) => text("alg")
            .and_then(Algorithm::from_name)
            .ok_or(Skipped::OtherUse)?,
    };
    Ok(Jwk {
        key_use: "sig".into(),
        alg,
        kid: text("kid").ok_or(Skipped::Bad("it has no `kid`"))?.into(),
        key,
    })
}

/// RFC 7517 4.3.
fn may_verify(value: &Value) -> bool {
    match value.get("key_ops") {
        None => true,
        Some(listed) => listed
            .as_array()
            .is_some_and(|names| names.iter().any(|name| name == "verify")),
    }
}

/// RFC 7518 3.3.
fn check_modulus(n: &str) -> Result<(), Skipped> {
    let bytes = URL_SAFE_NO_PAD
        .decode(n)
        .map_err(|_| Skipped::Bad("its modulus is no base64url"))?;
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    let bits = significant.clone().count() * 8
        - significant
            .clone()
            .next()
            .map_or(0, |first| first.leading_zeros() as usize);
    if bits < MINIMUM_BITS {
        return Err(Skipped::Bad("its modulus has fewer than 2048 bits"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rsa(bytes: usize) -> Value {
        json!({ "kty": "RSA", "kid": "k", "n": URL_SAFE_NO_PAD.encode(vec![0xff; bytes]), "e": "AQAB" })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn use_and_alg_may_be_absent() {
        assert_eq!(read(&rsa(256)).unwrap().alg, Algorithm::Rs256);
        let named = with(rsa(256), "alg", json!("PS256"));
        assert_eq!(read(&named).unwrap().alg, Algorithm::Ps256);
        let ec = json!({ "kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "k" });
        assert_eq!(read(&ec).unwrap().alg, Algorithm::Es256);
    }

    #[test]
    fn keys_for_something_else_are_left_out() {
        for other in [
            with(rsa(256), "use", json!("enc")),
            with(rsa(256), "key_ops", json!(["encrypt"])),
            with(rsa(256), "alg", json!("RS512")),
            with(rsa(256), "alg", json!("none")),
            with(rsa(256), "alg", json!(7)),
            json!({ "kty": "EC", "crv": "P-384", "x": "x", "y": "y", "kid": "k" }),
            json!({ "kty": "OKP", "crv": "Ed448", "x": "x", "kid": "k" }),
            json!({ "kty": "RSA", "kid": "k" }),
            json!("text"),
            json!(null),
        ] {
            assert_eq!(read(&other), Err(Skipped::OtherUse), "{other}");
        }
    }

    #[test]
    fn weak_and_private_keys_are_never_used() {
        let bad = [
            rsa(255),
            with(rsa(256), "n", json!(URL_SAFE_NO_PAD.encode(vec![0; 300]))),
            with(rsa(256), "n", json!("+/=")),
            with(rsa(256), "d", json!("AQ")),
            json!({ "kty": "oct", "kid": "k", "k": "AQ" }),
            with(rsa(256), "kid", json!(7)),
        ];
        for key in bad {
            assert!(matches!(read(&key), Err(Skipped::Bad(_))), "{key}");
        }
    }
}
