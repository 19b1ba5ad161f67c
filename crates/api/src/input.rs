//! Bodies: read strictly, with every fault at its member.

use actix_web::http::header;
use latchkey_protocol::{field_error::FieldError, json, metadata::faulty_members};
use latchkey_ui::call::header as header_text;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    asked::Asked,
    problem::{Kind, Problem},
    route::Method,
};

impl Asked<'_> {
    /// The body as a JSON object, each member once and no NUL anywhere.
    ///
    /// # Errors
    /// Another media type, what is no such object.
    pub fn object(&self) -> Result<Map<String, Value>, Problem> {
        self.check_media_type()?;
        let unreadable = |why| Problem::new(Kind::Unreadable, why);
        let object = json::object(self.body).map_err(unreadable)?;
        let mut faults = Vec::new();
        for (name, value) in &object {
            find_nul(name, name, value, &mut faults);
        }
        match faults.is_empty() {
            true => Ok(object),
            false => Err(Problem::invalid(&faults)),
        }
    }

    fn check_media_type(&self) -> Result<(), Problem> {
        let sent = header_text(self.call.request, header::CONTENT_TYPE.as_str());
        let sent = sent.unwrap_or_default();
        let media = sent.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| media.eq_ignore_ascii_case(name);
        let is_patch = self.route.method == Method::Patch;
        if is("application/json") || (is_patch && is("application/merge-patch+json")) {
            return Ok(());
        }
        Err(Problem::new(
            Kind::MediaType,
            format!("Content-Type is {sent:?}, and has to be application/json"),
        ))
    }

    /// The body as an input of this call. Members that must be there are `required`.
    ///
    /// # Errors
    /// As [`Asked::object`]; every member that is unknown, of another type, or missing.
    pub fn input<T: DeserializeOwned>(&self, required: &[&str]) -> Result<T, Problem> {
        let object = self.object()?;
        let missing = required.iter().filter(|name| !object.contains_key(**name));
        let missing = missing.map(|name| FieldError::new(*name, format!("{name} is needed")));
        let missing = missing.collect();
        read(object, missing)
    }

    /// The body as a change of a record that was read: what only answers have may come back as it was.
    ///
    /// # Errors
    /// As [`Asked::input`]; a member of `answered` with another value.
    pub fn change<T: DeserializeOwned>(&self, answered: &Map<String, Value>) -> Result<T, Problem> {
        let mut object = self.object()?;
        let differing = take_answered(&mut object, answered);
        read(object, differing)
    }

    /// As [`Asked::input`], where all members may be left out, and the body with them.
    ///
    /// # Errors
    /// As [`Asked::input`].
    pub fn input_or_none<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        match self.body {
            [] => Ok(T::default()),
            _ => self.input(&[]),
        }
    }

    /// A call without an input: whatever is sent would be ignored, and is refused.
    ///
    /// # Errors
    /// A body that has members.
    pub fn no_input(&self) -> Result<(), Problem> {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        self.input_or_none::<Nothing>().map(drop)
    }
}

fn read<T: DeserializeOwned>(
    object: Map<String, Value>,
    mut faults: Vec<FieldError>,
) -> Result<T, Problem> {
    faults.extend(faulty_members(&object, |alone| {
        let error = serde_json::from_value::<T>(alone).err()?;
        Some(error.to_string())
    }));
    if !faults.is_empty() {
        return Err(Problem::invalid(&faults));
    }
    serde_json::from_value(Value::Object(object))
        .map_err(|error| Problem::new(Kind::Unreadable, error.to_string()))
}

/// Takes what only answers have out of a body: generated clients read a whole record, change a member, and send the whole.
/// Faults are those that say something else than the record.
pub fn take_answered(
    body: &mut Map<String, Value>,
    answered: &Map<String, Value>,
) -> Vec<FieldError> {
    let differs = |(name, value): (&String, &Value)| {
        let given = body.remove(name)?;
        (given != *value).then(|| {
            let fault = FieldError::new(name, format!("{name} cannot be changed"));
            fault.fix("leave it out, or send it as it was read")
        })
    };
    answered.iter().filter_map(differs).collect()
}

/// PostgreSQL has no NUL in a text, and nobody needs one.
fn find_nul(place: &str, name: &str, value: &Value, faults: &mut Vec<FieldError>) {
    let mut fault = || {
        let place = place.replace('\0', "\u{fffd}");
        let problem = format!("{place}: the character NUL cannot be stored");
        faults.push(FieldError::new(place, problem));
    };
    if name.contains('\0') {
        return fault();
    }
    match value {
        Value::String(text) if text.contains('\0') => fault(),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                find_nul(&format!("{place}.{at}"), "", item, faults);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                find_nul(&format!("{place}.{name}"), name, value, faults);
            }
        }
        _ => {}
    }
}

/// A member that may be null, as opposed to one that is not there.
///
/// # Errors
/// Those of the value.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
