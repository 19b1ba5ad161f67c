//! The list of users: searched or sorted by the database, page by page.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{
    StoreError, UserId,
    names::{Login, email_key},
    page::Page,
    uri,
    user::User,
    user_list::{ListedUser, UserCursor, UserPage, UserQuery, UserSort},
};
use latchkey_ui::{
    failure::Failure,
    render::{display_name, render},
};

use super::problem::failed;
use crate::{
    layout::{Frame, Section, utc},
    shell::word,
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
    pub last_sign_in: Option<String>,
}

impl Row {
    fn new(listed: ListedUser) -> Self {
        let user = listed.user;
        Self {
            name: display_name(&user).to_owned(),
            email: user.email.unwrap_or_default(),
            id: user.id.to_string(),
            username: user.username,
            roles: user.roles,
            is_enabled: user.disabled_at.is_none(),
            created: utc(user.created_at),
            last_sign_in: listed.last_sign_in_at.map(utc),
        }
    }
}

/// A column, and the list in its order.
struct Column {
    /// The id of its text.
    text: &'static str,
    /// None: it is in no order that can be asked for here.
    sort: Option<UserSort>,
    is_sorted: bool,
    is_descending: bool,
}

#[derive(Template)]
#[template(path = "console/users.html")]
struct Users<'a> {
    frame: Frame<'a>,
    typed: &'a str,
    columns: Vec<Column>,
    rows: Vec<Row>,
    is_first: bool,
    /// The first page of the same list.
    first: String,
    next: Option<String>,
    command: String,
}

/// The user whom a name, an address or a subject names.
///
/// # Errors
/// When storage fails.
pub async fn find(visit: &Visit<'_>, typed: &str) -> Result<Option<User>, StoreError> {
    let store = &visit.ui().store;
    match store.user_by_login(&Login::new(typed)).await? {
        Some(user) => Ok(Some(user)),
        None => store.user(&UserId::new(typed)).await,
    }
}

/// Whether all of a name, an address or the subject of the only user who was found was typed: no need to choose.
fn is_named(page: &UserPage, query: &UserQuery) -> Option<UserId> {
    let (UserQuery::Found(search), [found], None) = (query, &page.users[..], &page.next) else {
        return None;
    };
    let user = &found.user;
    let email = user.email.as_deref().and_then(email_key);
    let is_named = user.username == search.username
        || email.is_some_and(|email| email == search.email)
        || user.id == search.subject.as_str();
    is_named.then(|| user.id.clone())
}

/// The columns; a search has its own order.
fn columns(query: &UserQuery) -> Vec<Column> {
    let sorts = [
        ("console-name", Some(UserSort::Name)),
        ("console-email", None),
        ("console-roles", None),
        ("console-state", None),
        ("console-created", Some(UserSort::Created)),
        ("console-last-sign-in", Some(UserSort::LastSignIn)),
    ];
    let column = |(text, sort): (_, Option<UserSort>)| Column {
        text,
        sort: sort.filter(|_| matches!(query, UserQuery::All(_))),
        is_sorted: sort.is_some_and(|sort| *query == UserQuery::All(sort)),
        is_descending: sort != Some(UserSort::Name),
    };
    sorts.into_iter().map(column).collect()
}

/// `GET /admin/users`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let params = visit.arrival.query();
    let typed = params.optional("q").unwrap_or_default().trim();
    let sort = params.optional("sort").and_then(UserSort::from_name);
    let sort = sort.unwrap_or_default();
    let query = UserQuery::new(typed, sort);
    let page = Page {
        after: params.optional("after").and_then(UserCursor::parse),
        limit: LIMIT,
    };
    let listed = visit.operations().users(&query, &page).await;
    let listed = listed.map_err(failed)?;
    if let Some(id) = is_named(&listed, &query).filter(|_| page.after.is_none()) {
        return Ok(visit.arrival.go(&format!("/admin/users/{id}")));
    }
    let asked = match &query {
        UserQuery::Found(_) => Some(("q", typed)),
        UserQuery::All(UserSort::Name) => None,
        UserQuery::All(sort) => Some(("sort", sort.name())),
    };
    let at = format!("{}/admin/users", visit.arrival.base());
    let next = listed.next.map(|next| {
        let next = next.to_string();
        let pairs: Vec<_> = asked.into_iter().chain([("after", &*next)]).collect();
        uri::with_query(&at, &pairs)
    });
    let option = match &query {
        UserQuery::Found(_) => format!(" --search {}", word(typed)),
        UserQuery::All(UserSort::Name) => String::new(),
        UserQuery::All(sort) => format!(" --sort {}", sort.name()),
    };
    let page = Users {
        typed,
        frame: Frame::new(visit, Section::Users),
        columns: columns(&query),
        rows: listed.users.into_iter().map(Row::new).collect(),
        is_first: page.after.is_none(),
        first: uri::with_query(&at, asked.as_slice()),
        next,
        command: format!("latchkey user list{option} --json"),
    };
    Ok(render(&page, StatusCode::OK, false))
}
