//! One file for each grant: what is special about it. `issue.rs` makes the tokens of all.

pub mod authorization_code;
pub mod client_credentials;
mod entry;
pub mod issue;
pub mod refresh_token;
