//! A line in which networks take turns.

use std::net::IpAddr;

use latchkey_protocol::attempts::{neighbourhood, network};

/// Those who wait for something scarce, served in turns: network by network ([`neighbourhood`]), and within one
/// caller by caller ([`network`]). Where there is no place left, whoever holds the most loses the newest.
pub struct Line<T> {
    places: usize,
    /// Places that one neighbourhood may hold.
    share: usize,
    waiting: Vec<Waiting<T>>,
    /// The turn that is being served; whoever comes new stands in it.
    turn: u64,
    joined: u64,
}

struct Waiting<T> {
    neighbourhood: IpAddr,
    network: IpAddr,
    /// Turns of the neighbourhood among all, and of the caller within it.
    turn: u64,
    own_turn: u64,
    number: u64,
    job: T,
}

impl<T> Line<T> {
    pub fn new(places: usize, share: usize) -> Self {
        Self {
            places,
            share,
            waiting: Vec::new(),
            turn: 0,
            joined: 0,
        }
    }

    /// Forgets those who have left.
    pub fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        self.waiting.retain(|w| stays(&w.job));
    }

    /// Takes a place. Returns who has to go for lack of places: the newcomer, or one of those who hold the most.
    pub fn push(&mut self, address: IpAddr, job: T) -> Option<T> {
        let (neighbourhood, network) = (neighbourhood(address), network(address));
        let near = || {
            self.waiting
                .iter()
                .filter(|w| w.neighbourhood == neighbourhood)
        };
        let turn = near().map(|w| w.turn + 1).max().unwrap_or(0).max(self.turn);
        let front = near().map(|w| w.own_turn).min().unwrap_or(0);
        let own_turn = near()
            .filter(|w| w.network == network)
            .map(|w| w.own_turn + 1)
            .max()
            .unwrap_or(0)
            .max(front);
        let crowded = near().count() >= self.share;
        self.joined += 1;
        self.waiting.push(Waiting {
            neighbourhood,
            network,
            turn,
            own_turn,
            number: self.joined,
            job,
        });
        if crowded {
            Some(self.drop_of(neighbourhood))
        } else if self.waiting.len() > self.places {
            let largest = self.largest(|w| w.neighbourhood, |_| true);
            Some(self.drop_of(largest.unwrap_or(neighbourhood)))
        } else {
            None
        }
    }

    /// Who is served now.
    pub fn pop(&mut self) -> Option<T> {
        let next = (0..self.waiting.len())
            .min_by_key(|at| (self.waiting[*at].turn, self.waiting[*at].number))?;
        let (neighbourhood, turn) = (self.waiting[next].neighbourhood, self.waiting[next].turn);
        self.turn = self.turn.max(turn);
        let near =
            (0..self.waiting.len()).filter(|at| self.waiting[*at].neighbourhood == neighbourhood);
        let served =
            near.min_by_key(|at| (self.waiting[*at].own_turn, self.waiting[*at].number))?;
        // The turn is used; who would have had it by the order of coming has the other's.
        self.waiting[next].turn = self.waiting[served].turn;
        Some(self.waiting.swap_remove(served).job)
    }

    /// The newest of whoever holds the most places within a neighbourhood.
    fn drop_of(&mut self, neighbourhood: IpAddr) -> T {
        let within = |w: &Waiting<T>| w.neighbourhood == neighbourhood;
        let largest = self.largest(|w| w.network, within);
        let theirs =
            |w: &Waiting<T>| within(w) && largest.is_none_or(|network| w.network == network);
        let mine = (0..self.waiting.len()).filter(|at| theirs(&self.waiting[*at]));
        let newest = mine
            .max_by_key(|at| self.waiting[*at].number)
            .unwrap_or(self.waiting.len() - 1);
        self.waiting.swap_remove(newest).job
    }

    /// Who holds the most places; of several the one that came last.
    fn largest(
        &self,
        key: impl Fn(&Waiting<T>) -> IpAddr,
        within: impl Fn(&Waiting<T>) -> bool,
    ) -> Option<IpAddr> {
        let holds = |of: IpAddr| {
            self.waiting
                .iter()
                .filter(|w| within(w) && key(w) == of)
                .count()
        };
        let all = self.waiting.iter().filter(|w| within(w));
        all.max_by_key(|w| (holds(key(w)), w.number)).map(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn networks_take_turns() {
        let mut line = Line::new(128, 64);
        for n in 0..40 {
            assert_eq!(
                line.push(at(&format!("2001:db8:0:{n:x}::1")), "flood"),
                None
            );
        }
        for honest in ["198.51.100.1", "203.0.113.1"] {
            assert_eq!(line.push(at(honest), honest), None);
        }
        let served: Vec<_> = (0..4).map_while(|_| line.pop()).collect();
        assert_eq!(served, ["flood", "198.51.100.1", "203.0.113.1", "flood"]);
        line.push(at("192.0.2.9"), "late");
        assert_eq!(
            line.pop(),
            Some("late"),
            "whoever comes new does not stand behind what was there"
        );
    }

    #[test]
    fn a_neighbourhood_holds_no_more_than_its_share() {
        let mut line = Line::new(128, 64);
        let dropped = (0..1000)
            .filter(|n| line.push(at(&format!("2001:db8:0:{n:x}::1")), *n).is_some())
            .count();
        assert_eq!((dropped, line.waiting.len()), (936, 64));
    }

    #[test]
    fn whoever_holds_the_most_loses_when_all_places_are_taken() {
        let mut line = Line::new(128, 64);
        for n in 0..600 {
            line.push(at(&format!("2001:db8:{:x}::{n:x}", n % 3)), "flood");
        }
        for n in 0..20 {
            assert_eq!(
                line.push(at(&format!("198.51.{n}.1")), "honest"),
                Some("flood")
            );
        }
        let served: Vec<_> = (0..23).map_while(|_| line.pop()).collect();
        assert_eq!(served.iter().filter(|w| **w == "honest").count(), 20);
    }

    #[test]
    fn neighbours_take_turns_too() {
        let mut line = Line::new(128, 8);
        for _ in 0..8 {
            line.push(at("192.0.2.66"), "flood");
        }
        assert_eq!(
            line.push(at("192.0.2.1"), "honest"),
            Some("flood"),
            "its share is the neighbours'"
        );
        assert_eq!(line.push(at("192.0.2.66"), "flood"), Some("flood"));
        line.pop();
        assert_eq!(line.pop(), Some("honest"));
    }

    #[test]
    fn all_are_served_once() {
        let mut line = Line::new(1000, 1000);
        for n in 0..500u32 {
            line.push(IpAddr::from((n % 7 * 1000 + n % 13).to_be_bytes()), n);
        }
        let mut served: Vec<_> = std::iter::from_fn(|| line.pop()).collect();
        served.sort_unstable();
        assert_eq!(served, (0..500).collect::<Vec<_>>());
        assert!(line.waiting.is_empty());
    }
}
