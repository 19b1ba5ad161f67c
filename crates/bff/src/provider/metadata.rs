//! What the provider says of itself (OpenID Connect Discovery 1.0).

use serde::Deserialize;
use url::Url;

/// The addresses that are used.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub revocation_endpoint: Option<String>,
    #[serde(default)]
    pub end_session_endpoint: Option<String>,
    /// RFC 9207 3.
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub says_its_name: bool,
}

impl Metadata {
    /// Discovery 4.
    pub fn address(issuer: &str) -> String {
        let issuer = issuer.trim_end_matches('/');
        format!("{issuer}/.well-known/openid-configuration")
    }

    /// Of this issuer, byte for byte, with addresses at its origin alone: secrets and codes go there.
    pub fn read(body: &[u8], issuer: &str) -> Result<Self, String> {
        let metadata: Self =
            serde_json::from_slice(body).map_err(|_| "this is no metadata".to_owned())?;
        if metadata.issuer != issuer {
            return Err(format!("this is the metadata of {:?}", metadata.issuer));
        }
        let home = origin(issuer)?;
        let addresses = [
            Some(&metadata.authorization_endpoint),
            Some(&metadata.token_endpoint),
            metadata.userinfo_endpoint.as_ref(),
            metadata.revocation_endpoint.as_ref(),
            metadata.end_session_endpoint.as_ref(),
        ];
        for address in addresses.into_iter().flatten() {
            if origin(address)? != home {
                return Err(format!("{address} is not at the origin of the issuer"));
            }
        }
        Ok(metadata)
    }

    /// Where the browser goes to sign in.
    pub fn sign_in(&self, parameters: &[(&str, &str)]) -> Result<String, String> {
        with(&self.authorization_endpoint, parameters)
    }

    /// Where the browser goes to sign out, if the provider has such a page.
    pub fn sign_out(&self, parameters: &[(&str, &str)]) -> Option<String> {
        with(self.end_session_endpoint.as_ref()?, parameters).ok()
    }
}

fn with(address: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
    let mut url = Url::parse(address).map_err(|error| error.to_string())?;
    url.query_pairs_mut().extend_pairs(parameters);
    Ok(url.into())
}

fn origin(address: &str) -> Result<url::Origin, String> {
    let url = Url::parse(address).map_err(|error| format!("{address:?}: {error}"))?;
    Ok(url.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ISSUER: &str = "https://id.example";

    fn read(change: impl Fn(&mut serde_json::Value)) -> Result<Metadata, String> {
        let mut document = json!({
            "issuer": ISSUER, "authorization_endpoint": "https://id.example/authorize", "token_endpoint": "https://id.example/token",
            "revocation_endpoint": "https://id.example/revoke", "end_session_endpoint": "https://id.example/logout",
        });
        change(&mut document);
        Metadata::read(document.to_string().as_bytes(), ISSUER)
    }

    #[test]
    fn metadata_names_the_issuer_and_addresses_at_its_origin() {
        assert!(read(|_| {}).is_ok());
        assert!(read(|d| d["issuer"] = json!("https://id.example/")).is_err());
        for name in [
            "authorization_endpoint",
            "token_endpoint",
            "revocation_endpoint",
            "end_session_endpoint",
            "userinfo_endpoint",
        ] {
            for bad in [
                "https://evil.example/x",
                "http://id.example/x",
                "https://id.example:8443/x",
                "https://id.example@evil.example/x",
                "/x",
            ] {
                assert!(read(|d| d[name] = json!(bad)).is_err(), "{name} {bad}");
            }
        }
        for garbage in [&b""[..], b"<html>", b"[]", b"{\"issuer\":"] {
            assert!(Metadata::read(garbage, ISSUER).is_err());
        }
    }
}
