//! Client metadata as JSON: which members there are, which was probably meant, and how a change is merged.

use std::sync::LazyLock;

use serde::{
    de::{self, DeserializeOwned, Deserializer, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

use crate::{client::Metadata, field_error::FieldError};

/// What stands in the answer to a registration, and may be sent back with it (RFC 7591 3.2.1, RFC 7592 3). The last three
/// are ours.
const ANSWERED: [&str; 9] = [
    "client_id",
    "client_secret",
    "client_id_issued_at",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
    "token_endpoint_auth_methods",
    "disabled_at",
    "former_secret_expires_at",
];

/// A member that is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMember {
    /// As it was given.
    pub name: String,
    /// The one that was probably meant.
    pub meant: Option<&'static str>,
}

/// The members of `given` that are not known here. A member in another language (`client_name#ko`, OpenID Connect
/// Registration 2.1) goes by its name.
pub fn unknown_members(given: &Map<String, Value>) -> Vec<UnknownMember> {
    static KNOWN: LazyLock<Vec<&'static str>> = LazyLock::new(|| [members(), &ANSWERED].concat());
    let bare = |name: &str| name.split('#').next().unwrap_or_default().to_owned();
    let unknown = given
        .keys()
        .filter(|name| !KNOWN.contains(&bare(name).as_str()));
    unknown
        .map(|name| UnknownMember {
            name: name.clone(),
            meant: nearest(name, &KNOWN),
        })
        .collect()
}

/// The one that differs by so little that it was probably meant.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', ' '], "_");
    let measured = known
        .iter()
        .map(|known| (distance(&plain(name), known), *known));
    measured
        .min()
        .filter(|(distance, known)| *distance <= (known.len() / 4).clamp(1, 3))
        .map(|(_, known)| known)
}

/// How many letters must be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(100).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The members that cannot be read alone, and why, as `problem` says it.
pub fn faulty_members(
    members: &Map<String, Value>,
    problem: impl Fn(Value) -> Option<String>,
) -> Vec<FieldError> {
    let faulty = members.iter().filter_map(|(name, value)| {
        let alone = Value::Object([(name.clone(), value.clone())].into_iter().collect());
        let problem = problem(alone)?;
        Some(FieldError::new(name, format!("{name}: {problem}")).id("unreadable"))
    });
    faulty.collect()
}

/// RFC 7396: members of `patch` replace those of `target`, null removes one, the rest stays.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(name)),
            value => merge(target.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}

/// The patch by which [`merge`] makes `after` of `before`: what differs alone, and null for what is gone.
pub fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return after.clone();
    };
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let mut patch: Map<_, _> = gone.map(|name| (name.clone(), Value::Null)).collect();
    for (name, value) in after {
        match before.get(name) {
            Some(same) if same == value => {}
            Some(old) => drop(patch.insert(name.clone(), difference(old, value))),
            None => drop(patch.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(patch)
}

/// The members of client metadata that are read.
pub fn members() -> &'static [&'static str] {
    fields_of::<Metadata>()
}

/// The names of a structure's fields, as it asks for them when it is read: so that no list needs keeping beside it.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Ask<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Ask<'_> {
        type Error = de::value::Error;

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            Err(de::Error::custom("only asked"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(de::Error::custom("no structure"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut fields: &'static [&'static str] = &[];
    let _only_asked = T::deserialize(Ask(&mut fields));
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_makes_the_one_of_the_other_and_names_nothing_else() {
        let documents = [
            json!({}),
            json!({ "a": 1, "b": { "x": [1], "y": { "z": true } } }),
            json!({ "a": 2, "b": { "y": { "other": false } } }),
            json!({ "b": "text", "c": { "new": {} } }),
        ];
        for before in &documents {
            for after in &documents {
                let mut merged = before.clone();
                merge(&mut merged, &difference(before, after));
                assert_eq!(merged, *after);
            }
            assert_eq!(difference(before, before), json!({}));
        }
    }
}
