//! Sign-ins that have begun and not come to their end.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use diesel::{dsl::exists, pg::Pg, prelude::*, sqlite::Sqlite};
use latchkey_protocol::{
    SessionId, Timestamp, UserId,
    attempts::{Origin, WINDOW},
    bounds,
    interaction::Interaction,
    kind,
    secret::Digest,
    store::{self, BeginOutcome, Interactions},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    schema::{interactions, sessions},
    statement::{Bind, binds, statement},
    stored::Stored,
    sweep::Sum,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = interactions, check_for_backend(Sqlite, Pg))]
pub struct Row {
    digest: Stored<Digest<kind::Interaction>>,
    browser: Stored<Digest<kind::Browser>>,
    request: String,
    created_at: Stored<Timestamp>,
    expires_at: Stored<Timestamp>,
    login_session: Option<String>,
    selected_session: Option<String>,
    consented: Option<String>,
    declined: i64,
    consented_by: Option<String>,
    former_browser: Option<Stored<Digest<kind::Browser>>>,
    renewed_at: Option<Stored<Timestamp>>,
    network: Option<Stored<Digest<kind::Network>>>,
    neighbourhood: Option<Stored<Digest<kind::Neighbourhood>>>,
    cost: i64,
}

impl Row {
    pub fn from_interaction(interaction: &Interaction, from: &Origin) -> Self {
        let request = serde_json::to_string(&interaction.request).unwrap_or_default();
        Self {
            digest: Stored(interaction.digest.clone()),
            browser: Stored(interaction.browser.clone()),
            created_at: Stored(interaction.created_at),
            expires_at: Stored(interaction.expires_at),
            login_session: interaction.login_session.as_deref().map(str::to_owned),
            selected_session: interaction.selected_session.as_deref().map(str::to_owned),
            consented: interaction
                .consented
                .as_ref()
                .map(|(_, scope)| scope.to_string()),
            declined: i64::from(interaction.declined),
            consented_by: interaction
                .consented
                .as_ref()
                .map(|(user, _)| user.as_str().to_owned()),
            former_browser: interaction
                .former_browser
                .as_ref()
                .map(|(digest, _)| Stored(digest.clone())),
            renewed_at: interaction
                .former_browser
                .as_ref()
                .map(|(_, renewed_at)| *renewed_at)
                .map(Stored),
            network: Some(Stored(from.network.clone())),
            neighbourhood: Some(Stored(from.neighbourhood.clone())),
            cost: bounds::cost(request.len()),
            request,
        }
    }

    /// In the order of its columns.
    fn binds(&self) -> [Bind<'_>; 15] {
        [
            Bind::from(&self.digest),
            Bind::from(&self.browser),
            Bind::from(&self.request),
            Bind::from(self.created_at),
            Bind::from(self.expires_at),
            Bind::from(&self.login_session),
            Bind::from(&self.selected_session),
            Bind::from(&self.consented),
            Bind::from(self.declined),
            Bind::from(&self.consented_by),
            Bind::from(&self.former_browser),
            Bind::from(self.renewed_at),
            Bind::from(&self.network),
            Bind::from(&self.neighbourhood),
            Bind::from(self.cost),
        ]
    }

    /// What it counts, of what all may keep.
    pub fn cost(&self) -> i64 {
        self.cost
    }

    pub fn is_too_large(&self) -> bool {
        self.request.len() > bounds::LARGEST_REQUEST
    }

    fn into_interaction(self) -> Result<Interaction, RowError> {
        let request = serde_json::from_str(&self.request).map_err(|_| RowError::Corrupt {
            table: "interactions",
            row: self.created_at.0.to_string(),
            column: "request",
        })?;
        Ok(Interaction {
            digest: self.digest.0,
            browser: self.browser.0,
            former_browser: self
                .former_browser
                .map(|digest| digest.0)
                .zip(self.renewed_at.map(|at| at.0)),
            request,
            created_at: self.created_at.0,
            expires_at: self.expires_at.0,
            login_session: self.login_session.map(SessionId::new),
            selected_session: self.selected_session.map(SessionId::new),
            consented: self
                .consented_by
                .map(UserId::new)
                .zip(self.consented.map(Into::into)),
            declined: self.declined != 0,
        })
    }
}

/// The interaction, while there is a session with this id.
macro_rules! while_session {
    ($digest:expr, $session:expr) => {
        interactions::table
            .filter(interactions::digest.eq($crate::stored::Stored($digest.clone())))
            .filter(exists(
                sessions::table.filter(sessions::id.eq($session.as_str())),
            ))
    };
}
pub(crate) use while_session;

#[async_trait]
impl Interactions for Database {
    async fn begin_interaction(
        &self,
        interaction: &Interaction,
        from: &Origin,
    ) -> store::Result<BeginOutcome> {
        let row = Row::from_interaction(interaction, from);
        if row.is_too_large() {
            return Ok(BeginOutcome::TooLarge);
        }
        let of_all = self.begun.load(Ordering::Relaxed);
        if of_all >= bounds::BEGUN_AT_MOST {
            return Ok(BeginOutcome::Full);
        }
        let (network, neighbourhood) = (*from.network.as_bytes(), *from.neighbourhood.as_bytes());
        let (now, cost) = (interaction.created_at, row.cost());
        // Asked once a second, so that whoever goes on where there is no room costs nothing.
        if self.full_networks.get(&network) == Some(now) {
            return Ok(BeginOutcome::NetworkFull);
        }
        let crowded = of_all >= bounds::BEGUN_BY_ALL;
        if crowded && self.full_networks.get(&neighbourhood) == Some(now) {
            return Ok(BeginOutcome::NeighbourhoodFull);
        }
        let begun = self.write(move |c| begin(c, &row, crowded)).await?;
        match begun {
            BeginOutcome::Begun => _ = self.begun.fetch_add(cost, Ordering::Relaxed),
            BeginOutcome::NetworkFull => self.full_networks.insert(network, now),
            BeginOutcome::NeighbourhoodFull => self.full_networks.insert(neighbourhood, now),
            BeginOutcome::TooLarge | BeginOutcome::Full => {}
        }
        Ok(begun)
    }

    async fn interaction(
        &self,
        digest: &Digest<kind::Interaction>,
    ) -> store::Result<Option<Interaction>> {
        let digest = Stored(digest.clone());
        self.read(move |c| {
            on!(c => interactions::table.find(&digest).select(Row::as_select()).get_result(c))
                .optional()?
                .map(Row::into_interaction)
                .transpose()
        })
        .await
    }

    async fn renew_browser(
        &self,
        old: &Digest<kind::Browser>,
        new: &Digest<kind::Browser>,
        now: Timestamp,
    ) -> store::Result<bool> {
        let (old, new) = (Stored(old.clone()), Stored(new.clone()));
        self.write_one(move |c| {
            let set = (
                interactions::browser.eq(&new),
                interactions::former_browser.eq(Some(&old)),
                interactions::renewed_at.eq(Some(Stored(now))),
            );
            let theirs = interactions::table.filter(interactions::browser.eq(&old));
            Ok(on!(c => diesel::update(theirs).set(set).execute(c))? > 0)
        })
        .await
    }

    async fn select_account(
        &self,
        digest: &Digest<kind::Interaction>,
        session_id: &SessionId,
    ) -> store::Result<bool> {
        let (digest, session) = (digest.clone(), session_id.to_owned());
        self.write_one(move |c| {
            let set = interactions::selected_session.eq(Some(session.as_str()));
            let waiting = while_session!(&digest, &session);
            Ok(on!(c => diesel::update(waiting).set(set).execute(c))? == 1)
        })
        .await
    }

    async fn end_interaction(&self, digest: &Digest<kind::Interaction>) -> store::Result<()> {
        let digest = digest.clone();
        self.write_one(move |c| delete(c, &digest))
            .await
            .map(|_| ())
    }
}

const INSERT: &str = "INSERT INTO interactions (digest, browser, request, created_at, expires_at, login_session, selected_session, consented, declined, consented_by, former_browser, renewed_at, network, neighbourhood, cost) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// All but the newest of a browser.
const SURPLUS: &str = "DELETE FROM interactions WHERE digest IN (SELECT digest FROM interactions WHERE browser = ? \
    ORDER BY created_at DESC LIMIT 1000 OFFSET ?)";
const OF_NETWORK: &str = "SELECT CAST(coalesce(sum(cost), 0) AS BIGINT) AS sum FROM interactions \
    WHERE network = ? AND created_at > ? AND created_at < ?";
/// Each counts one or more: beyond so many rows there is nothing to add.
const OF_NEIGHBOURHOOD: &str = "SELECT CAST(coalesce(sum(cost), 0) AS BIGINT) AS sum FROM \
    (SELECT cost FROM interactions WHERE neighbourhood = ? LIMIT ?) AS near";

/// The browser's own surplus goes first, so that one browser takes no more of its network's room than its own. Where it is
/// `crowded` a neighbourhood that has its share begins no more, so that the room that is left is for the others.
pub fn begin(c: &mut AnyConnection, row: &Row, crowded: bool) -> Result<BeginOutcome, RowError> {
    let surplus = binds![&row.browser, bounds::BEGUN_BY_BROWSER - 1];
    on!(c => statement(SURPLUS, surplus).execute(c))?;
    // What stands in the future was begun before the clock was set back.
    let (from, to) = (row.created_at.0 - WINDOW, row.created_at.0 + WINDOW);
    let of_network =
        on!(c => statement(OF_NETWORK, binds![&row.network, from, to]).get_result::<Sum>(c))?;
    if of_network.sum + row.cost > bounds::BEGUN_BY_NETWORK {
        return Ok(BeginOutcome::NetworkFull);
    }
    if crowded {
        let theirs = binds![&row.neighbourhood, bounds::BEGUN_BY_NEIGHBOURHOOD];
        let near = on!(c => statement(OF_NEIGHBOURHOOD, theirs).get_result::<Sum>(c))?;
        if near.sum + row.cost > bounds::BEGUN_BY_NEIGHBOURHOOD {
            return Ok(BeginOutcome::NeighbourhoodFull);
        }
    }
    on!(c => statement(INSERT, &row.binds()).execute(c))?;
    Ok(BeginOutcome::Begun)
}

pub fn delete(c: &mut AnyConnection, digest: &Digest<kind::Interaction>) -> Result<bool, RowError> {
    Ok(on!(c => diesel::delete(interactions::table.find(Stored(digest.clone()))).execute(c))? == 1)
}
