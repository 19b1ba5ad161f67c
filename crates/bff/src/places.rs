//! Places among the calls for each session, so that one user does not take an API away from all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::store::Key;

/// Places of one kind. Cheap to clone.
#[derive(Clone)]
pub struct Places {
    most: usize,
    taken: Arc<Mutex<HashMap<Key, usize>>>,
}

/// Given back when it is dropped.
pub struct Place {
    key: Key,
    taken: Arc<Mutex<HashMap<Key, usize>>>,
}

impl Places {
    /// So many for each session.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// None when the session has all of its places.
    pub fn take(&self, key: Key) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place {
            key,
            taken: self.taken.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_so_many_places_and_takes_none_of_anothers() {
        let places = Places::new(2);
        let (one, other) = (Key::of_cookie("one"), Key::of_cookie("other"));
        let taken = [places.take(one), places.take(one)];
        assert!(taken.iter().all(Option::is_some) && places.take(one).is_none());
        assert!(places.take(other).is_some());
        drop(taken);
        assert!(places.take(one).is_some());
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
