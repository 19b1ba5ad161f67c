//! What a list said a moment ago: behind a load balancer the next answer may come from a node that knows a little less.

use latchkey_protocol::{
    Timestamp,
    status::{StatusList, Width},
};

/// How long a bit that was set stays so at least, in seconds. The issuer takes bits back only when their tokens are over.
const STAYS: i64 = 60;

/// The bits that were set in this minute, and in the one before.
#[derive(Default)]
pub struct Sticky {
    since: Timestamp,
    now: Vec<u8>,
    before: Vec<u8>,
}

impl Sticky {
    /// The list, with what was set before. Wider lists have statuses that are taken back, and are what they are.
    pub fn keep(&mut self, list: StatusList, now: Timestamp) -> StatusList {
        if list.width() != Width::One {
            *self = Self::default();
            return list;
        }
        if !(0..STAYS).contains(&(now - self.since)) {
            self.before = std::mem::take(&mut self.now);
            self.since = now;
        }
        let mut bytes = list.into_bytes();
        self.now.resize(bytes.len().max(self.now.len()), 0);
        add(&mut self.now, &bytes);
        add(&mut bytes, &self.now);
        add(&mut bytes, &self.before);
        StatusList::of_bytes(Width::One, bytes)
    }
}

impl Sticky {
    /// Adds to the list that is known what another one ends, and remembers it as long as what it ended itself.
    pub fn add(&mut self, known: &mut StatusList, other: StatusList) {
        if (known.width(), other.width()) != (Width::One, Width::One) {
            return;
        }
        let others = other.into_bytes();
        add(&mut self.now, &others);
        let mut bytes = known.bytes().to_vec();
        add(&mut bytes, &others);
        *known = StatusList::of_bytes(Width::One, bytes);
    }
}

/// As far as both go.
fn add(bytes: &mut [u8], others: &[u8]) {
    for (byte, other) in bytes.iter_mut().zip(others) {
        *byte |= other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_stays_for_a_minute_and_not_for_ever() {
        let mut sticky = Sticky::default();
        let mut keep = |byte: u8, seconds: i64| {
            let list = StatusList::of_bytes(Width::One, vec![byte]);
            let kept = sticky.keep(list, Timestamp::from_seconds(1000 + seconds));
            kept.bytes()[0]
        };
        assert_eq!(keep(0b001, 0), 0b001);
        assert_eq!(keep(0b000, 1), 0b001);
        assert_eq!(keep(0b010, 59), 0b011);
        assert_eq!(keep(0b100, 61), 0b111);
        assert_eq!(keep(0b000, 119), 0b111);
        assert_eq!(keep(0b000, 121), 0b100);
        assert_eq!(keep(0b000, 181), 0b000);
    }

    #[test]
    fn lists_that_grow_and_shrink_keep_what_they_have() {
        let mut sticky = Sticky::default();
        let mut keep = |bytes: &[u8]| {
            let list = StatusList::of_bytes(Width::One, bytes.to_vec());
            sticky.keep(list, Timestamp::from_seconds(5)).into_bytes()
        };
        assert_eq!(keep(&[1]), [1]);
        assert_eq!(keep(&[0, 4]), [1, 4]);
        assert_eq!(keep(&[2]), [3]);
        assert_eq!(keep(&[0, 0, 0]), [3, 4, 0]);
    }

    /// A suspension ends when the issuer says so.
    #[test]
    fn statuses_of_more_than_a_bit_are_taken_back_at_once() {
        let mut sticky = Sticky::default();
        for byte in [2, 0] {
            let list = StatusList::of_bytes(Width::Two, vec![byte]);
            assert_eq!(
                sticky.keep(list, Timestamp::from_seconds(5)).bytes(),
                [byte]
            );
        }
    }
}
