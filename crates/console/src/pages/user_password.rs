//! A new password for a user.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::user::User;
use latchkey_ui::{
    failure::Failure,
    render::{display_name, render},
};

use super::{problem::refusal, user::named};
use crate::{
    layout::{Frame, Section},
    visit::Visit,
};

#[derive(Template)]
#[template(path = "console/user-password.html")]
struct NewPassword<'a> {
    frame: Frame<'a>,
    user: &'a User,
    name: &'a str,
    csrf: String,
    problem: Option<String>,
}

fn page(visit: &Visit<'_>, user: &User, problem: Option<String>) -> HttpResponse {
    let status = match problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = NewPassword {
        frame: Frame::new(visit, Section::Users),
        user,
        name: display_name(user),
        csrf: visit.token(visit.arrival.path()),
        problem,
    };
    render(&page, status, false)
}

/// `GET /admin/users/{id}/password`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    Ok(page(visit, &named(visit).await?, None))
}

/// `POST /admin/users/{id}/password`: ends everything that the old one began, as well.
pub async fn set(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let user = named(visit).await?;
    let password = visit.form.optional("password").unwrap_or_default();
    let (operations, hasher) = (visit.operations(), visit.arrival.hasher(true));
    match operations.set_password(hasher, &user.id, password).await {
        Ok(_) => {
            let at = format!("/admin/users/{}?done=password-set", user.id);
            Ok(visit.arrival.go(&at))
        }
        Err(error) => Ok(page(visit, &user, Some(refusal(visit, error)?))),
    }
}
