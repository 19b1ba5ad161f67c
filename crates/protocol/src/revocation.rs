//! Token revocation (RFC 7009): what ends with which token.

use crate::{
    AuthorizationId,
    claims::{AccessToken, RefreshToken},
    client::Client,
    status::StatusClaim,
    time::Timestamp,
};

/// What a client's revocation of a token ends. Of a token that is not the client's own: nothing, and it hears no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation<'a> {
    /// A refresh token: the authorization with this id, and all that came of it.
    Authorization(&'a AuthorizationId),
    /// An access token: itself alone, until it would have expired.
    AccessToken {
        /// Names the token.
        jti: &'a str,
        /// When it would have expired: the row is needed no longer.
        exp: Timestamp,
        /// What ends in a status list, where the token has an entry in one.
        status: Option<&'a StatusClaim>,
    },
    /// Nothing ends.
    Nothing,
}

/// Of a refresh token: an older one of the family ends it as well.
pub fn of_refresh_token<'a>(token: &'a RefreshToken, client: &Client) -> Revocation<'a> {
    if token.client_id == client.id {
        Revocation::Authorization(&token.authorization)
    } else {
        Revocation::Nothing
    }
}

/// Of an access token. One that has expired needs no row.
pub fn of_access_token<'a>(
    token: &'a AccessToken,
    client: &Client,
    now: Timestamp,
) -> Revocation<'a> {
    if token.client_id == client.id && now < token.exp {
        Revocation::AccessToken {
            jti: &token.jti,
            exp: token.exp,
            status: token.status.as_ref(),
        }
    } else {
        Revocation::Nothing
    }
}
