//! Clients as the document describes them: made of the reference of their metadata.

use std::borrow::Cow;

use latchkey_protocol::client_reference::{MEMBERS, Member, Writer};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// What should be known of a registration, in its answer.
pub const WARNINGS: &str = "warnings";

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
        let about = "All of a client's metadata: what is left out is taken away. What only answers have may come back as it was read.";
        members_schema(is_changeable, about)
    }
}

impl JsonSchema for ClientMetadataChange {
    fn schema_name() -> Cow<'static, str> {
        "ClientMetadataChange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let about = "A change of client metadata (RFC 7396): what is left out stays, null takes away. What only answers have may come back as it was read.";
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
            properties[WARNINGS] = json!({
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
