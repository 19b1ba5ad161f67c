//! `latchkey consent`.

use anyhow::Result;
use latchkey_protocol::{ClientId, consent::Consent, page::Page};
use serde_json::{Value, json};

use super::{
    at::At,
    print::{List, done, utc},
};
use crate::cli::{ConsentCommand, ConsentOwner};

pub async fn run(at: At, command: ConsentCommand) -> Result<()> {
    match command {
        ConsentCommand::List { of, limit, json } => list(&at, of, limit, json).await,
        ConsentCommand::Revoke {
            username,
            client_id,
            json,
        } => {
            let client = ClientId::new(&client_id);
            let ended = at.operations().revoke_consent(&username, &client).await?;
            let count = ended.authorizations;
            let answer = json!({ "consented": ended.consented, "authorizations_ended": count });
            let sentence = format!(
                "revoked what {username} allowed {client_id}; {count} authorizations ended"
            );
            done(json, &answer, &sentence);
            Ok(())
        }
    }
}

/// A consent, and the name of its user.
type Named = (Consent, String);

async fn list(at: &At, of: ConsentOwner, limit: Option<i64>, json: bool) -> Result<()> {
    let list = List {
        head: &["USER", "CLIENT", "SCOPE", "CLAIMS", "GRANTED"],
        json,
        limit,
        shown,
        row,
    };
    let operations = at.operations();
    match of.client {
        Some(client) => {
            let client = ClientId::new(client);
            let read = async |page: &Page<String>| {
                let after = page.after.as_deref();
                let found = operations.named_consents_of_client(&client, after, page.limit);
                Ok(found.await?)
            };
            let cursor = |(consent, _): &Named| consent.user_id.to_string();
            list.print(read, cursor).await
        }
        None => {
            let user = of.user.unwrap_or_default();
            let read = async |page: &Page<String>| {
                let after = page.after.as_deref();
                let found = operations
                    .consents_of_user(&user, after, page.limit)
                    .await?;
                let named = found.into_iter().map(|consent| (consent, user.clone()));
                Ok(named.collect())
            };
            let cursor = |(consent, _): &Named| consent.client_id.to_string();
            list.print(read, cursor).await
        }
    }
}

fn shown((consent, username): &Named) -> Value {
    json!({
        "username": username, "sub": consent.user_id, "client_id": consent.client_id, "scope": consent.scope,
        "claims": consent.claims, "granted_at": consent.granted_at,
    })
}

fn row((consent, username): &Named) -> Vec<String> {
    let claims: Vec<_> = consent.claims.iter().map(String::as_str).collect();
    vec![
        username.clone(),
        consent.client_id.to_string(),
        consent.scope.to_string(),
        claims.join(" "),
        utc(consent.granted_at),
    ]
}
