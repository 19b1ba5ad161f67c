//! Where the issuer publishes its keys (RFC 8414, OpenID Connect Discovery 1.0).

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Deserialize;
use url::{Host, Url};

use crate::http::{Client, FetchError, Fetched};

/// The issuer's own document.
#[derive(Deserialize)]
pub struct Metadata {
    issuer: String,
    jwks_uri: Option<String>,
    introspection_endpoint: Option<String>,
    status_list_aggregation_endpoint: Option<String>,
}

/// What the issuer publishes for whoever verifies its tokens.
#[derive(Clone)]
pub struct Published {
    /// None: there are none.
    pub jwks_uri: Option<String>,
    /// Whether the issuer says where it can be asked about tokens.
    pub can_be_asked: bool,
    pub lists: Advert,
}

/// What the issuer says of its status lists (draft-ietf-oauth-status-list-21 9.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advert {
    /// Whether it publishes any.
    pub is_there: bool,
    /// Where they are all named, if that is to be asked.
    pub address: Option<String>,
}

/// How long an address counts that the metadata named.
const FOUND_FOR: Duration = Duration::from_secs(600);

/// An address of the issuer: named by the owner, or else in the metadata, which is read again every ten minutes and after
/// whatever went wrong.
pub struct Endpoint<T = String> {
    issuer: String,
    fixed: Option<T>,
    of: fn(Metadata, &str) -> Result<T, FetchError>,
    found: Mutex<Option<(T, Instant)>>,
}

impl<T: Clone> Endpoint<T> {
    pub fn new(
        issuer: String,
        fixed: Option<T>,
        of: fn(Metadata, &str) -> Result<T, FetchError>,
    ) -> Self {
        Self {
            issuer,
            fixed,
            of,
            found: Mutex::default(),
        }
    }

    /// The address, and whether it was looked for just now.
    pub async fn address(&self, http: &Client) -> Result<(T, bool), FetchError> {
        if let Some(fixed) = &self.fixed {
            return Ok((fixed.clone(), false));
        }
        let known = self.found().clone();
        if let Some((address, at)) = known
            && at.elapsed() < FOUND_FOR
        {
            return Ok((address, false));
        }
        let address = (self.of)(metadata(http, &self.issuer).await?, &self.issuer)?;
        *self.found() = Some((address.clone(), Instant::now()));
        Ok((address, true))
    }

    /// The next one looks for it anew.
    pub fn forget(&self) {
        *self.found() = None;
    }

    fn found(&self) -> MutexGuard<'_, Option<(T, Instant)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The metadata of the issuer, which names itself in it.
async fn metadata(http: &Client, issuer: &str) -> Result<Metadata, FetchError> {
    let [first, second] = documents(issuer)?;
    // Many answer anything but 404 for what they do not have: 403, or a page of theirs.
    match document(http, &first, issuer).await {
        Ok(metadata) => Ok(metadata),
        Err(one) => document(http, &second, issuer)
            .await
            .map_err(|other| FetchError::new(format!("{one}; {other}"))),
    }
}

async fn document(http: &Client, address: &str, issuer: &str) -> Result<Metadata, FetchError> {
    let Fetched::Document { body, .. } = http.get(address, None).await? else {
        return Err(FetchError::new(format!("{address}: there is none")));
    };
    let metadata: Metadata = serde_json::from_slice(&body)
        .map_err(|_| FetchError::new(format!("{address}: this is no metadata")))?;
    metadata.check(issuer)?;
    Ok(metadata)
}

impl Metadata {
    /// RFC 8414 3.3: byte for byte.
    fn check(&self, issuer: &str) -> Result<(), FetchError> {
        if self.issuer != issuer {
            return Err(FetchError::new(format!(
                "the metadata of {issuer} is that of the issuer {:?}",
                self.issuer
            )));
        }
        Ok(())
    }

    /// Where the keys are, and what there is of status lists.
    pub fn published(self, issuer: &str) -> Result<Published, FetchError> {
        Ok(Published {
            lists: self.lists(issuer),
            can_be_asked: self.introspection_endpoint.is_some(),
            jwks_uri: self.jwks_uri(issuer)?,
        })
    }

    /// The address of the keys. It lies at the issuer's origin: another one is named by
    /// [`Builder::jwks_uri`](crate::Builder::jwks_uri) or not used.
    fn jwks_uri(self, issuer: &str) -> Result<Option<String>, FetchError> {
        let named = self.jwks_uri;
        let checked = named.map(|named| at_origin(named, issuer, "Builder::jwks_uri"));
        checked.transpose()
    }

    /// The address to ask about tokens, likewise: the API's secret goes there.
    pub fn introspection_endpoint(self, issuer: &str) -> Result<String, FetchError> {
        let named = self.introspection_endpoint.ok_or_else(|| {
            FetchError::new(format!(
                "{issuer} has no introspection endpoint in its metadata"
            ))
        })?;
        at_origin(named, issuer, "Introspection::at")
    }
}

impl Metadata {
    /// Where the status lists are named. At another origin nobody is asked, unless the owner named it; that there are lists
    /// is said all the same.
    fn lists(&self, issuer: &str) -> Advert {
        let Some(named) = self.status_list_aggregation_endpoint.clone() else {
            return Advert::default();
        };
        let address = at_origin(named, issuer, "StatusLists::at");
        Advert {
            is_there: true,
            address: address
                .inspect_err(|error| tracing::warn!(%error, "status lists are not pushed"))
                .ok(),
        }
    }
}

fn at_origin(named: String, issuer: &str, setting: &str) -> Result<String, FetchError> {
    let url = address(&named).map_err(FetchError::new)?;
    if url.origin() != address(issuer).map_err(FetchError::new)?.origin() {
        return Err(FetchError::new(format!(
            "the metadata of {issuer} names another origin, {url}: give that to {setting} if it is right"
        )));
    }
    Ok(named)
}

/// OpenID Connect Discovery 4 appends to the issuer; RFC 8414 3.1 puts it before the path.
fn documents(issuer: &str) -> Result<[String; 2], FetchError> {
    let url = address(issuer).map_err(FetchError::new)?;
    let appended = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let path = url.path().trim_end_matches('/');
    let origin = url.origin().ascii_serialization();
    let inserted = format!("{origin}/.well-known/oauth-authorization-server{path}");
    Ok([appended, inserted])
}

/// An address of an issuer: https, or http at this machine. Whoever can change what comes over the network could sign for
/// everybody otherwise.
pub fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    let at_home = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(format!("{text:?} names no host")),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if at_home => Ok(url),
        _ => Err(format!(
            "{text:?} is not https (http is for this machine alone)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_documents_are_looked_for() {
        let [appended, inserted] = documents("https://id.example/shop").unwrap();
        assert_eq!(
            appended,
            "https://id.example/shop/.well-known/openid-configuration"
        );
        assert_eq!(
            inserted,
            "https://id.example/.well-known/oauth-authorization-server/shop"
        );
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for good in [
            "https://id.example",
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://[::1]:1",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example",
            "http://localhost.example",
            "http://10.0.0.1",
            "ftp://localhost",
            "file:///keys",
            "id.example",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn metadata_names_the_issuer_and_keys_at_its_origin() {
        let metadata = |issuer: &str, keys: &str| Metadata {
            issuer: issuer.into(),
            jwks_uri: Some(keys.into()),
            introspection_endpoint: Some(keys.into()),
            status_list_aggregation_endpoint: Some(keys.into()),
        };
        let check = |metadata: Metadata| {
            metadata.check("https://id.example")?;
            metadata.jwks_uri("https://id.example")
        };
        let secret_goes_to = |keys: &str| {
            metadata("https://id.example", keys).introspection_endpoint("https://id.example")
        };
        let lists = |at: &str| metadata("https://id.example", at).lists("https://id.example");
        assert!(lists("https://id.example/lists").address.is_some());
        let elsewhere = lists("https://evil.example/lists");
        assert!(elsewhere.is_there && elsewhere.address.is_none());
        assert!(secret_goes_to("https://id.example/introspect").is_ok());
        assert!(secret_goes_to("https://evil.example/introspect").is_err());
        assert!(check(metadata("https://id.example", "https://id.example/jwks")).is_ok());
        for (issuer, keys) in [
            ("https://id.example/", "https://id.example/jwks"),
            ("https://evil.example", "https://id.example/jwks"),
            ("https://id.example", "https://evil.example/jwks"),
            ("https://id.example", "https://id.example:8443/jwks"),
            ("https://id.example", "http://id.example/jwks"),
            ("https://id.example", "https://id.example@evil.example/jwks"),
            ("https://id.example", "file:///etc/keys"),
        ] {
            assert!(check(metadata(issuer, keys)).is_err(), "{issuer} {keys}");
        }
    }
}
