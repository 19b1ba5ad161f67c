//! Token Status List (draft-ietf-oauth-status-list-21): whether an access token still counts, without asking anybody.
//!
//! Each token has an entry of its own: a number of a list, and its place in it. The issuer publishes the lists, and whoever
//! follows them knows which tokens have ended before their time.

mod bits;
mod compressed;
mod entries;
mod list_token;
mod permutation;
mod reference;

pub use bits::{ListFault, StatusList, Width};
pub use compressed::{deflate, inflate};
pub use entries::{TokenEntries, TokenEntry};
pub use list_token::{STATUS_LIST_TYPE, StatusListClaims, StatusListMember};
pub use permutation::Permutation;
pub use reference::{StatusClaim, StatusEntry, StatusReference};

/// The entries of one of our lists: 128 KiB at one bit each.
pub const ENTRIES: u32 = 1 << 20;
