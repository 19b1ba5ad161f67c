//! A sign-in at another provider that becomes a session.

use diesel::prelude::*;
use latchkey_protocol::{
    Digest, console, kind,
    store::{IdentitySignInOutcome, LastAdministrator},
    upstream::Identity,
    user::User,
};

use super::{link::is_linked, rows::Row};
use crate::{
    connection::{AnyConnection, on},
    error::RowError,
    sessions,
    statement::{binds, statement},
    status_lists::not_admitted,
    upstreams,
    users::{self, Held},
};

/// What [`latchkey_protocol::store::IdentitySignIn`] says, owned.
pub struct Asked {
    pub session: sessions::Row,
    pub identity: Identity,
    pub upstream_version: i64,
    pub sid: Option<String>,
    pub before: User,
    pub after: User,
    pub replaces: Option<Digest<kind::Session>>,
    pub interaction: Option<Digest<kind::Interaction>>,
}

const NOTE: &str = "UPDATE identities SET last_sign_in_at = ?, profile = ?, brought = ? WHERE issuer = ? AND subject = ?";
const CAME_FROM: &str = "INSERT INTO session_upstreams (session_id, upstream, issuer, subject, sid, came_at) VALUES (?, ?, ?, ?, ?, ?) \
    ON CONFLICT (session_id) DO UPDATE SET upstream = excluded.upstream, issuer = excluded.issuer, \
    subject = excluded.subject, sid = excluded.sid, came_at = excluded.came_at";

/// The upstream's row is taken before the user's, and nothing is written before all conditions are known to hold.
pub fn sign_in(c: &mut AnyConnection, asked: &Asked) -> Result<IdentitySignInOutcome, RowError> {
    let Asked { before, after, .. } = asked;
    let changes = before != after;
    if changes {
        users::wait_for_names(c)?;
    }
    let identity = &asked.identity;
    if !upstreams::hold(c, &identity.upstream, asked.upstream_version)? {
        return Ok(IdentitySignInOutcome::Changed);
    }
    if changes && !is_administrator(after) {
        match users::hold(c, &before.id, LastAdministrator::Stays)? {
            Held::Yes => {}
            Held::Unknown => return Ok(IdentitySignInOutcome::Changed),
            Held::LastAdministrator => return Ok(IdentitySignInOutcome::LastAdministrator),
        }
    }
    let stands = users::hold_enabled(c, &before.id, before.version)? && is_linked(c, identity)?;
    if !stands {
        return Ok(IdentitySignInOutcome::Changed);
    }
    if changes {
        // Nobody changes the user meanwhile, and the address stays: this is written.
        users::update_profile(c, users::Row::from_user(after), false, None)?;
        not_admitted::end_of_user(c, after, after.updated_at)?;
    }
    users::note_sign_in(c, &before.id, asked.session.created_at())?;
    note(c, asked)?;
    let (replaces, interaction) = (asked.replaces.as_ref(), asked.interaction.as_ref());
    let begun = sessions::begin(c, &asked.session, replaces, interaction)?;
    let session_id = begun.session_id.as_str();
    let (upstream, key) = (&identity.upstream, &identity.key);
    let binds = binds![
        session_id,
        upstream,
        &key.issuer,
        &key.subject,
        asked.sid.as_deref(),
        asked.session.created_at()
    ];
    on!(c => statement(CAME_FROM, binds).execute(c))?;
    Ok(IdentitySignInOutcome::SignedIn(begun))
}

fn note(c: &mut AnyConnection, asked: &Asked) -> Result<(), RowError> {
    let row = Row::from_identity(&asked.identity);
    let key = &asked.identity.key;
    let at = asked.session.created_at();
    let binds = binds![at, &row.profile, &row.brought, &key.issuer, &key.subject];
    on!(c => statement(NOTE, binds).execute(c))?;
    Ok(())
}

fn is_administrator(user: &User) -> bool {
    user.roles.iter().any(|role| role == console::ADMIN)
}
