//! The seed of `latchkey dev`: users and clients of a file, in the words of `user create` and `client create`.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use latchkey_operations::NewUser;
use latchkey_protocol::{
    field_error::FieldError,
    json,
    metadata::{UnknownMember, faulty_members, unknown_members},
    registration::{Registration, RegistrationRules},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    lines::{Step, line_of},
    word,
};
use crate::commands::input::{input_name, read_input};

/// Users and clients that are there from the beginning.
pub struct Seed {
    pub users: Vec<NewUser>,
    pub clients: Vec<Registration>,
    pub source: Source,
}

/// Where a seed was read.
pub struct Source {
    name: String,
    text: String,
}

/// Which of a seed's lists.
#[derive(Clone, Copy)]
pub enum List {
    Users,
    Clients,
}

impl List {
    fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Clients => "clients",
        }
    }
}

impl Source {
    /// A fault of a list's item: file and line, the path to the member, what is wrong and what to do about it.
    pub fn fault(&self, list: List, item: usize, error: &FieldError) -> String {
        let inner = error.field.split('.').filter(|part| !part.is_empty());
        let inner = inner.map(|part| part.parse().map_or(Step::Member(part), Step::Item));
        let mut path = vec![Step::Member(list.name()), Step::Item(item)];
        path.extend(inner);
        let dot = if error.field.is_empty() { "" } else { "." };
        let (line, name, field) = (line_of(&self.text, &path), list.name(), &error.field);
        // Where the sentence begins with the member, it stands there once.
        let said = error.to_string();
        let said = said
            .strip_prefix(&format!("{field}: "))
            .unwrap_or(&said)
            .to_owned();
        format!("{}:{line}: {name}[{item}]{dot}{field}: {said}", self.name)
    }
}

impl Seed {
    /// An administrator and two users, with passwords that are made.
    pub fn of_known_users() -> Self {
        const USERS: [(&str, &str, Option<&str>); 3] = [
            ("admin", "Ada Admin", Some("admin")),
            ("alice", "Alice Kim", Some("clerk")),
            ("bob", "Bob Müller", None),
        ];
        let user = |(username, name, role): (&str, &str, Option<&str>)| NewUser {
            username: username.into(),
            email: Some(format!("{username}@example.org")),
            name: Some(name.into()),
            roles: role.map(str::to_owned).into_iter().collect(),
            password: Some(word(10)),
            ..NewUser::default()
        };
        Self {
            users: USERS.map(user).into(),
            clients: Vec::new(),
            source: Source {
                name: String::new(),
                text: String::new(),
            },
        }
    }

    /// One user and one client, of no file.
    pub fn of(user: NewUser, client: Registration) -> Self {
        let (name, text) = Default::default();
        Self {
            users: vec![user],
            clients: vec![client],
            source: Source { name, text },
        }
    }

    /// Reads a file, or standard input for `-`.
    ///
    /// # Errors
    /// Every fault that can be seen without a database, each with its line, its member and what to do.
    pub fn read(file: &Path, rules: RegistrationRules) -> Result<Self> {
        let source = Source {
            name: input_name(file),
            text: read_input(file)?,
        };
        let members = source.members()?;
        let mut faults = Vec::new();
        let users = source.read(&members, List::Users, &mut faults, &user)?;
        let client = |given: &Value| client(given, rules);
        let clients = source.read(&members, List::Clients, &mut faults, &client)?;
        refuse(&faults)?;
        Ok(Self {
            users,
            clients,
            source,
        })
    }
}

impl Source {
    /// Its lists.
    fn members(&self) -> Result<Map<String, Value>> {
        let name = &self.name;
        let members = json::object(self.text.as_bytes()).map_err(|why| {
            anyhow!(
                "{name} is no seed: {why}; it is a JSON object with the members users and clients"
            )
        })?;
        let known = [List::Users.name(), List::Clients.name()];
        if let Some(other) = members.keys().find(|name| !known.contains(&name.as_str())) {
            let line = line_of(&self.text, &[Step::Member(other)]);
            bail!("{name}:{line}: {other}: a seed has the members users and clients alone");
        }
        Ok(members)
    }

    /// The items of a list that can be read; the others are `faults`.
    fn read<T>(
        &self,
        members: &Map<String, Value>,
        list: List,
        faults: &mut Vec<String>,
        read: &dyn Fn(&Value) -> Result<T, Vec<FieldError>>,
    ) -> Result<Vec<T>> {
        let items = match members.get(list.name()) {
            None => &[][..],
            Some(Value::Array(items)) => items,
            Some(_) => {
                let line = line_of(&self.text, &[Step::Member(list.name())]);
                let (name, list) = (&self.name, list.name());
                bail!("{name}:{line}: {list}: this is no list; put what it has into [ ]");
            }
        };
        let mut good = Vec::new();
        for (number, item) in items.iter().enumerate() {
            match read(item) {
                Ok(item) => good.push(item),
                Err(errors) => {
                    faults.extend(errors.iter().map(|error| self.fault(list, number, error)));
                }
            }
        }
        Ok(good)
    }
}

/// Fails with all faults, if there are any.
///
/// # Errors
/// One fault as a sentence, several on a line each.
pub fn refuse(faults: &[String]) -> Result<()> {
    match faults {
        [] => Ok(()),
        [only] => bail!("{only}"),
        all => bail!("the seed has {} faults:\n  {}", all.len(), all.join("\n  ")),
    }
}

fn user(given: &Value) -> Result<NewUser, Vec<FieldError>> {
    let Value::Object(members) = given else {
        return Err(vec![FieldError::new("", "a user is a JSON object")]);
    };
    let mut faults = faulty_members(members, |alone| {
        let error = NewUser::deserialize(alone).err()?;
        Some(error.to_string())
    });
    if !members.contains_key("username") {
        let missing = FieldError::new("username", "it is needed");
        faults.push(missing.fix("add \"username\", such as \"alice\""));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let read = NewUser::deserialize(given);
    let read = read.map_err(|error| vec![FieldError::new("", error.to_string())])?;
    if (read.id.as_ref()).is_some_and(|sub| !is_subject(sub.as_str())) {
        let fault = FieldError::new("sub", "this is no subject");
        let fix = "use 1 to 255 ASCII letters, digits, '-', '_' and '.', the first one a letter or a digit";
        return Err(vec![fault.fix(fix)]);
    }
    Ok(read)
}

/// What stands in tokens (OpenID Connect Core 2: at most 255 ASCII characters) and in the addresses of the console.
fn is_subject(text: &str) -> bool {
    text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && (text.chars()).all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn client(given: &Value, rules: RegistrationRules) -> Result<Registration, Vec<FieldError>> {
    let unknown = given.as_object().map(unknown_members).unwrap_or_default();
    let unknown: Vec<_> = unknown.into_iter().map(unknown_member).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    Registration::parse_under(given, rules).map_err(|error| error.errors.into_vec())
}

/// In a seed nothing is ignored: it is written for this program alone.
fn unknown_member(UnknownMember { name, meant }: UnknownMember) -> FieldError {
    let fault = FieldError::new(&name, "there is no such client metadata");
    match (meant, name.as_str()) {
        (Some(meant), _) => fault.fix(format!("did you mean {meant}?")),
        (None, "jwks_uri") => fault.fix("put the keys themselves into jwks"),
        (None, _) => fault.fix("leave it out"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refusal(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seed.json");
        std::fs::write(&file, text).unwrap();
        let read = Seed::read(&file, RegistrationRules::default());
        let refused = read.err().unwrap().to_string();
        refused.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn each_fault_is_named_with_line_member_and_fix() {
        for (text, says) in [
            ("{\n\"users\": [}", "at line 2"),
            ("[]", "the members users and clients"),
            (r#"{"users":[],"users":[]}"#, "twice"),
            (
                "{\n\"user\": []}",
                "seed.json:2: user: a seed has the members",
            ),
            ("{\n\"users\": {}}", "seed.json:2: users: this is no list"),
            (
                "{\"users\":[\n7]}",
                "seed.json:2: users[0]: a user is a JSON object",
            ),
            (
                "{\"users\":[\n{}]}",
                "seed.json:2: users[0].username: it is needed; add",
            ),
            (
                "{\"users\":[{\"username\":\"a\",\n\"emial\":\"a@b.c\"}]}",
                "seed.json:2: users[0].emial: unknown field `emial`, expected one of `username`",
            ),
            (
                "{\"users\":[{\"username\":\"a\",\n\"sub\":\"../b\"}]}",
                "seed.json:2: users[0].sub: this is no subject; use",
            ),
            (
                "{\"users\":[{\"username\":\"a\",\n\"sub\":\"\"}]}",
                "seed.json:2: users[0].sub: this is no subject; use",
            ),
            (
                "{\"users\":[{\"username\":\"a\",\n\"roles\":\"admin\"}]}",
                "seed.json:2: users[0].roles: invalid type",
            ),
            (
                "{\"clients\":[{},{\"client_id\":\"a\",\n\"redirect_uri\":[]}]}",
                "seed.json:2: clients[1].redirect_uri: there is no such client metadata; did you mean redirect_uris?",
            ),
            (
                "{\"clients\":[\n{\"client_id\":7}]}",
                "seed.json:2: clients[0].client_id: ",
            ),
        ] {
            let refused = refusal(text);
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[test]
    fn all_faults_are_said_at_once() {
        let refused = refusal("{\"users\":[{},\n{}],\n\"clients\":[7]}");
        assert!(refused.starts_with("the seed has 3 faults:"), "{refused}");
        for place in [
            "1: users[0].username",
            "2: users[1].username",
            "3: clients[0]",
        ] {
            assert!(refused.contains(place), "{refused}");
        }
    }
}
