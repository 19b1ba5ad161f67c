//! What the console keeps: the link for the first administrator, and forms that wait for a sign-in.

use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use latchkey_protocol::{
    Digest, SessionId, Timestamp,
    console::{Draft, SetupLink},
    kind,
    store::{self, Console, SetupOutcome, WriteOutcome},
    user::User,
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    statement::{binds, statement},
    users,
};

const OFFER: &str = "INSERT INTO setup_link (id, digest, expires_at) VALUES (1, ?, ?) \
    ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at";
const OPEN: &str = "SELECT count(*) AS count FROM setup_link WHERE digest = ? AND expires_at > ?";
/// Takes the row: whoever else comes with the link waits.
const HOLD: &str = "UPDATE setup_link SET id = 1 WHERE digest = ? AND expires_at > ?";
const SPEND: &str = "DELETE FROM setup_link";
const KEEP: &str = "INSERT INTO console_drafts (session_id, page, form, expires_at) SELECT id, ?, ?, ? FROM sessions WHERE id = ? \
    ON CONFLICT (session_id) DO UPDATE SET page = excluded.page, form = excluded.form, expires_at = excluded.expires_at";
const FIND: &str =
    "SELECT form FROM console_drafts WHERE session_id = ? AND page = ? AND expires_at > ?";
const FORGET: &str = "DELETE FROM console_drafts WHERE session_id = ? AND page = ?";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Form {
    #[diesel(sql_type = Text)]
    form: String,
}

#[async_trait]
impl Console for Database {
    async fn has_administrator(&self) -> store::Result<bool> {
        self.read(users::has_administrator).await
    }

    async fn offer_setup(&self, link: &SetupLink) -> store::Result<()> {
        let SetupLink { digest, expires_at } = link.clone();
        self.write_one(move |c| {
            on!(c => statement(OFFER, binds![&digest, expires_at]).execute(c))?;
            Ok(())
        })
        .await
    }

    async fn is_setup_open(
        &self,
        link: &Digest<kind::SetupLink>,
        now: Timestamp,
    ) -> store::Result<bool> {
        let link = link.clone();
        self.read(move |c| {
            let open: Count = on!(c => statement(OPEN, binds![&link, now]).get_result(c))?;
            Ok(open.count == 1 && !users::has_administrator(c)?)
        })
        .await
    }

    async fn set_up(
        &self,
        link: &Digest<kind::SetupLink>,
        user: &User,
        now: Timestamp,
    ) -> store::Result<SetupOutcome> {
        let (link, row) = (link.clone(), users::Row::from_user(user));
        self.write_recorded(move |c| set_up(c, &link, &row, now))
            .await
    }

    async fn keep_draft(&self, session: &SessionId, draft: &Draft) -> store::Result<bool> {
        let (session, draft) = (session.clone().into_string(), draft.clone());
        self.write_one(move |c| {
            let binds = binds![&draft.page, &draft.form, draft.expires_at, &session];
            Ok(on!(c => statement(KEEP, binds).execute(c))? == 1)
        })
        .await
    }

    async fn draft(
        &self,
        session: &SessionId,
        page: &str,
        now: Timestamp,
    ) -> store::Result<Option<String>> {
        let (session, page) = (session.clone().into_string(), page.to_owned());
        self.read(move |c| {
            let binds = binds![&session, &page, now];
            let kept: Option<Form> = on!(c => statement(FIND, binds).get_result(c)).optional()?;
            Ok(kept.map(|kept| kept.form))
        })
        .await
    }

    async fn forget_draft(&self, session: &SessionId, page: &str) -> store::Result<()> {
        let (session, page) = (session.clone().into_string(), page.to_owned());
        self.write_one(move |c| {
            on!(c => statement(FORGET, binds![&session, &page]).execute(c))?;
            Ok(())
        })
        .await
    }
}

fn set_up(
    c: &mut AnyConnection,
    link: &Digest<kind::SetupLink>,
    row: &users::Row,
    now: Timestamp,
) -> Result<SetupOutcome, RowError> {
    if on!(c => statement(HOLD, binds![link, now]).execute(c))? == 0 || users::has_administrator(c)?
    {
        return Ok(SetupOutcome::LinkUnusable);
    }
    match users::create(c, row)? {
        WriteOutcome::Done => {
            on!(c => statement(SPEND, binds![]).execute(c))?;
            Ok(SetupOutcome::Created)
        }
        refused => Ok(SetupOutcome::Unwritten(refused)),
    }
}
