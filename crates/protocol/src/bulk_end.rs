//! Ends of all sessions, or of all sessions of a client. From the moment that one begins, everything it is about counts as
//! ended; the sessions themselves are ended one after another, with their audit entries and deliveries.

use crate::{ClientId, session::Cause, time::Timestamp};

/// An end of many sessions, under way or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkEnd {
    /// Its number; later ones are higher.
    pub id: i64,
    /// The client whose sessions end; none: all there are.
    pub client_id: Option<ClientId>,
    /// What began after this moment is not meant.
    pub until: Timestamp,
    /// When it began.
    pub begun_at: Timestamp,
    /// How many sessions it has ended so far.
    pub ended: i64,
    /// When all of them had ended.
    pub done_at: Option<Timestamp>,
}

/// How many sessions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionCount {
    /// So many.
    Exactly(i64),
    /// So many at least: nobody looked further.
    AtLeast(i64),
}

impl BulkEnd {
    /// Why its sessions end.
    pub fn cause(&self) -> Cause {
        match self.client_id {
            Some(_) => Cause::ClientForced,
            None => Cause::EveryoneForced,
        }
    }
}
