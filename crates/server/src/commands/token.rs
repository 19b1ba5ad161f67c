use anyhow::Result;
use latchkey_jose::Compact;
use latchkey_protocol::claims::{ACCESS_TOKEN_TYPE, AccessToken, ID_TOKEN_TYPE, REFRESH_TOKEN_TYPE, RefreshToken};
use serde_json::{Value, json};

use super::{At, read_input, utc};
use crate::{cli::TokenCommand, wiring::open_keys};

pub async fn run(at: At, TokenCommand::Inspect { json }: TokenCommand) -> Result<()> {
    let text = read_input(std::path::Path::new("-"))?;
    let token = text.trim();
    let compact = match Compact::parse(token) {
        Ok(compact) => compact,
        Err(error) => anyhow::bail!("{error}"),
    };
    let header = &compact.unverified_header;
    let mut claims: Value = compact.unverified_claims().unwrap_or_default();
    let verdict = judge(&at, token, header.typ.as_deref().unwrap_or_default(), &claims).await?;
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
        println!("{}", json!({ "header": header, "claims": claims, "valid": valid, "why": why }));
    } else {
        println!("header {header:#}\nclaims {claims:#}\n{}: {why}", if valid { "valid" } else { "not valid" });
    }
    Ok(())
}

/// Whether and why (not) it is valid.
async fn judge(at: &At, token: &str, typ: &str, claims: &Value) -> Result<Result<String, String>> {
    let (_, ring) = open_keys(&*at.store, &at.settings.keys_dir, at.now).await?;
    if let Err(error) = ring.verify::<Value>(typ, token, at.now) {
        return Ok(Err(error.to_string()));
    }
    if claims["iss"] != at.settings.issuer.as_str() {
        return Ok(Err(format!("its issuer is {}, and this is {}", claims["iss"], at.settings.issuer)));
    }
    let exp = claims["exp"].as_i64().unwrap_or_default();
    if exp <= at.now {
        return Ok(Err(format!("it expired at {}", utc(exp))));
    }
    let authorization = match typ {
        ID_TOKEN_TYPE => return Ok(Ok(format!("signed by a published key, good until {}", utc(exp)))),
        REFRESH_TOKEN_TYPE => serde_json::from_value::<RefreshToken>(claims.clone()).ok().map(|t| t.authorization),
        ACCESS_TOKEN_TYPE => {
            let token: AccessToken = serde_json::from_value(claims.clone())?;
            if at.store.is_access_token_revoked(&token.jti).await? {
                return Ok(Err("its client has revoked it".into()));
            }
            token.authorization().map(str::to_owned)
        }
        other => return Ok(Err(format!("{other:?} is no type of token that is issued here"))),
    };
    let Some(id) = authorization else {
        return Ok(Ok(format!("a client's own token, good until {}", utc(exp))));
    };
    Ok(match at.store.authorization(&id).await? {
        None => Err("its authorization is gone".into()),
        Some(context) if context.standing(at.now).is_none() => {
            Err("its authorization was revoked, its session has ended, or the person was disabled".into())
        }
        Some(_) => Ok(format!("its authorization stands, good until {}", utc(exp))),
    })
}
