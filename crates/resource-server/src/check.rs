//! The check before a route, for every framework: the token of a request, and the guard beside the route.

use std::sync::Arc;

use crate::{AccessToken, Rejection, Rule, Verifier, bearer, status::Access};

/// How it stands with a request.
pub enum Look {
    /// Decided without waiting.
    Done(Result<Arc<AccessToken>, Rejection>),
    /// A token that has to be verified first: see [`verify`].
    New(String),
}

/// Decides at once where nothing has to be waited for. `headers`: every `Authorization`.
pub fn look<'a>(
    verifier: &Verifier,
    rule: &Rule,
    headers: impl IntoIterator<Item = &'a [u8]>,
) -> Look {
    match bearer(headers) {
        Err(refusal) => {
            verifier.note_malformed(&refusal);
            Look::Done(Err(refusal.into()))
        }
        Ok(token) => match verifier.verify_seen(token) {
            Some(caller) => Look::Done(check(verifier, rule, caller)),
            None => Look::New(token.to_owned()),
        },
    }
}

/// Verifies the token, then asks the guard.
pub async fn verify(
    verifier: &Verifier,
    rule: &Rule,
    token: &str,
    access: Access,
) -> Result<Arc<AccessToken>, Rejection> {
    check(verifier, rule, verifier.verify_for(token, access).await?)
}

/// What a request of this method does (RFC 9110 9.2.1).
pub fn access(method: &str) -> Access {
    match method {
        "GET" | "HEAD" => Access::Read,
        _ => Access::Change,
    }
}

fn check(
    verifier: &Verifier,
    rule: &Rule,
    caller: Arc<AccessToken>,
) -> Result<Arc<AccessToken>, Rejection> {
    verifier.check(rule, &caller)?;
    Ok(caller)
}
