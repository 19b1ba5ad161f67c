//! The form of a user: a new one, or what describes one that is there.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::{NewUser, Operation, OperationError};
use latchkey_protocol::{
    Params, audit_row::AuditFilter, field_error::FieldError, profile::ProfileChange,
    store::LastAdministrator, user::User,
};
use latchkey_ui::{failure::Failure, render::render};
use serde_json::{Map, Value};

use super::{
    audit::newest,
    problem::{Problems, no_object, problems},
    user::{named, pretty},
};
use crate::{
    layout::{Frame, Section},
    visit::Visit,
};

/// Says whether the address is proven; a box of its own, and not among the other claims.
const VERIFIED: &str = "email_verified";

/// What makes another version of a user.
const CHANGES: [Operation; 4] = [
    Operation::UserUpdate,
    Operation::UserDisable,
    Operation::UserEnable,
    Operation::UserSetPassword,
];

/// What stands in the fields.
#[derive(Default)]
struct Fields {
    username: String,
    name: String,
    email: String,
    is_unverified: bool,
    roles: String,
    groups: String,
    claims: String,
    attributes: String,
    version: String,
}

/// What was typed, in types.
struct Typed {
    name: String,
    email: Option<String>,
    is_unverified: bool,
    roles: Vec<String>,
    groups: Vec<String>,
    claims: Map<String, Value>,
    attributes: Map<String, Value>,
}

impl Fields {
    fn of(user: &User) -> Self {
        let mut claims = user.claims.clone();
        let verified = claims.remove(VERIFIED);
        Self {
            username: user.username.clone(),
            name: user.name.clone().unwrap_or_default(),
            email: user.email.clone().unwrap_or_default(),
            is_unverified: user.email.is_some() && verified != Some(Value::Bool(true)),
            roles: user.roles.join("\n"),
            groups: user.groups.join("\n"),
            claims: pretty(&claims),
            attributes: pretty(&user.attributes),
            version: user.version.to_string(),
        }
    }

    fn sent(form: &Params) -> Self {
        let text = |name| form.optional(name).unwrap_or_default().to_owned();
        Self {
            username: text("username"),
            name: text("name"),
            email: text("email"),
            is_unverified: form.optional("email_unverified").is_some(),
            roles: text("roles"),
            groups: text("groups"),
            claims: text("claims"),
            attributes: text("attributes"),
            version: text("version"),
        }
    }

    /// # Errors
    /// What is no JSON object.
    fn typed(&self, frame: &Frame<'_>) -> Result<Typed, Problems> {
        let mut problems = Problems::default();
        let mut object = |field: &str, text: &str| -> Map<String, Value> {
            let text = text.trim();
            let read = serde_json::from_str(if text.is_empty() { "{}" } else { text });
            read.unwrap_or_else(|error| {
                let sentence = no_object(frame.words, &error);
                problems.add(FieldError::new(field, sentence));
                Map::new()
            })
        };
        let mut claims = object("claims", &self.claims);
        let attributes = object("attributes", &self.attributes);
        if problems.any() {
            return Err(problems);
        }
        let email = self.email.trim();
        if !email.is_empty() {
            claims.insert(VERIFIED.to_owned(), (!self.is_unverified).into());
        }
        Ok(Typed {
            name: self.name.trim().to_owned(),
            email: Some(email.to_owned()).filter(|email| !email.is_empty()),
            is_unverified: self.is_unverified,
            roles: lines(&self.roles),
            groups: lines(&self.groups),
            claims,
            attributes,
        })
    }
}

/// What was typed where something else stands now, by the ids of the fields' texts.
fn differences(typed: &Fields, now: &Fields) -> Vec<(&'static str, String)> {
    let mark = |is_set: bool| if is_set { "\u{2713}" } else { "\u{2013}" }.to_owned();
    let texts = [
        ("console-name", &typed.name, &now.name),
        ("console-email", &typed.email, &now.email),
        ("console-roles", &typed.roles, &now.roles),
        ("console-groups", &typed.groups, &now.groups),
        ("console-claims", &typed.claims, &now.claims),
        ("console-attributes", &typed.attributes, &now.attributes),
    ];
    let differs = |(_, typed, now): &(_, &String, &String)| !typed.lines().eq(now.lines());
    let texts = texts.into_iter().filter(differs);
    let mut all: Vec<_> = texts
        .map(|(text, typed, _)| (text, typed.clone()))
        .collect();
    if typed.is_unverified != now.is_unverified {
        all.push(("console-unverified", mark(typed.is_unverified)));
    }
    all
}

/// One name for each line; empty lines are none.
fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

#[derive(Template)]
#[template(path = "console/user-form.html")]
struct Form<'a> {
    frame: Frame<'a>,
    fields: Fields,
    /// Who is edited; nobody where one is created.
    user: Option<&'a User>,
    csrf: String,
    /// Whether the user has signed in again meanwhile, and what was typed is back.
    is_back: bool,
    /// What was typed and is not what the fields show, where somebody else was faster.
    typed: Vec<(&'static str, String)>,
    problems: Problems,
}

impl Form<'_> {
    fn problem_of(&self, field: &str) -> String {
        self.problems.of(field)
    }

    /// What no field shows.
    fn other_problem(&self) -> String {
        const SHOWN: [&str; 8] = [
            "username",
            "name",
            "email",
            "roles",
            "groups",
            "claims",
            "attributes",
            "password",
        ];
        self.problems.beyond(&SHOWN)
    }
}

struct Shown {
    fields: Fields,
    is_back: bool,
    typed: Vec<(&'static str, String)>,
    problems: Problems,
}

fn page(visit: &Visit<'_>, user: Option<&User>, shown: Shown) -> HttpResponse {
    let status = if shown.problems.any() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = Form {
        frame: Frame::new(visit, Section::Users),
        fields: shown.fields,
        user,
        csrf: visit.token(visit.arrival.path()),
        is_back: shown.is_back,
        typed: shown.typed,
        problems: shown.problems.said_in(visit.arrival.words()),
    };
    render(&page, status, false)
}

/// The form as it was left before a sign-in, or else with these fields.
async fn shown(visit: &Visit<'_>, fields: Fields) -> Result<Shown, Failure> {
    let draft = visit.draft().await?;
    Ok(Shown {
        is_back: draft.is_some(),
        fields: draft.as_ref().map_or(fields, Fields::sent),
        typed: Vec::new(),
        problems: Problems::default(),
    })
}

fn refused(fields: Fields, problems: Problems) -> Shown {
    Shown {
        fields,
        is_back: false,
        typed: Vec::new(),
        problems,
    }
}

/// `GET /admin/users/new`.
pub async fn new(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let shown = shown(visit, Fields::default()).await?;
    Ok(page(visit, None, shown))
}

/// `POST /admin/users/new`.
pub async fn create(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let fields = Fields::sent(&visit.form);
    let typed = match fields.typed(&Frame::new(visit, Section::Users)) {
        Ok(typed) => typed,
        Err(problems) => return Ok(page(visit, None, refused(fields, problems))),
    };
    let new = NewUser {
        username: fields.username.clone(),
        id: None,
        email: typed.email,
        email_unverified: typed.is_unverified,
        name: Some(typed.name),
        roles: typed.roles,
        groups: typed.groups,
        claims: typed.claims,
        attributes: typed.attributes,
        password: visit.form.optional("password").map(str::to_owned),
    };
    let hasher = visit.arrival.hasher(true);
    match visit.operations().create_user(hasher, new).await {
        Ok(user) => {
            let at = format!("/admin/users/{}?done=created", user.id);
            Ok(visit.arrival.go(&at))
        }
        Err(error) => Ok(page(visit, None, refused(fields, problems(error)?))),
    }
}

/// `GET /admin/users/{id}/edit`.
pub async fn edit(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let user = named(visit).await?;
    let shown = shown(visit, Fields::of(&user)).await?;
    Ok(page(visit, Some(&user), shown))
}

/// `POST /admin/users/{id}/edit`.
pub async fn update(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let user = named(visit).await?;
    let fields = Fields::sent(&visit.form);
    let frame = Frame::new(visit, Section::Users);
    if fields.version != user.version.to_string() {
        return overtaken(visit, &user, &fields).await;
    }
    let typed = match fields.typed(&frame) {
        Ok(typed) => typed,
        Err(problems) => return Ok(page(visit, Some(&user), refused(fields, problems))),
    };
    let change = ProfileChange {
        email: (typed.email != user.email).then_some(typed.email),
        name: Some(typed.name),
        roles: Some(typed.roles),
        groups: Some(typed.groups),
        replace_claims: Some(typed.claims),
        replace_attributes: Some(typed.attributes),
        ..ProfileChange::default()
    };
    let (operations, last) = (visit.operations(), LastAdministrator::Stays);
    match operations.update_user(&user, &change, last).await {
        Ok(_) => {
            let at = format!("/admin/users/{}?done=updated", user.id);
            Ok(visit.arrival.go(&at))
        }
        Err(OperationError::Contended(_)) => overtaken(visit, &named(visit).await?, &fields).await,
        Err(error) => {
            let shown = refused(fields, problems(error)?);
            Ok(page(visit, Some(&user), shown))
        }
    }
}

/// The form as the user is now, for who wants to change somebody whom another has changed: saved again, it takes nothing back
/// of that. What was typed stands beside it.
async fn overtaken(
    visit: &Visit<'_>,
    user: &User,
    typed: &Fields,
) -> Result<HttpResponse, Failure> {
    let of_user = AuditFilter {
        target: Some(user.id.to_string()),
        ..AuditFilter::default()
    };
    let entries = newest(visit, &of_user).await?;
    let is_change = |event: &str| CHANGES.iter().any(|change| change.name() == event);
    let words = visit.arrival.words();
    let mut said = words.say("console-overtaken");
    if let Some(last) = entries.iter().find(|entry| is_change(&entry.event)) {
        let who = format!("{}, {}", last.by, last.at);
        said = format!(
            "{said} {}",
            words.say_with("console-overtaken-by", "who", &who)
        );
    }
    let fields = Fields::of(user);
    let typed = differences(typed, &fields);
    let shown = Shown {
        typed,
        ..refused(fields, Problems::whole(said))
    };
    Ok(page(visit, Some(user), shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_lines_of_their_own() {
        assert_eq!(lines(" a, b \r\n\n  c\n"), ["a, b", "c"]);
        assert!(lines("\n \r\n").is_empty());
    }
}
