//! The form of a client: a new one, from a template, or the settings of one that is there.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::{OperationError, RegisteredClient};
use latchkey_protocol::{Params, client::Client, registration::Registration, secret::new_id};
use latchkey_ui::{failure::Failure, render::render};
use serde_json::{Map, Value, json};

use super::{
    client::{Head, Tab, changed, document, named},
    client_fields::{Fields, GROUPS, Group, Kind, Member, box_name, choice_id, text_id},
    client_secret,
    problem::{Problems, problems},
};
use crate::{
    address,
    layout::{Frame, Section},
    visit::Visit,
};

/// What a new client begins with. Texts are called after them.
const TEMPLATES: [&str; 5] = ["web", "bff", "native", "machine", "api"];

/// The metadata of a template; none where there is no such template.
fn template(name: &str) -> Option<Map<String, Value>> {
    let metadata = match name {
        "web" => json!({ "grant_types": ["authorization_code", "refresh_token"] }),
        "bff" => json!({
            "grant_types": ["authorization_code", "refresh_token"], "refresh": "always", "require_pkce": true,
        }),
        "native" => json!({
            "application_type": "native", "token_endpoint_auth_method": "none", "require_pkce": true,
            "grant_types": ["authorization_code", "refresh_token"],
        }),
        "machine" => json!({ "grant_types": ["client_credentials"] }),
        "api" => json!({ "grant_types": [] }),
        _ => return None,
    };
    metadata.as_object().cloned()
}

/// What somebody typed while somebody else saved: the label of a field, and the text.
type Unsaved = (String, String);

#[derive(Template)]
#[template(path = "console/client-form.html")]
struct Form<'a> {
    frame: Frame<'a>,
    /// What is edited; nothing where one is created.
    head: Option<Head>,
    fields: Fields,
    /// The id that was typed for a new client, and the one that it gets without.
    id: String,
    made: String,
    version: String,
    csrf: String,
    /// Whether the user has signed in again meanwhile, and what was typed is back.
    is_back: bool,
    problems: Problems,
    unsaved: Vec<Unsaved>,
    groups: &'static [Group],
}

/// A choice of a field.
struct Choice {
    value: &'static str,
    name: String,
    label: String,
    is_chosen: bool,
}

impl Form<'_> {
    fn label(&self, member: &Member) -> String {
        self.frame.say(&text_id("field", member.name))
    }

    fn hint(&self, member: &Member) -> String {
        self.frame.say(&text_id("hint", member.name))
    }

    fn problem(&self, name: &str) -> String {
        self.problems.of(name)
    }

    /// Whether one of few needs it, and nobody has used it here.
    fn is_closed(&self, group: &Group) -> bool {
        let is_used = |member: &Member| {
            !self.fields.text(member.name).is_empty() || !self.problem(member.name).is_empty()
        };
        group.is_rare && !group.members.iter().any(is_used)
    }

    fn choices(&self, member: &Member) -> Vec<Choice> {
        let (Kind::Choice(all) | Kind::Several(all)) = member.kind else {
            return Vec::new();
        };
        let choices = all.iter().map(|value| Choice {
            value,
            name: box_name(member.name, value),
            label: self.frame.say(&choice_id(member.name, value)),
            is_chosen: match member.kind {
                Kind::Several(_) => self.fields.is_ticked(member.name, value),
                _ => self.fields.text(member.name) == *value,
            },
        });
        choices.collect()
    }

    /// The fields that something is wrong with: name and label, for links to them.
    fn wrong(&self) -> Vec<(&'static str, String)> {
        let members = self.groups.iter().flat_map(|group| group.members);
        let wrong = members.filter(|member| !self.problem(member.name).is_empty());
        wrong
            .map(|member| (member.name, self.label(member)))
            .collect()
    }

    /// What no field shows.
    fn other_problem(&self) -> String {
        let members = self.groups.iter().flat_map(|group| group.members);
        let mut shown: Vec<_> = members.map(|member| member.name).collect();
        if self.head.is_none() {
            shown.push("client_id");
        }
        self.problems.beyond(&shown)
    }
}

/// What the form shows.
#[derive(Default)]
struct Content {
    fields: Fields,
    id: String,
    made: String,
    version: String,
    is_back: bool,
    problems: Problems,
    unsaved: Vec<Unsaved>,
}

impl Content {
    /// As it was sent.
    fn sent(form: &Params, problems: Problems) -> Self {
        let text = |name| form.optional(name).unwrap_or_default().to_owned();
        Self {
            fields: Fields::sent(form),
            id: text("client_id"),
            made: text("made"),
            version: text("version"),
            problems,
            ..Self::default()
        }
    }

    /// As the client is now.
    fn of(client: &Client) -> Self {
        Self {
            fields: Fields::of(&document(client)),
            version: client.version.to_string(),
            ..Self::default()
        }
    }
}

fn page(visit: &Visit<'_>, client: Option<&Client>, content: Content) -> HttpResponse {
    let status = match content.problems.any() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    let page = Form {
        frame: Frame::new(visit, Section::Clients),
        head: client.map(|client| Head::new(client, Tab::Overview)),
        fields: content.fields,
        id: content.id,
        made: content.made,
        version: content.version,
        csrf: visit.token(visit.arrival.path()),
        is_back: content.is_back,
        problems: content.problems.said_in(visit.arrival.words()),
        unsaved: content.unsaved,
        groups: GROUPS,
    };
    render(&page, status, false)
}

#[derive(Template)]
#[template(path = "console/client-templates.html")]
struct Templates<'a> {
    frame: Frame<'a>,
    templates: [&'static str; 5],
}

/// `GET /admin/new-client`: the templates, and of a chosen one the form.
pub async fn new(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    if let Some(draft) = visit.draft().await? {
        let content = Content {
            is_back: true,
            ..Content::sent(&draft, Problems::default())
        };
        return Ok(page(visit, None, content));
    }
    let query = visit.arrival.query();
    let Some(metadata) = query.optional("template").and_then(template) else {
        let page = Templates {
            frame: Frame::new(visit, Section::Clients),
            templates: TEMPLATES,
        };
        return Ok(render(&page, StatusCode::OK, false));
    };
    let content = Content {
        fields: Fields::of(&metadata),
        made: new_id(visit.now(), &*visit.ui().entropy),
        ..Content::default()
    };
    Ok(page(visit, None, content))
}

/// `POST /admin/new-client`. A form that is sent twice registers one client: the second has the same id.
pub async fn create(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let refused = |problems| Ok(page(visit, None, Content::sent(&visit.form, problems)));
    let frame = Frame::new(visit, Section::Clients);
    let typed = Fields::sent(&visit.form).onto(&frame, Map::new());
    let mut metadata = match typed {
        Ok(metadata) => metadata,
        Err(problems) => return refused(problems),
    };
    let id = visit.form.optional("client_id").map(str::trim);
    let id = id.filter(|id| !id.is_empty());
    if let Some(id) = id.or(visit.form.optional("made")) {
        metadata.insert("client_id".to_owned(), id.into());
    }
    let console = visit.arrival.console;
    let registration = Registration::parse_under(&Value::Object(metadata), console.registration);
    let registration = match registration {
        Ok(registration) => registration,
        Err(error) => return refused(Problems::all(&error.errors)),
    };
    let operations = visit.operations();
    let registered = operations.register_client(&console.client_secrets, registration);
    match registered.await {
        Ok(registered) => Ok(saved(visit, &registered, "client-created")),
        Err(error) => refused(problems(error)?),
    }
}

/// `GET /admin/clients/{id}/edit`.
pub async fn edit(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let content = match visit.draft().await? {
        None => Content::of(&client),
        Some(draft) => Content {
            is_back: true,
            ..Content::sent(&draft, Problems::default())
        },
    };
    Ok(page(visit, Some(&client), content))
}

/// `POST /admin/clients/{id}/edit`.
pub async fn update(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let sent = |problems| Content::sent(&visit.form, problems);
    if visit.form.optional("version") != Some(&client.version.to_string()) {
        return Ok(overtaken(visit, &client));
    }
    let frame = Frame::new(visit, Section::Clients);
    let after = match Fields::sent(&visit.form).onto(&frame, document(&client)) {
        Ok(after) => after,
        Err(problems) => return Ok(page(visit, Some(&client), sent(problems))),
    };
    match changed(visit, &client, after).await {
        Ok(updated) => Ok(saved(visit, &updated, "client-updated")),
        Err(OperationError::Contended(_)) => Ok(overtaken(visit, &named(visit).await?)),
        Err(error) => Ok(page(visit, Some(&client), sent(problems(error)?))),
    }
}

/// A new secret is shown, this once; without one the client's page is.
fn saved(visit: &Visit<'_>, registered: &RegisteredClient, done: &str) -> HttpResponse {
    match registered.secret {
        Some(_) => client_secret::shown(visit, registered),
        None => {
            let at = address::of_client(&registered.client.id);
            visit.arrival.go(&format!("{at}?done={done}"))
        }
    }
}

/// The form as the client is now, since somebody else has changed it, and beside it what was typed and not saved.
fn overtaken(visit: &Visit<'_>, client: &Client) -> HttpResponse {
    let frame = Frame::new(visit, Section::Clients);
    let now = Content::of(client);
    let typed = Fields::sent(&visit.form);
    let label = |(name, text): (&str, String)| (frame.say(&text_id("field", name)), text);
    let content = Content {
        unsaved: typed
            .differing(&now.fields)
            .into_iter()
            .map(label)
            .collect(),
        problems: Problems::whole(frame.say("client-overtaken")),
        ..now
    };
    page(visit, Some(client), content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_a_registration_once_it_has_its_addresses() {
        for name in TEMPLATES {
            let mut metadata = template(name).unwrap();
            if metadata["grant_types"][0] == "authorization_code" {
                let uris = json!(["https://app.example.com/callback"]);
                metadata.insert("redirect_uris".to_owned(), uris);
            }
            assert!(Registration::parse(&metadata.into()).is_ok(), "{name}");
        }
        assert!(template("nothing").is_none());
    }
}
