//! Other providers that users sign in at, and the sign-ins that were begun there.

use async_trait::async_trait;

use super::Result;
use crate::{
    kind,
    secret::Digest,
    time::Timestamp,
    upstream::{Upstream, UpstreamLogin, UpstreamName},
};

/// What came of writing an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamWrite {
    /// It is written.
    Done,
    /// There is one of this name.
    NameTaken,
    /// Another one has the issuer.
    IssuerTaken,
    /// Subjects would be others' ([`UpstreamSettings::has_subjects_of`](crate::upstream::UpstreamSettings::has_subjects_of)),
    /// and there are identities.
    IssuerInUse,
    /// There are [`crate::bounds::UPSTREAMS`].
    Full,
    /// It is gone, or not as it was read: read again.
    Changed,
}

/// What came of removing an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamEnd {
    /// It is gone, and so many identities with it.
    Deleted(i64),
    /// So many identities are linked through it. Nothing was done.
    InUse(i64),
    /// There is none, or not at the version that was named.
    Unknown,
}

/// Other providers that users sign in at, and the sign-ins that were begun there.
///
/// Every change raises the version. A sign-in holds the upstream's row until it is committed: a change comes either before,
/// and is seen there, or after.
#[async_trait]
pub trait Upstreams: Send + Sync {
    /// Adds an upstream. Of racing callers with one name or one issuer, one gets [`UpstreamWrite::Done`].
    async fn create_upstream(&self, upstream: &Upstream) -> Result<UpstreamWrite>;
    /// As it is at this moment.
    async fn upstream(&self, name: &UpstreamName) -> Result<Option<Upstream>>;
    /// All, in the order of their buttons; [`crate::bounds::UPSTREAMS`] at most.
    async fn upstreams(&self) -> Result<Vec<Upstream>>;
    /// Replaces settings and sealed secret, if the upstream is still at the version that `upstream` was read at. What
    /// subjects mean stays while there are identities; an identity that is being linked is waited for.
    async fn update_upstream(&self, upstream: &Upstream) -> Result<UpstreamWrite>;
    /// Disables an upstream since a moment, or enables it; with `version` only while it is at that. `false` when there is none.
    /// One that is disabled already stays so since then.
    async fn set_upstream_disabled(
        &self,
        name: &UpstreamName,
        version: Option<i64>,
        disabled: bool,
        now: Timestamp,
    ) -> Result<bool>;
    /// Removes an upstream with what was begun there; `with_identities`: also where identities are linked through it, which go
    /// along. With `version` only while it is at that.
    async fn delete_upstream(
        &self,
        name: &UpstreamName,
        version: Option<i64>,
        with_identities: bool,
    ) -> Result<UpstreamEnd>;
    /// Keeps a sign-in that is begun at an upstream, if its interaction is there and the upstream enabled and at the version
    /// that is named. Of more than [`crate::bounds::UPSTREAM_LOGINS`] of an interaction the oldest goes.
    async fn begin_upstream_login(&self, login: &UpstreamLogin) -> Result<bool>;
    /// Takes a sign-in away that has not ended: of racing callers with one state, one gets it.
    async fn take_upstream_login(
        &self,
        state: &Digest<kind::UpstreamState>,
        now: Timestamp,
    ) -> Result<Option<UpstreamLogin>>;
}
