//! The entry of an access token in a status list (Token Status List 6): drawn before the token is signed, and written beside
//! its authorization with what the grant writes, so that whatever ends the authorization ends it.

use latchkey_protocol::{
    authorization::Context,
    entry_change::EntryChange,
    status::{StatusClaim, StatusEntry},
};
use latchkey_ui::{call::Call, failure::Failure};

use crate::state::Provider;

/// The entry of an access token of an authorization.
pub struct Entry {
    /// As the token says it; none where the installation has no status lists.
    pub claim: Option<StatusClaim>,
    /// What is to be written with the grant.
    pub change: EntryChange,
}

/// Of a token that a client gets for itself. It is written nowhere: the token alone can be revoked, and says where it stands.
pub async fn of_client(
    provider: &Provider,
    call: Call<'_>,
) -> Result<Option<StatusClaim>, Failure> {
    let Some(status) = &provider.status else {
        return Ok(None);
    };
    let drawn = status.draw(call.now).await?;
    Ok(Some(drawn.claim(&call.realm.issuer)))
}

/// Of a new token of an authorization.
pub async fn of_next(
    provider: &Provider,
    call: Call<'_>,
    context: &Context,
) -> Result<Entry, Failure> {
    let live = &context.authorization.live_entries;
    let Some(status) = &provider.status else {
        return Ok(Entry {
            claim: None,
            change: live.unchanged(),
        });
    };
    let (drawn, until) = (status.draw(call.now).await?, status.kept_until(call.now));
    let in_session = context.session_lives(call.now);
    let (entry, entries) = live.entries.assign(drawn, in_session, until, call.now);
    Ok(Entry {
        claim: Some(entry.claim(&call.realm.issuer)),
        change: live.changed(entries),
    })
}

/// Of the token of an answer that is given again. Nothing is written with it, so it shares the entry of the first answer;
/// where that is none of its kind, because the session ended meanwhile, it gets one of its own. Nothing when the
/// authorization changed while that was written: then it is to be looked at again.
pub async fn of_repeated(
    provider: &Provider,
    call: Call<'_>,
    context: &Context,
) -> Result<Option<Entry>, Failure> {
    if provider.status.is_some()
        && let Some(entry) = shared(call, context)
    {
        return Ok(Some(Entry {
            claim: Some(entry.claim(&call.realm.issuer)),
            change: context.authorization.live_entries.unchanged(),
        }));
    }
    let entry = of_next(provider, call, context).await?;
    let id = &context.authorization.id;
    let is_written = match entry.claim {
        None => true,
        Some(_) => provider.store.add_token_entry(id, &entry.change).await?,
    };
    Ok(is_written.then_some(entry))
}

/// The newest entry of its kind that lasts for as long as a token that is issued now.
fn shared(call: Call<'_>, context: &Context) -> Option<StatusEntry> {
    let in_session = context.session_lives(call.now);
    let needed = call.now + call.realm.lifetimes.access_token;
    let entries = context.authorization.live_entries.entries.iter();
    let fits = entries.filter(|one| one.in_session == in_session && needed < one.until);
    fits.last().map(|one| one.entry)
}
