//! `latchkey token`: reads a token, says whether and why (not) it is valid.

use anyhow::Result;
use latchkey_jose::{Compact, JoseError};
use latchkey_operations::ClientSecrets;
use latchkey_operations::token_keys;
use latchkey_protocol::{
    Issuer, Timestamp,
    claims::{AccessToken, IdToken, REFRESH_TOKEN_TYPE, RefreshToken},
    client::Client,
};
use latchkey_provider::id_token;
use serde_json::{Value, json};

use super::{
    at::At,
    input::read_input,
    print::{say, utc},
    token_status,
};
use crate::cli::TokenCommand;

pub async fn run(at: At, TokenCommand::Inspect { json }: TokenCommand) -> Result<()> {
    let text = read_input(std::path::Path::new("-"))?;
    let token = text.trim();
    let compact = match Compact::parse_any(token) {
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
    let status = token_status::published(&at, &claims).await?;
    if json {
        let status = status.map(|status| status.to_json());
        say!(
            "{}",
            json!({ "header": header, "claims": claims, "valid": valid, "why": why, "status": status })
        );
    } else {
        say!(
            "header {header:#}\nclaims {claims:#}\n{}: {why}",
            if valid { "valid" } else { "not valid" }
        );
        if let Some(status) = status {
            say!("status: {}", status.text());
        }
    }
    Ok(())
}

/// A token that was issued here, and what it hangs on.
enum IssuedToken {
    Access(Box<AccessToken>),
    Id { by: &'static str },
    Refresh(RefreshToken),
}

/// `holder`: the client whose secret the token says it is signed with.
fn verify(
    at: &At,
    holder: Option<&Client>,
    token: &str,
    typ: &str,
) -> std::result::Result<IssuedToken, JoseError> {
    let (ring, issuer, now) = (&at.ring, Issuer::new(&at.settings.issuer), at.now);
    if let Some(client) = holder {
        let secrets = ClientSecrets::new(&at.master);
        let by = "the client's secret";
        return id_token::verify_by_secret(&secrets, &issuer, client, token)
            .map(|_| IssuedToken::Id { by });
    }
    if typ.eq_ignore_ascii_case(REFRESH_TOKEN_TYPE) {
        return token_keys::verify(ring, &issuer, token, now).map(IssuedToken::Refresh);
    }
    // Both other kinds may be of type JWT; their claims tell them apart.
    match token_keys::verify::<IdToken>(ring, &issuer, token, now) {
        Ok(_) => Ok(IssuedToken::Id {
            by: "a published key",
        }),
        Err(JoseError::Type(_)) => token_keys::verify(ring, &issuer, token, now)
            .map(|token| IssuedToken::Access(Box::new(token))),
        Err(error) => Err(error),
    }
}

/// Whether and why (not) it is valid.
async fn judge(at: &At, token: &str, typ: &str, claims: &Value) -> Result<Result<String, String>> {
    let holder = match id_token::unverified_secret_holder(token) {
        Some(id) => at.store.client(&id).await?,
        None => None,
    };
    let issued = match verify(at, holder.as_deref(), token, typ) {
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
    if exp <= at.now.as_seconds() {
        return Ok(Err(format!(
            "it expired at {}",
            utc(Timestamp::from_seconds(exp))
        )));
    }
    let authorization = match issued {
        IssuedToken::Id { by } => {
            return Ok(Ok(format!(
                "an ID token signed by {by}, good until {}",
                utc(Timestamp::from_seconds(exp))
            )));
        }
        IssuedToken::Refresh(token) => Some(token.authorization),
        IssuedToken::Access(token) => {
            if at.store.is_access_token_revoked(&token.jti).await? {
                return Ok(Err("its client has revoked it".into()));
            }
            token.authorization()
        }
    };
    let Some(id) = authorization else {
        return Ok(Ok(format!(
            "a client's own token, good until {}",
            utc(Timestamp::from_seconds(exp))
        )));
    };
    Ok(match at.store.authorization(&id).await? {
        None => Err("its authorization is gone".into()),
        Some(context) if context.standing(at.now).is_none() => Err(
            "its authorization was revoked, its session has ended, or the user was disabled".into(),
        ),
        Some(_) => Ok(format!(
            "its authorization stands, good until {}",
            utc(Timestamp::from_seconds(exp))
        )),
    })
}
