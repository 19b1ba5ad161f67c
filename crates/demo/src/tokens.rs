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
    visit::{Visit, decoded, step},
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
pub async fn redeem(demo: &Demo, visit: &mut Visit, query: &HashMap<String, String>) -> Result<()> {
    let (state, nonce, verifier) = visit
        .pending
        .take()
        .context("this answer was used already")?;
    let shown: Vec<_> = query
        .iter()
        .map(|(k, v)| format!("{k}={}", if k == "code" { "(the code)" } else { v }))
        .collect();
    visit.steps.push(step(
        "2. The browser comes back",
        "With a code, the state and the issuer.",
        shown.join("\n"),
    ));
    if query.get("iss") != Some(&demo.issuer) {
        return Err(anyhow!("the answer comes from another issuer"));
    }
    if query.get("state") != Some(&state) {
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
        .set_pkce_verifier(PkceCodeVerifier::new(verifier))
        .request_async(&demo.http)
        .await?;
    take(
        &client,
        visit,
        &tokens,
        Some(&nonce),
        "3. The app exchanges the code for tokens",
    )
}

/// Verifies what was received and shows it.
pub fn take(
    client: &Client,
    visit: &mut Visit,
    tokens: &CoreTokenResponse,
    nonce: Option<&str>,
    title: &str,
) -> Result<()> {
    let id_token = tokens.id_token().context("there is no ID token")?;
    let claims = match nonce {
        Some(nonce) => {
            id_token.claims(&client.id_token_verifier(), &Nonce::new(nonce.to_owned()))?
        }
        None => id_token.claims(&client.id_token_verifier(), |_: Option<&Nonce>| Ok(()))?,
    };
    visit.subject = claims.subject().to_string();
    visit.access = tokens.access_token().secret().clone();
    visit.id_token = id_token.to_string();
    if let Some(refresh) = tokens.refresh_token() {
        visit.refresh = Some(refresh.secret().clone());
    }
    let what = format!(
        "Access token for {} seconds, ID token, refresh token: {}.",
        tokens.expires_in().map_or(0, |d| d.as_secs()),
        if tokens.refresh_token().is_some() {
            "yes"
        } else {
            "no"
        }
    );
    visit.steps.push(step(title, &what, String::new()));
    visit.steps.push(step(
        "ID token, verified",
        "Signature, issuer, audience, times and nonce are right.",
        decoded(&visit.id_token),
    ));
    visit.steps.push(step(
        "Access token",
        "For the API; the app does not look inside, but you may.",
        decoded(&visit.access),
    ));
    Ok(())
}
