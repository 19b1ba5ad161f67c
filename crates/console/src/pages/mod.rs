//! One file for each page, or for a few that belong together.

pub mod audit;
pub mod confirm;
pub mod deliveries;
pub mod keys;
pub mod overview;
pub mod problem;
pub mod receipt;
pub mod refusals;
pub mod session;
pub mod sessions;
pub mod user;
pub mod user_actions;
pub mod user_form;
pub mod user_password;
pub mod users;
