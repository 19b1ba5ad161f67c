//! How many logout tokens this node sends at once: in all, to each host, to each client, and to all that fail.

use std::collections::HashMap;

/// In all.
const ALL: usize = 128;
/// To clients that failed last time, together.
const ALL_FAILING: usize = ALL / 2;
/// To one host, which several clients may share: as many as outbound calls to it are let through.
const OF_HOST: usize = 16;

/// How a client answered last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It took its logout token.
    Answers,
    /// It did not.
    Fails,
}

/// To a client: more where it is known to answer, few where it failed.
fn of_client(standing: Option<Standing>) -> usize {
    match standing {
        Some(Standing::Answers) => 8,
        None => 4,
        Some(Standing::Fails) => 2,
    }
}

/// The places that are taken, and how clients stand.
#[derive(Debug, Default)]
pub struct Places {
    taken: Taken,
    /// What is asked for at this moment.
    reserved: Taken,
    /// Of clients that something was sent to; there are no more than are registered.
    standing: HashMap<String, Standing>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    failing: usize,
    of_host: HashMap<String, usize>,
    of_client: HashMap<String, usize>,
}

/// One place.
#[derive(Debug)]
pub struct Place {
    client: String,
    host: String,
    is_failing: bool,
}

impl Taken {
    fn add(&mut self, place: &Place, count: usize) {
        self.all += count;
        self.failing += if place.is_failing { count } else { 0 };
        *self.of_host.entry(place.host.clone()).or_default() += count;
        *self.of_client.entry(place.client.clone()).or_default() += count;
    }

    fn remove(&mut self, place: &Place) {
        self.all -= 1;
        self.failing -= usize::from(place.is_failing);
        for (taken, key) in [
            (&mut self.of_host, &place.host),
            (&mut self.of_client, &place.client),
        ] {
            if let Some(count) = taken.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    taken.remove(key);
                }
            }
        }
    }
}

impl Places {
    /// How many more may be sent to a client now. They are set aside until [`Places::unreserve`].
    pub fn reserve(&mut self, client: &str, host: &str) -> usize {
        let standing = self.standing.get(client).copied();
        let is_failing = standing == Some(Standing::Fails);
        let both = |of: fn(&Taken) -> usize| of(&self.taken) + of(&self.reserved);
        let at = |of: fn(&Taken) -> &HashMap<String, usize>, key: &str| {
            let one = |taken| of(taken).get(key).copied().unwrap_or_default();
            one(&self.taken) + one(&self.reserved)
        };
        let mut room = ALL.saturating_sub(both(|taken| taken.all));
        if is_failing {
            room = room.min(ALL_FAILING.saturating_sub(both(|taken| taken.failing)));
        }
        room = room.min(OF_HOST.saturating_sub(at(|taken| &taken.of_host, host)));
        room = room.min(of_client(standing).saturating_sub(at(|taken| &taken.of_client, client)));
        if room > 0 {
            let place = self.place(client, host);
            self.reserved.add(&place, room);
        }
        room
    }

    /// What was set aside is free, or taken from here on.
    pub fn unreserve(&mut self) {
        self.reserved = Taken::default();
    }

    /// Takes a place that was set aside.
    pub fn take(&mut self, client: &str, host: &str) -> Place {
        let place = self.place(client, host);
        self.taken.add(&place, 1);
        place
    }

    fn place(&self, client: &str, host: &str) -> Place {
        Place {
            client: client.to_owned(),
            host: host.to_owned(),
            is_failing: self.standing.get(client) == Some(&Standing::Fails),
        }
    }

    /// Gives a place back, with how the client stands now.
    pub fn leave(&mut self, place: Place, standing: Option<Standing>) {
        self.taken.remove(&place);
        if let Some(standing) = standing {
            self.standing.insert(place.client, standing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(places: &mut Places, client: &str, host: &str) -> Vec<Place> {
        let room = places.reserve(client, host);
        places.unreserve();
        (0..room).map(|_| places.take(client, host)).collect()
    }

    #[test]
    fn a_client_that_fails_has_few_places_and_one_that_answers_more() {
        let mut places = Places::default();
        let first = fill(&mut places, "a", "a.example");
        assert_eq!(first.len(), 4);
        assert_eq!(places.reserve("a", "a.example"), 0);
        for (standing, room) in [(Standing::Fails, 2), (Standing::Answers, 8)] {
            for place in fill(&mut places, "a", "a.example") {
                places.leave(place, None);
            }
            let place = places.take("b", "b.example");
            places.leave(place, Some(standing));
            assert_eq!(places.reserve("b", "b.example"), room, "{standing:?}");
            places.unreserve();
        }
    }

    #[test]
    fn clients_of_one_host_share_its_places() {
        let mut places = Places::default();
        let taken: usize = (0..9)
            .map(|n| fill(&mut places, &format!("c{n}"), "one.example").len())
            .sum();
        assert_eq!(taken, OF_HOST);
        assert_eq!(places.reserve("other", "other.example"), 4);
    }

    #[test]
    fn clients_that_fail_leave_half_of_all_places_to_the_others() {
        let mut places = Places::default();
        for n in 0..200 {
            let (client, host) = (format!("c{n}"), format!("h{n}"));
            let place = places.take(&client, &host);
            places.leave(place, Some(Standing::Fails));
        }
        let mut held = Vec::new();
        for n in 0..200 {
            held.extend(fill(&mut places, &format!("c{n}"), &format!("h{n}")));
        }
        assert_eq!(held.len(), ALL_FAILING);
        assert_eq!(places.reserve("new", "new.example"), 4);
        places.unreserve();
        for place in held {
            places.leave(place, Some(Standing::Answers));
        }
        assert_eq!(places.taken.all, 0);
        assert!(places.taken.of_client.is_empty() && places.taken.of_host.is_empty());
    }

    #[test]
    fn what_is_set_aside_for_one_client_is_not_promised_to_another() {
        let mut places = Places::default();
        let promised: usize = (0..200)
            .map(|n| places.reserve(&format!("c{n}"), &format!("h{n}")))
            .sum();
        assert_eq!(promised, ALL);
    }
}
