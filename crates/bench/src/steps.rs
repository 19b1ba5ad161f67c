//! What a user and an app do: sign in, take a code, exchange it.

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    client::{Answer, Connection},
    server::{SECRET, USERS},
};

fn authorize(client_id: &str) -> String {
    format!(
        "/authorize?client_id={client_id}&redirect_uri=https%3A%2F%2Fbench.example%2Fcb&response_type=code\
         &scope=openid%20profile%20email%20offline_access&state=s"
    )
}

pub fn basic(client_id: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client_id}:{SECRET}")))
}

pub fn exchange_form(code: &str) -> String {
    format!(
        "grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fbench.example%2Fcb"
    )
}

/// What the login page answers to a browser that has just come from the app.
pub async fn credentials(
    c: &mut Connection,
    client_id: &str,
    username: &str,
    password: &str,
) -> Result<Answer> {
    c.cookies.clear();
    credentials_at(c, &authorize(client_id), username, password).await
}

async fn credentials_at(
    c: &mut Connection,
    authorize: &str,
    username: &str,
    password: &str,
) -> Result<Answer> {
    let page = c.browse("GET", authorize, None).await?.path()?;
    let shown = c.browse("GET", &page, None).await?.expect(200)?;
    let html = String::from_utf8_lossy(&shown.body).into_owned();
    let csrf = html
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .and_then(|r| r.split('"').next())
        .context("csrf")?;
    let form = format!("csrf={csrf}&username={username}&password={password}");
    c.browse("POST", &page, Some(&form)).await
}

/// Signs in where an app has sent the browser; the path at the app that it is sent back to.
pub async fn sign_in(c: &mut Connection, authorize: &str) -> Result<String> {
    let answer = credentials_at(c, authorize, USERS[0], "correct+horse").await?;
    let resume = answer.path()?;
    c.browse("GET", &resume, None).await?.path()
}

/// Signs in once on this connection, until the client is answered.
pub async fn login(c: &mut Connection, client_id: &str) -> Result<String> {
    login_as(c, client_id, USERS[0]).await
}

pub async fn login_as(c: &mut Connection, client_id: &str, username: &str) -> Result<String> {
    let resume = credentials(c, client_id, username, "correct+horse")
        .await?
        .path()?;
    code_of(&c.browse("GET", &resume, None).await?)
}

/// The code of another authorization of the user who is signed in on this connection.
pub async fn code(c: &mut Connection, client_id: &str) -> Result<String> {
    code_of(&c.browse("GET", &authorize(client_id), None).await?)
}

fn code_of(answer: &Answer) -> Result<String> {
    let location = answer.header("location").context("location")?;
    let url = url::Url::parse(location)?;
    let code = url
        .query_pairs()
        .find(|(name, _)| name == "code")
        .map(|(_, value)| value.into_owned());
    code.with_context(|| location.to_owned())
}

pub fn text(tokens: &serde_json::Value, name: &'static str) -> Result<String> {
    Ok(tokens[name].as_str().context(name)?.to_owned())
}
