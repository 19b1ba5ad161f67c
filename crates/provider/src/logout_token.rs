//! Logout tokens, made and signed (OpenID Connect Back-Channel Logout 1.0 2.4).

use std::sync::Arc;

use actix_web::web;
use latchkey_jose::JoseError;
use latchkey_operations::keys::jose_algorithm;
use latchkey_protocol::{
    IdTokenAlgorithm, Subject, Timestamp,
    client::Client,
    logout_token::{LOGOUT_TOKEN_TYPE, LogoutToken, SessionEnd},
    secret::new_id,
};
use latchkey_ui::failure::Fault;

use crate::state::Provider;

/// A fresh token for one attempt to tell `client` that a session has ended, signed as its ID tokens are.
///
/// # Errors
/// [`Fault`]: too much is waiting to be signed, or signing failed.
pub async fn logout_token(
    provider: &web::Data<Provider>,
    client: &Arc<Client>,
    end: &SessionEnd,
    now: Timestamp,
) -> Result<String, Fault> {
    let realm = &provider.ui.only_realm;
    let mut ring = realm.keys.ring();
    let algorithm = client.metadata.id_token_algorithm();
    if let Some(algorithm) = algorithm.of_key() {
        let with = realm
            .keys
            .with(jose_algorithm(algorithm), ring, &*provider.store, now);
        ring = with.await?;
    }
    let subject = Subject::of_user(client, &end.user_id);
    let id = new_id(now, &*provider.ui.entropy);
    let claims = LogoutToken::new(&realm.issuer, &client.id, subject, end, id, now);
    let (shared, of) = (provider.clone(), client.clone());
    let sign = move || -> Result<String, JoseError> {
        match algorithm {
            IdTokenAlgorithm::Key(algorithm) => ring
                .signer_for(jose_algorithm(algorithm), now.as_seconds())?
                .sign(LOGOUT_TOKEN_TYPE, &claims),
            IdTokenAlgorithm::Hs256 => shared
                .client_secrets
                .id_token_key(&of)?
                .sign(LOGOUT_TOKEN_TYPE, &claims),
        }
    };
    let signed = provider.signing.run(&client.id, 1, sign).await;
    signed
        .map_err(|_| Fault::Busy)?
        .map_err(|error| Fault::Broken(Box::new(error)))
}
