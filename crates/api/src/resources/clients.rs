//! Clients: list, register, read, change, disable, delete; their secrets, and who may use them.

use latchkey_operations::{
    ClientChange, ClientState, ClientWarning, OperationError, RegisteredClient, TokenTypes,
    client_information,
};
use latchkey_protocol::{
    access::AccessGround,
    client::Client,
    client_reference::{MEMBERS, Writer},
    field_error::FieldError,
    metadata::{members, unknown_members},
    page::Page,
    registration::Registration,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::client_shapes::WARNINGS;
use crate::{
    answer::Answer, asked::Asked, condition::as_read, input::take_answered, problem::Problem,
};

/// How long the old secret is kept.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// For so many seconds the old secret is taken as well, up to 30 days; without it the old one is worth nothing at once.
    #[schemars(range(min = 1, max = 2_592_000))]
    keep_old: Option<i64>,
}

/// A user whom a client admits, and why.
#[derive(Serialize, JsonSchema)]
pub struct AdmittedUser {
    /// The user's subject.
    sub: String,
    /// The user name.
    username: String,
    /// The email address.
    email: Option<String>,
    /// A disabled user is admitted and cannot sign in.
    disabled: bool,
    /// By what.
    because: Vec<Because>,
}

/// Why a client admits a user.
#[derive(Serialize, JsonSchema)]
pub struct Because {
    /// `everyone`, `group`, `role` or `user`.
    kind: &'static str,
    /// Of the group or role.
    name: Option<String>,
}

impl Because {
    fn of(ground: AccessGround) -> Self {
        let (kind, name) = match ground {
            AccessGround::Everyone => ("everyone", None),
            AccessGround::Group(name) => ("group", Some(name)),
            AccessGround::Role(name) => ("role", Some(name)),
            AccessGround::User => ("user", None),
        };
        Self { kind, name }
    }
}

/// Its version. One that was deleted and registered again is another client.
pub fn etag(client: &Client) -> String {
    format!("\"{}.{}\"", client.version, client.created_at)
}

fn shown(client: &Client) -> Result<Answer, Problem> {
    Ok(Answer::ok(&client_information(client))?.etag(etag(client)))
}

/// With its secret where it has got a new one, and with what should be known of it.
async fn registered(asked: &Asked<'_>, registered: &RegisteredClient) -> Value {
    let realm = asked.call.realm;
    let types = TokenTypes {
        issuer: &realm.issuer,
        jwt_typ_audiences: &realm.jwt_typ_audiences,
    };
    let operations = asked.operations();
    // What is done is done, also when the store is away now.
    let warnings = operations.client_warnings(&registered.client, types).await;
    told(registered, &warnings.unwrap_or_default())
}

fn told(registered: &RegisteredClient, warnings: &[ClientWarning]) -> Value {
    let mut response = registered.response();
    if !warnings.is_empty() {
        let told = warnings.iter();
        let told = told.map(|w| json!({ "field": w.field(), "problem": w.to_string() }));
        response[WARNINGS] = told.collect();
    }
    response
}

/// The metadata in the body: nothing that is not known.
fn metadata(asked: &Asked<'_>) -> Result<Map<String, Value>, Problem> {
    known(asked.object()?, Vec::new())
}

/// The metadata in the body of a change: what only answers have comes back as it was, or not at all.
async fn changed_metadata(
    asked: &Asked<'_>,
    client: &Client,
) -> Result<Map<String, Value>, Problem> {
    let mut given = asked.object()?;
    let now = client_information(client);
    let only_answered = MEMBERS.iter().filter(|m| m.writer == Writer::Answer);
    let mut answered: Map<_, _> = only_answered
        .map(|member| (member.name.to_owned(), now[member.name].clone()))
        .collect();
    // Of a secret that was made: it has no end.
    answered.insert("client_secret_expires_at".into(), json!(0));
    // RFC 7592: no client changes its own registration here.
    answered.insert("registration_access_token".into(), Value::Null);
    answered.insert("registration_client_uri".into(), Value::Null);
    if given.contains_key(WARNINGS) {
        let secret = None;
        let client = client.clone();
        let now = registered(asked, &RegisteredClient { client, secret }).await;
        answered.insert(WARNINGS.into(), now[WARNINGS].clone());
    }
    let differing = take_answered(&mut given, &answered);
    known(given, differing)
}

fn known(
    given: Map<String, Value>,
    mut faults: Vec<FieldError>,
) -> Result<Map<String, Value>, Problem> {
    faults.extend(unknown_members(&given).into_iter().map(|unknown| {
        let problem = format!("there is no client metadata {}", unknown.name);
        let fault = FieldError::new(&unknown.name, problem);
        match unknown.meant {
            Some(meant) => fault.fix(format!("write {meant}, if that is meant")),
            None => fault.fix("leave it out"),
        }
    }));
    match faults.is_empty() {
        true => Ok(given),
        false => Err(Problem::invalid(&faults)),
    }
}

/// What is good but for a key of its algorithm gets one, and is done again.
async fn with_key<T, F>(asked: &Asked<'_>, operation: impl Fn() -> F) -> Result<T, OperationError>
where
    F: Future<Output = Result<T, OperationError>>,
{
    match operation().await {
        Err(OperationError::KeyMissing(algorithm)) => {
            let keys = &asked.call.realm.keys;
            asked.operations().ensure_key(keys, algorithm).await?;
            operation().await
        }
        done => done,
    }
}

/// `GET /clients`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let page: Page<String> = asked.page()?;
    let clients = asked.operations().clients(&page).await?;
    let place = |client: &Client| client.id.to_string();
    asked.listed(&page, clients, place, |client| client_information(&client))
}

/// `POST /clients`.
pub async fn create(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given = Value::Object(metadata(asked)?);
    let registration = Registration::parse_under(&given, asked.api.rules)
        .map_err(|error| Problem::from(OperationError::from(error)))?;
    let (operations, secrets) = (asked.operations(), &asked.api.secrets);
    let register = || operations.register_client(secrets, registration.clone());
    let new = with_key(asked, register).await?;
    let at = asked.at(&format!("/clients/{}", in_path(&new.client.id)));
    let body = registered(asked, &new).await;
    Ok(Answer::created(&body, at)?.etag(etag(&new.client)))
}

/// An id as a part of an address (RFC 3986 3.3).
fn in_path(id: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let written = |b: u8| match plain(b) {
        true => char::from(b).to_string(),
        false => format!("%{b:02X}"),
    };
    id.bytes().map(written).collect()
}

/// `GET /clients/{client_id}`.
pub async fn show(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let client = asked.operations().client(&asked.client_id()).await?;
    asked.matched_if_sent(&etag(&client))?;
    shown(&client)
}

/// `PATCH /clients/{client_id}`.
pub async fn update(asked: &Asked<'_>) -> Result<Answer, Problem> {
    write(asked, |given| given).await
}

/// `PUT /clients/{client_id}`.
pub async fn replace(asked: &Asked<'_>) -> Result<Answer, Problem> {
    write(asked, |mut given| {
        for member in members() {
            given.entry(*member).or_insert(Value::Null);
        }
        given
    })
    .await
}

async fn write(
    asked: &Asked<'_>,
    change: impl Fn(Map<String, Value>) -> Map<String, Value>,
) -> Result<Answer, Problem> {
    let is_word = |text: &str| text.parse::<bool>().ok();
    let new_secret = asked.read("new_secret", "true or false", is_word)?;
    let (operations, secrets) = (asked.operations(), &asked.api.secrets);
    as_read(async || {
        let client = operations.client(&asked.client_id()).await?;
        asked.matched(&etag(&client))?;
        let metadata = Value::Object(change(changed_metadata(asked, &client).await?));
        let change = ClientChange {
            metadata: &metadata,
            rules: asked.api.rules,
            new_secret: new_secret.unwrap_or_default(),
        };
        let update = || operations.update_client_as_seen(secrets, &client, change);
        let after = with_key(asked, update).await?;
        let body = registered(asked, &after).await;
        Ok(Answer::ok(&body)?.etag(etag(&after.client)))
    })
    .await
}

/// `DELETE /clients/{client_id}`.
pub async fn delete(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (operations, id) = (asked.operations(), asked.client_id());
    as_read(async || {
        let client = operations.client(&id).await?;
        asked.matched(&etag(&client))?;
        operations.delete_client_as_seen(&client).await?;
        Ok(Answer::none())
    })
    .await
}

/// `POST /clients/{client_id}/disable`.
pub async fn disable(asked: &Asked<'_>) -> Result<Answer, Problem> {
    set_state(asked, ClientState::Disabled).await
}

/// `POST /clients/{client_id}/enable`.
pub async fn enable(asked: &Asked<'_>) -> Result<Answer, Problem> {
    set_state(asked, ClientState::Enabled).await
}

async fn set_state(asked: &Asked<'_>, state: ClientState) -> Result<Answer, Problem> {
    asked.no_input()?;
    let (operations, id) = (asked.operations(), asked.client_id());
    as_read(async || {
        let client = operations.client(&id).await?;
        let is_seen = asked.matched_if_sent(&etag(&client))?;
        let version = is_seen.then_some(client.version);
        shown(&operations.set_client_state(&id, version, state).await?)
    })
    .await
}

/// `POST /clients/{client_id}/rotate-secret`.
pub async fn rotate_secret(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given: Rotation = asked.input_or_none()?;
    let (operations, secrets) = (asked.operations(), &asked.api.secrets);
    as_read(async || {
        let client = operations.client(&asked.client_id()).await?;
        let rotated = match asked.matched_if_sent(&etag(&client))? {
            true => {
                let rotated =
                    operations.rotate_client_secret_as_seen(secrets, &client, given.keep_old);
                rotated.await?
            }
            false => {
                let rotated = operations.rotate_client_secret(secrets, &client.id, given.keep_old);
                rotated.await?
            }
        };
        let warning = ClientWarning::of_rotation(&rotated.client);
        let warnings: Vec<_> = warning.into_iter().collect();
        Ok(Answer::ok(&told(&rotated, &warnings))?.etag(etag(&rotated.client)))
    })
    .await
}

/// `GET /clients/{client_id}/access`.
pub async fn access(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let mut page: Page<String> = asked.page()?;
    // The operation says itself whether there are more.
    page.limit -= 1;
    let id = asked.client_id();
    let found = asked.operations().client_access(&id, &page).await?;
    let admitted = |access: latchkey_operations::UserAccess| AdmittedUser {
        sub: access.user.id.into_string(),
        username: access.user.username,
        email: access.user.email,
        disabled: access.user.disabled_at.is_some(),
        because: access.grounds.into_iter().map(Because::of).collect(),
    };
    let users = found.users.into_iter().map(admitted).collect();
    asked.piece(users, found.next.as_ref())
}
