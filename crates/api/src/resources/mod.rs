//! The resources, a file for each.

pub mod audit;
pub mod claims;
pub mod clients;
pub mod consents;
pub mod deliveries;
pub mod keys;
pub mod refusals;
pub mod sessions;
pub mod users;
