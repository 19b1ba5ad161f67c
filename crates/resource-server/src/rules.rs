//! What must hold of an access token (RFC 9068 4, RFC 8725), beside its signature.

use latchkey_jose::{Algorithm, Header};
use latchkey_protocol::Timestamp;

use crate::{AccessToken, Refusal};

/// The longest `kid` that is looked for, in bytes.
const LONGEST_KID: usize = 200;

/// How far `nbf` and `iat` may lie in the future, in seconds: clocks differ.
const AHEAD: i64 = 30;

/// The claim that binds a token to a key of its client (RFC 7800 3.1).
const CONFIRMATION: &str = "cnf";

/// What this API accepts.
pub struct Rules {
    pub issuer: String,
    pub audience: String,
    pub algorithms: Vec<Algorithm>,
    pub takes_plain_jwt: bool,
    /// How long a token counts after its `exp`, in seconds.
    pub leeway: i64,
}

impl Rules {
    /// The type, then the algorithm and the key that it names. The header has no other member here: what `jwk`, `jku`,
    /// `x5u` or `x5c` say is never read (RFC 8725 3.10).
    pub fn check_header<'a>(&self, header: &'a Header) -> Result<(&'a str, Algorithm), Refusal> {
        self.check_type(header)?;
        self.check_key(header)
    }

    /// The algorithm and the key that the header names.
    pub fn check_key<'a>(&self, header: &'a Header) -> Result<(&'a str, Algorithm), Refusal> {
        let algorithm = Algorithm::from_name(&header.alg)
            .filter(|named| self.algorithms.contains(named))
            .ok_or(Refusal::Algorithm)?;
        let kid = header.kid.as_deref().ok_or(Refusal::UnknownKey)?;
        if kid.len() > LONGEST_KID {
            return Err(Refusal::UnknownKey);
        }
        Ok((kid, algorithm))
    }

    /// RFC 9068 4; the prefix may be left out (RFC 7515 4.1.9).
    fn check_type(&self, header: &Header) -> Result<(), Refusal> {
        let typ = header.typ.as_deref().unwrap_or_default();
        let typ = typ.strip_prefix("application/").unwrap_or(typ);
        let is_plain = self.takes_plain_jwt && typ.eq_ignore_ascii_case("JWT");
        if typ.eq_ignore_ascii_case("at+jwt") || is_plain {
            Ok(())
        } else {
            Err(Refusal::Type)
        }
    }

    /// In the order of RFC 9068 4. The signature has been verified.
    pub fn check_claims(&self, token: &AccessToken, now: Timestamp) -> Result<(), Refusal> {
        if token.iss != self.issuer {
            return Err(Refusal::Issuer);
        }
        if !token.aud.contains(&self.audience) {
            return Err(Refusal::Audience);
        }
        self.check_expiry(token, now)?;
        if token.nbf.is_some_and(|from| from - AHEAD > now) || token.iat - AHEAD > now {
            return Err(Refusal::NotYet);
        }
        if token.more.contains_key(CONFIRMATION) {
            return Err(Refusal::SenderConstrained);
        }
        Ok(())
    }

    /// All that a token seen before has to be asked again. RFC 7519 4.1.4: on or after `exp` it is not accepted.
    pub fn check_expiry(&self, token: &AccessToken, now: Timestamp) -> Result<(), Refusal> {
        if now >= token.exp + self.leeway {
            return Err(Refusal::Expired);
        }
        Ok(())
    }
}
