//! What is done to a client after a question: disable, enable, delete.

use actix_web::HttpResponse;
use latchkey_protocol::client::Client;
use latchkey_ui::failure::Failure;

use super::{
    client::named,
    confirm::{self, Question},
    problem::refusal,
};
use crate::{address, layout::Section, visit::Visit};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Disable,
    Enable,
    Delete,
}

/// Words of an action: title, text, and the command's verb, which is the word of the button too.
struct Texts {
    title: &'static str,
    text: &'static str,
    press: &'static str,
    verb: &'static str,
    done: &'static str,
}

impl Action {
    fn texts(self) -> Texts {
        match self {
            Self::Disable => Texts {
                title: "client-disable-title",
                text: "client-disable-text",
                press: "console-disable",
                verb: "disable",
                done: "client-disabled",
            },
            Self::Enable => Texts {
                title: "client-enable-title",
                text: "client-enable-text",
                press: "console-enable",
                verb: "enable",
                done: "client-enabled",
            },
            Self::Delete => Texts {
                title: "client-delete-title",
                text: "client-delete-text",
                press: "console-delete",
                verb: "delete",
                done: "client-deleted",
            },
        }
    }
}

fn question(
    visit: &Visit<'_>,
    action: Action,
    client: &Client,
    problem: Option<String>,
) -> HttpResponse {
    let texts = action.texts();
    let back = address::of_client(&client.id);
    let asked = Question {
        title: texts.title,
        text: texts.text,
        whom: client.name(),
        press: texts.press,
        is_dangerous: action != Action::Enable,
        back: &back,
        command: format!(
            "latchkey client {} {}",
            texts.verb,
            crate::shell::word(&client.id)
        ),
        problem,
        section: Section::Clients,
    };
    confirm::page(visit, &asked)
}

async fn ask(visit: &Visit<'_>, action: Action) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    Ok(question(visit, action, &client, None))
}

async fn act(visit: &Visit<'_>, action: Action) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let (operations, id) = (visit.operations(), &client.id);
    let done = match action {
        Action::Disable => operations.disable_client(id).await.map(drop),
        Action::Enable => operations.enable_client(id).await.map(drop),
        Action::Delete => operations.delete_client(id).await,
    };
    if let Err(error) = done {
        let refused = refusal(visit, error)?;
        return Ok(question(visit, action, &client, Some(refused)));
    }
    let at = match action {
        Action::Delete => "/admin/clients".to_owned(),
        Action::Disable | Action::Enable => address::of_client(id),
    };
    Ok(visit
        .arrival
        .go(&format!("{at}?done={}", action.texts().done)))
}

/// `GET /admin/clients/{id}/disable`.
pub async fn ask_disable(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    ask(visit, Action::Disable).await
}

/// `POST /admin/clients/{id}/disable`.
pub async fn disable(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    act(visit, Action::Disable).await
}

/// `GET /admin/clients/{id}/enable`.
pub async fn ask_enable(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    ask(visit, Action::Enable).await
}

/// `POST /admin/clients/{id}/enable`.
pub async fn enable(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    act(visit, Action::Enable).await
}

/// `GET /admin/clients/{id}/delete`.
pub async fn ask_delete(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    ask(visit, Action::Delete).await
}

/// `POST /admin/clients/{id}/delete`.
pub async fn delete(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    act(visit, Action::Delete).await
}
