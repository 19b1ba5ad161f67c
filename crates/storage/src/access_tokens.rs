//! Access tokens that were revoked on their own, until they would have expired.

use async_trait::async_trait;
use diesel::prelude::*;
use latchkey_protocol::{
    Timestamp,
    status::{TokenEntries, TokenEntry},
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
    async fn revoke_access_token(
        &self,
        jti: &str,
        expires_at: Timestamp,
        entry: Option<TokenEntry>,
    ) -> store::Result<()> {
        let (jti, entry) = (jti.to_owned(), entry.map(EndedEntry::of));
        if let Some(groups) = self.groups() {
            let revoked = Revoked {
                jti,
                expires_at,
                entry,
            };
            return groups.revoke.ask(revoked).await.map(|_| ());
        }
        self.write(move |c| {
            if let Some(entry) = &entry {
                end(c, &jti, entry)?;
            }
            revoke(c, &jti, expires_at)
        })
        .await
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

/// The entry of a token that is revoked on its own, as it is written.
pub struct EndedEntry {
    pub stored: Vec<u8>,
    pub until: Timestamp,
}

impl EndedEntry {
    fn of(one: TokenEntry) -> Self {
        let none = TokenEntries::default();
        let (_, alone) = none.assign(one.entry, one.in_session, one.until, Timestamp::EPOCH);
        Self {
            stored: alone.to_stored(),
            until: one.until,
        }
    }
}

const END: &str = "INSERT INTO ended_tokens (until_at, entries) SELECT ?, ? \
    WHERE NOT EXISTS (SELECT 1 FROM revoked_access_tokens WHERE jti = ?)";

/// Once: a token that was revoked before ends nothing more, however often that is asked for.
fn end(c: &mut AnyConnection, jti: &str, entry: &EndedEntry) -> Result<(), RowError> {
    let binds = binds![entry.until, Some(entry.stored.as_slice()), jti];
    on!(c => statement(END, binds).execute(c))?;
    Ok(())
}

const REVOKE_ACCESS_TOKEN: &str = "INSERT INTO revoked_access_tokens (jti, expires_at) VALUES (?, ?) \
    ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at";

pub fn revoke(c: &mut AnyConnection, jti: &str, expires_at: Timestamp) -> Result<(), RowError> {
    on!(c => statement(REVOKE_ACCESS_TOKEN, binds![jti, expires_at]).execute(c))?;
    Ok(())
}
