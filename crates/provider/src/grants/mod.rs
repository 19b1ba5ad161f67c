//! One file for each grant: what is special about it.

pub mod authorization_code;
pub mod client_credentials;
pub mod refresh_token;
