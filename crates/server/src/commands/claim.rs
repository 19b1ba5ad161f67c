//! `latchkey claim`.

use anyhow::Result;
use latchkey_protocol::claims::{Mapping, Place, Source};
use serde_json::json;

use super::{
    at::At,
    print::{done, print_table, say},
};
use crate::cli::{ClaimCommand, ClaimSet};

pub async fn run(at: At, command: ClaimCommand) -> Result<()> {
    match command {
        ClaimCommand::List { json } => list(&at, json).await,
        ClaimCommand::Set(given) => set(&at, given).await,
        ClaimCommand::Remove { name, json } => remove(&at, &name, json).await,
    }
}

async fn set(at: &At, given: ClaimSet) -> Result<()> {
    let (name, json) = (given.name.clone(), given.json);
    let mapping = mapping(given);
    at.operations()
        .set_custom_claim(&name, &mapping, None)
        .await?;
    let sentence = format!(
        "{name} is said in {} where {} was granted",
        spoken(&mapping.places),
        mapping.scope
    );
    done(json, &json!(mapping), &sentence);
    Ok(())
}

fn mapping(given: ClaimSet) -> Mapping {
    let source = match (given.attribute, given.claim, given.value) {
        (Some(attribute), _, _) => Source::Attribute(attribute),
        (_, Some(claim), _) => Source::Claim(claim),
        (_, _, value) => Source::Value(value.unwrap_or_default()),
    };
    let named = given.places.iter();
    let mut places: Vec<_> = named.filter_map(|place| Place::parse(place)).collect();
    if places.is_empty() {
        places = vec![Place::IdToken, Place::Userinfo];
    }
    Mapping {
        source,
        places,
        scope: given.scope,
    }
}

async fn remove(at: &At, name: &str, json: bool) -> Result<()> {
    at.operations().remove_custom_claim(name, None).await?;
    done(json, &json!({ "name": name }), &format!("removed {name}"));
    Ok(())
}

fn spoken(places: &[Place]) -> String {
    places
        .iter()
        .map(|place| place.name())
        .collect::<Vec<_>>()
        .join(", ")
}

async fn list(at: &At, json: bool) -> Result<()> {
    let claims = at.operations().custom_claims().await?;
    if json {
        say!("{}", json!(claims));
        return Ok(());
    }
    let rows: Vec<_> = claims
        .0
        .iter()
        .map(|(name, mapping)| row(name, mapping))
        .collect();
    print_table(&["CLAIM", "SOURCE", "IN", "SCOPE"], &rows);
    Ok(())
}

fn row(name: &str, mapping: &Mapping) -> Vec<String> {
    let source = match &mapping.source {
        Source::Attribute(attribute) => format!("attribute {attribute}"),
        Source::Claim(claim) => format!("claim {claim}"),
        Source::Value(value) => format!("value {value}"),
    };
    vec![
        name.to_owned(),
        source,
        spoken(&mapping.places),
        mapping.scope.clone(),
    ]
}
