//! Whose call it is: a client with an access token of its own, judged at every call by what the database says then.
//! Cookies count for nothing here.

use actix_web::{HttpRequest, http::header};
use latchkey_protocol::{
    Reason,
    api::{Need, admits, still_admits},
    bearer::unexpired,
    claims::AccessToken,
    client::Client,
    error::Refusal,
};
use latchkey_ui::{Ui, call::Call};

use crate::{Api, problem::Problem};

/// The client that calls, if it may do what needs `need`.
///
/// # Errors
/// Every reason for which a token is refused (RFC 6750 3.1); too many calls; a database that is away.
pub async fn admit(ui: &Ui, api: &Api, call: Call<'_>, need: Need) -> Result<Client, Problem> {
    let token = presented(call.request)?;
    let realm = call.realm;
    let token: AccessToken = realm.keys.verify(token, call.now).map_err(|why| {
        let expected = "an access token of this issuer, signed by a published key";
        Reason::TokenInvalid.because(expected, why.to_string())
    })?;
    call.observe_client(&token.client_id);
    unexpired(&token, call.now)?;
    admits(&token, &realm.issuer, need)?;
    // Only now: what anybody can send takes nothing from those who may.
    api.rate.count(&token.client_id, call.now)?;
    let found = ui.store.client_of_token(&token.client_id, &token.jti);
    let ended = || {
        let expected = "a token that was not revoked, and a registered client";
        Reason::TokenRevoked.because(expected, "one of them is gone")
    };
    let client = found.await?.ok_or_else(ended)?;
    still_admits(&client, &token, need, call.now)?;
    Ok(client)
}

/// The token of the header `Authorization` (RFC 6750 2.1), the only way in.
fn presented(request: &HttpRequest) -> Result<&str, Refusal> {
    let missing = || Reason::TokenMissing.because("Authorization: Bearer", "nothing");
    let mut sent = request.headers().get_all(header::AUTHORIZATION);
    let first = sent.next().ok_or_else(missing)?;
    if sent.next().is_some() {
        return Err(Reason::TokenTwice.into());
    }
    let bearer = first.to_str().ok().and_then(|value| value.split_once(' '));
    bearer
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(missing)
}
