//! Places among the calls for each user, however many sessions they have, so that nobody takes an API away from all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::store::Name;

/// Places of one kind. Cheap to clone.
#[derive(Clone)]
pub struct Places {
    most: usize,
    taken: Arc<Mutex<HashMap<Name, usize>>>,
}

/// Given back when it is dropped.
pub struct Place {
    user: Name,
    taken: Arc<Mutex<HashMap<Name, usize>>>,
}

impl Places {
    /// So many for each user.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// None when the user has all of their places.
    pub fn take(&self, user: Name) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(user).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place {
            user,
            taken: self.taken.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_so_many_places_and_takes_none_of_anothers() {
        let places = Places::new(2);
        let (one, other) = (Name::of_subject("i", "one"), Name::of_subject("i", "other"));
        let taken = [places.take(one), places.take(one)];
        assert!(taken.iter().all(Option::is_some) && places.take(one).is_none());
        assert!(places.take(other).is_some());
        drop(taken);
        assert!(places.take(one).is_some());
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
