//! A piece of a list, by keyset: what comes after the last item of the piece before, by the order of an index. A long list
//! costs no more per piece than a short one, and what is added or removed meanwhile neither repeats nor hides anything else.

/// Which piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<C> {
    /// The last item that was seen; none: from the beginning.
    pub after: Option<C>,
    /// How many at most.
    pub limit: i64,
}

impl<C> Page<C> {
    /// The first `limit` items.
    pub fn first(limit: i64) -> Self {
        Self { after: None, limit }
    }

    /// The first `limit` items after `last`.
    pub fn after(last: C, limit: i64) -> Self {
        let after = Some(last);
        Self { after, limit }
    }
}
