//! How client secrets are kept: as keyed digests, and sealed where ID tokens are signed with them.

use latchkey_jose::{JoseError, MasterKey, SharedSecret};
use latchkey_protocol::{
    client::Client,
    kind::KeyedClientSecret,
    secret::{Digest, Pepper},
};

/// What client secrets are digested and sealed under.
#[derive(Debug, Clone)]
pub struct ClientSecrets {
    pepper: Pepper,
    master: MasterKey,
}

/// A client secret as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredSecret {
    pub digest: Digest<KeyedClientSecret>,
    pub sealed: Option<String>,
}

impl ClientSecrets {
    /// Those of the installation with this master key.
    pub fn new(master: &MasterKey) -> Self {
        Self {
            pepper: Pepper::derive(master.bytes(), "client secrets"),
            master: master.clone(),
        }
    }

    /// The key of the digests that clients authenticate against.
    pub fn pepper(&self) -> &Pepper {
        &self.pepper
    }

    /// The digest of the secret of the client `id`.
    pub fn digest(&self, id: &str, secret: &str) -> Digest<KeyedClientSecret> {
        self.pepper.digest(&[id, secret])
    }

    /// As it is stored: the digest, and with `readable` the secret itself, sealed.
    pub(crate) fn store(
        &self,
        id: &str,
        secret: &str,
        readable: bool,
    ) -> Result<StoredSecret, JoseError> {
        Ok(StoredSecret {
            digest: self.digest(id, secret),
            sealed: readable.then(|| self.master.seal(secret)).transpose()?,
        })
    }

    /// What the client's ID tokens are signed with, where that is its secret. It must be the one that the client
    /// authenticates with, so that what was sealed for one client is of no use for another.
    ///
    /// # Errors
    /// [`JoseError::Algorithm`] for every other client; [`JoseError::Sealed`] when it cannot be opened, or is another one.
    pub fn id_token_key(&self, client: &Client) -> Result<SharedSecret, JoseError> {
        let sealed = client.sealed_secret.as_ref();
        let sealed = sealed.filter(|_| client.metadata.signs_with_secret());
        let sealed = sealed.ok_or_else(|| JoseError::Algorithm("HS256".into()))?;
        let secret = self.master.open(sealed)?;
        if client.secret.as_ref() != Some(&self.digest(&client.id, &secret)) {
            return Err(JoseError::Sealed);
        }
        SharedSecret::new(&secret)
    }
}
