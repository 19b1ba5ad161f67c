//! Identities that are linked and unlinked. Whoever adds one waits for the lock of names, so that what was looked at still
//! holds; then the upstream's row is taken, then the user's, then the identity's.

use diesel::{prelude::*, sql_types::Text};
use latchkey_protocol::{
    Digest, Timestamp, UserId,
    audit::{AuditEntry, AuditTarget, TargetKind},
    bounds, console, kind,
    session::Cause,
    store::{LastAdministrator, LinkOutcome, UnlinkOutcome, WriteOutcome},
    upstream::{Brought, Identity, IdentityKey, LinkedBy, PendingLink, UpstreamProfile, refreshed},
    user::User,
};

use super::rows::{PendingRow, Row};
use crate::{
    audit::{self, Ended, sessions_ended},
    bulk_ends::session_stands,
    connection::{AnyConnection, on},
    error::RowError,
    schema::{identities, pending_links, users as user_rows},
    sessions,
    statement::{binds, statement},
    status_lists::not_admitted,
    stored::Stored,
    upstreams,
    users::{self, Held},
};

pub fn create_user(
    c: &mut AnyConnection,
    user: &users::Row,
    identity: &Identity,
    upstream_version: i64,
) -> Result<LinkOutcome, RowError> {
    users::wait_for_names(c)?;
    if !upstreams::hold(c, &identity.upstream, upstream_version)? {
        return Ok(LinkOutcome::Changed);
    }
    if is_taken(c, &identity.key)? {
        return Ok(LinkOutcome::IdentityTaken);
    }
    match users::create(c, user)? {
        WriteOutcome::Done => insert(c, identity),
        refused => Ok(LinkOutcome::Unwritten(refused)),
    }
}

pub fn link(
    c: &mut AnyConnection,
    identity: &Identity,
    user_version: i64,
    upstream_version: i64,
) -> Result<LinkOutcome, RowError> {
    users::wait_for_names(c)?;
    let stands = upstreams::hold(c, &identity.upstream, upstream_version)?
        && users::hold_at(c, &identity.user_id, user_version)?
        && is_enabled(c, &identity.user_id)?;
    if !stands {
        return Ok(LinkOutcome::Changed);
    }
    add(c, identity)
}

/// With names, upstream and user held.
fn add(c: &mut AnyConnection, identity: &Identity) -> Result<LinkOutcome, RowError> {
    if is_taken(c, &identity.key)? {
        return Ok(LinkOutcome::IdentityTaken);
    }
    let theirs = identities::table.filter(identities::user_id.eq(identity.user_id.as_str()));
    let count: i64 = on!(c => theirs.count().get_result(c))?;
    if count >= bounds::IDENTITIES {
        return Ok(LinkOutcome::Full);
    }
    insert(c, identity)
}

fn insert(c: &mut AnyConnection, identity: &Identity) -> Result<LinkOutcome, RowError> {
    let row = Row::from_identity(identity);
    on!(c => diesel::insert_into(identities::table).values(&row).execute(c))?;
    Ok(LinkOutcome::Linked)
}

fn is_taken(c: &mut AnyConnection, key: &IdentityKey) -> Result<bool, RowError> {
    let theirs = identities::table.find((&key.issuer, &key.subject));
    let count: i64 = on!(c => theirs.count().get_result(c))?;
    Ok(count > 0)
}

fn is_enabled(c: &mut AnyConnection, id: &UserId) -> Result<bool, RowError> {
    let enabled = user_rows::table
        .find(id.as_str())
        .filter(user_rows::disabled_at.is_null());
    let count: i64 = on!(c => enabled.count().get_result(c))?;
    Ok(count == 1)
}

/// Who signed in to the interaction after the link began to wait, and not at another provider: what that remembers of somebody
/// proves nothing about the account here.
const PROVEN: &str = concat!(
    "SELECT sessions.user_id FROM interactions \
    JOIN sessions ON sessions.id = interactions.login_session \
    JOIN pending_links ON pending_links.interaction = interactions.digest \
    WHERE interactions.digest = ? AND sessions.auth_time >= pending_links.created_at AND sessions.expires_at > ? \
    AND pending_links.expires_at > ? AND (pending_links.user_id IS NULL OR pending_links.user_id = sessions.user_id) \
    AND NOT EXISTS (SELECT 1 FROM session_upstreams WHERE session_upstreams.session_id = sessions.id) AND ",
    session_stands!()
);
const SPEND: &str = "DELETE FROM pending_links WHERE interaction = ? AND created_at = ? AND expires_at > ? \
    RETURNING interaction, issuer, subject, upstream, version, user_id, profile, created_at, expires_at";

#[derive(QueryableByName)]
struct Proven {
    #[diesel(sql_type = Text)]
    user_id: String,
}

/// What waits is read first and spent last, if it is still what was read.
pub fn finish(
    c: &mut AnyConnection,
    interaction: &Digest<kind::Interaction>,
    now: Timestamp,
) -> Result<Option<(LinkOutcome, Identity)>, RowError> {
    users::wait_for_names(c)?;
    let Some(pending) = pending(c, interaction, now)? else {
        return Ok(None);
    };
    let upstream_stands = upstreams::hold(c, &pending.upstream, pending.version)?;
    let proven: Vec<Proven> = on!(c => statement(PROVEN, binds![interaction, now, now]).load(c))?;
    let Some(Proven { user_id }) = proven.into_iter().next() else {
        return Ok(None);
    };
    let identity = identity_of(&pending, UserId::new(user_id), now);
    // A user who is being disabled or deleted is waited for.
    let user_stands = users::hold_row(c, &identity.user_id)? && is_enabled(c, &identity.user_id)?;
    let spent: Vec<PendingRow> =
        on!(c => statement(SPEND, binds![interaction, pending.created_at, now]).load(c))?;
    if spent.is_empty() {
        return Ok(None);
    }
    let outcome = if upstream_stands && user_stands {
        add(c, &identity)?
    } else {
        LinkOutcome::Changed
    };
    Ok(Some((outcome, identity)))
}

fn identity_of(pending: &PendingLink, user_id: UserId, now: Timestamp) -> Identity {
    Identity {
        key: pending.key.clone(),
        upstream: pending.upstream.clone(),
        user_id,
        linked_at: now,
        linked_by: LinkedBy::Proof,
        last_sign_in_at: None,
        profile: pending.profile.clone(),
        brought: Brought::default(),
    }
}

pub fn pending(
    c: &mut AnyConnection,
    interaction: &Digest<kind::Interaction>,
    now: Timestamp,
) -> Result<Option<PendingLink>, RowError> {
    let waiting = pending_links::table
        .find(Stored(interaction.clone()))
        .filter(pending_links::expires_at.gt(Stored(now)));
    let row: Option<PendingRow> =
        on!(c => waiting.select(PendingRow::as_select()).get_result(c)).optional()?;
    row.map(PendingRow::into_pending).transpose()
}

/// Another way in: a password, or another identity at an upstream that is enabled.
const ANOTHER_WAY: &str = "SELECT users.id AS user_id FROM users WHERE users.id = ? AND (users.password_hash IS NOT NULL \
    OR EXISTS (SELECT 1 FROM identities JOIN upstreams ON upstreams.name = identities.upstream \
        WHERE identities.user_id = users.id AND upstreams.disabled_at IS NULL \
        AND (identities.issuer <> ? OR identities.subject <> ?)))";
const UNLINK: &str = "DELETE FROM identities WHERE issuer = ? AND subject = ? AND user_id = ?";
const CAME_FROM: &str = "SELECT sessions.id AS user_id FROM sessions \
    JOIN session_upstreams ON session_upstreams.session_id = sessions.id \
    WHERE session_upstreams.issuer = ? AND session_upstreams.subject = ? AND sessions.user_id = ?";

/// The user's row is held: those who unlink, sign in and lock out come one after the other.
pub fn unlink(
    c: &mut AnyConnection,
    user_id: &UserId,
    key: &IdentityKey,
    last_may_go: bool,
    (entry, now): (Option<&AuditEntry>, Timestamp),
) -> Result<UnlinkOutcome, RowError> {
    users::wait_for_names(c)?;
    let held = users::hold(c, user_id, LastAdministrator::Stays)?;
    let known = user_and_identity(c, key)?.filter(|(identity, _)| identity.user_id == *user_id);
    let Some((identity, user)) = known.filter(|_| held != Held::Unknown) else {
        return Ok(UnlinkOutcome::Unknown);
    };
    let binds = binds![user_id, &key.issuer, &key.subject];
    let ways: Vec<Proven> = on!(c => statement(ANOTHER_WAY, binds).load(c))?;
    if ways.is_empty() && !last_may_go {
        return Ok(UnlinkOutcome::LastWayIn);
    }
    take_back(c, &identity, &user, held, now)?;
    let binds = binds![&key.issuer, &key.subject, user_id];
    on!(c => statement(UNLINK, binds).execute(c))?;
    let sessions: Vec<Proven> = on!(c => statement(CAME_FROM, binds).load(c))?;
    let mut ended: Vec<Ended> = Vec::new();
    for session in sessions {
        ended.extend(sessions::end(c, &session.user_id, true, now)?);
    }
    let count = ended.len();
    sessions_ended(c, entry, ended, Cause::IdentityUnlinked, now)?;
    Ok(UnlinkOutcome::Unlinked(count))
}

/// Groups and roles that came by the identity go with it, but for the role of the last administrator.
fn take_back(
    c: &mut AnyConnection,
    identity: &Identity,
    user: &User,
    held: Held,
    now: Timestamp,
) -> Result<(), RowError> {
    let nothing = UpstreamProfile::default();
    let mut after = refreshed(user, &identity.brought, &nothing, now).user;
    let is_administrator = |user: &User| user.roles.iter().any(|role| role == console::ADMIN);
    if held == Held::LastAdministrator && is_administrator(user) && !is_administrator(&after) {
        after.roles.push(console::ADMIN.to_owned());
    }
    if after.groups == user.groups && after.roles == user.roles {
        return Ok(());
    }
    after.updated_at = now;
    // Nobody changes the user meanwhile, and the address stays: this is written.
    users::update_profile(c, users::Row::from_user(&after), false, None)?;
    not_admitted::end_of_user(c, &after, now)
}

/// For [`super::sign_in`]: whether the identity is this user's, through this upstream.
pub fn is_linked(c: &mut AnyConnection, identity: &Identity) -> Result<bool, RowError> {
    let linked = identities::table
        .find((&identity.key.issuer, &identity.key.subject))
        .filter(identities::user_id.eq(identity.user_id.as_str()))
        .filter(identities::upstream.eq(identity.upstream.as_str()));
    let count: i64 = on!(c => linked.count().get_result(c))?;
    Ok(count == 1)
}

/// The entry about a link that a user has proven: it is known only now who that was.
pub fn record(
    c: &mut AnyConnection,
    entry: &AuditEntry,
    identity: &Identity,
) -> Result<(), RowError> {
    let mut entry = entry.clone();
    let id = identity.user_id.clone().into_string();
    entry.actor.id = Some(id.clone());
    entry.target = Some(AuditTarget {
        kind: TargetKind::User,
        id: Some(id.clone()),
        name: None,
    });
    audit::add_own(c, &entry, &id)
}

/// An identity with its user, enabled or not.
pub fn user_and_identity(
    c: &mut AnyConnection,
    key: &IdentityKey,
) -> Result<Option<(Identity, User)>, RowError> {
    let found: Option<(Row, users::Row)> = on!(c => identities::table
        .inner_join(user_rows::table.on(user_rows::id.eq(identities::user_id)))
        .filter(identities::issuer.eq(&key.issuer))
        .filter(identities::subject.eq(&key.subject))
        .select((Row::as_select(), users::Row::as_select()))
        .get_result(c))
    .optional()?;
    let both =
        |(identity, user): (Row, users::Row)| Ok((identity.into_identity()?, user.into_user()?));
    found.map(both).transpose()
}
