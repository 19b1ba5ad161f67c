//! `latchkey user identities`, `link` and `unlink`: who a user is at other providers.

use anyhow::Result;
use latchkey_protocol::upstream::Identity;
use serde_json::{Value, json};

use super::{
    at::At,
    print::{done, print_table, say, utc},
};

/// A user, a provider's name, and a subject there.
type Who<'a> = (&'a str, &'a str, &'a str);

pub async fn list(at: &At, login: &str, json: bool) -> Result<()> {
    let (_, identities) = at.operations().identities(login).await?;
    if json {
        let all: Vec<_> = identities.iter().map(shown).collect();
        say!("{}", json!(all));
        return Ok(());
    }
    let rows: Vec<_> = identities.iter().map(row).collect();
    let head = [
        "PROVIDER",
        "SUBJECT",
        "EMAIL",
        "LINKED",
        "BY",
        "LAST SIGN-IN",
    ];
    print_table(&head, &rows);
    Ok(())
}

fn row(identity: &Identity) -> Vec<String> {
    let email = identity.profile.email.clone().unwrap_or_default();
    vec![
        identity.upstream.to_string(),
        identity.key.subject.clone(),
        email,
        utc(identity.linked_at),
        identity.linked_by.name().to_owned(),
        identity.last_sign_in_at.map_or_else(String::new, utc),
    ]
}

fn shown(identity: &Identity) -> Value {
    json!({
        "upstream": identity.upstream, "issuer": identity.key.issuer, "subject": identity.key.subject,
        "linked_at": identity.linked_at, "linked_by": identity.linked_by.name(),
        "last_sign_in_at": identity.last_sign_in_at, "profile": identity.profile, "brought": identity.brought,
    })
}

pub async fn link(
    at: &At,
    (login, upstream, subject): Who<'_>,
    issuer: Option<&str>,
    json: bool,
) -> Result<()> {
    let operations = at.operations();
    let linked = operations.link_identity(login, upstream, issuer, subject);
    let sentence = format!("linked {login} with {subject} at {upstream}");
    done(json, &shown(&linked.await?), &sentence);
    Ok(())
}

pub async fn unlink(
    at: &At,
    (login, upstream, subject): Who<'_>,
    force: bool,
    json: bool,
) -> Result<()> {
    let operations = at.operations();
    let unlinked = operations.unlink_identity(login, upstream, subject, force);
    let unlinked = unlinked.await?;
    let sentence = format!(
        "unlinked {login} from {subject} at {upstream}; {} sessions ended",
        unlinked.sessions
    );
    let mut answer = shown(&unlinked.identity);
    answer["ended"] = unlinked.sessions.into();
    done(json, &answer, &sentence);
    Ok(())
}
