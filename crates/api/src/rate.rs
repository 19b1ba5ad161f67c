//! How many calls there may be within a second, in all.

use std::sync::{Mutex, PoisonError};

use latchkey_protocol::{Reason, Timestamp, error::Refusal};

/// Calls within one second, whoever makes them: a console's worth of work, and an import's; not a flood.
pub const CALLS: u32 = 300;

/// Counts the calls that come with a token of this API. Whoever has none is not counted, and so keeps nobody out.
#[derive(Debug, Default)]
pub struct Rate(Mutex<(Timestamp, u32)>);

impl Rate {
    /// Counts a call.
    ///
    /// # Errors
    /// [`Reason::ApiCallsTooMany`].
    pub fn count(&self, now: Timestamp) -> Result<(), Refusal> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.0 != now {
            *counted = (now, 0);
        }
        if counted.1 >= CALLS {
            let expected = format!("at most {CALLS} calls within a second");
            return Err(Reason::ApiCallsTooMany.because(expected, "more"));
        }
        counted.1 += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_room_for_so_many_calls_and_no_more() {
        let rate = Rate::default();
        let at = Timestamp::from_seconds;
        let counted = |now| (0..2 * CALLS).filter(|_| rate.count(now).is_ok()).count();
        assert_eq!(counted(at(1)), CALLS as usize);
        assert_eq!(counted(at(1)), 0);
        assert_eq!(counted(at(2)), CALLS as usize);
        // A clock that was set back stops nobody.
        assert_eq!(counted(at(1)), CALLS as usize);
    }
}
