//! Who may use a client: the limits, and whom they admit and why.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::OperationError;
use latchkey_protocol::{
    Params, UserId,
    access::{Access, AccessGround},
    client::Client,
    field_error::FieldError,
    page::Page,
    uri,
};
use latchkey_ui::{
    failure::Failure,
    render::{display_name, render},
};
use serde_json::json;

use super::{
    client::{Head, Tab, changed, document, named},
    client_fields::lines,
    problem::{Problems, failed, problems},
};
use crate::{
    address,
    layout::{Frame, Section},
    visit::Visit,
};

/// Users on a page.
const LIMIT: i64 = 50;

struct Row {
    id: String,
    name: String,
    username: String,
    is_enabled: bool,
    /// Why: the id of a text, and what it names.
    grounds: Vec<(&'static str, String)>,
}

fn ground(ground: AccessGround) -> (&'static str, String) {
    match ground {
        AccessGround::Everyone => ("client-ground-everyone", String::new()),
        AccessGround::Group(name) => ("client-ground-group", name),
        AccessGround::Role(name) => ("client-ground-role", name),
        AccessGround::User => ("client-ground-user", String::new()),
    }
}

#[derive(Template)]
#[template(path = "console/client-users.html")]
struct Users<'a> {
    frame: Frame<'a>,
    head: Head,
    access: Option<Access>,
    rows: Vec<Row>,
    is_first: bool,
    next: Option<String>,
}

/// `GET /admin/clients/{id}/users`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let query = visit.arrival.query();
    query.sound()?;
    let after = query.optional("after").map(str::to_owned);
    let is_first = after.is_none();
    let page = Page {
        after,
        limit: LIMIT,
    };
    let found = visit.operations().client_access(&client.id, &page).await;
    let found = found.map_err(failed)?;
    let at = format!(
        "{}{}/users",
        visit.arrival.base(),
        address::of_client(&client.id)
    );
    let rows = found.users.into_iter().map(|admitted| Row {
        id: admitted.user.id.to_string(),
        name: display_name(&admitted.user).to_owned(),
        is_enabled: admitted.user.disabled_at.is_none(),
        username: admitted.user.username,
        grounds: admitted.grounds.into_iter().map(ground).collect(),
    });
    let page = Users {
        frame: Frame::new(visit, Section::Clients),
        rows: rows.collect(),
        is_first,
        next: found
            .next
            .map(|next| uri::with_query(&at, &[("after", &next)])),
        access: client.metadata.access.clone(),
        head: Head::new(&client, Tab::Users),
    };
    Ok(render(&page, StatusCode::OK, false))
}

/// What stands in the fields.
#[derive(Default)]
struct Fields {
    is_limited: bool,
    groups: String,
    roles: String,
    users: String,
    version: String,
}

impl Fields {
    async fn of(visit: &Visit<'_>, client: &Client) -> Result<Self, Failure> {
        let access = client.metadata.access.clone();
        let is_limited = access.is_some();
        let access = access.unwrap_or_default();
        let names = names(visit, &access).await?;
        Ok(Self {
            is_limited,
            groups: access.groups.join("\n"),
            roles: access.roles.join("\n"),
            users: names.into_iter().map(|(_, name)| name + "\n").collect(),
            version: client.version.to_string(),
        })
    }

    fn sent(form: &Params) -> Self {
        let text = |name| form.optional(name).unwrap_or_default().to_owned();
        Self {
            is_limited: form.optional("limited") == Some("yes"),
            groups: text("groups"),
            roles: text("roles"),
            users: text("users"),
            version: text("version"),
        }
    }
}

/// The named users: the stored subject, and what they sign in with; of somebody who was deleted the subject alone.
async fn names(visit: &Visit<'_>, access: &Access) -> Result<Vec<(String, String)>, Failure> {
    let mut names = Vec::new();
    for id in &access.users {
        let user = visit.ui().store.user(&UserId::new(id)).await?;
        let name = user.map_or_else(|| id.clone(), |user| user.username);
        names.push((id.clone(), name));
    }
    Ok(names)
}

#[derive(Template)]
#[template(path = "console/client-access.html")]
struct Form<'a> {
    frame: Frame<'a>,
    head: Head,
    fields: Fields,
    csrf: String,
    is_back: bool,
    problems: Problems,
    /// What was typed while somebody else saved.
    unsaved: Option<Fields>,
}

impl Form<'_> {
    fn problem(&self, list: &str) -> String {
        self.problems.of(list)
    }

    fn other_problem(&self) -> String {
        self.problems.beyond(&["groups", "roles", "users"])
    }
}

struct Content {
    fields: Fields,
    is_back: bool,
    problems: Problems,
    unsaved: Option<Fields>,
}

impl Content {
    fn new(fields: Fields, problems: Problems) -> Self {
        Self {
            fields,
            is_back: false,
            problems,
            unsaved: None,
        }
    }
}

fn page(visit: &Visit<'_>, client: &Client, content: Content) -> HttpResponse {
    let status = match content.problems.any() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let page = Form {
        frame: Frame::new(visit, Section::Clients),
        head: Head::new(client, Tab::Users),
        fields: content.fields,
        csrf: visit.token(visit.arrival.path()),
        is_back: content.is_back,
        problems: content.problems.said_in(visit.arrival.words()),
        unsaved: content.unsaved,
    };
    render(&page, status, false)
}

/// `GET /admin/clients/{id}/access`.
pub async fn edit(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let draft = visit.draft().await?;
    let fields = match &draft {
        Some(draft) => Fields::sent(draft),
        None => Fields::of(visit, &client).await?,
    };
    let content = Content {
        is_back: draft.is_some(),
        ..Content::new(fields, Problems::default())
    };
    Ok(page(visit, &client, content))
}

/// `POST /admin/clients/{id}/access`: nothing but the limits is read of it.
pub async fn update(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let sent = Fields::sent(&visit.form);
    if sent.version != client.version.to_string() {
        return overtaken(visit, &client).await;
    }
    let mut after = document(&client);
    after.remove("access");
    if sent.is_limited {
        let users = subjects(visit, &client, lines(&sent.users)).await?;
        let (groups, roles) = (lines(&sent.groups), lines(&sent.roles));
        let access = json!({ "groups": groups, "roles": roles, "users": users });
        after.insert("access".to_owned(), access);
    }
    match changed(visit, &client, after).await {
        Ok(_) => {
            let at = address::of_client(&client.id);
            Ok(visit.arrival.go(&format!("{at}/users?done=client-access")))
        }
        Err(OperationError::Contended(_)) => overtaken(visit, &named(visit).await?).await,
        Err(error) => {
            let problems = at_lists(problems(error)?);
            Ok(page(visit, &client, Content::new(sent, problems)))
        }
    }
}

/// What was named already stays who it was: a name is looked up only where it is new.
async fn subjects(
    visit: &Visit<'_>,
    client: &Client,
    typed: Vec<String>,
) -> Result<Vec<String>, Failure> {
    let known = client.metadata.access.clone().unwrap_or_default();
    let known = names(visit, &known).await?;
    let subject = |name: String| {
        let same = known.iter().find(|(_, known)| *known == name);
        same.map_or(name, |(id, _)| id.clone())
    };
    Ok(typed.into_iter().map(subject).collect())
}

/// Faults of `access` at the lists that they are of.
fn at_lists(problems: Problems) -> Problems {
    let mut at_lists = Problems::default();
    for problem in problems.each() {
        let field = problem.field.strip_prefix("access.");
        let field = field.unwrap_or(&problem.field).to_owned();
        at_lists.add(FieldError {
            field,
            ..problem.clone()
        });
    }
    at_lists
}

/// The limits as they are now, since somebody else has changed the client, and beside them what was typed.
async fn overtaken(visit: &Visit<'_>, client: &Client) -> Result<HttpResponse, Failure> {
    let told = Frame::new(visit, Section::Clients).say("client-overtaken");
    let content = Content {
        unsaved: Some(Fields::sent(&visit.form)),
        ..Content::new(Fields::of(visit, client).await?, Problems::whole(told))
    };
    Ok(page(visit, client, content))
}
