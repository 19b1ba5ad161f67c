//! How many calls there may be within a second: by one client, and in all.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use latchkey_protocol::{ClientId, Reason, Timestamp, error::Refusal};

/// Calls within one second, whoever makes them: a console's worth of work, and an import's; not a flood.
pub const CALLS: u32 = 300;
/// Calls of one client within one second: a client that loops, or whose token was stolen, leaves room for those who stop it.
pub const CALLS_OF_ONE: u32 = 100;

/// Counts the calls that come with a token of this API. Whoever has none is not counted, and so keeps nobody out.
#[derive(Debug, Default)]
pub struct Rate(Mutex<Second>);

/// What was counted within one second.
#[derive(Debug, Default)]
struct Second {
    at: Timestamp,
    all: u32,
    /// As many as there were calls, at most.
    by_client: HashMap<ClientId, u32>,
}

impl Rate {
    /// Counts a call.
    ///
    /// # Errors
    /// [`Reason::ApiCallsTooMany`].
    pub fn count(&self, client: &ClientId, now: Timestamp) -> Result<(), Refusal> {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if second.at != now {
            *second = Second {
                at: now,
                ..Second::default()
            };
        }
        let by_one = second.by_client.get(client).copied().unwrap_or_default();
        if second.all >= CALLS || by_one >= CALLS_OF_ONE {
            let expected = format!(
                "at most {CALLS_OF_ONE} calls of a client and {CALLS} in all, within a second"
            );
            return Err(Reason::ApiCallsTooMany.because(expected, "more"));
        }
        second.all += 1;
        second.by_client.insert(client.clone(), by_one + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_room_for_so_many_calls_and_one_client_does_not_take_it_all() {
        let rate = Rate::default();
        let counted = |client: &str, second| {
            let (client, now) = (ClientId::new(client), Timestamp::from_seconds(second));
            (0..2 * CALLS)
                .filter(|_| rate.count(&client, now).is_ok())
                .count()
        };
        assert_eq!(counted("loops", 1), CALLS_OF_ONE as usize);
        assert_eq!(counted("other", 1), CALLS_OF_ONE as usize);
        assert_eq!(counted("third", 1), CALLS_OF_ONE as usize);
        assert_eq!(counted("fourth", 1), 0, "{CALLS} in all");
        assert_eq!(counted("loops", 2), CALLS_OF_ONE as usize);
        // A clock that was set back stops nobody.
        assert_eq!(counted("loops", 1), CALLS_OF_ONE as usize);
    }
}
