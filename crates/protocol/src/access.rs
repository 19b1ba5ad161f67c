//! Who may use a client: everybody, or those whom its registration admits.

use serde::{Deserialize, Serialize};

use crate::{field_error::FieldError, user::User};

/// Most entries of a list: whoever admits more users than that puts them into a group.
pub const MOST_ADMITTED: usize = 200;
/// The longest entry, in bytes.
const LONGEST: usize = 255;

/// Whom a client is limited to: whoever is in one of these groups, has one of these roles, or is named. Nobody, where all
/// lists are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Groups of which each member is admitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Roles, each of whose holders is admitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Users, by their ids, which are never given to somebody else; as it comes in, also by what they sign in with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
}

/// Why a user may use a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessGround {
    /// The client is not limited.
    Everyone,
    /// By membership of this group.
    Group(String),
    /// By this role.
    Role(String),
    /// By name.
    User,
}

/// The versions of user and client that were judged: what is written afterwards asks whether they are those still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedVersions {
    /// The user's.
    pub user: i64,
    /// The client's.
    pub client: i64,
}

impl Access {
    /// Whether it admits this user.
    pub fn admits(&self, user: &User) -> bool {
        self.admits_whom(&user.id, &user.groups, &user.roles)
    }

    /// As [`Access::admits`], of what is asked about a user.
    pub fn admits_whom(&self, id: &str, groups: &[String], roles: &[String]) -> bool {
        let one_of = |listed: &[String], own: &[String]| own.iter().any(|o| listed.contains(o));
        one_of(&self.groups, groups)
            || one_of(&self.roles, roles)
            || self.users.iter().any(|named| named == id)
    }

    fn names(&self, user: &User) -> bool {
        self.users.iter().any(|named| named == user.id.as_str())
    }

    /// Everything by which it admits this user; nothing where it does not.
    pub fn grounds(&self, user: &User) -> Vec<AccessGround> {
        let both = |listed: &[String], own: &[String]| -> Vec<String> {
            let both = own.iter().filter(|name| listed.contains(name));
            both.cloned().collect()
        };
        let groups = both(&self.groups, &user.groups).into_iter();
        let roles = both(&self.roles, &user.roles).into_iter();
        let mut grounds: Vec<_> = groups.map(AccessGround::Group).collect();
        grounds.extend(roles.map(AccessGround::Role));
        if self.names(user) {
            grounds.push(AccessGround::User);
        }
        grounds
    }

    /// What is wrong with it, at members of `access`.
    pub(crate) fn faults(&self) -> Vec<FieldError> {
        let lists = [
            ("groups", &self.groups),
            ("roles", &self.roles),
            ("users", &self.users),
        ];
        let mut faults = Vec::new();
        for (name, list) in lists {
            let of = |problem: String, id| FieldError::new(name, problem).id(id).within("access");
            if list.len() > MOST_ADMITTED {
                let problem = format!("access.{name} has at most {MOST_ADMITTED} entries");
                let fault = of(problem, "access-most").with("most", MOST_ADMITTED.to_string());
                faults.push(fault.fix("put the users into a group, and admit the group"));
            }
            let wrong = |entry: &&String| {
                entry.is_empty() || entry.len() > LONGEST || entry.chars().any(char::is_control)
            };
            if let Some(entry) = list.iter().find(wrong) {
                let problem = format!(
                    "access.{name} has {entry:?}: an entry has 1 to {LONGEST} bytes and no control characters"
                );
                let fault = of(problem, "access-entry").with("longest", LONGEST.to_string());
                faults.push(fault.with("entry", entry));
            }
        }
        faults
    }
}
