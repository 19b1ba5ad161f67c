//! Token Status List (draft-ietf-oauth-status-list-21): the format, the order of the places, and the entries of an authorization.
#![allow(clippy::unwrap_used)]

mod bounds;
mod claims;
mod entries;
mod places;
mod vectors;
