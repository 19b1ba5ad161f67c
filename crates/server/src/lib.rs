//! The program: reads settings, opens the store, joins the routes, runs commands.

pub mod cli;
pub mod commands;
pub mod config;
pub mod connections;
pub mod dev;
pub mod edge;
pub mod host;
pub mod key_watch;
pub mod log;
pub mod observe;
pub mod recorder;
pub mod runtime;
pub mod serve;
pub mod tls;
pub mod wiring;
