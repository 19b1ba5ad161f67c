//! The places of a list: each number has its own, and nobody tells the next one.

use latchkey_protocol::{
    secret::Pepper,
    status::{ENTRIES, Permutation},
};

fn permutation(master: u8, list: u32) -> Permutation {
    Permutation::of(&Pepper::derive(&[master; 32], "status indices"), list)
}

#[test]
fn each_number_has_a_place_of_its_own() {
    let permutation = permutation(1, 1);
    let mut taken = vec![false; ENTRIES as usize];
    for number in 0..ENTRIES {
        let place = &mut taken[permutation.place(number) as usize];
        assert!(!std::mem::replace(place, true), "{number}");
    }
}

/// Rank correlation: 0 where one order says nothing of the other.
#[test]
fn the_order_of_places_says_nothing_of_the_order_of_tokens() {
    let permutation = permutation(1, 1);
    let count = 10_000_u32;
    let places: Vec<u32> = (0..count).map(|n| permutation.place(n)).collect();
    let mut ranks: Vec<usize> = (0..places.len()).collect();
    ranks.sort_by_key(|at| places[*at]);
    let apart: f64 = ranks
        .iter()
        .enumerate()
        .map(|(rank, at)| (rank as f64 - *at as f64).powi(2))
        .sum();
    let n = f64::from(count);
    let correlation = 1.0 - 6.0 * apart / (n * (n * n - 1.0));
    assert!(correlation.abs() < 0.05, "{correlation}");
    // Nor does one place tell the next: differences repeat no more often than by chance.
    let mut steps: Vec<u32> = places
        .windows(2)
        .map(|two| two[1].wrapping_sub(two[0]) % ENTRIES)
        .collect();
    steps.sort_unstable();
    steps.dedup();
    assert!(steps.len() > 9_800, "{}", steps.len());
}

#[test]
fn lists_and_installations_have_orders_of_their_own() {
    let order = |permutation: Permutation| -> Vec<u32> {
        (0..1000).map(|number| permutation.place(number)).collect()
    };
    let first = order(permutation(1, 1));
    assert_eq!(first, order(permutation(1, 1)));
    for other in [permutation(1, 2), permutation(2, 1), permutation(1, 11)] {
        let same = order(other)
            .iter()
            .zip(&first)
            .filter(|(a, b)| a == b)
            .count();
        assert!(same < 10, "{same}");
    }
}
