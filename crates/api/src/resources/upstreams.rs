//! Other providers that users sign in at: list, add, read, change, disable, delete. A secret goes in and never comes out.

use latchkey_operations::{NewUpstream, UpstreamChange};
use latchkey_protocol::{paths, upstream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    answer::Answer,
    asked::Asked,
    condition::as_read,
    problem::{Problem, broken},
};

/// Another provider that users sign in at.
#[derive(Serialize, JsonSchema)]
pub struct Upstream {
    /// Its name: it stands in addresses, and never changes.
    name: String,
    /// What is said of it, as the page about signing in through others describes it.
    settings: Map<String, Value>,
    /// Whether there is a secret, or a private key that secrets are signed with. It is never shown.
    has_secret: bool,
    /// The redirect address to register at the provider, exactly as it stands here.
    redirect_uri: String,
    /// Since when nobody signs in there, in seconds since 1970.
    disabled_at: Option<i64>,
    /// When it was added, in seconds since 1970.
    created_at: i64,
    /// When it was last changed, in seconds since 1970.
    updated_at: i64,
    /// Which version it is.
    version: i64,
}

/// A provider that is to be added.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamToCreate {
    /// 1 to 32 small letters, digits and hyphens; it never changes.
    #[serde(default)]
    #[schemars(required)]
    name: String,
    /// What is known of a provider: `apple`, `github`, `gitlab`, `google`, `kakao`, `latchkey`, `microsoft`, `naver`, `oidc`.
    /// Every preset but `oidc` gives an account to whoever signs in there and is not known here yet: `trust.create` of the
    /// settings says otherwise.
    #[serde(default)]
    preset: Option<String>,
    /// What the preset does not say, or other than it says.
    #[serde(default)]
    settings: Map<String, Value>,
    /// The client's secret there, or the private key (PEM) that such secrets are signed with.
    #[serde(default)]
    secret: Option<String>,
}

/// A change of a provider. What only answers have may come back as it was read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamToUpdate {
    /// Objects member by member, everything else as a whole; what is left out stays.
    #[serde(default)]
    settings: Map<String, Value>,
    /// Another secret, or another private key; left out: it keeps its own.
    #[serde(default)]
    secret: Option<String>,
}

fn etag(upstream: &upstream::Upstream) -> String {
    format!("\"{}\"", upstream.version)
}

fn described(asked: &Asked<'_>, upstream: &upstream::Upstream) -> Result<Upstream, Problem> {
    let settings = match serde_json::to_value(&upstream.settings).map_err(broken)? {
        Value::Object(settings) => settings,
        _ => Map::new(),
    };
    let callback = paths::upstream_callback(upstream.name.as_str());
    Ok(Upstream {
        name: upstream.name.to_string(),
        settings,
        has_secret: upstream.sealed_secret.is_some(),
        redirect_uri: asked.call.realm.issuer.at(&callback),
        disabled_at: upstream.disabled_at.map(|at| at.as_seconds()),
        created_at: upstream.created_at.as_seconds(),
        updated_at: upstream.updated_at.as_seconds(),
        version: upstream.version,
    })
}

fn shown(asked: &Asked<'_>, upstream: &upstream::Upstream) -> Result<Answer, Problem> {
    Ok(Answer::ok(&described(asked, upstream)?)?.etag(etag(upstream)))
}

/// `GET /upstreams`. There are few: one piece has them all.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let all = asked.operations().upstreams().await?;
    let all: Result<Vec<_>, _> = all.iter().map(|one| described(asked, one)).collect();
    Answer::ok(&Upstreams { items: all? })
}

/// All providers, in the order of their buttons.
#[derive(Serialize, JsonSchema)]
pub struct Upstreams {
    /// Each.
    items: Vec<Upstream>,
}

/// `POST /upstreams`.
pub async fn create(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given: UpstreamToCreate = asked.input(&["name"])?;
    let settings = Value::Object(given.settings);
    let new = NewUpstream {
        name: &given.name,
        preset: given.preset.as_deref(),
        settings: &settings,
        secret: given.secret.as_deref(),
    };
    let operations = asked.operations();
    let made = operations.create_upstream(&asked.api.master, new).await?;
    let at = asked.at(&format!("/upstreams/{}", made.name));
    Ok(Answer::created(&described(asked, &made)?, at)?.etag(etag(&made)))
}

/// `GET /upstreams/{name}`.
pub async fn show(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let upstream = asked.operations().upstream(asked.part("name")).await?;
    asked.matched_if_sent(&etag(&upstream))?;
    shown(asked, &upstream)
}

/// `PATCH /upstreams/{name}`.
pub async fn update(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let operations = asked.operations();
    as_read(async || {
        let before = operations.upstream(asked.part("name")).await?;
        asked.matched(&etag(&before))?;
        let now = json!(described(asked, &before)?);
        let mut answered = Map::new();
        if let Value::Object(now) = now {
            answered = now;
        }
        answered.remove("settings");
        let given: UpstreamToUpdate = asked.change(&answered)?;
        let change = UpstreamChange {
            settings: &Value::Object(given.settings),
            secret: given.secret.as_deref(),
        };
        let (master, seen) = (&asked.api.master, Some(before.version));
        let after = operations.update_upstream(master, before.name.as_str(), change, seen);
        shown(asked, &after.await?)
    })
    .await
}

/// `POST /upstreams/{name}/disable`.
pub async fn disable(asked: &Asked<'_>) -> Result<Answer, Problem> {
    set_disabled(asked, true).await
}

/// `POST /upstreams/{name}/enable`.
pub async fn enable(asked: &Asked<'_>) -> Result<Answer, Problem> {
    set_disabled(asked, false).await
}

async fn set_disabled(asked: &Asked<'_>, disabled: bool) -> Result<Answer, Problem> {
    asked.no_input()?;
    let (operations, name) = (asked.operations(), asked.part("name"));
    as_read(async || {
        let before = operations.upstream(name).await?;
        let is_seen = asked.matched_if_sent(&etag(&before))?;
        let seen = is_seen.then_some(before.version);
        let after = operations.set_upstream_disabled(name, disabled, seen);
        shown(asked, &after.await?)
    })
    .await
}

/// `DELETE /upstreams/{name}`.
pub async fn delete(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let force = asked.read("force", "true or false", |text| text.parse::<bool>().ok())?;
    let (operations, name) = (asked.operations(), asked.part("name"));
    as_read(async || {
        let before = operations.upstream(name).await?;
        asked.matched(&etag(&before))?;
        let deleted =
            operations.delete_upstream(name, force.unwrap_or_default(), Some(before.version));
        deleted.await?;
        Ok(Answer::none())
    })
    .await
}
