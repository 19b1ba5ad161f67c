//! What stands on every page: where one is, who one is, and how moments are written.

use latchkey_protocol::Timestamp;
use latchkey_ui::{Words, render::display_name};
use time::OffsetDateTime;

use crate::{shell, visit::Visit};

/// The places of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Users,
    Clients,
    Sessions,
    Deliveries,
    Refusals,
    Keys,
    Audit,
}

/// A line of the navigation.
pub struct Link {
    pub section: Section,
    pub path: &'static str,
    pub text: &'static str,
}

/// The navigation, in groups with a heading.
const GROUPS: &[(Option<&str>, &[Link])] = &[
    (
        None,
        &[Link {
            section: Section::Overview,
            path: "/admin",
            text: "console-overview",
        }],
    ),
    (
        Some("console-group-people"),
        &[
            Link {
                section: Section::Users,
                path: "/admin/users",
                text: "console-users",
            },
            Link {
                section: Section::Clients,
                path: "/admin/clients",
                text: "console-clients",
            },
        ],
    ),
    (
        Some("console-group-live"),
        &[
            Link {
                section: Section::Sessions,
                path: "/admin/sessions",
                text: "console-sessions",
            },
            Link {
                section: Section::Deliveries,
                path: "/admin/deliveries",
                text: "console-deliveries",
            },
            Link {
                section: Section::Refusals,
                path: "/admin/refusals",
                text: "console-refusals",
            },
        ],
    ),
    (
        Some("console-group-system"),
        &[
            Link {
                section: Section::Keys,
                path: "/admin/keys",
                text: "console-keys",
            },
            Link {
                section: Section::Audit,
                path: "/admin/audit",
                text: "console-audit",
            },
        ],
    ),
];

/// The frame of a page.
pub struct Frame<'a> {
    pub words: Words,
    pub base: &'a str,
    pub section: Section,
    pub name: &'a str,
    pub email: &'a str,
    /// What may be done besides reading.
    pub may_change: bool,
    pub sign_out: String,
    /// The call of the administration API that does the same.
    pub call: Option<String>,
    /// What has just been done.
    pub notice: Option<String>,
    pub groups: &'static [(Option<&'static str>, &'static [Link])],
}

impl<'a> Frame<'a> {
    /// Of a page of `section`.
    pub fn new(visit: &'a Visit<'_>, section: Section) -> Self {
        let words = visit.arrival.words();
        Self {
            words,
            base: visit.arrival.base(),
            section,
            name: display_name(&visit.user),
            email: visit.user.email.as_deref().unwrap_or_default(),
            may_change: visit.may_change(),
            sign_out: visit.token("/admin/sign-out"),
            call: shell::call(visit),
            notice: notice(visit, words),
            groups: GROUPS,
        }
    }

    pub fn say(&self, id: &str) -> String {
        self.words.say(id)
    }

    pub fn with(&self, id: &str, name: &str, value: &str) -> String {
        self.words.say_with(id, name, value)
    }
}

/// What a page that was left by a form says of it. Anyone can write an address: only words that are known are said.
fn notice(visit: &Visit<'_>, words: Words) -> Option<String> {
    let query = visit.arrival.query();
    let done = query.optional("done")?;
    let known = done.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    known.then(|| words.find(&format!("console-done-{done}"), None))?
}

/// A moment as pages write it, to the minute.
pub fn utc(at: Timestamp) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(at.as_seconds()) else {
        return at.as_seconds().to_string();
    };
    let (date, time) = (at.date(), at.time());
    format!("{date} {:02}:{:02} UTC", time.hour(), time.minute())
}

/// Leaves as many as a page shows, of a list that was asked for one more. Whether there are more.
pub fn cut<T>(listed: &mut Vec<T>, most: i64) -> bool {
    let most = usize::try_from(most).unwrap_or_default();
    let goes_on = listed.len() > most;
    listed.truncate(most);
    goes_on
}

/// A count as pages write it: 1,234,567.
pub fn number(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut text = if count < 0 {
        "-".to_owned()
    } else {
        String::new()
    };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_to_the_minute_and_never_fail() {
        let at = |seconds| utc(Timestamp::from_seconds(seconds));
        assert_eq!(at(1_800_000_000), "2027-01-15 08:00 UTC");
        assert_eq!(at(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn counts_are_written_in_groups_of_three_digits() {
        let written = [0, 999, 1000, 1_234_567, -12_345].map(number);
        assert_eq!(written, ["0", "999", "1,000", "1,234,567", "-12,345"]);
    }
}
