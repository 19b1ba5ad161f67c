//! Client authentication at the token endpoint and its neighbours (RFC 6749 2.3).

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    ClientId, Params,
    client::{AuthMethod, Client},
    error::Refusal,
    reason::{Reason, masked, unknown_id},
    secret::Pepper,
    time::Timestamp,
};

/// What a caller presents to prove which client it is (RFC 6749 2.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The id that was presented.
    pub client_id: ClientId,
    secret: Option<String>,
    method: AuthMethod,
}

impl Credentials {
    /// Reads the credentials from header and form.
    ///
    /// # Errors
    /// [`Reason::ClientAuthMultiple`], [`Reason::ClientAuthMalformed`], [`Reason::ClientAuthMissing`].
    pub fn parse(authorization: Option<&str>, params: &Params) -> Result<Self, Refusal> {
        let id = params.optional("client_id");
        let secret = params.optional("client_secret");
        if params.optional("client_assertion").is_some() {
            return Err(Reason::ClientAuthMethodWrong
                .because("a method that discovery names", "client_assertion"));
        }
        let Some(header) = authorization else {
            let id = id.ok_or_else(|| {
                Reason::ClientAuthMissing.because("client credentials", "nothing")
            })?;
            let method = if secret.is_some() {
                AuthMethod::ClientSecretPost
            } else {
                AuthMethod::None
            };
            return Ok(Self {
                client_id: ClientId::new(id),
                secret: secret.map(str::to_owned),
                method,
            });
        };
        let (basic_id, basic_secret) = basic(header).ok_or_else(|| {
            Reason::ClientAuthMalformed
                .because("Basic base64(form-urlencoded id:secret)", masked(header))
        })?;
        if secret.is_some() {
            return Err(Reason::ClientAuthMultiple
                .because("one method", "the Authorization header and client_secret"));
        }
        if id.is_some_and(|id| id != basic_id) {
            // Either may be the secret, in the wrong place.
            let received = unknown_id(id.unwrap_or_default());
            return Err(Reason::ClientAuthMultiple
                .because("the client_id of the Authorization header", received));
        }
        Ok(Self {
            client_id: ClientId::new(basic_id),
            secret: Some(basic_secret),
            method: AuthMethod::ClientSecretBasic,
        })
    }

    /// The secret, as it was presented.
    pub fn secret(&self) -> &str {
        self.secret.as_deref().unwrap_or_default()
    }

    /// Compares what was presented with the registration, in constant time.
    ///
    /// # Errors
    /// [`Reason::ClientAuthMethodWrong`], [`Reason::ClientSecretWrong`].
    pub fn authenticate(
        &self,
        client: &Client,
        pepper: &Pepper,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let accepted = client.metadata.auth_methods();
        if !accepted.contains(&self.method) {
            let accepted: Vec<_> = accepted.iter().map(|m| m.name()).collect();
            return Err(
                Reason::ClientAuthMethodWrong.because(accepted.join(" or "), self.method.name())
            );
        }
        match (self.method, &self.secret, &client.secret) {
            (AuthMethod::None, None, _) => Ok(()),
            (_, Some(secret), Some(_))
                if client.has_secret(&pepper.digest(&[&client.id, secret]), now) =>
            {
                Ok(())
            }
            (_, secret, _) => Err(Reason::ClientSecretWrong.because(
                "the client's secret",
                masked(secret.as_deref().unwrap_or_default()),
            )),
        }
    }
}

/// Whether the caller tried `Basic`, well or badly: who did hears of it in `WWW-Authenticate` (RFC 6749 5.2).
pub fn tried_basic(authorization: &str) -> bool {
    authorization
        .split(' ')
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

/// The client that `Basic` credentials name. Nothing is proven by it.
pub fn unverified_client_id(authorization: &str) -> Option<ClientId> {
    basic(authorization).map(|(id, _)| ClientId::new(id))
}

/// `Basic` credentials, form-urldecoded after base64 (RFC 6749 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id)?, form_decode(secret)?))
}

/// Nobody registered an id or a secret that holds a control character or is no UTF-8: it goes no further.
fn form_decode(text: &str) -> Option<String> {
    // Most are letters and digits, which stand for themselves.
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    {
        return Some(text.to_owned());
    }
    // Only one value stands here, so `&` and `=` are text.
    let guarded = text.replace('&', "%26").replace('=', "%3D");
    let decoded = url::form_urlencoded::parse(guarded.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned());
    Some(decoded.unwrap_or_default())
        .filter(|t| !t.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER))
}
