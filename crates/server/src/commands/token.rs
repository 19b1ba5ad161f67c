//! `latchkey token`: reads a token, says whether and why (not) it is valid.

use anyhow::Result;
use latchkey_jose::{Compact, JoseError, KeyRing};
use latchkey_protocol::{
    Timestamp,
    claims::{AccessToken, IdToken, REFRESH_TOKEN_TYPE, RefreshToken},
};
use latchkey_provider::keys;
use serde_json::{Value, json};

use super::{
    at::At,
    input::read_input,
    print::{say, utc},
};
use crate::cli::TokenCommand;

pub async fn run(at: At, TokenCommand::Inspect { json }: TokenCommand) -> Result<()> {
    let text = read_input(std::path::Path::new("-"))?;
    let token = text.trim();
    let compact = match Compact::parse(token) {
        Ok(compact) => compact,
        Err(error) => anyhow::bail!("{error}"),
    };
    let header = &compact.unverified_header;
    let mut claims: Value = compact.unverified_claims().unwrap_or_default();
    let verdict = judge(
        &at,
        token,
        header.typ.as_deref().unwrap_or_default(),
        &claims,
    )
    .await?;
    if header.typ.as_deref() == Some(REFRESH_TOKEN_TYPE) {
        // Its jti is the secret.
        claims["jti"] = "(masked)".into();
    }
    let header = json!({ "alg": header.alg, "typ": header.typ, "kid": header.kid });
    let (valid, why) = match verdict {
        Ok(why) => (true, why),
        Err(why) => (false, why),
    };
    if json {
        say!(
            "{}",
            json!({ "header": header, "claims": claims, "valid": valid, "why": why })
        );
    } else {
        say!(
            "header {header:#}\nclaims {claims:#}\n{}: {why}",
            if valid { "valid" } else { "not valid" }
        );
    }
    Ok(())
}

/// A token that was issued here, and what it hangs on.
enum IssuedToken {
    Access(Box<AccessToken>),
    Id,
    Refresh(RefreshToken),
}

fn verify(
    ring: &KeyRing,
    issuer: &str,
    token: &str,
    typ: &str,
    now: Timestamp,
) -> std::result::Result<IssuedToken, JoseError> {
    if typ.eq_ignore_ascii_case(REFRESH_TOKEN_TYPE) {
        return keys::verify(ring, issuer, token, now).map(IssuedToken::Refresh);
    }
    // Both other kinds may be of type JWT; their claims tell them apart.
    match keys::verify::<IdToken>(ring, issuer, token, now) {
        Ok(_) => Ok(IssuedToken::Id),
        Err(JoseError::Type(_)) => {
            keys::verify(ring, issuer, token, now).map(|token| IssuedToken::Access(Box::new(token)))
        }
        Err(error) => Err(error),
    }
}

/// Whether and why (not) it is valid.
async fn judge(at: &At, token: &str, typ: &str, claims: &Value) -> Result<Result<String, String>> {
    let ring = &at.ring;
    let issued = match verify(ring, &at.settings.issuer, token, typ, at.now) {
        Ok(issued) => issued,
        Err(JoseError::Issuer(other)) => {
            return Ok(Err(format!(
                "its issuer is {other}, and this is {}",
                at.settings.issuer
            )));
        }
        Err(error) => return Ok(Err(error.to_string())),
    };
    let exp = claims["exp"].as_i64().unwrap_or_default();
    if exp <= at.now {
        return Ok(Err(format!("it expired at {}", utc(exp))));
    }
    let authorization = match issued {
        IssuedToken::Id => {
            return Ok(Ok(format!(
                "an ID token signed by a published key, good until {}",
                utc(exp)
            )));
        }
        IssuedToken::Refresh(token) => Some(token.authorization),
        IssuedToken::Access(token) => {
            if at.store.is_access_token_revoked(&token.jti).await? {
                return Ok(Err("its client has revoked it".into()));
            }
            token.authorization().map(str::to_owned)
        }
    };
    let Some(id) = authorization else {
        return Ok(Ok(format!("a client's own token, good until {}", utc(exp))));
    };
    Ok(match at.store.authorization(&id).await? {
        None => Err("its authorization is gone".into()),
        Some(context) if context.standing(at.now).is_none() => Err(
            "its authorization was revoked, its session has ended, or the user was disabled".into(),
        ),
        Some(_) => Ok(format!("its authorization stands, good until {}", utc(exp))),
    })
}
