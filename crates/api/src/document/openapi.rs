//! OpenAPI 3.1.

use latchkey_protocol::{Issuer, api, paths};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    problem::{Kind, ProblemDetails, kind_uri},
    route::{IfMatch, Parameter, Route, Shape, Takes},
    table::ROUTES,
};

/// What calls read, and what they answer: of one type both can differ.
struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let place = |settings: &mut SchemaSettings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        };
        let settings = || SchemaSettings::draft2020_12().with(place);
        Self {
            read: settings().for_deserialize().into_generator(),
            written: settings().for_serialize().into_generator(),
        }
    }

    fn read(&mut self, shape: Shape) -> Value {
        shape(&mut self.read).to_value()
    }

    fn written(&mut self, shape: Shape) -> Value {
        shape(&mut self.written).to_value()
    }

    fn into_definitions(mut self) -> Map<String, Value> {
        let mut all = self.written.take_definitions(true);
        all.extend(self.read.take_definitions(true));
        all
    }
}

/// The document of the issuer with this address.
pub fn document(issuer: &Issuer) -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.written(|generator| generator.subschema_for::<ProblemDetails>());
    let mut addresses = Map::new();
    for route in ROUTES {
        let address = addresses.entry(route.path).or_insert_with(|| json!({}));
        address[route.method.name().to_lowercase()] = operation(route, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Latchkey administration API",
            "version": "1",
            "description": ABOUT,
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": issuer.at(paths::API_V1) }],
        "security": [{ "oauth2": [api::WRITE] }],
        "tags": tags(),
        "paths": addresses,
        "components": {
            "schemas": schemas.into_definitions(),
            "responses": problems(issuer, &problem),
            "headers": headers(),
            "securitySchemes": { "oauth2": {
                "type": "oauth2",
                "description": "A client's own access token, for this API alone.",
                "flows": { "clientCredentials": {
                    "tokenUrl": issuer.at(paths::TOKEN),
                    "scopes": { api::READ: "Read everything.", api::WRITE: "Do everything." },
                } },
            } },
        },
    })
}

const ABOUT: &str = "\
Everything that the commands and the console do with users, clients, sessions, keys, consents, refusals, the audit log and \
logout tokens.\n\nTimes are in seconds since 1970. Errors are problem details (RFC 9457). Lists come in pieces: while `next` is \
not null, call again with `cursor`. Records with an `ETag` are changed and deleted with `If-Match` alone; \
other calls do nothing where an `If-Match` is sent that does not match (412). What is created with an \
`Idempotency-Key` is created once.";

/// The first part of each address, in the order of the table.
fn tags() -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for route in ROUTES {
        if !names.contains(&tag(route)) {
            names.push(tag(route));
        }
    }
    names
        .into_iter()
        .map(|name| json!({ "name": name }))
        .collect()
}

fn tag(route: &Route) -> &'static str {
    route.path.split('/').nth(1).unwrap_or_default()
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let scopes = route.need().scopes().iter();
    let mut operation = json!({
        "operationId": route.id,
        "tags": [tag(route)],
        "summary": route.summary,
        "security": scopes.map(|scope| json!({ "oauth2": [scope] })).collect::<Value>(),
        "parameters": parameters(route),
        "responses": responses(route, schemas),
    });
    if !route.about.is_empty() {
        operation["description"] = route.about.into();
    }
    if let Some(shape) = route.body {
        let example: Option<Value> = route.example.and_then(|e| serde_json::from_str(e).ok());
        operation["requestBody"] = json!({
            "required": !route.is_body_optional,
            "content": { "application/json": { "schema": schemas.read(shape), "example": example } },
        });
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let part = |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } });
    let mut all: Vec<_> = route.parts().map(part).collect();
    all.extend(route.parameters().map(parameter));
    match route.if_match {
        IfMatch::Ignored => {}
        IfMatch::Taken => all.push(header("If-Match", false, MATCH_IF_SENT)),
        IfMatch::Needed => all.push(header("If-Match", true, MATCH)),
    }
    if route.creates {
        let about = "A name of this call, of 1 to 255 visible ASCII characters: sent again within a day, it is answered again \
            and not done again.";
        all.push(header("Idempotency-Key", false, about));
    }
    all
}

const MATCH: &str =
    "The `ETag` of the record as it was read, or several with commas; `*`: whatever it is.";
const MATCH_IF_SENT: &str = "The `ETag` of the record as it was read, or several with commas: where it is another one by now, \
    nothing is done. `*`: the record has to be there.";

fn header(name: &str, is_required: bool, about: &str) -> Value {
    json!({ "name": name, "in": "header", "required": is_required, "description": about, "schema": { "type": "string" } })
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.takes {
        Takes::Text => json!({ "type": "string" }),
        Takes::Number(from, i64::MAX) => json!({ "type": "integer", "minimum": from }),
        Takes::Number(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Takes::Word(words) => json!({ "type": "string", "enum": words }),
    };
    json!({ "name": parameter.name, "in": "query", "required": false, "description": parameter.about, "schema": schema })
}

fn responses(route: &Route, schemas: &mut Schemas) -> Map<String, Value> {
    let success = route.success;
    let mut done = json!({ "description": "It is done." });
    if let Some(shape) = success.shape {
        let mut schema = schemas.written(shape);
        if success.is_list {
            schema = json!({
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": { "type": "array", "items": schema },
                    "next": { "type": ["string", "null"], "description": "`cursor` of the next piece; null at the end." },
                },
            });
        }
        done["content"] = json!({ "application/json": { "schema": schema } });
    }
    let named = [
        ("ETag", route.is_versioned),
        ("Link", success.is_list),
        ("Location", success.status == 201),
    ];
    let named = named.into_iter().filter(|(_, is_there)| *is_there);
    let reference = |name| json!({ "$ref": format!("#/components/headers/{name}") });
    let headers: Map<_, _> = named
        .map(|(name, _)| (name.to_owned(), reference(name)))
        .collect();
    if !headers.is_empty() {
        done["headers"] = Value::Object(headers);
    }
    let mut all = Map::new();
    all.insert(success.status.to_string(), done);
    for status in failures(route) {
        let reference = format!("#/components/responses/{status}");
        all.insert(status.to_string(), json!({ "$ref": reference }));
    }
    all
}

/// Every status that a call can be refused with.
fn failures(route: &Route) -> Vec<u16> {
    let has_body = route.body.is_some();
    let is_post = route.method == crate::route::Method::Post;
    let all = [
        (400, true),
        (401, true),
        (403, true),
        (
            404,
            route.parts().next().is_some() || !route.query.is_empty(),
        ),
        (409, route.can_conflict),
        (412, route.if_match != IfMatch::Ignored),
        (413, has_body),
        (415, has_body || is_post),
        (422, has_body || is_post),
        (428, route.if_match == IfMatch::Needed),
        (429, true),
        (500, true),
        (503, true),
    ];
    let can_be = all.into_iter().filter(|(_, can_be)| *can_be);
    can_be.map(|(status, _)| status).collect()
}

/// One for each status, with an example of each kind.
fn problems(issuer: &Issuer, schema: &Value) -> Map<String, Value> {
    let mut all: Map<String, Value> = Map::new();
    for kind in Kind::ALL {
        let response = all.entry(kind.status().to_string()).or_insert_with(|| {
            json!({ "description": "", "content": { "application/problem+json": { "schema": schema, "examples": {} } } })
        });
        let said = response["description"].as_str().unwrap_or_default();
        let joint = if said.is_empty() { "" } else { " Or: " };
        response["description"] = format!("{said}{joint}{}.", kind.title()).into();
        response["content"]["application/problem+json"]["examples"][kind.code()] = json!({
            "summary": kind.about().trim(),
            "value": {
                "type": kind_uri(issuer, *kind), "title": kind.title(), "status": kind.status(),
                "detail": kind.title(), "code": kind.code(), "request_id": "0f3a1c2200000017",
            },
        });
    }
    for (name, value) in [
        ("401", "WWW-Authenticate"),
        ("403", "WWW-Authenticate"),
        ("429", "Retry-After"),
        ("503", "Retry-After"),
    ] {
        let reference = format!("#/components/headers/{value}");
        all[name]["headers"] = json!({ value: { "$ref": reference } });
    }
    all
}

fn headers() -> Value {
    let header = |about: &str| json!({ "description": about, "schema": { "type": "string" } });
    json!({
        "ETag": header("The version of the record, for `If-Match`."),
        "Link": header("The address of the next piece, with `rel=\"next\"` (RFC 8288)."),
        "Location": header("The address of what was created."),
        "Retry-After": header("Seconds to wait."),
        "WWW-Authenticate": header("Why the token was refused (RFC 6750 3)."),
    })
}
