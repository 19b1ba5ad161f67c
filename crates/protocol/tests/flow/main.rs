//! Whole stories over the rules, drawn at random; the fuzz target `flow` looks for more of them.
#![allow(clippy::unwrap_used)]

mod browser;
mod tokens;
mod world;

use world::{Acts, World};

/// A sequence of bytes for each seed (SplitMix64).
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_be_bytes()
    };
    (0..128).flat_map(|_| next()).collect()
}

#[test]
fn whatever_happens_the_rules_allow_what_they_should_and_nothing_else() {
    let mut reached = [0; 3];
    for seed in 0..500 {
        let mut world = World::new();
        world.run(Acts(&bytes(seed)));
        for (all, one) in reached.iter_mut().zip(world.counts()) {
            *all += one;
        }
    }
    // The stories go deep: codes, exchanges, refresh tokens.
    assert!(
        reached[0] > 1000 && reached[1] > 500 && reached[2] > 500,
        "{reached:?}"
    );
}
