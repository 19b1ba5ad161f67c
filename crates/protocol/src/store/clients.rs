//! Registrations of clients.

use std::sync::Arc;

use async_trait::async_trait;

use super::Result;
use crate::{
    ClientId,
    client::{Client, FormerSecret},
    client_list::{ClientCounts, ClientCursor, ClientList},
    kind,
    page::Page,
    secret::Digest,
    time::Timestamp,
};

/// Registrations of clients. That of the console ([`crate::console::CLIENT_ID`]) is there for what refers to it: no verb
/// changes or removes it.
#[async_trait]
pub trait Clients: Send + Sync {
    /// Adds a client. `false` when its id is taken; of racing callers one gets `true`.
    async fn create_client(&self, client: &Client) -> Result<bool>;
    /// May be up to a second behind what another process wrote.
    async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>>;
    /// The client as it is at this moment, whatever others wrote a moment ago: for whoever shows or changes registrations.
    async fn client_now(&self, id: &ClientId) -> Result<Option<Client>>;
    /// The client that got the access token `jti` for itself, as it is at this moment, whatever others wrote a moment ago;
    /// none when it is gone, or the token was revoked on its own.
    async fn client_of_token(&self, id: &ClientId, jti: &str) -> Result<Option<Client>>;
    /// Registered clients by id, without the console's; a page goes on after an id.
    async fn clients(&self, page: &Page<String>) -> Result<Vec<Client>>;
    /// Registered clients in the order that is asked for, without the console's; a page goes on after a [`ClientCursor`].
    async fn client_list(
        &self,
        asked: &ClientList,
        page: &Page<ClientCursor>,
    ) -> Result<Vec<Client>>;
    /// What refers to a client; of many, no more is counted than [`ClientCounts::MOST`].
    async fn client_counts(&self, id: &ClientId, now: Timestamp) -> Result<ClientCounts>;
    /// Replaces metadata and secret, if the client is still at the version that `client` was read at. `false` when it is
    /// not, or is gone: of racing callers one wins, and the others read again.
    async fn update_client_metadata(&self, client: &Client) -> Result<bool>;
    /// Replaces the secret alone, since `now`, what is sealed of it (nothing, unless the client's ID tokens are signed with it), and the
    /// former one that lives on, if the client is still at `version`. `false` as above.
    async fn set_client_secret(
        &self,
        id: &ClientId,
        version: i64,
        secret: &Digest<kind::KeyedClientSecret>,
        sealed: Option<&str>,
        former: Option<&FormerSecret>,
        now: Timestamp,
    ) -> Result<bool>;
    /// Disables a client since a moment, or enables it; with `version` only while it is at that. `false` when there is none.
    /// A client that is disabled already stays so since then.
    async fn set_client_disabled(
        &self,
        id: &ClientId,
        version: Option<i64>,
        at: Option<Timestamp>,
    ) -> Result<bool>;
    /// Removes a client with all its authorizations and consents, and from whom the end of a session is told; with `version`
    /// only while it is at that. `false` when there is none.
    async fn delete_client(&self, id: &ClientId, version: Option<i64>) -> Result<bool>;
}
