//! What another provider publishes of itself: its addresses and its keys. Kept as long as it says, within bounds, and
//! fetched once for all who wait for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use latchkey_protocol::{Outbound, Timestamp, upstream::TENANT, uri};
use openidconnect::{
    JsonWebKey,
    core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJsonWebKeyType},
};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::http::{self, Trouble};

/// How long a document counts where it says nothing of it, and what it may say at least and at most, in seconds.
const COUNTS_FOR: i64 = 3600;
const AT_LEAST: i64 = 60;
const AT_MOST: i64 = 86_400;
/// After this many seconds a key that is not known is looked for again, and what failed is tried again.
const AGAIN_AFTER: i64 = 10;
/// What stands for the tenant where the document of an issuer of many tenants is (Microsoft): it names them all.
const COMMON: &str = "common";
/// Most providers that are remembered.
const MOST: usize = 200;

/// The members of the discovery document that are read (OpenID Connect Discovery 1.0 3, RFC 9207 3).
#[derive(Debug, Clone, Deserialize)]
pub struct Metadata {
    /// Its issuer identifier.
    pub issuer: String,
    /// Where browsers are sent.
    pub authorization_endpoint: String,
    /// Where codes are exchanged.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where claims are asked for.
    pub userinfo_endpoint: Option<String>,
    /// Whether its answers name it.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// The keys of a provider.
#[derive(Debug)]
pub struct Keys {
    /// All that may prove something.
    pub set: CoreJsonWebKeySet,
    /// The `issuer` of each that has one (Microsoft): it signs for no other. By `kid`, with which more than one may go.
    pub issuers: Vec<(String, String)>,
}

/// What was found of one provider.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// Its addresses.
    pub metadata: Arc<Metadata>,
    /// Its keys.
    pub keys: Arc<Keys>,
    /// By its clock, when it answered.
    pub date: Option<String>,
    /// When it was found.
    pub at: Timestamp,
}

#[derive(Debug, Default)]
struct Known {
    found: Option<(Discovered, Timestamp)>,
    keys_fetched_at: Option<Timestamp>,
    failed: Option<(Trouble, Timestamp)>,
}

impl Known {
    /// What counts at this moment, or the failure of a moment ago.
    fn answer(&self, now: Timestamp) -> Option<Result<Discovered, Trouble>> {
        if let Some((found, until)) = &self.found
            && (1..=AT_MOST).contains(&(*until - now))
        {
            return Some(Ok(found.clone()));
        }
        let (trouble, at) = self.failed.as_ref()?;
        ((0..AGAIN_AFTER).contains(&(now - *at))).then(|| Err(trouble.clone()))
    }

    /// What counted until a moment ago: better than nothing, for a day.
    fn former(&self, now: Timestamp) -> Option<&Discovered> {
        let (found, _) = self.found.as_ref()?;
        (0..AT_MOST).contains(&(now - found.at)).then_some(found)
    }
}

/// One provider: what is known of it, and the turn of whoever asks it.
#[derive(Debug, Default)]
struct Entry {
    known: Mutex<Known>,
    turn: tokio::sync::Mutex<()>,
}

impl Entry {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of each provider, by its issuer.
#[derive(Debug, Default)]
pub struct Directory {
    entries: Mutex<HashMap<String, Arc<Entry>>>,
}

impl Directory {
    /// What `issuer` publishes of itself. While one caller asks it anew, the others go by what counted until then.
    ///
    /// # Errors
    /// [`Trouble`], also that of whoever asked a moment ago.
    pub async fn find(
        &self,
        outbound: &dyn Outbound,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Discovered, Trouble> {
        let entry = self.entry(issuer);
        if let Some(answer) = entry.known().answer(now) {
            return answer;
        }
        let _turn = match entry.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => {
                if let Some(found) = entry.known().former(now) {
                    return Ok(found.clone());
                }
                // Whoever comes first waits for nobody, the others for this one's answer.
                entry.turn.lock().await
            }
        };
        if let Some(answer) = entry.known().answer(now) {
            return answer;
        }
        let discovered = discover(outbound, issuer, now).await;
        let mut known = entry.known();
        match discovered {
            Ok((found, until)) => {
                *known = Known {
                    found: Some((found.clone(), until)),
                    keys_fetched_at: Some(now),
                    failed: None,
                };
                Ok(found)
            }
            Err(trouble) => match known.former(now).cloned() {
                Some(former) => {
                    known.found = Some((former.clone(), now + AGAIN_AFTER));
                    Ok(former)
                }
                None => {
                    known.failed = Some((trouble.clone(), now));
                    Err(trouble)
                }
            },
        }
    }

    /// The keys of `issuer`, fetched anew because none of `seen` fits; at most once every few seconds.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn newer_keys(
        &self,
        outbound: &dyn Outbound,
        seen: &Discovered,
        now: Timestamp,
    ) -> Result<Option<Discovered>, Trouble> {
        let entry = self.entry(&seen.metadata.issuer);
        let _turn = entry.turn.lock().await;
        {
            let mut known = entry.known();
            if let Some((found, _)) = &known.found
                && !Arc::ptr_eq(&found.keys, &seen.keys)
            {
                return Ok(Some(found.clone()));
            }
            let early = |at: Timestamp| (0..AGAIN_AFTER).contains(&(now - at));
            if known.keys_fetched_at.is_some_and(early) {
                return Ok(None);
            }
            known.keys_fetched_at = Some(now);
        }
        let (keys, _) = keys(outbound, &seen.metadata.jwks_uri).await?;
        let renewed = Discovered {
            keys: Arc::new(keys),
            ..seen.clone()
        };
        if let Some((found, _)) = &mut entry.known().found {
            *found = renewed.clone();
        }
        Ok(Some(renewed))
    }

    fn entry(&self, issuer: &str) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST && !entries.contains_key(issuer) {
            entries.clear();
        }
        entries.entry(issuer.to_owned()).or_default().clone()
    }
}

/// Fetches document and keys, and says until when they count.
pub(super) async fn discover(
    outbound: &dyn Outbound,
    issuer: &str,
    now: Timestamp,
) -> Result<(Discovered, Timestamp), Trouble> {
    let address = format!(
        "{}/.well-known/openid-configuration",
        issuer.replacen(TENANT, COMMON, 1).trim_end_matches('/')
    );
    let answered = http::get(outbound, &address, None).await?;
    let date = answered.date;
    let metadata = metadata(Value::Object(answered.object), issuer)?;
    let (keys, counts_for) = keys(outbound, &metadata.jwks_uri).await?;
    let counts_for = counts_for.min(lifetime(answered.cache_control.as_deref()));
    let found = Discovered {
        metadata: Arc::new(metadata),
        keys: Arc::new(keys),
        date,
        at: now,
    };
    Ok((found, now + counts_for))
}

/// Reads the document of `issuer`: it names itself, byte for byte (Discovery 1.0 4.3), and a provider under https names
/// nothing that is not.
fn metadata(document: Value, issuer: &str) -> Result<Metadata, Trouble> {
    let metadata: Metadata = serde_json::from_value(document)
        .map_err(|error| Trouble::Garbled(http::plain(&format!("its document: {error}"))))?;
    if metadata.issuer != issuer {
        let named = http::plain(&metadata.issuer);
        let said = format!("its document is that of the issuer {named}");
        return Err(Trouble::Garbled(said));
    }
    let addresses = [
        Some(&metadata.authorization_endpoint),
        Some(&metadata.token_endpoint),
        Some(&metadata.jwks_uri),
        metadata.userinfo_endpoint.as_ref(),
    ];
    for address in addresses.into_iter().flatten() {
        if !may_name(issuer, address) {
            let said = format!("its document names {}", http::plain(address));
            return Err(Trouble::Garbled(said));
        }
    }
    Ok(metadata)
}

/// Whether a provider may name this address: under https, or on this machine where it is here itself.
fn may_name(issuer: &str, address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let at_home = || Url::parse(issuer).is_ok_and(|issuer| uri::is_loopback(&issuer));
    let is_plain = url.scheme() == "http" && uri::is_loopback(&url) && at_home();
    let has_user = !url.username().is_empty() || url.password().is_some();
    (url.scheme() == "https" || is_plain) && !has_user && url.fragment().is_none()
}

/// Its keys without those that are too weak to prove anything, and how long they count.
async fn keys(outbound: &dyn Outbound, address: &str) -> Result<(Keys, i64), Trouble> {
    let mut answered = http::get(outbound, address, None).await?;
    let mut issuers = Vec::new();
    if let Some(Value::Array(keys)) = answered.object.get_mut("keys") {
        keys.retain(is_strong);
        issuers.extend(keys.iter().filter_map(issuer_of_key));
    }
    let set: CoreJsonWebKeySet = serde_json::from_value(Value::Object(answered.object))
        .map_err(|error| Trouble::Garbled(http::plain(&format!("its keys: {error}"))))?;
    // A shared secret proves nothing to whoever can read it.
    let public = |key: &&CoreJsonWebKey| *key.key_type() != CoreJsonWebKeyType::Symmetric;
    let keys = set.keys().iter().filter(public).cloned().collect();
    let counts_for = lifetime(answered.cache_control.as_deref());
    let set = CoreJsonWebKeySet::new(keys);
    Ok((Keys { set, issuers }, counts_for))
}

fn issuer_of_key(key: &Value) -> Option<(String, String)> {
    let text = |name: &str| Some(key.get(name)?.as_str()?.to_owned());
    Some((text("kid").unwrap_or_default(), text("issuer")?))
}

/// RSA has 2048 bits at least (RFC 7518 3.3): a modulus of 256 bytes is 342 characters long.
fn is_strong(key: &Value) -> bool {
    let modulus = key.get("n").and_then(Value::as_str);
    key.get("kty").and_then(Value::as_str) != Some("RSA")
        || modulus.is_some_and(|n| n.trim_start_matches('A').len() >= 341)
}

/// `max-age` of `Cache-Control` (RFC 9111 5.2.2.1), within bounds.
fn lifetime(cache_control: Option<&str>) -> i64 {
    let Some(said) = cache_control else {
        return COUNTS_FOR;
    };
    let said = said.to_ascii_lowercase();
    let mut directives = said.split(',').map(str::trim);
    if directives
        .clone()
        .any(|d| d == "no-store" || d == "no-cache")
    {
        return AT_LEAST;
    }
    let age = directives.find_map(|d| d.strip_prefix("max-age=")?.trim_matches('"').parse().ok());
    age.unwrap_or(COUNTS_FOR).clamp(AT_LEAST, AT_MOST)
}
