//! How much is kept of what strangers can make.

/// Unfinished sign-ins of one browser; the oldest makes room.
pub const BEGUN_BY_BROWSER: i64 = 20;
/// Unfinished sign-ins that one network ([`crate::attempts::network`]) may begin within [`crate::attempts::WINDOW`], in
/// units of [`BEGUN_UNIT`].
pub const BEGUN_BY_NETWORK: i64 = 5_000;
/// Unfinished sign-ins of all, in units: beyond, the oldest of the neighbourhood that has the most go.
pub const BEGUN_BY_ALL: i64 = 100_000;
/// Beyond [`BEGUN_BY_ALL`], what a neighbourhood may have and still begin another: a tenth.
pub const BEGUN_BY_NEIGHBOURHOOD: i64 = BEGUN_BY_ALL / 10;
/// Beyond this no more are begun until some have gone.
pub const BEGUN_AT_MOST: i64 = 2 * BEGUN_BY_ALL;
/// Bytes of an authorization request, as it is stored, that count as one sign-in.
pub const BEGUN_UNIT: usize = 2 * 1024;
/// Bytes of the largest authorization request that waits for a user, as it is stored.
pub const LARGEST_REQUEST: usize = 16 * 1024;

/// Refusals that can be explained: beyond, the oldest of whoever has the most go.
pub const REFUSALS: i64 = 40_000;
/// How long they can be, in seconds.
pub const EXPLAINED: i64 = 7 * 86_400;
/// Bytes of each text of a refusal.
pub const REFUSAL_TEXT: usize = 300;

/// How long an authorization is kept once nothing can come of it any more, in seconds: a late replay is still seen for
/// what it is.
pub const KEPT_AFTER: i64 = 86_400;

/// Live sessions of one user; of more, the one that was unused longest ends.
pub const SESSIONS: i64 = 200;
/// Codes of one session and client that nobody has exchanged; the oldest makes room.
pub const CODES: i64 = 20;
/// Exchanged authorizations of one session and client. Of more, one whose use was longest ago is ended, one without
/// refresh tokens first.
pub const AUTHORIZATIONS: i64 = 200;

/// Providers that users sign in at.
pub const UPSTREAMS: i64 = 100;
/// Sign-ins at other providers that one interaction has begun; the oldest makes room.
pub const UPSTREAM_LOGINS: i64 = 3;
/// Identities of one user.
pub const IDENTITIES: i64 = 50;

/// Bytes of what was typed into a form of the console and waits for a sign-in: one for each session.
pub const LARGEST_DRAFT: usize = 64 * 1024;

/// Counts of attempts; of more, the smallest go.
pub const COUNTS: i64 = 200_000;

/// Failures of one kind that the audit table tells apart within [`crate::attempts::WINDOW`]; beyond, one entry counts the others.
pub const AUDIT_FAILURES: i64 = 50;
/// Entries of one event that a user causes within [`crate::attempts::WINDOW`]; beyond, one entry counts the rest.
pub const AUDIT_OWN: i64 = 20;
/// Entries of the audit table that have their place; of more, the oldest go, what administrators did last.
pub const AUDIT_ENTRIES: i64 = 2_000_000;
/// Jobs that wait or are dead; of more, none is added until some have gone.
pub const JOBS: i64 = 200_000;
/// Dead jobs; of more, the oldest go.
pub const DEAD_JOBS: i64 = 10_000;
/// How long a dead job is kept, in seconds.
pub const DEAD_JOBS_KEPT: i64 = 30 * 86_400;
/// Bytes of the last error of a job.
pub const JOB_ERROR: usize = 300;

/// Settled deliveries of logout tokens that are kept; of more, those that were settled longest ago go.
pub const DELIVERIES: i64 = 500_000;
/// Deliveries that wait; of more, the oldest of the client that has the most become dead letters.
pub const WAITING_DELIVERIES: i64 = 2_000_000;
/// How long the receipt of a delivered logout token is kept, in seconds.
pub const RECEIPTS_KEPT: i64 = 7 * 86_400;
/// How long counts by the hour are kept, in seconds.
pub const COUNTS_KEPT: i64 = 90 * 86_400;
/// How long it is shown that many sessions were ended, in seconds.
pub const BULK_ENDS_KEPT: i64 = 7 * 86_400;
/// How long a dead delivery is kept, in seconds.
pub const DEAD_DELIVERIES_KEPT: i64 = 30 * 86_400;

/// What a stored request of so many bytes counts.
pub fn cost(bytes: usize) -> i64 {
    i64::try_from(bytes.div_ceil(BEGUN_UNIT))
        .unwrap_or(i64::MAX)
        .max(1)
}
