//! What is sealed of other providers: our secret there, and what a sign-in that was begun there needs when its user comes
//! back.

use latchkey_jose::{Algorithm, JoseError, MasterKey, Signer, SigningKey};
use latchkey_protocol::{
    Secret, Timestamp, kind,
    upstream::{Upstream, UpstreamClientAuth},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a secret counts that is signed for one call, in seconds.
const SIGNED_FOR: i64 = 5 * 60;

/// Opens and seals under the installation's master key.
#[derive(Debug, Clone)]
pub struct UpstreamSecrets {
    master: MasterKey,
}

/// What a sign-in that was begun at another provider needs when its user comes back.
#[derive(Debug)]
pub struct LoginSecrets {
    /// The PKCE verifier (RFC 7636 4.1).
    pub verifier: String,
    /// What the interaction's address ends with.
    pub interaction: Secret<kind::Interaction>,
}

/// As it is sealed. The name of its purpose keeps other sealed texts from passing as one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    upstream_login: String,
    interaction: String,
}

impl UpstreamSecrets {
    /// Those of the installation with this master key.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            master: master.clone(),
        }
    }

    /// Seals our secret at a provider, or the key that such secrets are signed with.
    ///
    /// # Errors
    /// [`JoseError::Sealed`] when the library fails.
    pub fn seal_secret(&self, secret: &str) -> Result<String, JoseError> {
        self.master.seal(secret)
    }

    /// Seals what the user's return needs.
    ///
    /// # Errors
    /// [`JoseError::Sealed`] when the library fails.
    pub fn seal_login(&self, secrets: &LoginSecrets) -> Result<String, JoseError> {
        let sealed = Sealed {
            upstream_login: secrets.verifier.clone(),
            interaction: secrets.interaction.expose().to_owned(),
        };
        let text = serde_json::to_string(&sealed).map_err(|_| JoseError::Sealed)?;
        self.master.seal(&text)
    }

    /// Opens what [`UpstreamSecrets::seal_login`] made.
    ///
    /// # Errors
    /// [`JoseError::Sealed`] when it was sealed under another key, changed, or for another purpose.
    pub fn open_login(&self, sealed: &str) -> Result<LoginSecrets, JoseError> {
        let text = self.master.open(sealed)?;
        let opened: Sealed = serde_json::from_str(&text).map_err(|_| JoseError::Sealed)?;
        let interaction = Secret::presented(&opened.interaction).ok_or(JoseError::Sealed)?;
        Ok(LoginSecrets {
            verifier: opened.upstream_login,
            interaction,
        })
    }

    /// What goes to the token endpoint as our secret: the sealed one, or a JWT that the sealed key signs for this call, as
    /// Apple asks for it. None for a public client.
    ///
    /// # Errors
    /// [`JoseError::Sealed`]; [`JoseError::Key`] where it is to sign and is no P-256 key.
    pub fn client_secret(
        &self,
        upstream: &Upstream,
        now: Timestamp,
    ) -> Result<Option<String>, JoseError> {
        let Some(sealed) = &upstream.sealed_secret else {
            return Ok(None);
        };
        let secret = self.master.open(sealed)?;
        let UpstreamClientAuth::SignedSecret {
            team_id,
            key_id,
            audience,
        } = &upstream.settings.client_auth
        else {
            return Ok(Some(secret));
        };
        let key = SigningKey::read(Algorithm::Es256, &secret)?;
        let claims = claims((team_id, audience), &upstream.settings.client_id, now);
        Ok(Some(Signer::new(&key)?.sign_as(key_id, &claims)?))
    }
}

/// What a secret that is signed says (RFC 7523 3).
fn claims((issuer, audience): (&str, &str), client_id: &str, now: Timestamp) -> Value {
    json!({
        "iss": issuer,
        "iat": now.as_seconds(),
        "exp": now.as_seconds() + SIGNED_FOR,
        "aud": audience,
        "sub": client_id,
    })
}
