//! Whole stories over the rules, each act checked by an oracle that knows the answer: see `tests/flow/world.rs`.
#![no_main]
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/flow/browser.rs"]
mod browser;
#[path = "../../tests/flow/tokens.rs"]
mod tokens;
#[path = "../../tests/flow/world.rs"]
mod world;

use world::{Acts, World};

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    world.run(Acts(data));
    let [codes, exchanged, _] = world.counts();
    assert!(exchanged <= codes);
});
