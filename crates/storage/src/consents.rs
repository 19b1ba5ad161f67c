//! What users allow clients, and what they decide about sign-ins under way.

use async_trait::async_trait;
use diesel::{
    dsl::exists,
    pg::Pg,
    prelude::*,
    sql_types::{BigInt, Text},
    sqlite::Sqlite,
};
use latchkey_protocol::{
    ClientId, Digest, SessionId, Timestamp, UserId,
    consent::{Consent, merged},
    kind,
    store::{self, ConsentEnd, Consents, ConsentsOf},
};

use crate::{
    authorizations::several,
    connection::{AnyConnection, Database, on},
    error::RowError,
    interactions::while_session,
    questions::ConsentOf,
    schema::{consents, interactions, sessions},
    statement::{binds, statement},
    stored::Stored,
};

#[derive(Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = consents, check_for_backend(Sqlite, Pg))]
pub struct Row {
    user_id: String,
    client_id: String,
    scope: String,
    granted_at: Stored<Timestamp>,
    claims: String,
}

impl Row {
    fn from_consent(consent: &Consent) -> Self {
        Self {
            user_id: consent.user_id.clone().into_string(),
            client_id: consent.client_id.clone().into_string(),
            scope: consent.scope.to_string(),
            granted_at: Stored(consent.granted_at),
            claims: serde_json::to_string(&consent.claims).unwrap_or_default(),
        }
    }

    pub fn into_consent(self) -> Result<Consent, RowError> {
        let Ok(claims) = serde_json::from_str(&self.claims) else {
            return Err(RowError::Corrupt {
                table: "consents",
                row: self.user_id,
                column: "claims",
            });
        };
        Ok(Consent {
            user_id: UserId::new(self.user_id),
            client_id: ClientId::new(self.client_id),
            scope: self.scope.into(),
            claims,
            granted_at: self.granted_at.0,
        })
    }
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(embed)]
    consent: Row,
    #[diesel(sql_type = Text)]
    username: String,
}

const NAMED: &str = "SELECT consents.*, users.username AS username FROM consents JOIN users ON users.id = consents.user_id \
    WHERE consents.client_id = ? AND consents.user_id > ? ORDER BY consents.user_id LIMIT ?";

#[async_trait]
impl Consents for Database {
    async fn record_consent(
        &self,
        digest: &Digest<kind::Interaction>,
        session_id: &SessionId,
        consent: &Consent,
    ) -> store::Result<bool> {
        let (digest, session, consent) = (digest.clone(), session_id.to_owned(), consent.clone());
        self.write(move |c| {
            let stamped = stamp(c, &digest, &session, &consent)?;
            if stamped {
                remember(c, &consent)?;
            }
            Ok(stamped)
        })
        .await
    }

    async fn decline(
        &self,
        digest: &Digest<kind::Interaction>,
        session_id: &SessionId,
    ) -> store::Result<bool> {
        let (digest, session) = (digest.clone(), session_id.to_owned());
        self.write_one(move |c| {
            let declined = interactions::declined.eq(1);
            let waiting = while_session!(&digest, &session);
            Ok(on!(c => diesel::update(waiting).set(declined).execute(c))? == 1)
        })
        .await
    }

    async fn consent(
        &self,
        user_id: &UserId,
        client_id: &ClientId,
    ) -> store::Result<Option<Consent>> {
        let (user, client) = (user_id.to_owned(), client_id.to_owned());
        if let Some(groups) = self.groups() {
            return groups.consent.ask(ConsentOf { user, client }).await;
        }
        self.read(move |c| find(c, &user, &client)).await
    }

    async fn consents(
        &self,
        of: ConsentsOf<'_>,
        after: Option<&str>,
        most: i64,
    ) -> store::Result<Vec<Consent>> {
        let after = after.unwrap_or_default().to_owned();
        let (of_user, id) = match of {
            ConsentsOf::User(id) => (true, id.as_str().to_owned()),
            ConsentsOf::Client(id) => (false, id.as_str().to_owned()),
        };
        self.read(move |c| {
            let rows = if of_user {
                let theirs = consents::table
                    .filter(consents::user_id.eq(&id))
                    .filter(consents::client_id.gt(&after))
                    .order(consents::client_id)
                    .limit(most);
                on!(c => theirs.select(Row::as_select()).load(c))?
            } else {
                let theirs = consents::table
                    .filter(consents::client_id.eq(&id))
                    .filter(consents::user_id.gt(&after))
                    .order(consents::user_id)
                    .limit(most);
                on!(c => theirs.select(Row::as_select()).load(c))?
            };
            rows.into_iter().map(Row::into_consent).collect()
        })
        .await
    }

    async fn named_consents(
        &self,
        client_id: &ClientId,
        after: Option<&str>,
        most: i64,
    ) -> store::Result<Vec<(Consent, String)>> {
        let (client, after) = (client_id.to_owned(), after.unwrap_or_default().to_owned());
        self.read(move |c| {
            let values = binds![&client, &after, most];
            let rows: Vec<Named> = on!(c => statement(NAMED, values).load(c))?;
            rows.into_iter()
                .map(|row| Ok((row.consent.into_consent()?, row.username)))
                .collect()
        })
        .await
    }

    async fn revoke_consent(
        &self,
        user_id: &UserId,
        client_id: &ClientId,
        now: Timestamp,
    ) -> store::Result<ConsentEnd> {
        let (user, client) = (user_id.to_owned(), client_id.to_owned());
        self.write_recorded(move |c| revoke(c, &user, &client, now))
            .await
    }
}

/// Notes on the interaction what was allowed, while the session is this user's.
fn stamp(
    c: &mut AnyConnection,
    digest: &Digest<kind::Interaction>,
    session: &str,
    consent: &Consent,
) -> Result<bool, RowError> {
    let user = consent.user_id.as_str();
    let theirs = interactions::table
        .filter(interactions::digest.eq(Stored(digest.clone())))
        .filter(exists(
            sessions::table
                .filter(sessions::id.eq(session))
                .filter(sessions::user_id.eq(user)),
        ));
    let set = (
        interactions::consented.eq(Some(consent.scope.to_string())),
        interactions::consented_by.eq(Some(user)),
    );
    Ok(on!(c => diesel::update(theirs).set(set).execute(c))? == 1)
}

/// Adds what is allowed to what was allowed before.
fn remember(c: &mut AnyConnection, consent: &Consent) -> Result<(), RowError> {
    let mut row = Row::from_consent(consent);
    // Whoever was first; the row then belongs to this transaction, and is read as it is.
    let added = on!(c => diesel::insert_into(consents::table).values(&row).on_conflict_do_nothing().execute(c))?;
    if added == 1 {
        return Ok(());
    }
    let stored = consents::table.find((consent.user_id.as_str(), consent.client_id.as_str()));
    let now = consents::granted_at.eq(Stored(consent.granted_at));
    on!(c => diesel::update(stored).set(now).execute(c))?;
    if let Some(before) = find(c, &consent.user_id, &consent.client_id)? {
        row = Row::from_consent(&Consent {
            scope: merged(Some(&before.scope), &consent.scope),
            claims: before.claims.union(&consent.claims).cloned().collect(),
            ..consent.clone()
        });
    }
    let set = (
        consents::scope.eq(&row.scope),
        consents::claims.eq(&row.claims),
    );
    on!(c => diesel::update(stored).set(set).execute(c))?;
    Ok(())
}

/// In the order in which consent is given: the interaction, then the consent, then what follows from it.
fn revoke(
    c: &mut AnyConnection,
    user: &UserId,
    client: &ClientId,
    now: Timestamp,
) -> Result<ConsentEnd, RowError> {
    let under_way = interactions::table.filter(interactions::consented_by.eq(user.as_str()));
    let undecided = (
        interactions::consented.eq(None::<String>),
        interactions::consented_by.eq(None::<String>),
    );
    on!(c => diesel::update(under_way).set(undecided).execute(c))?;
    let deleted = on!(c => diesel::delete(consents::table.find((user.as_str(), client.as_str()))).execute(c))?;
    Ok(ConsentEnd {
        consented: deleted == 1,
        authorizations: several::revoke_pair(c, (user, client), now)?,
    })
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = BigInt)]
    held: i64,
}
const HOLD: &str = "SELECT CAST(1 AS BIGINT) AS held FROM consents JOIN users ON users.id = consents.user_id \
    JOIN clients ON clients.id = consents.client_id WHERE consents.user_id = ? AND consents.client_id = ?";
const HOLD_LOCKED: &str = "SELECT CAST(1 AS BIGINT) AS held FROM consents JOIN users ON users.id = consents.user_id \
    JOIN clients ON clients.id = consents.client_id WHERE consents.user_id = ? AND consents.client_id = ? \
    FOR KEY SHARE OF users, clients, consents";

/// Whether the consent is there; if so it cannot be taken back before this transaction is over. The user and the client
/// are locked before it, in the order in which their deletion takes it along.
pub fn hold(c: &mut AnyConnection, user: &str, client: &str) -> Result<bool, RowError> {
    let binds = binds![user, client];
    let held = match c {
        // One writer at a time: nothing comes between.
        AnyConnection::Sqlite(c) => statement(HOLD, binds).get_result::<Held>(c),
        AnyConnection::Postgres(c) => statement(HOLD_LOCKED, binds).get_result::<Held>(c),
    };
    Ok(held.optional()?.is_some_and(|one| one.held == 1))
}

fn find(
    c: &mut AnyConnection,
    user: &UserId,
    client: &ClientId,
) -> Result<Option<Consent>, RowError> {
    on!(c => consents::table.find((user.as_str(), client.as_str())).select(Row::as_select()).get_result(c))
        .optional()?
        .map(Row::into_consent)
        .transpose()
}
