//! How many logout tokens this node sends at once: in all, to each host, to each client, and to all that fail.

use std::collections::HashMap;

/// In all.
const ALL: usize = 128;
/// To clients that failed last time, together.
const ALL_FAILING: usize = ALL / 2;
/// To those and to clients that nothing was sent to yet, together: the others are known to answer soon.
const ALL_UNPROVEN: usize = ALL - ALL / 4;
/// The last of all are for clients that have none.
const ALL_FURTHER: usize = ALL - ALL / 4;
/// To one host, which several clients may share: as many as outbound calls to it are let through.
const OF_HOST: usize = 16;

/// How a client answered last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It took its logout token soon.
    Answers,
    /// It did not, or was slow.
    Fails,
}

/// To a client: more where it is known to answer, few where it failed, and one to see how it answers: after a start that
/// is so of all, and those that are dead must not take the places of those that live.
fn of_client(standing: Option<Standing>) -> usize {
    match standing {
        Some(Standing::Answers) => 8,
        None => 1,
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
    /// Who was given a place last.
    last: String,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    failing: usize,
    unproven: usize,
    of_host: HashMap<String, usize>,
    of_client: HashMap<String, usize>,
}

/// One place.
#[derive(Debug)]
pub struct Place {
    client: String,
    host: String,
    standing: Option<Standing>,
}

impl Place {
    fn is_failing(&self) -> bool {
        self.standing == Some(Standing::Fails)
    }

    fn is_unproven(&self) -> bool {
        self.standing != Some(Standing::Answers)
    }
}

impl Taken {
    fn add(&mut self, place: &Place) {
        self.all += 1;
        self.failing += usize::from(place.is_failing());
        self.unproven += usize::from(place.is_unproven());
        *self.of_host.entry(place.host.clone()).or_default() += 1;
        *self.of_client.entry(place.client.clone()).or_default() += 1;
    }

    fn remove(&mut self, place: &Place) {
        self.all -= 1;
        self.failing -= usize::from(place.is_failing());
        self.unproven -= usize::from(place.is_unproven());
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
    /// How many may be sent to each of these clients now, given by id in their order, and host. Each gets one in its turn,
    /// from whoever follows the one that was served last, until no more are free. They are set aside until
    /// [`Places::unreserve`].
    pub fn share<C: AsRef<str>>(&mut self, clients: &[(C, String)]) -> Vec<usize> {
        let mut rooms = vec![0; clients.len()];
        let first = clients.partition_point(|(id, _)| id.as_ref() <= self.last.as_str());
        let mut goes_on = true;
        while goes_on {
            goes_on = false;
            for at in (first..clients.len()).chain(0..first) {
                let (id, host) = &clients[at];
                if self.reserve(id.as_ref(), host) {
                    rooms[at] += 1;
                    self.last = id.as_ref().to_owned();
                    goes_on = true;
                }
            }
        }
        rooms
    }

    /// Sets a place aside, if the client may have one more.
    fn reserve(&mut self, client: &str, host: &str) -> bool {
        let both = |of: fn(&Taken) -> usize| of(&self.taken) + of(&self.reserved);
        let all = both(|taken| taken.all);
        if all >= ALL {
            return false;
        }
        let at = |of: fn(&Taken) -> &HashMap<String, usize>, key: &str| {
            let one = |taken| of(taken).get(key).copied().unwrap_or_default();
            one(&self.taken) + one(&self.reserved)
        };
        let own = at(|taken| &taken.of_client, client);
        let place = self.place(client, host);
        let is_full = own >= of_client(place.standing)
            || at(|taken| &taken.of_host, host) >= OF_HOST
            || (own > 0 && all >= ALL_FURTHER)
            || (place.is_failing() && both(|taken| taken.failing) >= ALL_FAILING)
            || (place.is_unproven() && both(|taken| taken.unproven) >= ALL_UNPROVEN);
        if !is_full {
            self.reserved.add(&place);
        }
        !is_full
    }

    /// What was set aside is free, or taken from here on.
    pub fn unreserve(&mut self) {
        self.reserved = Taken::default();
    }

    /// Takes a place that was set aside.
    pub fn take(&mut self, client: &str, host: &str) -> Place {
        let place = self.place(client, host);
        self.taken.add(&place);
        place
    }

    fn place(&self, client: &str, host: &str) -> Place {
        Place {
            client: client.to_owned(),
            host: host.to_owned(),
            standing: self.standing.get(client).copied(),
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

    fn room(places: &mut Places, client: &str, host: &str) -> usize {
        let room = places.share(&[(client.to_owned(), host.to_owned())]);
        places.unreserve();
        room[0]
    }

    fn fill(places: &mut Places, client: &str, host: &str) -> Vec<Place> {
        let room = room(places, client, host);
        (0..room).map(|_| places.take(client, host)).collect()
    }

    /// Clients, each with a host of its own.
    fn many(name: &str, count: usize) -> Vec<(String, String)> {
        let one = |n| (format!("{name}{n:03}"), format!("{name}{n:03}.example"));
        (0..count).map(one).collect()
    }

    fn stand(places: &mut Places, clients: &[(String, String)], standing: Standing) {
        for (client, host) in clients {
            let place = places.take(client, host);
            places.leave(place, Some(standing));
        }
    }

    #[test]
    fn a_client_that_fails_has_few_places_and_one_that_answers_more() {
        let mut places = Places::default();
        let first = fill(&mut places, "a", "a.example");
        assert_eq!(first.len(), 1);
        assert_eq!(room(&mut places, "a", "a.example"), 0);
        for (standing, count) in [(Standing::Fails, 2), (Standing::Answers, 8)] {
            for place in fill(&mut places, "a", "a.example") {
                places.leave(place, None);
            }
            let place = places.take("b", "b.example");
            places.leave(place, Some(standing));
            assert_eq!(room(&mut places, "b", "b.example"), count, "{standing:?}");
        }
    }

    #[test]
    fn clients_of_one_host_share_its_places() {
        let mut places = Places::default();
        let taken: usize = (0..20)
            .map(|n| fill(&mut places, &format!("c{n}"), "one.example").len())
            .sum();
        assert_eq!(taken, OF_HOST);
        assert_eq!(room(&mut places, "other", "other.example"), 1);
    }

    #[test]
    fn clients_that_fail_leave_half_of_all_places_to_the_others() {
        let mut places = Places::default();
        let failing = many("c", 200);
        stand(&mut places, &failing, Standing::Fails);
        let mut held = Vec::new();
        for (client, host) in &failing {
            held.extend(fill(&mut places, client, host));
        }
        assert_eq!(held.len(), ALL_FAILING);
        assert_eq!(room(&mut places, "new", "new.example"), 1);
        for place in held {
            places.leave(place, Some(Standing::Answers));
        }
        assert_eq!((places.taken.all, places.taken.unproven), (0, 0));
        assert!(places.taken.of_client.is_empty() && places.taken.of_host.is_empty());
    }

    /// As after a start, when nobody is known to answer.
    #[test]
    fn clients_with_much_to_hear_leave_places_to_others_that_nothing_was_sent_to_yet() {
        let mut places = Places::default();
        let dead = many("a", 90);
        assert_eq!(places.share(&dead), [1; 90]);
        assert_eq!(places.share(&many("z", 6)), [1; 6]);
    }

    #[test]
    fn clients_that_nothing_was_sent_to_yet_leave_places_to_those_that_answer() {
        let mut places = Places::default();
        stand(&mut places, &many("z", 1), Standing::Answers);
        let promised: usize = places.share(&many("c", 200)).iter().sum();
        assert_eq!(promised, ALL_UNPROVEN);
        let room = places.share(&many("z", 1));
        assert_eq!(room, [1], "the last are for those that have none");
        places.unreserve();
    }

    #[test]
    fn sixteen_clients_with_much_to_hear_leave_places_to_others() {
        let mut places = Places::default();
        let all = many("c", 17);
        stand(&mut places, &all, Standing::Answers);
        let rooms = places.share(&all[..16]);
        assert_eq!(rooms.iter().sum::<usize>(), ALL_FURTHER);
        assert_eq!(places.share(&all[16..]), [1]);
    }

    #[test]
    fn a_place_that_is_free_goes_to_whoever_follows_the_last() {
        let mut places = Places::default();
        let all = many("c", 300);
        stand(&mut places, &all, Standing::Answers);
        let mut served = vec![0; all.len()];
        for _ in 0..3 {
            for (served, room) in served.iter_mut().zip(places.share(&all)) {
                *served += room;
            }
            places.unreserve();
        }
        assert_eq!(
            (served.iter().min(), served.iter().max()),
            (Some(&1), Some(&2))
        );
    }

    #[test]
    fn what_is_set_aside_for_one_client_is_not_promised_to_another() {
        let mut places = Places::default();
        let all = many("c", 200);
        stand(&mut places, &all, Standing::Answers);
        let first: usize = places.share(&all[..100]).iter().sum();
        let second: usize = places.share(&all[100..]).iter().sum();
        assert_eq!(first + second, ALL);
    }
}
