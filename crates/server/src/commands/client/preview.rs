//! `latchkey client preview`: what a user would get of a client.

use anyhow::Result;
use latchkey_operations::TokenRules;
use latchkey_protocol::{
    ClientId, Issuer, authorize::RequestRules, claims::Place, error::Refusal, token::Preview,
};
use serde_json::{Map, Value};

use crate::commands::{
    at::At,
    print::{print_table, say},
};

pub async fn show(
    at: &At,
    client: &str,
    user: Option<&str>,
    scope: &str,
    json: bool,
) -> Result<()> {
    let settings = &at.settings;
    let issuer = Issuer::new(&settings.issuer);
    let rules = TokenRules {
        issuer: &issuer,
        lifetimes: &settings.lifetimes,
        jwt_typ_audiences: &settings.jwt_typ_audiences,
        requests: RequestRules {
            require_pkce: settings.require_pkce,
        },
        has_status_lists: settings.status_list,
    };
    let (operations, client) = (at.operations(), ClientId::new(client));
    let preview = operations
        .preview_tokens(rules, &client, user, scope)
        .await?;
    if json {
        say!("{}", preview.to_json());
        return Ok(());
    }
    match &preview.outcome {
        Ok(given) => say_given(given),
        Err(refused) => say!("nothing: {}", told(refused)),
    }
    Ok(())
}

fn told(refused: &Refusal) -> String {
    let text = refused.reason.refusal();
    let (code, detail) = (text.code.0, &refused.detail);
    format!(
        "{code} ({}); checked: {}; expected {}, received {}; {}",
        refused.reason.name(),
        text.checked,
        detail.expected,
        detail.received,
        text.fix
    )
}

fn say_given(given: &Preview) {
    say!("scope          {}", given.scope);
    if !given.ignored_scope.is_empty() {
        say!("ignored scope  {}", given.ignored_scope);
    }
    let yes = |is: bool| if is { "yes" } else { "no" };
    say!("asks consent   {}", yes(given.asks_consent));
    say!("refresh token  {}", yes(given.has_refresh_token));
    match &given.id_token {
        Some((algorithm, claims)) => say_claims(&format!("ID token, {}", algorithm.name()), claims),
        None => say!("\nID token: none without a user and the scope openid"),
    }
    match &given.userinfo {
        Some(Ok(claims)) => say_claims("UserInfo", claims),
        Some(Err(refused)) => say!("\nUserInfo: {}", told(refused)),
        None => {}
    }
    let title = format!("Access token, {}", given.access_token_typ.name());
    say_claims(&title, &given.access_token);
    say!("");
    let row = |place: Place| {
        let here = given
            .claims
            .iter()
            .filter(move |claim| claim.place == place);
        here.map(move |claim| {
            let because = claim.ground.name().replace('_', " ");
            vec![
                place.name().to_owned(),
                claim.claim.clone(),
                if claim.is_said { "yes" } else { "no" }.to_owned(),
                [&because, claim.ground.scope().unwrap_or_default()].join(" "),
            ]
        })
    };
    let rows: Vec<_> = Place::ALL.into_iter().flat_map(row).collect();
    print_table(&["IN", "CLAIM", "SAID", "BECAUSE"], &rows);
}

fn say_claims(title: &str, claims: &Map<String, Value>) {
    say!("\n{title}\n{:#}", Value::Object(claims.clone()));
}
