//! What a signed-in app does with its tokens.

use actix_web::{HttpRequest, HttpResponse, web};
use anyhow::{Context, Result};
use openidconnect::{AccessToken, RefreshToken, SubjectIdentifier, core::CoreUserInfoClaims};
use serde_json::Value;

use crate::{
    app::{Demo, see_other},
    tokens::take,
    visit::{Problem, Tokens, Visit, step},
};

pub async fn refresh(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    act(&demo, &request, async |demo, visit, tokens| {
        let token = RefreshToken::new(tokens.refresh.context("there is no refresh token")?);
        let client = demo.client().await?;
        let answer = client.exchange_refresh_token(&token)?;
        let answer = answer.request_async(&demo.http).await?;
        take(&client, visit, &answer, None, "demo-step-refreshed")
    })
    .await
}

pub async fn userinfo(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    act(&demo, &request, async |demo, visit, tokens| {
        let client = demo.client().await?;
        let subject = SubjectIdentifier::new(visit.subject.clone());
        let asked = client.user_info(AccessToken::new(tokens.access), Some(subject))?;
        let claims: CoreUserInfoClaims = asked.request_async(&demo.http).await?;
        visit.show(step(
            "demo-step-userinfo",
            "demo-step-userinfo-text",
            serde_json::to_string_pretty(&claims)?,
        ));
        Ok(())
    })
    .await
}

pub async fn call_api(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    act(&demo, &request, async |demo, visit, tokens| {
        let asked = demo.http.get(&demo.app.api).bearer_auth(&tokens.access);
        let answer = asked.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        let answered = step("demo-step-api", "demo-step-api-text", format!("{body:#}"));
        visit.show(answered.with("status", status.to_string()));
        Ok(())
    })
    .await
}

/// Does something for a browser that is signed in, and shows what came of it. Of one that was signed out meanwhile it
/// stays so.
async fn act(
    demo: &Demo,
    request: &HttpRequest,
    work: impl AsyncFnOnce(&Demo, &mut Visit, Tokens) -> Result<()>,
) -> HttpResponse {
    if let Some((id, mut visit)) = demo.visit(request)
        && let Some(tokens) = visit.tokens.clone()
    {
        // What it shows comes after the steps that are there when it is done.
        visit.steps.clear();
        let done = work(demo, &mut visit, tokens.clone()).await;
        visit.problem = done.err().map(Problem::from);
        demo.sessions.add(&id, &tokens, visit);
    }
    see_other("/")
}
