//! The settings of an upstream, put together from a preset, what was there before, and what an administrator gives.

use serde_json::{Map, Value};

use super::{Preset, UpstreamSettings, check_settings};
use crate::field_error::{FieldError, FieldErrors};

/// Members whose own members stand for themselves: null takes one away. Everywhere else null is a value, and says "nowhere".
const FREE: &str = "parameters";

/// The settings of an upstream of `preset`, or as it was `before`, with what is `given` in their place: objects member by
/// member, everything else as a whole. An object that says another kind of itself replaces the one that was there.
///
/// # Errors
/// Every fault, or the first where they cannot be read at all.
pub fn described(
    preset: Option<&Preset>,
    before: Option<&UpstreamSettings>,
    given: &Value,
) -> Result<UpstreamSettings, FieldErrors> {
    let Value::Object(given) = given else {
        return Err(unreadable("the settings of a provider are a JSON object"));
    };
    let mut whole = match (before, preset) {
        (Some(before), _) => object(serde_json::to_value(before).unwrap_or_default()),
        (None, Some(preset)) => of_preset(preset),
        (None, None) => Map::new(),
    };
    replace(&mut whole, given);
    let settings: UpstreamSettings = serde_json::from_value(Value::Object(whole))
        .map_err(|error| unreadable(&explained(preset, &error.to_string())))?;
    FieldErrors::check(check_settings(&settings))?;
    Ok(settings)
}

fn of_preset(preset: &Preset) -> Map<String, Value> {
    let mut whole = object(serde_json::from_str(preset.settings).unwrap_or_default());
    whole.insert("preset".into(), preset.name.into());
    whole.insert("title".into(), preset.button_en.into());
    whole
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn replace(whole: &mut Map<String, Value>, given: &Map<String, Value>) {
    for (name, value) in given {
        match (whole.get_mut(name), value) {
            (Some(Value::Object(old)), Value::Object(new)) if is_same_kind(old, new) => {
                replace(old, new);
                if name == FREE {
                    old.retain(|_, value| !value.is_null());
                }
            }
            _ => drop(whole.insert(name.clone(), value.clone())),
        }
    }
}

/// `protocol` and `client_auth` are of one kind or another, with members of their own.
fn is_same_kind(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    ["kind", "method"].iter().all(|tag| {
        new.get(*tag)
            .is_none_or(|value| old.get(*tag) == Some(value))
    })
}

fn unreadable(problem: &str) -> FieldErrors {
    FieldError::new("", problem).id("upstream-unfit").into()
}

/// With what the preset leaves to the administrator.
fn explained(preset: Option<&Preset>, error: &str) -> String {
    let asks = preset.map_or(&[][..], |preset| preset.asks);
    let named: Vec<_> = asks
        .iter()
        .map(|(path, what)| format!("{path} ({what})"))
        .collect();
    match named.is_empty() {
        true => error.to_owned(),
        false => format!("{error}; this preset also asks for {}", named.join(" and ")),
    }
}
