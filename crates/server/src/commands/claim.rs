use anyhow::{Result, bail};
use latchkey_protocol::claims::{CustomClaims, MOST_MAPPINGS, Mapping, Place, Source};
use serde_json::json;

use super::{At, print::say, print_table};
use crate::cli::ClaimCommand;

pub async fn run(at: At, command: ClaimCommand) -> Result<()> {
    let store = &*at.store;
    match command {
        ClaimCommand::List { json } => list(&store.custom_claims().await?, json),
        ClaimCommand::Set {
            name,
            attribute,
            claim,
            value,
            places,
            scope,
        } => {
            let source = match (attribute, claim, value) {
                (Some(attribute), _, _) => Source::Attribute(attribute),
                (_, Some(claim), _) => Source::Claim(claim),
                (_, _, value) => Source::Value(value.unwrap_or_default()),
            };
            let mut places: Vec<_> = places
                .iter()
                .filter_map(|place| Place::parse(place))
                .collect();
            if places.is_empty() {
                places = vec![Place::IdToken, Place::Userinfo];
            }
            let mapping = Mapping {
                source,
                places,
                scope,
            };
            mapping.check(&name).map_err(anyhow::Error::msg)?;
            if !store.set_custom_claim(&name, &mapping).await? {
                bail!("there are {MOST_MAPPINGS} custom claims already; remove one first");
            }
            at.note("claim set", &name).await;
            say!(
                "{name} is said in {} where {} was granted",
                spoken(&mapping.places),
                mapping.scope
            );
        }
        ClaimCommand::Remove { name } => {
            if !store.remove_custom_claim(&name).await? {
                bail!("there is no custom claim {name}; see latchkey claim list");
            }
            at.note("claim remove", &name).await;
            say!("removed {name}");
        }
    }
    Ok(())
}

fn spoken(places: &[Place]) -> String {
    places
        .iter()
        .map(|place| place.name())
        .collect::<Vec<_>>()
        .join(", ")
}

fn list(claims: &CustomClaims, json: bool) {
    if json {
        say!("{}", json!(claims));
        return;
    }
    let row = |(name, mapping): (&String, &Mapping)| {
        let source = match &mapping.source {
            Source::Attribute(attribute) => format!("attribute {attribute}"),
            Source::Claim(claim) => format!("claim {claim}"),
            Source::Value(value) => format!("value {value}"),
        };
        vec![
            name.clone(),
            source,
            spoken(&mapping.places),
            mapping.scope.clone(),
        ]
    };
    print_table(
        &["CLAIM", "SOURCE", "IN", "SCOPE"],
        &claims.0.iter().map(row).collect::<Vec<_>>(),
    );
}
