//! Which public keys a client may register to sign with: the rules for a JWK set (RFC 7517 5), and the port to whoever
//! verifies with them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// The algorithms that a client may sign with: asymmetric ones alone, so that no public key is taken for a shared secret.
pub const CLIENT_ALGORITHMS: [&str; 3] = ["RS256", "PS256", "ES256"];

/// The most keys of one client: without a key id each is tried.
const MOST_KEYS: usize = 10;
/// The smallest RSA modulus, in bits (RFC 7518 3.3).
const MINIMUM_BITS: usize = 2048;
/// The largest RSA modulus, in bits: a larger one makes verifying dear.
const MAXIMUM_BITS: usize = 8192;
/// Bytes of a coordinate on P-256 (RFC 7518 6.2.1.2).
const COORDINATE: usize = 32;
/// Members of private and symmetric keys (RFC 7518 6.2.2, 6.3.2, 6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A registered key that can verify, and the algorithms that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey<'a> {
    /// The key's id, which a header may name (RFC 7515 4.1.4).
    pub kid: Option<&'a str>,
    /// What it can be used with.
    pub algorithms: Vec<&'static str>,
    /// The JWK as it was registered.
    pub members: &'a Map<String, Value>,
}

/// Verifies what clients sign. The rules know no cryptography; whoever joins the parts gives them this.
pub trait ClientSignatures {
    /// The payload of `token`, a compact JWS of one of `types` or of none, signed by a key of `jwks`. `algorithm`: the
    /// only one that counts; none: each that the key is for.
    ///
    /// # Errors
    /// A sentence that names the first thing that was wrong.
    fn verify(
        &self,
        jwks: &Value,
        token: &str,
        types: &[&str],
        algorithm: Option<&str>,
    ) -> Result<Vec<u8>, String>;
}

/// Reads a JWK set (RFC 7517 5). Keys for other purposes and algorithms are passed over.
///
/// # Errors
/// A sentence, when a key is private or weak, or when none can verify anything.
pub fn usable(set: &Value) -> Result<Vec<ClientKey<'_>>, String> {
    let keys = set
        .get("keys")
        .and_then(Value::as_array)
        .ok_or("keys must be an array")?;
    if keys.len() > MOST_KEYS {
        return Err(format!("at most {MOST_KEYS} keys are taken"));
    }
    let mut usable: Vec<ClientKey<'_>> = Vec::new();
    for key in keys {
        let members = key.as_object().ok_or("each key is an object")?;
        let key = read(members)?;
        if key.algorithms.is_empty() {
            continue;
        }
        if key.kid.is_some() && usable.iter().any(|known| known.kid == key.kid) {
            return Err("two keys have the same kid".to_owned());
        }
        usable.push(key);
    }
    if usable.is_empty() {
        return Err("no key is an RSA key, or an EC key on P-256, for signatures".to_owned());
    }
    Ok(usable)
}

/// One key. It is for no algorithm when it is of another kind or for another purpose.
fn read(members: &Map<String, Value>) -> Result<ClientKey<'_>, String> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if PRIVATE.iter().any(|name| members.contains_key(*name)) || text("kty") == Some("oct") {
        return Err("a key is private or symmetric: register public keys alone".to_owned());
    }
    let for_signatures = text("use").is_none_or(|purpose| purpose == "sig");
    let on_p256 = text("crv") == Some("P-256");
    let algorithms: &[&'static str] = match text("kty") {
        Some("RSA") if for_signatures => &["RS256", "PS256"],
        Some("EC") if for_signatures && on_p256 => &["ES256"],
        _ => &[],
    };
    if text("kty") == Some("RSA") {
        check_rsa(text("n").unwrap_or_default(), text("e").unwrap_or_default())?;
    }
    let fitting = algorithms
        .iter()
        .filter(|a| text("alg").is_none_or(|registered| registered == **a));
    let algorithms: Vec<_> = fitting.copied().collect();
    if algorithms.contains(&"ES256") {
        check_p256(text("x"), text("y"))?;
    }
    Ok(ClientKey {
        kid: text("kid"),
        algorithms,
        members,
    })
}

/// Size of the modulus (RFC 7518 3.3), and an exponent that is odd and more than one: with 1 anybody could sign.
fn check_rsa(n: &str, e: &str) -> Result<(), String> {
    let number = |text: &str| -> Result<Vec<u8>, String> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| "n and e are unpadded base64url")?;
        Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
    };
    let (n, e) = (number(n)?, number(e)?);
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(MINIMUM_BITS..=MAXIMUM_BITS).contains(&bits) {
        return Err(format!(
            "an RSA key has {bits} bits; {MINIMUM_BITS} to {MAXIMUM_BITS} are taken"
        ));
    }
    if e.len() > 4 || e.last().is_none_or(|byte| byte % 2 == 0) || e == [1] {
        return Err(
            "the exponent of an RSA key is odd, more than 1 and at most 4 bytes".to_owned(),
        );
    }
    Ok(())
}

/// Whole coordinates (RFC 7518 6.2.1.2). Whether the point is on the curve is seen by whoever verifies.
fn check_p256(x: Option<&str>, y: Option<&str>) -> Result<(), String> {
    let whole = |text: Option<&str>| {
        let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.is_some_and(|bytes| bytes.len() == COORDINATE)
    };
    if whole(x) && whole(y) {
        Ok(())
    } else {
        Err(format!(
            "x and y of a key on P-256 are unpadded base64url of {COORDINATE} bytes each"
        ))
    }
}
