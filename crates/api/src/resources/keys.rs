//! Signing keys: list, rotate, retire.

use latchkey_operations::keys::{ListedKey, Takeover};
use latchkey_protocol::{SigningAlgorithm, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    answer::Answer,
    asked::Asked,
    problem::{Kind, Problem},
};

/// A signing key.
#[derive(Serialize, JsonSchema)]
pub struct SigningKey {
    /// Its id: the thumbprint (RFC 7638).
    kid: String,
    /// `RS256`, `PS256`, `ES256` or `EdDSA`.
    alg: &'static str,
    /// `announced`, `active`, `retiring` or `retired`.
    state: String,
    /// In seconds since 1970.
    created_at: i64,
    /// From when on it signs.
    activates_at: i64,
    /// When it is published no longer.
    retires_at: Option<i64>,
}

impl SigningKey {
    fn of(ListedKey { key, state }: ListedKey) -> Self {
        Self {
            kid: key.kid,
            alg: key.algorithm.name(),
            state: format!("{state:?}").to_lowercase(),
            created_at: key.created_at.as_seconds(),
            activates_at: key.activates_at.as_seconds(),
            retires_at: key.retires_at.map(Timestamp::as_seconds),
        }
    }
}

/// All signing keys.
#[derive(Serialize, JsonSchema)]
pub struct SigningKeys {
    /// Retired ones too.
    items: Vec<SigningKey>,
}

/// Which key is to take over, and when.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KeyRotation {
    /// Which algorithm's; RS256 where it is left out.
    #[schemars(with = "Option<AlgorithmName>")]
    algorithm: SigningAlgorithm,
    /// It signs at once, for when the old key may be stolen; else when every cache has it.
    now: bool,
}

impl Default for KeyRotation {
    fn default() -> Self {
        Self {
            algorithm: SigningAlgorithm::Rs256,
            now: false,
        }
    }
}

/// A key's algorithm.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "its names alone are documented")]
pub enum AlgorithmName {
    RS256,
    PS256,
    ES256,
    EdDSA,
}

/// `GET /keys`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let ring = asked.call.realm.keys.ring();
    let keys = asked.operations().signing_keys(&ring).await?;
    Answer::ok(&SigningKeys {
        items: keys.into_iter().map(SigningKey::of).collect(),
    })
}

/// `POST /keys/rotate`.
pub async fn rotate(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given: KeyRotation = asked.input_or_none()?;
    let takeover = match given.now {
        true => Takeover::Now,
        false => Takeover::Announced(asked.api.announce),
    };
    let realm = asked.call.realm;
    let operations = asked.operations();
    let rotated = operations.rotate_key(&realm.keys, given.algorithm, takeover, &realm.lifetimes);
    let key = rotated.await?;
    let all = current(asked).await?;
    let made = all.into_iter().find(|listed| listed.key.kid == key.kid);
    let gone = || Problem::new(Kind::Missing, "the key is gone already");
    let made = made.ok_or_else(gone)?;
    Answer::created(&SigningKey::of(made), asked.at("/keys"))
}

/// `POST /keys/{kid}/retire`.
pub async fn retire(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    let ring = asked.call.realm.keys.ring();
    asked
        .operations()
        .retire_key(&ring, asked.part("kid"))
        .await?;
    current(asked).await?;
    Ok(Answer::none())
}

/// As they are now: this node does not wait until it looks next.
async fn current(asked: &Asked<'_>) -> Result<Vec<ListedKey>, Problem> {
    let keys = &asked.call.realm.keys;
    keys.follow(&*asked.ui.store).await?;
    Ok(asked.operations().signing_keys(&keys.ring()).await?)
}
