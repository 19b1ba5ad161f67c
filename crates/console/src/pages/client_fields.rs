//! The members of client metadata as fields of a form: one table for what is shown of a client and for what is typed.

use latchkey_protocol::{Params, field_error::FieldError};
use serde_json::{Map, Value};

use super::problem::{Problems, no_object};
use crate::layout::Frame;

/// How a member is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text of one line.
    Line,
    /// A list, one entry for each line.
    Lines,
    /// A number of seconds.
    Seconds,
    /// A box: `true`, or nothing.
    Flag,
    /// One of these; the empty one is that the member is absent.
    Choice(&'static [&'static str]),
    /// Any of these, as a list.
    Several(&'static [&'static str]),
    /// A JSON object.
    Json,
}

/// A member, as JSON writes it, and how it is typed.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub name: &'static str,
    pub kind: Kind,
}

/// Members that belong together.
pub struct Group {
    /// The id of its heading.
    pub title: &'static str,
    pub members: &'static [Member],
    /// Whether few need it.
    pub is_rare: bool,
}

const fn member(name: &'static str, kind: Kind) -> Member {
    Member { name, kind }
}

const ALGORITHMS: &[&str] = &["", "RS256", "PS256", "ES256", "EdDSA", "HS256"];
const REQUEST_ALGORITHMS: &[&str] = &["", "RS256", "PS256", "ES256"];
const METHODS: &[&str] = &["", "client_secret_basic", "client_secret_post", "none"];
const GRANTS: &[&str] = &["authorization_code", "refresh_token", "client_credentials"];

/// Every member but those that have a page of their own (`access`) or change nothing here.
pub const GROUPS: &[Group] = &[
    Group {
        title: "client-group-app",
        is_rare: false,
        members: &[member("client_name", Kind::Line)],
    },
    Group {
        title: "client-group-sign-in",
        is_rare: false,
        members: &[
            member("redirect_uris", Kind::Lines),
            member("application_type", Kind::Choice(&["web", "native"])),
            member("token_endpoint_auth_method", Kind::Choice(METHODS)),
            member("grant_types", Kind::Several(GRANTS)),
            member("refresh", Kind::Choice(&["offline_access", "always"])),
            member("require_pkce", Kind::Flag),
            member("trusted", Kind::Flag),
            member("default_max_age", Kind::Seconds),
        ],
    },
    Group {
        title: "client-group-tokens",
        is_rare: false,
        members: &[
            member("scope", Kind::Line),
            member("implied_scope", Kind::Line),
            member("id_token_claims", Kind::Choice(&["all", "minimal"])),
            member("audience", Kind::Lines),
            member("roles", Kind::Lines),
        ],
    },
    Group {
        title: "client-group-sign-out",
        is_rare: false,
        members: &[
            member("post_logout_redirect_uris", Kind::Lines),
            member("backchannel_logout_uri", Kind::Line),
            member("frontchannel_logout_uri", Kind::Line),
        ],
    },
    Group {
        title: "client-group-about",
        is_rare: true,
        members: &[
            member("client_uri", Kind::Line),
            member("logo_uri", Kind::Line),
            member("policy_uri", Kind::Line),
            member("tos_uri", Kind::Line),
            member("contacts", Kind::Lines),
        ],
    },
    Group {
        title: "client-group-rare",
        is_rare: true,
        members: &[
            member("id_token_signed_response_alg", Kind::Choice(ALGORITHMS)),
            member("access_token_typ", Kind::Choice(&["", "at+jwt", "JWT"])),
            member("custom_claims", Kind::Json),
            member("jwks", Kind::Json),
            member(
                "request_object_signing_alg",
                Kind::Choice(REQUEST_ALGORITHMS),
            ),
            member("require_signed_request_object", Kind::Flag),
        ],
    },
];

fn members() -> impl Iterator<Item = &'static Member> {
    GROUPS.iter().flat_map(|group| group.members)
}

/// The id of a text about a member: a `+` cannot stand in one.
pub fn text_id(what: &str, name: &str) -> String {
    format!("client-{what}-{}", name.replace('+', "-"))
}

/// The id of the words of a choice.
pub fn choice_id(member: &str, value: &str) -> String {
    let value = if value.is_empty() { "default" } else { value };
    text_id("choice", &format!("{member}-{value}"))
}

/// What stands in the fields, by their names: that of the member, and of a list of boxes `member.value`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// As metadata fills them.
    pub fn of(metadata: &Map<String, Value>) -> Self {
        let mut fields = Self::default();
        for member in members() {
            let value = metadata.get(member.name).unwrap_or(&Value::Null);
            fields.fill(member, value);
        }
        fields
    }

    fn fill(&mut self, member: &Member, value: &Value) {
        let text = match (member.kind, value) {
            (Kind::Several(all), Value::Array(list)) => {
                for one in all.iter().filter(|one| list.iter().any(|v| v == **one)) {
                    self.0.push((box_name(member.name, one), "on".to_owned()));
                }
                return;
            }
            (_, Value::Null) => return,
            (Kind::Flag, Value::Bool(true)) => "on".to_owned(),
            (Kind::Flag, _) => return,
            (Kind::Json, value) => serde_json::to_string_pretty(value).unwrap_or_default(),
            (_, Value::String(text)) => text.clone(),
            (_, Value::Array(list)) => {
                let lines: Vec<_> = list.iter().filter_map(Value::as_str).collect();
                lines.join("\n")
            }
            (_, other) => other.to_string(),
        };
        self.0.push((member.name.to_owned(), text));
    }

    /// As they were typed. What is no field of the form counts for nothing.
    pub fn sent(form: &Params) -> Self {
        let mut fields = Self::default();
        for member in members() {
            let names = match member.kind {
                Kind::Several(all) => all.iter().map(|one| box_name(member.name, one)).collect(),
                _ => vec![member.name.to_owned()],
            };
            for name in names {
                if let Some(value) = form.optional(&name) {
                    fields.0.push((name, value.to_owned()));
                }
            }
        }
        fields
    }

    /// What stands in a field.
    pub fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, text)| text)
    }

    /// Whether a box is ticked.
    pub fn is_ticked(&self, member: &str, value: &str) -> bool {
        !self.text(&box_name(member, value)).is_empty()
    }

    /// `metadata` with what was typed in place of what it had.
    ///
    /// # Errors
    /// What is no number and no JSON object, each at its member.
    pub fn onto(
        &self,
        frame: &Frame<'_>,
        mut metadata: Map<String, Value>,
    ) -> Result<Map<String, Value>, Problems> {
        let mut problems = Problems::default();
        for member in members() {
            match self.value(frame, member) {
                Ok(Some(value)) => drop(metadata.insert(member.name.to_owned(), value)),
                Ok(None) => drop(metadata.remove(member.name)),
                Err(sentence) => problems.add(FieldError::new(member.name, sentence)),
            }
        }
        if problems.any() {
            return Err(problems);
        }
        Ok(metadata)
    }

    /// The value of a member; none where it is to be absent.
    fn value(&self, frame: &Frame<'_>, member: &Member) -> Result<Option<Value>, String> {
        let text = self.text(member.name).trim();
        Ok(match member.kind {
            Kind::Several(all) => {
                let ticked = all.iter().filter(|one| self.is_ticked(member.name, one));
                Some(ticked.map(|one| Value::from(*one)).collect())
            }
            _ if text.is_empty() => None,
            Kind::Flag => Some(true.into()),
            Kind::Lines => Some(lines(text).into()),
            Kind::Line | Kind::Choice(_) => Some(text.into()),
            Kind::Seconds => Some(number(frame, text)?),
            Kind::Json => Some(object(frame, text)?),
        })
    }

    /// The members that differ from `others`, with what stands in these.
    pub fn differing(&self, others: &Self) -> Vec<(&'static str, String)> {
        let differs = |member: &&Member| self.shown(member) != others.shown(member);
        let differing = members().filter(differs);
        differing
            .map(|member| (member.name, self.shown(member)))
            .collect()
    }

    fn shown(&self, member: &Member) -> String {
        match member.kind {
            Kind::Several(all) => {
                let ticked = all.iter().filter(|one| self.is_ticked(member.name, one));
                ticked.copied().collect::<Vec<_>>().join("\n")
            }
            _ => self.text(member.name).trim().replace("\r\n", "\n"),
        }
    }
}

/// The name of a box of a list.
pub fn box_name(member: &str, value: &str) -> String {
    format!("{member}.{value}")
}

/// One entry for each line; empty lines are none.
pub fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

fn number(frame: &Frame<'_>, text: &str) -> Result<Value, String> {
    let number: Result<i64, _> = text.parse();
    number
        .map(Value::from)
        .map_err(|_| frame.say("client-no-number"))
}

fn object(frame: &Frame<'_>, text: &str) -> Result<Value, String> {
    let object: Result<Map<String, Value>, _> = serde_json::from_str(text);
    let object = object.map(Value::Object);
    object.map_err(|error| no_object(frame.words, &error))
}

#[cfg(test)]
mod tests {
    use latchkey_protocol::metadata;

    use super::*;

    /// A member that is added to the metadata has a field, or a reason to have none.
    #[test]
    fn every_member_of_the_metadata_has_a_field() {
        const ELSEWHERE: [&str; 5] = [
            // Has a page of its own.
            "access",
            // There is one response type.
            "response_types",
            // Change nothing.
            "backchannel_logout_session_required",
            "frontchannel_logout_session_required",
            "require_auth_time",
        ];
        for name in metadata::members() {
            let has_field = members().any(|member| member.name == *name);
            assert!(has_field != ELSEWHERE.contains(name), "{name}");
        }
    }

    #[test]
    fn every_member_group_and_choice_has_words() {
        for member in members() {
            let mut ids = vec![text_id("field", member.name), text_id("hint", member.name)];
            if let Kind::Choice(all) | Kind::Several(all) = member.kind {
                let choices = all.iter().map(|one| choice_id(member.name, one));
                ids.extend(choices);
            }
            for id in ids {
                let words = latchkey_ui::Words(latchkey_ui::Language::English);
                assert_ne!(words.say(&id), id);
            }
        }
    }

    #[test]
    fn metadata_comes_back_as_it_was_from_its_fields() {
        let written = serde_json::json!({
            "client_name": "A", "contacts": ["a", "b"], "grant_types": ["refresh_token"], "trusted": true,
            "default_max_age": 60, "custom_claims": { "x": { "value": 1 } }, "refresh": "always",
        });
        let metadata = written.as_object().unwrap();
        assert_eq!(Fields::of(metadata).text("contacts"), "a\nb");
        assert_eq!(Fields::of(metadata).text("default_max_age"), "60");
        assert!(Fields::of(metadata).is_ticked("grant_types", "refresh_token"));
        assert!(!Fields::of(metadata).is_ticked("grant_types", "authorization_code"));
    }
}
