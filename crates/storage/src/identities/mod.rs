//! Who users are at other providers: linked, signed in with, unlinked.

mod ended_there;
mod link;
mod rows;
mod sign_in;

use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use latchkey_protocol::{
    Digest, SessionId, Timestamp, UserId, bounds, kind,
    store::{
        self, Identities, IdentitySignIn, IdentitySignInOutcome, LinkOutcome, UnlinkOutcome,
        UpstreamSessionEnd,
    },
    upstream::{Identity, IdentityKey, PendingLink, UpstreamName, UpstreamSession},
    user::User,
};

use self::rows::{PendingRow, Row};
use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::{identities, pending_links},
    sessions,
    statement::{binds, statement},
    stored::Stored,
    users,
};

#[async_trait]
impl Identities for Database {
    async fn identity(&self, key: &IdentityKey) -> store::Result<Option<(Identity, User)>> {
        let key = key.clone();
        self.read(move |c| link::user_and_identity(c, &key)).await
    }

    async fn identities(&self, user_id: &UserId) -> store::Result<Vec<Identity>> {
        let user = user_id.clone();
        self.read(move |c| {
            let theirs = identities::table
                .filter(identities::user_id.eq(user.as_str()))
                .order((
                    identities::linked_at,
                    identities::issuer,
                    identities::subject,
                ))
                .limit(bounds::IDENTITIES);
            let rows: Vec<Row> = on!(c => theirs.select(Row::as_select()).load(c))?;
            rows.into_iter().map(Row::into_identity).collect()
        })
        .await
    }

    async fn create_user_of_identity(
        &self,
        user: &User,
        identity: &Identity,
        upstream_version: i64,
    ) -> store::Result<LinkOutcome> {
        let (row, identity) = (users::Row::from_user(user), identity.clone());
        self.write_recorded(move |c| link::create_user(c, &row, &identity, upstream_version))
            .await
    }

    async fn link_identity(
        &self,
        identity: &Identity,
        user_version: i64,
        upstream_version: i64,
    ) -> store::Result<LinkOutcome> {
        let identity = identity.clone();
        self.write_recorded(move |c| link::link(c, &identity, user_version, upstream_version))
            .await
    }

    async fn unlink_identity(
        &self,
        user_id: &UserId,
        key: &IdentityKey,
        last_may_go: bool,
        now: Timestamp,
    ) -> store::Result<UnlinkOutcome> {
        let (user, key, entry) = (user_id.clone(), key.clone(), self.entry.clone());
        self.write_recorded(move |c| {
            link::unlink(c, &user, &key, last_may_go, (entry.as_deref(), now))
        })
        .await
    }

    async fn keep_pending_link(&self, pending: &PendingLink) -> store::Result<bool> {
        let pending = pending.clone();
        self.write(move |c| keep(c, &pending)).await
    }

    async fn pending_link(
        &self,
        interaction: &Digest<kind::Interaction>,
        now: Timestamp,
    ) -> store::Result<Option<PendingLink>> {
        let interaction = interaction.clone();
        self.read(move |c| link::pending(c, &interaction, now))
            .await
    }

    async fn forget_pending_link(
        &self,
        interaction: &Digest<kind::Interaction>,
    ) -> store::Result<()> {
        let waiting = Stored(interaction.clone());
        self.write_one(move |c| {
            on!(c => diesel::delete(pending_links::table.find(&waiting)).execute(c))?;
            Ok(())
        })
        .await
    }

    async fn finish_pending_link(
        &self,
        interaction: &Digest<kind::Interaction>,
        now: Timestamp,
    ) -> store::Result<Option<(LinkOutcome, Identity)>> {
        let (interaction, entry) = (interaction.clone(), self.entry.clone());
        self.write(move |c| {
            let finished = link::finish(c, &interaction, now)?;
            if let (Some(entry), Some((LinkOutcome::Linked, identity))) = (&entry, &finished) {
                link::record(c, entry, identity)?;
            }
            Ok(finished)
        })
        .await
    }

    async fn sign_in_by_identity(
        &self,
        asked: IdentitySignIn<'_>,
    ) -> store::Result<IdentitySignInOutcome> {
        let entry = self.entry.clone();
        let asked = sign_in::Asked {
            session: sessions::Row::from_session(asked.session),
            identity: asked.identity.clone(),
            upstream_version: asked.upstream_version,
            sid: asked.sid.map(str::to_owned),
            before: asked.user.0.clone(),
            after: asked.user.1.clone(),
            replaces: asked.replaces.cloned(),
            interaction: asked.interaction.cloned(),
        };
        self.write(move |c| {
            let outcome = sign_in::sign_in(c, &asked)?;
            if let IdentitySignInOutcome::SignedIn(begun) = &outcome {
                sessions::record_sign_in(c, entry.as_deref(), begun, asked.session.created_at())?;
            }
            Ok(outcome)
        })
        .await
    }

    async fn end_upstream_sessions(
        &self,
        end: UpstreamSessionEnd<'_>,
        now: Timestamp,
    ) -> store::Result<usize> {
        let end = ended_there::EndedThere::from(end);
        self.write(move |c| ended_there::end(c, &end, now)).await
    }

    async fn upstream_of_session(
        &self,
        session: &SessionId,
    ) -> store::Result<Option<UpstreamSession>> {
        let session = session.clone();
        self.read(move |c| {
            let binds = binds![session.as_str()];
            let found: Vec<CameFrom> = on!(c => statement(CAME_FROM, binds).load(c))?;
            found
                .into_iter()
                .next()
                .map(CameFrom::into_session)
                .transpose()
        })
        .await
    }

    async fn count_identities(&self, upstream: &UpstreamName, most: i64) -> store::Result<i64> {
        let upstream = upstream.clone();
        self.read(move |c| {
            let binds = binds![&upstream, most];
            let counted: Count = on!(c => statement(COUNT, binds).get_result(c))?;
            Ok(counted.count)
        })
        .await
    }
}

const CAME_FROM: &str =
    "SELECT upstream, issuer, subject, sid FROM session_upstreams WHERE session_id = ?";

#[derive(QueryableByName)]
struct CameFrom {
    #[diesel(sql_type = Text)]
    upstream: String,
    #[diesel(sql_type = Text)]
    issuer: String,
    #[diesel(sql_type = Text)]
    subject: String,
    #[diesel(sql_type = Nullable<Text>)]
    sid: Option<String>,
}

impl CameFrom {
    fn into_session(self) -> Result<UpstreamSession, RowError> {
        let corrupt = |_| RowError::Corrupt {
            table: "session_upstreams",
            row: "of unknown key".into(),
            column: "upstream",
        };
        Ok(UpstreamSession {
            upstream: UpstreamName::parse(&self.upstream).map_err(corrupt)?,
            key: IdentityKey {
                issuer: self.issuer,
                subject: self.subject,
            },
            sid: self.sid,
        })
    }
}

const COUNT: &str =
    "SELECT count(*) AS count FROM (SELECT 1 FROM identities WHERE upstream = ? LIMIT ?) AS found";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

macro_rules! keep {
    ($lock:literal) => {
        concat!(
            "INSERT INTO pending_links (interaction, issuer, subject, upstream, version, user_id, profile, created_at, expires_at) \
             SELECT interactions.digest, ?, ?, upstreams.name, upstreams.version, ?, ?, ?, ? FROM interactions, upstreams \
             WHERE interactions.digest = ? AND upstreams.name = ? AND upstreams.version = ? AND upstreams.disabled_at IS NULL",
            $lock,
            " ON CONFLICT (interaction) DO UPDATE SET issuer = excluded.issuer, subject = excluded.subject, \
             upstream = excluded.upstream, version = excluded.version, user_id = excluded.user_id, \
             profile = excluded.profile, created_at = excluded.created_at, expires_at = excluded.expires_at"
        )
    };
}
const KEEP: &str = keep!("");
const KEEP_POSTGRES: &str = keep!(" FOR KEY SHARE OF interactions, upstreams");

/// The user's row is taken first: a delete of the user takes it before what waits for them.
fn keep(c: &mut AnyConnection, pending: &PendingLink) -> Result<bool, RowError> {
    if let Some(user) = &pending.user_id
        && !users::hold_row(c, user)?
    {
        return Ok(false);
    }
    let row = PendingRow::from_pending(pending);
    let binds = binds![
        &pending.key.issuer,
        &pending.key.subject,
        &row.user_id,
        &row.profile,
        pending.created_at,
        pending.expires_at,
        &pending.interaction,
        &pending.upstream,
        pending.version,
    ];
    let kept = match c {
        AnyConnection::Sqlite(c) => statement(KEEP, binds).execute(c)?,
        AnyConnection::Postgres(c) => statement(KEEP_POSTGRES, binds).execute(c)?,
    };
    Ok(kept == 1)
}
