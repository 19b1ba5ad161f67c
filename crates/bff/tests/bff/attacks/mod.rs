//! What an attacker would send, a file for each way.

mod cookies;
mod fixation;
mod forgery;
mod headers;
mod paths;
mod redirects;
mod rows;
mod smuggling;

use std::sync::Arc;

use latchkey_bff::store::MemoryStore;

use crate::support::World;

async fn world() -> World {
    World::start(Arc::new(MemoryStore::default())).await
}
