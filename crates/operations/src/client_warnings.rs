//! What an administrator should know of a registration that is allowed.

use std::fmt;

use latchkey_protocol::client::{AccessTokenTyp, Client};

use crate::{Operations, Result};

/// What is allowed in a registration, and costs something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientWarning {
    /// Its secret is stored so that it can be read (HS256).
    SecretReadable {
        /// The client's id.
        client: String,
    },
    /// `audience` has the `client_id` of an app, and access tokens are of the type `JWT` as ID tokens are: an app that
    /// looks at issuer, audience and signature alone takes them for ID tokens of its own (RFC 9068 5, RFC 8725 2.8).
    AudienceIsClient {
        /// The client's id.
        client: String,
        /// The `client_id` in its `audience`.
        audience: String,
    },
}

impl ClientWarning {
    /// The member of the metadata that it is about.
    pub fn field(&self) -> &'static str {
        match self {
            Self::SecretReadable { .. } => "id_token_signed_response_alg",
            Self::AudienceIsClient { .. } => "access_token_typ",
        }
    }
}

impl fmt::Display for ClientWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretReadable { client } => write!(
                f,
                "HS256: the secret of {client} is stored sealed under the master key, not as a digest alone. Whoever has the database and the master key can read it, and make ID tokens for this app; take RS256 wherever the app can verify it"
            ),
            Self::AudienceIsClient { client, audience } => write!(
                f,
                "access_token_typ JWT: the audience {audience} is the client_id of an app, which may take access tokens of {client} for ID tokens of its own; leave access_token_typ away, or give the API a name that no app has"
            ),
        }
    }
}

impl Operations<'_> {
    /// What is to be known of a client as it is registered.
    ///
    /// # Errors
    /// [`OperationError::Store`](crate::OperationError::Store).
    pub async fn client_warnings(&self, client: &Client) -> Result<Vec<ClientWarning>> {
        let mut warnings = Vec::new();
        if client.sealed_secret.is_some() {
            let client = client.id.clone();
            warnings.push(ClientWarning::SecretReadable { client });
        }
        if client.metadata.access_token_typ == Some(AccessTokenTyp::Jwt) {
            for audience in &client.metadata.audience {
                if self.store.client(audience).await?.is_some() {
                    warnings.push(ClientWarning::AudienceIsClient {
                        client: client.id.clone(),
                        audience: audience.clone(),
                    });
                }
            }
        }
        Ok(warnings)
    }
}
