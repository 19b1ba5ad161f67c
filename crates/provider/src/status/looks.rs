//! How often strangers may have us look into the database for a list that we do not know.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// In a second.
const MOST: u32 = 10;

/// The looks of the second that is running.
#[derive(Default)]
pub struct Looks(Mutex<Option<(Instant, u32)>>);

impl Looks {
    pub fn may_look(&self, now: Instant) -> bool {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |at: Instant| now.saturating_duration_since(at);
        let (began, count) = looks
            .filter(|(began, _)| since(*began) < Duration::from_secs(1))
            .unwrap_or((now, 0));
        *looks = Some((began, count + 1));
        count < MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_looks_a_second_and_no_more() {
        let (looks, now) = (Looks::default(), Instant::now());
        let may = |at| (0..100).filter(|_| looks.may_look(at)).count();
        assert_eq!(may(now), 10);
        assert_eq!(may(now + Duration::from_millis(999)), 0);
        assert_eq!(may(now + Duration::from_secs(1)), 10);
    }
}
