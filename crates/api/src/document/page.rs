//! The reference page, made from the document: plain HTML, nothing to run, nothing from another host.

use askama::Template;
use serde_json::Value;

use crate::problem::Kind;

/// The calls of one resource.
pub struct Group {
    pub name: String,
    pub calls: Vec<CallText>,
}

/// One call, as the page shows it.
pub struct CallText {
    pub id: String,
    pub method: String,
    pub path: String,
    pub summary: String,
    pub about: String,
    pub scopes: String,
    pub parameters: Vec<Row>,
    pub body: Vec<Row>,
    pub example: String,
    pub answers: Vec<Row>,
    pub result: Vec<Row>,
}

/// A line of a table: a name, what it may be, and what it is.
pub struct Row {
    pub name: String,
    pub kind: String,
    pub about: String,
}

/// The page.
#[derive(Template)]
#[template(path = "api/reference.html")]
pub struct Reference<'a> {
    pub base: &'a str,
    pub issuer: &'a str,
    pub groups: &'a [Group],
    pub problems: &'static [Kind],
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What a reference names, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let named = value.get("$ref").and_then(Value::as_str);
    named
        .and_then(|named| document.pointer(named.trim_start_matches('#')))
        .unwrap_or(value)
}

/// All calls, by the first part of their addresses.
pub fn groups(document: &Value) -> Vec<Group> {
    let tags = document["tags"].as_array().into_iter().flatten();
    let group = |tag: &Value| Group {
        name: text(&tag["name"]),
        calls: calls(document, &tag["name"]),
    };
    tags.map(group).collect()
}

fn calls(document: &Value, tag: &Value) -> Vec<CallText> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let calls = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, call)| (path, method, call))
    });
    let of_tag = calls.filter(|(_, _, call)| call["tags"][0] == *tag);
    of_tag
        .map(|(path, method, call)| call_text(document, path, method, call))
        .collect()
}

fn call_text(document: &Value, path: &str, method: &str, call: &Value) -> CallText {
    let body = &call["requestBody"]["content"]["application/json"];
    let example = &body["example"];
    let answers = call["responses"].as_object().into_iter().flatten();
    let success = answers.clone().find(|(status, _)| status.starts_with('2'));
    let result = success.map_or(&Value::Null, |(_, answer)| {
        let schema = &answer["content"]["application/json"]["schema"];
        match &schema["properties"]["items"]["items"] {
            Value::Null => schema,
            item => item,
        }
    });
    CallText {
        id: text(&call["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&call["summary"]),
        about: text(&call["description"]),
        scopes: scopes(call),
        parameters: parameters(call),
        body: members(document, &body["schema"]),
        example: match example {
            Value::Null => String::new(),
            example => serde_json::to_string_pretty(example).unwrap_or_default(),
        },
        answers: answers
            .map(|(status, answer)| answer_row(document, status, answer))
            .collect(),
        result: members(document, result),
    }
}

fn scopes(call: &Value) -> String {
    let all = call["security"].as_array().into_iter().flatten();
    let names: Vec<_> = all.map(|one| text(&one["oauth2"][0])).collect();
    names.join(" or ")
}

fn parameters(call: &Value) -> Vec<Row> {
    let all = call["parameters"].as_array().into_iter().flatten();
    let row = |parameter: &Value| Row {
        name: text(&parameter["name"]),
        kind: match parameter["required"] {
            Value::Bool(true) => format!("{}, needed", text(&parameter["in"])),
            _ => text(&parameter["in"]),
        },
        about: text(&parameter["description"]),
    };
    all.map(row).collect()
}

fn answer_row(document: &Value, status: &str, answer: &Value) -> Row {
    let answer = resolved(document, answer);
    Row {
        name: status.to_owned(),
        kind: String::new(),
        about: text(&answer["description"]),
    }
}

fn members(document: &Value, schema: &Value) -> Vec<Row> {
    let schema = resolved(document, schema);
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let members = schema["properties"].as_object().into_iter().flatten();
    members
        .map(|(name, member)| Row {
            name: name.clone(),
            kind: match is_required(name) {
                true => format!("{}, always", kind(document, member)),
                false => kind(document, member),
            },
            about: text(&resolved(document, member)["description"]),
        })
        .collect()
}

/// What a member may be, in words.
fn kind(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    if let Some(any) = schema["anyOf"].as_array() {
        let kinds: Vec<_> = any.iter().map(|one| kind(document, one)).collect();
        return kinds.join(" or ");
    }
    match &schema["type"] {
        Value::String(one) if one == "array" => {
            format!("list of {}", kind(document, &schema["items"]))
        }
        Value::String(one) => one.clone(),
        Value::Array(several) => {
            let names: Vec<_> = several.iter().map(text).collect();
            names.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}
