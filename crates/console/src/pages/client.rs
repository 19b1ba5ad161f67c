//! One client: what it is, what its settings do, its secrets, and what refers to it.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_operations::{
    ClientChange, ClientWarning, OperationError, RegisteredClient, TokenTypes,
};
use latchkey_protocol::{
    ClientId,
    audit_row::AuditFilter,
    client::{ApplicationType, Client, GrantType},
    client_list::ClientCounts,
    metadata::difference,
    uri,
};
use latchkey_ui::{Words, failure::Failure, render::render};
use serde_json::{Map, Value};

use super::{
    audit::{Row, newest},
    client_fields::{Fields, GROUPS, Kind, Member, choice_id, text_id},
    problem::{failed, gone},
};
use crate::{
    address,
    layout::{Frame, Section, utc},
    visit::Visit,
};

/// The client that the address names.
pub async fn named(visit: &Visit<'_>) -> Result<Client, Failure> {
    let id = visit.id("id").ok_or_else(gone)?;
    let found = visit.operations().client(&ClientId::new(id)).await;
    found.map_err(failed)
}

/// The id of the word for what a client is, by what it may do.
pub fn kind(client: &Client) -> &'static str {
    let metadata = &client.metadata;
    if client.may(GrantType::AuthorizationCode) {
        return match (metadata.application_type, metadata.is_public()) {
            (ApplicationType::Native, _) => "client-kind-native",
            (ApplicationType::Web, true) => "client-kind-browser",
            (ApplicationType::Web, false) => "client-kind-web",
        };
    }
    match client.may(GrantType::ClientCredentials) {
        true => "client-kind-machine",
        false => "client-kind-api",
    }
}

/// The pages of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Overview,
    Users,
    Consents,
    Connect,
    Preview,
}

/// What stands above each page of a client.
pub struct Head {
    pub path: String,
    pub id: String,
    pub name: String,
    pub kind: &'static str,
    pub is_enabled: bool,
    pub is_public: bool,
    pub tab: Tab,
}

impl Head {
    pub fn new(client: &Client, tab: Tab) -> Self {
        Self {
            path: address::of_client(&client.id),
            id: client.id.to_string(),
            name: client.name().to_owned(),
            kind: kind(client),
            is_enabled: client.disabled_at.is_none(),
            is_public: client.is_public(),
            tab,
        }
    }

    /// The id of what its kind means.
    pub fn kind_text(&self) -> String {
        format!("{}-text", self.kind)
    }

    /// Address, words and page of each tab.
    pub fn tabs(&self) -> [(&'static str, &'static str, Tab); 5] {
        [
            ("", "client-tab-overview", Tab::Overview),
            ("/users", "client-tab-users", Tab::Users),
            ("/consents", "console-consents", Tab::Consents),
            ("/connect", "client-tab-connect", Tab::Connect),
            ("/preview", "client-tab-preview", Tab::Preview),
        ]
    }
}

/// A setting: what it is called, what it says, what that does.
struct Setting {
    label: String,
    lines: Vec<String>,
    hint: String,
}

struct Settings {
    title: &'static str,
    settings: Vec<Setting>,
}

fn settings(frame: &Frame<'_>, metadata: &Map<String, Value>) -> Vec<Settings> {
    let fields = Fields::of(metadata);
    let setting = |member: &Member| Setting {
        label: frame.say(&text_id("field", member.name)),
        lines: said(frame, &fields, member),
        hint: frame.say(&text_id("hint", member.name)),
    };
    let groups = GROUPS.iter().map(|group| Settings {
        title: group.title,
        settings: group.members.iter().map(setting).collect(),
    });
    groups.collect()
}

/// What a member says, in words where it is a choice; nothing where it is absent and means nothing.
fn said(frame: &Frame<'_>, fields: &Fields, member: &Member) -> Vec<String> {
    let text = fields.text(member.name);
    match member.kind {
        Kind::Flag if text.is_empty() => vec![frame.say("client-no")],
        Kind::Flag => vec![frame.say("client-yes")],
        Kind::Choice(_) => vec![frame.say(&choice_id(member.name, text))],
        Kind::Several(all) => {
            let ticked = all.iter().filter(|one| fields.is_ticked(member.name, one));
            ticked
                .map(|one| frame.say(&choice_id(member.name, one)))
                .collect()
        }
        Kind::Json if !text.is_empty() => vec![text.to_owned()],
        _ => text.lines().map(str::to_owned).collect(),
    }
}

struct Secrets {
    /// Since when there is the present one.
    since: String,
    /// Until when the former one lives on.
    former_until: Option<String>,
    is_readable: bool,
}

#[derive(Template)]
#[template(path = "console/client.html")]
struct Shown<'a> {
    frame: Frame<'a>,
    head: Head,
    created: String,
    disabled: Option<String>,
    is_limited: bool,
    secrets: Option<Secrets>,
    counts: ClientCounts,
    /// The list of its sessions.
    sessions: String,
    settings: Vec<Settings>,
    warnings: Vec<String>,
    rows: Vec<Row>,
}

impl Shown<'_> {
    fn most(&self) -> String {
        ClientCounts::MOST.to_string()
    }

    fn authorizations(&self) -> String {
        self.counts.authorizations.to_string()
    }
}

/// A warning in the language of the page: English is what operations speak.
fn warned(words: Words, warning: &ClientWarning) -> String {
    let (id, client, audience) = match warning {
        ClientWarning::SecretReadable { client } => ("warning-secret-readable", client, ""),
        ClientWarning::AudienceIsClient {
            client, audience, ..
        } => ("warning-audience-is-client", client, audience.as_str()),
        ClientWarning::HintsUnusable { client } => ("warning-hints-unusable", client, ""),
    };
    let said = words.say_all(id, &[("client", client), ("audience", audience)]);
    match said == id {
        true => warning.to_string(),
        false => said,
    }
}

fn secrets(visit: &Visit<'_>, client: &Client) -> Option<Secrets> {
    client.secret.as_ref()?;
    let former = client.former_secret.as_ref();
    let former = former.filter(|former| visit.now() < former.until);
    Some(Secrets {
        since: utc(client.secret_since.unwrap_or(client.created_at)),
        former_until: former.map(|former| utc(former.until)),
        is_readable: client.sealed_secret.is_some(),
    })
}

/// `GET /admin/clients/{id}`.
pub async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let client = named(visit).await?;
    let frame = Frame::new(visit, Section::Clients);
    let realm = visit.call().realm;
    let types = TokenTypes {
        issuer: &realm.issuer,
        jwt_typ_audiences: &realm.jwt_typ_audiences,
    };
    let operations = visit.operations();
    let warnings = operations.own_client_warnings(&client, types).await;
    let about = AuditFilter {
        target: Some(client.id.to_string()),
        ..AuditFilter::default()
    };
    let store = &visit.ui().store;
    let page = Shown {
        created: utc(client.created_at),
        disabled: client.disabled_at.map(utc),
        is_limited: client.metadata.access.is_some(),
        secrets: secrets(visit, &client),
        sessions: uri::with_query(
            &format!("{}/admin/sessions", visit.arrival.base()),
            &[("client", &client.id)],
        ),
        counts: store.client_counts(&client.id, visit.now()).await?,
        settings: settings(&frame, &document(&client)),
        warnings: warnings
            .map_err(failed)?
            .iter()
            .map(|warning| warned(frame.words, warning))
            .collect(),
        rows: newest(visit, &about).await?,
        head: Head::new(&client, Tab::Overview),
        frame,
    };
    Ok(render(&page, StatusCode::OK, false))
}

/// Its metadata as a JSON object.
pub fn document(client: &Client) -> Map<String, Value> {
    match serde_json::to_value(&client.metadata) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// The client with this metadata in place of what it had, if it still is as `seen`.
pub async fn changed(
    visit: &Visit<'_>,
    seen: &Client,
    after: Map<String, Value>,
) -> Result<RegisteredClient, OperationError> {
    let console = visit.arrival.console;
    let change = ClientChange {
        metadata: &difference(&document(seen).into(), &after.into()),
        rules: console.registration,
        new_secret: false,
    };
    let operations = visit.operations();
    let updated = operations.update_client_as_seen(&console.client_secrets, seen, change);
    updated.await
}
