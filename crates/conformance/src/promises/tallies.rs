//! Counts by the hour add up, whoever adds to them.

use super::*;
use latchkey_protocol::tally::{Counted, HourlyCount};

pub fn counts_of_many_nodes_add_up_by_the_hour(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let added = winners(&store, |store, n| async move {
            let counts = [
                (Counted::SignIns, 1),
                (Counted::Tokens, i64::try_from(n).unwrap()),
            ];
            store.add_counts(&counts, moment(500)).await.is_ok()
        });
        assert_eq!(added.await, CALLERS);
        let none = store.add_counts(&[], moment(3600 + 500)).await;
        none.unwrap();
        let of = |hour: i64, what, count| HourlyCount {
            hour: moment(hour),
            what,
            count,
        };
        let callers = i64::try_from(CALLERS).unwrap();
        let all = store.hourly_counts(moment(0)).await.unwrap();
        let expected = [
            of(0, Counted::Sessions, 1),
            of(0, Counted::SignIns, callers),
            of(0, Counted::Tokens, callers * (callers - 1) / 2),
            // The one that there was has expired.
            of(3600, Counted::Sessions, 0),
        ];
        assert_eq!(all, expected);
        let later = store.hourly_counts(moment(3600)).await.unwrap();
        assert_eq!(later, expected[3..]);
        let far = moment(400 * 86_400);
        store.add_counts(&[], far).await.unwrap();
        assert_eq!(store.hourly_counts(moment(0)).await.unwrap().len(), 1);
    });
}
