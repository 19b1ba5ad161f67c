//! How many calls there may be at once, in all and to each host.
//!
//! Nobody waits for a place: a caller that would have to is told at once, so that a slow host holds up nobody who has
//! something else to call.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use latchkey_protocol::outbound::OutboundError;

#[derive(Debug)]
struct Taken {
    in_all: usize,
    /// Only of hosts that are being called.
    of_host: HashMap<String, usize>,
}

/// The places that are taken.
#[derive(Debug)]
pub struct Places {
    most: usize,
    most_of_host: usize,
    taken: Arc<Mutex<Taken>>,
}

/// One place; dropped, it is free again.
#[derive(Debug)]
pub struct Place {
    host: String,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    pub fn new(most: usize, most_of_host: usize) -> Self {
        Self {
            most,
            most_of_host,
            taken: Arc::new(Mutex::new(Taken {
                in_all: 0,
                of_host: HashMap::new(),
            })),
        }
    }

    /// A place to call `host` from, or [`OutboundError::Busy`]. It is shared with the look-up of the name, which may go on
    /// after the call was given up.
    pub fn take(&self, host: &str) -> Result<Arc<Place>, OutboundError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_host = taken.of_host.get(host).copied().unwrap_or_default();
        if taken.in_all >= self.most || of_host >= self.most_of_host {
            return Err(OutboundError::Busy);
        }
        taken.in_all += 1;
        taken.of_host.insert(host.to_owned(), of_host + 1);
        Ok(Arc::new(Place {
            host: host.to_owned(),
            taken: self.taken.clone(),
        }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.in_all -= 1;
        if let Some(of_host) = taken.of_host.get_mut(&self.host) {
            *of_host -= 1;
            if *of_host == 0 {
                taken.of_host.remove(&self.host);
            }
        }
    }
}
