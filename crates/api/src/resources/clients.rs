//! Clients: list, register, read, change, disable, delete; their secrets, and who may use them.

use std::borrow::Cow;

use latchkey_operations::{
    ClientChange, ClientWarning, OperationError, RegisteredClient, TokenTypes, client_information,
};
use latchkey_protocol::{
    access::AccessGround,
    client::Client,
    client_reference::{MEMBERS, Member, Writer},
    field_error::FieldError,
    metadata::{members, unknown_members},
    page::Page,
    registration::Registration,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    answer::Answer,
    asked::{Asked, changed},
    problem::{Kind, Problem},
};

/// Client metadata as it comes in.
pub struct ClientToRegister;
/// All of a client's metadata.
pub struct ClientToReplace;
/// A change of client metadata.
pub struct ClientMetadataChange;
/// What is said of a registered client.
pub struct RegisteredClientInformation;

/// The JSON type of a member, by what the reference says of its value.
fn member_schema(member: &Member) -> Value {
    let value = member.value;
    let list = |items: Value| json!({ "type": "array", "items": items });
    let mut schema = match value {
        "true, false" => json!({ "type": "boolean" }),
        "seconds" | "seconds since 1970" | "0" => json!({ "type": "integer" }),
        _ if value.starts_with("list") => list(json!({ "type": "string" })),
        _ if value.starts_with("object") || value.starts_with("JWK set") => {
            json!({ "type": "object", "additionalProperties": true })
        }
        _ => json!({ "type": "string" }),
    };
    schema["description"] = member.what.into();
    schema
}

fn members_schema(wanted: impl Fn(&Member) -> bool, about: &str) -> Schema {
    let wanted = MEMBERS.iter().filter(|member| wanted(member));
    let properties: Map<_, _> = wanted
        .map(|member| (member.name.to_owned(), member_schema(member)))
        .collect();
    json_schema!({ "type": "object", "description": about, "properties": properties })
}

impl JsonSchema for ClientToRegister {
    fn schema_name() -> Cow<'static, str> {
        "ClientToRegister".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let about = "Client metadata (RFC 7591, OpenID Connect Registration) and our own members.";
        members_schema(|member| member.writer != Writer::Answer, about)
    }
}

/// What may come in for a client that is there: its id stays.
fn is_changeable(member: &Member) -> bool {
    member.writer != Writer::Answer && member.name != "client_id"
}

impl JsonSchema for ClientToReplace {
    fn schema_name() -> Cow<'static, str> {
        "ClientToReplace".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let about = "All of a client's metadata: what is left out is taken away.";
        members_schema(is_changeable, about)
    }
}

impl JsonSchema for ClientMetadataChange {
    fn schema_name() -> Cow<'static, str> {
        "ClientMetadataChange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let about =
            "A change of client metadata (RFC 7396): what is left out stays, null takes away.";
        let mut schema = members_schema(is_changeable, about);
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        for property in properties.into_iter().flat_map(Map::values_mut) {
            property["type"] = json!([property["type"], "null"]);
        }
        schema
    }
}

impl JsonSchema for RegisteredClientInformation {
    fn schema_name() -> Cow<'static, str> {
        "Client".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let about = "What a client registered (RFC 7591 3.2.1). `client_secret` is there where it has got a new one, this once.";
        let mut schema = members_schema(|_| true, about);
        schema.insert(
            "required".into(),
            json!(["client_id", "client_id_issued_at"]),
        );
        if let Some(properties) = schema.get_mut("properties") {
            properties["warnings"] = json!({
                "type": "array",
                "description": "What should be known of a registration that is allowed.",
                "items": {
                    "type": "object",
                    "required": ["field", "problem"],
                    "properties": { "field": { "type": "string" }, "problem": { "type": "string" } },
                },
            });
        }
        schema
    }
}

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
fn etag(client: &Client) -> String {
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
        response["warnings"] = told.collect();
    }
    response
}

/// The metadata in the body: nothing that is not known.
fn metadata(asked: &Asked<'_>) -> Result<Map<String, Value>, Problem> {
    let given = asked.object()?;
    let unknown = unknown_members(&given).into_iter();
    let faults: Vec<_> = unknown
        .map(|unknown| {
            let fault = FieldError::new(
                &unknown.name,
                format!("there is no client metadata {}", unknown.name),
            );
            match unknown.meant {
                Some(meant) => fault.fix(format!("write {meant}, if that is meant")),
                None => fault.fix("leave it out"),
            }
        })
        .collect();
    match faults.is_empty() {
        true => Ok(given),
        false => Err(Problem::fields(
            Kind::Invalid,
            Kind::Invalid.title(),
            &faults,
        )),
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
    shown(&asked.operations().client(&asked.client_id()).await?)
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
    let id = asked.client_id();
    let client = asked.operations().client(&id).await?;
    asked.matched(&etag(&client))?;
    let metadata = Value::Object(change(metadata(asked)?));
    let is_word = |text: &str| text.parse::<bool>().ok();
    let new_secret = asked.read("new_secret", "true or false", is_word)?;
    let change = ClientChange {
        metadata: &metadata,
        rules: asked.api.rules,
        new_secret: new_secret.unwrap_or_default(),
    };
    let (operations, secrets) = (asked.operations(), &asked.api.secrets);
    let update = || operations.update_client_as_seen(secrets, &client, change);
    match with_key(asked, update).await {
        Ok(after) => {
            let body = registered(asked, &after).await;
            Ok(Answer::ok(&body)?.etag(etag(&after.client)))
        }
        Err(OperationError::Contended(_)) => Err(changed(&etag(&operations.client(&id).await?))),
        Err(error) => Err(error.into()),
    }
}

/// `DELETE /clients/{client_id}`.
pub async fn delete(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let (operations, id) = (asked.operations(), asked.client_id());
    let client = operations.client(&id).await?;
    asked.matched(&etag(&client))?;
    match operations.delete_client_as_seen(&client).await {
        Ok(()) => Ok(Answer::none()),
        Err(OperationError::Contended(_)) => Err(changed(&etag(&operations.client(&id).await?))),
        Err(error) => Err(error.into()),
    }
}

/// `POST /clients/{client_id}/disable`.
pub async fn disable(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    shown(
        &asked
            .operations()
            .disable_client(&asked.client_id())
            .await?,
    )
}

/// `POST /clients/{client_id}/enable`.
pub async fn enable(asked: &Asked<'_>) -> Result<Answer, Problem> {
    asked.no_input()?;
    shown(&asked.operations().enable_client(&asked.client_id()).await?)
}

/// `POST /clients/{client_id}/rotate-secret`.
pub async fn rotate_secret(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given: Rotation = asked.input_or_none()?;
    let (operations, id) = (asked.operations(), asked.client_id());
    let rotated = operations.rotate_client_secret(&asked.api.secrets, &id, given.keep_old);
    let rotated = rotated.await?;
    let warning = ClientWarning::of_rotation(&rotated.client);
    let warnings: Vec<_> = warning.into_iter().collect();
    Ok(Answer::ok(&told(&rotated, &warnings))?.etag(etag(&rotated.client)))
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
