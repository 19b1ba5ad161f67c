//! What an answer to the client holds.

use crate::{Issuer, client::ReturnTo, reason::ErrorCode};

/// The members of a successful answer, in order (RFC 6749 4.1.2, RFC 9207 2).
pub fn answer_code<'a>(
    to: &'a ReturnTo,
    issuer: &'a Issuer,
    code: &'a str,
) -> Vec<(&'static str, &'a str)> {
    let mut pairs = vec![("code", code)];
    pairs.extend(to.state().map(|state| ("state", state)));
    pairs.push(("iss", issuer));
    pairs
}

/// The members of a refusal (RFC 6749 4.1.2.1, RFC 9207 2), and no others: clients warn of what they do not know.
/// Our reference stands in the `description` ([`crate::RefusalText::described`]).
pub fn answer_error<'a>(
    to: &'a ReturnTo,
    issuer: &'a Issuer,
    code: ErrorCode,
    description: &'a str,
) -> Vec<(&'static str, &'a str)> {
    let mut pairs = vec![("error", code.0), ("error_description", description)];
    pairs.extend(to.state().map(|state| ("state", state)));
    pairs.push(("iss", issuer));
    pairs
}
