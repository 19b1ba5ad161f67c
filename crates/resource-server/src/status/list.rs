//! Reads a status list token, in the order of the draft (8.3).

use std::time::Duration;

use latchkey_jose::{Algorithm, Compact};
use latchkey_protocol::{
    Timestamp,
    status::{STATUS_LIST_TYPE, StatusList, StatusListClaims},
};

use super::slot::Fresh;
use crate::{http::FetchError, keys::Keys};

/// The longest list, in bytes: 8 Mi entries of one bit.
const MOST_BYTES: usize = 1 << 20;

/// How far `iat` may lie in the future, in seconds: clocks differ.
const AHEAD: i64 = 60;

/// How long a list counts that does not say it, in seconds.
const USUAL_LIFE: i64 = 3600;

/// What a list has to be.
pub struct Expected<'a> {
    pub issuer: &'a str,
    /// The address that tokens name.
    pub uri: &'a str,
    pub algorithms: &'a [Algorithm],
    /// Whether it need not name its issuer.
    pub lacks_iss: bool,
}

impl Expected<'_> {
    /// A list that is signed by the issuer, is this one, and counts at this moment.
    pub async fn read(
        &self,
        body: &[u8],
        keys: &Keys,
        now: impl Fn() -> Timestamp,
    ) -> Result<Fresh, FetchError> {
        let bad = |why: &dyn std::fmt::Display| FetchError::new(format!("{}: {why}", self.uri));
        let text = std::str::from_utf8(body).map_err(|_| bad(&"this is no list token"))?;
        let token =
            Compact::parse_any(text.trim_ascii_end()).map_err(|_| bad(&"this is no list token"))?;
        let header = &token.unverified_header;
        if header.typ.as_deref() != Some(STATUS_LIST_TYPE) {
            return Err(bad(&"this is another kind of token"));
        }
        // With a shared secret the draft would allow: whoever verifies could publish then.
        let algorithm = Algorithm::from_name(&header.alg)
            .filter(|named| self.algorithms.contains(named))
            .ok_or_else(|| bad(&"its algorithm is not accepted"))?;
        let kid = header.kid.as_deref().unwrap_or_default();
        let verified = keys.verify(&token, kid, algorithm).await;
        verified.map_err(|why| bad(&why))?;
        let claims = token
            .unverified_claims()
            .map_err(|_| bad(&"it has not the claims of a list"))?;
        self.check(&claims, now()).map_err(|why| bad(&why))?;
        let member = &claims.status_list;
        let list =
            StatusList::read(member.bits, &member.lst, MOST_BYTES).map_err(|why| bad(&why))?;
        Ok(Fresh {
            list,
            iat: claims.iat,
            until: end(&claims),
            ttl: claims.ttl.map(Duration::from_secs),
        })
    }

    fn check(&self, claims: &StatusListClaims, now: Timestamp) -> Result<(), &'static str> {
        if claims.sub != self.uri {
            return Err("it is another list (`sub`)");
        }
        match &claims.iss {
            Some(issuer) if issuer == self.issuer => {}
            Some(_) => return Err("it is a list of another issuer"),
            None if self.lacks_iss => {}
            None => return Err("it does not name its issuer (StatusLists::accept_without_issuer)"),
        }
        if claims.iat - AHEAD > now {
            return Err("it comes from the future: look at the clocks of issuer and API");
        }
        if now >= end(claims) {
            return Err("it has expired: look at the clocks of issuer and API");
        }
        Ok(())
    }
}

fn end(claims: &StatusListClaims) -> Timestamp {
    claims.exp.unwrap_or(claims.iat + USUAL_LIFE)
}
