//! A list of statuses: 1, 2, 4 or 8 bits for each, from the least significant bit of each byte on (draft 4.1).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::compressed::{deflate, inflate};

/// Why a list cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// `bits` is not 1, 2, 4 or 8.
    #[error("its entries have neither 1, 2, 4 nor 8 bits")]
    Bits,
    /// `lst` is not base64url without padding.
    #[error("it is not base64url")]
    Encoding,
    /// No whole ZLIB stream, or something behind it.
    #[error("it is not compressed as it should be (RFC 1950)")]
    Compression,
    /// Longer than there is room for.
    #[error("it is too large")]
    TooLarge,
}

/// How many bits an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Good, or not.
    One,
    /// Four statuses.
    Two,
    /// Sixteen.
    Four,
    /// Two hundred and fifty-six.
    Eight,
}

impl Width {
    /// As `bits` says it.
    ///
    /// # Errors
    /// [`ListFault::Bits`].
    pub fn of(bits: u64) -> Result<Self, ListFault> {
        match bits {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            _ => Err(ListFault::Bits),
        }
    }

    /// The number of bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// The byte of an entry, how far its bits lie to the left in it, and what is left of it there.
    const fn place(self, idx: u64) -> (u64, u32, u8) {
        let in_a_byte = 8 / self.bits() as u64;
        let shift = (idx % in_a_byte) as u32 * self.bits() as u32;
        (idx / in_a_byte, shift, u8::MAX >> (8 - self.bits()))
    }
}

/// Statuses by their places. 0 is good; whatever else is not.
///
/// ```
/// # use latchkey_protocol::status::{StatusList, Width};
/// let mut list = StatusList::of_bytes(Width::One, vec![0; 2]);
/// list.set(8, 1);
/// assert_eq!((list.get(8), list.get(7), list.get(16)), (Some(1), Some(0), None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusList {
    width: Width,
    bytes: Vec<u8>,
}

impl StatusList {
    /// Of bytes as they are before they are compressed.
    pub fn of_bytes(width: Width, bytes: Vec<u8>) -> Self {
        Self { width, bytes }
    }

    /// Reads `bits` and `lst` (draft 4.2). `most`: the longest list there is room for, in bytes.
    ///
    /// # Errors
    /// [`ListFault`].
    pub fn read(bits: u64, lst: &str, most: usize) -> Result<Self, ListFault> {
        let width = Width::of(bits)?;
        let compressed = URL_SAFE_NO_PAD
            .decode(lst)
            .map_err(|_| ListFault::Encoding)?;
        Ok(Self::of_bytes(width, inflate(&compressed, most)?))
    }

    /// As `lst` says it.
    pub fn lst(&self) -> String {
        URL_SAFE_NO_PAD.encode(deflate(&self.bytes))
    }

    /// The status at a place; none behind the end.
    pub fn get(&self, idx: u64) -> Option<u8> {
        let (byte, shift, mask) = self.width.place(idx);
        let byte = self.bytes.get(usize::try_from(byte).ok()?)?;
        Some(byte >> shift & mask)
    }

    /// Notes a status: as much of it as an entry has bits. Behind the end there is nothing to note.
    pub fn set(&mut self, idx: u64, status: u8) {
        let (byte, shift, mask) = self.width.place(idx);
        let byte = usize::try_from(byte)
            .ok()
            .and_then(|at| self.bytes.get_mut(at));
        if let Some(byte) = byte {
            *byte = *byte & !(mask << shift) | (status & mask) << shift;
        }
    }

    /// How many bits an entry has.
    pub fn width(&self) -> Width {
        self.width
    }

    /// The bytes, from that of the first entry on.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes alone.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
