//! The resources, a file for each.

pub mod audit;
pub mod bulk_ends;
pub mod claims;
pub mod client_shapes;
pub mod clients;
pub mod consents;
pub mod deliveries;
pub mod identities;
pub mod keys;
pub mod overview;
pub mod preview;
pub mod refusals;
pub mod session;
pub mod sessions;
pub mod upstreams;
pub mod user_list;
pub mod user_password;
pub mod users;
