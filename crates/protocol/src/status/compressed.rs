//! DEFLATE in the ZLIB format (RFC 1951, RFC 1950), as the draft wants it (4.1), and never more of it than there is room for.

use std::io::Write;

use flate2::{Compression, Decompress, FlushDecompress, Status, write::ZlibEncoder};

use super::ListFault;

/// The room that is taken first, in bytes.
const FIRST: usize = 16 * 1024;

/// How hard it tries: of a list of which a tenth ended the best level takes nearly three times as long, for one byte in a
/// hundred.
const LEVEL: u32 = 6;

/// Compresses. The same bytes give the same bytes, by one version of this program.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(LEVEL));
    // A vector takes whatever is written to it.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_else(|_| unreachable!("a vector takes every byte"))
}

/// The bytes again, `most` of them at the most: what would be more is refused before there is room for it.
///
/// # Errors
/// [`ListFault::Compression`] for what is no such stream, is not whole, or has something behind it;
/// [`ListFault::TooLarge`].
pub fn inflate(compressed: &[u8], most: usize) -> Result<Vec<u8>, ListFault> {
    let (mut inflater, mut bytes) = (Decompress::new(true), Vec::new());
    let mut rest = compressed;
    loop {
        // One more than may come, to see that it does.
        let room = (most + 1).saturating_sub(bytes.len());
        bytes.reserve_exact(room.min(bytes.len().max(FIRST)));
        let (before, was) = (inflater.total_in(), bytes.len());
        let status = inflater
            .decompress_vec(rest, &mut bytes, FlushDecompress::None)
            .map_err(|_| ListFault::Compression)?;
        let read = usize::try_from(inflater.total_in() - before).unwrap_or(rest.len());
        rest = rest.get(read..).unwrap_or_default();
        if bytes.len() > most {
            return Err(ListFault::TooLarge);
        }
        match status {
            Status::StreamEnd if rest.is_empty() => return Ok(bytes),
            Status::StreamEnd => return Err(ListFault::Compression),
            Status::Ok | Status::BufError if read == 0 && bytes.len() == was => {
                return Err(ListFault::Compression);
            }
            Status::Ok | Status::BufError => {}
        }
    }
}
