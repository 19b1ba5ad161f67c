//! What the API publishes of itself (RFC 9728 2): which issuer's tokens open it.

use serde_json::{Value, json};
use url::Url;

/// Where the document lies, below the origin (RFC 9728 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Protected resource metadata, of an API whose audience is its address.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// Where a caller finds it.
    pub address: String,
    /// The path of that.
    pub path: String,
    pub document: Value,
}

impl Metadata {
    /// None where the audience is a mere name.
    pub fn of(audience: &str, issuer: &str) -> Option<Self> {
        let url = Url::parse(audience).ok()?;
        let is_address = matches!(url.scheme(), "https" | "http")
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_address {
            return None;
        }
        // RFC 9728 3.1: between host and path. The slash that ends the host goes, one that ends a path stays.
        let own = Some(url.path()).filter(|path| *path != "/");
        let path = format!("{WELL_KNOWN}{}", own.unwrap_or_default());
        Some(Self {
            address: format!("{}{path}", url.origin().ascii_serialization()),
            path,
            document: json!({
                "resource": audience,
                "authorization_servers": [issuer],
                "bearer_methods_supported": ["header"],
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_lies_between_host_and_path() {
        let address = |audience| Metadata::of(audience, "https://id.example").map(|m| m.address);
        for (audience, expected) in [
            (
                "https://api.example",
                "https://api.example/.well-known/oauth-protected-resource",
            ),
            (
                "https://api.example:8443/orders/",
                "https://api.example:8443/.well-known/oauth-protected-resource/orders/",
            ),
            (
                "https://api.example/orders",
                "https://api.example/.well-known/oauth-protected-resource/orders",
            ),
        ] {
            assert_eq!(address(audience).as_deref(), Some(expected));
        }
        for name in ["orders", "urn:example:orders", "https://api.example/?a=1"] {
            assert_eq!(address(name), None, "{name}");
        }
    }
}
