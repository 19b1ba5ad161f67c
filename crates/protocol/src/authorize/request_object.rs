//! Request objects (RFC 9101, OpenID Connect Core 6.1): parameters that the client signed.

use serde_json::{Map, Value};

use crate::{
    Issuer, Params, Timestamp,
    authorize::ResponseTypes,
    client::Client,
    client_keys::ClientSignatures,
    error::Refusal,
    json,
    reason::{Reason, masked},
};

/// The largest request object, in bytes.
const LARGEST: usize = 16 * 1024;
/// Header `typ` of request objects (RFC 9101 4); the older `JWT`, or none, is common.
const TYPES: [&str; 2] = ["oauth-authz-req+jwt", "JWT"];
/// How far the client's clock may be ahead of ours, in seconds.
const SKEW: f64 = 60.0;
/// Claims of the JWT itself (RFC 7519 4.1), which are no parameters.
const OF_THE_JWT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// The parameters in force where a request object came: what the client signed, in the place of what stands outside
/// (OpenID Connect Core 6.1, RFC 9101 5, 6). Nothing where none came.
///
/// Of a client that always signs, what stands outside counts for nothing (RFC 9101 6.3).
///
/// # Errors
/// [`Reason::RequestObjectInvalid`], [`Reason::RequestObjectMissing`].
pub fn signed_params(
    outside: &Params,
    client: &Client,
    issuer: &Issuer,
    signatures: &dyn ClientSignatures,
    now: Timestamp,
) -> Result<Option<Params>, Refusal> {
    let always = client.metadata.require_signed_request_object;
    let Some(token) = outside.optional("request") else {
        return if always {
            Err(Reason::RequestObjectMissing.into())
        } else {
            Ok(None)
        };
    };
    let members = verified(token, client, signatures)?;
    check(&members, outside, client, issuer, now)?;
    let client_id = ("client_id".to_owned(), client.id.as_str().to_owned());
    let pairs = members
        .into_iter()
        .filter(|(name, _)| !OF_THE_JWT.contains(&name.as_str()) && name != "client_id");
    let pairs = pairs.filter_map(|(name, value)| Some((name, as_parameter(value)?)));
    let signed = Params::from_pairs([client_id].into_iter().chain(pairs));
    Ok(Some(if always {
        signed
    } else {
        outside.overridden_by(signed)
    }))
}

/// The members, once the signature is proven.
fn verified(
    token: &str,
    client: &Client,
    signatures: &dyn ClientSignatures,
) -> Result<Map<String, Value>, Refusal> {
    if token.len() > LARGEST {
        return Err(invalid(
            format!("at most {LARGEST} bytes"),
            format!("{} bytes", token.len()),
        ));
    }
    let set = client
        .metadata
        .jwks
        .as_ref()
        .ok_or_else(|| invalid("jwks in the client's registration", "none"))?;
    let unproven = |why: String| {
        invalid(
            "a request object signed by a registered key of the client",
            why,
        )
    };
    let algorithm = client.metadata.request_object_signing_alg.as_deref();
    let payload = signatures
        .verify(set, token, &TYPES, algorithm)
        .map_err(unproven)?;
    json::object(&payload).map_err(|why| invalid("a JSON object, each member once", why))
}

fn invalid(expected: impl Into<String>, received: impl Into<String>) -> Refusal {
    Reason::RequestObjectInvalid.because(expected, received)
}

/// For whom, from whom, when, and what it cannot hold (RFC 9101 4, 5, RFC 7519 4.1).
fn check(
    members: &Map<String, Value>,
    outside: &Params,
    client: &Client,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<(), Refusal> {
    parties(members, client, issuer)?;
    times(members, now)?;
    let nested = ["request", "request_uri"];
    if let Some(nested) = nested.iter().find(|name| members.contains_key(**name)) {
        return Err(invalid(
            "no request object in a request object (RFC 9101 4)",
            *nested,
        ));
    }
    match (
        outside.optional("response_type"),
        text(members, "response_type"),
    ) {
        (Some(outside), Some(signed)) if !is_same(outside, signed) => Err(invalid(
            format!("response_type: {signed}, outside as well"),
            masked(outside),
        )),
        _ => Ok(()),
    }
}

/// Whether two response types are the same: their order means nothing.
fn is_same(outside: &str, signed: &str) -> bool {
    let read = |text: &str| text.parse::<ResponseTypes>().ok();
    outside == signed || read(outside).is_some_and(|types| read(signed) == Some(types))
}

/// From this client, for us.
fn parties(members: &Map<String, Value>, client: &Client, issuer: &Issuer) -> Result<(), Refusal> {
    // Clients that share their keys do not share their requests.
    let named = ["client_id", "iss"].map(|name| (name, text(members, name)));
    if named.iter().all(|(_, value)| value.is_none()) {
        return Err(invalid("client_id or iss", "neither"));
    }
    for (name, value) in named {
        if let Some(other) = value.filter(|value| client.id != *value) {
            return Err(invalid(format!("{name}: {}", client.id), other));
        }
    }
    // A client assertion (RFC 7523 3) says who the client is, not what it asks for.
    if text(members, "sub") == Some(client.id.as_str()) {
        return Err(invalid(
            "no sub that is the client (RFC 9101 10.8)",
            client.id.as_str(),
        ));
    }
    match members.get("aud") {
        Some(aud) if !names(aud, issuer) => Err(invalid(format!("aud: {issuer}"), aud.to_string())),
        _ => Ok(()),
    }
}

/// Within its time, as far as it names one.
fn times(members: &Map<String, Value>, now: Timestamp) -> Result<(), Refusal> {
    let time = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .map(Some)
            .ok_or_else(|| invalid(format!("{name}: seconds"), value.to_string())),
    };
    #[allow(clippy::cast_precision_loss)]
    let now = now.as_seconds() as f64;
    if time("exp")?.is_some_and(|exp| now >= exp)
        || time("nbf")?.is_some_and(|nbf| now + SKEW < nbf)
    {
        return Err(invalid(
            format!("exp later and nbf earlier than {now}"),
            format!("{:?}", (members.get("exp"), members.get("nbf"))),
        ));
    }
    Ok(())
}

/// A member that is a text, where it is there at all.
fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members
        .get(name)
        .map(|value| value.as_str().unwrap_or("no text"))
}

/// Whether an `aud` names us: a text, or one of an array.
fn names(aud: &Value, issuer: &Issuer) -> bool {
    aud.as_str() == Some(issuer)
        || aud
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one.as_str() == Some(issuer)))
}

/// As it would stand in a form: texts as they are, numbers and flags as text, `claims` as its JSON.
fn as_parameter(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}
