//! A code exchanged at another provider's token endpoint (RFC 6749 4.1.3).

use base64::{Engine, engine::general_purpose::STANDARD};
use latchkey_protocol::{Outbound, upstream::UpstreamClientAuth};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::http::{self, Trouble};

/// What is exchanged, and by whom.
pub struct Exchange<'a> {
    /// The token endpoint.
    pub endpoint: &'a str,
    /// Our `client_id` there.
    pub client_id: &'a str,
    /// How we prove to be it.
    pub auth: &'a UpstreamClientAuth,
    /// The secret, or what was signed in its place.
    pub secret: Option<&'a str>,
    /// What came back by the browser.
    pub code: &'a str,
    /// Where it came back to.
    pub redirect_uri: &'a str,
    /// The PKCE verifier (RFC 7636 4.5), where a challenge was sent.
    pub verifier: Option<&'a str>,
    /// What was sent as `state`: Naver asks for it here too.
    pub state: &'a str,
}

/// What the code was worth.
#[derive(Debug)]
pub struct Tokens {
    /// For its UserInfo endpoint.
    pub access_token: Option<String>,
    /// Who signed in.
    pub id_token: Option<String>,
}

impl Exchange<'_> {
    /// Exchanges the code.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn make(&self, outbound: &dyn Outbound) -> Result<Tokens, Trouble> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", self.code),
            ("redirect_uri", self.redirect_uri),
            ("state", self.state),
        ];
        form.extend(self.verifier.map(|verifier| ("code_verifier", verifier)));
        let mut header = None;
        match (self.auth, self.secret) {
            (UpstreamClientAuth::ClientSecretBasic, Some(secret)) => {
                header = Some(basic(self.client_id, secret));
            }
            (UpstreamClientAuth::None, _) => form.push(("client_id", self.client_id)),
            (_, secret) => {
                form.push(("client_id", self.client_id));
                form.extend(secret.map(|secret| ("client_secret", secret)));
            }
        }
        let answer = http::post(outbound, self.endpoint, &form, header.as_deref()).await?;
        Ok(Tokens {
            access_token: text(&answer, "access_token"),
            id_token: text(&answer, "id_token"),
        })
    }
}

fn text(answer: &Map<String, Value>, name: &str) -> Option<String> {
    let value = answer.get(name)?.as_str()?;
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

/// Both are encoded as a form is (RFC 6749 2.3.1).
fn basic(client_id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = format!("{}:{}", encode(client_id), encode(secret));
    format!("Basic {}", STANDARD.encode(credentials))
}
