//! How many connections the limit of open descriptors leaves room for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for all that is no connection: databases, files, the listener.
const OURS: u64 = 256;

/// Raises the limit of open descriptors to the hard one, and returns how many connections there is room for.
pub fn raise() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open descriptors stays as it was");
            limit.current
        }
    };
    // None: no limit.
    let room = current.map_or(u64::MAX, |most| most.saturating_sub(OURS).max(most / 2));
    usize::try_from(room).unwrap_or(usize::MAX)
}
