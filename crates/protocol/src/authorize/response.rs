use crate::{client::ReturnTo, reason::Reason};

/// The members of a successful answer, in order (RFC 6749 4.1.2, RFC 9207 2).
pub fn answer_code<'a>(to: &'a ReturnTo, issuer: &'a str, code: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut pairs = vec![("code", code)];
    pairs.extend(to.state().map(|state| ("state", state)));
    pairs.push(("iss", issuer));
    pairs
}

/// The members of a refusal (RFC 6749 4.1.2.1, RFC 9207 2) with our reference.
pub fn answer_error<'a>(
    to: &'a ReturnTo,
    issuer: &'a str,
    reason: Reason,
    reference: &'a str,
) -> Vec<(&'static str, &'a str)> {
    let refusal = reason.refusal();
    let mut pairs = vec![("error", refusal.code.0), ("error_description", refusal.public)];
    pairs.extend(to.state().map(|state| ("state", state)));
    pairs.push(("iss", issuer));
    pairs.push(("error_ref", reference));
    pairs
}
