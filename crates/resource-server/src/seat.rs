//! Those who wait for the issuer are bounded in all.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Unavailable;

/// The most requests that wait at a time.
const MOST_WAITING: usize = 1000;

/// One of those who wait.
pub struct Seat<'a>(&'a AtomicUsize);

impl<'a> Seat<'a> {
    pub fn take(taken: &'a AtomicUsize) -> Result<Self, Unavailable> {
        let seat = Self(taken);
        if taken.fetch_add(1, Ordering::AcqRel) < MOST_WAITING {
            Ok(seat)
        } else {
            Err(Unavailable::Busy)
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
