//! Access tokens that were revoked on their own, until they would have expired.

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    Timestamp,
    store::{self, AccessTokens},
};

use crate::{
    connection::{AnyConnection, Database, on},
    error::RowError,
    questions::Revoked,
    schema::revoked_access_tokens,
    statement::{binds, statement},
};

#[async_trait]
impl AccessTokens for Database {
    async fn revoke_access_token(&self, jti: &str, expires_at: Timestamp) -> store::Result<()> {
        let jti = jti.to_owned();
        if let Some(groups) = self.groups() {
            let revoked = Revoked { jti, expires_at };
            return groups.revoke.ask(revoked).await.map(|_| ());
        }
        self.write_one(move |c| revoke(c, &jti, expires_at)).await
    }

    async fn is_access_token_revoked(&self, jti: &str) -> store::Result<bool> {
        let jti = jti.to_owned();
        self.read(move |c| {
            let revoked = revoked_access_tokens::table
                .find(&jti)
                .select(revoked_access_tokens::jti);
            let found: Option<String> = on!(c => revoked.get_result(c)).optional()?;
            Ok(found.is_some())
        })
        .await
    }
}

const REVOKE_ACCESS_TOKEN: &str = "INSERT INTO revoked_access_tokens (jti, expires_at) VALUES (?, ?) \
    ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at";

pub fn revoke(c: &mut AnyConnection, jti: &str, expires_at: Timestamp) -> Result<(), RowError> {
    on!(c => statement(REVOKE_ACCESS_TOKEN, binds![jti, expires_at]).execute(c))?;
    Ok(())
}
