//! How the demo app gets tokens and what it verifies before it believes them.

use std::collections::HashMap;

use anyhow::{Context, Result, anyhow};
use openidconnect::{
    AuthorizationCode, EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce, OAuth2TokenResponse,
    PkceCodeVerifier, TokenResponse,
    core::{CoreClient, CoreTokenResponse},
};

use crate::{
    app::Demo,
    visit::{Pending, Tokens, Visit, claims, decoded, step},
};

/// With the endpoints that discovery has named.
pub type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The browser is back: exchanges its code, if the answer is to what was asked.
pub async fn redeem(
    demo: &Demo,
    visit: &mut Visit,
    asked: &Pending,
    query: &HashMap<String, String>,
) -> Result<()> {
    let shown: Vec<_> = query
        .iter()
        .map(|(k, v)| format!("{k}={}", if k == "code" { "(the code)" } else { v }))
        .collect();
    visit.show(step(
        "demo-step-back",
        "demo-step-back-text",
        shown.join("\n"),
    ));
    if query.get("iss") != Some(&demo.app.issuer) {
        return Err(anyhow!("the answer comes from another issuer"));
    }
    if query.get("state") != Some(&asked.state) {
        return Err(anyhow!("the state differs"));
    }
    if let Some(error) = query.get("error") {
        let description = query
            .get("error_description")
            .map(String::as_str)
            .unwrap_or_default();
        return Err(anyhow!("{error}: {description}"));
    }
    let code = query.get("code").context("there is no code")?.clone();
    let client = demo.client().await?;
    let tokens = client
        .exchange_code(AuthorizationCode::new(code))?
        .set_pkce_verifier(PkceCodeVerifier::new(asked.verifier.clone()))
        .request_async(&demo.http)
        .await?;
    let nonce = Some(&*asked.nonce);
    take(&client, visit, &tokens, nonce, "demo-step-exchanged")
}

/// Verifies what was received and shows it. `nonce`: of the sign-in; a refresh has none. `title`: the id of a text.
pub fn take(
    client: &Client,
    visit: &mut Visit,
    tokens: &CoreTokenResponse,
    nonce: Option<&str>,
    title: &'static str,
) -> Result<()> {
    let id_token = tokens.id_token().context("there is no ID token")?;
    let verifier = client.id_token_verifier();
    let subject = match nonce {
        Some(nonce) => id_token.claims(&verifier, &Nonce::new(nonce.to_owned()))?,
        None => id_token.claims(&verifier, |_: Option<&Nonce>| Ok(()))?,
    }
    .subject()
    .to_string();
    // OpenID Connect Core 12.2: a refresh is of the same user.
    if nonce.is_none() && subject != visit.subject {
        return Err(anyhow!("the ID token is of another user"));
    }
    visit.subject = subject;
    let received = Tokens {
        access: tokens.access_token().secret().clone(),
        refresh: tokens.refresh_token().map(|token| token.secret().clone()),
        id_token: id_token.to_string(),
    };
    name(visit, &received.id_token);
    show(visit, tokens, &received, title);
    let former = visit.tokens.take().and_then(|former| former.refresh);
    visit.tokens = Some(Tokens {
        refresh: received.refresh.clone().or(former),
        ..received
    });
    Ok(())
}

/// Session and name, of an ID token that was verified: the library knows no `sid`.
fn name(visit: &mut Visit, id_token: &str) {
    let claims = claims(id_token);
    let text = |name: &str| claims[name].as_str().map(str::to_owned);
    if let Some(sid) = text("sid") {
        visit.sid = sid;
    }
    let name = text("name").or_else(|| text("preferred_username"));
    visit.name = name.unwrap_or_else(|| visit.subject.clone());
}

fn show(visit: &mut Visit, tokens: &CoreTokenResponse, received: &Tokens, title: &'static str) {
    let text = match received.refresh {
        Some(_) => "demo-step-tokens-refresh",
        None => "demo-step-tokens",
    };
    let seconds = tokens.expires_in().map_or(0, |d| d.as_secs());
    let got = step(title, text, String::new());
    visit.show(got.with("seconds", seconds.to_string()));
    visit.show(step(
        "demo-step-id-token",
        "demo-step-id-token-text",
        decoded(&received.id_token),
    ));
    visit.show(step(
        "demo-step-access-token",
        "demo-step-access-token-text",
        decoded(&received.access),
    ));
}
