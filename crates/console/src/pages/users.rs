//! The list of users.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{StoreError, UserId, names::Login, page::Page, uri, user::User};
use latchkey_ui::{
    failure::Failure,
    render::{display_name, render},
};

use crate::{
    layout::{Frame, Section, utc},
    visit::Visit,
};

/// Users on a page.
const LIMIT: i64 = 50;

pub struct Row {
    pub id: String,
    pub name: String,
    pub username: String,
    pub email: String,
    pub roles: Vec<String>,
    pub is_enabled: bool,
    pub created: String,
}

impl Row {
    fn new(user: User) -> Self {
        Self {
            name: display_name(&user).to_owned(),
            email: user.email.unwrap_or_default(),
            id: user.id.to_string(),
            username: user.username,
            roles: user.roles,
            is_enabled: user.disabled_at.is_none(),
            created: utc(user.created_at),
        }
    }
}

#[derive(Template)]
#[template(path = "console/users.html")]
struct Users<'a> {
    frame: Frame<'a>,
    /// Whom nobody is called.
    typed: &'a str,
    rows: Vec<Row>,
    is_first: bool,
    next: Option<String>,
}

/// The user whom a name, an address or a subject names.
async fn find(visit: &Visit<'_>, typed: &str) -> Result<Option<User>, StoreError> {
    if typed.is_empty() {
        return Ok(None);
    }
    let store = &visit.ui().store;
    match store.user_by_login(&Login::new(typed)).await? {
        Some(user) => Ok(Some(user)),
        None => store.user(&UserId::new(typed)).await,
    }
}

/// `GET /admin/users`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    query.sound()?;
    let typed = query.optional("q").unwrap_or_default().trim();
    if let Some(user) = find(visit, typed).await? {
        return Ok(visit.arrival.go(&format!("/admin/users/{}", user.id)));
    }
    let after = query.optional("after").map(str::to_owned);
    let is_first = after.is_none();
    // One more than is shown says whether there is a next page.
    let page = Page {
        after,
        limit: LIMIT + 1,
    };
    let mut users = visit.ui().store.users(&page).await?;
    let shown = usize::try_from(LIMIT).unwrap_or_default();
    let more = users.len() > shown;
    users.truncate(shown);
    let last = users.last().filter(|_| more);
    let next = last.map(|user| {
        let at = format!("{}/admin/users", visit.arrival.base());
        uri::with_query(&at, &[("after", &user.username)])
    });
    let page = Users {
        typed,
        frame: Frame::new(visit, Section::Users),
        rows: users.into_iter().map(Row::new).collect(),
        is_first,
        next,
    };
    Ok(render(&page, StatusCode::OK, false))
}
