//! Where the issuer publishes its keys (RFC 8414, OpenID Connect Discovery 1.0).

use serde::Deserialize;
use url::{Host, Url};

use crate::http::{Client, FetchError, Fetched};

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// The address of the keys, which the issuer's own document names. It lies at the issuer's origin: another one is named by
/// [`Builder::jwks_uri`](crate::Builder::jwks_uri) or not used.
pub async fn jwks_uri(http: &Client, issuer: &str) -> Result<String, FetchError> {
    for address in documents(issuer)? {
        if let Fetched::Document { body, .. } = http.get(&address, None).await? {
            let metadata = serde_json::from_slice(&body)
                .map_err(|_| FetchError::new(format!("{address}: this is no metadata")))?;
            return checked(metadata, issuer);
        }
    }
    Err(FetchError::new(format!(
        "{issuer} publishes neither openid-configuration nor oauth-authorization-server"
    )))
}

fn checked(metadata: Metadata, issuer: &str) -> Result<String, FetchError> {
    // RFC 8414 3.3: byte for byte.
    if metadata.issuer != issuer {
        let other = metadata.issuer;
        return Err(FetchError::new(format!(
            "the metadata of {issuer} is that of the issuer {other:?}"
        )));
    }
    let keys = address(&metadata.jwks_uri).map_err(FetchError::new)?;
    if keys.origin() != address(issuer).map_err(FetchError::new)?.origin() {
        return Err(FetchError::new(format!(
            "{issuer} publishes its keys at another origin, {keys}: name that by Builder::jwks_uri if it is right"
        )));
    }
    Ok(metadata.jwks_uri)
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
            jwks_uri: keys.into(),
        };
        let check = |metadata| checked(metadata, "https://id.example");
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
