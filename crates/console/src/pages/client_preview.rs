//! The token preview: what a chosen user would get of a client, and why each claim is there or is not.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::{OperationError, TokenRules};
use latchkey_protocol::{
    claims::{ExplainedClaim, Place},
    client::GrantType,
    error::Refusal,
    token::Preview,
};
use latchkey_ui::{failure::Failure, render::render};
use serde_json::Value;

use super::{
    client::{Head, Tab, named},
    problem::failed,
    user::pretty,
};
use crate::{
    connect,
    layout::{Frame, Section},
    visit::Visit,
};

/// Why there would be nothing, or no UserInfo.
struct Refused {
    code: &'static str,
    reason: &'static str,
    checked: &'static str,
    fix: &'static str,
    expected: String,
    received: String,
}

impl Refused {
    fn new(refused: &Refusal) -> Self {
        let text = refused.reason.refusal();
        Self {
            code: text.code.0,
            reason: refused.reason.name(),
            checked: text.checked,
            fix: text.fix,
            expected: refused.detail.expected.clone(),
            received: refused.detail.received.clone(),
        }
    }
}

/// A document, and why each claim stands in it or does not.
struct Document {
    /// The id of its title.
    title: &'static str,
    /// Its kind: a header `typ` or an algorithm.
    kind: &'static str,
    claims: String,
    refused: Option<Refused>,
    rows: Vec<Row>,
}

/// A claim in a document.
struct Row {
    claim: String,
    value: String,
    is_said: bool,
    /// The id of the words for why, and the scope that they name.
    because: String,
    scope: String,
}

impl Row {
    fn new(explained: &ExplainedClaim, value: Option<&Value>) -> Self {
        Self {
            claim: explained.claim.clone(),
            value: value.map(Value::to_string).unwrap_or_default(),
            is_said: explained.is_said,
            because: format!("client-because-{}", explained.ground.name()),
            scope: explained.ground.scope().unwrap_or_default().to_owned(),
        }
    }
}

fn documents(preview: &Preview) -> Vec<Document> {
    let mut documents = Vec::new();
    let rows = |place, said: &serde_json::Map<String, Value>| -> Vec<Row> {
        let here = preview.claims.iter().filter(|claim| claim.place == place);
        here.map(|claim| Row::new(claim, said.get(&claim.claim)))
            .collect()
    };
    if let Some((algorithm, claims)) = &preview.id_token {
        documents.push(Document {
            title: "client-id-token",
            kind: algorithm.name(),
            claims: pretty(claims),
            refused: None,
            rows: rows(Place::IdToken, claims),
        });
    }
    if let Some(answer) = &preview.userinfo {
        let none = serde_json::Map::new();
        let claims = answer.as_ref().unwrap_or(&none);
        documents.push(Document {
            title: "client-userinfo",
            kind: "",
            claims: pretty(claims),
            refused: answer.as_ref().err().map(Refused::new),
            rows: rows(Place::Userinfo, claims),
        });
    }
    documents.push(Document {
        title: "client-access-token",
        kind: preview.access_token_typ.name(),
        claims: pretty(&preview.access_token),
        refused: None,
        rows: rows(Place::AccessToken, &preview.access_token),
    });
    documents
}

/// What would be given, in short.
struct Given {
    scope: String,
    ignored_scope: String,
    asks_consent: bool,
    has_refresh_token: bool,
    documents: Vec<Document>,
}

impl Given {
    fn new(preview: &Preview) -> Self {
        Self {
            scope: preview.scope.to_string(),
            ignored_scope: preview.ignored_scope.to_string(),
            asks_consent: preview.asks_consent,
            has_refresh_token: preview.has_refresh_token,
            documents: documents(preview),
        }
    }
}

#[derive(Template)]
#[template(path = "console/client-preview.html")]
struct Shown<'a> {
    frame: Frame<'a>,
    head: Head,
    user: &'a str,
    scope: String,
    /// Whether the client can ask for itself.
    may_alone: bool,
    is_user_unknown: bool,
    given: Option<Given>,
    refused: Option<Refused>,
}

/// `GET /admin/clients/{id}/preview`. A question, though it is asked by a form: it changes nothing.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let query = visit.arrival.query();
    query.sound()?;
    let user = query.optional("user").unwrap_or_default().trim();
    let is_asked = !user.is_empty() || query.optional("alone").is_some();
    let scope = match is_asked {
        true => query.optional("scope").unwrap_or_default().to_owned(),
        false => connect::scope(&client),
    };
    let mut page = Shown {
        frame: Frame::new(visit, Section::Clients),
        head: Head::new(&client, Tab::Preview),
        user,
        scope,
        may_alone: client.may(GrantType::ClientCredentials),
        is_user_unknown: false,
        given: None,
        refused: None,
    };
    if is_asked {
        let login = Some(user).filter(|user| !user.is_empty());
        let rules = TokenRules::of(visit.call().realm);
        let operations = visit.operations();
        match operations
            .preview_tokens(rules, &client.id, login, &page.scope)
            .await
        {
            Ok(preview) => match &preview.outcome {
                Ok(given) => page.given = Some(Given::new(given)),
                Err(refused) => page.refused = Some(Refused::new(refused)),
            },
            Err(OperationError::UserUnknown(_)) => page.is_user_unknown = true,
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(render(&page, StatusCode::OK, false))
}
