//! What an administrator should know of a registration that is allowed.

use std::fmt;

use latchkey_protocol::{
    ClientId, Issuer,
    client::{AccessTokenTyp, Client, GrantType},
    page::Page,
};

use crate::{Operations, Result};

/// How many clients are read at once.
const PIECE: i64 = 500;

/// What is allowed in a registration, and costs something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientWarning {
    /// Its secret is stored so that it can be read (HS256).
    SecretReadable {
        /// The client's id.
        client: ClientId,
    },
    /// `audience` has the `client_id` of an app, and access tokens are of the type `JWT` as ID tokens are: an app that
    /// looks at issuer, audience and signature alone takes them for ID tokens of its own (RFC 9068 5, RFC 8725 2.8).
    AudienceIsClient {
        /// The client's id.
        client: ClientId,
        /// The `client_id` in its `audience`.
        audience: String,
        /// The type is that of the setting `tokens.jwt_typ_audiences`: the client registered none.
        by_setting: bool,
    },
    /// It has another secret, and its ID tokens are signed with it (HS256): those from before are hints no more.
    HintsUnusable {
        /// The client's id.
        client: ClientId,
    },
}

impl ClientWarning {
    /// The member of the metadata that it is about.
    pub fn field(&self) -> &'static str {
        match self {
            Self::SecretReadable { .. } => "id_token_signed_response_alg",
            Self::AudienceIsClient { by_setting, .. } if *by_setting => "audience",
            Self::AudienceIsClient { .. } => "access_token_typ",
            Self::HintsUnusable { .. } => "client_secret",
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
            Self::AudienceIsClient {
                client,
                audience,
                by_setting: false,
            } => write!(
                f,
                "access_token_typ JWT: the audience {audience} is the client_id of an app, which may take access tokens of {client} for ID tokens of its own; leave access_token_typ away, or give the API a name that no app has"
            ),
            Self::AudienceIsClient {
                client,
                audience,
                by_setting: true,
            } => write!(
                f,
                "tokens.jwt_typ_audiences: the audience {audience} is the client_id of an app, which may take access tokens of {client}, of the type JWT, for ID tokens of its own; register access_token_typ at+jwt, or give the API a name that no app has"
            ),
            Self::HintsUnusable { client } => write!(
                f,
                "HS256: ID tokens of {client} that the old secret signed are good as id_token_hint no more: a sign-in with one is refused, and a sign-out asks the user first, until the app has new ones"
            ),
        }
    }
}

/// What access tokens of an installation depend on.
#[derive(Debug, Clone, Copy)]
pub struct TokenTypes<'a> {
    /// The issuer.
    pub issuer: &'a Issuer,
    /// Audiences whose access tokens are of type `JWT` (the setting `tokens.jwt_typ_audiences`).
    pub jwt_typ_audiences: &'a [String],
}

impl TokenTypes<'_> {
    /// Whether tokens of this client for its audiences are of the type `JWT`.
    fn has_jwt(&self, client: &Client) -> bool {
        let signs_in = client
            .metadata
            .grant_types
            .contains(&GrantType::AuthorizationCode);
        // The scope `openid` adds the issuer, which may be one of them.
        let scope = if signs_in { "openid" } else { "" };
        let audience = client.audience(self.issuer, &scope.to_owned().into());
        client.access_token_typ(&audience, self.jwt_typ_audiences) == AccessTokenTyp::Jwt
    }
}

impl Operations<'_> {
    /// What is to be known of a client as it is registered, and of others that name it as their audience. Reads all
    /// clients, piece by piece.
    ///
    /// # Errors
    /// [`OperationError::Store`](crate::OperationError::Store).
    pub async fn client_warnings(
        &self,
        client: &Client,
        types: TokenTypes<'_>,
    ) -> Result<Vec<ClientWarning>> {
        let mut warnings = self.own_client_warnings(client, types).await?;
        warnings.extend(self.audience_of_others(client, types).await?);
        Ok(warnings)
    }

    /// What is to be known of a client as it is registered, whatever others there are.
    ///
    /// # Errors
    /// [`OperationError::Store`](crate::OperationError::Store).
    pub async fn own_client_warnings(
        &self,
        client: &Client,
        types: TokenTypes<'_>,
    ) -> Result<Vec<ClientWarning>> {
        let mut warnings = Vec::new();
        if client.sealed_secret.is_some() {
            let client = client.id.clone();
            warnings.push(ClientWarning::SecretReadable { client });
        }
        if types.has_jwt(client) {
            for audience in &client.metadata.audience {
                if self.store.client(&ClientId::new(audience)).await?.is_some() {
                    warnings.push(ClientWarning::audience(client, audience));
                }
            }
        }
        Ok(warnings)
    }

    /// Others whose access tokens, of the type `JWT`, are for an API of this client's name.
    async fn audience_of_others(
        &self,
        client: &Client,
        types: TokenTypes<'_>,
    ) -> Result<Vec<ClientWarning>> {
        let mut warnings = Vec::new();
        let mut page = Page::first(PIECE);
        loop {
            let others = self.store.clients(&page).await?;
            let names = |other: &&Client| {
                let audience = &other.metadata.audience;
                other.id != client.id
                    && audience.iter().any(|audience| client.id == **audience)
                    && types.has_jwt(other)
            };
            let named = others.iter().filter(names);
            warnings.extend(named.map(|other| ClientWarning::audience(other, &client.id)));
            match others.into_iter().last() {
                Some(last) => page = Page::after(last.id.into_string(), PIECE),
                None => return Ok(warnings),
            }
        }
    }
}

impl ClientWarning {
    /// `audience` of `client` is the name of an app.
    fn audience(client: &Client, audience: &str) -> Self {
        Self::AudienceIsClient {
            client: client.id.clone(),
            audience: audience.to_owned(),
            by_setting: client.metadata.access_token_typ.is_none(),
        }
    }

    /// What is to be known once this client has got another secret ([`Operations::rotate_client_secret`]).
    pub fn of_rotation(client: &Client) -> Option<Self> {
        let signs = client.metadata.signs_with_secret();
        signs.then(|| Self::HintsUnusable {
            client: client.id.clone(),
        })
    }
}
