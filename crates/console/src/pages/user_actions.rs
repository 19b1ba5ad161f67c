//! What is done to a user after a question: disable, enable, end all sessions, delete.

use actix_web::HttpResponse;
use latchkey_operations::OperationError;
use latchkey_protocol::{store::LastAdministrator, user::User};
use latchkey_ui::{failure::Failure, render::display_name};

use super::{
    confirm::{self, Question},
    problem::refusal,
    user::named,
};
use crate::{layout::Section, visit::Visit};

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Disable,
    Enable,
    EndSessions,
    Delete,
}

/// Words of an action: title, text, button, and the command's verb.
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
                title: "console-disable-title",
                text: "console-disable-text",
                press: "console-disable",
                verb: "disable",
                done: "disabled",
            },
            Self::Enable => Texts {
                title: "console-enable-title",
                text: "console-enable-text",
                press: "console-enable",
                verb: "enable",
                done: "enabled",
            },
            Self::EndSessions => Texts {
                title: "console-end-all-title",
                text: "console-end-all-text",
                press: "console-end-all",
                verb: "end-sessions",
                done: "sessions-ended",
            },
            Self::Delete => Texts {
                title: "console-delete-title",
                text: "console-delete-text",
                press: "console-delete",
                verb: "delete",
                done: "deleted",
            },
        }
    }
}

fn question(
    visit: &Visit<'_>,
    action: Action,
    user: &User,
    problem: Option<String>,
) -> HttpResponse {
    let texts = action.texts();
    let back = format!("/admin/users/{}", user.id);
    let asked = Question {
        title: texts.title,
        text: texts.text,
        whom: display_name(user),
        press: texts.press,
        is_dangerous: action != Action::Enable,
        back: &back,
        command: format!(
            "latchkey user {} {}",
            texts.verb,
            crate::shell::word(&user.username)
        ),
        problem,
        section: Section::Users,
    };
    confirm::page(visit, &asked)
}

async fn ask(visit: &Visit<'_>, action: Action) -> Result<HttpResponse, Failure> {
    let user = named(visit).await?;
    Ok(question(visit, action, &user, None))
}

async fn act(visit: &Visit<'_>, action: Action) -> Result<HttpResponse, Failure> {
    let user = named(visit).await?;
    let (operations, id) = (visit.operations(), &user.id);
    let last = LastAdministrator::Stays;
    let done: Result<(), OperationError> = match action {
        Action::Disable => operations.disable_user(id, last).await.map(drop),
        Action::Enable => operations.enable_user(id).await.map(drop),
        Action::EndSessions => operations.end_sessions(id).await.map(drop),
        Action::Delete => operations.delete_user(id, last).await.map(drop),
    };
    if let Err(error) = done {
        let refused = refusal(visit, error)?;
        return Ok(question(visit, action, &user, Some(refused)));
    }
    let at = match action {
        Action::Delete => "/admin/users".to_owned(),
        _ => format!("/admin/users/{}", user.id),
    };
    Ok(visit
        .arrival
        .go(&format!("{at}?done={}", action.texts().done)))
}

/// `GET /admin/users/{id}/disable`.
pub async fn ask_disable(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    ask(visit, Action::Disable).await
}

/// `POST /admin/users/{id}/disable`.
pub async fn disable(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    act(visit, Action::Disable).await
}

/// `GET /admin/users/{id}/enable`.
pub async fn ask_enable(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    ask(visit, Action::Enable).await
}

/// `POST /admin/users/{id}/enable`.
pub async fn enable(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    act(visit, Action::Enable).await
}

/// `GET /admin/users/{id}/end-sessions`.
pub async fn ask_end_sessions(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    ask(visit, Action::EndSessions).await
}

/// `POST /admin/users/{id}/end-sessions`.
pub async fn end_sessions(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    act(visit, Action::EndSessions).await
}

/// `GET /admin/users/{id}/delete`.
pub async fn ask_delete(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    ask(visit, Action::Delete).await
}

/// `POST /admin/users/{id}/delete`.
pub async fn delete(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    act(visit, Action::Delete).await
}
