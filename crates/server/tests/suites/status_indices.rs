//! Entries of status lists come in no order that anybody could tell (draft 12.2, 13.2).

use std::collections::HashSet;

use futures_util::future::join_all;

use crate::support::{status::entry, *};

#[test]
fn of_tokens_that_are_issued_one_after_another_nobody_tells_the_next_entry() {
    on_both(async |h| {
        let mut drawn = Vec::new();
        for _ in 0..25 {
            let some =
                (0..20).map(|_| h.post_as_app("/token", &[("grant_type", "client_credentials")]));
            let some = join_all(some).await;
            drawn.extend(
                some.iter()
                    .map(|token| entry(&token.json["access_token"]).1),
            );
        }
        let different: HashSet<_> = drawn.iter().collect();
        assert_eq!(different.len(), 500);
        let steps: HashSet<_> = drawn
            .windows(2)
            .map(|two| two[1].wrapping_sub(two[0]))
            .collect();
        assert!(steps.len() > 490, "{}", steps.len());
        // Spearman's correlation of the order with the entries: of 500 without any, its deviation is 0.045.
        let mut sorted = drawn.clone();
        sorted.sort_unstable();
        let rank = |idx: &u64| sorted.binary_search(idx).unwrap() as f64;
        let squares: f64 = (drawn.iter().enumerate())
            .map(|(at, idx)| (at as f64 - rank(idx)).powi(2))
            .sum();
        let n = drawn.len() as f64;
        let correlation = 1.0 - 6.0 * squares / (n * (n * n - 1.0));
        assert!(correlation.abs() < 0.25, "{correlation}");
        let upper = drawn.iter().filter(|idx| **idx >= 1 << 19).count();
        assert!((170..330).contains(&upper), "all over the list: {upper}");
    });
}
