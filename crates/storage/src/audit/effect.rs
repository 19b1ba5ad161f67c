//! Whether a verb did what it was called for, by what it answers: only then its entry is written.

use latchkey_protocol::{
    rotation::RotationOutcome,
    store::{
        ClaimOutcome, ConsentEnd, LinkOutcome, SetupOutcome, UnlinkOutcome, UpstreamEnd,
        UpstreamWrite, UserEnd, WriteOutcome,
    },
};

/// Whether a verb did what it was called for.
pub trait Effect {
    fn happened(&self) -> bool;
}

impl Effect for bool {
    fn happened(&self) -> bool {
        *self
    }
}

impl<T> Effect for Option<T> {
    fn happened(&self) -> bool {
        self.is_some()
    }
}

impl Effect for WriteOutcome {
    fn happened(&self) -> bool {
        *self == Self::Done
    }
}

impl Effect for RotationOutcome {
    fn happened(&self) -> bool {
        *self == Self::Done
    }
}

impl Effect for UserEnd {
    fn happened(&self) -> bool {
        self.is_done()
    }
}

impl Effect for ClaimOutcome {
    fn happened(&self) -> bool {
        *self == Self::Set
    }
}

impl Effect for SetupOutcome {
    fn happened(&self) -> bool {
        *self == Self::Created
    }
}

impl Effect for ConsentEnd {
    fn happened(&self) -> bool {
        *self != Self::default()
    }
}

impl Effect for UpstreamWrite {
    fn happened(&self) -> bool {
        *self == Self::Done
    }
}

impl Effect for UpstreamEnd {
    fn happened(&self) -> bool {
        matches!(self, Self::Deleted(_))
    }
}

impl Effect for LinkOutcome {
    fn happened(&self) -> bool {
        *self == Self::Linked
    }
}

impl Effect for UnlinkOutcome {
    fn happened(&self) -> bool {
        matches!(self, Self::Unlinked(_))
    }
}

/// How many it ended; none is an answer, too.
impl Effect for usize {
    fn happened(&self) -> bool {
        true
    }
}

impl Effect for () {
    fn happened(&self) -> bool {
        true
    }
}
