//! A status list as a token (draft 5.1), made so that every node makes the same bytes.

use std::{io::Write, sync::Arc};

use actix_web::web::Bytes;
use flate2::{Compression, write::GzEncoder};
use latchkey_jose::{JoseError, KeyRing};
use latchkey_protocol::{
    Issuer, Timestamp, paths,
    status::{STATUS_LIST_TYPE, StatusEntry, StatusListClaims, StatusListMember},
};

use super::{StatusSettings, ended::Content};
use crate::keys::entity_tag;

/// `iat` stands on a grid, so that nodes agree on it. In seconds.
const GRID: i64 = 10;
/// What is smaller travels as it is.
const WORTH_ZIPPING: usize = 1024;

/// What a token says besides the list.
pub struct Frame {
    pub issuer: Issuer,
    pub issued_at: Timestamp,
    pub settings: StatusSettings,
    /// How far our clock is ahead of everybody's, in seconds: 0 but where a developer has set it forward. The list is then
    /// good by either.
    pub ahead: i64,
}

/// What is answered to whoever asks for a list.
pub enum Issued {
    Token(Arc<SignedList>),
    /// The database has not been read for so long that nothing can be said.
    TooOld,
    /// It could not be signed.
    Broken,
    /// It may be there: so many have asked for such lists that nobody looks for this one just now.
    Unknown,
}

/// A status list token, and what it was made from.
pub struct SignedList {
    pub issued_at: Timestamp,
    pub ahead: i64,
    pub kid: String,
    /// The token and its entity tag.
    pub plain: (Bytes, String),
    /// Likewise, compressed once more, where that is worth something: base64url costs a third.
    pub zipped: Option<(Bytes, String)>,
}

/// The last moment of the grid.
pub fn on_grid(moment: Timestamp) -> Timestamp {
    moment - moment.as_seconds().rem_euclid(GRID)
}

impl Frame {
    fn expires_at(&self) -> Timestamp {
        self.issued_at + self.settings.lifetime + self.ahead
    }

    /// Whether a token of it would be over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }

    fn claims(&self, number: u32, content: &Content) -> StatusListClaims {
        StatusListClaims {
            iss: Some(self.issuer.as_str().to_owned()),
            sub: StatusEntry::uri(&self.issuer, number),
            iat: self.issued_at,
            exp: Some(self.expires_at()),
            ttl: u64::try_from(self.settings.ttl).ok(),
            status_list: StatusListMember {
                bits: content.bits(),
                lst: content.lst().to_owned(),
                aggregation_uri: Some(self.issuer.at(paths::STATUS_LISTS)),
            },
        }
    }
}

/// Makes the token of a list. The key is the one that signs now: nobody need know one that has just been withdrawn.
pub fn make(
    frame: &Frame,
    number: u32,
    content: &Content,
    ring: &KeyRing,
    now: Timestamp,
) -> Result<SignedList, JoseError> {
    let signer = ring.signer(now.as_seconds())?;
    let token = signer.sign(STATUS_LIST_TYPE, &frame.claims(number, content))?;
    let tag = entity_tag(token.as_bytes());
    Ok(SignedList {
        issued_at: frame.issued_at,
        ahead: frame.ahead,
        kid: signer.kid().to_owned(),
        zipped: zipped(token.as_bytes()).map(|zipped| {
            // Other bytes, so another entity (RFC 9110 8.8.3).
            let tag = format!("{}-gzip\"", tag.trim_end_matches('"'));
            (zipped, tag)
        }),
        plain: (Bytes::from(token), tag),
    })
}

fn zipped(token: &[u8]) -> Option<Bytes> {
    if token.len() <= WORTH_ZIPPING {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(token).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
